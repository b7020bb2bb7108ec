//! Faults at a chosen moment: what a disk and an engine do to the threads of a store.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use base::{Kind, Result};
use parking_lot::Mutex;
use store::disk::{Disk, File, Lock, OpenFailure};
use store::engine::{Engine, Operation, Visit};
use store::simulation::SimulatedDisk;
use store::{EngineKind, Options, Store};

use crate::cases::*;

type OnWrite = Box<dyn Fn(&Path) + Send>;

/// A disk that does something beside each write to a file, and whose engines panic when told to.
#[derive(Clone)]
struct Meddling {
    disk: SimulatedDisk,
    on_write: Arc<Mutex<Option<OnWrite>>>,
    engine_panics: Arc<AtomicBool>,
}

impl Meddling {
    fn new(seed: u64) -> Self {
        Self { disk: SimulatedDisk::new(seed), on_write: Arc::default(), engine_panics: Arc::default() }
    }

    fn options(&self) -> Options {
        let calm = Duration::from_secs(600);
        Options { disk: Arc::new(self.clone()), flush_after: calm, ..Options::at("/store").clock(clock()) }
    }

    fn open(&self) -> Store {
        Store::open("cases", SCHEMA, self.options()).unwrap()
    }
}

impl fmt::Debug for Meddling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Meddling")
    }
}

impl Disk for Meddling {
    fn create_directory(&self, path: &Path) -> io::Result<()> {
        self.disk.create_directory(path)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        self.disk.list(path)
    }

    fn exists(&self, path: &Path) -> io::Result<bool> {
        self.disk.exists(path)
    }

    fn open(&self, path: &Path, create: bool) -> io::Result<Arc<dyn File>> {
        let file = self.disk.open(path, create)?;
        Ok(Arc::new(MeddlingFile { file, path: path.to_path_buf(), on_write: Arc::clone(&self.on_write) }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.disk.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.disk.remove(path)
    }

    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        self.disk.sync_directory(path)
    }

    fn lock(&self, path: &Path) -> io::Result<Option<Box<dyn Lock>>> {
        self.disk.lock(path)
    }

    fn open_engine(&self, kind: EngineKind, path: &Path, cache_bytes: u64) -> Result<Box<dyn Engine>, OpenFailure> {
        let engine = self.disk.open_engine(kind, path, cache_bytes)?;
        Ok(Box::new(MeddlingEngine { engine, panics: Arc::clone(&self.engine_panics) }))
    }
}

struct MeddlingFile {
    file: Arc<dyn File>,
    path: PathBuf,
    on_write: Arc<Mutex<Option<OnWrite>>>,
}

impl File for MeddlingFile {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.file.read_at(buffer, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        if let Some(on_write) = &*self.on_write.lock() {
            on_write(&self.path);
        }
        self.file.write_at(bytes, offset)
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.file.set_len(length)
    }

    fn sync(&self) -> io::Result<()> {
        self.file.sync()
    }
}

struct MeddlingEngine {
    engine: Box<dyn Engine>,
    panics: Arc<AtomicBool>,
}

impl Engine for MeddlingEngine {
    fn get(&self, key: &[u8]) -> Result<Option<bytes::Bytes>> {
        self.engine.get(key)
    }

    fn range(&self, start: &[u8], end: &[u8], reverse: bool, visit: Visit<'_>) -> Result<()> {
        self.engine.range(start, end, reverse, visit)
    }

    fn apply(&self, operations: &[Operation]) -> Result<()> {
        assert!(!self.panics.load(Ordering::Relaxed), "this engine panics");
        self.engine.apply(operations)
    }

    fn sync(&self) -> Result<()> {
        self.engine.sync()
    }

    fn disk_bytes(&self) -> Result<u64> {
        self.engine.disk_bytes()
    }
}

/// What `work` answers; fails when it hangs.
fn in_time<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, answer) = mpsc::channel();
    std::thread::spawn(move || drop(done.send(work())));
    answer.recv_timeout(Duration::from_secs(20)).expect("it does not hang")
}

#[test]
fn an_engine_that_panics_is_told_of_and_nobody_waits_for_ever() {
    let disk = Meddling::new(1);
    let store = disk.open();
    put(&store, case(1, 1, 1)).unwrap();
    store.checkpoint().unwrap();
    put(&store, case(2, 1, 1)).unwrap();
    disk.engine_panics.store(true, Ordering::Relaxed);
    for _ in 0..2 {
        let asked = store.clone();
        let told = in_time(move || asked.checkpoint()).unwrap_err();
        assert_eq!((told.kind(), told.reason()), (Kind::Unavailable, "INDEX_IN_DOUBT"));
        assert!(told.message().contains("this engine panics"), "it says why: {}", told.message());
    }
    put(&store, case(3, 1, 1)).unwrap();
    assert_eq!(in_time(move || store.close()).unwrap_err().reason(), "INDEX_IN_DOUBT");
    disk.engine_panics.store(false, Ordering::Relaxed);
    let store = disk.open();
    assert_eq!(all(&store), [case(1, 1, 1), case(2, 1, 1), case(3, 1, 1)]);
    assert!(disk.exists(Path::new("/store/index.damaged")).unwrap(), "what was in doubt was built again");
    store.checkpoint().unwrap();
}

#[test]
fn a_writing_thread_that_panics_is_not_taken_for_a_closed_store() {
    let disk = Meddling::new(2);
    let store = disk.open();
    put(&store, case(1, 1, 1)).unwrap();
    *disk.on_write.lock() = Some(Box::new(|path| assert!(!path.ends_with("acknowledged"), "this disk panics")));
    for _ in 0..2 {
        let writer = store.clone();
        let refused = in_time(move || put(&writer, case(2, 1, 1))).unwrap_err();
        assert_eq!((refused.kind(), refused.reason()), (Kind::Unavailable, "STORE_POISONED"));
    }
    assert!(store.status().unwrap().refusal.is_some());
    assert_eq!(get(&store, 1), Some(case(1, 1, 1)), "reads go on");
    *disk.on_write.lock() = None;
    in_time(move || drop(store));
    assert!(all(&disk.open()).contains(&case(1, 1, 1)));
}

#[test]
fn the_feed_tells_nothing_that_readers_do_not_see_yet() {
    let disk = Meddling::new(3);
    drop(disk.open());
    // Opened again, so that the feed is read from the journal and not from memory.
    let store = disk.open();
    let base = store.head();
    let told = Arc::new(Mutex::new(None));
    let (watcher, seen) = (store.clone(), Arc::clone(&told));
    // The group is in the journal for good, and not shown yet.
    *disk.on_write.lock() = Some(Box::new(move |path| {
        if path.ends_with("acknowledged") {
            *seen.lock() = Some((watcher.feed(base, 10).unwrap().len(), get(&watcher, 1)));
        }
    }));
    put(&store, case(1, 1, 1)).unwrap();
    *disk.on_write.lock() = None;
    assert_eq!(*told.lock(), Some((0, None)));
    assert_eq!(store.feed(base, 10).unwrap().len(), 1);
}
