//! The domain of buildings, pure and synchronous.

pub mod address;
pub(crate) mod parts;
pub(crate) mod rules;
