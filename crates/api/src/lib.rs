//! Generated protobuf and gRPC code from `proto/`, and the descriptors it was made from. No logic lives here.

#[allow(missing_docs, unreachable_pub, clippy::all, clippy::unwrap_used, clippy::uninlined_format_args)]
#[allow(rustdoc::all, clippy::cast_possible_truncation, clippy::needless_pass_by_value, clippy::manual_let_else)]
mod generated {
    include!(concat!(env!("OUT_DIR"), "/wangge.rs"));
}

pub use generated::wangge::{buildings, events, grids, operations, options, population, registry, staff, stored};

/// The compiled contract with its options and comments, for reflection and for reading access rules.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
