//! A disk for crash tests: it loses power, tears writes, runs full, fails, and flips bits.
//!
//! What it models: a write is certain only after its file was synced, a name only after its directory was. At a
//! power cut each write since then survives whole, in part (by sectors), or not at all, independently of the others;
//! so does each change of a name, and each change of an engine's keys. What it does not model: a sync that lies.

mod engine;
mod file;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base::{Error, Kind, Result};
use parking_lot::Mutex;

use crate::disk::{Disk, File, Lock, OpenFailure};
use crate::engine::{Engine, EngineKind, MemoryEngine};

use self::engine::{EngineState, SimulatedEngine};
use self::file::{Inode, SimulatedFile};

/// A disk that can fail. Clones are the same disk.
#[derive(Clone)]
pub struct SimulatedDisk(Arc<Mutex<State>>);

struct State {
    random: fastrand::Rng,
    inodes: Vec<Inode>,
    /// The names as programs see them, and as a power cut would leave them.
    names: BTreeMap<PathBuf, usize>,
    durable_names: BTreeMap<PathBuf, usize>,
    directories: BTreeSet<PathBuf>,
    engines: BTreeMap<PathBuf, Arc<Mutex<EngineState>>>,
    locks: BTreeSet<PathBuf>,
    /// Counts the starts of the machine; a handle from before the last one is dead.
    boot: u64,
    powered: bool,
    /// The power goes after so many more operations.
    fuse: Option<u64>,
    /// How many bytes all files may have.
    capacity: u64,
    /// So many syncs go well before one fails.
    failing_sync: Option<u64>,
    /// The next sync of an engine fails.
    failing_engine_sync: bool,
}

impl SimulatedDisk {
    /// An empty disk, whose accidents follow from the seed (and from how threads happen to run).
    pub fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(State {
            random: fastrand::Rng::with_seed(seed),
            inodes: Vec::new(),
            names: BTreeMap::new(),
            durable_names: BTreeMap::new(),
            directories: BTreeSet::new(),
            engines: BTreeMap::new(),
            locks: BTreeSet::new(),
            boot: 0,
            powered: true,
            fuse: None,
            capacity: u64::MAX,
            failing_sync: None,
            failing_engine_sync: false,
        })))
    }

    /// Lets the power go after so many more operations on files; from then on everything fails.
    pub fn cut_after(&self, operations: u64) {
        self.0.lock().fuse = Some(operations);
    }

    /// Whether the power is gone.
    pub fn is_cut(&self) -> bool {
        !self.0.lock().powered
    }

    /// Cuts the power if it is not gone yet, decides what survived, and starts the machine again. Every file and
    /// engine that was open is dead.
    pub fn restart(&self) {
        let mut state = self.0.lock();
        state.lose_unsynced();
        state.boot += 1;
        state.powered = true;
        state.fuse = None;
        state.failing_sync = None;
        state.locks.clear();
    }

    /// Sets how many bytes all files together may have.
    pub fn set_capacity(&self, bytes: u64) {
        self.0.lock().capacity = bytes;
    }

    /// Bytes of all files together.
    pub fn used(&self) -> u64 {
        self.0.lock().used()
    }

    /// Lets the sync of a file fail after so many that go well. What was written to it is then seen until the restart
    /// and gone after it, as kernels do.
    pub fn fail_sync_after(&self, syncs: u64) {
        self.0.lock().failing_sync = Some(syncs);
    }

    /// Lets the next sync of an engine fail.
    pub fn fail_engine_sync(&self) {
        self.0.lock().failing_engine_sync = true;
    }

    /// The files whose name ends so, sorted.
    pub fn files_ending(&self, end: &str) -> Vec<PathBuf> {
        let state = self.0.lock();
        state.names.keys().filter(|path| path.to_string_lossy().ends_with(end)).cloned().collect()
    }

    /// Flips one bit of a file, on the medium.
    pub fn flip_bit(&self, path: &Path, offset: u64, bit: u8) {
        let mut state = self.0.lock();
        if let Some(&inode) = state.names.get(path) {
            state.inodes[inode].flip(offset, bit);
        }
    }

    fn state(&self) -> Arc<Mutex<State>> {
        Arc::clone(&self.0)
    }
}

impl fmt::Debug for SimulatedDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SimulatedDisk")
    }
}

impl State {
    /// Fails when the power is gone or the handle is of another boot; burns the fuse.
    fn step(&mut self, boot: u64) -> io::Result<()> {
        if self.powered && self.boot == boot {
            match &mut self.fuse {
                Some(0) => self.powered = false,
                Some(left) => *left -= 1,
                None => {}
            }
        }
        if self.powered && self.boot == boot { Ok(()) } else { Err(io::Error::other("the power is gone")) }
    }

    fn used(&self) -> u64 {
        let inodes: BTreeSet<usize> = self.names.values().copied().collect();
        inodes.into_iter().map(|inode| self.inodes[inode].len()).sum()
    }

    fn lose_unsynced(&mut self) {
        let Self { random, inodes, names, durable_names, engines, .. } = self;
        for inode in inodes.iter_mut() {
            inode.lose_unsynced(random);
        }
        let every: BTreeSet<PathBuf> = names.keys().chain(durable_names.keys()).cloned().collect();
        for path in every {
            let (seen, durable) = (names.get(&path).copied(), durable_names.get(&path).copied());
            let kept = if seen != durable && random.bool() { seen } else { durable };
            match kept {
                Some(inode) => names.insert(path, inode),
                None => names.remove(&path),
            };
        }
        durable_names.clone_from(names);
        for engine in engines.values() {
            engine.lock().lose_unsynced(random);
        }
    }

    /// The names directly in a directory, of files, directories and engines.
    fn children(&self, path: &Path) -> BTreeSet<String> {
        let every = self.names.keys().chain(&self.directories).chain(self.engines.keys());
        let inside = every.filter(|found| found.parent() == Some(path));
        inside.filter_map(|found| found.file_name()).map(|name| name.to_string_lossy().into_owned()).collect()
    }
}

impl Disk for SimulatedDisk {
    fn create_directory(&self, path: &Path) -> io::Result<()> {
        let mut state = self.0.lock();
        let boot = state.boot;
        state.step(boot)?;
        state.directories.extend(path.ancestors().map(Path::to_path_buf));
        Ok(())
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        Ok(self.0.lock().children(path).into_iter().collect())
    }

    fn exists(&self, path: &Path) -> io::Result<bool> {
        let state = self.0.lock();
        Ok(state.names.contains_key(path) || state.directories.contains(path) || state.engines.contains_key(path))
    }

    fn open(&self, path: &Path, create: bool) -> io::Result<Arc<dyn File>> {
        let mut state = self.0.lock();
        let boot = state.boot;
        state.step(boot)?;
        if create {
            let inode = state.inodes.len();
            state.inodes.push(Inode::default());
            state.names.insert(path.to_path_buf(), inode);
        }
        let inode = *state.names.get(path).ok_or(io::ErrorKind::NotFound)?;
        Ok(Arc::new(SimulatedFile { disk: self.state(), inode, boot }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.0.lock();
        let boot = state.boot;
        state.step(boot)?;
        if let Some(engine) = state.engines.remove(from) {
            state.engines.insert(to.to_path_buf(), engine);
            return Ok(());
        }
        let inode = state.names.remove(from).ok_or(io::ErrorKind::NotFound)?;
        state.names.insert(to.to_path_buf(), inode);
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.0.lock();
        let boot = state.boot;
        state.step(boot)?;
        state.names.retain(|found, _| !found.starts_with(path));
        state.directories.retain(|found| !found.starts_with(path));
        state.engines.retain(|found, _| !found.starts_with(path));
        Ok(())
    }

    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        let mut state = self.0.lock();
        let boot = state.boot;
        state.step(boot)?;
        let State { names, durable_names, .. } = &mut *state;
        let inside = |found: &Path| found.parent() == Some(path);
        durable_names.retain(|found, _| !inside(found));
        durable_names
            .extend(names.iter().filter(|(found, _)| inside(found)).map(|(found, inode)| (found.clone(), *inode)));
        Ok(())
    }

    fn lock(&self, path: &Path) -> io::Result<Option<Box<dyn Lock>>> {
        let mut state = self.0.lock();
        if !state.locks.insert(path.to_path_buf()) {
            return Ok(None);
        }
        Ok(Some(Box::new(SimulatedLock { disk: self.state(), path: path.to_path_buf(), boot: state.boot })))
    }

    fn open_engine(&self, kind: EngineKind, path: &Path, _cache_bytes: u64) -> Result<Box<dyn Engine>, OpenFailure> {
        if !kind.is_persistent() {
            return Ok(Box::new(MemoryEngine::default()));
        }
        let mut state = self.0.lock();
        let boot = state.boot;
        state.step(boot).map_err(|error| OpenFailure::Other(failed(error)))?;
        let engine = Arc::clone(state.engines.entry(path.to_path_buf()).or_default());
        Ok(Box::new(SimulatedEngine { disk: self.state(), engine, boot }))
    }
}

fn failed(error: io::Error) -> Error {
    Error::new(Kind::Unavailable, "DISK_FAILED", "the simulated disk failed").caused_by(error)
}

struct SimulatedLock {
    disk: Arc<Mutex<State>>,
    path: PathBuf,
    boot: u64,
}

impl Lock for SimulatedLock {}

impl Drop for SimulatedLock {
    fn drop(&mut self) {
        let mut state = self.disk.lock();
        if state.boot == self.boot {
            state.locks.remove(&self.path);
        }
    }
}
