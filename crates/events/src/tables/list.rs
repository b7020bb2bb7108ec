//! Lists: which ranges of which index hold the candidates of a filter, merged into one order.

use api::stored::events::v1 as bytes;
use base::{EventId, Result, Time};
use rpc::paging::PageRequest;
use store::{Index, Key, Page, Scan, View};

use super::{BY_AREA, BY_WORKER, EVENTS, area_key, facts, stored, worker_key};
use crate::model::filter::{Filter, Shelf};
use crate::model::{Event, HistoryStep};

/// One page of the events that a filter means, newest first unless `oldest_first`.
///
/// A page may be shorter than its limit, even empty, although more follow: then it has a `next`.
pub(crate) fn page(
    view: &dyn View,
    filter: &Filter,
    oldest_first: bool,
    part: &PageRequest,
    now: Time,
) -> Result<Page<Event>> {
    let page = stored_page(view, filter, &filter.shelves(), oldest_first, part, now)?;
    let records = page.records.into_iter().map(stored::event).collect::<Result<_>>()?;
    Ok(Page { records, next: page.next })
}

/// The same with the events as they are stored, from some of the filter's shelves only.
pub(super) fn stored_page(
    view: &dyn View,
    filter: &Filter,
    shelves: &[Shelf],
    oldest_first: bool,
    part: &PageRequest,
    now: Time,
) -> Result<Page<bytes::Event>> {
    let (index, scans) = candidates(filter, shelves);
    let scan = |scan: Scan| scan.reverse(!oldest_first).limit(part.limit).after(part.after.clone());
    let scans: Vec<Scan> = scans.into_iter().map(scan).collect();
    EVENTS.page_merged(view, index, &scans, &|event| filter.matches(&facts(event), now))
}

/// An index and ranges of it that hold every event of the filter on these shelves, and no event twice. When nothing
/// but area, shelf and whole milliseconds of time is asked for, they hold no other event.
pub(super) fn candidates(filter: &Filter, shelves: &[Shelf]) -> (&'static Index<bytes::Event>, Vec<Scan>) {
    let (from, to) = (filter.from.map(first_id), filter.to.map(first_id_after));
    let scan = |prefix| Scan { prefix, from: from.clone(), to: to.clone(), ..Scan::default() };
    match filter.worker {
        Some(worker) => (&BY_WORKER, shelves.iter().map(|shelf| scan(worker_key(worker, *shelf))).collect()),
        None => {
            let pieces = filter.scope.paths().iter();
            let ranges = pieces.flat_map(|area| shelves.iter().map(|shelf| scan(area_key(area, *shelf))));
            (&BY_AREA, ranges.collect())
        }
    }
}

/// Where ids of events reported at `time` or later begin.
fn first_id(time: Time) -> Key {
    Key::new().id(EventId::first_at(time))
}

/// Where ids end of which some may have been reported before `time`: ids are exact to the millisecond, so an event of
/// the same millisecond may stand before the bound or behind it.
fn first_id_after(time: Time) -> Key {
    first_id(time.plus_micros(999))
}

/// One page of an event's history, oldest step first.
pub(crate) fn history(view: &dyn View, event: EventId, part: &PageRequest) -> Result<Page<HistoryStep>> {
    let scan = Scan::prefix(Key::new().id(event)).limit(part.limit).after(part.after.clone());
    let page = super::STEPS.page(view, &scan)?;
    let records = page.records.into_iter().map(stored::step).collect::<Result<_>>()?;
    Ok(Page { records, next: page.next })
}
