//! The product through its front door: every test speaks gRPC and nothing else.
//!
//! Each test founds its own town, a server in this process on a temporary directory, so tests know nothing of each
//! other. `replay` and `cities` bring the real data, `wire` what only the network shows.

// What helps a test may panic like a test.
#![allow(clippy::unwrap_used)]

mod activation;
mod areas;
mod bad_input;
mod buildings;
mod cities;
mod deliveries;
mod fairness;
mod life;
mod limits;
mod lists;
mod locate;
mod masks;
mod operations;
mod overlaps;
mod persons;
mod releases;
mod replay;
mod reports;
mod requests;
mod residents;
mod shapes;
mod staff;
mod tokens;
mod watch;
mod wire;
