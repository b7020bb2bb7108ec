//! Between the model and the bytes at rest. What was stored well-formed is read back as it was; anything else is
//! damage and says so.

use api::stored::events::v1 as bytes;
use base::{AreaPath, Due, Error, EventId, Id, Kind, Resource, Result, Time};

use crate::model::{AreaRef, Event, HistoryStep, Placement, Point, Reporter, Worker};

/// A stored record that does not hold what this service writes.
pub(super) fn malformed(what: &'static str) -> Error {
    Error::new(
        Kind::Corrupt,
        "MALFORMED_RECORD",
        format!("{what} is not as this program writes it; run `wangge verify`"),
    )
}

/// A stored time, where 0 stands for never.
pub(super) fn time(micros: i64) -> Option<Time> {
    (micros != 0).then(|| Time::from_micros(micros))
}

fn micros(time: Option<Time>) -> i64 {
    time.map_or(0, Time::micros)
}

fn id<R: Resource>(stored: &[u8]) -> Result<Id<R>> {
    Id::from_slice(stored).map_err(|wrong| malformed("an id in an event").caused_by(wrong))
}

/// An id that may be absent.
fn optional<R: Resource>(stored: &[u8]) -> Result<Option<Id<R>>> {
    if stored.is_empty() { Ok(None) } else { id(stored).map(Some) }
}

fn id_bytes<R: Resource>(id: Id<R>) -> ::bytes::Bytes {
    ::bytes::Bytes::copy_from_slice(&id.bytes())
}

fn optional_bytes<R: Resource>(id: Option<Id<R>>) -> ::bytes::Bytes {
    id.map(id_bytes).unwrap_or_default()
}

/// A value of one of the contract's enums.
fn value<E: TryFrom<i32>>(stored: i32) -> Result<E> {
    E::try_from(stored).map_err(|_| malformed("an enum in an event").with("value", stored))
}

/// Reads a stored event.
pub(crate) fn event(stored: bytes::Event) -> Result<Event> {
    let worker = optional::<base::name::Principal>(&stored.worker_id)?;
    Ok(Event {
        id: EventId::from_slice(&stored.id).map_err(|wrong| malformed("an event's id").caused_by(wrong))?,
        state: value(stored.state)?,
        channel: value(stored.channel)?,
        urgency: value(stored.urgency)?,
        reporter: Reporter { display_name: stored.reporter_name, phone: stored.reporter_phone },
        occur_time: Time::from_micros(stored.occur_time_us),
        create_time: Time::from_micros(stored.create_time_us),
        update_time: Time::from_micros(stored.update_time_us),
        due: Due { time: Time::from_micros(stored.due_time_us), provisional: stored.due_provisional },
        resolve_time: time(stored.resolve_time_us),
        resolver: optional(&stored.resolver_id)?,
        close_time: time(stored.close_time_us),
        placement: placement(stored.chain, stored.placement.unwrap_or_default())?,
        worker: worker.map(|id| Worker { id, display_name: stored.worker_display_name }),
        handler: optional(&stored.handler_id)?,
        number: stored.number,
        category: stored.category,
        text: stored.text,
        channel_number: stored.channel_number,
        address: stored.address,
        result: stored.result,
        return_count: stored.return_count,
        reopen_count: stored.reopen_count,
        revision: stored.revision,
    })
}

/// An event as it is stored.
pub(super) fn event_bytes(event: Event) -> bytes::Event {
    let path = event.placement.path().bytes().into();
    let (chain, placement) = placement_bytes(event.placement);
    let (worker_id, worker_display_name) =
        event.worker.map(|worker| (id_bytes(worker.id), worker.display_name)).unwrap_or_default();
    bytes::Event {
        id: id_bytes(event.id),
        number: event.number,
        state: event.state.into(),
        category: event.category,
        text: event.text,
        channel: event.channel.into(),
        channel_number: event.channel_number,
        urgency: event.urgency.into(),
        reporter_name: event.reporter.display_name,
        reporter_phone: event.reporter.phone,
        address: event.address,
        occur_time_us: event.occur_time.micros(),
        create_time_us: event.create_time.micros(),
        update_time_us: event.update_time.micros(),
        due_time_us: event.due.time.micros(),
        due_provisional: event.due.provisional,
        resolve_time_us: micros(event.resolve_time),
        close_time_us: micros(event.close_time),
        path,
        chain,
        placement: Some(placement),
        worker_id,
        worker_display_name,
        handler_id: optional_bytes(event.handler),
        result: event.result,
        return_count: event.return_count,
        reopen_count: event.reopen_count,
        revision: event.revision,
        resolver_id: optional_bytes(event.resolver),
    }
}

fn placement(chain: Vec<bytes::AreaRef>, stored: bytes::Placement) -> Result<Placement> {
    Ok(Placement {
        chain: chain.into_iter().map(area).collect::<Result<_>>()?,
        decided_by: value(stored.decided_by)?,
        release: optional(&stored.release_id)?,
        border_distance_m: stored.border_distance_m,
        runner_up: stored.runner_up.map(area).transpose()?,
        given: stored.given.map(point).transpose()?,
        wgs84: stored.wgs84.map(point).transpose()?,
    })
}

fn placement_bytes(placement: Placement) -> (Vec<bytes::AreaRef>, bytes::Placement) {
    let chain = placement.chain.into_iter().map(area_bytes).collect();
    let stored = bytes::Placement {
        decided_by: placement.decided_by.into(),
        release_id: optional_bytes(placement.release),
        border_distance_m: placement.border_distance_m,
        runner_up: placement.runner_up.map(area_bytes),
        given: placement.given.map(point_bytes),
        wgs84: placement.wgs84.map(point_bytes),
    };
    (chain, stored)
}

fn area(stored: bytes::AreaRef) -> Result<AreaRef> {
    Ok(AreaRef {
        id: id(&stored.id)?,
        kind: value(stored.kind)?,
        code: stored.code,
        display_name: stored.display_name,
        path: AreaPath::from_bytes(&stored.path)
            .map_err(|wrong| malformed("an area path in an event").caused_by(wrong))?,
    })
}

fn area_bytes(area: AreaRef) -> bytes::AreaRef {
    bytes::AreaRef {
        id: id_bytes(area.id),
        kind: area.kind.into(),
        code: area.code,
        display_name: area.display_name,
        path: area.path.bytes().into(),
    }
}

fn point(stored: bytes::Point) -> Result<Point> {
    Ok(Point { longitude_deg: stored.longitude_deg, latitude_deg: stored.latitude_deg, datum: value(stored.datum)? })
}

fn point_bytes(point: Point) -> bytes::Point {
    bytes::Point { longitude_deg: point.longitude_deg, latitude_deg: point.latitude_deg, datum: point.datum.into() }
}

/// Reads a stored step.
pub(crate) fn step(stored: bytes::EventStep) -> Result<HistoryStep> {
    Ok(HistoryStep {
        event: id(&stored.event_id)?,
        sequence: stored.sequence,
        step: value(stored.step)?,
        from: value(stored.from_state)?,
        to: value(stored.to_state)?,
        principal: id::<base::name::Principal>(&stored.principal_id)?,
        time: Time::from_micros(stored.time_us),
        note: stored.note,
        handler: optional(&stored.handler_id)?,
    })
}

/// A step as it is stored.
pub(super) fn step_bytes(step: HistoryStep) -> bytes::EventStep {
    bytes::EventStep {
        event_id: id_bytes(step.event),
        sequence: step.sequence,
        step: step.step.into(),
        from_state: step.from.into(),
        to_state: step.to.into(),
        principal_id: id_bytes::<base::name::Principal>(step.principal),
        time_us: step.time.micros(),
        note: step.note,
        handler_id: optional_bytes(step.handler),
    }
}
