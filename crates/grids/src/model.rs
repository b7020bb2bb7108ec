//! The domain: areas, the tree they form, boundary releases and their rules. Synchronous; knows no gRPC.

pub(crate) mod area;
pub(crate) mod check;
pub(crate) mod import;
pub(crate) mod release;
pub(crate) mod tree;
