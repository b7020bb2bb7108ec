//! Shared by all tests and benches: the real data, and where it is.

mod data;

pub use data::{Order, data, tainan_orders};
