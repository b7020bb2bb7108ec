//! Addresses from outside: real ones taken apart, and noisy ones matched to the places they were made from.
#![allow(clippy::unwrap_used)]

mod meaning;
mod noise;
mod noisy;
mod shanghai;
mod tainan;
mod town;

use std::path::{Path, PathBuf};

/// A file of the shared data: in `$WANGGE_DATA`, or where the workplace keeps it; `None` where it is missing, which
/// in CI is a failure.
fn data(name: &str) -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let path = std::env::var_os("WANGGE_DATA").map_or_else(beside, PathBuf::from).join(name);
    if path.exists() {
        return Some(path);
    }
    assert!(std::env::var_os("CI").is_none(), "{} is missing, and CI does not skip", path.display());
    println!("SKIPPED: {} is missing; set WANGGE_DATA", path.display());
    None
}
