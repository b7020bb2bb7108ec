//! Writers that report and walk events as fast as they can, until they are told to stop or the server goes away.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use api::events::v1::{Event, EventState, Step};
use fastrand::Rng;
use tests::{Caller, Refusal, Taking, report_at, request_id, take};
use tonic::{Code, Response, Status};

use crate::ledger::{Ledger, Write};

/// One writer with events of its own.
#[derive(Default)]
pub(crate) struct Writer {
    /// What it was told.
    pub(crate) ledger: Ledger,
    /// What it sent and never heard of again.
    pub(crate) in_doubt: Option<Write>,
    /// The last write that was acknowledged, with the version that was answered: to be sent again.
    answered: Option<(Write, String)>,
    /// Events that changed since the last check.
    pub(crate) touched: Vec<String>,
}

/// The next step of a life, with detours.
fn next_step(state: EventState, random: &mut Rng) -> Option<Step> {
    let detour = random.u8(..8) == 0;
    Some(match state {
        EventState::Reported if detour => Step::Refuse,
        EventState::Reported => Step::Accept,
        EventState::Accepted => Step::Dispatch,
        EventState::Dispatched | EventState::InProgress if detour => Step::Return,
        EventState::Dispatched => Step::Start,
        EventState::InProgress => Step::Resolve,
        EventState::Resolved => Step::Verify,
        EventState::Verified => Step::Close,
        EventState::Closed | EventState::Refused if detour => Step::Reopen,
        _ => return None,
    })
}

/// Sends a write.
pub(crate) async fn send(caller: &Caller, write: &Write) -> Result<Response<Event>, Status> {
    match write {
        Write::Report(report) => caller.events().report_event((**report).clone()).await,
        Write::Step(step, taking) => take(caller, *step, taking.clone()).await,
    }
}

/// Whether an error says no more than that the server is gone.
fn is_gone(status: &Status) -> bool {
    // A connection that breaks is told by the client library, without a reason of ours.
    Refusal::of(status).reason.is_empty()
        && matches!(status.code(), Code::Unavailable | Code::Unknown | Code::Internal | Code::Cancelled)
}

impl Writer {
    /// Writes until `stop`, or until the server is gone.
    pub(crate) async fn write(&mut self, caller: &Caller, mut random: Rng, stop: Arc<AtomicBool>) {
        while !stop.load(Ordering::Relaxed) {
            let write = self.choose(caller, &mut random);
            if !self.one(caller, write).await {
                return;
            }
            if random.u8(..6) == 0 && !self.repeat(caller).await {
                return;
            }
        }
    }

    fn choose(&self, caller: &Caller, random: &mut Rng) -> Write {
        let chosen = (!self.ledger.events.is_empty() && random.u8(..4) > 0).then(|| {
            let place = random.usize(..self.ledger.events.len());
            self.ledger.events.iter().nth(place).expect("the place is inside")
        });
        let step = chosen.and_then(|(name, known)| Some((name, known, next_step(known.state, random)?)));
        match step {
            Some((name, known, step)) => {
                let mut taking = Taking { name: name.clone(), request_id: request_id(), ..Taking::default() };
                if random.bool() {
                    taking.etag.clone_from(&known.etag);
                }
                if step == Step::Dispatch {
                    taking.handler.clone_from(&caller.name);
                }
                Write::Step(step, taking)
            }
            None => {
                let mut report = report_at(random.f64() * 4.0, random.f64() * 4.0);
                report.request_id = request_id();
                Write::Report(Box::new(report))
            }
        }
    }

    /// Sends one write and notes the answer; false when the server is gone.
    async fn one(&mut self, caller: &Caller, write: Write) -> bool {
        match send(caller, &write).await {
            Ok(event) => {
                let event = event.into_inner();
                self.ledger.note(&event);
                self.touched.push(event.name);
                self.answered = Some((write, event.etag));
                true
            }
            Err(status) if is_gone(&status) => {
                self.in_doubt = Some(write);
                false
            }
            Err(status) => panic!("{write:?} was refused: {:?}", Refusal::of(&status)),
        }
    }

    /// Sends the last write once more: it must get the first answer. False when the server is gone.
    pub(crate) async fn repeat(&mut self, caller: &Caller) -> bool {
        let Some((write, etag)) = &self.answered else { return true };
        match send(caller, write).await {
            Ok(event) => {
                assert_eq!(event.get_ref().etag, *etag, "the first answer, not a second effect");
                true
            }
            Err(status) if is_gone(&status) => false,
            Err(status) => panic!("the repeated {write:?} was refused: {:?}", Refusal::of(&status)),
        }
    }

    /// After a restart: sends again what is in doubt. Whether or not it was done before the server went away, it must
    /// be done exactly once now.
    pub(crate) async fn settle(&mut self, caller: &Caller) {
        let Some(write) = self.in_doubt.take() else { return };
        let before = match &write {
            Write::Report(_) => 0,
            Write::Step(_, taking) => self.ledger.events[&taking.name].revision,
        };
        assert!(self.one(caller, write).await, "the server is there again");
        let name = self.touched.last().expect("one write was noted");
        assert_eq!(self.ledger.events[name].revision, before + 1, "{name}: one effect for one request");
    }
}
