//! The flusher: the thread that brings the engine up to date behind the committer, one generation at a time.
//!
//! A generation is everything gathered since the last freeze. It is written in key order, then a mark is put into
//! the engine, the engine is synced, and only then the checkpoint says so. If the machine stops anywhere in between,
//! the journal is read again from the last checkpoint; everything in it is absolute, so nothing is harmed by being
//! written twice.
//!
//! An error passes: the generation is written again, from its beginning. But after a sync that failed, or a panic,
//! nobody knows what the engine holds, and a later sync that succeeds says nothing of it. Then the flusher gives up and
//! forgets the checkpoint: writes go on while there is memory for them, and the next start builds the index again.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use base::{Error, Kind, Result};
use bytes::Bytes;
use parking_lot::{Condvar, Mutex};

use crate::Sequence;
use crate::committer::{again, panic_words};
use crate::keyspace;
use crate::layers::Frozen;
use crate::manifest;
use crate::shared::Shared;

/// How many keys are written between two looks at whether the store is closing.
const PORTION: usize = 512;
/// How long the committer waits for the engine before it refuses.
const ROOM_PATIENCE: Duration = Duration::from_secs(30);
/// How long the flusher rests after the engine failed.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// A read of this length is worth a line in the log, because it keeps memory from being freed.
const LONG_READ: Duration = Duration::from_secs(20);

/// How the flusher is asked, and what it did.
#[derive(Debug)]
pub(crate) struct Flush {
    state: Mutex<FlushState>,
    changed: Condvar,
}

#[derive(Debug)]
struct FlushState {
    poked: bool,
    stopping: bool,
    /// Checkpoints asked for, and how many of them are done (well or badly).
    asked: u64,
    answered: u64,
    applied: Sequence,
    failure: Option<Error>,
    /// The thread has ended because of the failure.
    has_given_up: bool,
}

/// Why a generation was not written.
enum Failure {
    /// It may be tried again.
    Passing(Error),
    /// The engine is in doubt.
    Lasting(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Passing(error)
    }
}

impl Flush {
    pub(crate) fn new(applied: Sequence) -> Self {
        let state = FlushState {
            poked: false,
            stopping: false,
            asked: 0,
            answered: 0,
            applied,
            failure: None,
            has_given_up: false,
        };
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }

    /// Asks for a generation to be written soon.
    pub(crate) fn poke(&self) {
        self.state.lock().poked = true;
        self.changed.notify_all();
    }

    /// Asks the thread to end.
    pub(crate) fn stop(&self) {
        self.state.lock().stopping = true;
        self.changed.notify_all();
    }

    /// The transaction up to which the engine durably holds everything.
    pub(crate) fn applied(&self) -> Sequence {
        self.state.lock().applied
    }

    /// Asks for everything committed so far to be in the engine, durably, and waits for it.
    pub(crate) fn checkpoint(&self) -> Result<()> {
        let mut state = self.state.lock();
        state.asked += 1;
        let ticket = state.asked;
        self.changed.notify_all();
        while state.answered < ticket && !state.has_given_up {
            if state.stopping {
                return Err(Error::new(Kind::Unavailable, "STORE_CLOSED", "the store is closed"));
            }
            self.changed.wait(&mut state);
        }
        state.failure.as_ref().map_or(Ok(()), |failure| Err(again(failure)))
    }

    /// Waits until there is room for more changes above the engine, but not for ever.
    pub(crate) fn wait_for_room(&self, has_room: &dyn Fn() -> bool) -> Result<()> {
        if has_room() {
            return Ok(());
        }
        let deadline = Instant::now() + ROOM_PATIENCE;
        let mut state = self.state.lock();
        let mut waited = false;
        // Looked at once more after the time is over, because room may have come at its last moment.
        while !has_room() {
            let reason = match &state.failure {
                Some(failure) if state.has_given_up => return Err(again(failure)),
                Some(failure) => failure.message(),
                None if waited || state.stopping => "it is too slow, or a read keeps it from going on",
                None => {
                    waited = self.changed.wait_until(&mut state, deadline).timed_out();
                    continue;
                }
            };
            let message = format!("the index cannot keep up with the journal: {reason}. Try again later");
            return Err(Error::new(Kind::Exhausted, "INDEX_BEHIND", message));
        }
        Ok(())
    }

    /// Tells the committer that there is room. Under the lock, or it could look before and wait after.
    fn tell_of_room(&self) {
        let _state = self.state.lock();
        self.changed.notify_all();
    }

    /// Sleeps until there is something to do. Answers which checkpoints were asked for, or none to end.
    fn wait_for_work(&self, at_most: Duration) -> Option<u64> {
        let mut state = self.state.lock();
        if !state.stopping && !state.poked && state.asked == state.answered {
            self.changed.wait_for(&mut state, at_most);
        }
        state.poked = false;
        (!state.stopping).then_some(state.asked)
    }

    fn is_stopping(&self) -> bool {
        self.state.lock().stopping
    }

    fn finish(&self, answered: u64, outcome: Result<()>) {
        let mut state = self.state.lock();
        state.answered = answered;
        state.failure = outcome.err();
        self.changed.notify_all();
    }

    /// Answers everybody who waits, now and later, that the engine is not written any more.
    fn give_up(&self, failure: Error) {
        let mut state = self.state.lock();
        state.failure = Some(failure);
        state.has_given_up = true;
        self.changed.notify_all();
    }
}

/// The flusher's thread.
pub(crate) fn run(shared: &Arc<Shared>) {
    let mut frozen = None;
    let mut rest = shared.flush_after;
    while let Some(asked) = shared.flush.wait_for_work(rest) {
        let written = catch_unwind(AssertUnwindSafe(|| write_all(shared, &mut frozen)))
            .unwrap_or_else(|panic| Err(Failure::Lasting(Error::internal(panic_words(&*panic)))));
        let outcome = match written {
            Ok(false) => return,
            Ok(true) => Ok(()),
            Err(Failure::Passing(error)) => {
                tracing::error!(error = ?error, "cannot write to the index; trying again");
                Err(error)
            }
            Err(Failure::Lasting(error)) => return give_up(shared, &error),
        };
        rest = if outcome.is_err() { RETRY_AFTER } else { shared.flush_after };
        shared.flush.finish(asked, outcome);
        shared.poke_flusher();
    }
}

/// Ends the flusher's work because the engine is in doubt.
fn give_up(shared: &Shared, why: &Error) {
    tracing::error!(error = ?why, "the index is in doubt; it is not written any more until a restart");
    if let Err(error) = manifest::remove_checkpoint(&*shared.disk, &shared.directory) {
        tracing::error!(error = ?error, "cannot forget the checkpoint; run `wangge rebuild` before the next start");
    }
    let message = format!(
        "the index is in doubt and takes nothing more ({}); restart the server, which builds it again from the journal",
        why.message()
    );
    shared.flush.give_up(Error::new(Kind::Unavailable, "INDEX_IN_DOUBT", message));
}

/// Writes the generation that failed before, if one did, and then everything gathered since. Answers false when the
/// store is closing.
fn write_all(shared: &Shared, frozen: &mut Option<Frozen>) -> Result<bool, Failure> {
    for _ in 0..2 {
        if frozen.is_none() {
            *frozen = shared.memtable.freeze();
            shared.flush.tell_of_room();
        }
        let Some(generation) = &*frozen else { return Ok(true) };
        if !write_generation(shared, generation)? {
            return Ok(false);
        }
        shared.flush.state.lock().applied = generation.sequence;
        *frozen = None;
    }
    Ok(true)
}

/// Writes a generation to the engine and makes it durable there. Answers false when the store is closing.
fn write_generation(shared: &Shared, generation: &Frozen) -> Result<bool, Failure> {
    if !wait_for_readers(shared, generation) {
        return Ok(false);
    }
    for portion in generation.operations().chunks(PORTION) {
        if shared.flush.is_stopping() {
            return Ok(false);
        }
        shared.engine.apply(portion)?;
    }
    write_checkpoint(shared, generation.sequence)?;
    shared.memtable.thaw();
    Ok(true)
}

/// Puts the mark into the engine, syncs it, and notes that it holds everything up to a sequence.
fn write_checkpoint(shared: &Shared, sequence: Sequence) -> Result<(), Failure> {
    shared.engine.apply(&[mark(sequence)])?;
    // A full disk refuses before anything is lost; after any other failure the kernel may have forgotten what it did
    // not write, and would not say so again.
    shared.engine.sync().map_err(|error| match error.kind() {
        Kind::Exhausted => Failure::Passing(error),
        _ => Failure::Lasting(error),
    })?;
    Ok(manifest::save_checkpoint(&*shared.disk, &shared.directory, sequence)?)
}

/// The change that tells, inside the engine, how far it is.
pub(crate) fn mark(sequence: Sequence) -> (Bytes, Option<Bytes>) {
    (keyspace::info("mark").into(), Some(Bytes::copy_from_slice(&sequence.to_be_bytes())))
}

/// Waits until nobody reads who began before the freeze. Answers false when the store is closing.
fn wait_for_readers(shared: &Shared, generation: &Frozen) -> bool {
    let began = Instant::now();
    let mut told = false;
    while !generation.is_unwatched() {
        if shared.flush.is_stopping() {
            return false;
        }
        if !told && began.elapsed() > LONG_READ {
            told = true;
            tracing::warn!(
                seconds = LONG_READ.as_secs(),
                "a read goes on for long; changes gather in memory meanwhile"
            );
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    true
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn room_that_comes_just_before_the_committer_waits_is_not_missed() {
        let flush = Flush::new(0);
        let looks = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            let has_room = || {
                // Between the second look, which finds none, and the wait for it.
                if looks.fetch_add(1, Ordering::Relaxed) == 1 {
                    scope.spawn(|| flush.tell_of_room());
                    std::thread::sleep(Duration::from_millis(50));
                }
                looks.load(Ordering::Relaxed) > 2
            };
            let began = Instant::now();
            flush.wait_for_room(&has_room).unwrap();
            assert!(began.elapsed() < ROOM_PATIENCE / 2, "it was told and need not have waited");
        });
    }
}
