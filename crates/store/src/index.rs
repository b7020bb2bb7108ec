//! Indexes: other orders in which the records of a table can be listed.

use std::ops::ControlFlow;

use base::Result;

use crate::key::Key;
use crate::keyspace;
use crate::scan::{Scan, Source};
use crate::view::View;

/// An index over the records `M`. It is a `static`, listed by exactly one table.
pub struct Index<M: 'static> {
    number: u16,
    name: &'static str,
    derive: fn(&M, &mut Vec<Key>),
}

impl<M> Index<M> {
    /// Defines an index. `derive` gives the keys under which a record is found: none leaves it out, several (search
    /// words) list it in several places. The store appends the primary key, so entries of equal keys stay apart.
    ///
    /// The number is on disk, is unique among all indexes of one store, and names one definition forever: an index
    /// with another `derive` is another index with another number, and is built when the store opens.
    pub const fn new(number: u16, name: &'static str, derive: fn(&M, &mut Vec<Key>)) -> Self {
        Self { number, name, derive }
    }

    /// How many entries a scan covers, without loading records. `after`, `reverse` and `limit` are ignored.
    pub fn count(&self, view: &dyn View, scan: &Scan) -> Result<u64> {
        let source = Source::new(&keyspace::index(self.number, &[]), &Scan { after: None, ..scan.clone() });
        let mut count = 0;
        view.range(source.start(), source.end(), false, &mut |_, _| {
            count += 1;
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(count)
    }

    pub(crate) const fn number(&self) -> u16 {
        self.number
    }

    pub(crate) const fn name(&self) -> &'static str {
        self.name
    }

    /// The entries of a record, sorted, each once.
    pub(crate) fn entries(&self, record: Option<&M>) -> Vec<Key> {
        let mut entries = Vec::new();
        if let Some(record) = record {
            (self.derive)(record, &mut entries);
        }
        entries.sort_unstable();
        entries.dedup();
        entries
    }
}
