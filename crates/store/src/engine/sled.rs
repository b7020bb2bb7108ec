//! sled 0.34.7, with the care its faults need. Each rule here has its measurement in the design notes:
//!
//! - a file `snap.*.generating`, left by a kill, makes it refuse to open: such files are deleted first;
//! - `flush` never syncs: the file `db` is synced after it;
//! - a write of over 128 KiB goes to a file that is never synced, and a leaf, which may have twenty values, is written
//!   at once: values are cut into chunks of 4 KiB;
//! - a large `Batch` blows its memory up: keys are written one by one;
//! - opening damaged files may panic: the panic is caught.

use std::fs::{self, File};
use std::io;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use base::{Error, Result, limits};
use bytes::Bytes;

use super::{Engine, Operation, Visit, damaged};
use crate::committer::panic_words;
use crate::disk::{OpenFailure, is_full};

/// The first byte of a stored value: it follows, or it is in chunks.
const WHOLE: u8 = 0;
const CHUNKED: u8 = 1;
/// How often a chunked value is read again when it is just being replaced.
const ATTEMPTS: usize = 100;

/// sled in a directory.
pub struct SledEngine {
    path: PathBuf,
    /// The file that `flush` writes and does not sync.
    file: File,
    values: sled::Tree,
    /// The chunks of large values, under the value's key, its checksum and the chunk's number.
    chunks: sled::Tree,
    db: sled::Db,
}

impl SledEngine {
    /// Opens sled in a directory, which is made when it does not exist.
    pub fn open(path: &Path, cache_bytes: u64) -> Result<Self, OpenFailure> {
        let other = |error: io::Error| OpenFailure::Other(crate::disk::failed("open the index in", path, error));
        remove_unfinished_snapshots(path).map_err(other)?;
        let is_new = !path.join("db").exists();
        let config = sled::Config::new()
            .path(path)
            .cache_capacity(cache_bytes)
            .mode(sled::Mode::LowSpace)
            .flush_every_ms(Some(500))
            .use_compression(false);
        // sled reports some damage by panicking. Nothing of it is used after that.
        let opened = catch_unwind(AssertUnwindSafe(|| {
            let db = config.open()?;
            // An index with another layout of these trees has other numbers, and is found to hold nothing.
            let values = db.open_tree("values.2")?;
            let chunks = db.open_tree("chunks.2")?;
            Ok::<_, sled::Error>((db, values, chunks))
        }));
        let (db, values, chunks) = match opened {
            Ok(Ok(opened)) => opened,
            Ok(Err(error)) => return Err(classify(path, error)),
            Err(panic) => {
                return Err(OpenFailure::Damaged(damaged(path).caused_by(panic_words(&*panic))));
            }
        };
        let file = File::open(path.join("db")).map_err(other)?;
        if is_new {
            sync_new_files(path, &db).map_err(other)?;
        }
        Ok(Self { path: path.to_path_buf(), file, values, chunks, db })
    }

    fn chunk_key(key: &[u8], chunks: Chunks, number: u32) -> Vec<u8> {
        [key, &chunks.crc, &number.to_be_bytes()].concat()
    }

    fn insert(&self, key: &[u8], value: &[u8]) -> Result<()> {
        let head = if value.len() <= limits::VALUE_CHUNK_BYTES {
            [&[WHOLE], value].concat()
        } else {
            self.insert_chunks(key, value)?
        };
        let kept = Chunks::of(&head);
        let before = self.values.insert(key, head).map_err(|error| self.failed(error))?;
        self.remove_chunks(key, before.as_deref().and_then(Chunks::of), kept)
    }

    /// Writes the chunks of a large value and answers the head that names them. The chunks of the value before stay
    /// as they are until the head is replaced, so that the key has a whole value wherever the process ends.
    fn insert_chunks(&self, key: &[u8], value: &[u8]) -> Result<Vec<u8>> {
        let count = u32::try_from(value.len().div_ceil(limits::VALUE_CHUNK_BYTES))
            .map_err(|_| Error::internal(format!("a value of {} bytes is too large for sled", value.len())))?;
        let chunks = Chunks { count, crc: crc32fast::hash(value).to_be_bytes() };
        for (number, chunk) in (0..).zip(value.chunks(limits::VALUE_CHUNK_BYTES)) {
            self.chunks.insert(Self::chunk_key(key, chunks, number), chunk).map_err(|error| self.failed(error))?;
        }
        Ok([&[CHUNKED][..], &count.to_be_bytes(), &chunks.crc].concat())
    }

    fn remove(&self, key: &[u8]) -> Result<()> {
        let before = self.values.remove(key).map_err(|error| self.failed(error))?;
        self.remove_chunks(key, before.as_deref().and_then(Chunks::of), None)
    }

    /// Removes the chunks of a replaced value, but not those that the new one has under the same keys.
    fn remove_chunks(&self, key: &[u8], gone: Option<Chunks>, kept: Option<Chunks>) -> Result<()> {
        let Some(gone) = gone else { return Ok(()) };
        let first = kept.filter(|kept| kept.crc == gone.crc).map_or(0, |kept| kept.count);
        for number in first..gone.count {
            self.chunks.remove(Self::chunk_key(key, gone, number)).map_err(|error| self.failed(error))?;
        }
        Ok(())
    }

    /// The value that a head stands for.
    fn value(&self, key: &[u8], head: &[u8]) -> Result<Option<Bytes>> {
        let mut head = Some(sled::IVec::from(head));
        for _ in 0..ATTEMPTS {
            let Some(found) = &head else { return Ok(None) };
            if let Some((&WHOLE, value)) = found.split_first() {
                return Ok(Some(Bytes::copy_from_slice(value)));
            }
            if let Some(value) = self.assemble(key, found)? {
                return Ok(Some(value));
            }
            // It is being replaced just now, or it is damaged: time tells.
            std::thread::sleep(Duration::from_millis(1));
            head = self.values.get(key).map_err(|error| self.failed(error))?;
        }
        Err(damaged(&self.path).caused_by("a large value is not whole"))
    }

    fn assemble(&self, key: &[u8], head: &[u8]) -> Result<Option<Bytes>> {
        let Some(chunks) = Chunks::of(head) else { return Ok(None) };
        let mut value = Vec::new();
        for number in 0..chunks.count {
            match self.chunks.get(Self::chunk_key(key, chunks, number)).map_err(|error| self.failed(error))? {
                Some(chunk) => value.extend_from_slice(&chunk),
                None => return Ok(None),
            }
        }
        Ok((crc32fast::hash(&value).to_be_bytes() == chunks.crc).then(|| value.into()))
    }

    fn failed(&self, error: sled::Error) -> Error {
        match classify(&self.path, error) {
            OpenFailure::Damaged(error) | OpenFailure::Other(error) => error,
        }
    }
}

impl Engine for SledEngine {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>> {
        let head = self.values.get(key).map_err(|error| self.failed(error))?;
        head.map_or(Ok(None), |head| self.value(key, &head))
    }

    fn range(&self, start: &[u8], end: &[u8], reverse: bool, visit: Visit<'_>) -> Result<()> {
        if start >= end {
            return Ok(());
        }
        let mut range = self.values.range(start..end);
        while let Some(found) = if reverse { range.next_back() } else { range.next() } {
            let (key, head) = found.map_err(|error| self.failed(error))?;
            let flow = match head.split_first() {
                Some((&WHOLE, value)) => visit(&key, value)?,
                _ => match self.value(&key, &head)? {
                    Some(value) => visit(&key, &value)?,
                    None => ControlFlow::Continue(()),
                },
            };
            if flow.is_break() {
                break;
            }
        }
        Ok(())
    }

    fn apply(&self, operations: &[Operation]) -> Result<()> {
        operations.iter().try_for_each(|(key, value)| match value {
            Some(value) => self.insert(key, value),
            None => self.remove(key),
        })
    }

    fn sync(&self) -> Result<()> {
        self.db.flush().map_err(|error| self.failed(error))?;
        self.file.sync_data().map_err(|error| crate::disk::failed("sync the index in", &self.path, error))
    }

    fn disk_bytes(&self) -> Result<u64> {
        self.db.size_on_disk().map_err(|error| self.failed(error))
    }
}

/// The chunks that a head names.
#[derive(Clone, Copy)]
struct Chunks {
    count: u32,
    /// The checksum of the whole value, which keeps its chunks apart from those of the key's other values.
    crc: [u8; 4],
}

impl Chunks {
    fn of(head: &[u8]) -> Option<Self> {
        let (&CHUNKED, rest) = head.split_first()? else { return None };
        let (count, rest) = rest.split_first_chunk()?;
        Some(Self { count: u32::from_be_bytes(*count), crc: rest.try_into().ok()? })
    }
}

fn remove_unfinished_snapshots(path: &Path) -> io::Result<()> {
    let entries = match fs::read_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other?,
    };
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with("snap.") && name.ends_with(".generating") {
            tracing::warn!(file = %entry.path().display(), "removed an index snapshot that was never finished");
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// sled syncs none of the files it makes.
fn sync_new_files(path: &Path, db: &sled::Db) -> io::Result<()> {
    db.flush().map_err(io::Error::other)?;
    for name in ["db", "conf"] {
        File::open(path.join(name))?.sync_all()?;
    }
    File::open(path)?.sync_all()?;
    path.parent().map_or(Ok(()), |parent| File::open(parent)?.sync_all())
}

/// Tells damage from what is in the way. A full disk or missing rights must never look like damage.
fn classify(path: &Path, error: sled::Error) -> OpenFailure {
    match error {
        sled::Error::Io(error) => {
            let is_damage = matches!(error.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData);
            if is_damage && !is_full(&error) {
                OpenFailure::Damaged(damaged(path).caused_by(error))
            } else {
                OpenFailure::Other(crate::disk::failed("use the index in", path, error))
            }
        }
        error => OpenFailure::Damaged(damaged(path).caused_by(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_value_stays_whole_until_the_one_that_replaces_it_is() {
        let directory = tempfile::tempdir().unwrap();
        let engine = SledEngine::open(&directory.path().join("index"), 16 << 20).unwrap();
        let (before, after) = (vec![1; 300_000], vec![2; 200_000]);
        engine.insert(b"key", &before).unwrap();
        // The process ends when the chunks of the new value are written and its head is not.
        engine.insert_chunks(b"key", &after).unwrap();
        assert_eq!(engine.get(b"key").unwrap().as_deref(), Some(&before[..]));
        engine.insert(b"key", &after).unwrap();
        assert_eq!(engine.get(b"key").unwrap().as_deref(), Some(&after[..]));
        assert_eq!(engine.chunks.len(), after.len().div_ceil(limits::VALUE_CHUNK_BYTES), "only its own are left");
        engine.remove(b"key").unwrap();
        assert!(engine.chunks.is_empty());
    }
}
