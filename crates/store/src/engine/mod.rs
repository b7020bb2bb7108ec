//! Engines: the ordered key-value stores that can hold the index.
//!
//! An engine is never the only copy: the journal is. So an engine needs no transactions, no batches that are atomic,
//! and no durability before [`Engine::sync`]. It does need to give back what it was given, in order; the conformance
//! suite ([`crate::conformance`]) says exactly what.

mod fjall;
mod memory;
mod sled;

use std::fmt;
use std::ops::ControlFlow;
use std::path::Path;
use std::str::FromStr;

use base::{Error, Kind, Result};
use bytes::Bytes;

use crate::disk::OpenFailure;

pub use fjall::FjallEngine;
pub use memory::MemoryEngine;
pub use sled::SledEngine;

/// What is called for each key of a range, in order; it may end the walk.
pub type Visit<'a> = &'a mut dyn FnMut(&[u8], &[u8]) -> Result<ControlFlow<()>>;

/// A change of one key: the value it has from now on, or none.
pub type Operation = (Bytes, Option<Bytes>);

/// An ordered map from bytes to bytes that many threads read while one writes.
pub trait Engine: Send + Sync {
    /// The value of a key.
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>>;

    /// Visits the keys from `start` (inclusive) to `end` (exclusive), upwards, or downwards when `reverse`. Keys
    /// that are written meanwhile may be seen or not; all others are seen exactly once.
    fn range(&self, start: &[u8], end: &[u8], reverse: bool, visit: Visit<'_>) -> Result<()>;

    /// Makes these changes, which come in key order, each key once. Readers see them at once, one by one. After an
    /// error any of them may have been made.
    fn apply(&self, operations: &[Operation]) -> Result<()>;

    /// Returns when everything applied before would survive a power cut.
    fn sync(&self) -> Result<()>;

    /// Bytes taken on disk; zero for an engine that is not on disk.
    fn disk_bytes(&self) -> Result<u64>;
}

/// Which engine holds the index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum EngineKind {
    /// A map in memory, filled from the journal at every start: for tests and simulation.
    Memory,
    /// sled 0.34.7, with the care its faults need.
    #[default]
    Sled,
    /// fjall 3.
    Fjall,
}

impl EngineKind {
    /// Whether the index outlives the process.
    pub const fn is_persistent(self) -> bool {
        !matches!(self, Self::Memory)
    }
}

impl fmt::Display for EngineKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Memory => "memory",
            Self::Sled => "sled",
            Self::Fjall => "fjall",
        })
    }
}

impl FromStr for EngineKind {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        match name {
            "memory" => Ok(Self::Memory),
            "sled" => Ok(Self::Sled),
            "fjall" => Ok(Self::Fjall),
            _ => Err(Error::invalid("engine", format!("{name:?} is not an engine; it is sled, fjall or memory"))),
        }
    }
}

/// Opens an engine in a directory of the machine's disk.
pub(crate) fn open(kind: EngineKind, path: &Path, cache_bytes: u64) -> Result<Box<dyn Engine>, OpenFailure> {
    match kind {
        EngineKind::Memory => Ok(Box::new(MemoryEngine::default())),
        EngineKind::Sled => Ok(Box::new(SledEngine::open(path, cache_bytes)?)),
        EngineKind::Fjall => Ok(Box::new(FjallEngine::open(path, cache_bytes)?)),
    }
}

/// An engine's files are damaged.
fn damaged(path: &Path) -> Error {
    let path = path.display();
    let message = format!("the index in {path} is damaged; stop the server and build it again with `wangge rebuild`");
    Error::new(Kind::Corrupt, "INDEX_DAMAGED", message)
}
