//! Who may use whom. Cargo enforces that nothing else is named; this enforces that the graph stays as the README's map
//! draws it.

use std::fs;

use super::{expect_none, root, rust_files};

/// Each room with the rooms it may use.
const MAY_USE: &[(&str, &[&str])] = &[
    ("base", &[]),
    ("api", &[]),
    ("geometry", &["base"]),
    ("store", &["base"]),
    ("rpc", &["api", "base", "store"]),
    ("registry", &["api", "base", "geometry", "rpc", "store"]),
    ("buildings", REGISTRY),
    ("grids", SERVICE),
    ("staff", SERVICE),
    ("events", SERVICE),
    ("population", REGISTRY),
    ("wangge", &["api", "base", "buildings", "events", "geometry", "grids", "population", "rpc", "staff", "store"]),
];
const SERVICE: &[&str] = &["api", "base", "geometry", "rpc", "store"];
const REGISTRY: &[&str] = &["api", "base", "geometry", "registry", "rpc", "store"];

#[test]
fn no_room_uses_a_room_it_may_not() {
    let rooms: Vec<&str> = MAY_USE.iter().map(|(room, _)| *room).collect();
    let mut faults = Vec::new();
    for entry in fs::read_dir(root().join("crates")).unwrap() {
        let room = entry.unwrap().file_name().into_string().unwrap();
        let Some((_, allowed)) = MAY_USE.iter().find(|(known, _)| *known == room) else {
            faults.push(format!("crates/{room} is not on the map in {}", file!()));
            continue;
        };
        let manifest = fs::read_to_string(root().join("crates").join(&room).join("Cargo.toml")).unwrap();
        for used in manifest.lines().filter_map(|line| line.split(['.', ' ', '=']).next()) {
            // A room may name itself, to test itself with a feature.
            if rooms.contains(&used) && used != room && !allowed.contains(&used) {
                faults.push(format!("{room} uses {used}"));
            }
        }
    }
    expect_none("rooms may only use the rooms below them", &faults);
}

#[test]
fn words_of_a_library_stay_in_their_room() {
    // (what is written, where it may be written)
    let rules: &[(&str, &[&str])] = &[
        ("geo::", &["crates/geometry/"]),
        ("rstar::", &["crates/geometry/"]),
        ("sled::", &["crates/store/src/engine/"]),
        ("fjall::", &["crates/store/src/engine/"]),
        ("clap::", &["crates/wangge/"]),
        ("SystemTime::now", &["crates/base/src/time.rs"]),
    ];
    let mut faults = Vec::new();
    for (name, text) in rust_files("crates") {
        for (number, line) in text.lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            for (word, places) in rules {
                let written = code.match_indices(word).any(|(at, _)| {
                    !code[..at].ends_with(|before: char| before.is_alphanumeric() || before == '_' || before == ':')
                });
                let in_place = places.iter().any(|place| name.starts_with(place));
                let in_tests = name.contains("/benches/") || name.contains("/examples/") || name.contains("/tests");
                if written && !in_place && !in_tests {
                    faults.push(format!("{name}:{}: {word}", number + 1));
                }
            }
        }
    }
    expect_none("these words belong to one room", &faults);
}
