//! What an operator wants to know of a store: for metrics and for the command line.

use std::path::Path;

use base::Result;

use crate::disk::Disk;
use crate::manifest::{Manifest, hex};
use crate::store::Store;
use crate::{EngineKind, Sequence};

/// The state of an open store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// The last transaction that is durable and visible.
    pub head: Sequence,
    /// The last transaction that the engine durably holds; the rest is replayed after a crash.
    pub applied: Sequence,
    /// The first transaction that the journal still holds.
    pub journal_start: Sequence,
    /// Bytes of the journal.
    pub journal_bytes: u64,
    /// Bytes of the index on disk.
    pub index_bytes: u64,
    /// Bytes of changes above the engine that wait to be written to it.
    pub waiting_bytes: u64,
    /// Why writes are refused until a restart, if they are.
    pub refusal: Option<String>,
}

impl Store {
    /// How the store is.
    pub fn status(&self) -> Result<Status> {
        let shared = self.shared();
        Ok(Status {
            head: shared.head(),
            applied: shared.flush.applied(),
            journal_start: shared.journal.start(),
            journal_bytes: shared.journal.bytes(),
            index_bytes: shared.engine.disk_bytes()?,
            waiting_bytes: shared.memtable.active_bytes() as u64,
            refusal: shared.accepting().err().map(|refusal| refusal.message().to_owned()),
        })
    }
}

/// What a directory says it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// The name the store was made with.
    pub name: String,
    /// Its identity, in hexadecimal digits.
    pub identity: String,
    /// What holds its index.
    pub engine: EngineKind,
}

/// Which store a directory holds, without opening it; none when it holds none.
pub fn describe(disk: &dyn Disk, directory: &Path) -> Result<Option<Description>> {
    let manifest = Manifest::load(disk, directory)?;
    Ok(manifest.map(|Manifest { name, identity, engine, .. }| Description { name, identity: hex(&identity), engine }))
}
