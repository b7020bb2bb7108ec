//! What every file says of itself, what no file may hold, and whether the README's map is true.

use std::fs;

use super::{expect_none, root, rust_files};

#[test]
fn every_file_says_what_it_is() {
    let silent = rust_files("crates")
        .into_iter()
        .chain(rust_files("tests"))
        .filter(|(_, text)| !text.starts_with("//!"))
        .map(|(name, _)| name);
    expect_none("a file begins with what it is (//!)", &silent.collect::<Vec<_>>());
}

#[test]
fn nothing_is_left_for_later() {
    let words = ["TO".to_owned() + "DO", "FIX".to_owned() + "ME", "X".to_owned() + "XX"];
    let mut faults = Vec::new();
    for (name, text) in rust_files("crates").into_iter().chain(rust_files("tests")) {
        for (number, line) in text.lines().enumerate() {
            if words.iter().any(|word| line.contains(word.as_str())) {
                faults.push(format!("{name}:{}", number + 1));
            }
        }
    }
    expect_none("work is finished or left out, never marked", &faults);
}

#[test]
fn the_readme_names_every_room_and_leads_nowhere_else() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let mut faults = Vec::new();
    for entry in fs::read_dir(root().join("crates")).unwrap() {
        let room = entry.unwrap().file_name().into_string().unwrap();
        if !readme.contains(&format!("(crates/{room})")) {
            faults.push(format!("crates/{room} is not on the map"));
        }
    }
    for link in readme.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
        let path = link.split('#').next().unwrap_or_default();
        if !link.starts_with("http") && !path.is_empty() && !root().join(path).exists() {
            faults.push(format!("{link} does not exist"));
        }
    }
    expect_none("the README's map", &faults);
}
