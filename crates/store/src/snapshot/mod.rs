//! Snapshots: the whole store at one transaction, written while others go on writing.
//!
//! A snapshot goes to any stream (a backup), or into the store's own directory, where it allows the oldest journal
//! files to be removed. It is trusted only after it was read back from end to end.

mod format;

use std::io::{self, Read, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base::{Error, Kind, Result, Time};
use bytes::Bytes;

use crate::disk::{self, Disk, File};
use crate::engine::Engine;
use crate::keyspace::RECORDS;
use crate::layers::Replay;
use crate::progress::{Progress, Step};
use crate::shared::Shared;
use crate::store::Store;
use crate::{Sequence, journal};

pub use format::Summary;
pub(crate) use format::{Header, Part, SnapshotWriter, read};

const DIRECTORY: &str = "snapshots";
/// How many snapshots the directory keeps: should the newest be damaged, the one before is there.
const KEPT: usize = 2;
/// Keys read from the engine at once.
const PORTION: usize = 1_000;
/// Bytes of a snapshot's frames that are gathered before they are written to the engine.
const REPLAY_BYTES: usize = 32 << 20;

impl Store {
    /// Writes a snapshot of the store to a stream, without stopping writers. What is written holds everything that
    /// was committed before this was called. Blocks; reads the whole index.
    pub fn snapshot(&self, out: &mut dyn Write, progress: Progress<'_>) -> Result<Summary> {
        let _one_at_a_time = self.shared().snapshots.lock();
        write(self.shared(), out, progress)
    }

    /// Writes a snapshot into the store's directory, reads it back, and removes what it makes unnecessary: older
    /// snapshots, and journal files that are covered and older than the feed's retention. Blocks.
    pub fn snapshot_in_directory(&self, progress: Progress<'_>) -> Result<Summary> {
        let shared = self.shared();
        let _one_at_a_time = shared.snapshots.lock();
        let directory = shared.directory.join(DIRECTORY);
        let disk = &*shared.disk;
        disk.create_directory(&directory).map_err(|error| disk::failed("make", &directory, error))?;
        let partial = directory.join("new.partial");
        let summary = write_file(shared, &partial, progress).inspect_err(|_| {
            // The space is given back; if that fails too, the next snapshot is written over it.
            drop(disk.remove(&partial));
        })?;
        keep(disk, &partial, &directory, summary.sequence)?;
        compact(shared)?;
        Ok(summary)
    }

    /// Removes journal files that are covered by the directory's snapshots and older than the feed's retention.
    /// Answers how many.
    pub fn compact_journal(&self) -> Result<usize> {
        let _one_at_a_time = self.shared().snapshots.lock();
        compact(self.shared())
    }
}

/// Writes a snapshot into a file of the store's disk and reads it back.
fn write_file(shared: &Shared, path: &Path, progress: Progress<'_>) -> Result<Summary> {
    let disk = &*shared.disk;
    let file = disk.open(path, true).map_err(|error| disk::failed("make", path, error))?;
    let summary = write(shared, &mut FileWriter::new(Arc::clone(&file)), progress)?;
    file.sync().map_err(|error| disk::failed("sync", path, error))?;
    check(disk, path)?;
    Ok(summary)
}

fn compact(shared: &Shared) -> Result<usize> {
    let kept = list(&*shared.disk, &shared.directory)?;
    // Up to the oldest kept snapshot, so that each of them can still be brought up to date, and so can the index.
    let Some(oldest) = kept.last() else { return Ok(0) };
    let covered = oldest.sequence.min(shared.flush.applied());
    let retention = i64::try_from(shared.feed_retention.as_micros()).unwrap_or(i64::MAX);
    let before = Time::from_micros(shared.clock.now().micros().saturating_sub(retention));
    shared.journal.compact(covered, before)
}

/// Gives a checked snapshot its name and removes the oldest.
pub(crate) fn keep(disk: &dyn Disk, partial: &Path, directory: &Path, sequence: Sequence) -> Result<()> {
    let path = directory.join(format!("{sequence:020}.snapshot"));
    let renamed = disk.rename(partial, &path).and_then(|()| disk.sync_directory(directory));
    renamed.map_err(|error| disk::failed("name", &path, error))?;
    let home = directory.parent().unwrap_or(directory);
    for old in list(disk, home)?.into_iter().skip(KEPT) {
        disk.remove(&old.path).map_err(|error| disk::failed("remove", &old.path, error))?;
    }
    Ok(())
}

fn write(shared: &Shared, out: &mut dyn Write, progress: Progress<'_>) -> Result<Summary> {
    let failed = |error: io::Error| {
        let kind = if disk::is_full(&error) { Kind::Exhausted } else { Kind::Unavailable };
        Error::new(kind, "SNAPSHOT_FAILED", format!("cannot write the snapshot: {error}")).caused_by(error)
    };
    let base = shared.flush.applied();
    let manifest = &shared.manifest;
    let header = Header { name: manifest.name.clone(), identity: manifest.identity, base };
    let mut writer = SnapshotWriter::new(out, &header).map_err(failed)?;
    let mut next = vec![RECORDS];
    loop {
        let portion = portion(&*shared.engine, &next)?;
        for (key, value) in &portion {
            writer.entry(key, value).map_err(failed)?;
        }
        progress(Step { what: "snapshot", done: writer.bytes(), total: None });
        match portion.last() {
            Some((last, _)) => next = [last, &[0][..]].concat(),
            None => break,
        }
    }
    // Whatever the scan met is in the journal by now; the head may be a moment behind it.
    let end = shared.journal.end();
    if end > base {
        shared.journal.walk_payloads(base, &mut |payload| {
            writer.frame(payload).map_err(failed)?;
            Ok(journal::frame::summary(payload).is_some_and(|summary| summary.last < end))
        })?;
    }
    let summary = writer.finish().map_err(failed)?;
    progress(Step { what: "snapshot", done: summary.bytes, total: Some(summary.bytes) });
    Ok(summary)
}

/// The next keys of an engine, without what it knows of itself.
pub(crate) fn portion(engine: &dyn Engine, from: &[u8]) -> Result<Vec<(Bytes, Bytes)>> {
    let mut portion = Vec::new();
    engine.range(from, &[0xFF], false, &mut |key, value| {
        portion.push((Bytes::copy_from_slice(key), Bytes::copy_from_slice(value)));
        Ok(if portion.len() < PORTION { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
    })?;
    Ok(portion)
}

/// A snapshot in a store's directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) sequence: Sequence,
    pub(crate) path: PathBuf,
}

/// The snapshots of a store, newest first, unchecked.
pub(crate) fn list(disk: &dyn Disk, home: &Path) -> Result<Vec<Stored>> {
    let directory = home.join(DIRECTORY);
    let names = disk.list(&directory).map_err(|error| disk::failed("list", &directory, error))?;
    let stored = names.iter().rev().filter_map(|name| {
        let sequence = name.strip_suffix(".snapshot")?.parse().ok()?;
        Some(Stored { sequence, path: directory.join(name) })
    });
    Ok(stored.collect())
}

/// The newest snapshot that is undamaged and this store's own.
pub(crate) fn newest(disk: &dyn Disk, home: &Path, identity: [u8; 16]) -> Result<Option<Stored>> {
    for stored in list(disk, home)? {
        match check(disk, &stored.path) {
            Ok((header, summary)) if header.identity == identity && summary.sequence == stored.sequence => {
                return Ok(Some(stored));
            }
            Ok(_) => tracing::warn!(path = %stored.path.display(), "this snapshot is not this store's; passed over"),
            Err(error) if error.kind() == Kind::Corrupt => {
                tracing::warn!(path = %stored.path.display(), error = ?error, "passed over a damaged snapshot");
            }
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

/// Reads a snapshot file from end to end.
pub(crate) fn check(disk: &dyn Disk, path: &Path) -> Result<(Header, Summary)> {
    let file = disk.open(path, false).map_err(|error| disk::failed("open", path, error))?;
    read(&mut FileReader { file, offset: 0 }, &mut |_| Ok(()), &mut |_| ())
}

impl Stored {
    /// Fills an empty engine.
    pub(crate) fn load(&self, disk: &dyn Disk, engine: &dyn Engine) -> Result<()> {
        let file = disk.open(&self.path, false).map_err(|error| disk::failed("open", &self.path, error))?;
        let mut replay = Replay::default();
        let visit = &mut |part| match part {
            Part::Header(_) => Ok(()),
            Part::Entries(entries) => {
                let operations: Vec<_> = entries.into_iter().map(|(key, value)| (key, Some(value))).collect();
                engine.apply(&operations)
            }
            Part::Frame(frame) => {
                replay.add_frame(frame);
                replay.overflow(REPLAY_BYTES).map_or(Ok(()), |operations| engine.apply(&operations))
            }
        };
        read(&mut FileReader { file, offset: 0 }, visit, &mut |_| ())?;
        engine.apply(&replay.operations())
    }
}

/// A file of the store's disk as a stream to write.
pub(crate) struct FileWriter {
    file: Arc<dyn File>,
    offset: u64,
    waiting: Vec<u8>,
}

const WRITE_BYTES: usize = 1 << 20;

impl FileWriter {
    pub(crate) const fn new(file: Arc<dyn File>) -> Self {
        Self { file, offset: 0, waiting: Vec::new() }
    }
}

impl Write for FileWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.waiting.extend_from_slice(bytes);
        if self.waiting.len() >= WRITE_BYTES {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.write_at(&self.waiting, self.offset)?;
        self.offset += self.waiting.len() as u64;
        self.waiting.clear();
        Ok(())
    }
}

/// A file of the store's disk as a stream to read.
struct FileReader {
    file: Arc<dyn File>,
    offset: u64,
}

impl Read for FileReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(buffer, self.offset)?;
        self.offset += read as u64;
        Ok(read)
    }
}
