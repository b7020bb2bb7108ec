//! Incidents as a test speaks of them: a report, a step, the whole list, and what a watch tells.

use std::collections::BTreeMap;
use std::time::Duration;

use api::events::v1::watch_events_response::Change;
use api::events::v1::{
    AcceptEventRequest, Channel, CloseEventRequest, CountEventsRequest, DispatchEventRequest, Event, EventFilter,
    EventState, EventStep, ListEventStepsRequest, ListEventsRequest, RefuseEventRequest, ReopenEventRequest,
    ReportEventRequest, ResolveEventRequest, ReturnEventRequest, StartEventRequest, Step, VerifyEventRequest,
    WatchEventsRequest, WatchEventsResponse,
};
use tonic::{Response, Status, Streaming};

use crate::{Caller, done, point};

/// The steps of a life that goes well, after the report.
pub const WHOLE_LIFE: [Step; 6] = [Step::Accept, Step::Dispatch, Step::Start, Step::Resolve, Step::Verify, Step::Close];

/// A right report at a place in cells.
pub fn report_at(x: f64, y: f64) -> ReportEventRequest {
    ReportEventRequest {
        point: point(x, y),
        category: "暴露垃圾".to_owned(),
        text: "垃圾桶满了,没有人收".to_owned(),
        channel: Channel::Resident.into(),
        ..Default::default()
    }
}

/// A right report in an area.
pub fn report_in(area: &str) -> ReportEventRequest {
    ReportEventRequest { point: None, area: area.to_owned(), ..report_at(0.0, 0.0) }
}

/// A step that a caller takes with an event.
#[derive(Clone, Debug, Default)]
pub struct Taking {
    /// The event.
    pub name: String,
    /// The note, or the result of a resolve; empty where the step needs none, else some words are put in.
    pub note: String,
    /// Who shall handle it, for a dispatch.
    pub handler: String,
    /// The version it must have.
    pub etag: String,
    /// Makes it repeatable.
    pub request_id: String,
}

impl Taking {
    /// A step with this event and nothing else said.
    pub fn of(event: &Event) -> Self {
        Self { name: event.name.clone(), ..Self::default() }
    }
}

/// Every state of the contract, in the order of life.
pub fn states() -> Vec<EventState> {
    (1..).map_while(|number| EventState::try_from(number).ok()).collect()
}

/// Takes a step by its own method.
pub async fn take(caller: &Caller, step: Step, taking: Taking) -> Result<Response<Event>, Status> {
    let Taking { name, note, handler, etag, request_id } = taking;
    let words = if note.is_empty() { "已说明".to_owned() } else { note.clone() };
    let mut events = caller.events();
    match step {
        Step::Accept => events.accept_event(AcceptEventRequest { name, note, etag, request_id }).await,
        Step::Refuse => events.refuse_event(RefuseEventRequest { name, note: words, etag, request_id }).await,
        Step::Dispatch => events.dispatch_event(DispatchEventRequest { name, handler, note, etag, request_id }).await,
        Step::Start => events.start_event(StartEventRequest { name, note, etag, request_id }).await,
        Step::Resolve => events.resolve_event(ResolveEventRequest { name, result: words, etag, request_id }).await,
        Step::Verify => events.verify_event(VerifyEventRequest { name, note, etag, request_id }).await,
        Step::Close => events.close_event(CloseEventRequest { name, note, etag, request_id }).await,
        Step::Return => events.return_event(ReturnEventRequest { name, note: words, etag, request_id }).await,
        Step::Reopen => events.reopen_event(ReopenEventRequest { name, note: words, etag, request_id }).await,
        Step::Report | Step::Unspecified => panic!("{step:?} is no step that can be taken with an event"),
    }
}

/// Reports, and takes steps one after another.
pub async fn live(caller: &Caller, report: ReportEventRequest, steps: &[Step]) -> Event {
    let mut event = done(caller.events().report_event(report).await);
    for step in steps {
        event = done(take(caller, *step, Taking::of(&event)).await);
    }
    event
}

/// Every event of a list, page by page, and the cursor of the first page.
pub async fn list_all(caller: &Caller, filter: &EventFilter, page_size: i32) -> (Vec<Event>, String) {
    let mut events = Vec::new();
    let mut request = ListEventsRequest { filter: Some(filter.clone()), page_size, ..Default::default() };
    let mut cursor = String::new();
    loop {
        let page = done(caller.events().list_events(request.clone()).await);
        if cursor.is_empty() {
            cursor = page.cursor;
        }
        events.extend(page.events);
        if page.next_page_token.is_empty() {
            return (events, cursor);
        }
        request.page_token = page.next_page_token;
    }
}

/// How many events match.
pub async fn count(caller: &Caller, filter: &EventFilter) -> u64 {
    let request = CountEventsRequest { filter: Some(filter.clone()), ..Default::default() };
    done(caller.events().count_events(request).await).total_count
}

/// The whole history of an event.
pub async fn history(caller: &Caller, event: &str) -> Vec<EventStep> {
    let request = ListEventStepsRequest { parent: event.to_owned(), page_size: 1_000, ..Default::default() };
    done(caller.events().list_event_steps(request).await).steps
}

/// A watch, and what it makes of the events so far.
pub struct Watch {
    stream: Streaming<WatchEventsResponse>,
    /// Events that match, by name, as they were told last.
    pub state: BTreeMap<String, Event>,
    /// Everything told, in order: the event with its version, or what was removed.
    pub told: Vec<String>,
    /// From where to continue.
    pub cursor: String,
}

impl Watch {
    /// Watches after a cursor; empty: from now on. What is known already may be given.
    pub async fn begin(caller: &Caller, filter: &EventFilter, cursor: &str, known: Vec<Event>) -> Self {
        let request = WatchEventsRequest { filter: Some(filter.clone()), cursor: cursor.to_owned() };
        let mut stream = done(caller.events().watch_events(request).await);
        let first = stream.message().await.expect("a watch begins").expect("a watch says where it begins");
        let state = known.into_iter().map(|event| (event.name.clone(), event)).collect();
        let mut watch = Self { stream, state, told: Vec::new(), cursor: String::new() };
        watch.note(first);
        watch
    }

    /// Takes in one message. Fails with the reason when the stream has ended, and with DEADLINE_EXCEEDED when none
    /// comes within `patience`.
    pub async fn next(&mut self, patience: Duration) -> Result<(), Status> {
        match tokio::time::timeout(patience, self.stream.message()).await {
            Err(_) => Err(Status::deadline_exceeded("nothing was told in time")),
            Ok(Err(reason)) => Err(reason),
            Ok(Ok(None)) => Err(Status::unknown("a watch ended without a reason")),
            Ok(Ok(Some(message))) => {
                self.note(message);
                Ok(())
            }
        }
    }

    /// Takes in messages until the state is as wanted, then makes sure that it stays so. Panics when that does not
    /// happen within 20 seconds.
    pub async fn until(&mut self, wanted: impl Fn(&BTreeMap<String, Event>) -> bool) {
        while !wanted(&self.state) {
            if let Err(reason) = self.next(Duration::from_secs(20)).await {
                panic!("the watch did not reach the wanted state: {reason:?}; it has {} events", self.state.len());
            }
        }
        while self.next(Duration::from_millis(100)).await.is_ok() {}
        assert!(wanted(&self.state), "the watch went past the wanted state");
    }

    fn note(&mut self, message: WatchEventsResponse) {
        assert!(!message.cursor.is_empty(), "every message says where to continue");
        self.cursor = message.cursor;
        match message.change {
            None => {}
            Some(Change::Event(event)) => {
                self.told.push(format!("{} {}", event.name, event.etag));
                self.state.insert(event.name.clone(), event);
            }
            Some(Change::Removed(name)) => {
                self.told.push(format!("{name} removed"));
                self.state.remove(&name);
            }
        }
    }
}
