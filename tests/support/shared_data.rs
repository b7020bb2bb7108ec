//! Where the real data is that tests read. It is never part of the repository, because it is others' work.
//!
//! One rule for all tests, so one file: the packages below this one cannot use it as a crate and include it by its path.

use std::path::{Path, PathBuf};

/// A file of the shared data: `$WANGGE_DATA/name`, by default `shared/data/name` in the nearest folder above that has it.
///
/// Where the file is missing a test says so and passes, so that a clone without the data can be tested. In CI (`CI` is
/// set) it fails: a check that quietly checks nothing is worse than none.
pub fn data(name: &str) -> Option<PathBuf> {
    let above = || Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().map(|folder| folder.join("shared/data"));
    let folder = std::env::var_os("WANGGE_DATA").map(PathBuf::from).or_else(|| above().find(|folder| folder.is_dir()));
    let path = folder.unwrap_or_else(|| PathBuf::from("shared/data")).join(name);
    if path.exists() {
        return Some(path);
    }
    let missing = format!("{} is missing; set WANGGE_DATA to the folder of the shared data", path.display());
    assert!(std::env::var_os("CI").is_none(), "{missing}. In CI no test may be skipped");
    println!("SKIPPED: {missing}");
    None
}
