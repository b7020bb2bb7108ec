//! fjall 3: faster than sled at writing, at a fraction of the memory.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use base::{Error, Result};
use bytes::Bytes;
use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode};

use super::{Engine, Operation, Visit, damaged};
use crate::disk::OpenFailure;

/// fjall in a directory.
pub struct FjallEngine {
    path: PathBuf,
    values: Keyspace,
    db: Database,
}

impl FjallEngine {
    /// Opens fjall in a directory, which is made when it does not exist.
    pub fn open(path: &Path, cache_bytes: u64) -> Result<Self, OpenFailure> {
        // Its own journal is written when the engine is synced and not before: ours has everything in between.
        let config = Database::builder(path).cache_size(cache_bytes).manual_journal_persist(true);
        let opened = catch_unwind(AssertUnwindSafe(|| {
            let db = config.open()?;
            let values = db.keyspace("values", || KeyspaceCreateOptions::default().manual_journal_persist(true))?;
            Ok::<_, fjall::Error>((db, values))
        }));
        match opened {
            Ok(Ok((db, values))) => Ok(Self { path: path.to_path_buf(), values, db }),
            Ok(Err(error)) => Err(classify(path, error)),
            Err(_) => Err(OpenFailure::Damaged(damaged(path).caused_by("fjall panicked"))),
        }
    }

    fn failed(&self, error: fjall::Error) -> Error {
        match classify(&self.path, error) {
            OpenFailure::Damaged(error) | OpenFailure::Other(error) => error,
        }
    }
}

impl Engine for FjallEngine {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>> {
        let value = self.values.get(key).map_err(|error| self.failed(error))?;
        Ok(value.map(|value| Bytes::copy_from_slice(&value)))
    }

    fn range(&self, start: &[u8], end: &[u8], reverse: bool, visit: Visit<'_>) -> Result<()> {
        if start >= end {
            return Ok(());
        }
        let mut range = self.values.range(start..end);
        while let Some(found) = if reverse { range.next_back() } else { range.next() } {
            let (key, value) = found.into_inner().map_err(|error| self.failed(error))?;
            if visit(&key, &value)?.is_break() {
                break;
            }
        }
        Ok(())
    }

    fn apply(&self, operations: &[Operation]) -> Result<()> {
        operations.iter().try_for_each(|(key, value)| match value {
            Some(value) => self.values.insert(&key[..], &value[..]).map_err(|error| self.failed(error)),
            None => self.values.remove(&key[..]).map_err(|error| self.failed(error)),
        })
    }

    fn sync(&self) -> Result<()> {
        self.db.persist(PersistMode::SyncAll).map_err(|error| self.failed(error))
    }

    fn disk_bytes(&self) -> Result<u64> {
        self.db.disk_space().map_err(|error| self.failed(error))
    }
}

/// Tells damage from what is in the way.
fn classify(path: &Path, error: fjall::Error) -> OpenFailure {
    let io = match error {
        fjall::Error::Io(error) => error,
        // Only `io::Error` tells what the disk said; take it out of the layers it may be in.
        other => match std::error::Error::source(&other).and_then(|source| source.downcast_ref::<io::Error>()) {
            Some(error) => io::Error::new(error.kind(), error.to_string()),
            None if matches!(other, fjall::Error::Locked | fjall::Error::Poisoned) => io::Error::other(other),
            None => return OpenFailure::Damaged(damaged(path).caused_by(other)),
        },
    };
    match io.kind() {
        io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData => OpenFailure::Damaged(damaged(path).caused_by(io)),
        _ => OpenFailure::Other(crate::disk::failed("use the index in", path, io)),
    }
}
