//! Schemas that change between two starts, and scrubs that find what is wrong.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use store::disk::Disk;
use store::simulation::SimulatedDisk;
use store::{Aggregate, EngineKind, Index, Key, Options, Scan, Schema, Store, Table};

use crate::cases::*;

/// The same table before it had an index on words and a sum of amounts.
static YOUNG: Table<Case> = Table::new(1, "cases", |case| Key::new().u64(case.id), &[&BY_STATE], &[&COUNTS]);
static YOUNG_SCHEMA: Schema = &[&YOUNG];

/// Another table that takes a number that is in use.
static CLASHING: Table<Case> = Table::new(2, "clashing", |case| Key::new().u64(case.id), &[&OTHER], &[]);
static OTHER: Index<Case> = Index::new(1, "other", |case, out| out.push(Key::new().u32(case.area)));
static FRESH: Aggregate<Case> = Aggregate::new(1, "fresh", |_, out| out.push((Key::new(), 1)));
static CLASHING_TOTALS: Table<Case> = Table::new(3, "totals", |case| Key::new().u64(case.id), &[], &[&FRESH]);

fn options(disk: &SimulatedDisk) -> Options {
    Options { disk: Arc::new(disk.clone()), ..Options::at("/store").clock(clock()) }
}

#[test]
fn a_new_index_and_aggregate_are_built_from_the_records() {
    let disk = SimulatedDisk::new(1);
    let store = Store::open("cases", YOUNG_SCHEMA, options(&disk)).unwrap();
    store.write_blocking(origin(), |tx| (0..2_500).try_for_each(|id| YOUNG.put(tx, &case(id, 1, 1)))).unwrap();
    drop(store);
    let store = Store::open("cases", SCHEMA, options(&disk)).unwrap();
    assert!(store.scrub(&mut |_| ()).unwrap().is_clean());
    store
        .read(|view| {
            assert_eq!(BY_WORD.count(view, &Scan::prefix(Key::new().text("all")))?, 2_500);
            assert_eq!(AMOUNTS.get(view, &Key::new().path(&area(1)))?, 25_000);
            Ok(())
        })
        .unwrap();
    // Opening again builds nothing.
    let head = store.head();
    drop(store);
    assert_eq!(Store::open("cases", SCHEMA, options(&disk)).unwrap().head(), head);
}

#[test]
fn an_index_that_was_away_is_built_again_when_it_returns() {
    let disk = SimulatedDisk::new(2);
    let store = Store::open("cases", SCHEMA, options(&disk)).unwrap();
    for id in 0..50 {
        put(&store, case(id, 1, 1)).unwrap();
    }
    drop(store);
    let store = Store::open("cases", YOUNG_SCHEMA, options(&disk)).unwrap();
    store
        .write_blocking(origin(), |tx| {
            YOUNG.delete(tx, &key(7))?;
            YOUNG.put(tx, &Case { words: "changed".into(), amount: 3, ..case(8, 1, 1) })
        })
        .unwrap();
    drop(store);
    let store = Store::open("cases", SCHEMA, options(&disk)).unwrap();
    let report = store.scrub(&mut |_| ()).unwrap();
    assert!(report.is_clean(), "{report:?}");
}

#[test]
fn numbers_that_meet_are_refused_when_the_store_opens() {
    static INDEXES: Schema = &[&CASES, &CLASHING];
    static AGGREGATES: Schema = &[&CASES, &CLASHING_TOTALS];
    static TABLES: Schema = &[&CASES, &YOUNG];
    for (schema, what) in [(INDEXES, "index"), (AGGREGATES, "aggregate"), (TABLES, "table")] {
        let refused = Store::open("cases", schema, Options::memory()).map(drop).unwrap_err();
        assert!(refused.message().contains(what), "{}", refused.message());
    }
}

#[test]
fn a_scrub_gives_way_before_writers_have_to_wait_for_it() {
    let store = Store::open("cases", SCHEMA, Options { memtable_bytes: 100_000, ..Options::memory() }).unwrap();
    store.write_blocking(origin(), |tx| (0..11_000).try_for_each(|id| CASES.put(tx, &case(id, 1, 1)))).unwrap();
    store.checkpoint().unwrap();
    assert!(store.scrub(&mut |_| ()).unwrap().is_clean());
    let began = Instant::now();
    let gave_way = store.scrub(&mut |_| {
        // The first 100,000 bytes are on their way to the engine, and wait for this read.
        for id in 0.. {
            put(&store, Case { attachment: vec![7; 20_000], ..case(id, 2, 1) }).unwrap();
            if store.status().unwrap().waiting_bytes > 200_000 {
                break;
            }
        }
    });
    assert_eq!(gave_way.unwrap_err().reason(), "SCRUB_GAVE_WAY");
    put(&store, case(5, 2, 1)).unwrap();
    assert!(began.elapsed() < Duration::from_secs(20), "nobody waited for it");
    assert!(store.scrub(&mut |_| ()).unwrap().is_clean());
}

#[test]
fn a_scrub_finds_missing_and_dangling_entries_wrong_totals_and_unreadable_records() {
    let disk = SimulatedDisk::new(3);
    let store = Store::open("cases", SCHEMA, options(&disk)).unwrap();
    for id in 0..20 {
        put(&store, case(id, 1, 1)).unwrap();
    }
    store.checkpoint().unwrap();
    let engine = disk.open_engine(EngineKind::Sled, Path::new("/store/index"), 0).unwrap();
    let pk = |id: u8| [0, 0, 0, 0, 0, 0, 0, id];
    let by_word = |word: &str, id: u8| Key::new().u8(2).u16(2).text(word).raw(&pk(id)).into_bytes();
    let count = Key::new().u8(4).u16(1).path(&area(1)).u8(1).into_bytes();
    let record = Key::new().u8(1).u16(1).raw(&pk(19)).into_bytes();
    let put = |key: Vec<u8>, value: &'static [u8]| (Bytes::from(key), Some(Bytes::from_static(value)));
    engine
        .apply(&[
            (by_word("number3", 3).into(), None),
            put(by_word("nonsense", 4), &[0, 8]),
            put(by_word("number5", 200), &[0, 8]),
            put(count, &[0, 0, 0, 0, 0, 0, 0, 77]),
            put(record, b"\x01\xFF\xFF\xFF"),
        ])
        .unwrap();
    let report = store.scrub(&mut |_| ()).unwrap();
    assert!(!report.is_clean());
    assert_eq!((report.unreadable, report.missing), (1, 1), "{report:?}");
    // Two were made, and the entries of the record that cannot be read have lost it: one state and two words.
    assert_eq!(report.dangling, 5, "{report:?}");
    assert_eq!(report.wrong_totals, 2, "{report:?}");
    assert!(report.examples.iter().any(|example| example.contains("by_area_state")), "{report:?}");
}
