//! What an address means: text → its parts → the buildings and rooms it may name.
//!
//! 1. [`Text`] writes the text one way (digits, simplified, half-width).
//! 2. The [`Gazetteer`] finds the names it knows in it, slips of the pen included.
//! 3. [`Address`] is the text taken apart around those names, or by its own words alone.
//! 4. [`Gazetteer::find`] looks up what the parts name and tells for each candidate what agrees and what contradicts.
//!
//! Nothing here reads a store or a clock: the gazetteer is filled by whoever keeps the register.

mod characters;
mod forms;
mod gazetteer;
mod label;
mod lexer;
mod matching;
mod names;
mod numerals;
mod parse;
mod parts;
mod score;
mod sighting;
mod text;
mod words;

pub use gazetteer::{Entry, Gazetteer, Handle, Kind};
pub use label::Label;
pub use lexer::{Known, Sort};
pub use matching::{Answer, Candidate, Confidence, Question};
pub use parts::{Address, Junction, Part, Premises, Relation, Road, Shape};
pub use score::{Aspect, Evidence, Verdict};
pub use text::{SIGNS_MAX, Text};
