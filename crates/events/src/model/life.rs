//! The life of an event: which step may be taken from which state, by whom, and what it changes.
//!
//! The table [`LIFE`] is data: another step or another way is another row. What is not here: whether the caller's post
//! allows the action at all (that is the access policy's), and storing anything.

use api::events::v1::{EventState, Step};
use base::{Error, Kind, PrincipalId, Result, Time};

use super::deadline::Deadlines;
use super::{Event, HistoryStep};

/// One row: a step, where it may be taken, where it leads, and who may take it.
#[derive(Debug)]
pub(crate) struct Transition {
    pub(crate) step: Step,
    pub(crate) from: &'static [EventState],
    pub(crate) to: EventState,
    pub(crate) who: Who,
}

/// Who may take a step, among those whose post allows its action in the event's area.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    /// All of them.
    Anyone,
    /// The handler, the worker in charge, or a desk that acts for them.
    Handling,
    /// Somebody whose post allows checking, but neither the handler nor whoever reported the result: nobody checks
    /// their own work. A desk may nevertheless, because at night it is the only one awake, and its name is in the
    /// history.
    Checking,
}

/// Every step after the report.
///
/// ```text
/// REPORTED ──accept──► ACCEPTED ──dispatch──► DISPATCHED ──start──► IN_PROGRESS ──resolve──► RESOLVED ──verify──► VERIFIED
///   │  ▲                ▲    ▲                    │                   │   ▲                  │    ▲                 │  │
///   │  │                │    └──────return────────┴──────return───────┘   └──────return──────┘    └─────return──────┘  │
/// refuse reopen         └────────────────────────────reopen──────────────────────── CLOSED ◄───────────close───────────┘
///   ▼  │
/// REFUSED
/// ```
/// A handler who is not competent sends the event back to be dispatched again (山东省政务服务热线管理办法: within two
/// working days, with the reason). A check that fails sends it back to the same handler. A desk that doubts a check
/// sends it back to be checked again.
pub(crate) const LIFE: &[Transition] = &[
    Transition { step: Step::Accept, from: &[EventState::Reported], to: EventState::Accepted, who: Who::Anyone },
    Transition { step: Step::Refuse, from: &[EventState::Reported], to: EventState::Refused, who: Who::Anyone },
    Transition { step: Step::Dispatch, from: &[EventState::Accepted], to: EventState::Dispatched, who: Who::Anyone },
    Transition { step: Step::Start, from: &[EventState::Dispatched], to: EventState::InProgress, who: Who::Handling },
    Transition { step: Step::Resolve, from: &[EventState::InProgress], to: EventState::Resolved, who: Who::Handling },
    Transition { step: Step::Verify, from: &[EventState::Resolved], to: EventState::Verified, who: Who::Checking },
    Transition { step: Step::Close, from: &[EventState::Verified], to: EventState::Closed, who: Who::Anyone },
    Transition {
        step: Step::Return,
        from: &[EventState::Dispatched, EventState::InProgress],
        to: EventState::Accepted,
        who: Who::Handling,
    },
    Transition { step: Step::Return, from: &[EventState::Resolved], to: EventState::InProgress, who: Who::Checking },
    Transition { step: Step::Return, from: &[EventState::Verified], to: EventState::Resolved, who: Who::Checking },
    Transition { step: Step::Reopen, from: &[EventState::Closed], to: EventState::Accepted, who: Who::Anyone },
    Transition { step: Step::Reopen, from: &[EventState::Refused], to: EventState::Reported, who: Who::Anyone },
];

/// Who takes a step, as far as the life of an event asks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Actor {
    pub(crate) id: PrincipalId,
    /// Holds a desk's or an administrator's post over the event's area.
    pub(crate) is_desk: bool,
    /// Holds a post over the event's area that allows checking.
    pub(crate) may_check: bool,
}

/// A step somebody asks for.
#[derive(Clone, Debug)]
pub(crate) struct Command {
    pub(crate) step: Step,
    /// For the history; what was done, for [`Step::Resolve`].
    pub(crate) note: String,
    /// Who shall handle it, for [`Step::Dispatch`]; none: the worker in charge.
    pub(crate) handler: Option<PrincipalId>,
    /// The revision the event must have; none: any.
    pub(crate) revision: Option<u64>,
}

/// Whether an event in this state still waits for something.
pub(crate) fn is_open(state: EventState) -> bool {
    !matches!(state, EventState::Closed | EventState::Refused | EventState::Unspecified)
}

/// Whether an event is late: past its deadline without a result, or resolved after it. A refused event is never late.
pub(crate) fn is_overdue(state: EventState, due: Time, resolved: Option<Time>, now: Time) -> bool {
    match resolved {
        Some(resolved) => resolved > due,
        None => is_open(state) && now > due,
    }
}

/// Takes a step: changes the event and answers the entry of its history.
///
/// Fails without a change: ETAG_MISMATCH, WRONG_STATE, NOT_THE_HANDLER, OWN_WORK, NOT_A_CHECKER, NO_HANDLER.
pub(crate) fn take(
    event: &mut Event,
    command: &Command,
    actor: &Actor,
    deadlines: &Deadlines,
    now: Time,
) -> Result<HistoryStep> {
    if command.revision.is_some_and(|revision| revision != event.revision) {
        return Err(stale(event));
    }
    let transition = find(command.step, event)?;
    permit(transition.who, event, actor)?;
    let from = event.state;
    let handler = match command.step {
        Step::Dispatch => Some(choose_handler(event, command)?),
        _ => None,
    };
    event.state = transition.to;
    event.revision += 1;
    event.update_time = now;
    match command.step {
        Step::Dispatch => event.handler = handler,
        Step::Resolve => {
            command.note.clone_into(&mut event.result);
            event.resolve_time = Some(now);
            event.resolver = Some(actor.id);
        }
        Step::Refuse | Step::Close => event.close_time = Some(now),
        Step::Return => {
            event.return_count += 1;
            undo(event);
        }
        Step::Reopen => {
            event.reopen_count += 1;
            event.close_time = None;
            // Whoever takes an event up again starts a new clock; nothing else ever moves a deadline.
            event.due = deadlines.due(event.urgency, &event.category, now);
            undo(event);
        }
        Step::Unspecified | Step::Report | Step::Accept | Step::Start | Step::Verify => {}
    }
    Ok(HistoryStep {
        event: event.id,
        sequence: u32::try_from(event.revision).unwrap_or(u32::MAX),
        step: command.step,
        from,
        to: event.state,
        principal: actor.id,
        time: now,
        note: command.note.clone(),
        handler,
    })
}

/// Forgets what no longer holds in the state that was gone back to. The history keeps it.
fn undo(event: &mut Event) {
    let before_result = matches!(event.state, EventState::Reported | EventState::Accepted | EventState::InProgress);
    if before_result {
        event.resolve_time = None;
        event.resolver = None;
        event.result.clear();
    }
    if matches!(event.state, EventState::Reported | EventState::Accepted) {
        event.handler = None;
    }
}

fn find(step: Step, event: &Event) -> Result<&'static Transition> {
    let rows = || LIFE.iter().filter(move |row| row.step == step);
    rows().find(|row| row.from.contains(&event.state)).ok_or_else(|| {
        let allowed: Vec<&str> = rows().flat_map(|row| row.from).map(|state| short(*state)).collect();
        let allowed = allowed.join(", ");
        let message = format!("the event is {}; this step may be taken from {allowed} only", short(event.state));
        Error::new(Kind::Precondition, "WRONG_STATE", message)
            .with("state", short(event.state))
            .with("allowed_states", allowed)
    })
}

/// The name of a state without the prefix that protobuf makes every value carry.
fn short(state: EventState) -> &'static str {
    state.as_str_name().trim_start_matches("EVENT_STATE_")
}

fn permit(who: Who, event: &Event, actor: &Actor) -> Result<()> {
    let handles = event.handler == Some(actor.id);
    let in_charge = event.worker.as_ref().is_some_and(|worker| worker.id == actor.id);
    let resolved = event.resolver == Some(actor.id);
    let refuse = |reason: &'static str, message: &'static str| Err(Error::new(Kind::Forbidden, reason, message));
    match who {
        Who::Anyone => Ok(()),
        Who::Handling if handles || in_charge || actor.is_desk => Ok(()),
        Who::Handling => refuse("NOT_THE_HANDLER", "only the handler, the worker in charge or a desk may do this"),
        Who::Checking if actor.is_desk => Ok(()),
        Who::Checking if handles || resolved => {
            refuse("OWN_WORK", "whoever handled an event does not check it; a grid leader or a desk does")
        }
        Who::Checking if actor.may_check => Ok(()),
        Who::Checking => refuse("NOT_A_CHECKER", "only a grid leader or a desk may judge the result of an event"),
    }
}

fn choose_handler(event: &Event, command: &Command) -> Result<PrincipalId> {
    command.handler.or(event.worker.as_ref().map(|worker| worker.id)).ok_or_else(|| {
        Error::new(
            Kind::Precondition,
            "NO_HANDLER",
            "nobody was in charge of the event's area when it was reported; name a handler",
        )
    })
}

fn stale(event: &Event) -> Error {
    Error::new(Kind::Conflict, "ETAG_MISMATCH", "the event was changed in between; read it again and decide anew")
        .with("name", event.id.name())
        .with("revision", event.revision)
}

#[cfg(test)]
mod tests {
    use super::super::filter::STATES;
    use super::super::report::{self, Decided, Place, Report};
    use super::super::{Placement, Reporter, Worker};
    use super::*;
    use crate::{CalendarDays, DeadlineRules};
    use api::events::v1::{Channel, Urgency};
    use api::grids::v1::DecidedBy;
    use base::{AreaId, EventId, Violations};

    const WORKER: PrincipalId = PrincipalId::from_bytes([1; 16]);
    const OTHER: PrincipalId = PrincipalId::from_bytes([2; 16]);
    const DESK: Actor = Actor { id: PrincipalId::from_bytes([3; 16]), is_desk: true, may_check: true };
    const LEADER: Actor = Actor { id: PrincipalId::from_bytes([4; 16]), is_desk: false, may_check: true };

    /// Every step of the contract but the report.
    fn steps() -> impl Iterator<Item = Step> {
        (Step::Accept.into()..).map_while(|number: i32| Step::try_from(number).ok())
    }

    fn worker(id: PrincipalId) -> Actor {
        Actor { id, is_desk: false, may_check: false }
    }

    fn at(text: &str) -> Time {
        Time::parse(text).unwrap()
    }

    fn deadlines() -> Deadlines {
        Deadlines::new(DeadlineRules::default(), &CalendarDays::default(), &mut Violations::new())
    }

    fn reported() -> Event {
        let report = Report {
            place: Place::Area(AreaId::from_bytes([9; 16])),
            category: "x".to_owned(),
            text: "x".to_owned(),
            channel: Channel::Resident,
            channel_number: String::new(),
            urgency: Urgency::Ordinary,
            reporter: Reporter::default(),
            address: String::new(),
            occur_time: None,
        };
        let placement = Placement {
            chain: Vec::new(),
            decided_by: DecidedBy::Given,
            release: None,
            border_distance_m: 0.0,
            runner_up: None,
            given: None,
            wgs84: None,
        };
        let decided = Decided {
            id: EventId::from_bytes([8; 16]),
            number: "1".to_owned(),
            placement,
            worker: Some(Worker { id: WORKER, display_name: "w".to_owned() }),
            principal: OTHER,
            now: at("2026-09-21 10:00"),
        };
        report::open(report, decided, &deadlines()).0
    }

    fn command(step: Step) -> Command {
        Command { step, note: format!("{step:?}"), handler: None, revision: None }
    }

    fn walk(event: &mut Event, steps: &[Step]) {
        for &step in steps {
            take(event, &command(step), &DESK, &deadlines(), at("2026-09-21 12:00")).unwrap();
        }
    }

    /// An event that has come to `state` on the straight way.
    fn event_in(state: EventState) -> Event {
        const WAY: [Step; 6] = [Step::Accept, Step::Dispatch, Step::Start, Step::Resolve, Step::Verify, Step::Close];
        let mut event = reported();
        if state == EventState::Refused {
            walk(&mut event, &[Step::Refuse]);
        } else {
            let steps = STATES.iter().position(|known| *known == state).unwrap();
            walk(&mut event, &WAY[..steps]);
        }
        assert_eq!(event.state, state);
        event
    }

    #[test]
    fn every_step_from_every_state_leads_where_the_contract_says_or_is_refused() {
        use EventState::{Accepted, Closed, Dispatched, InProgress, Refused, Reported, Resolved, Verified};
        // Written out once more, apart from the table, as the contract tells it.
        let expected = |step: Step, from: EventState| match (step, from) {
            (Step::Accept, Reported) | (Step::Return, Dispatched | InProgress) | (Step::Reopen, Closed) => {
                Some(Accepted)
            }
            (Step::Refuse, Reported) => Some(Refused),
            (Step::Dispatch, Accepted) => Some(Dispatched),
            (Step::Start, Dispatched) | (Step::Return, Resolved) => Some(InProgress),
            (Step::Resolve, InProgress) | (Step::Return, Verified) => Some(Resolved),
            (Step::Verify, Resolved) => Some(Verified),
            (Step::Close, Verified) => Some(Closed),
            (Step::Reopen, Refused) => Some(Reported),
            _ => None,
        };
        for step in steps() {
            for from in STATES {
                let mut event = event_in(from);
                let before = event.clone();
                let taken = take(&mut event, &command(step), &DESK, &deadlines(), at("2026-09-22 10:00"));
                match expected(step, from) {
                    Some(to) => {
                        let taken = taken.unwrap();
                        assert_eq!((taken.from, taken.to, event.state), (from, to, to), "{step:?} from {from:?}");
                        assert_eq!(u64::from(taken.sequence), event.revision);
                        assert_eq!(event.revision, before.revision + 1);
                    }
                    None => {
                        let error = taken.unwrap_err();
                        assert_eq!(error.reason(), "WRONG_STATE", "{step:?} from {from:?}");
                        assert!(error.message().contains(short(from)), "{error}");
                        assert_eq!(event, before, "a refused step changes nothing");
                    }
                }
            }
        }
    }

    #[test]
    fn a_wrong_state_is_told_with_the_states_that_would_be_right() {
        let mut event = event_in(EventState::Reported);
        let error = take(&mut event, &command(Step::Return), &DESK, &deadlines(), at("2026-09-22 10:00")).unwrap_err();
        assert_eq!(
            error.message(),
            "the event is REPORTED; this step may be taken from DISPATCHED, IN_PROGRESS, RESOLVED, VERIFIED only"
        );
    }

    #[test]
    fn only_the_handler_the_worker_in_charge_or_a_desk_handles() {
        for (actor, may) in [(worker(WORKER), true), (DESK, true), (worker(OTHER), false), (LEADER, false)] {
            for (state, step) in [
                (EventState::Dispatched, Step::Start),
                (EventState::InProgress, Step::Resolve),
                (EventState::InProgress, Step::Return),
            ] {
                let taken = take(&mut event_in(state), &command(step), &actor, &deadlines(), at("2026-09-22 10:00"));
                assert_eq!(taken.is_ok(), may, "{step:?} by {actor:?}");
                assert!(taken.err().is_none_or(|error| error.reason() == "NOT_THE_HANDLER"));
            }
        }
    }

    #[test]
    fn nobody_checks_their_own_work_except_a_desk() {
        let resolved_by = |actor: &Actor| {
            let mut event = event_in(EventState::InProgress);
            let handled = Actor { is_desk: true, ..*actor };
            take(&mut event, &command(Step::Resolve), &handled, &deadlines(), at("2026-09-22 10:00")).unwrap();
            event
        };
        let verify = |event: &mut Event, actor: &Actor| {
            take(event, &command(Step::Verify), actor, &deadlines(), at("2026-09-22 11:00"))
                .map_err(|error| error.reason().to_owned())
        };
        assert!(verify(&mut resolved_by(&worker(WORKER)), &LEADER).is_ok());
        assert!(verify(&mut resolved_by(&DESK), &DESK).is_ok());
        assert_eq!(verify(&mut resolved_by(&LEADER), &LEADER).unwrap_err(), "OWN_WORK");
        // The handler is the worker; that another reported the result for it does not make it somebody else's work.
        let handler = Actor { may_check: true, ..worker(WORKER) };
        assert_eq!(verify(&mut resolved_by(&DESK), &handler).unwrap_err(), "OWN_WORK");
        assert_eq!(verify(&mut resolved_by(&worker(WORKER)), &worker(OTHER)).unwrap_err(), "NOT_A_CHECKER");
    }

    #[test]
    fn a_dispatch_without_a_name_goes_to_the_worker_in_charge() {
        let mut event = event_in(EventState::Accepted);
        walk(&mut event, &[Step::Dispatch]);
        assert_eq!(event.handler, Some(WORKER));
        let mut nobody = event_in(EventState::Accepted);
        nobody.worker = None;
        let now = at("2026-09-22 10:00");
        let error = take(&mut nobody, &command(Step::Dispatch), &DESK, &deadlines(), now).unwrap_err();
        assert_eq!(error.reason(), "NO_HANDLER");
        let named = Command { handler: Some(OTHER), ..command(Step::Dispatch) };
        let taken = take(&mut nobody, &named, &DESK, &deadlines(), now).unwrap();
        assert_eq!((taken.handler, nobody.handler), (Some(OTHER), Some(OTHER)));
    }

    #[test]
    fn no_step_but_a_reopening_moves_the_deadline() {
        let due = reported().due;
        for state in STATES {
            assert_eq!(event_in(state).due, due, "{state:?}");
        }
        let mut event = event_in(EventState::Resolved);
        walk(&mut event, &[Step::Return, Step::Return, Step::Dispatch]);
        assert_eq!(event.due, due);
        let mut closed = event_in(EventState::Closed);
        take(&mut closed, &command(Step::Reopen), &DESK, &deadlines(), at("2026-10-08 10:00")).unwrap();
        assert_eq!(closed.due.time.civil_day().to_string(), "2026-10-14");
    }

    #[test]
    fn going_back_forgets_what_no_longer_holds() {
        let mut event = event_in(EventState::Verified);
        walk(&mut event, &[Step::Return]);
        assert!(event.resolve_time.is_some() && event.result == "Resolve", "the result is still the result");
        walk(&mut event, &[Step::Return]);
        assert!(event.resolve_time.is_none() && event.result.is_empty() && event.handler == Some(WORKER));
        walk(&mut event, &[Step::Return]);
        assert_eq!((event.handler, event.return_count), (None, 3));
        let mut closed = event_in(EventState::Closed);
        walk(&mut closed, &[Step::Reopen]);
        assert!(closed.close_time.is_none() && closed.resolve_time.is_none() && closed.handler.is_none());
        assert_eq!(closed.reopen_count, 1);
    }

    #[test]
    fn a_stale_version_is_refused_before_anything_else() {
        let mut event = event_in(EventState::Closed);
        let stale = Command { revision: Some(event.revision - 1), ..command(Step::Accept) };
        let error = take(&mut event, &stale, &DESK, &deadlines(), at("2026-09-22 10:00")).unwrap_err();
        assert_eq!((error.kind(), error.reason()), (Kind::Conflict, "ETAG_MISMATCH"));
    }
}
