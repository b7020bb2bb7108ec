//! Writes that are made once: the answer is kept under the request's id, and a repeat gets it instead of an effect.
//!
//! ```text
//! value    format:u8  time:i64  sequence:u64  fingerprint:32  answer
//! ```

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use base::{Error, Kind, Result, Time};
use parking_lot::Mutex;

use crate::committer::Job;
use crate::key::prefix_end;
use crate::keyspace::{self, REQUESTS};
use crate::transaction::Transaction;
use crate::view::View;
use crate::{Origin, Sequence};

/// A write that must have one effect however often it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// The id the caller chose; it is the caller's own (another principal may choose the same).
    pub id: [u8; 16],
    /// A hash of everything else in the request: the same id with another content is refused.
    pub fingerprint: [u8; 32],
}

/// What a write that is made once answered: now, or the first time.
pub(crate) struct Answer {
    pub(crate) bytes: Vec<u8>,
    /// The first answer's sequence, when this is a repeat.
    pub(crate) replay_of: Option<Sequence>,
}

const FORMAT: u8 = 1;
/// Bytes before the answer.
const HEAD: usize = 49;

/// Runs `work` unless this request was answered before.
pub(crate) fn once(
    transaction: &mut Transaction<'_>,
    request: &Request,
    retention: Duration,
    work: &dyn Fn(&mut Transaction<'_>) -> Result<Vec<u8>>,
) -> Result<Answer> {
    let key = keyspace::request(transaction.principal(), &request.id);
    let stored = transaction.get(&key)?;
    if let Some(stored) = &stored {
        let kept = Kept::read(stored)?;
        if !kept.is_old(transaction.time(), retention) {
            return kept.repeat(request);
        }
    }
    let bytes = work(transaction)?;
    let mut value = Vec::with_capacity(HEAD + bytes.len());
    value.push(FORMAT);
    value.extend_from_slice(&transaction.time().micros().to_be_bytes());
    value.extend_from_slice(&transaction.sequence().to_be_bytes());
    value.extend_from_slice(&request.fingerprint);
    value.extend_from_slice(&bytes);
    transaction.put(key, value, stored.is_none());
    Ok(Answer { bytes, replay_of: None })
}

/// A request that was answered.
struct Kept<'a> {
    time: Time,
    sequence: Sequence,
    fingerprint: [u8; 32],
    answer: &'a [u8],
}

impl<'a> Kept<'a> {
    fn read(value: &'a [u8]) -> Result<Self> {
        let read = || {
            let (&FORMAT, rest) = value.split_first()? else { return None };
            let (time, rest) = rest.split_first_chunk()?;
            let (sequence, rest) = rest.split_first_chunk()?;
            let (fingerprint, answer) = rest.split_first_chunk()?;
            let time = Time::from_micros(i64::from_be_bytes(*time));
            Some(Self { time, sequence: u64::from_be_bytes(*sequence), fingerprint: *fingerprint, answer })
        };
        read().ok_or_else(|| Error::new(Kind::Corrupt, "MALFORMED_REQUEST", "a kept request cannot be read"))
    }

    fn is_old(&self, now: Time, retention: Duration) -> bool {
        let retention = i64::try_from(retention.as_micros()).unwrap_or(i64::MAX);
        now.micros().saturating_sub(self.time.micros()) > retention
    }

    fn repeat(&self, request: &Request) -> Result<Answer> {
        if self.fingerprint == request.fingerprint {
            return Ok(Answer { bytes: self.answer.to_vec(), replay_of: Some(self.sequence) });
        }
        let words = "was used before for another request; make a new one for each new request";
        Err(Error::new(Kind::Invalid, "REQUEST_ID_REUSED", format!("this request_id {words}"))
            .with_violation(base::Violation { field: "request_id".to_owned(), description: words.to_owned() }))
    }
}

/// Looks through the kept requests bit by bit and removes the old ones.
pub(crate) struct Sweep {
    retention: Duration,
    looked: Instant,
    last: Arc<Mutex<Look>>,
}

/// How the last look ended.
#[derive(Debug, Default)]
struct Look {
    /// Where the next one begins; empty for the first key.
    position: Vec<u8>,
    found: bool,
}

/// How many kept requests one look covers.
const SWEEP_PORTION: usize = 2_000;
/// The pause after a look that found nothing old.
const SWEEP_PAUSE: Duration = Duration::from_secs(30);
/// The pause after a look that did: old requests must go faster than new ones come.
const SWEEP_PAUSE_BUSY: Duration = Duration::from_secs(1);

impl Sweep {
    pub(crate) fn new(retention: Duration) -> Self {
        Self { retention, looked: Instant::now(), last: Arc::default() }
    }

    /// How long to wait from one look to the next.
    pub(crate) fn pause(&self) -> Duration {
        if self.last.lock().found { SWEEP_PAUSE_BUSY } else { SWEEP_PAUSE }
    }

    /// The next look, when its time has come, as a write like any other.
    pub(crate) fn job_if_due(&mut self, now: Time) -> Option<Box<dyn Job>> {
        if self.looked.elapsed() < self.pause() {
            return None;
        }
        self.looked = Instant::now();
        Some(Box::new(self.job(now)))
    }

    fn job(&self, now: Time) -> SweepJob {
        let origin = Origin { principal: String::new(), method: "store.forget_requests", time: now };
        SweepJob { origin, retention: self.retention, last: Arc::clone(&self.last) }
    }
}

struct SweepJob {
    origin: Origin,
    retention: Duration,
    last: Arc<Mutex<Look>>,
}

impl Job for SweepJob {
    fn origin(&self) -> &Origin {
        &self.origin
    }

    fn run(&mut self, transaction: &mut Transaction<'_>) -> Result<()> {
        let from = std::mem::take(&mut *self.last.lock()).position;
        let start = if from.is_empty() { vec![REQUESTS] } else { from };
        let end = prefix_end(&[REQUESTS]).unwrap_or_default();
        let (mut old, mut seen, mut look) = (Vec::new(), 0, Look::default());
        transaction.range(&start, &end, false, &mut |key, value| {
            if seen == SWEEP_PORTION {
                look.position = key.to_vec();
                return Ok(ControlFlow::Break(()));
            }
            seen += 1;
            if Kept::read(value)?.is_old(self.origin.time, self.retention) {
                old.push(key.to_vec());
            }
            Ok(ControlFlow::Continue(()))
        })?;
        look.found = !old.is_empty();
        *self.last.lock() = look;
        for key in old {
            transaction.delete(key);
        }
        Ok(())
    }

    fn answer(self: Box<Self>, outcome: Result<Sequence>) {
        if let Err(error) = outcome {
            tracing::warn!(error = ?error, "cannot forget old requests");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Engine, MemoryEngine};
    use crate::layers::{Memtable, Overlay};
    use crate::transaction::Done;
    use crate::view::ReadView;

    const RETENTION: Duration = Duration::from_secs(60);

    fn keep(engine: &MemoryEngine, number: u32, time: Time) {
        let mut id = [0; 16];
        id[..4].copy_from_slice(&number.to_be_bytes());
        let value = [&[FORMAT], &time.micros().to_be_bytes()[..], &[0; 40], b"answer"].concat();
        engine.apply(&[(keyspace::request("li", &id).into(), Some(value.into()))]).unwrap();
    }

    fn look(sweep: &Sweep, engine: &MemoryEngine, now: Time) -> Done {
        let view = ReadView::new(Memtable::new(0).current(), engine);
        let mut job = sweep.job(now);
        let origin = job.origin.clone();
        let group = Overlay::new();
        let mut transaction = Transaction::new(&view, &group, &origin, 1);
        job.run(&mut transaction).unwrap();
        let done = transaction.finish();
        let operations: Vec<_> = done.overlay.iter().map(|(key, entry)| (key.clone(), entry.value.clone())).collect();
        engine.apply(&operations).unwrap();
        done
    }

    #[test]
    fn old_requests_go_portion_by_portion_and_faster_while_there_are_any() {
        let (engine, now) = (MemoryEngine::default(), Time::from_micros(1_800_000_000_000_000));
        for number in 0..5_000 {
            keep(&engine, number, if number % 2 == 0 { now } else { now.plus_seconds(-61) });
        }
        let sweep = Sweep::new(RETENTION);
        assert_eq!(sweep.pause(), SWEEP_PAUSE);
        let gone: Vec<usize> = (0..3).map(|_| look(&sweep, &engine, now).overlay.len()).collect();
        assert_eq!((gone, sweep.pause()), (vec![1_000, 1_000, 500], SWEEP_PAUSE_BUSY));
        for _ in 0..2 {
            assert_eq!((look(&sweep, &engine, now).overlay.len(), sweep.pause()), (0, SWEEP_PAUSE));
        }
        assert_eq!(look(&sweep, &engine, now.plus_seconds(61)).overlay.len(), 2_000, "it begins again from the front");
    }
}
