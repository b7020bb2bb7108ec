//! Power cuts on a simulated disk, and disks that run full or fail.

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

fn options(disk: &SimulatedDisk, engine: EngineKind) -> Options {
    Options {
        engine,
        disk: Arc::new(disk.clone()),
        // Small, so that rotation, flushes and checkpoints happen between two cuts.
        segment_bytes: 20_000,
        memtable_bytes: 30_000,
        flush_after: Duration::from_millis(5),
        ..Options::at("/store").clock(clock())
    }
}

/// Cuts the power again and again while writers write; checks after each.
fn survive(seed: u64, engine: EngineKind, writers: u64, cuts: u64) {
    let disk = SimulatedDisk::new(seed);
    let mut random = fastrand::Rng::with_seed(seed);
    let mut acknowledged: BTreeMap<u64, u64> = (0..writers).map(|writer| (writer, 0)).collect();
    for cut in 0..cuts {
        let replay = format!("seed {seed}, cut {cut}, {engine}");
        // Some cuts fall into the start itself.
        disk.cut_after(random.u64(0..400));
        if let Ok(store) = Store::open("cases", LEDGER, options(&disk, engine)) {
            ledger::write_until_it_fails(&store, &mut acknowledged);
        }
        disk.restart();
        let store =
            Store::open("cases", LEDGER, options(&disk, engine)).unwrap_or_else(|error| panic!("{replay}: {error:?}"));
        ledger::check(&store, &acknowledged);
        if random.bool() {
            store.snapshot_in_directory(&mut |_| ()).unwrap();
        }
    }
    assert!(acknowledged.values().sum::<u64>() > 0, "seed {seed}: nothing was ever written");
}

#[test]
fn nothing_acknowledged_is_lost_in_power_cuts_with_an_index_on_disk() {
    for seed in 0..25 {
        survive(seed, EngineKind::Sled, 16, 6);
    }
}

#[test]
fn nothing_acknowledged_is_lost_in_power_cuts_with_an_index_in_memory() {
    for seed in 100..112 {
        survive(seed, EngineKind::Memory, 16, 4);
    }
}

#[test]
fn a_request_that_was_not_answered_has_one_effect_when_it_is_sent_again() {
    for seed in 200..215 {
        let disk = SimulatedDisk::new(seed);
        let mut acknowledged: BTreeMap<u64, u64> = (0..8).map(|writer| (writer, 0)).collect();
        let store = Store::open("cases", LEDGER, options(&disk, EngineKind::Sled)).unwrap();
        disk.cut_after(100 + seed);
        ledger::write_until_it_fails(&store, &mut acknowledged);
        drop(store);
        disk.restart();
        let store = Store::open("cases", LEDGER, options(&disk, EngineKind::Sled)).unwrap();
        for (&writer, &count) in &acknowledged {
            // The one that was under way, perhaps done and perhaps not; and the one before, surely done.
            ledger::make(&store, writer, count).unwrap();
            assert!(ledger::make(&store, writer, count).unwrap().replayed);
            assert!(count == 0 || ledger::make(&store, writer, count - 1).unwrap().replayed);
        }
        let next = acknowledged.iter().map(|(&writer, &count)| (writer, count + 1)).collect();
        ledger::check(&store, &next);
        let made = next.values().sum::<u64>();
        assert_eq!(get(&store, 0).unwrap().amount.unsigned_abs(), made, "seed {seed}: each request has one effect");
    }
}

#[test]
fn a_full_disk_refuses_writes_and_takes_them_again_when_there_is_space() {
    let disk = SimulatedDisk::new(1);
    let calm =
        Options { flush_after: Duration::from_secs(600), memtable_bytes: 1 << 30, ..options(&disk, EngineKind::Sled) };
    let store = Store::open("cases", LEDGER, calm).unwrap();
    ledger::make(&store, 0, 0).unwrap();
    disk.set_capacity(disk.used() + 2_000);
    let mut count = 1;
    let full = loop {
        match ledger::make(&store, 0, count) {
            Ok(_) => count += 1,
            Err(full) => break full,
        }
    };
    assert_eq!((full.kind(), full.reason()), (Kind::Exhausted, "DISK_FULL"));
    assert!(get(&store, ledger::id(0, count)).is_none(), "what was refused is not there");
    assert!(get(&store, ledger::id(0, count - 1)).is_some(), "reads go on");
    disk.set_capacity(u64::MAX);
    ledger::make(&store, 0, count).unwrap();
    let acknowledged = BTreeMap::from([(0, count + 1)]);
    ledger::check(&store, &acknowledged);
    drop(store);
    disk.restart();
    ledger::check(&Store::open("cases", LEDGER, options(&disk, EngineKind::Sled)).unwrap(), &acknowledged);
}

#[test]
fn a_disk_that_is_full_when_a_journal_file_begins_is_survived_too() {
    let disk = SimulatedDisk::new(2);
    let store = Store::open("cases", LEDGER, options(&disk, EngineKind::Memory)).unwrap();
    let mut count = 0;
    for round in 0..40 {
        disk.set_capacity(disk.used() + 50 * round);
        while ledger::make(&store, 0, count).is_ok() {
            count += 1;
        }
        disk.set_capacity(u64::MAX);
        // The flusher may have met the full disk as well; it tries again by itself.
        while ledger::make(&store, 0, count).is_err() {
            std::thread::sleep(Duration::from_millis(20));
        }
        count += 1;
    }
    let acknowledged = BTreeMap::from([(0, count)]);
    ledger::check(&store, &acknowledged);
    drop(store);
    disk.restart();
    ledger::check(&Store::open("cases", LEDGER, options(&disk, EngineKind::Memory)).unwrap(), &acknowledged);
}

#[test]
fn a_failed_sync_stops_all_writing_until_a_restart() {
    let disk = SimulatedDisk::new(3);
    let calm = Options { flush_after: Duration::from_secs(600), ..options(&disk, EngineKind::Memory) };
    let store = Store::open("cases", LEDGER, calm).unwrap();
    ledger::make(&store, 0, 0).unwrap();
    disk.fail_sync_after(0);
    let failed = ledger::make(&store, 0, 1).unwrap_err();
    assert_eq!((failed.kind(), failed.reason()), (Kind::Unavailable, "STORE_POISONED"));
    let later = ledger::make(&store, 0, 1).unwrap_err();
    assert_eq!(later.reason(), "STORE_POISONED");
    assert!(later.message().contains("the disk failed to sync"), "it says why: {}", later.message());
    assert!(store.status().unwrap().refusal.is_some());
    assert!(get(&store, ledger::id(0, 0)).is_some(), "reads go on");
    drop(store);
    disk.restart();
    let store = Store::open("cases", LEDGER, options(&disk, EngineKind::Memory)).unwrap();
    ledger::check(&store, &BTreeMap::from([(0, 1)]));
    ledger::make(&store, 0, 1).unwrap();
}

#[test]
fn what_a_failed_sync_left_in_memory_is_not_trusted_by_a_restart_of_the_process_alone() {
    let disk = SimulatedDisk::new(4);
    let calm = Options { flush_after: Duration::from_secs(600), ..options(&disk, EngineKind::Memory) };
    let store = Store::open("cases", LEDGER, calm.clone()).unwrap();
    ledger::make(&store, 0, 0).unwrap();
    disk.fail_sync_after(0);
    ledger::make(&store, 0, 1).unwrap_err();
    drop(store);
    let store = Store::open("cases", LEDGER, calm.clone()).unwrap();
    (1..4).for_each(|number| drop(ledger::make(&store, 0, number).unwrap()));
    drop(store);
    disk.restart();
    ledger::check(&Store::open("cases", LEDGER, calm).unwrap(), &BTreeMap::from([(0, 4)]));
}

#[test]
fn an_engine_whose_sync_failed_is_not_believed_when_the_next_one_succeeds() {
    let disk = SimulatedDisk::new(5);
    let calm =
        Options { flush_after: Duration::from_secs(600), memtable_bytes: 1 << 30, ..options(&disk, EngineKind::Sled) };
    let store = Store::open("cases", LEDGER, calm.clone()).unwrap();
    ledger::make(&store, 0, 0).unwrap();
    store.checkpoint().unwrap();
    ledger::make(&store, 0, 1).unwrap();
    disk.fail_engine_sync();
    for _ in 0..2 {
        assert_eq!(store.checkpoint().unwrap_err().reason(), "INDEX_IN_DOUBT");
    }
    ledger::make(&store, 0, 2).unwrap();
    drop(store);
    let store = Store::open("cases", LEDGER, calm).unwrap();
    assert!(disk.exists(Path::new("/store/index.damaged")).unwrap(), "it was built again");
    ledger::check(&store, &BTreeMap::from([(0, 3)]));
}

#[test]
fn a_power_cut_while_old_journal_files_are_removed_leaves_no_gap() {
    for seed in 300..330 {
        let disk = SimulatedDisk::new(seed);
        let clock = Arc::new(ManualClock::at(origin().time));
        let options = Options { clock: Arc::clone(&clock) as _, ..options(&disk, EngineKind::Sled) };
        let store = Store::open("cases", LEDGER, options.clone()).unwrap();
        (0..150).for_each(|number| drop(ledger::make(&store, 0, number).unwrap()));
        store.checkpoint().unwrap();
        store.snapshot_in_directory(&mut |_| ()).unwrap();
        clock.advance_seconds(8 * 86_400);
        disk.cut_after(seed % 6);
        drop(store.compact_journal());
        drop(store);
        disk.restart();
        let store = Store::open("cases", LEDGER, options).unwrap_or_else(|error| panic!("seed {seed}: {error:?}"));
        ledger::check(&store, &BTreeMap::from([(0, 150)]));
    }
}

#[test]
fn a_snapshot_that_finds_the_disk_full_gives_its_space_back() {
    let disk = SimulatedDisk::new(6);
    let store = Store::open("cases", LEDGER, options(&disk, EngineKind::Sled)).unwrap();
    (0..100).for_each(|number| drop(ledger::make(&store, 0, number).unwrap()));
    store.checkpoint().unwrap();
    let before = disk.used();
    disk.set_capacity(before + 2_000);
    assert_eq!(store.snapshot_in_directory(&mut |_| ()).unwrap_err().kind(), Kind::Exhausted);
    assert_eq!((disk.used(), disk.files_ending(".partial")), (before, Vec::new()));
}
