//! The conformance suite on every engine, and what is special about each.

use std::path::Path;

use base::Kind;
use store::disk::{Disk, RealDisk};
use store::engine::{Engine, FjallEngine, MemoryEngine, SledEngine};
use store::simulation::SimulatedDisk;
use store::{EngineKind, Options, Store, conformance};

use crate::cases::*;

#[test]
fn memory_conforms() {
    conformance::run(&|| Box::new(MemoryEngine::default()), false);
}

#[test]
fn sled_conforms() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("index");
    conformance::run(&|| Box::new(SledEngine::open(&path, 16 << 20).unwrap()), true);
}

#[test]
fn fjall_conforms() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("index");
    conformance::run(&|| Box::new(FjallEngine::open(&path, 16 << 20).unwrap()), true);
}

#[test]
fn the_simulated_engine_conforms() {
    let disk = SimulatedDisk::new(1);
    let open = || disk.open_engine(EngineKind::Sled, Path::new("/index"), 0).unwrap();
    conformance::run(&open, true);
}

#[test]
fn sled_opens_although_a_snapshot_of_its_own_was_never_finished() {
    let directory = tempfile::tempdir().unwrap();
    let options = Options::at(directory.path());
    let store = Store::open("cases", SCHEMA, options.clone()).unwrap();
    put(&store, case(1, 1, 1)).unwrap();
    store.close().unwrap();
    drop(store);
    std::fs::write(directory.path().join("index/snap.00000000000000FF.generating"), b"half").unwrap();
    let store = Store::open("cases", SCHEMA, options).unwrap();
    assert_eq!(get(&store, 1), Some(case(1, 1, 1)));
    assert!(!directory.path().join("index.damaged").exists(), "the index was sound");
}

/// sled puts what it writes at once, when that is over 128 KiB, into a file of its own that it never syncs. It writes
/// whole leaves at once, so it is not enough that each value is smaller.
#[test]
fn sled_keeps_everything_in_the_file_that_is_synced() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("index");
    let engine = SledEngine::open(&path, 16 << 20).unwrap();
    let mut random = fastrand::Rng::with_seed(1);
    for round in 0..6_u8 {
        let operations: Vec<_> = (0..120_u16)
            .map(|number| {
                let length = if random.bool() { 4_096 } else { random.usize(..90_000) };
                let value = (random.u8(..5) > 0).then(|| vec![round; length].into());
                (bytes::Bytes::copy_from_slice(&number.to_be_bytes()), value)
            })
            .collect();
        engine.apply(&operations).unwrap();
        engine.sync().unwrap();
        let beside: Vec<_> = std::fs::read_dir(path.join("blobs")).unwrap().map(|file| file.unwrap().path()).collect();
        assert!(beside.is_empty(), "round {round}: {} files that are never synced", beside.len());
    }
}

#[test]
fn every_engine_keeps_large_records_over_a_restart() {
    for engine in [EngineKind::Sled, EngineKind::Fjall, EngineKind::Memory] {
        let directory = tempfile::tempdir().unwrap();
        let options = Options::at(directory.path()).engine(engine);
        let large = Case { attachment: vec![7; 300_000], ..case(1, 1, 1) };
        for _ in 0..2 {
            let store = Store::open("cases", SCHEMA, options.clone()).unwrap();
            put(&store, large.clone()).unwrap();
            store.close().unwrap();
        }
        let store = Store::open("cases", SCHEMA, options).unwrap();
        assert_eq!(get(&store, 1), Some(large));
        assert!(store.scrub(&mut |_| ()).unwrap().is_clean());
    }
}

#[test]
fn a_directory_can_be_open_only_once() {
    let directory = tempfile::tempdir().unwrap();
    let options = Options::at(directory.path());
    let first = Store::open("cases", SCHEMA, options.clone()).unwrap();
    let second = Store::open("cases", SCHEMA, options.clone()).map(drop).unwrap_err();
    assert_eq!((second.kind(), second.reason()), (Kind::Precondition, "STORE_IN_USE"));
    assert!(second.message().contains(&directory.path().display().to_string()));
    drop(first);
    Store::open("cases", SCHEMA, options).unwrap();
}

#[test]
fn a_directory_of_another_store_or_engine_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let options = Options::at(directory.path());
    drop(Store::open("cases", SCHEMA, options.clone()).unwrap());
    let other = Store::open("events", SCHEMA, options.clone()).map(drop).unwrap_err();
    assert_eq!(other.reason(), "STORE_FOREIGN");
    let other = Store::open("cases", SCHEMA, options.engine(EngineKind::Fjall)).map(drop).unwrap_err();
    assert_eq!(other.reason(), "ENGINE_DIFFERS");
    let description = store::describe(&RealDisk, directory.path()).unwrap().unwrap();
    assert_eq!((description.name.as_str(), description.engine), ("cases", EngineKind::Sled));
}

#[test]
fn an_engine_holds_everything_after_a_checkpoint() {
    let disk = SimulatedDisk::new(3);
    let options = Options { disk: std::sync::Arc::new(disk.clone()), ..Options::at("/store") };
    let store = Store::open("cases", SCHEMA, options).unwrap();
    put(&store, case(1, 1, 1)).unwrap();
    store.checkpoint().unwrap();
    assert_eq!(store.status().unwrap().applied, store.head());
    let engine: Box<dyn Engine> = disk.open_engine(EngineKind::Sled, Path::new("/store/index"), 0).unwrap();
    assert!(engine.get(&[1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1]).unwrap().is_some());
}
