//! Watching: a store's change feed as a gRPC stream.
//!
//! Strictly after the cursor, at least once, in order. An idle stream sends heartbeats with the cursor it has reached.
//! A stream ends with a reason: UNAVAILABLE when the reader is too slow or the server stops (resume from the last
//! cursor), UNAUTHENTICATED or PERMISSION_DENIED when the right to it is gone, OUT_OF_RANGE when the cursor is older
//! than what is kept. No change waits in memory: each stream pages the journal itself.

use std::time::Duration;

use base::{Error, Kind, Result, limits};
use futures_util::stream::BoxStream;
use futures_util::{StreamExt, future, stream};
use store::{Entry, Sequence, Store};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

use crate::caller::Caller;
use crate::{cursor, status};

/// Longest silence of a stream.
const HEARTBEAT: Duration = Duration::from_secs(limits::WATCH_HEARTBEAT_SECONDS);
/// Messages that wait for a reader before it counts as slow.
const WAITING_MAX: usize = 64;

/// A stream of what `translate` makes of each entry of the feed after `after`. `translate` puts the entry's cursor
/// into its messages; `heartbeat` makes a message that holds nothing but a cursor.
pub fn stream<M: Send + 'static>(
    caller: Caller,
    store: Store,
    after: Sequence,
    translate: impl Fn(&Entry) -> Result<Vec<M>> + Send + Sync + 'static,
    heartbeat: impl Fn(String) -> M + Send + Sync + 'static,
) -> BoxStream<'static, Result<M, Status>> {
    let (messages, received) = mpsc::channel(WAITING_MAX);
    let (end, ended) = oneshot::channel();
    let watcher = Watcher { caller, store, translate, heartbeat, messages };
    tokio::spawn(async move {
        if let Err(reason) = watcher.run(after).await {
            // Nobody hears it when the reader has gone; that is why it ends, then.
            let _ = end.send(status::to_status(reason));
        }
    });
    let reason = stream::once(ended).filter_map(|reason| future::ready(reason.ok().map(Err)));
    ReceiverStream::new(received).map(Ok).chain(reason).boxed()
}

struct Watcher<M, T, H> {
    caller: Caller,
    store: Store,
    translate: T,
    heartbeat: H,
    messages: mpsc::Sender<M>,
}

impl<M, T, H> Watcher<M, T, H>
where
    T: Fn(&Entry) -> Result<Vec<M>>,
    H: Fn(String) -> M,
{
    /// Runs until the reader goes away (`Ok`) or the stream has to end (`Err`).
    async fn run(self, mut position: Sequence) -> Result<()> {
        let mut head = self.store.subscribe();
        let mut stopping = self.caller.stopping();
        // The first heartbeat tells the reader at once from where it watches.
        if !self.send((self.heartbeat)(cursor::write(&self.store, position))).await? {
            return Ok(());
        }
        let mut spoke = Instant::now();
        loop {
            self.caller.renew().await?;
            let entries = self.store.feed_async(position, limits::FEED_BATCH_MAX).await?;
            for entry in &entries {
                position = entry.sequence;
                for message in (self.translate)(entry)? {
                    if !self.send(message).await? {
                        return Ok(());
                    }
                    spoke = Instant::now();
                }
            }
            if entries.is_empty() {
                self.wait(&mut head, &mut stopping, spoke + HEARTBEAT).await?;
            }
            // A reader whom nothing concerned still learns how far it has come.
            if spoke.elapsed() >= HEARTBEAT {
                if !self.send((self.heartbeat)(cursor::write(&self.store, position))).await? {
                    return Ok(());
                }
                spoke = Instant::now();
            }
        }
    }

    /// Waits for a change, until the time of a heartbeat at most; fails when the server stops.
    async fn wait(
        &self,
        head: &mut watch::Receiver<Sequence>,
        stopping: &mut watch::Receiver<bool>,
        heartbeat_at: Instant,
    ) -> Result<()> {
        let stopped =
            || Error::new(Kind::Unavailable, "STOPPING", "the server is stopping; resume from the last cursor");
        tokio::select! {
            changed = head.changed() => changed.map_err(|_| stopped()),
            _ = stopping.wait_for(|stopping| *stopping) => Err(stopped()),
            // Nobody is left to hear the reason.
            () = self.messages.closed() => Err(stopped()),
            () = tokio::time::sleep_until(heartbeat_at) => Ok(()),
        }
    }

    /// Sends a message; false when the reader has gone, an error when it is too slow.
    async fn send(&self, message: M) -> Result<bool> {
        let patience = Duration::from_secs(limits::WATCH_SLOW_SECONDS);
        match self.messages.send_timeout(message, patience).await {
            Ok(()) => Ok(true),
            Err(mpsc::error::SendTimeoutError::Closed(_)) => Ok(false),
            Err(mpsc::error::SendTimeoutError::Timeout(_)) => Err(Error::new(
                Kind::Unavailable,
                "SLOW_READER",
                "the reader did not take its messages in time; resume from the last cursor",
            )),
        }
    }
}
