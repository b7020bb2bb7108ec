//! Incidents (事件) and their whole life, from the report to the closing.
//!
//! The service decides, with `grids` and `staff`, the micro-grid and the worker in charge of each report before it
//! answers, keeps why, and moves the event through its life against a deadline on the legal working calendar. What is
//! not here: boundaries (that is `grids`), people (that is `staff`), and anything that happens by itself as time goes
//! by.
//!
//! | room | what it holds |
//! |---|---|
//! | `model` | the domain: life, deadlines, filters, reports; pure |
//! | `tables` | key layout, indexes and totals; lists and counts over them |
//! | `convert` | contract ↔ model: validation and masking |
//! | `service` | the generated trait, thin |

mod convert;
mod model;
mod service;
mod tables;

use std::sync::Arc;

use api::events::v1::event_service_server::EventServiceServer;
use api::grids::v1::grid_service_client::GridServiceClient;
use api::staff::v1::staff_service_client::StaffServiceClient;
use base::{Clock, Result, Violations, limits};
use rpc::Link;
use serde::{Deserialize, Serialize};
use store::Store;
use tonic::service::Routes;

pub use model::deadline::{Allowance, CalendarDays, CategoryRules, DeadlineRules};
pub use tables::SCHEMA;

use model::deadline::Deadlines;

/// The name of the service: its store's directory, its configuration's section.
pub const SERVICE_NAME: &str = "events";

/// Farther from an area than this a point is not placed in it, whatever the deployment says.
const OUTSIDE_TOLERANCE_M_MAX: f64 = 10_000.0;

/// What a deployment decides about its events.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// A report whose point lies in no area, but at most so many metres from one, is placed in that one: GNSS between
    /// buildings is off by tens of metres, and boundaries are drawn along the middle of streets. Farther away the
    /// reporter has to name the area. 0 turns it off.
    pub outside_tolerance_m: f64,
    /// How long events may take.
    pub deadlines: DeadlineRules,
    /// Days of holiday notices that this program does not know yet.
    pub calendar: CalendarDays,
}

impl Default for Options {
    fn default() -> Self {
        Self { outside_tolerance_m: 100.0, deadlines: DeadlineRules::default(), calendar: CalendarDays::default() }
    }
}

impl Options {
    /// Finds every setting that makes no sense.
    pub fn check(&self) -> Result<()> {
        self.clone().into_deadlines().map(drop)
    }

    /// The deadlines, when all settings make sense.
    fn into_deadlines(self) -> Result<Deadlines> {
        let mut wrong = Violations::new();
        if !(0.0..=OUTSIDE_TOLERANCE_M_MAX).contains(&self.outside_tolerance_m) {
            wrong.add("outside_tolerance_m", format!("must lie in 0..{OUTSIDE_TOLERANCE_M_MAX} metres"));
        }
        let deadlines = Deadlines::new(self.deadlines, &self.calendar, &mut wrong);
        wrong.check()?;
        Ok(deadlines)
    }
}

/// The service. Cloning is cheap; all clones are one.
#[derive(Clone)]
pub struct Events(Arc<Inner>);

struct Inner {
    store: Store,
    grids: GridServiceClient<Link>,
    staff: StaffServiceClient<Link>,
    outside_tolerance_m: f64,
    deadlines: Deadlines,
    clock: Arc<dyn Clock>,
}

impl Events {
    /// The service over a store that was opened with [`SCHEMA`], and the ways to the services it asks. Fails with
    /// every setting in `options` that makes no sense.
    pub fn new(store: Store, grids: Link, staff: Link, options: Options, clock: Arc<dyn Clock>) -> Result<Self> {
        let outside_tolerance_m = options.outside_tolerance_m;
        let deadlines = options.into_deadlines()?;
        Ok(Self(Arc::new(Inner {
            store,
            grids: GridServiceClient::new(grids),
            staff: StaffServiceClient::new(staff),
            outside_tolerance_m,
            deadlines,
            clock,
        })))
    }

    /// The service to be served, without the stack that guards it.
    pub fn into_routes(self) -> Routes {
        let server = EventServiceServer::new(self)
            .max_decoding_message_size(limits::MESSAGE_BYTES_MAX)
            .max_encoding_message_size(limits::MESSAGE_BYTES_MAX);
        Routes::new(server)
    }
}
