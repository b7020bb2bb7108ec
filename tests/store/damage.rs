//! Damaged files, through the public commands: what can be healed is healed, loudly; the rest is refused in words.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use api::events::v1::{Event, EventFilter};
use tests::{Caller, WHOLE_LIFE, list_all, live, report_at};

use crate::ledger::scrub;
use crate::product::{Served, install, run};

/// A directory with 30 events in it, and what a list said of them.
async fn a_directory() -> (tempfile::TempDir, PathBuf, Vec<Event>) {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let server = Served::start(&data);
    let caller = server.administrator().await;
    install(&caller).await;
    for number in 0..30_usize {
        let (x, y) = ((number % 4) as f64 + 0.5, (number / 8) as f64 + 0.5);
        live(&caller, report_at(x, y), &WHOLE_LIFE[..number % 2]).await;
    }
    let events = all(&caller).await;
    server.stop();
    (folder, data, events)
}

async fn all(caller: &Caller) -> Vec<Event> {
    list_all(caller, &EventFilter::default(), 1_000).await.0
}

/// Starts a server on the directory, and fails unless it knows exactly these events and is sound.
async fn holds(data: &Path, events: &[Event]) {
    let server = Served::start(data);
    let caller = server.administrator().await;
    assert_eq!(all(&caller).await, events);
    scrub(&caller).await;
    live(&caller, report_at(0.5, 0.5), &[]).await;
    server.stop();
}

/// What a server says that refuses to start.
fn refuses(data: &Path) -> String {
    match Served::start_behind(&[], data, data) {
        Ok(_) => panic!("the server started on a damaged directory"),
        Err(said) => said,
    }
}

/// Every file below a directory, largest first.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.path().is_dir() {
            found.extend(files(&entry.path()));
        } else {
            found.push(entry.path());
        }
    }
    found.sort_by_key(|path| std::cmp::Reverse(fs::metadata(path).map_or(0, |data| data.len())));
    found
}

fn journal(data: &Path) -> PathBuf {
    let is_segment = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "journal");
    files(&data.join("events")).into_iter().find(is_segment).expect("events has a journal")
}

fn flip(path: &Path, offset: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[offset] ^= 0x10;
    fs::write(path, bytes).unwrap();
}

#[tokio::test]
async fn a_flipped_byte_in_the_middle_of_the_journal_is_refused_with_file_and_offset() {
    let (_folder, data, events) = a_directory().await;
    let path = journal(&data);
    let middle = fs::read(&path).unwrap().len() / 2;
    flip(&path, middle);
    let said = refuses(&data);
    assert!(said.contains(path.file_name().unwrap().to_str().unwrap()), "the file is named: {said}");
    let offset_named = said
        .split(|character: char| !character.is_ascii_digit())
        .any(|number| number.parse::<usize>().is_ok_and(|number| number > 0 && number <= middle));
    assert!(offset_named, "the offset (at most {middle}) is named: {said}");
    let verified = run(&["verify", "--data", data.to_str().unwrap()]);
    assert!(!verified.succeeded, "{verified:?}");
    flip(&path, middle);
    holds(&data, &events).await;
}

#[tokio::test]
async fn a_torn_tail_of_the_journal_is_cut_and_the_server_starts() {
    let (_folder, data, events) = a_directory().await;
    let path = journal(&data);
    let whole = fs::metadata(&path).unwrap().len();
    // The beginning of a frame whose rest never reached the disk.
    let torn = fs::read(&path).unwrap()[36..36 + 23].to_vec();
    OpenOptions::new().append(true).open(&path).unwrap().write_all(&torn).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().len(), whole + 23);
    holds(&data, &events).await;
}

#[tokio::test]
async fn a_lost_index_is_built_again_and_the_log_says_so() {
    let (_folder, data, events) = a_directory().await;
    let journal = journal(&data);
    let store = data.join("events");
    // Everything but the journal and the two text files is the index.
    for entry in fs::read_dir(&store).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() && !journal.starts_with(&path) {
            fs::remove_dir_all(path).unwrap();
        }
    }
    let verified = run(&["verify", "--data", data.to_str().unwrap()]);
    assert!(verified.succeeded, "{verified:?}");
    let words = verified.words.to_lowercase();
    assert!(words.contains("index") || words.contains("nothing is wrong"), "{verified:?}");
    holds(&data, &events).await;
}

#[tokio::test]
async fn a_damaged_index_heals_or_is_refused_and_never_answers_wrongly() {
    let (_folder, data, events) = a_directory().await;
    let journal = journal(&data);
    let is_index = |path: &&PathBuf| path.parent() != journal.parent() && path.parent() != Some(&data.join("events"));
    let of_index: Vec<PathBuf> = files(&data.join("events")).iter().filter(is_index).cloned().collect();
    let largest = of_index.first().expect("the index has files");
    let mut bytes = fs::read(largest).unwrap();
    // The file as a broken disk would give it back: a whole page of it is noise.
    let middle = bytes.len() / 4;
    let end = (middle + 4_096).min(bytes.len());
    for (place, byte) in bytes[middle..end].iter_mut().enumerate() {
        *byte = u8::try_from(place * 37 % 251).unwrap();
    }
    fs::write(largest, bytes).unwrap();
    match Served::start_behind(&[], &data, &data) {
        Ok(server) => {
            let caller = server.administrator().await;
            assert_eq!(all(&caller).await, events, "healed, or untouched by the noise");
        }
        Err(said) => assert!(said.contains("error:") && said.len() > 40, "refused in words: {said}"),
    }
    let rebuilt = run(&["rebuild", "--data", data.to_str().unwrap()]);
    assert!(rebuilt.succeeded, "{rebuilt:?}");
    holds(&data, &events).await;
}

#[tokio::test]
async fn a_missing_journal_is_refused_and_nothing_is_started_empty() {
    let (_folder, data, events) = a_directory().await;
    let path = journal(&data);
    let aside = data.join("aside");
    fs::rename(&path, &aside).unwrap();
    let said = refuses(&data);
    assert!(said.to_lowercase().contains("journal"), "{said}");
    fs::rename(&aside, &path).unwrap();
    holds(&data, &events).await;
}

#[tokio::test]
async fn a_second_server_on_a_directory_is_refused_and_the_first_goes_on() {
    let (_folder, data, _) = a_directory().await;
    let server = Served::start(&data);
    let said = refuses(&data);
    assert!(said.contains("another") || said.contains("in use"), "in words: {said}");
    let verified = run(&["verify", "--data", data.to_str().unwrap()]);
    assert!(!verified.succeeded, "at rest means at rest: {verified:?}");
    let caller = server.administrator().await;
    live(&caller, report_at(0.5, 0.5), &WHOLE_LIFE).await;
    server.stop();
}

#[tokio::test]
async fn an_index_can_be_rebuilt_on_another_engine_and_made_small() {
    let (_folder, data, events) = a_directory().await;
    let directory = data.to_str().unwrap();
    let compacted = run(&["compact", "--data", directory]);
    assert!(compacted.succeeded, "{compacted:?}");
    holds(&data, &events).await;
    let rebuilt = run(&["rebuild", "--data", directory, "--engine", "fjall"]);
    assert!(rebuilt.succeeded, "{rebuilt:?}");
    let refused = refuses(&data);
    assert!(refused.contains("fjall"), "the engine it has is named: {refused}");
    let verified = run(&["verify", "--data", directory]);
    assert!(verified.succeeded && verified.words.contains("nothing is wrong"), "{verified:?}");
    let back = run(&["rebuild", "--data", directory, "--engine", "sled"]);
    assert!(back.succeeded, "{back:?}");
    let server = Served::start(&data);
    let caller = server.administrator().await;
    assert_eq!(all(&caller).await.len(), events.len() + 1);
    scrub(&caller).await;
}
