//! The committer: the one thread that writes.
//!
//! It takes all closures that wait, runs them one after another, appends what they did to the journal as one frame,
//! syncs once, shows the group to readers, and answers. A closure that fails or panics leaves no trace; if the frame
//! cannot be made durable, nobody of the group is told that it was.

use std::any::Any;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::Receiver;

use base::{Error, Kind, Result, limits};
use bytes::Bytes;

use crate::feed::Entry;
use crate::journal::{AppendFailure, Writer, frame};
use crate::keyspace;
use crate::layers::{Overlay, Run, lay};
use crate::requests::Sweep;
use crate::shared::Shared;
use crate::transaction::{Done, Transaction};
use crate::view::ReadView;
use crate::{Origin, Sequence};

/// A write that waits for the committer.
pub(crate) trait Job: Send {
    fn origin(&self) -> &Origin;
    /// Runs the closure; its value waits in the job.
    fn run(&mut self, transaction: &mut Transaction<'_>) -> Result<()>;
    /// Tells the caller: committed as this sequence, or not.
    fn answer(self: Box<Self>, outcome: Result<Sequence>);
}

pub(crate) enum Message {
    Write(Box<dyn Job>),
    Stop,
}

/// A group is closed when it has gathered so much.
const GROUP_BYTES: usize = 4 << 20;
/// A single transaction may change at most so much.
const TRANSACTION_BYTES_MAX: usize = 256 << 20;
/// The committer's own state; [`Committer::run`] is its thread.
pub(crate) struct Committer {
    shared: Arc<Shared>,
    writer: Writer,
    queue: Receiver<Message>,
    sweep: Sweep,
}

/// A group on its way to the journal.
#[derive(Default)]
struct Group {
    overlay: Overlay,
    entries: Vec<Entry>,
    bytes: usize,
    outcomes: Vec<(Box<dyn Job>, Result<Sequence>)>,
}

impl Committer {
    pub(crate) fn new(shared: Arc<Shared>, writer: Writer, queue: Receiver<Message>) -> Self {
        let sweep = Sweep::new(shared.request_retention);
        Self { shared, writer, queue, sweep }
    }

    /// Commits until it is told to stop, or until nobody is left who could write.
    pub(crate) fn run(mut self) {
        let mut waiting = VecDeque::new();
        loop {
            match self.queue.recv_timeout(self.sweep.pause()) {
                Ok(Message::Write(job)) => waiting.push_back(job),
                Err(std::sync::mpsc::RecvTimeoutError::Timeout) => {}
                Ok(Message::Stop) | Err(_) => break,
            }
            let mut stopping = false;
            while waiting.len() < limits::WRITE_GROUP_MAX {
                match self.queue.try_recv() {
                    Ok(Message::Write(job)) => waiting.push_back(job),
                    Ok(Message::Stop) => {
                        stopping = true;
                        break;
                    }
                    Err(_) => break,
                }
            }
            waiting.extend(self.sweep.job_if_due(self.shared.clock.now()));
            while !waiting.is_empty() {
                self.commit(&mut waiting);
            }
            if stopping {
                break;
            }
        }
        if let Err(error) = self.writer.sync_acknowledged() {
            tracing::warn!(%error, "cannot sync the note of what was acknowledged");
        }
    }

    /// Commits the first of the waiting jobs: all, unless they become too much for one frame.
    fn commit(&mut self, waiting: &mut VecDeque<Box<dyn Job>>) {
        if let Err(refusal) = self.shared.accepting().and_then(|()| self.shared.wait_for_room()) {
            for job in waiting.drain(..) {
                job.answer(Err(again(&refusal)));
            }
            return;
        }
        let head = self.shared.head();
        let group = self.run_group(waiting, head);
        let written = if group.entries.is_empty() { Ok(()) } else { self.write(&group) };
        match written {
            Ok(()) => self.publish(group),
            Err(error) => {
                // Even a closure's own refusal may rest on a change of this group that is not durable.
                for (job, _) in group.outcomes {
                    job.answer(Err(again(&error)));
                }
            }
        }
    }

    fn run_group(&self, waiting: &mut VecDeque<Box<dyn Job>>, head: Sequence) -> Group {
        let base = ReadView::new(self.shared.memtable.current(), &*self.shared.engine);
        let mut group = Group::default();
        while group.bytes < GROUP_BYTES
            && let Some(mut job) = waiting.pop_front()
        {
            let sequence = head + group.entries.len() as u64 + 1;
            let outcome = run_one(&mut *job, &base, &group.overlay, sequence).map(|done| {
                if done.overlay.is_empty() && done.changes.is_empty() {
                    return sequence - 1;
                }
                group.take(done, job.origin(), sequence);
                sequence
            });
            group.outcomes.push((job, outcome));
        }
        group
    }

    fn write(&mut self, group: &Group) -> Result<()> {
        // Records follow from the changes, so they are not written twice.
        let operations: Vec<(&Bytes, Option<&Bytes>)> = group
            .overlay
            .iter()
            .filter(|(key, _)| key.first() != Some(&keyspace::RECORDS))
            .map(|(key, entry)| (key, entry.value.as_ref()))
            .collect();
        let payload = frame::encode(&group.entries, operations.into_iter());
        match self.writer.append(&payload) {
            Ok(()) => Ok(()),
            Err(AppendFailure::Refused(error)) => {
                tracing::error!(error = ?error, "a group of writes was refused");
                Err(error)
            }
            Err(AppendFailure::Uncertain(error)) => {
                tracing::error!(error = ?error, "the journal is in doubt; no more writes until a restart");
                let message = format!(
                    "this store takes no more writes until it is restarted, because its journal is in doubt: {error}"
                );
                let refusal = Error::new(Kind::Unavailable, "STORE_POISONED", message);
                self.shared.refuse_writes(again(&refusal));
                Err(refusal)
            }
        }
    }

    fn publish(&self, group: Group) {
        if let Some(last) = group.entries.last().map(|entry| entry.sequence) {
            self.shared.memtable.push(Run::new(group.overlay.into_iter().collect()), last);
            self.shared.tail.push(group.entries);
            self.shared.head.send_replace(last);
            self.shared.poke_flusher();
        }
        for (job, outcome) in group.outcomes {
            job.answer(outcome);
        }
    }
}

impl Group {
    fn take(&mut self, done: Done, origin: &Origin, sequence: Sequence) {
        for (key, entry) in done.overlay {
            lay(&mut self.overlay, key, entry);
        }
        self.bytes += done.bytes;
        self.entries.push(Entry {
            sequence,
            time: origin.time,
            principal: origin.principal.clone(),
            method: origin.method.to_owned(),
            changes: done.changes,
        });
    }
}

/// Runs one closure over the group so far.
fn run_one(job: &mut dyn Job, base: &ReadView<'_>, group: &Overlay, sequence: Sequence) -> Result<Done> {
    let origin = job.origin().clone();
    let mut transaction = Transaction::new(base, group, &origin, sequence);
    match catch_unwind(AssertUnwindSafe(|| job.run(&mut transaction))) {
        Ok(outcome) => outcome?,
        Err(panic) => {
            let words = panic_words(&*panic);
            let message = format!("a write through {} panicked and changed nothing: {words}", origin.method);
            tracing::error!(method = origin.method, %words, "a write closure panicked");
            return Err(Error::internal(message));
        }
    }
    let done = transaction.finish();
    if done.bytes > TRANSACTION_BYTES_MAX {
        let message = format!("one write may change at most {TRANSACTION_BYTES_MAX} bytes; split it");
        return Err(Error::new(Kind::Exhausted, "TRANSACTION_TOO_LARGE", message));
    }
    Ok(done)
}

/// What a panic said.
pub(crate) fn panic_words(panic: &(dyn Any + Send)) -> String {
    let words = panic.downcast_ref::<&str>().map(|words| (*words).to_owned());
    words.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default()
}

/// The same error for another caller.
pub(crate) fn again(error: &Error) -> Error {
    Error::new(error.kind(), error.reason().to_owned(), error.message().to_owned())
}
