//! The domain of incidents: what an event is, how it lives, when it is due, and which events a filter means.
//!
//! Pure and synchronous: everything that happens here is decided by the arguments, so a write may be repeated and a
//! test needs no server. The enums of the contract (states, steps, channels) are used as they are, because a state has
//! one name everywhere; its messages are not.

pub(crate) mod deadline;
pub(crate) mod filter;
pub(crate) mod life;
pub(crate) mod report;

use api::events::v1::{Channel, EventState, Step, Urgency};
use api::grids::v1::{AreaKind, Datum, DecidedBy};
use base::{AreaId, AreaPath, Due, EventId, PrincipalId, ReleaseId, Time};

/// An incident, from its report to its closing.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Event {
    /// Made from the same moment as `create_time`, so the order of ids is the order of reports.
    pub(crate) id: EventId,
    /// The number people say.
    pub(crate) number: String,
    pub(crate) state: EventState,
    pub(crate) category: String,
    pub(crate) text: String,
    pub(crate) channel: Channel,
    /// Its number in the channel it came from.
    pub(crate) channel_number: String,
    pub(crate) urgency: Urgency,
    pub(crate) reporter: Reporter,
    /// As it was said.
    pub(crate) address: String,
    pub(crate) occur_time: Time,
    pub(crate) create_time: Time,
    pub(crate) update_time: Time,
    pub(crate) due: Due,
    pub(crate) resolve_time: Option<Time>,
    /// Who reported the result; may not be the one who checks it.
    pub(crate) resolver: Option<PrincipalId>,
    /// Closed or refused.
    pub(crate) close_time: Option<Time>,
    /// Where it lies, and how it came there.
    pub(crate) placement: Placement,
    /// Who was in charge of its area when it was reported.
    pub(crate) worker: Option<Worker>,
    /// Who shall handle it.
    pub(crate) handler: Option<PrincipalId>,
    /// What the handler reported.
    pub(crate) result: String,
    pub(crate) return_count: u32,
    pub(crate) reopen_count: u32,
    /// Version; also the number of steps taken so far.
    pub(crate) revision: u64,
}

/// Who reported an event; both empty when anonymous.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reporter {
    pub(crate) display_name: String,
    pub(crate) phone: String,
}

/// An area as it was when an event was placed in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AreaRef {
    pub(crate) id: AreaId,
    pub(crate) kind: AreaKind,
    pub(crate) code: String,
    pub(crate) display_name: String,
    pub(crate) path: AreaPath,
}

/// A point with its datum.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Point {
    pub(crate) longitude_deg: f64,
    pub(crate) latitude_deg: f64,
    pub(crate) datum: Datum,
}

/// Where an event lies, and how that was decided; never changed by later boundaries.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Placement {
    /// From the coarsest area to the finest; never empty.
    pub(crate) chain: Vec<AreaRef>,
    pub(crate) decided_by: DecidedBy,
    /// The boundary release that decided; none when the area was named.
    pub(crate) release: Option<ReleaseId>,
    /// Metres to the nearest border.
    pub(crate) border_distance_m: f64,
    pub(crate) runner_up: Option<AreaRef>,
    /// The point as it was given.
    pub(crate) given: Option<Point>,
    /// The same in WGS-84.
    pub(crate) wgs84: Option<Point>,
}

impl Placement {
    /// The place of the finest area in the tree.
    pub(crate) fn path(&self) -> AreaPath {
        self.chain.last().map_or(AreaPath::ROOT, |finest| finest.path)
    }
}

/// A worker in charge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Worker {
    pub(crate) id: PrincipalId,
    pub(crate) display_name: String,
}

/// One entry of an event's history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HistoryStep {
    pub(crate) event: EventId,
    /// 1, 2, 3 … within the event.
    pub(crate) sequence: u32,
    pub(crate) step: Step,
    /// Unspecified for the report.
    pub(crate) from: EventState,
    pub(crate) to: EventState,
    pub(crate) principal: PrincipalId,
    pub(crate) time: Time,
    pub(crate) note: String,
    /// The handler that a dispatch named.
    pub(crate) handler: Option<PrincipalId>,
}
