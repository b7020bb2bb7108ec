//! The generated trait, thin: convert → may they? → store → convert.

mod placing;
mod reads;
mod steps;
mod watch;

use api::events::v1::event_service_server::EventService;
use api::events::v1::{
    AcceptEventRequest, CloseEventRequest, CountEventsRequest, CountEventsResponse, DispatchEventRequest, Event,
    GetEventRequest, ListEventStepsRequest, ListEventStepsResponse, ListEventsRequest, ListEventsResponse,
    RefuseEventRequest, ReopenEventRequest, ReportEventRequest, ResolveEventRequest, ReturnEventRequest,
    StartEventRequest, VerifyEventRequest, WatchEventsRequest, WatchEventsResponse,
};
use base::{AreaPath, Error, Result, Time};
use futures_util::stream::BoxStream;
use rpc::Caller;
use rpc::status::{answer, to_status};
use tonic::{Request, Response, Status};

use crate::model::Event as Record;
use crate::{Events, convert};

/// The answer of a unary method.
type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl EventService for Events {
    type WatchEventsStream = BoxStream<'static, Result<WatchEventsResponse, Status>>;

    async fn report_event(&self, request: Request<ReportEventRequest>) -> Answer<Event> {
        answer(self.report(request).await)
    }

    async fn get_event(&self, request: Request<GetEventRequest>) -> Answer<Event> {
        answer(self.get(&request))
    }

    async fn list_events(&self, request: Request<ListEventsRequest>) -> Answer<ListEventsResponse> {
        answer(self.list(request).await)
    }

    async fn count_events(&self, request: Request<CountEventsRequest>) -> Answer<CountEventsResponse> {
        answer(self.count(request).await)
    }

    async fn watch_events(&self, request: Request<WatchEventsRequest>) -> Answer<Self::WatchEventsStream> {
        self.watch(request).await.map(Response::new).map_err(to_status)
    }

    async fn list_event_steps(&self, request: Request<ListEventStepsRequest>) -> Answer<ListEventStepsResponse> {
        answer(self.history(request).await)
    }

    async fn accept_event(&self, request: Request<AcceptEventRequest>) -> Answer<Event> {
        answer(self.step("AcceptEvent", request).await)
    }

    async fn refuse_event(&self, request: Request<RefuseEventRequest>) -> Answer<Event> {
        answer(self.step("RefuseEvent", request).await)
    }

    async fn dispatch_event(&self, request: Request<DispatchEventRequest>) -> Answer<Event> {
        answer(self.step("DispatchEvent", request).await)
    }

    async fn start_event(&self, request: Request<StartEventRequest>) -> Answer<Event> {
        answer(self.step("StartEvent", request).await)
    }

    async fn resolve_event(&self, request: Request<ResolveEventRequest>) -> Answer<Event> {
        answer(self.step("ResolveEvent", request).await)
    }

    async fn verify_event(&self, request: Request<VerifyEventRequest>) -> Answer<Event> {
        answer(self.step("VerifyEvent", request).await)
    }

    async fn close_event(&self, request: Request<CloseEventRequest>) -> Answer<Event> {
        answer(self.step("CloseEvent", request).await)
    }

    async fn return_event(&self, request: Request<ReturnEventRequest>) -> Answer<Event> {
        answer(self.step("ReturnEvent", request).await)
    }

    async fn reopen_event(&self, request: Request<ReopenEventRequest>) -> Answer<Event> {
        answer(self.step("ReopenEvent", request).await)
    }
}

impl Events {
    fn now(&self) -> Time {
        self.0.clock.now()
    }

    /// An event as the caller may see it now.
    fn show(&self, event: Record, caller: &Caller) -> Event {
        convert::answers::event(event, caller, self.now())
    }
}

/// Fails unless the caller may do what the method does with something at `path`. To those who may not even read it,
/// `name` does not exist; the others are told why.
fn require(caller: &Caller, path: &AreaPath, name: &str) -> Result<()> {
    let may_read = || {
        caller.bindings().iter().any(|(post, root)| rpc::access::allows(*post, "events.read") && path.is_within(root))
    };
    caller.require(path).map_err(|refused| if may_read() { refused } else { Error::not_found(name) })
}
