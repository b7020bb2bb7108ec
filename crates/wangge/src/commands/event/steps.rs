//! The steps of an incident's life, one command each.

use api::events::v1::{
    AcceptEventRequest, CloseEventRequest, DispatchEventRequest, Event, RefuseEventRequest, ReopenEventRequest,
    ResolveEventRequest, ReturnEventRequest, StartEventRequest, VerifyEventRequest,
};
use base::{Error, Result};
use clap::Args;
use rpc::status::from_status;

use super::Command;
use crate::client::Clients;

/// What every step takes.
#[derive(Debug, Args)]
pub(super) struct StepArguments {
    /// events/… name
    #[arg(value_name = "EVENT", value_parser = super::event_name)]
    event: String,
    /// Version it must have; refused when somebody changed it in between
    #[arg(long, default_value = "", hide_default_value = true)]
    etag: String,
    /// UUID; sending it again with the same id answers the first step
    #[arg(long, value_name = "UUID", default_value = "", hide_default_value = true)]
    request_id: String,
}

/// A step that may be noted upon.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  wangge event accept events/0198b1c2-7a3e-7cc1-9c7e-2f6d3a1b4c5d --note 情况属实")]
pub struct NotedArguments {
    #[command(flatten)]
    step: StepArguments,
    /// For the history
    #[arg(long, default_value = "", hide_default_value = true)]
    note: String,
}

/// A step that needs a reason.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  wangge event return events/0198b1c2-7a3e-7cc1-9c7e-2f6d3a1b4c5d --note 不属本单位职责"
)]
pub struct ReasonedArguments {
    #[command(flatten)]
    step: StepArguments,
    /// Why
    #[arg(long)]
    note: String,
}

/// Arguments of `event dispatch`.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  wangge event dispatch events/0198b1c2-7a3e-7cc1-9c7e-2f6d3a1b4c5d --handler principals/…"
)]
pub struct DispatchArguments {
    #[command(flatten)]
    step: StepArguments,
    /// principals/… name of whoever shall handle it; otherwise the worker in charge
    #[arg(long, default_value = "", hide_default_value = true)]
    handler: String,
    /// For the history
    #[arg(long, default_value = "", hide_default_value = true)]
    note: String,
}

/// Arguments of `event resolve`.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  wangge event resolve events/0198b1c2-7a3e-7cc1-9c7e-2f6d3a1b4c5d --result 已劝离摊贩"
)]
pub struct ResolveArguments {
    #[command(flatten)]
    step: StepArguments,
    /// What was done
    #[arg(long)]
    result: String,
}

/// Takes a step and answers the incident after it.
pub(super) async fn take(clients: &Clients, command: Command) -> Result<Event> {
    let mut events = clients.events();
    let answer = match command {
        Command::Accept(NotedArguments { step: StepArguments { event: name, etag, request_id }, note }) => {
            events.accept_event(AcceptEventRequest { name, note, etag, request_id }).await
        }
        Command::Refuse(ReasonedArguments { step: StepArguments { event: name, etag, request_id }, note }) => {
            events.refuse_event(RefuseEventRequest { name, note, etag, request_id }).await
        }
        Command::Dispatch(DispatchArguments { step, handler, note }) => {
            let StepArguments { event: name, etag, request_id } = step;
            events.dispatch_event(DispatchEventRequest { name, handler, note, etag, request_id }).await
        }
        Command::Start(NotedArguments { step: StepArguments { event: name, etag, request_id }, note }) => {
            events.start_event(StartEventRequest { name, note, etag, request_id }).await
        }
        Command::Resolve(ResolveArguments { step: StepArguments { event: name, etag, request_id }, result }) => {
            events.resolve_event(ResolveEventRequest { name, result, etag, request_id }).await
        }
        Command::Verify(NotedArguments { step: StepArguments { event: name, etag, request_id }, note }) => {
            events.verify_event(VerifyEventRequest { name, note, etag, request_id }).await
        }
        Command::Close(NotedArguments { step: StepArguments { event: name, etag, request_id }, note }) => {
            events.close_event(CloseEventRequest { name, note, etag, request_id }).await
        }
        Command::Return(ReasonedArguments { step: StepArguments { event: name, etag, request_id }, note }) => {
            events.return_event(ReturnEventRequest { name, note, etag, request_id }).await
        }
        Command::Reopen(ReasonedArguments { step: StepArguments { event: name, etag, request_id }, note }) => {
            events.reopen_event(ReopenEventRequest { name, note, etag, request_id }).await
        }
        other => return Err(Error::internal(format!("{other:?} is no step"))),
    };
    Ok(answer.map_err(from_status)?.into_inner())
}
