//! The resources that more than one service speaks of, and their ids.

use crate::id::{Id, Resource};

/// An area of the tree (`areas/…`), kept by `grids`.
pub struct Area;
/// A boundary release (`releases/…`), kept by `grids`.
pub struct Release;
/// A person or program that may call (`principals/…`), kept by `staff`.
pub struct Principal;
/// An incident (`events/…`), kept by `events`.
pub struct Event;

impl Resource for Area {
    const COLLECTION: &'static str = "areas";
}
impl Resource for Release {
    const COLLECTION: &'static str = "releases";
}
impl Resource for Principal {
    const COLLECTION: &'static str = "principals";
}
impl Resource for Event {
    const COLLECTION: &'static str = "events";
}

/// The id of an area.
pub type AreaId = Id<Area>;
/// The id of a boundary release.
pub type ReleaseId = Id<Release>;
/// The id of a principal.
pub type PrincipalId = Id<Principal>;
/// The id of an event.
pub type EventId = Id<Event>;
