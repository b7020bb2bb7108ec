//! Whether durable writes become slower when a million records are there: one store that is empty and one that is
//! full, sampled in turns, so that a busy machine disturbs both alike. Each sample ends with a checkpoint, so it
//! carries its whole cost. `cargo bench -p store --bench full -- [sled|fjall] [records]`.

#![allow(clippy::unwrap_used, missing_docs)]

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use base::Time;
use store::{Aggregate, EngineKind, Index, Key, Options, Origin, Request, Schema, Store, Table};

/// A record of about the size of a case.
#[derive(Clone, PartialEq, prost::Message)]
struct Case {
    #[prost(uint64, tag = "1")]
    id: u64,
    #[prost(uint32, tag = "2")]
    area: u32,
    #[prost(string, tag = "3")]
    text: String,
}

/// What a case costs with its request: 1 record, 4 entries, 6 totals, 1 request: 12 keys.
static CASES: Table<Case> =
    Table::new(1, "cases", |case| Key::new().u64(case.id), &[&STATE, &WORKER, &CODE, &KIND], &[&COUNTS]);
static STATE: Index<Case> = Index::new(1, "state", |case, out| out.push(Key::new().u32(case.area).u64(case.id)));
static WORKER: Index<Case> = Index::new(2, "worker", |case, out| out.push(Key::new().u32(case.area / 3).u64(case.id)));
static CODE: Index<Case> = Index::new(3, "code", |case, out| out.push(Key::new().u64(case.id.reverse_bits())));
static KIND: Index<Case> = Index::new(4, "kind", |case, out| out.push(Key::new().u32(case.area % 17).u64(case.id)));
static COUNTS: Aggregate<Case> = Aggregate::new(1, "counts", |case, out| {
    out.extend((0..6).map(|depth| (Key::new().u8(depth).u32(case.area >> (2 * depth)), 1)));
});
static SCHEMA: Schema = &[&CASES];

const WRITERS: u64 = 64;

fn case(id: u64) -> Case {
    let area = u32::try_from(id.wrapping_mul(0x9E37_79B9) % 352).unwrap();
    Case { id, area, text: "路面破损，需要修补，影响行人通行安全。".repeat(5) }
}

fn origin() -> Origin {
    Origin { principal: "principals/bench".into(), method: "bench", time: Time::from_micros(1_800_000_000_000_000) }
}

struct Subject {
    name: &'static str,
    store: Store,
    next: AtomicU64,
    /// Wall time and processor time of each sample.
    samples: Vec<(Duration, Duration)>,
    _directory: tempfile::TempDir,
}

impl Subject {
    fn new(name: &'static str, engine: EngineKind, records: u64) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open("bench", SCHEMA, Options::at(directory.path()).engine(engine)).unwrap();
        let began = Instant::now();
        for start in (0..records).step_by(500) {
            let end = records.min(start + 500);
            store.write_blocking(origin(), move |tx| (start..end).try_for_each(|id| CASES.put(tx, &case(id)))).unwrap();
        }
        store.checkpoint().unwrap();
        println!("{name}: filled in {:?}, {} MiB on disk", began.elapsed(), store.status().unwrap().index_bytes >> 20);
        Self { name, store, next: AtomicU64::new(records), samples: Vec::new(), _directory: directory }
    }

    fn sample(&mut self, share: u64) {
        let (began, used) = (Instant::now(), processor_time());
        std::thread::scope(|scope| {
            for _ in 0..WRITERS {
                scope.spawn(|| (0..share).for_each(|_| self.write()));
            }
        });
        self.store.checkpoint().unwrap();
        self.samples.push((began.elapsed(), processor_time().saturating_sub(used)));
    }

    fn write(&self) {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let mut request = [0; 16];
        request[..8].copy_from_slice(&id.to_be_bytes());
        let request = Request { id: request, fingerprint: [0; 32] };
        let work = move |tx: &mut store::Transaction<'_>| CASES.put(tx, &case(id)).map(|()| Vec::new());
        self.store.write_once_blocking(origin(), request, work).unwrap();
    }

    /// The median rate in transactions per second, and processor microseconds per transaction.
    fn report(&mut self, writes: u64) -> (f64, f64) {
        let micros = |place: usize, samples: &[(Duration, Duration)]| {
            let mut all: Vec<Duration> = samples.iter().map(|sample| [sample.0, sample.1][place]).collect();
            all.sort_unstable();
            all[all.len() / 2].as_secs_f64() * 1e6 / f64::from(u32::try_from(writes).unwrap())
        };
        let (rate, used) = (1e6 / micros(0, &self.samples), micros(1, &self.samples));
        println!("{}: median {rate:.0} transactions/s, {used:.1} µs of processor each", self.name);
        (rate, used)
    }
}

/// Processor time of this process, from Linux; zero elsewhere.
fn processor_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks =
        after_name.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum::<u64>();
    Duration::from_millis(10 * ticks)
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let is_bench = arguments.iter().any(|argument| argument == "--bench");
    let engine = arguments.iter().find_map(|argument| argument.parse().ok()).unwrap_or(EngineKind::Sled);
    let records = arguments.iter().find_map(|argument| argument.parse().ok());
    let (records, share, rounds) =
        if is_bench { (records.unwrap_or(1_000_000), 400, 9) } else { (records.unwrap_or(1_000), 4, 1) };
    let mut empty = Subject::new("empty", engine, 0);
    let mut full = Subject::new("full", engine, records);
    for _ in 0..rounds {
        empty.sample(share);
        full.sample(share);
    }
    let (empty, full) = (empty.report(WRITERS * share), full.report(WRITERS * share));
    println!("{engine}, {records} records: {:.2} of the speed, {:.2} of the work", full.0 / empty.0, full.1 / empty.1);
}
