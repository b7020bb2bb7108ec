//! Where Wangge keeps what it knows: the journal, the index over it, tables, and the change feed.
//!
//! One store per service, one directory each. The journal is the truth; the engine below the index (sled, fjall, or a
//! map in memory) can always be built again from it:
//!
//! ```text
//! write closure ─► committer thread ─► journal append + fdatasync ─► layers above the engine ─► answer, head moves
//!                  (serial, grouped)    (CRC, sequence, segments)          └─► flusher ─► engine, checkpoint
//! ```
//!
//! Read on in this order: [`Key`], [`Table`], [`Index`], [`Aggregate`], [`Scan`]; then [`Store`]; then, for how it is
//! done, `committer`, `layers`, `flusher`, `journal` and `open`.
//!
//! What is deliberately not here: any service's tables, access rules, and the network.

mod aggregate;
mod build;
mod committer;
pub mod conformance;
pub mod disk;
pub mod engine;
mod feed;
mod flusher;
mod index;
mod journal;
mod key;
mod keyspace;
mod layers;
mod maintenance;
mod manifest;
mod open;
mod options;
mod progress;
mod requests;
mod scan;
mod schema;
mod scrub;
mod shared;
#[cfg(feature = "simulation")]
pub mod simulation;
mod snapshot;
mod status;
mod store;
mod table;
mod transaction;
mod view;

use base::Time;

pub use aggregate::Aggregate;
pub use engine::EngineKind;
pub use feed::{Change, Entry};
pub use index::Index;
pub use key::{Key, KeyReader, prefix_end};
pub use maintenance::{Compacted, Verification, compact, rebuild, restore, verify};
pub use options::Options;
pub use progress::{Progress, Step};
pub use requests::Request;
pub use scan::{Filter, Page, Scan};
pub use schema::{AnyTable, Derivation, Schema};
pub use scrub::ScrubReport;
pub use snapshot::Summary;
pub use status::{Description, Status, describe};
pub use store::Store;
pub use table::{Record, Table};
pub use transaction::Transaction;
pub use view::View;

/// The number of a transaction in its store: 1 for the first, and each one more than the one before.
pub type Sequence = u64;

/// Who writes, through what, and when: written to the journal with each transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The resource name of the principal; request ids are its own.
    pub principal: String,
    /// The method, such as `wangge.events.v1.Events/Report`.
    pub method: &'static str,
    /// The time of the write, from the caller's clock.
    pub time: Time,
}

/// What a write answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Committed<T> {
    /// What the closure returned.
    pub value: T,
    /// The transaction's number; for a closure that changed nothing, the last one before it.
    pub sequence: Sequence,
    /// Whether this is the answer to an earlier request with the same id.
    pub replayed: bool,
}
