//! Files and functions that can be read in one sitting.

use super::{expect_none, rust_files};

const FILE_LINES_MAX: usize = 500;
const FUNCTION_LINES_MAX: usize = 70;

#[test]
fn no_file_is_longer_than_a_sitting() {
    let long = rust_files("crates")
        .into_iter()
        .chain(rust_files("tests"))
        .map(|(name, text)| (name, text.lines().count()))
        .filter(|(_, lines)| *lines > FILE_LINES_MAX)
        .map(|(name, lines)| format!("{name} has {lines} lines"));
    expect_none(&format!("a file has at most {FILE_LINES_MAX} lines"), &long.collect::<Vec<_>>());
}

#[test]
fn no_function_is_longer_than_a_screen() {
    let mut faults = Vec::new();
    for (name, text) in rust_files("crates") {
        let mut open: Option<(usize, usize, String)> = None;
        for (number, line) in text.lines().enumerate() {
            let indent = line.len() - line.trim_start().len();
            // rustfmt puts a function's closing brace at the indent of its first line.
            match &open {
                Some((at, begin, head)) if line.trim_end() == format!("{}}}", " ".repeat(*at)) => {
                    if number - begin > FUNCTION_LINES_MAX {
                        faults.push(format!("{name}:{}: {head} has {} lines", begin + 1, number - begin));
                    }
                    open = None;
                }
                None if is_function(line.trim_start()) && !line.trim_end().ends_with(['}', ';']) => {
                    open = Some((indent, number, line.trim().to_owned()));
                }
                _ => {}
            }
        }
    }
    expect_none(&format!("a function has at most {FUNCTION_LINES_MAX} lines"), &faults);
}

fn is_function(line: &str) -> bool {
    let mut words = line.split(' ').skip_while(|word| {
        matches!(*word, "pub" | "pub(crate)" | "pub(super)" | "const" | "async") || word.starts_with("pub(in")
    });
    words.next() == Some("fn")
}
