//! Aggregates: counts and sums over groups of records, kept up to date with every write.

use std::ops::ControlFlow;

use base::Result;
use bytes::Bytes;

use crate::key::{Key, prefix_end};
use crate::keyspace::{self, HEADER};
use crate::transaction::Transaction;
use crate::view::View;

/// An aggregate over the records `M`. It is a `static`, listed by exactly one table.
pub struct Aggregate<M: 'static> {
    number: u16,
    name: &'static str,
    derive: fn(&M, &mut Vec<(Key, i64)>),
}

impl<M> Aggregate<M> {
    /// Defines an aggregate. `derive` gives the groups a record belongs to and what it adds to each: 1 counts,
    /// another amount sums. Numbers follow the rules of [`crate::Index::new`], apart from those of indexes.
    pub const fn new(number: u16, name: &'static str, derive: fn(&M, &mut Vec<(Key, i64)>)) -> Self {
        Self { number, name, derive }
    }

    /// The total of one group; zero for a group nobody belongs to.
    pub fn get(&self, view: &dyn View, group: &Key) -> Result<i64> {
        let value = view.get(&keyspace::aggregate(self.number, group.as_bytes()))?;
        value.map_or(Ok(0), |value| keyspace::total(&value))
    }

    /// The groups whose key begins with `prefix`, in order, at most `limit`, strictly after the group `after`. What
    /// is answered (and given as `after`) is the part of the group's key behind the prefix. Groups whose total is
    /// zero do not exist.
    pub fn page(
        &self,
        view: &dyn View,
        prefix: &Key,
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, i64)>> {
        let mut groups = Vec::new();
        if limit == 0 {
            return Ok(groups);
        }
        self.walk(view, prefix, after, &mut |group, total| {
            groups.push((group.to_vec(), total));
            if groups.len() < limit { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        Ok(groups)
    }

    /// The sum of the totals of all groups whose key begins with `prefix`.
    pub fn sum(&self, view: &dyn View, prefix: &Key) -> Result<i64> {
        let mut sum = 0_i64;
        self.walk(view, prefix, None, &mut |_, total| {
            sum = sum.wrapping_add(total);
            ControlFlow::Continue(())
        })?;
        Ok(sum)
    }

    fn walk(
        &self,
        view: &dyn View,
        prefix: &Key,
        after: Option<&[u8]>,
        visit: &mut dyn FnMut(&[u8], i64) -> ControlFlow<()>,
    ) -> Result<()> {
        let mut start = keyspace::aggregate(self.number, prefix.as_bytes());
        let skipped = HEADER + prefix.as_bytes().len();
        let end = prefix_end(&start).unwrap_or_default();
        if let Some(after) = after {
            start.extend_from_slice(after);
            start.push(0);
        }
        view.range(&start, &end, false, &mut |key, value| Ok(visit(&key[skipped..], keyspace::total(value)?)))
    }

    pub(crate) const fn number(&self) -> u16 {
        self.number
    }

    pub(crate) const fn name(&self) -> &'static str {
        self.name
    }

    /// What a record adds to which groups.
    pub(crate) fn amounts(&self, record: Option<&M>) -> Vec<(Key, i64)> {
        let mut amounts = Vec::new();
        if let Some(record) = record {
            (self.derive)(record, &mut amounts);
        }
        amounts
    }

    /// Adds an amount to a group's total.
    pub(crate) fn add(&self, transaction: &mut Transaction<'_>, group: &Key, amount: i64) -> Result<()> {
        add(transaction, keyspace::aggregate(self.number, group.as_bytes()), amount)
    }
}

/// Adds an amount to the total under a stored key; a group whose total becomes zero goes.
pub(crate) fn add(transaction: &mut Transaction<'_>, key: Vec<u8>, amount: i64) -> Result<()> {
    if amount == 0 {
        return Ok(());
    }
    let before = transaction.get(&key)?;
    let total = before.as_deref().map_or(Ok(0), keyspace::total)?.wrapping_add(amount);
    if total == 0 {
        transaction.delete(key);
    } else {
        transaction.put(key, Bytes::copy_from_slice(&total.to_be_bytes()), before.is_none());
    }
    Ok(())
}
