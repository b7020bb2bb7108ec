//! The product as a process of its own, and what it must survive: being killed, a full disk, damaged files, a second
//! server on its directory; and backups that come back.
//!
//! The process is this test binary itself, started again with the product's command line (see `product`), so nothing
//! else has to be built.

// What helps a test may panic like a test.
#![allow(clippy::unwrap_used)]

mod backup;
mod damage;
mod disk_full;
mod kill;
mod ledger;
mod product;
mod writers;
