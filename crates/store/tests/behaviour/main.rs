//! What the store promises, tested from outside.

#![allow(clippy::unwrap_used, missing_docs)]

mod cases;
mod tables;
mod writing;
