//! What is kept of events, and under which keys. Records are the messages of `wangge.stored.events.v1`.
//!
//! ```text
//! events    (id)                                     ids are made from the time of the report: the order of reports
//! steps     (event id, sequence)                     the history of one event is one range
//! numbers   (code of the subdistrict, day)           the last human number given
//!
//! by_area   (path of an area above or its own, shelf, id)      once for the root and for every area of the chain
//! by_worker (worker in charge, shelf, id)
//! counts    (depth, path, shelf, category) → how many          once for the root and for every area of the chain
//! ```
//! A shelf is a state, split by whether the result came late ([`Shelf`]). A subtree with any set of states is then a
//! handful of ranges that are merged by id, without a look at any other event; and because `counts` begins with the
//! depth, the areas directly below one area are one range too.

pub(crate) mod count;
pub(crate) mod list;
mod stored;

use api::stored::events::v1 as bytes;
use base::{AreaPath, EventId, PrincipalId, Result, Time};
use store::{Aggregate, Index, Key, KeyReader, Schema, Table, Transaction, View};

use crate::model::filter::{Facts, STATES, Shelf};
use crate::model::report::Series;
use crate::model::{Event, HistoryStep};

pub(crate) use stored::event as read_event;

/// Every table of this service.
pub const SCHEMA: Schema = &[&EVENTS, &STEPS, &COUNTERS];

pub(crate) static EVENTS: Table<bytes::Event> =
    Table::new(1, "events", |event| Key::new().raw(&event.id), &[&BY_AREA, &BY_WORKER], &[&COUNTS]);

pub(crate) static STEPS: Table<bytes::EventStep> =
    Table::new(2, "steps", |step| Key::new().raw(&step.event_id).u32(step.sequence), &[], &[]);

static COUNTERS: Table<bytes::Counter> =
    Table::new(4, "numbers", |counter| counter_key(&counter.code, counter.day), &[], &[]);

static BY_AREA: Index<bytes::Event> = Index::new(1, "by_area", |event, entries| {
    let shelf = facts(event).shelf();
    entries.extend(areas(event).map(|area| area_key(&area, shelf)));
});

static BY_WORKER: Index<bytes::Event> = Index::new(2, "by_worker", |event, entries| {
    let facts = facts(event);
    entries.extend(facts.worker.map(|worker| worker_key(worker, facts.shelf())));
});

static COUNTS: Aggregate<bytes::Event> = Aggregate::new(1, "counts", |event, amounts| {
    let shelf = facts(event).shelf();
    amounts.extend(areas(event).map(|area| (count_key(&area, shelf).text(&event.category), 1)));
});

fn counter_key(code: &str, day: i32) -> Key {
    Key::new().text(code).i64(i64::from(day))
}

fn area_key(area: &AreaPath, shelf: Shelf) -> Key {
    Key::new().path(area).u8(shelf_byte(shelf))
}

fn worker_key(worker: PrincipalId, shelf: Shelf) -> Key {
    Key::new().id(worker).u8(shelf_byte(shelf))
}

/// The counts of one area on one shelf; a category follows.
fn count_key(area: &AreaPath, shelf: Shelf) -> Key {
    depth_key(area.depth()).path(area).u8(shelf_byte(shelf))
}

/// The counts of all areas so deep in the tree.
fn depth_key(depth: usize) -> Key {
    // At most base::path::DEPTH_MAX.
    Key::new().u8(u8::try_from(depth).unwrap_or(u8::MAX))
}

fn shelf_byte(shelf: Shelf) -> u8 {
    // Eight states.
    u8::try_from(shelf.state as i32).unwrap_or(0) * 2 + u8::from(shelf.late)
}

/// Reads what [`shelf_byte`] wrote.
fn read_shelf(key: &mut KeyReader<'_>) -> Result<Shelf> {
    let byte = key.u8()?;
    let state = STATES.into_iter().find(|state| *state as i32 == i32::from(byte / 2));
    let state = state.ok_or_else(|| stored::malformed("a key of an event"))?;
    Ok(Shelf { state, late: byte % 2 == 1 })
}

/// The root and every area an event lies in.
fn areas(event: &bytes::Event) -> impl Iterator<Item = AreaPath> {
    std::iter::once(AreaPath::ROOT).chain(path_of(&event.path).lineage())
}

/// The place stored in a record. Indexes are derived from records that this service wrote, so it is well-formed; if
/// it is not, the event is found under the root, and reading it says what is wrong.
fn path_of(stored: &[u8]) -> AreaPath {
    AreaPath::from_bytes(stored).unwrap_or_default()
}

/// What a filter asks of a stored event.
pub(crate) fn facts(event: &bytes::Event) -> Facts<'_> {
    Facts {
        path: path_of(&event.path),
        state: event.state.try_into().unwrap_or_default(),
        category: &event.category,
        worker: PrincipalId::from_slice(&event.worker_id).ok(),
        create_time: Time::from_micros(event.create_time_us),
        due_time: Time::from_micros(event.due_time_us),
        resolve_time: stored::time(event.resolve_time_us),
    }
}

/// The event, if it exists.
pub(crate) fn get(view: &dyn View, id: EventId) -> Result<Option<Event>> {
    EVENTS.get(view, &Key::new().id(id))?.map(stored::event).transpose()
}

/// Stores an event together with the step that made or changed it.
pub(crate) fn put(transaction: &mut Transaction<'_>, event: Event, step: HistoryStep) -> Result<bytes::Event> {
    let event = stored::event_bytes(event);
    EVENTS.put(transaction, &event)?;
    STEPS.put(transaction, &stored::step_bytes(step))?;
    Ok(event)
}

/// The next human number of a series.
pub(crate) fn next_number(transaction: &mut Transaction<'_>, series: &Series) -> Result<String> {
    let day = series.day.days();
    let before = COUNTERS.get(transaction, &counter_key(&series.code, day))?;
    let last = before.map_or(0, |counter| counter.last) + 1;
    COUNTERS.put(transaction, &bytes::Counter { code: series.code.clone(), day, last })?;
    Ok(series.number(last))
}

#[cfg(test)]
mod tests {
    use super::*;
    use api::events::v1::EventState;

    #[test]
    fn every_shelf_has_a_byte_of_its_own_that_is_read_back() {
        for state in STATES {
            for late in [false, true] {
                let shelf = Shelf { state, late };
                let byte = [shelf_byte(shelf)];
                assert_eq!(read_shelf(&mut KeyReader::new(&byte)).unwrap(), shelf);
            }
        }
        assert!(read_shelf(&mut KeyReader::new(&[0])).is_err());
        assert!(read_shelf(&mut KeyReader::new(&[200])).is_err());
    }

    #[test]
    fn the_bytes_of_keys_stay_as_they_are_on_disk() {
        let area: AreaPath = "/1/2".parse().unwrap();
        let shelf = Shelf { state: EventState::Closed, late: true };
        assert_eq!(area_key(&area, shelf).as_bytes(), [0, 1, 0, 2, 0, 0, 15]);
        assert_eq!(count_key(&area, shelf).text("x").as_bytes(), [2, 0, 1, 0, 2, 0, 0, 15, b'x', 0, 1]);
        assert_eq!(counter_key("7", 1).as_bytes(), [b'7', 0, 1, 128, 0, 0, 0, 0, 0, 0, 1]);
        let worker = PrincipalId::from_bytes([7; 16]);
        assert_eq!(worker_key(worker, shelf).as_bytes(), [[7; 16].as_slice(), &[15]].concat());
    }
}
