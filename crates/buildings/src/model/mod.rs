//! The domain of buildings, pure and synchronous.

pub mod address;
