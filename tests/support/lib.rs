//! Shared by all tests and benches: servers, callers, small maps, and the real data.
//!
//! | room | what it holds |
//! |---|---|
//! | `server` | a server in this process on a temporary directory, with a clock that the test moves |
//! | `caller` | the bearer of one token, and what a refused call says |
//! | `land` | small maps on a grid of cells, and how they come into force |
//! | `people` | principals with their posts, one for each post |
//! | `town` | a server with a small map in force and one person in every post |
//! | `incidents` | reports, steps, whole lists, and what a watch tells |
//! | `tainan` | the 649 real villages, imported through the API |
//! | `deliveries` | persons, and whole deliveries of them |
//! | `shared_data` | where the real data is, and what happens without it |
//! | `data` | the work orders of the real hotline |

mod caller;
mod data;
mod deliveries;
mod incidents;
mod land;
mod people;
mod server;
mod shared_data;
mod tainan;
mod town;

pub use caller::{Authorized, Bearer, Caller, Loss, Refusal, Wire, done, refused, unsteady};
pub use data::{Order, tainan_orders};
pub use deliveries::{Delivery, chunks_of, citizen_number, create, delivery, export, open_run, person, row, search};
pub use incidents::{Taking, WHOLE_LIFE, Watch, count, history, list_all, live, report_at, report_in, states, take};
pub use land::{Land, Plot, activate, ground, point, polygon, rectangle, upload, with_hole};
pub use people::People;
pub use server::Wangge;
pub use shared_data::data;
pub use tainan::{TAINAN_ACCEPTED, import_tainan};
pub use town::Town;

use base::Time;

/// A fresh request id.
// A test has no clock to make ids from, and needs no order of them.
#[allow(clippy::disallowed_methods)]
pub fn request_id() -> String {
    uuid::Uuid::new_v4().to_string()
}

/// A time as people write it, in Asia/Shanghai: `at("2026-09-22 08:30")`.
pub fn at(text: &str) -> Time {
    Time::parse(text).expect("a time in a test is written right")
}

/// The same as the contract has it.
pub fn timestamp(time: Time) -> prost_types::Timestamp {
    let (seconds, nanos) = time.seconds_and_nanos();
    prost_types::Timestamp { seconds, nanos }
}

/// What a timestamp of the contract means.
pub fn time_of(timestamp: Option<prost_types::Timestamp>) -> Option<Time> {
    timestamp.map(|timestamp| Time::from_seconds_and_nanos(timestamp.seconds, timestamp.nanos))
}
