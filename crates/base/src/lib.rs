//! The words everyone in Wangge speaks: ids, names, area paths, time, calendar, errors and limits.
//!
//! What is deliberately not here: input and output, async, protobuf, and any rule of one service.

pub mod calendar;
pub mod error;
pub mod id;
pub mod limits;
pub mod name;
pub mod path;
pub mod time;

pub use calendar::{Calendar, Deadline, Due};
pub use error::{Error, Kind, Result, Violation, Violations};
pub use id::{Id, Resource};
pub use name::{AreaId, EventId, PrincipalId, ReleaseId};
pub use path::AreaPath;
pub use time::{Clock, Day, ManualClock, SystemClock, Time};
