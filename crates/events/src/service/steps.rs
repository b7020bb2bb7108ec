//! Every step after the report, and how any change of an event is committed.

use api::events::v1 as api_events;
use api::events::v1::Step;
use api::staff::v1::{ListHandlersRequest, Post};
use api::stored::events::v1 as bytes;
use base::{AreaPath, Error, EventId, Kind, Result, Time};
use prost::Message;
use rpc::status::from_status;
use rpc::{Caller, access};
use store::{Origin, Transaction};
use tonic::Request;

use super::require;
use crate::convert::steps::{StepMessage, StepRequest};
use crate::model::life::{self, Actor, Command};
use crate::{Events, tables};

impl Events {
    pub(super) async fn step(
        &self,
        method: &'static str,
        request: Request<impl StepMessage>,
    ) -> Result<api_events::Event> {
        let caller = Caller::of(&request)?;
        let StepRequest { event: id, command, repeat } = request.get_ref().read()?;
        let now = self.now();
        if command.step == Step::Dispatch
            && let Err(unfit) = self.check_handler(id, &command, &caller, now).await
        {
            // Whoever can no longer handle may have been dispatched to long ago.
            return self.first_answer(caller.origin(method, now), repeat, &caller, unfit).await;
        }
        let (service, by) = (self.clone(), caller.clone());
        let event = self.commit(caller.origin(method, now), repeat, move |transaction| {
            let mut event = tables::get(transaction, id)?.ok_or_else(|| Error::not_found(id.name()))?;
            let path = event.placement.path();
            require(&by, &path, &id.name())?;
            let step = life::take(&mut event, &command, &actor(&by, &path), &service.0.deadlines, now)?;
            tables::put(transaction, event, step)
        });
        self.answer_change(event.await?, &caller)
    }

    /// Fails unless a dispatch can be made and whoever is to handle the event may do so where it lies: an event that is
    /// dispatched to somebody who cannot even see it would wait for nobody.
    async fn check_handler(&self, id: EventId, command: &Command, caller: &Caller, now: Time) -> Result<()> {
        let event = self.0.store.read(|view| tables::get(view, id))?;
        let mut event = event.ok_or_else(|| Error::not_found(id.name()))?;
        let path = event.placement.path();
        require(caller, &path, &id.name())?;
        // Taken on a copy, to learn who would handle it, and to ask nobody about a step that cannot be taken.
        let step = life::take(&mut event, command, &actor(caller, &path), &self.0.deadlines, now)?;
        let handler = step.handler.ok_or_else(|| Error::internal("a dispatch passed that names no handler"))?;
        let (path, principal) = (path.to_string(), handler.name());
        let request = ListHandlersRequest { path: path.clone(), principal: principal.clone(), ..Default::default() };
        let answer = self.0.staff.clone().list_handlers(caller.forward(request)).await.map_err(from_status)?;
        if !answer.into_inner().handlers.is_empty() {
            return Ok(());
        }
        Err(Error::new(
            Kind::Precondition,
            "HANDLER_CANNOT_HANDLE",
            "nobody of this name may handle events in the event's area now; name one whom StaffService.ListHandlers \
             lists there",
        )
        .with("handler", principal)
        .with("path", path))
    }

    /// Commits a change of one event. With `repeat` it has one effect however often it is sent, and each time the
    /// first answer.
    pub(super) async fn commit(
        &self,
        origin: Origin,
        repeat: Option<store::Request>,
        change: impl Fn(&mut Transaction<'_>) -> Result<bytes::Event> + Send + 'static,
    ) -> Result<bytes::Event> {
        let Some(repeat) = repeat else {
            return Ok(self.0.store.write(origin, change).await?.value);
        };
        let change = move |transaction: &mut Transaction<'_>| Ok(change(transaction)?.encode_to_vec());
        let answer = self.0.store.write_once(origin, repeat, change).await?.value;
        bytes::Event::decode(answer.as_slice())
            .map_err(|wrong| Error::internal("a kept answer cannot be read").caused_by(wrong))
    }

    /// The first answer to a request that fails now with `error`; `error` when there was none.
    pub(super) async fn first_answer(
        &self,
        origin: Origin,
        repeat: Option<store::Request>,
        caller: &Caller,
        error: Error,
    ) -> Result<api_events::Event> {
        const UNANSWERED: &str = "UNANSWERED";
        if repeat.is_none() {
            return Err(error);
        }
        let unanswered = |_: &mut Transaction<'_>| Err(Error::new(Kind::NotFound, UNANSWERED, "it is the first time"));
        match self.commit(origin, repeat, unanswered).await {
            Ok(answered) => self.answer_change(answered, caller),
            Err(first) if first.reason() == UNANSWERED => Err(error),
            Err(reused) => Err(reused),
        }
    }

    /// What a caller is answered after a change. A repeat may come after posts have changed, so it is asked again
    /// whether the caller may see the event.
    pub(super) fn answer_change(&self, event: bytes::Event, caller: &Caller) -> Result<api_events::Event> {
        let event = tables::read_event(event)?;
        require(caller, &event.placement.path(), &event.id.name())?;
        Ok(self.show(event, caller))
    }
}

/// What the life of an event asks about a caller at a place.
fn actor(caller: &Caller, path: &AreaPath) -> Actor {
    let posts = || caller.bindings().iter().filter(|(_, root)| path.is_within(root)).map(|(post, _)| *post);
    let is_desk = |post| matches!(post, Post::CommunityDesk | Post::SubdistrictDesk | Post::Administrator);
    Actor {
        id: caller.id(),
        is_desk: posts().any(is_desk),
        may_check: posts().any(|post| access::allows(post, "events.verify")),
    }
}
