//! Snapshots, restore, rebuild, compact, verify, and the end of the feed's memory.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use base::{Kind, ManualClock};
use store::disk::Disk;
use store::simulation::SimulatedDisk;
use store::{EngineKind, Options, Store};

use crate::cases::*;
use crate::ledger::{self, LEDGER};

fn on(disk: &SimulatedDisk, directory: &str) -> Options {
    Options {
        disk: Arc::new(disk.clone()),
        segment_bytes: 20_000,
        memtable_bytes: 30_000,
        flush_after: Duration::from_millis(5),
        ..Options::at(directory).clock(clock())
    }
}

#[test]
fn a_snapshot_taken_while_others_write_is_one_moment_and_can_be_restored() {
    let disk = SimulatedDisk::new(1);
    let store = Store::open("cases", LEDGER, on(&disk, "/store")).unwrap();
    let mut snapshots = Vec::new();
    std::thread::scope(|scope| {
        for writer in 0..8 {
            let store = &store;
            scope.spawn(move || (0..120).for_each(|number| drop(ledger::make(store, writer, number).unwrap())));
        }
        for _ in 0..6 {
            let before = all(&store).len();
            let mut bytes = Vec::new();
            let summary = store.snapshot(&mut bytes, &mut |_| ()).unwrap();
            snapshots.push((before, summary, bytes));
        }
    });
    for (number, (before, summary, bytes)) in snapshots.iter().enumerate() {
        assert_eq!(summary.bytes, bytes.len() as u64);
        let options = on(&disk, &format!("/restored{number}"));
        assert_eq!(store::restore(&mut &bytes[..], &options, &mut |_| ()).unwrap().sequence, summary.sequence);
        let restored = Store::open("cases", LEDGER, options).unwrap();
        assert!(all(&restored).len() >= *before, "everything committed before the snapshot is in it");
        ledger::check(&restored, &BTreeMap::new());
        assert_eq!(restored.head(), summary.sequence);
        assert_ne!(restored.identity(), store.identity());
        ledger::make(&restored, 99, 0).unwrap();
        assert_eq!(restored.head(), summary.sequence + 1);
        assert_eq!(restored.feed(0, 10).unwrap_err().reason(), "CURSOR_COMPACTED");
    }
}

#[test]
fn a_damaged_snapshot_is_refused_wherever_it_is_damaged() {
    let disk = SimulatedDisk::new(2);
    let store = Store::open("cases", LEDGER, on(&disk, "/store")).unwrap();
    (0..20).for_each(|number| drop(ledger::make(&store, 0, number).unwrap()));
    let mut bytes = Vec::new();
    store.snapshot(&mut bytes, &mut |_| ()).unwrap();
    let mut random = fastrand::Rng::with_seed(2);
    for attempt in 0..100 {
        let mut damaged = bytes.clone();
        if attempt % 4 == 0 {
            damaged.truncate(random.usize(0..bytes.len()));
        } else {
            damaged[random.usize(0..bytes.len())] ^= 1 << random.u8(0..8);
        }
        let options = on(&disk, &format!("/restored{attempt}"));
        let refused = store::restore(&mut &damaged[..], &options, &mut |_| ()).unwrap_err();
        assert_eq!(refused.kind(), Kind::Corrupt, "{refused:?}");
        if !disk.files_ending(&format!("/restored{attempt}/manifest")).is_empty() {
            let refused = Store::open("cases", LEDGER, options).map(drop).unwrap_err();
            assert_eq!(refused.reason(), "RESTORE_UNFINISHED");
        }
    }
}

#[test]
fn a_restore_goes_only_into_an_empty_directory() {
    let disk = SimulatedDisk::new(3);
    let store = Store::open("cases", LEDGER, on(&disk, "/store")).unwrap();
    let mut bytes = Vec::new();
    store.snapshot(&mut bytes, &mut |_| ()).unwrap();
    drop(store);
    let refused = store::restore(&mut &bytes[..], &on(&disk, "/store"), &mut |_| ()).unwrap_err();
    assert_eq!(refused.reason(), "DIRECTORY_NOT_EMPTY");
}

#[test]
fn snapshots_let_old_journal_files_go_and_then_old_cursors_expire() {
    let disk = SimulatedDisk::new(4);
    let clock = Arc::new(ManualClock::at(origin().time));
    let options = Options { clock: Arc::clone(&clock) as _, ..on(&disk, "/store") };
    let store = Store::open("cases", LEDGER, options.clone()).unwrap();
    (0..200).for_each(|number| drop(ledger::make(&store, 0, number).unwrap()));
    store.snapshot_in_directory(&mut |_| ()).unwrap();
    assert_eq!(store.status().unwrap().journal_start, 1, "the feed's retention has not passed");
    store.checkpoint().unwrap();
    clock.advance_seconds(8 * 86_400);
    assert!(store.compact_journal().unwrap() > 0);
    let start = store.status().unwrap().journal_start;
    assert!(start > 1);
    assert_eq!(store.feed(start - 2, 10).unwrap_err().kind(), Kind::Expired);
    assert_eq!(store.feed(start - 1, 10).unwrap()[0].sequence, start);
    ledger::make(&store, 0, 200).unwrap();
    store.close().unwrap();
    drop(store);
    // Now the journal alone is not enough; with the snapshot it is.
    disk_remove(&disk, "/store/index");
    let store = Store::open("cases", LEDGER, options.clone()).unwrap();
    ledger::check(&store, &BTreeMap::from([(0, 201)]));
    drop(store);
    disk_remove(&disk, "/store/index");
    disk_remove(&disk, "/store/snapshots");
    let refused = Store::open("cases", LEDGER, options).map(drop).unwrap_err();
    assert_eq!((refused.kind(), refused.reason()), (Kind::Corrupt, "INDEX_LOST"));
}

#[test]
fn journal_files_that_the_index_still_needs_stay_although_a_snapshot_covers_them() {
    let disk = SimulatedDisk::new(8);
    let clock = Arc::new(ManualClock::at(origin().time));
    let calm = Options { flush_after: Duration::from_secs(600), memtable_bytes: 1 << 30, ..on(&disk, "/store") };
    let options = Options { clock: Arc::clone(&clock) as _, ..calm };
    let store = Store::open("cases", LEDGER, options.clone()).unwrap();
    (0..200).for_each(|number| drop(ledger::make(&store, 0, number).unwrap()));
    store.snapshot_in_directory(&mut |_| ()).unwrap();
    clock.advance_seconds(8 * 86_400);
    assert_eq!(store.compact_journal().unwrap(), 0);
    drop(store);
    let store = Store::open("cases", LEDGER, options).unwrap();
    ledger::check(&store, &BTreeMap::from([(0, 200)]));
    assert!(!disk.exists(Path::new("/store/index.damaged")).unwrap(), "the index was sound and is used");
    store.checkpoint().unwrap();
    assert!(store.compact_journal().unwrap() > 0);
}

#[test]
fn a_restore_that_waited_for_another_one_does_not_write_over_it() {
    let disk = SimulatedDisk::new(9);
    let store = Store::open("cases", LEDGER, on(&disk, "/store")).unwrap();
    let mut bytes = Vec::new();
    store.snapshot(&mut bytes, &mut |_| ()).unwrap();
    let other = disk.lock(Path::new("/restored/lock")).unwrap();
    let options = on(&disk, "/restored");
    let waiting = std::thread::spawn(move || store::restore(&mut &bytes[..], &options, &mut |_| ()));
    std::thread::sleep(Duration::from_millis(100));
    drop(disk.open(Path::new("/restored/manifest"), true).unwrap());
    drop(other);
    assert_eq!(waiting.join().unwrap().unwrap_err().reason(), "DIRECTORY_NOT_EMPTY");
}

fn disk_remove(disk: &SimulatedDisk, path: &str) {
    disk.remove(Path::new(path)).unwrap();
}

#[test]
fn a_damaged_snapshot_in_the_directory_is_passed_over_for_the_one_before() {
    let disk = SimulatedDisk::new(5);
    let store = Store::open("cases", LEDGER, on(&disk, "/store")).unwrap();
    for round in 0..3 {
        ledger::make(&store, 0, round).unwrap();
        store.snapshot_in_directory(&mut |_| ()).unwrap();
    }
    drop(store);
    let snapshots = disk.files_ending(".snapshot");
    assert_eq!(snapshots.len(), 2, "the two newest are kept");
    disk.flip_bit(&snapshots[1], 200, 1);
    disk_remove(&disk, "/store/index");
    ledger::check(&Store::open("cases", LEDGER, on(&disk, "/store")).unwrap(), &BTreeMap::from([(0, 3)]));
}

#[test]
fn rebuild_changes_the_engine_of_a_store_with_its_data() {
    let directory = tempfile::tempdir().unwrap();
    let options = Options::at(directory.path());
    let store = Store::open("cases", LEDGER, options.clone()).unwrap();
    (0..50).for_each(|number| drop(ledger::make(&store, 0, number).unwrap()));
    drop(store);
    for engine in [EngineKind::Fjall, EngineKind::Sled] {
        let options = options.clone().engine(engine);
        store::rebuild(&options).unwrap();
        let store = Store::open("cases", LEDGER, options).unwrap();
        ledger::check(&store, &BTreeMap::from([(0, 50)]));
        drop(store);
        assert!(!directory.path().join("index.old").exists());
    }
}

#[test]
fn a_rebuild_that_cannot_be_done_leaves_everything_as_it_was() {
    let disk = SimulatedDisk::new(6);
    let clock = Arc::new(ManualClock::at(origin().time));
    let options = Options { clock: Arc::clone(&clock) as _, ..on(&disk, "/store") };
    let store = Store::open("cases", LEDGER, options.clone()).unwrap();
    (0..200).for_each(|number| drop(ledger::make(&store, 0, number).unwrap()));
    store.snapshot_in_directory(&mut |_| ()).unwrap();
    store.checkpoint().unwrap();
    clock.advance_seconds(8 * 86_400);
    assert!(store.compact_journal().unwrap() > 0);
    store.close().unwrap();
    drop(store);
    disk_remove(&disk, "/store/snapshots");
    assert_eq!(store::rebuild(&options).unwrap_err().reason(), "INDEX_LOST");
    ledger::check(&Store::open("cases", LEDGER, options).unwrap(), &BTreeMap::from([(0, 200)]));
}

#[test]
fn compacting_gives_space_back_and_keeps_everything() {
    for engine in [EngineKind::Sled, EngineKind::Fjall] {
        let directory = tempfile::tempdir().unwrap();
        let options = Options { memtable_bytes: 100_000, ..Options::at(directory.path()).engine(engine) };
        let store = Store::open("cases", LEDGER, options.clone()).unwrap();
        for round in 0..30_u8 {
            store
                .write_blocking(origin(), move |tx| {
                    (1..60)
                        .try_for_each(|id| CASES.put(tx, &Case { attachment: vec![round; 20_000], ..case(id, 1, 1) }))
                })
                .unwrap();
            store.checkpoint().unwrap();
        }
        let cases = all(&store);
        drop(store);
        let compacted = store::compact(&options, &mut |_| ()).unwrap();
        if engine == EngineKind::Sled {
            assert!(compacted.after * 2 < compacted.before, "{compacted:?}");
        }
        let store = Store::open("cases", LEDGER, options).unwrap();
        assert_eq!(all(&store), cases);
        assert!(!directory.path().join("index.damaged").exists());
        assert!(store.scrub(&mut |_| ()).unwrap().is_clean());
    }
}

#[test]
fn verify_reads_everything_and_finds_damage() {
    let disk = SimulatedDisk::new(7);
    let options = Options { check_bytes: 0, ..on(&disk, "/store") };
    let store = Store::open("cases", LEDGER, options.clone()).unwrap();
    (0..200).for_each(|number| drop(ledger::make(&store, 0, number).unwrap()));
    store.snapshot_in_directory(&mut |_| ()).unwrap();
    store.close().unwrap();
    let head = store.head();
    drop(store);
    let verified = store::verify(&options, LEDGER, &mut |_| ()).unwrap();
    assert_eq!((verified.transactions, verified.snapshots), (head, 1));
    assert!(verified.scrub.is_clean() && verified.scrub.records == 201);
    // An old file that the start did not read.
    let oldest = disk.files_ending(".journal").remove(0);
    disk.flip_bit(&oldest, 5_000, 1);
    drop(Store::open("cases", LEDGER, options.clone()).unwrap());
    let refused = store::verify(&options, LEDGER, &mut |_| ()).unwrap_err();
    assert_eq!((refused.kind(), refused.reason()), (Kind::Corrupt, "JOURNAL_DAMAGED"));
}
