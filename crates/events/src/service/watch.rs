//! Watching: the change feed through the same filter that lists use.

use api::events::v1::watch_events_response::Change;
use api::events::v1::{WatchEventsRequest, WatchEventsResponse};
use base::{Result, Time, Violations};
use futures_util::stream::BoxStream;
use rpc::{Caller, cursor};
use store::{Entry, Store};
use tonic::{Request, Status};

use crate::model::filter::Filter;
use crate::tables::{self, EVENTS};
use crate::{Events, convert};

impl Events {
    pub(super) async fn watch(
        &self,
        request: Request<WatchEventsRequest>,
    ) -> Result<BoxStream<'static, Result<WatchEventsResponse, Status>>> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let mut violations = Violations::new();
        let asked = convert::filters::filter(request.filter.as_ref(), &mut violations);
        if asked.filter.overdue {
            violations.add("filter.overdue", "cannot be watched: an event becomes overdue without being changed");
        }
        violations.check()?;
        let store = self.0.store.clone();
        let after = if request.cursor.is_empty() { store.head() } else { cursor::read(&request.cursor, &store)? };
        let (filter, _) = self.in_scope(asked, &caller).await?;
        let (clock, watcher, feed) = (self.0.clock.clone(), caller.clone(), store.clone());
        let translate = move |entry: &Entry| changes(entry, &filter, &watcher, &feed, clock.now());
        let heartbeat = |cursor| WatchEventsResponse { cursor, change: None };
        Ok(rpc::watch::stream(caller, store, after, translate, heartbeat))
    }
}

/// What one entry of the feed means to a watcher.
fn changes(
    entry: &Entry,
    filter: &Filter,
    caller: &Caller,
    store: &Store,
    now: Time,
) -> Result<Vec<WatchEventsResponse>> {
    let mut messages = Vec::new();
    for change in &entry.changes {
        let Some((before, after)) = EVENTS.decode_change(change)? else { continue };
        let matched = before.as_ref().is_some_and(|event| filter.matches(&tables::facts(event), now));
        let change = match after {
            Some(event) if filter.matches(&tables::facts(&event), now) => {
                Change::Event(convert::answers::event(tables::read_event(event)?, caller, now))
            }
            _ if matched => Change::Removed(tables::read_event(before.unwrap_or_default())?.id.name()),
            _ => continue,
        };
        messages.push(WatchEventsResponse { cursor: cursor::write(store, entry.sequence), change: Some(change) });
    }
    Ok(messages)
}
