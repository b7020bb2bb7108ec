//! Durable writes per second, on a disk in the temporary directory (`TMPDIR`): `cargo bench -p store`.
//! Whether a full store is slower is asked by the bench `full`.

#![allow(clippy::unwrap_used, missing_docs)]

use std::sync::atomic::{AtomicU64, Ordering};

use base::Time;
use divan::Bencher;
use divan::counter::ItemsCount;
use store::{Aggregate, EngineKind, Index, Key, Options, Origin, Request, Schema, Store, Table};

fn main() {
    divan::main();
}

/// A record of about the size of a case.
#[derive(Clone, PartialEq, prost::Message)]
struct Case {
    #[prost(uint64, tag = "1")]
    id: u64,
    #[prost(uint32, tag = "2")]
    state: u32,
    #[prost(uint32, tag = "3")]
    area: u32,
    #[prost(string, tag = "4")]
    text: String,
}

/// What a case costs with its request: 1 record, 4 entries, 6 totals, 1 request: 12 keys.
static CASES: Table<Case> =
    Table::new(1, "cases", |case| Key::new().u64(case.id), &[&STATE, &WORKER, &CODE, &KIND], &[&COUNTS]);
static STATE: Index<Case> = Index::new(1, "state", |case, out| {
    out.push(Key::new().u32(case.area).u32(case.state).u64(case.id));
});
static WORKER: Index<Case> = Index::new(2, "worker", |case, out| out.push(Key::new().u32(case.area / 3).u64(case.id)));
static CODE: Index<Case> =
    Index::new(3, "code", |case, out| out.push(Key::new().u64(case.id.wrapping_mul(0x9E37_79B9_7F4A_7C15))));
static KIND: Index<Case> = Index::new(4, "kind", |case, out| out.push(Key::new().u32(case.area % 17).u64(case.id)));
static COUNTS: Aggregate<Case> = Aggregate::new(1, "counts", |case, out| {
    for depth in 0..6 {
        out.push((Key::new().u8(depth).u32(case.area >> (2 * depth)).u32(case.state), 1));
    }
});
/// The same record in tables with fewer indexes.
static BARE: Table<Case> = Table::new(2, "bare", |case| Key::new().u64(case.id), &[], &[]);
static ONE: Table<Case> = Table::new(3, "one", |case| Key::new().u64(case.id), &[&ONE_STATE], &[]);
static ONE_STATE: Index<Case> = Index::new(5, "one_state", |case, out| {
    out.push(Key::new().u32(case.area).u32(case.state).u64(case.id));
});
static SCHEMA: Schema = &[&CASES, &BARE, &ONE];

fn case(id: u64) -> Case {
    let area = u32::try_from(id.wrapping_mul(0x9E37_79B9) % 352).unwrap();
    Case { id, state: 1, area, text: "路面破损，需要修补，影响行人通行安全。".repeat(5) }
}

fn origin() -> Origin {
    Origin { principal: "principals/bench".into(), method: "bench", time: Time::from_micros(1_800_000_000_000_000) }
}

fn open(engine: EngineKind) -> (tempfile::TempDir, Store, AtomicU64) {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open("bench", SCHEMA, Options::at(directory.path()).engine(engine)).unwrap();
    (directory, store, AtomicU64::new(0))
}

/// Transactions of one sample.
const SAMPLE: usize = 12_800;

/// Small durable transactions of 12 keys.
#[divan::bench(args = [1, 16, 64], consts = [0, 1, 2], sample_count = 8, sample_size = 1)]
fn commit<const ENGINE: usize>(bencher: Bencher<'_, '_>, writers: usize) {
    let (_directory, store, next) = open([EngineKind::Sled, EngineKind::Fjall, EngineKind::Memory][ENGINE]);
    let share = if writers == 1 { 500 } else { SAMPLE / writers };
    bencher.counter(ItemsCount::new(share * writers)).bench_local(|| {
        std::thread::scope(|scope| {
            for _ in 0..writers {
                scope.spawn(|| {
                    for _ in 0..share {
                        let id = next.fetch_add(1, Ordering::Relaxed);
                        let mut request = [0; 16];
                        request[..8].copy_from_slice(&id.to_be_bytes());
                        let request = Request { id: request, fingerprint: [0; 32] };
                        let work = move |tx: &mut store::Transaction<'_>| {
                            CASES.put(tx, &case(id))?;
                            Ok(Vec::new())
                        };
                        store.write_once_blocking(origin(), request, work).unwrap();
                    }
                });
            }
        });
    });
}

/// Records put in transactions of 500, by how many indexes their table has.
#[divan::bench(args = [0, 1, 4], consts = [0, 1, 2], sample_count = 5, sample_size = 1)]
fn put<const ENGINE: usize>(bencher: Bencher<'_, '_>, indexes: usize) {
    let (_directory, store, next) = open([EngineKind::Sled, EngineKind::Fjall, EngineKind::Memory][ENGINE]);
    let table = match indexes {
        0 => &BARE,
        1 => &ONE,
        _ => &CASES,
    };
    bencher.counter(ItemsCount::new(5_000_usize)).bench_local(|| {
        for _ in 0..10 {
            let first = next.fetch_add(500, Ordering::Relaxed);
            store
                .write_blocking(origin(), move |tx| (first..first + 500).try_for_each(|id| table.put(tx, &case(id))))
                .unwrap();
        }
    });
}

/// Point reads of records that are in the engine.
#[divan::bench(consts = [0, 1, 2], sample_count = 20)]
fn get<const ENGINE: usize>(bencher: Bencher<'_, '_>) {
    let (_directory, store, next) = open([EngineKind::Sled, EngineKind::Fjall, EngineKind::Memory][ENGINE]);
    store.write_blocking(origin(), |tx| (0..20_000).try_for_each(|id| CASES.put(tx, &case(id)))).unwrap();
    store.checkpoint().unwrap();
    bencher.counter(ItemsCount::new(1_usize)).bench_local(|| {
        let id = next.fetch_add(7_919, Ordering::Relaxed) % 20_000;
        store.read(|view| CASES.get(view, &Key::new().u64(id))).unwrap().unwrap()
    });
}
