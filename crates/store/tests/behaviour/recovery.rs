//! Starting on what is left: torn, damaged, missing and foreign files.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use base::{Error, Kind};
use store::disk::Disk;
use store::simulation::SimulatedDisk;
use store::{Options, Store};

use crate::cases::*;

fn options(disk: &SimulatedDisk) -> Options {
    Options { disk: Arc::new(disk.clone()), segment_bytes: 4_000, ..Options::at("/store").clock(clock()) }
}

/// A closed store with 100 cases in many journal files.
fn filled(disk: &SimulatedDisk) -> Vec<Case> {
    let store = Store::open("cases", SCHEMA, options(disk)).unwrap();
    for id in 0..100 {
        put(&store, case(id, 1, 1)).unwrap();
    }
    store.close().unwrap();
    all(&store)
}

fn reopen(disk: &SimulatedDisk) -> Result<Vec<Case>, Error> {
    Store::open("cases", SCHEMA, options(disk)).map(|store| {
        assert!(store.scrub(&mut |_| ()).unwrap().is_clean());
        all(&store)
    })
}

fn segments(disk: &SimulatedDisk) -> Vec<PathBuf> {
    let segments = disk.files_ending(".journal");
    assert!(segments.len() > 3, "the journal has several files");
    segments
}

fn length(disk: &SimulatedDisk, path: &Path) -> u64 {
    disk.open(path, false).unwrap().len().unwrap()
}

#[test]
fn a_frame_that_was_never_finished_is_cut_off() {
    let disk = SimulatedDisk::new(1);
    let cases = filled(&disk);
    let last = segments(&disk).pop().unwrap();
    let whole = length(&disk, &last);
    let file = disk.open(&last, false).unwrap();
    // The beginning of a copy of the first frame, as an append that the power ended.
    let mut torn = vec![0; 70];
    file.read_at(&mut torn, 36).unwrap();
    file.write_at(&torn, whole).unwrap();
    assert_eq!(reopen(&disk).unwrap(), cases);
    assert_eq!(length(&disk, &last), whole);
}

#[test]
fn a_flipped_bit_anywhere_before_the_last_frame_is_refused_with_its_place() {
    let disk = SimulatedDisk::new(2);
    filled(&disk);
    let mut random = fastrand::Rng::with_seed(2);
    let segments = segments(&disk);
    for _ in 0..60 {
        let segment = &segments[random.usize(0..segments.len() - 1)];
        let offset = random.u64(0..length(&disk, segment));
        disk.flip_bit(segment, offset, 3);
        let refused = reopen(&disk).unwrap_err();
        assert_eq!((refused.kind(), refused.reason()), (Kind::Corrupt, "JOURNAL_DAMAGED"), "offset {offset}");
        assert!(refused.message().contains(&segment.display().to_string()), "{}", refused.message());
        disk.flip_bit(segment, offset, 3);
    }
    reopen(&disk).unwrap();
}

#[test]
fn a_flipped_bit_in_the_newest_file_is_refused_and_never_cut() {
    let disk = SimulatedDisk::new(3);
    filled(&disk);
    let last = segments(&disk).pop().unwrap();
    // Also in the very last frame: it was acknowledged, so it cannot be a torn one.
    for offset in 0..length(&disk, &last) {
        disk.flip_bit(&last, offset, 5);
        let refused = reopen(&disk).unwrap_err();
        assert_eq!(refused.kind(), Kind::Corrupt, "offset {offset}: {refused:?}");
        disk.flip_bit(&last, offset, 5);
    }
    reopen(&disk).unwrap();
}

#[test]
fn a_journal_that_lost_its_end_is_refused() {
    let disk = SimulatedDisk::new(4);
    filled(&disk);
    let last = segments(&disk).pop().unwrap();
    let file = disk.open(&last, false).unwrap();
    file.set_len(file.len().unwrap() - 20).unwrap();
    let refused = reopen(&disk).unwrap_err();
    assert_eq!((refused.kind(), refused.reason()), (Kind::Corrupt, "JOURNAL_DAMAGED"));
    assert!(refused.message().contains("was acknowledged"), "{}", refused.message());
}

#[test]
fn what_the_checkpoint_says_was_durable_is_not_cut_off_as_torn() {
    let disk = SimulatedDisk::new(12);
    let cases = filled(&disk);
    // After a power cut the note of what was acknowledged may be old.
    disk.remove(&PathBuf::from("/store/journal/acknowledged")).unwrap();
    let last = segments(&disk).pop().unwrap();
    let length_before = length(&disk, &last);
    disk.flip_bit(&last, length_before - 1, 5);
    let refused = reopen(&disk).unwrap_err();
    assert_eq!((refused.kind(), refused.reason()), (Kind::Corrupt, "JOURNAL_DAMAGED"));
    assert_eq!(length(&disk, &last), length_before, "nothing was changed");
    disk.flip_bit(&last, length_before - 1, 5);
    assert_eq!(reopen(&disk).unwrap(), cases);
}

#[test]
fn a_missing_journal_is_refused_and_never_begun_anew() {
    let disk = SimulatedDisk::new(5);
    filled(&disk);
    for segment in segments(&disk) {
        disk.remove(&segment).unwrap();
    }
    assert_eq!(reopen(&disk).unwrap_err().reason(), "JOURNAL_MISSING");
    disk.remove(&PathBuf::from("/store/index")).unwrap();
    disk.remove(&PathBuf::from("/store/checkpoint")).unwrap();
    assert_eq!(reopen(&disk).unwrap_err().reason(), "JOURNAL_MISSING");
    disk.remove(&PathBuf::from("/store/manifest")).unwrap();
    let refused = reopen(&disk).unwrap_err();
    assert_eq!(refused.reason(), "MANIFEST_MISSING", "what is left of the journal's folder tells");
}

#[test]
fn a_missing_file_in_the_middle_of_the_journal_is_refused() {
    let disk = SimulatedDisk::new(6);
    filled(&disk);
    disk.remove(&segments(&disk)[1]).unwrap();
    assert_eq!(reopen(&disk).unwrap_err().reason(), "JOURNAL_DAMAGED");
}

#[test]
fn an_index_that_has_seen_more_than_the_journal_is_refused() {
    let disk = SimulatedDisk::new(7);
    filled(&disk);
    let last = segments(&disk).pop().unwrap();
    disk.remove(&last).unwrap();
    disk.remove(&PathBuf::from("/store/journal/acknowledged")).unwrap();
    let refused = reopen(&disk).unwrap_err();
    assert_eq!((refused.kind(), refused.reason()), (Kind::Corrupt, "INDEX_AHEAD"));
    // Without the checkpoint file the mark inside the index tells the same.
    disk.remove(&PathBuf::from("/store/checkpoint")).unwrap();
    assert_eq!(reopen(&disk).unwrap_err().reason(), "INDEX_AHEAD");
}

#[test]
fn a_missing_index_is_built_from_the_journal() {
    let disk = SimulatedDisk::new(8);
    let cases = filled(&disk);
    disk.remove(&PathBuf::from("/store/index")).unwrap();
    assert_eq!(reopen(&disk).unwrap(), cases);
}

#[test]
fn a_damaged_sled_index_is_moved_aside_and_built_again() {
    let directory = tempfile::tempdir().unwrap();
    let options = Options::at(directory.path());
    let store = Store::open("cases", SCHEMA, options.clone()).unwrap();
    for id in 0..300 {
        put(&store, case(id, 1, 1)).unwrap();
    }
    store.close().unwrap();
    let cases = all(&store);
    drop(store);
    let (snapshots, db): (Vec<_>, Vec<_>) = std::fs::read_dir(directory.path().join("index"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .partition(|path| path.file_name().unwrap().to_string_lossy().starts_with("snap."));
    assert!(!db.is_empty());
    for path in snapshots {
        std::fs::write(path, b"not a snapshot of sled at all, but long enough to be read as one").unwrap();
    }
    let db = directory.path().join("index/db");
    let mut content = std::fs::read(&db).unwrap();
    content.iter_mut().for_each(|byte| *byte ^= 0x5A);
    std::fs::write(&db, content).unwrap();
    let store = Store::open("cases", SCHEMA, options).unwrap();
    assert_eq!(all(&store), cases);
    assert!(store.scrub(&mut |_| ()).unwrap().is_clean());
    assert!(directory.path().join("index.damaged").exists(), "the damaged one is kept for whoever wants to know why");
}

#[test]
fn an_index_that_lost_what_was_checkpointed_is_built_again() {
    let disk = SimulatedDisk::new(9);
    let cases = filled(&disk);
    // An index of this store, from an earlier time, put back by somebody.
    let engine = disk.open_engine(store::EngineKind::Sled, &PathBuf::from("/store/index"), 0).unwrap();
    let mark = (bytes::Bytes::from_static(b"\0mark"), Some(bytes::Bytes::copy_from_slice(&3_u64.to_be_bytes())));
    engine.apply(&[mark, (bytes::Bytes::from_static(&[1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 50]), None)]).unwrap();
    engine.sync().unwrap();
    assert_eq!(reopen(&disk).unwrap(), cases);
}

#[test]
fn a_journal_of_another_store_is_refused() {
    let disk = SimulatedDisk::new(10);
    filled(&disk);
    let other = SimulatedDisk::new(11);
    let later = Arc::new(base::ManualClock::at(origin().time.plus_seconds(60)));
    let foreign = Store::open("cases", SCHEMA, Options { clock: later, ..options(&other) }).unwrap();
    put(&foreign, case(1, 1, 1)).unwrap();
    drop(foreign);
    let first = segments(&disk).remove(0);
    let copy = other.open(&first, false).unwrap();
    let mut content = vec![0; usize::try_from(copy.len().unwrap()).unwrap()];
    copy.read_at(&mut content, 0).unwrap();
    let file = disk.open(&first, true).unwrap();
    file.write_at(&content, 0).unwrap();
    assert_eq!(reopen(&disk).unwrap_err().reason(), "JOURNAL_FOREIGN");
}
