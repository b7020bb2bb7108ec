//! What the store promises, tested from outside.

#![allow(clippy::unwrap_used, missing_docs)]

mod cases;
mod crash;
mod engines;
mod faults;
mod kill;
mod ledger;
mod maintenance;
mod recovery;
mod schema;
mod tables;
mod writing;
