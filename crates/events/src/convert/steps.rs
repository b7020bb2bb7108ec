//! Steps of an event's life, from the contract to the model.

use api::events::v1 as api_events;
use api::events::v1::Step;
use base::{EventId, Result, Violations, limits};
use prost::Message;

use super::{name, optional_name, text};
use crate::model::life::Command;

/// A step that was checked.
#[derive(Debug)]
pub(crate) struct StepRequest {
    pub(crate) event: EventId,
    pub(crate) command: Command,
    /// Makes the call repeatable; none when the caller did not ask for it.
    pub(crate) repeat: Option<store::Request>,
}

/// What the requests of all steps have in common.
struct Fields<'a> {
    step: Step,
    name: &'a str,
    /// Field, content, and whether it must say something.
    note: (&'static str, &'a str, bool),
    handler: &'a str,
    etag: &'a str,
    request_id: &'a str,
}

/// A request of one of the steps.
pub(crate) trait StepMessage: Message {
    /// What it asks for; fails with every wrong field.
    fn read(&self) -> Result<StepRequest>;
}

fn read(fields: &Fields<'_>, message: &impl Message) -> Result<StepRequest> {
    let mut violations = Violations::new();
    let event = name("name", fields.name, &mut violations);
    let (field, note, required) = fields.note;
    text(field, note, required, limits::TEXT_CHARS_MAX, &mut violations);
    let handler = optional_name("handler", fields.handler, &mut violations);
    let revision = (!fields.etag.is_empty()).then(|| violations.take("etag", read_etag(fields.etag))).flatten();
    let repeat = repeat(fields.request_id, fields.step.as_str_name(), message, &mut violations);
    violations.check()?;
    Ok(StepRequest {
        event: event.ok_or_else(|| base::Error::internal("a step without an event passed the check"))?,
        command: Command { step: fields.step, note: note.to_owned(), handler, revision },
        repeat,
    })
}

/// The version of an event as clients hold it.
pub(crate) fn etag(revision: u64) -> String {
    format!("\"{revision}\"")
}

fn read_etag(etag: &str) -> Result<u64, &'static str> {
    let revision = etag.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).map(str::parse);
    revision.and_then(Result::ok).ok_or("is not an etag of an event; take it from the event, or leave it empty")
}

/// The request id of a mutation; none when the caller gave none: then nothing needs to be remembered.
pub(crate) fn repeat(
    request_id: &str,
    method: &str,
    message: &impl Message,
    violations: &mut Violations,
) -> Option<store::Request> {
    if request_id.is_empty() { None } else { rpc::repeat::request(request_id, method, message, violations) }
}

impl StepMessage for api_events::AcceptEventRequest {
    fn read(&self) -> Result<StepRequest> {
        let Self { name, note, etag, request_id } = self;
        read(&Fields { step: Step::Accept, name, note: ("note", note, false), handler: "", etag, request_id }, self)
    }
}

impl StepMessage for api_events::RefuseEventRequest {
    fn read(&self) -> Result<StepRequest> {
        let Self { name, note, etag, request_id } = self;
        read(&Fields { step: Step::Refuse, name, note: ("note", note, true), handler: "", etag, request_id }, self)
    }
}

impl StepMessage for api_events::DispatchEventRequest {
    fn read(&self) -> Result<StepRequest> {
        let Self { name, handler, note, etag, request_id } = self;
        read(&Fields { step: Step::Dispatch, name, note: ("note", note, false), handler, etag, request_id }, self)
    }
}

impl StepMessage for api_events::StartEventRequest {
    fn read(&self) -> Result<StepRequest> {
        let Self { name, note, etag, request_id } = self;
        read(&Fields { step: Step::Start, name, note: ("note", note, false), handler: "", etag, request_id }, self)
    }
}

impl StepMessage for api_events::ResolveEventRequest {
    fn read(&self) -> Result<StepRequest> {
        let Self { name, result, etag, request_id } = self;
        read(&Fields { step: Step::Resolve, name, note: ("result", result, true), handler: "", etag, request_id }, self)
    }
}

impl StepMessage for api_events::VerifyEventRequest {
    fn read(&self) -> Result<StepRequest> {
        let Self { name, note, etag, request_id } = self;
        read(&Fields { step: Step::Verify, name, note: ("note", note, false), handler: "", etag, request_id }, self)
    }
}

impl StepMessage for api_events::CloseEventRequest {
    fn read(&self) -> Result<StepRequest> {
        let Self { name, note, etag, request_id } = self;
        read(&Fields { step: Step::Close, name, note: ("note", note, false), handler: "", etag, request_id }, self)
    }
}

impl StepMessage for api_events::ReturnEventRequest {
    fn read(&self) -> Result<StepRequest> {
        let Self { name, note, etag, request_id } = self;
        read(&Fields { step: Step::Return, name, note: ("note", note, true), handler: "", etag, request_id }, self)
    }
}

impl StepMessage for api_events::ReopenEventRequest {
    fn read(&self) -> Result<StepRequest> {
        let Self { name, note, etag, request_id } = self;
        read(&Fields { step: Step::Reopen, name, note: ("note", note, true), handler: "", etag, request_id }, self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use api::events::v1::{AcceptEventRequest, DispatchEventRequest, RefuseEventRequest, ResolveEventRequest};

    #[test]
    fn every_wrong_field_of_a_step_is_told_at_once() {
        let request = DispatchEventRequest {
            name: "events/7".to_owned(),
            handler: "workers/7".to_owned(),
            note: "x".repeat(2_001),
            etag: "7".to_owned(),
            request_id: "once".to_owned(),
        };
        let error = request.read().unwrap_err();
        let fields: Vec<&str> = error.violations().iter().map(|violation| violation.field.as_str()).collect();
        assert_eq!(fields, ["name", "note", "handler", "etag", "request_id"]);
    }

    #[test]
    fn what_must_be_justified_needs_words() {
        let name = EventId::from_bytes([7; 16]).name();
        let refuse = RefuseEventRequest { name: name.clone(), note: "  ".to_owned(), ..Default::default() };
        assert_eq!(refuse.read().unwrap_err().violations()[0].field, "note");
        let resolve = ResolveEventRequest { name, ..Default::default() };
        assert_eq!(resolve.read().unwrap_err().violations()[0].field, "result");
    }

    #[test]
    fn an_etag_is_read_back() {
        let name = EventId::from_bytes([7; 16]).name();
        let request = AcceptEventRequest { name, etag: etag(12), ..Default::default() };
        assert_eq!(request.read().unwrap().command.revision, Some(12));
    }
}
