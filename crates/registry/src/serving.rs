//! What every service over a registry does the same with its typed messages: the parts of a change by hand and of a
//! page, and read, list, enter, change, delete, restore, history.
//!
//! What is deliberately not here: the generated messages themselves; each service hands in the parts of its own.

use api::options::v1::SourceKind;
use base::{Error, Result, Violations};
use prost::Message;
use prost_types::FieldMask;
use rpc::paging::{PageRequest, Query};
use rpc::{Caller, Scope};

use crate::collection::{ByHand, Collection};
use crate::fields::Fields;
use crate::history::Entry;

/// A change by hand, from the parts of its request that are the same for all.
pub fn by_hand(
    method: &'static str,
    message: &impl Message,
    request_id: &str,
    source_kind: i32,
    reason: &str,
) -> Result<ByHand> {
    let mut violations = Violations::new();
    let request = rpc::repeat::request(request_id, method, message, &mut violations);
    let unknown = "is no kind of source that this version knows";
    let source = violations.take("source_kind", SourceKind::try_from(source_kind).map_err(|_| unknown));
    violations.check()?;
    match (request, source) {
        (Some(request), Some(source)) => Ok(ByHand { method, request, source, reason: reason.to_owned() }),
        _ => Err(Error::internal("a change without a request id passed the check")),
    }
}

/// Which part of a list is asked for; `message` has its paging fields cleared.
pub fn part(
    method: &str,
    message: &impl Message,
    scope: &Scope,
    (page_size, page_token): (i32, &str),
) -> Result<(Query, PageRequest)> {
    let query = Query::of(method, message, scope);
    let mut violations = Violations::new();
    let part = PageRequest::parse(page_size, page_token, &query, &mut violations);
    violations.check()?;
    Ok((query, part.ok_or_else(|| Error::internal("a list without a page passed the check"))?))
}

/// The element of a request that must hold one.
pub fn given<M: Message>(field: &str, element: Option<M>) -> Result<M> {
    element.ok_or_else(|| Error::invalid(field, "must be given"))
}

/// The element of this name as the caller may see it.
pub fn get<M: Message + Default>(elements: &Collection, caller: &Caller, name: &str) -> Result<M> {
    elements.show(&elements.get(caller, name)?, caller)
}

/// One page of a list, with the token of the next.
pub async fn list<M: Message + Default>(
    elements: &Collection,
    caller: &Caller,
    (method, message): (&str, &impl Message),
    (area, deleted): (&str, bool),
    page: (i32, &str),
) -> Result<(Vec<M>, String)> {
    let scope = elements.scope(caller, area).await?;
    let (query, part) = part(method, message, caller.scope(), page)?;
    let page = elements.list(&scope, deleted, &part).await?;
    let shown = page.records.iter().map(|record| elements.show(record, caller)).collect::<Result<_>>()?;
    Ok((shown, query.token(page.next)))
}

/// Enters an element; answers it as the caller may see it.
pub async fn create<M: Message + Default>(
    elements: &Collection,
    caller: &Caller,
    element: &M,
    by_hand: ByHand,
) -> Result<M> {
    elements.show(&elements.create(caller, Fields::of(element), by_hand).await?, caller)
}

/// Changes an element; `seen` is its name and the etag its author saw.
pub async fn update<M: Message + Default>(
    elements: &Collection,
    caller: &Caller,
    (element, mask): (&M, Option<&FieldMask>),
    seen: (&str, &str),
    by_hand: ByHand,
) -> Result<M> {
    elements.show(&elements.update(caller, (Fields::of(element), mask), seen, by_hand).await?, caller)
}

/// Deletes an element; `seen` is its name and the etag its author saw.
pub async fn delete<M: Message + Default>(
    elements: &Collection,
    caller: &Caller,
    seen: (&str, &str),
    by_hand: ByHand,
) -> Result<M> {
    elements.show(&elements.delete(caller, seen, by_hand).await?, caller)
}

/// Takes a deleted element back.
pub async fn restore<M: Message + Default>(
    elements: &Collection,
    caller: &Caller,
    name: &str,
    by_hand: ByHand,
) -> Result<M> {
    elements.show(&elements.restore(caller, name, by_hand).await?, caller)
}

/// One page of a history, with the token of the next.
pub async fn changes<M: Message + Default>(
    elements: &Collection,
    caller: &Caller,
    (method, message): (&str, &impl Message),
    name: &str,
    page: (i32, &str),
) -> Result<(Vec<Entry<M>>, String)> {
    let (query, part) = part(method, message, caller.scope(), page)?;
    let (entries, next) = elements.history(caller, name, &part).await?;
    Ok((entries, query.token(next)))
}
