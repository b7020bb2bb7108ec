//! Opening a directory: which store it is, what its journal holds, whether its index is good, and what the index lacks.
//!
//! ```text
//! manifest      which store this is, which engine holds its index
//! lock          held while the store is open
//! journal/      the truth
//! index/        the engine's files: can always be built again from the journal, and a snapshot if there is one
//! checkpoint    the transaction up to which the index certainly holds everything
//! snapshots/    verified snapshots, which let the oldest journal files go
//! ```

use std::path::{Path, PathBuf};
use std::sync::Arc;

use base::{Error, Id, Kind, Resource, Result};
use bytes::Bytes;

use crate::Sequence;
use crate::disk::{self, Disk, Lock, OpenFailure};
use crate::engine::Engine;
use crate::flusher::mark;
use crate::journal::{self, Journal, Writer};
use crate::keyspace;
use crate::layers::{Memtable, Replay};
use crate::manifest::{self, Manifest, State};
use crate::options::Options;
use crate::shared::Parts;
use crate::snapshot;

/// What an identity is an id of.
struct Identity;

impl Resource for Identity {
    const COLLECTION: &'static str = "stores";
}

/// Opens a directory, or makes a store in it. Without a name, a store must be there, under any name.
pub(crate) fn open(name: Option<&str>, options: &Options) -> Result<(Parts, Writer)> {
    let directory = options.home();
    let disk = &options.disk;
    disk.create_directory(&directory).map_err(|error| disk::failed("make", &directory, error))?;
    let lock = lock(&**disk, &directory)?;
    let manifest = match Manifest::load(&**disk, &directory)? {
        Some(manifest) => check_manifest(manifest, name, options)?,
        None => create_manifest(name, options)?,
    };
    let checkpoint = manifest::load_checkpoint(&**disk, &directory)?;
    let (manifest, journal, writer) = open_journal(manifest, checkpoint, options)?;
    let index = Index { disk, directory: &directory, options, journal: &journal, identity: manifest.identity };
    let (engine, applied) = index.open(checkpoint)?;
    let memtable = replay(&*engine, &journal, applied, options.memtable_bytes)?;
    Ok((Parts { manifest, engine, memtable, journal, applied, lock }, writer))
}

/// How often, and after which pauses, a locked directory is tried again before it is refused: half a second in all.
const LOCK_TRIES: usize = 20;
const LOCK_PAUSE: std::time::Duration = std::time::Duration::from_millis(25);

/// Keeps other processes, and other openings in this one, out.
pub(crate) fn lock(disk: &dyn Disk, directory: &Path) -> Result<Box<dyn Lock>> {
    let path = directory.join("lock");
    let mut lock = disk.lock(&path).map_err(|error| disk::failed("lock", &path, error))?;
    // Whoever is just stopping is waited for, and so is a child process that has not begun its own program yet: until
    // then it holds the files of the one that started it.
    for _ in 0..LOCK_TRIES {
        if lock.is_some() {
            break;
        }
        std::thread::sleep(LOCK_PAUSE);
        lock = disk.lock(&path).map_err(|error| disk::failed("lock", &path, error))?;
    }
    lock.ok_or_else(|| {
        let directory = directory.display();
        let message = format!("the store in {directory} is open in another process; stop that one first");
        Error::new(Kind::Precondition, "STORE_IN_USE", message)
    })
}

fn check_manifest(manifest: Manifest, name: Option<&str>, options: &Options) -> Result<Manifest> {
    let directory = options.home();
    let directory = directory.display();
    let wrong = |reason: &'static str, message| Err(Error::new(Kind::Precondition, reason, message));
    if let Some(name) = name.filter(|name| *name != manifest.name) {
        let found = &manifest.name;
        return wrong("STORE_FOREIGN", format!("{directory} holds the store of {found}, and {name} was expected"));
    }
    if manifest.engine != options.engine {
        let (found, wanted) = (manifest.engine, options.engine);
        let advice = format!("open it with {found}, or run `wangge rebuild --engine {wanted}` first");
        return wrong("ENGINE_DIFFERS", format!("the index in {directory} is kept by {found}: {advice}"));
    }
    if manifest.state == State::Restoring {
        let advice = "empty the directory and restore again";
        return wrong("RESTORE_UNFINISHED", format!("a restore into {directory} did not finish; {advice}"));
    }
    Ok(manifest)
}

fn create_manifest(name: Option<&str>, options: &Options) -> Result<Manifest> {
    let directory = options.home();
    let Some(name) = name else {
        let message = format!("{} holds no store", directory.display());
        return Err(Error::new(Kind::NotFound, "NO_STORE", message));
    };
    // Somebody may have deleted the manifest alone: what is there must not be taken for nothing.
    let journal = directory.join("journal");
    let names = options.disk.list(&journal).map_err(|error| disk::failed("list", &journal, error))?;
    if !names.is_empty() {
        let message = format!(
            "{0} has a journal but no manifest; put the file {0}/manifest back, or restore the newest backup into an \
             empty directory with `wangge restore`",
            directory.display()
        );
        return Err(Error::new(Kind::Corrupt, "MANIFEST_MISSING", message));
    }
    let manifest = new_manifest(name, options, State::New);
    manifest.save(&*options.disk, &directory)?;
    Ok(manifest)
}

/// A manifest with an identity of its own.
pub(crate) fn new_manifest(name: &str, options: &Options, state: State) -> Manifest {
    let identity = Id::<Identity>::generate(options.clock.now()).bytes();
    Manifest { name: name.to_owned(), identity, engine: options.engine, state }
}

fn open_journal(
    manifest: Manifest,
    checkpoint: Option<Sequence>,
    options: &Options,
) -> Result<(Manifest, Arc<Journal>, Writer)> {
    let directory = options.home();
    let path = directory.join("journal");
    let disk = &options.disk;
    let opening = journal::Opening {
        needed_after: checkpoint.unwrap_or(0),
        check_bytes: options.check_bytes,
        segment_bytes: options.segment_bytes,
    };
    let open = || journal::open(disk, &path, manifest.identity, &opening);
    let opened = match open()? {
        Some(opened) => opened,
        None if manifest.state == State::Ready => return Err(journal::missing(&path, checkpoint.unwrap_or(0))),
        None => {
            journal::create(disk, &path, manifest.identity, 1)?;
            open()?.ok_or_else(|| journal::missing(&path, 0))?
        }
    };
    let manifest = if manifest.state == State::Ready {
        manifest
    } else {
        let ready = Manifest { state: State::Ready, ..manifest };
        ready.save(&**disk, &directory)?;
        ready
    };
    Ok((manifest, opened.0, opened.1))
}

/// Lays what the index lacks over it. What is too much for memory goes into the engine at once.
fn replay(engine: &dyn Engine, journal: &Journal, applied: Sequence, limit: usize) -> Result<Memtable> {
    let mut replay = Replay::default();
    journal.walk(applied, &mut |frame| {
        replay.add_frame(frame);
        replay.overflow(limit).map_or(Ok(()), |operations| engine.apply(&operations))?;
        Ok(true)
    })?;
    let memtable = Memtable::new(journal.end());
    let run = replay.into_run();
    if !run.is_empty() {
        memtable.push(run, journal.end());
    }
    Ok(memtable)
}

/// The index of a store that is being opened.
struct Index<'a> {
    disk: &'a Arc<dyn Disk>,
    directory: &'a Path,
    options: &'a Options,
    journal: &'a Journal,
    identity: [u8; 16],
}

/// What opening the engine's files found.
enum Found {
    /// The engine, and the transaction up to which it certainly holds everything.
    Sound(Box<dyn Engine>, Sequence),
    /// There is nothing.
    Missing,
    /// The files are there and no good, for this reason.
    Damaged(String),
}

impl Index<'_> {
    fn path(&self) -> PathBuf {
        self.directory.join("index")
    }

    /// Opens the index, or builds it when it is missing or damaged.
    fn open(&self, checkpoint: Option<Sequence>) -> Result<(Box<dyn Engine>, Sequence)> {
        let why = match self.look(checkpoint)? {
            Found::Sound(engine, applied) => return Ok((engine, applied)),
            Found::Missing if self.journal.end() == 0 && self.journal.start() == 1 => return Ok((self.create()?, 0)),
            Found::Missing if !self.options.engine.is_persistent() => None,
            Found::Missing => Some("the index is missing".to_owned()),
            Found::Damaged(why) => Some(why),
        };
        if let Some(why) = why {
            tracing::warn!(directory = %self.directory.display(), %why, "building the index from the journal");
        }
        self.build()
    }

    fn look(&self, checkpoint: Option<Sequence>) -> Result<Found> {
        let end = self.journal.end();
        if let Some(seen) = checkpoint.filter(|seen| *seen > end) {
            return Err(self.behind(seen));
        }
        let path = self.path();
        let exists = self.disk.exists(&path).map_err(|error| disk::failed("look for", &path, error))?;
        if !exists || !self.options.engine.is_persistent() {
            return Ok(Found::Missing);
        }
        let engine = match self.disk.open_engine(self.options.engine, &path, self.options.cache_bytes) {
            Ok(engine) => engine,
            Err(OpenFailure::Damaged(error)) => return Ok(Found::Damaged(format!("it will not open: {error:?}"))),
            Err(OpenFailure::Other(error)) => return Err(error),
        };
        let identity = engine.get(&keyspace::info("identity"))?;
        if let Some(other) = identity.as_ref().filter(|identity| identity.as_ref() != self.identity) {
            let other = manifest::hex(other);
            let message = format!("the index in {} belongs to another store ({other})", path.display());
            return Err(Error::new(Kind::Corrupt, "INDEX_FOREIGN", message));
        }
        let mark = engine.get(&keyspace::info("mark"))?;
        let mark = mark.and_then(|mark| mark.as_ref().try_into().ok()).map_or(0, u64::from_be_bytes);
        if mark > end {
            return Err(self.behind(mark));
        }
        if identity.is_none() {
            return Ok(Found::Damaged("it was not finished".to_owned()));
        }
        match checkpoint {
            Some(applied) if mark < applied => {
                Ok(Found::Damaged(format!("it ends with transaction {mark} and should hold {applied}")))
            }
            Some(applied) if applied + 1 >= self.journal.start() => Ok(Found::Sound(engine, applied)),
            // Nothing was brought into it yet: everything is replayed, if everything is there.
            None if mark == 0 && self.journal.start() == 1 => Ok(Found::Sound(engine, 0)),
            None => Ok(Found::Damaged("how much of it is certain is not known".to_owned())),
            _ => Ok(Found::Damaged("it is older than the journal".to_owned())),
        }
    }

    /// The index, or its checkpoint, has seen more than the journal holds.
    fn behind(&self, seen: Sequence) -> Error {
        let (path, end) = (self.directory.join("journal"), self.journal.end());
        let message = format!(
            "the journal in {} ends with transaction {end}, but the index has seen {seen}: journal files are missing \
             or old. Put the newest ones back, or restore a backup into an empty directory with `wangge restore`",
            path.display()
        );
        Error::new(Kind::Corrupt, "INDEX_AHEAD", message)
    }

    /// Makes an empty index.
    fn create(&self) -> Result<Box<dyn Engine>> {
        let engine = self.disk.open_engine(self.options.engine, &self.path(), self.options.cache_bytes);
        let engine = engine.map_err(|failure| match failure {
            OpenFailure::Damaged(error) | OpenFailure::Other(error) => error,
        })?;
        let identity = (keyspace::info("identity").into(), Some(Bytes::copy_from_slice(&self.identity)));
        engine.apply(&[identity, mark(0)])?;
        engine.sync()?;
        Ok(engine)
    }

    /// Builds the index from the newest good snapshot, if there is one, and the journal.
    fn build(&self) -> Result<(Box<dyn Engine>, Sequence)> {
        let snapshot = snapshot::newest(&**self.disk, self.directory, self.identity)?;
        let covered = snapshot.as_ref().map_or(0, |snapshot| snapshot.sequence);
        let start = self.journal.start();
        if covered > self.journal.end() {
            return Err(self.behind(covered));
        }
        if covered + 1 < start {
            let path = self.directory.display();
            let message = format!(
                "the index in {path} must be built again, but the journal begins with transaction {start} and no \
                 undamaged snapshot covers what was before. Put the missing files back, or restore a backup into an \
                 empty directory with `wangge restore`"
            );
            return Err(Error::new(Kind::Corrupt, "INDEX_LOST", message));
        }
        self.move_aside()?;
        let engine = self.create()?;
        if let Some(snapshot) = snapshot {
            snapshot.load(&**self.disk, &*engine)?;
        }
        let mut replay = Replay::default();
        self.journal.walk(covered, &mut |frame| {
            replay.add_frame(frame);
            replay.overflow(self.options.memtable_bytes).map_or(Ok(()), |operations| engine.apply(&operations))?;
            Ok(true)
        })?;
        engine.apply(&replay.operations())?;
        let end = self.journal.end();
        engine.apply(&[mark(end)])?;
        engine.sync()?;
        manifest::save_checkpoint(&**self.disk, self.directory, end)?;
        Ok((engine, end))
    }

    /// Keeps a damaged index for whoever wants to know why; an older one that was kept goes.
    fn move_aside(&self) -> Result<()> {
        manifest::remove_checkpoint(&**self.disk, self.directory)?;
        let path = self.path();
        let aside = self.directory.join("index.damaged");
        let failed = |error| disk::failed("move aside", &path, error);
        if self.disk.exists(&path).map_err(failed)? {
            self.disk.remove(&aside).map_err(failed)?;
            self.disk.rename(&path, &aside).map_err(failed)?;
            self.disk.sync_directory(self.directory).map_err(failed)?;
        }
        Ok(())
    }
}
