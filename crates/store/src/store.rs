//! The store's handle: reading, writing, following, closing.

use std::sync::Arc;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::thread::{self, JoinHandle};

use base::{Error, Kind, Result, limits};
use parking_lot::Mutex;
use tokio::sync::{oneshot, watch};

use crate::committer::{Committer, Job, Message, again};
use crate::feed::{self, Entry};
use crate::options::Options;
use crate::requests::{self, Answer, Request};
use crate::schema::Schema;
use crate::shared::Shared;
use crate::transaction::Transaction;
use crate::view::View;
use crate::{Committed, Origin, Sequence, build, flusher, open, schema};

/// An open store. Clones are handles of the same store; it closes when the last one goes, or by [`Store::close`].
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    shared: Arc<Shared>,
    queue: SyncSender<Message>,
    threads: Mutex<Option<Threads>>,
}

struct Threads {
    committer: JoinHandle<()>,
    flusher: JoinHandle<()>,
}

impl Store {
    /// Opens a store, or makes it when the directory is empty. The name is the service's; a directory made under
    /// another name is refused, and so is one that is open already. What the index lacks is replayed from the
    /// journal; indexes and aggregates that are new in the schema are built before this returns.
    #[expect(clippy::needless_pass_by_value, reason = "callers make options for this one call")]
    pub fn open(name: &str, schema: Schema, options: Options) -> Result<Self> {
        schema::check(schema)?;
        let store = Self::open_as_is(Some(name), schema, &options)?;
        build::build(&store, schema)?;
        Ok(store)
    }

    /// Opens a store without building what is new in the schema: for work at rest.
    pub(crate) fn open_as_is(name: Option<&str>, schema: Schema, options: &Options) -> Result<Self> {
        let (parts, writer) = open::open(name, options)?;
        let shared = Arc::new(Shared::new(schema, options, parts));
        let (queue, waiting) = sync_channel(limits::WRITE_QUEUE_MAX);
        let name = &shared.manifest.name;
        let committer = Committer::new(Arc::clone(&shared), writer, waiting);
        let committer = spawn(format!("{name}-commit"), move || committer.run())?;
        let behind = Arc::clone(&shared);
        let flusher = spawn(format!("{name}-flush"), move || flusher::run(&behind))?;
        let threads = Mutex::new(Some(Threads { committer, flusher }));
        Ok(Self(Arc::new(Inner { shared, queue, threads })))
    }

    /// Reads at one moment, on the caller's thread: for point reads and small pages. The view shows whole groups of
    /// writes, and only durable ones. It must not wait for a write, which may in turn wait for it.
    pub fn read<T>(&self, work: impl FnOnce(&dyn View) -> Result<T>) -> Result<T> {
        work(&self.0.shared.view())
    }

    /// Reads at one moment on a thread where it may take its time: lists, counts by scan, exports. Needs a tokio
    /// runtime.
    pub async fn scan<T: Send + 'static>(
        &self,
        work: impl FnOnce(&dyn View) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let store = self.clone();
        let scan = tokio::task::spawn_blocking(move || store.read(work));
        scan.await.unwrap_or_else(|panic| Err(Error::internal("a scan panicked").caused_by(panic)))
    }

    /// Runs a write closure; when this returns, what it did is durable and visible. Closures run one after another,
    /// each seeing all before it. An error from the closure undoes only that closure. The closure must be pure: the
    /// time, new ids and the caller are given to it.
    ///
    /// Errors of the store itself: `Exhausted` (`WRITE_QUEUE_FULL`, `DISK_FULL`, `INDEX_BEHIND`) and `Unavailable`
    /// (`INDEX_IN_DOUBT`, `STORE_CLOSED`): then nothing was written. After `STORE_POISONED`, also `Unavailable`, only a
    /// restart can tell whether the write was made; sent again with its request id it has one effect.
    pub async fn write<T: Send + 'static>(
        &self,
        origin: Origin,
        work: impl Fn(&mut Transaction<'_>) -> Result<T> + Send + 'static,
    ) -> Result<Committed<T>> {
        let (reply, answer) = oneshot::channel();
        self.submit(origin, work, move |outcome| drop(reply.send(outcome)))?;
        answer.await.unwrap_or_else(|_| Err(self.gone()))
    }

    /// The same for threads without a runtime; it blocks.
    pub fn write_blocking<T: Send + 'static>(
        &self,
        origin: Origin,
        work: impl Fn(&mut Transaction<'_>) -> Result<T> + Send + 'static,
    ) -> Result<Committed<T>> {
        let (reply, answer) = sync_channel(1);
        self.submit(origin, work, move |outcome| drop(reply.send(outcome)))?;
        answer.recv().unwrap_or_else(|_| Err(self.gone()))
    }

    /// Writes once however often it is sent: a repeat of the request gets the first answer's bytes, with `replayed`
    /// and the first sequence, also after a restart, for as long as requests are remembered. A closure's error is
    /// not remembered. The same id with another fingerprint is `Invalid`, `REQUEST_ID_REUSED`. Ids of different
    /// principals do not meet.
    pub async fn write_once(
        &self,
        origin: Origin,
        request: Request,
        work: impl Fn(&mut Transaction<'_>) -> Result<Vec<u8>> + Send + 'static,
    ) -> Result<Committed<Vec<u8>>> {
        let retention = self.0.shared.request_retention;
        self.write(origin, move |transaction| requests::once(transaction, &request, retention, &work)).await.map(told)
    }

    /// The same for threads without a runtime; it blocks.
    pub fn write_once_blocking(
        &self,
        origin: Origin,
        request: Request,
        work: impl Fn(&mut Transaction<'_>) -> Result<Vec<u8>> + Send + 'static,
    ) -> Result<Committed<Vec<u8>>> {
        let retention = self.0.shared.request_retention;
        self.write_blocking(origin, move |transaction| requests::once(transaction, &request, retention, &work))
            .map(told)
    }

    /// The last transaction that is durable and visible. A new store has a few already, if its schema has
    /// indexes: the store's own.
    pub fn head(&self) -> Sequence {
        self.0.shared.head()
    }

    /// Tells whenever the head moves.
    pub fn subscribe(&self) -> watch::Receiver<Sequence> {
        self.0.shared.head.subscribe()
    }

    /// What the store was made with; a cursor is only good for the store whose identity it carries. A restored
    /// backup is another store.
    pub fn identity(&self) -> [u8; 16] {
        self.0.shared.manifest.identity
    }

    /// The name the store was made with.
    pub fn name(&self) -> &str {
        &self.0.shared.manifest.name
    }

    /// At most `max` entries strictly after a cursor, in order; reads that begin later see what they tell. `Expired`, `CURSOR_COMPACTED` when what followed the
    /// cursor is gone; `Invalid` when the cursor is ahead of the head, so that it must be another store's.
    pub fn feed(&self, after: Sequence, max: usize) -> Result<Vec<Entry>> {
        let shared = &self.0.shared;
        let head = shared.head();
        if after > head {
            return Err(Error::invalid("cursor", format!("is ahead of this store, whose last transaction is {head}")));
        }
        feed::read(&shared.tail, &shared.journal, (after, head), max)
    }

    /// The same on a thread where it may read files. Needs a tokio runtime.
    pub async fn feed_async(&self, after: Sequence, max: usize) -> Result<Vec<Entry>> {
        let store = self.clone();
        let read = tokio::task::spawn_blocking(move || store.feed(after, max));
        read.await.unwrap_or_else(|panic| Err(Error::internal("reading the feed panicked").caused_by(panic)))
    }

    /// Brings everything committed so far into the engine, durably, and returns then. Blocks.
    pub fn checkpoint(&self) -> Result<()> {
        self.0.shared.flush.checkpoint()
    }

    /// Stops taking writes, finishes those that wait, writes a checkpoint and ends the threads. Blocks. The
    /// directory is free again when the last handle and the last read are gone.
    pub fn close(&self) -> Result<()> {
        self.0.stop(true)
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.0.shared
    }

    fn submit<T: Send + 'static>(
        &self,
        origin: Origin,
        work: impl Fn(&mut Transaction<'_>) -> Result<T> + Send + 'static,
        reply: impl FnOnce(Result<Committed<T>>) + Send + 'static,
    ) -> Result<()> {
        let job = Write { origin, work, reply, value: None };
        match self.0.queue.try_send(Message::Write(Box::new(job))) {
            Ok(()) => Ok(()),
            Err(TrySendError::Full(_)) => {
                let message = format!("{} writes are waiting already; try again later", limits::WRITE_QUEUE_MAX);
                Err(Error::new(Kind::Exhausted, "WRITE_QUEUE_FULL", message))
            }
            Err(TrySendError::Disconnected(_)) => Err(self.gone()),
        }
    }

    /// Why the committer does not answer: the store is closed, or its thread ended by a fault of ours.
    fn gone(&self) -> Error {
        if self.0.threads.lock().is_none() {
            return Error::new(Kind::Unavailable, "STORE_CLOSED", "the store is closed; try again when it is open");
        }
        let message = "this store takes no more writes until it is restarted, because the thread that writes panicked";
        let refusal = Error::new(Kind::Unavailable, "STORE_POISONED", message);
        self.0.shared.refuse_writes(again(&refusal));
        refusal
    }
}

impl Inner {
    /// Ends the threads; with `checkpoint`, brings the engine up to date before.
    fn stop(&self, checkpoint: bool) -> Result<()> {
        let Some(threads) = self.threads.lock().take() else { return Ok(()) };
        // A closure may hold the last handle; then this is the committer's own thread, and it ends by itself.
        let is_committer = threads.committer.thread().id() == thread::current().id();
        if is_committer {
            self.shared.flush.stop();
            return Ok(());
        }
        drop(self.queue.send(Message::Stop));
        let committed = threads.committer.join();
        let flushed = if checkpoint { self.shared.flush.checkpoint() } else { Ok(()) };
        self.shared.flush.stop();
        let ended = threads.flusher.join();
        if committed.is_err() || ended.is_err() {
            return Err(Error::internal("a thread of the store panicked"));
        }
        flushed
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // Without a checkpoint: what the engine lacks is in the journal.
        drop(self.stop(false));
    }
}

fn told(committed: Committed<Answer>) -> Committed<Vec<u8>> {
    let Answer { bytes, replay_of } = committed.value;
    let sequence = replay_of.unwrap_or(committed.sequence);
    Committed { value: bytes, sequence, replayed: replay_of.is_some() }
}

fn spawn(name: String, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>> {
    let spawned = thread::Builder::new().name(name).spawn(work);
    spawned.map_err(|error| Error::internal("cannot start a thread").caused_by(error))
}

/// A closure on its way through the committer.
struct Write<T, W, R> {
    origin: Origin,
    work: W,
    reply: R,
    value: Option<T>,
}

impl<T, W, R> Job for Write<T, W, R>
where
    T: Send,
    W: Fn(&mut Transaction<'_>) -> Result<T> + Send,
    R: FnOnce(Result<Committed<T>>) + Send,
{
    fn origin(&self) -> &Origin {
        &self.origin
    }

    fn run(&mut self, transaction: &mut Transaction<'_>) -> Result<()> {
        self.value = Some((self.work)(transaction)?);
        Ok(())
    }

    fn answer(self: Box<Self>, outcome: Result<Sequence>) {
        let value = self.value;
        (self.reply)(outcome.and_then(|sequence| {
            let value = value.ok_or_else(|| Error::internal("a write was committed without a value"))?;
            Ok(Committed { value, sequence, replayed: false })
        }));
    }
}
