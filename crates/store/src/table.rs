//! Tables: records of one protobuf message under a primary key, with the indexes and aggregates derived from them.

use std::collections::BTreeMap;

use base::{Error, Kind, Result};
use bytes::Bytes;

use crate::aggregate::Aggregate;
use crate::feed::Change;
use crate::index::Index;
use crate::key::Key;
use crate::keyspace;
use crate::scan::{Filter, Page, Scan, Source, collect};
use crate::schema::{AnyTable, Derivation};
use crate::transaction::Transaction;
use crate::view::View;

/// A message that can be a record.
pub trait Record: prost::Message + Default + Clone + PartialEq {}
impl<M: prost::Message + Default + Clone + PartialEq> Record for M {}

/// The first byte of every stored record: protobuf follows.
const FORMAT: u8 = 1;

/// A table. It is a `static`, listed in its service's [`crate::Schema`].
pub struct Table<M: 'static> {
    number: u16,
    name: &'static str,
    key: fn(&M) -> Key,
    indexes: &'static [&'static Index<M>],
    aggregates: &'static [&'static Aggregate<M>],
}

impl<M: Record> Table<M> {
    /// Defines a table. The number is on disk and never used again for another table; `key` gives the primary key of
    /// a record from the record alone.
    pub const fn new(
        number: u16,
        name: &'static str,
        key: fn(&M) -> Key,
        indexes: &'static [&'static Index<M>],
        aggregates: &'static [&'static Aggregate<M>],
    ) -> Self {
        Self { number, name, key, indexes, aggregates }
    }

    /// The number that is on disk.
    pub const fn number(&self) -> u16 {
        self.number
    }

    /// The record under a primary key.
    pub fn get(&self, view: &dyn View, key: &Key) -> Result<Option<M>> {
        let value = view.get(&keyspace::record(self.number, key.as_bytes()))?;
        value.map(|value| self.decode(&value)).transpose()
    }

    /// Makes or replaces the record, and brings every index and aggregate up to date. Putting an unchanged record
    /// changes nothing and writes nothing.
    pub fn put(&self, transaction: &mut Transaction<'_>, record: &M) -> Result<()> {
        let key = (self.key)(record).into_bytes();
        let stored = keyspace::record(self.number, &key);
        let before = transaction.get(&stored)?;
        let old = before.as_deref().map(|value| self.decode(value)).transpose()?;
        if old.as_ref() == Some(record) {
            return Ok(());
        }
        self.derive_change(transaction, &key, old.as_ref(), Some(record))?;
        let after = encode(record);
        transaction.put(stored, after.clone(), before.is_none());
        transaction.change(Change { table: self.number, key: key.into(), before, after: Some(after) });
        Ok(())
    }

    /// Removes a record with everything derived from it; answers what it was.
    pub fn delete(&self, transaction: &mut Transaction<'_>, key: &Key) -> Result<Option<M>> {
        let stored = keyspace::record(self.number, key.as_bytes());
        let Some(before) = transaction.get(&stored)? else { return Ok(None) };
        let old = self.decode(&before)?;
        self.derive_change(transaction, key.as_bytes(), Some(&old), None)?;
        transaction.delete(stored);
        let key = Bytes::copy_from_slice(key.as_bytes());
        transaction.change(Change { table: self.number, key, before: Some(before), after: None });
        Ok(Some(old))
    }

    /// The records of a range of primary keys.
    pub fn page(&self, view: &dyn View, scan: &Scan) -> Result<Page<M>> {
        self.page_where(view, scan, &|_| true)
    }

    /// The same, with only the records that pass the filter. After [`base::limits::PAGE_EXAMINED_MAX`] records the
    /// page ends, perhaps short or empty, with a `next` to go on from.
    pub fn page_where(&self, view: &dyn View, scan: &Scan, filter: Filter<'_, M>) -> Result<Page<M>> {
        let source = Source::new(&keyspace::record(self.number, &[]), scan);
        collect(view, vec![source], scan, &|_, value| self.decode(value), filter)
    }

    /// The records of a range of an index, in its order.
    pub fn page_by(&self, view: &dyn View, index: &Index<M>, scan: &Scan) -> Result<Page<M>> {
        self.page_by_where(view, index, scan, &|_| true)
    }

    /// The same, with only the records that pass the filter, bounded as [`Table::page_where`] is.
    pub fn page_by_where(
        &self,
        view: &dyn View,
        index: &Index<M>,
        scan: &Scan,
        filter: Filter<'_, M>,
    ) -> Result<Page<M>> {
        self.page_merged(view, index, std::slice::from_ref(scan), filter)
    }

    /// The records of several ranges of an index, merged by what follows each scan's prefix: with the states 1, 2
    /// and 3 as prefixes and times behind them, the records of the three states in the order of time. A record that
    /// several ranges hold in the same place comes once.
    ///
    /// `after`, `reverse` and `limit` are those of the first scan; `from` and `to` are each scan's own. A position is
    /// one for all ranges and stays right when other records come and go.
    pub fn page_merged(
        &self,
        view: &dyn View,
        index: &Index<M>,
        scans: &[Scan],
        filter: Filter<'_, M>,
    ) -> Result<Page<M>> {
        let Some(first) = scans.first() else { return Ok(Page { records: Vec::new(), next: None }) };
        let space = keyspace::index(index.number(), &[]);
        let after = first.after.clone();
        let same = |scan: &Scan| Scan { after: after.clone(), reverse: first.reverse, ..scan.clone() };
        let sources = scans.iter().map(|scan| Source::new(&space, &same(scan))).collect();
        let load = |entry: &[u8], value: &[u8]| {
            let primary = keyspace::primary_of(entry, value)?;
            let record = view.get(&keyspace::record(self.number, primary))?.ok_or_else(|| {
                let index = index.name();
                Error::new(Kind::Corrupt, "DANGLING_INDEX", format!("an entry of the index {index} has no record"))
            })?;
            self.decode(&record)
        };
        collect(view, sources, first, &load, filter)
    }

    /// The record before and after a change from the feed; `None` when the change is of another table.
    pub fn decode_change(&self, change: &Change) -> Result<Option<(Option<M>, Option<M>)>> {
        if change.table != self.number {
            return Ok(None);
        }
        let decode = |value: &Option<Bytes>| value.as_deref().map(|value| self.decode(value)).transpose();
        Ok(Some((decode(&change.before)?, decode(&change.after)?)))
    }

    fn decode(&self, value: &[u8]) -> Result<M> {
        let table = self.name;
        let damaged = || Error::new(Kind::Corrupt, "MALFORMED_RECORD", format!("a record of {table} cannot be read"));
        match value.split_first() {
            Some((&FORMAT, message)) => M::decode(message).map_err(|wrong| damaged().caused_by(wrong)),
            Some((format, _)) => Err(damaged().with("format", format)),
            None => Err(damaged()),
        }
    }

    /// Moves the index entries and totals of one record from its old to its new state.
    fn derive_change(&self, tx: &mut Transaction<'_>, key: &[u8], old: Option<&M>, new: Option<&M>) -> Result<()> {
        for index in self.indexes {
            let (gone, come) = (index.entries(old), index.entries(new));
            for entry in gone.iter().filter(|entry| come.binary_search(entry).is_err()) {
                tx.delete(keyspace::index_entry(index.number(), entry.as_bytes(), key)?.0);
            }
            for entry in come.iter().filter(|entry| gone.binary_search(entry).is_err()) {
                let (entry, value) = keyspace::index_entry(index.number(), entry.as_bytes(), key)?;
                tx.put(entry, Bytes::copy_from_slice(&value), true);
            }
        }
        for aggregate in self.aggregates {
            let mut difference = BTreeMap::<Key, i64>::new();
            let amounts = aggregate.amounts(old).into_iter().map(|(group, amount)| (group, amount.wrapping_neg()));
            for (group, amount) in amounts.chain(aggregate.amounts(new)) {
                let sum = difference.entry(group).or_default();
                *sum = sum.wrapping_add(amount);
            }
            for (group, amount) in difference {
                aggregate.add(tx, &group, amount)?;
            }
        }
        Ok(())
    }
}

fn encode(record: &impl prost::Message) -> Bytes {
    let mut value = Vec::with_capacity(1 + record.encoded_len());
    value.push(FORMAT);
    record.encode_raw(&mut value);
    value.into()
}

impl<M: Record> AnyTable for Table<M> {
    fn number(&self) -> u16 {
        self.number
    }

    fn name(&self) -> &'static str {
        self.name
    }

    fn indexes(&self) -> Vec<(u16, &'static str)> {
        self.indexes.iter().map(|index| (index.number(), index.name())).collect()
    }

    fn aggregates(&self) -> Vec<(u16, &'static str)> {
        self.aggregates.iter().map(|aggregate| (aggregate.number(), aggregate.name())).collect()
    }

    fn derive(&self, value: &[u8]) -> Result<Derivation> {
        let record = self.decode(value)?;
        let mut derivation = Derivation { primary: (self.key)(&record).into_bytes(), ..Derivation::default() };
        for index in self.indexes {
            for entry in index.entries(Some(&record)) {
                let (entry, value) = keyspace::index_entry(index.number(), entry.as_bytes(), &derivation.primary)?;
                derivation.entries.push((index.number(), entry, value));
            }
        }
        for aggregate in self.aggregates {
            for (group, amount) in aggregate.amounts(Some(&record)) {
                derivation.amounts.push((aggregate.number(), group.into_bytes(), amount));
            }
        }
        Ok(derivation)
    }
}
