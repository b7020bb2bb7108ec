//! A write closure's view of the store: everything before it, and its own writes.

use std::collections::HashMap;

use base::{Result, Time};
use bytes::Bytes;

use crate::engine::Visit;
use crate::feed::Change;
use crate::layers::{Entry, Overlay, lay};
use crate::view::{ReadView, View};
use crate::{Origin, Sequence};

/// One write closure at work. Closures run one after another, each seeing all before it, so what is read here is
/// what will be true when it commits. Nothing is visible to anybody else until it is durable.
pub struct Transaction<'a> {
    base: &'a ReadView<'a>,
    group: &'a Overlay,
    own: Overlay,
    changes: Vec<Change>,
    /// Where in `changes` a record is, so that two changes of one record become one.
    changed: HashMap<(u16, Bytes), usize>,
    bytes: usize,
    origin: &'a Origin,
    sequence: Sequence,
}

/// What a closure did.
pub(crate) struct Done {
    pub(crate) overlay: Overlay,
    pub(crate) changes: Vec<Change>,
    pub(crate) bytes: usize,
}

impl<'a> Transaction<'a> {
    pub(crate) fn new(base: &'a ReadView<'a>, group: &'a Overlay, origin: &'a Origin, sequence: Sequence) -> Self {
        Self {
            base,
            group,
            own: Overlay::new(),
            changes: Vec::new(),
            changed: HashMap::new(),
            bytes: 0,
            origin,
            sequence,
        }
    }

    /// The sequence number this transaction gets if it changes anything.
    pub const fn sequence(&self) -> Sequence {
        self.sequence
    }

    /// The time that was given with the write.
    pub const fn time(&self) -> Time {
        self.origin.time
    }

    /// Who writes.
    pub fn principal(&self) -> &str {
        &self.origin.principal
    }

    /// Gives a key a value. `born` says that the key has none in this view.
    pub(crate) fn put(&mut self, key: Vec<u8>, value: impl Into<Bytes>, born: bool) {
        let value = value.into();
        self.bytes += key.len() + value.len();
        lay(&mut self.own, key.into(), Entry { value: Some(value), born });
    }

    /// Takes a key's value away.
    pub(crate) fn delete(&mut self, key: Vec<u8>) {
        self.bytes += key.len();
        lay(&mut self.own, key.into(), Entry { value: None, born: false });
    }

    /// Notes the change of a record for the journal and the feed.
    pub(crate) fn change(&mut self, change: Change) {
        self.bytes += change.before.as_ref().map_or(0, Bytes::len);
        match self.changed.get(&(change.table, change.key.clone())) {
            Some(&place) => self.changes[place].after = change.after,
            None => {
                self.changed.insert((change.table, change.key.clone()), self.changes.len());
                self.changes.push(change);
            }
        }
    }

    pub(crate) fn finish(mut self) -> Done {
        self.changes.retain(|change| change.before != change.after);
        Done { overlay: self.own, changes: self.changes, bytes: self.bytes }
    }
}

impl View for Transaction<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>> {
        self.base.get_under(&[&self.own, self.group], key)
    }

    fn range(&self, start: &[u8], end: &[u8], reverse: bool, visit: Visit<'_>) -> Result<()> {
        self.base.range_under(&[&self.own, self.group], start, end, reverse, visit)
    }
}
