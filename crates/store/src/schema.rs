//! What a store holds: its tables, with their types taken away, so that building and scrubbing know them all.

use std::collections::BTreeSet;

use base::{Error, Result};

/// All tables of a store.
pub type Schema = &'static [&'static dyn AnyTable];

/// A table without its type.
pub trait AnyTable: Sync {
    /// The number that is on disk.
    fn number(&self) -> u16;
    /// The name, for people.
    fn name(&self) -> &'static str;
    /// Number and name of each index.
    fn indexes(&self) -> Vec<(u16, &'static str)>;
    /// Number and name of each aggregate.
    fn aggregates(&self) -> Vec<(u16, &'static str)>;
    /// Everything that follows from a stored record.
    fn derive(&self, value: &[u8]) -> Result<Derivation>;
}

/// Everything that follows from one record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Derivation {
    /// Its primary key.
    pub primary: Vec<u8>,
    /// Index number, stored key and value of each index entry.
    pub entries: Vec<(u16, Vec<u8>, [u8; 2])>,
    /// Aggregate number, group and amount.
    pub amounts: Vec<(u16, Vec<u8>, i64)>,
}

/// Refuses a schema in which two tables, indexes or aggregates have the same number: they would share their keys.
pub(crate) fn check(schema: Schema) -> Result<()> {
    let mut tables = BTreeSet::new();
    let mut indexes = BTreeSet::new();
    let mut aggregates = BTreeSet::new();
    for table in schema {
        unique(&mut tables, "table", table.number(), table.name())?;
        for (number, name) in table.indexes() {
            unique(&mut indexes, "index", number, name)?;
        }
        for (number, name) in table.aggregates() {
            unique(&mut aggregates, "aggregate", number, name)?;
        }
    }
    Ok(())
}

fn unique(seen: &mut BTreeSet<u16>, what: &str, number: u16, name: &str) -> Result<()> {
    if seen.insert(number) {
        return Ok(());
    }
    Err(Error::internal(format!(
        "the {what} {name} has the number {number}, which another {what} of this store has; numbers are unique per store"
    )))
}
