//! The service from outside: only its gRPC face, over links, against small stand-ins for `grids` and `staff`.

#![allow(clippy::unwrap_used)] // What fails here fails the test.

mod life;
mod lists;
mod reports;
mod watches;
mod world;
