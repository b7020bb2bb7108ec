//! How a store is opened.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use base::{Clock, SystemClock, limits};

use crate::disk::{Disk, MemoryDisk, RealDisk};
use crate::engine::EngineKind;

/// How a store is opened. [`Options::at`] and [`Options::memory`] give sensible ones.
#[derive(Clone)]
pub struct Options {
    /// Where everything is kept; none for a store in memory that ends with the process.
    pub directory: Option<PathBuf>,
    /// What holds the index. It must be the one the directory was made with; `rebuild` changes it.
    pub engine: EngineKind,
    /// Bytes of the index that the engine may keep in memory.
    pub cache_bytes: u64,
    /// A journal file of so many bytes is closed and the next one begun.
    pub segment_bytes: u64,
    /// So many bytes of changes are gathered before they are written to the engine. More coalesces better; all of it
    /// is read again from the journal after a crash.
    pub memtable_bytes: usize,
    /// Changes are written to the engine at the latest after this time.
    pub flush_after: Duration,
    /// How many bytes of journal that the index does not need are checked at the start; the rest is checked when it
    /// is read for another reason, or by `verify`.
    pub check_bytes: u64,
    /// How long transactions stay in the feed at least. They stay longer while no snapshot covers them.
    pub feed_retention: Duration,
    /// How long the answer to a request id is remembered.
    pub request_retention: Duration,
    /// Where the time comes from: only for what has a retention.
    pub clock: Arc<dyn Clock>,
    /// Where the files are: the machine's disk, unless a test takes another.
    pub disk: Arc<dyn Disk>,
}

const DAY: Duration = Duration::from_secs(86_400);

impl Options {
    /// A store in a directory, on sled.
    pub fn at(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: Some(directory.into()),
            engine: EngineKind::Sled,
            cache_bytes: 256 << 20,
            segment_bytes: 64 << 20,
            memtable_bytes: 32 << 20,
            flush_after: Duration::from_secs(10),
            check_bytes: 256 << 20,
            feed_retention: 7 * DAY,
            request_retention: DAY * limits::REQUEST_RETENTION_DAYS.unsigned_abs(),
            clock: Arc::new(SystemClock),
            disk: Arc::new(RealDisk),
        }
    }

    /// A store in memory.
    pub fn memory() -> Self {
        Self {
            directory: None,
            engine: EngineKind::Memory,
            disk: Arc::new(MemoryDisk::default()),
            ..Self::at(PathBuf::new())
        }
    }

    /// The same with another engine.
    #[must_use]
    pub fn engine(self, engine: EngineKind) -> Self {
        Self { engine, ..self }
    }

    /// The same with another clock.
    #[must_use]
    pub fn clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock, ..self }
    }

    /// The directory, also for a store in memory (whose disk is in memory too).
    pub(crate) fn home(&self) -> PathBuf {
        self.directory.clone().unwrap_or_else(|| PathBuf::from("/memory"))
    }
}

impl Default for Options {
    /// A store in memory.
    fn default() -> Self {
        Self::memory()
    }
}
