//! What the registries (people, buildings, organizations, things) share, whatever their elements are: whose word about
//! a field counts, what became of it, deliveries of other systems, search and counts.
//!
//! An element is a message of its service's public contract. Its descriptor says what its fields are: who owns them,
//! how sensitive they are, by what they are found and counted, what they name. A service adds its [`Rules`], hands in
//! [`Fields`] and shows records; everything between is here, once.
//!
//! Values are kept by field number in the wire form of the contract: the number and type of a field never change there,
//! so the bytes at rest are as stable as the contract.
//!
//! Read on in this order: [`Fields`], [`Shape`], [`Rules`], [`Kind`], `merge`, `tables`, `writing`; then [`Collection`]
//! and what extends it: `history`, `finding`, `runs`, `import`, `quarantine`; last [`serving`], what services do the
//! same with their messages.
//!
//! What is deliberately not here: any element, any rule of one registry, and the generated services.

mod answers;
mod areas;
mod collection;
mod fields;
mod finding;
mod history;
mod import;
mod kind;
mod merge;
mod quarantine;
mod registry;
mod rules;
mod runs;
mod secret;
pub mod serving;
mod shape;
mod show;
mod tables;
mod words;
mod writing;

pub use api::stored::registry::v1::Record;
pub use collection::{ByHand, Collection};
pub use fields::Fields;
pub use finding::Watched;
pub use history::{ClaimEntry, Entry};
pub use import::{Row, Step, Told};
pub use kind::{Kind, is_name};
pub use registry::Registry;
pub use rules::{Fault, Faults, Rules};
pub use shape::{Field, Shape};
pub use tables::{HISTORY, QUARANTINE, RECORDS, RUNS, SCHEMA, SECRETS, SEEN};
pub use words::{Word, WordKind, name_words};
