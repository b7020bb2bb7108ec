//! sled 0.34.7, with the care its faults need. Each rule here has its measurement in the design notes:
//!
//! - a file `snap.*.generating`, left by a kill, makes it refuse to open: such files are deleted first;
//! - `flush` never syncs: the file `db` is synced after it;
//! - a value over about 128 KiB goes to a file that is never synced: values are cut into chunks of 60 KiB;
//! - a large `Batch` blows its memory up: keys are written one by one;
//! - opening damaged files may panic: the panic is caught.

use std::fs::{self, File};
use std::io;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use base::{Error, Kind, Result, limits};
use bytes::Bytes;

use super::{Engine, Operation, Visit};
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
    /// The chunks of large values, under the value's key and the chunk's number.
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
            let values = db.open_tree("values")?;
            let chunks = db.open_tree("chunks")?;
            Ok::<_, sled::Error>((db, values, chunks))
        }));
        let (db, values, chunks) = match opened {
            Ok(Ok(opened)) => opened,
            Ok(Err(error)) => return Err(classify(path, error)),
            Err(panic) => {
                let words = panic.downcast_ref::<String>().cloned();
                let words = words.or_else(|| panic.downcast_ref::<&str>().map(|words| (*words).to_owned()));
                return Err(OpenFailure::Damaged(damaged(path).caused_by(words.unwrap_or_default())));
            }
        };
        let file = File::open(path.join("db")).map_err(other)?;
        if is_new {
            sync_new_files(path, &db).map_err(other)?;
        }
        Ok(Self { path: path.to_path_buf(), file, values, chunks, db })
    }

    fn chunk_key(key: &[u8], number: u32) -> Vec<u8> {
        [key, &number.to_be_bytes()].concat()
    }

    fn insert(&self, key: &[u8], value: &[u8]) -> Result<()> {
        let mut head = Vec::with_capacity(1 + value.len().min(limits::VALUE_CHUNK_BYTES));
        if value.len() <= limits::VALUE_CHUNK_BYTES {
            head.push(WHOLE);
            head.extend_from_slice(value);
        } else {
            let mut count = 0_u32;
            for chunk in value.chunks(limits::VALUE_CHUNK_BYTES) {
                self.chunks.insert(Self::chunk_key(key, count), chunk).map_err(|error| self.failed(error))?;
                count += 1;
            }
            head.push(CHUNKED);
            head.extend_from_slice(&count.to_be_bytes());
            head.extend_from_slice(&crc32fast::hash(value).to_be_bytes());
        }
        let kept = chunk_count(&head);
        let before = self.values.insert(key, head).map_err(|error| self.failed(error))?;
        self.remove_chunks(key, kept, before.as_deref())
    }

    fn remove(&self, key: &[u8]) -> Result<()> {
        let before = self.values.remove(key).map_err(|error| self.failed(error))?;
        self.remove_chunks(key, 0, before.as_deref())
    }

    /// Removes the chunks that a replaced value had and the new one has not.
    fn remove_chunks(&self, key: &[u8], kept: u32, before: Option<&[u8]>) -> Result<()> {
        for number in kept..before.map_or(0, chunk_count) {
            self.chunks.remove(Self::chunk_key(key, number)).map_err(|error| self.failed(error))?;
        }
        Ok(())
    }

    /// The value that a head stands for.
    fn value(&self, key: &[u8], head: &[u8]) -> Result<Option<Bytes>> {
        if let Some((&WHOLE, value)) = head.split_first() {
            return Ok(Some(Bytes::copy_from_slice(value)));
        }
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
        let mut value = Vec::new();
        for number in 0..chunk_count(head) {
            match self.chunks.get(Self::chunk_key(key, number)).map_err(|error| self.failed(error))? {
                Some(chunk) => value.extend_from_slice(&chunk),
                None => return Ok(None),
            }
        }
        Ok((head.get(5..9) == Some(&crc32fast::hash(&value).to_be_bytes()[..])).then(|| value.into()))
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

/// How many chunks a head names.
fn chunk_count(head: &[u8]) -> u32 {
    match head {
        [CHUNKED, count @ ..] => count.first_chunk().map_or(0, |count| u32::from_be_bytes(*count)),
        _ => 0,
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

fn damaged(path: &Path) -> Error {
    let path = path.display();
    Error::new(Kind::Corrupt, "INDEX_DAMAGED", format!("the index in {path} is damaged; restart to build it again"))
}
