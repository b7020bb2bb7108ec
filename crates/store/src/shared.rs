//! What the committer, the flusher and the readers of one store share.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use base::{Clock, Error, Result};
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::Sequence;
use crate::committer::again;
use crate::disk::{Disk, Lock};
use crate::engine::Engine;
use crate::feed::Tail;
use crate::flusher::Flush;
use crate::journal::Journal;
use crate::layers::Memtable;
use crate::manifest::Manifest;
use crate::schema::Schema;
use crate::view::ReadView;

/// One open store, without its threads.
pub(crate) struct Shared {
    pub(crate) manifest: Manifest,
    pub(crate) schema: Schema,
    pub(crate) directory: PathBuf,
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) memtable_bytes: usize,
    pub(crate) flush_after: Duration,
    pub(crate) feed_retention: Duration,
    pub(crate) request_retention: Duration,
    pub(crate) engine: Box<dyn Engine>,
    pub(crate) memtable: Memtable,
    pub(crate) journal: Arc<Journal>,
    pub(crate) tail: Tail,
    pub(crate) head: watch::Sender<Sequence>,
    pub(crate) flush: Flush,
    /// Held while a snapshot is written into the directory, so that two do not meet.
    pub(crate) snapshots: Mutex<()>,
    /// Why writes are refused, once the journal is in doubt.
    refusal: Mutex<Option<Error>>,
    /// Dropped last, when everything else is closed.
    _lock: Box<dyn Lock>,
}

/// The parts that opening a directory gives.
pub(crate) struct Parts {
    pub(crate) manifest: Manifest,
    pub(crate) engine: Box<dyn Engine>,
    pub(crate) memtable: Memtable,
    pub(crate) journal: Arc<Journal>,
    /// The transaction up to which the index certainly holds everything.
    pub(crate) applied: Sequence,
    pub(crate) lock: Box<dyn Lock>,
}

impl Shared {
    pub(crate) fn new(schema: Schema, options: &crate::Options, parts: Parts) -> Self {
        let head = parts.journal.end();
        Self {
            manifest: parts.manifest,
            schema,
            directory: options.home(),
            disk: Arc::clone(&options.disk),
            clock: Arc::clone(&options.clock),
            memtable_bytes: options.memtable_bytes,
            flush_after: options.flush_after,
            feed_retention: options.feed_retention,
            request_retention: options.request_retention,
            engine: parts.engine,
            memtable: parts.memtable,
            journal: parts.journal,
            tail: Tail::default(),
            head: watch::Sender::new(head),
            flush: Flush::new(parts.applied),
            snapshots: Mutex::new(()),
            refusal: Mutex::new(None),
            _lock: parts.lock,
        }
    }

    /// The last transaction that is durable and visible.
    pub(crate) fn head(&self) -> Sequence {
        *self.head.borrow()
    }

    /// The store at this moment.
    pub(crate) fn view(&self) -> ReadView<'_> {
        ReadView::new(self.memtable.current(), &*self.engine)
    }

    /// Whether writes are taken, and why not.
    pub(crate) fn accepting(&self) -> Result<()> {
        self.refusal.lock().as_ref().map_or(Ok(()), |refusal| Err(again(refusal)))
    }

    /// Takes no more writes until a restart.
    pub(crate) fn refuse_writes(&self, reason: Error) {
        self.refusal.lock().get_or_insert(reason);
    }

    /// Wakes the flusher when enough is gathered.
    pub(crate) fn poke_flusher(&self) {
        if self.memtable.active_bytes() >= self.memtable_bytes {
            self.flush.poke();
        }
    }

    /// Holds the committer back while the engine is far behind.
    pub(crate) fn wait_for_room(&self) -> Result<()> {
        self.flush.wait_for_room(&|| self.memtable.active_bytes() < self.memtable_bytes.saturating_mul(3))
    }

    /// Whether so much waits for the engine that the committer will soon be held back.
    pub(crate) fn is_crowded(&self) -> bool {
        self.memtable.active_bytes() >= self.memtable_bytes.saturating_mul(2)
    }
}
