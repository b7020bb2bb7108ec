//! The change feed: what each transaction did, in order, read from the journal.

use std::collections::VecDeque;

use base::{Result, Time};
use bytes::Bytes;
use parking_lot::Mutex;

use crate::Sequence;
use crate::journal::Journal;

/// One transaction as the feed tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its number; each is one more than the one before.
    pub sequence: Sequence,
    /// The time that was given with the write.
    pub time: Time,
    /// Who wrote.
    pub principal: String,
    /// Through which method.
    pub method: String,
    /// The records that changed, in the order in which they were first touched. Empty for the store's own work.
    pub changes: Vec<Change>,
}

/// The change of one record. [`crate::Table::decode_change`] reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The number of its table.
    pub table: u16,
    /// Its primary key.
    pub key: Bytes,
    /// The stored record before; none when it was made.
    pub before: Option<Bytes>,
    /// The stored record after; none when it was removed.
    pub after: Option<Bytes>,
}

impl Entry {
    fn bytes(&self) -> usize {
        let change = |change: &Change| {
            let length = |value: &Option<Bytes>| value.as_ref().map_or(0, Bytes::len);
            64 + change.key.len() + length(&change.before) + length(&change.after)
        };
        128 + self.changes.iter().map(change).sum::<usize>()
    }
}

/// The last entries, kept in memory, because that is what nearly every watcher asks for.
#[derive(Debug, Default)]
pub(crate) struct Tail(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    entries: VecDeque<Entry>,
    bytes: usize,
}

/// How much the tail may hold.
const TAIL_BYTES: usize = 8 << 20;

impl Tail {
    /// Adds the entries of a committed group.
    pub(crate) fn push(&self, entries: Vec<Entry>) {
        let mut kept = self.0.lock();
        for entry in entries {
            kept.bytes += entry.bytes();
            kept.entries.push_back(entry);
        }
        while kept.bytes > TAIL_BYTES {
            let Some(oldest) = kept.entries.pop_front() else { break };
            kept.bytes -= oldest.bytes();
        }
    }

    /// The entries strictly after a cursor and not after the head, if the tail reaches back that far.
    fn between(&self, (after, head): (Sequence, Sequence), max: usize) -> Option<Vec<Entry>> {
        let kept = self.0.lock();
        let first = kept.entries.front()?.sequence;
        let skipped = usize::try_from((after + 1).checked_sub(first)?).ok()?;
        let entries = kept.entries.iter().skip(skipped).take_while(|entry| entry.sequence <= head);
        Some(entries.take(max).cloned().collect())
    }
}

/// Reads at most `max` entries strictly after a cursor, from the tail or else from the journal, up to the head: the
/// journal may hold a group already that readers do not see yet.
pub(crate) fn read(
    tail: &Tail,
    journal: &Journal,
    (after, head): (Sequence, Sequence),
    max: usize,
) -> Result<Vec<Entry>> {
    // What was compacted is gone also where the tail still has it, or answers would depend on what is in memory.
    let is_kept = after.saturating_add(1) >= journal.start();
    match tail.between((after, head), max).filter(|_| is_kept) {
        Some(entries) => Ok(entries),
        None => journal.read((after, head), max),
    }
}
