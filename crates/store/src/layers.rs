//! The layers above the engine: what is durable in the journal and not yet written to the engine.
//!
//! Each committed group becomes a sorted, immutable run. Small runs are merged into larger ones, so that there are
//! few. A reader takes the whole pile at one moment ([`Memtable::current`]) and keeps it: it sees groups whole, never
//! waits for the committer, and the committer never waits for it. The flusher freezes the pile, waits until no
//! reader is left that began before, writes it to the engine and drops it.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::{Mutex, RwLock};

use crate::Sequence;
use crate::engine::Operation;
use crate::journal::frame::Frame;
use crate::keyspace;

/// What a layer says of one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// The value, or none when the key was deleted.
    pub(crate) value: Option<Bytes>,
    /// Whether the key is known to be absent below this layer. A key that is born and deleted above the engine never
    /// needs to reach it. After a restart nothing is known of the engine, so replayed keys are never born.
    pub(crate) born: bool,
}

impl Entry {
    /// What remains of an older entry and this newer one; none when the key came and went.
    pub(crate) fn over(self, older: &Self) -> Option<Self> {
        if self.value.is_none() && older.born {
            return None;
        }
        Some(Self { value: self.value, born: older.born })
    }
}

/// Changes that are still being made: a transaction's, or a group's.
pub(crate) type Overlay = BTreeMap<Bytes, Entry>;

/// Lays a newer entry over what an overlay holds under the key.
pub(crate) fn lay(overlay: &mut Overlay, key: Bytes, entry: Entry) {
    match overlay.get(&key) {
        None => drop(overlay.insert(key, entry)),
        Some(older) => match entry.over(older) {
            Some(merged) => drop(overlay.insert(key, merged)),
            None => drop(overlay.remove(&key)),
        },
    }
}

/// A sorted, immutable layer.
#[derive(Debug, Default)]
pub(crate) struct Run {
    entries: Vec<(Bytes, Entry)>,
    bytes: usize,
}

/// What an entry costs beside its key and value.
const ENTRY_BYTES: usize = 80;

impl Run {
    pub(crate) fn new(entries: Vec<(Bytes, Entry)>) -> Self {
        let bytes = entries.iter().map(|(key, entry)| ENTRY_BYTES + key.len() + length(entry)).sum();
        Self { entries, bytes }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(crate) fn get(&self, key: &[u8]) -> Option<&Entry> {
        let place = self.entries.binary_search_by(|(found, _)| found.as_ref().cmp(key)).ok()?;
        Some(&self.entries[place].1)
    }

    /// The entries from `start` (inclusive) to `end` (exclusive).
    pub(crate) fn slice(&self, start: &[u8], end: &[u8]) -> &[(Bytes, Entry)] {
        let first = self.entries.partition_point(|(key, _)| key.as_ref() < start);
        let last = self.entries.partition_point(|(key, _)| key.as_ref() < end);
        &self.entries[first..last.max(first)]
    }

    /// This run with a newer one over it.
    fn under(&self, newer: &Self) -> Self {
        let mut merged = Vec::with_capacity(self.entries.len() + newer.entries.len());
        let mut old = self.entries.iter().peekable();
        for (key, entry) in &newer.entries {
            while let Some(older) = old.next_if(|(older, _)| older < key) {
                merged.push(older.clone());
            }
            let remains = match old.next_if(|(older, _)| older == key) {
                Some((_, older)) => entry.clone().over(older),
                None => Some(entry.clone()),
            };
            merged.extend(remains.map(|entry| (key.clone(), entry)));
        }
        merged.extend(old.cloned());
        Self::new(merged)
    }
}

fn length(entry: &Entry) -> usize {
    entry.value.as_ref().map_or(0, Bytes::len)
}

/// All layers at one moment.
#[derive(Debug)]
pub(crate) struct Layers {
    /// Runs that still grow by merging, oldest first.
    active: Vec<Arc<Run>>,
    /// Runs that are being written to the engine, oldest first.
    frozen: Vec<Arc<Run>>,
    /// The last transaction in any of them.
    sequence: Sequence,
    /// Shared by all piles between two freezes: its reference count tells whether readers of that time are left.
    epoch: Arc<()>,
}

impl Layers {
    /// The runs, newest first.
    pub(crate) fn runs(&self) -> impl Iterator<Item = &Run> {
        self.active.iter().rev().chain(self.frozen.iter().rev()).map(Arc::as_ref)
    }

    fn active_bytes(&self) -> usize {
        self.active.iter().map(|run| run.bytes).sum()
    }
}

/// A run is merged into the one below it unless that is this many times as large.
const MERGE_RATIO: usize = 3;

/// The pile of layers, and who may change it.
#[derive(Debug)]
pub(crate) struct Memtable {
    /// Held by the committer or the flusher while it makes the next pile; readers never take it.
    changing: Mutex<()>,
    current: RwLock<Arc<Layers>>,
}

/// A pile that is on its way to the engine.
#[derive(Debug)]
pub(crate) struct Frozen {
    runs: Vec<Arc<Run>>,
    /// Everything up to here is in the engine once this is.
    pub(crate) sequence: Sequence,
    epoch: Arc<()>,
}

impl Memtable {
    pub(crate) fn new(sequence: Sequence) -> Self {
        let layers = Layers { active: Vec::new(), frozen: Vec::new(), sequence, epoch: Arc::default() };
        Self { changing: Mutex::new(()), current: RwLock::new(Arc::new(layers)) }
    }

    /// The layers now.
    pub(crate) fn current(&self) -> Arc<Layers> {
        Arc::clone(&self.current.read())
    }

    /// Bytes that wait for the flusher and are not on their way yet.
    pub(crate) fn active_bytes(&self) -> usize {
        self.current().active_bytes()
    }

    /// Puts a committed group on the pile: from now on readers see it.
    pub(crate) fn push(&self, run: Run, sequence: Sequence) {
        let _changing = self.changing.lock();
        let now = self.current();
        let mut active = now.active.clone();
        let mut top = Arc::new(run);
        while let Some(below) = active.pop_if(|below| below.entries.len() < MERGE_RATIO * top.entries.len()) {
            top = Arc::new(below.under(&top));
        }
        active.push(top);
        self.replace(Layers { active, frozen: now.frozen.clone(), sequence, epoch: Arc::clone(&now.epoch) });
    }

    /// Takes everything on the pile to be written to the engine; none when there is nothing. Only one pile may be
    /// frozen at a time.
    pub(crate) fn freeze(&self) -> Option<Frozen> {
        let _changing = self.changing.lock();
        let now = self.current();
        if now.active.is_empty() {
            return None;
        }
        let frozen = Frozen { runs: now.active.clone(), sequence: now.sequence, epoch: Arc::clone(&now.epoch) };
        let next =
            Layers { active: Vec::new(), frozen: now.active.clone(), sequence: now.sequence, epoch: Arc::default() };
        drop(now);
        self.replace(next);
        Some(frozen)
    }

    /// Drops the frozen pile: the engine has it now.
    pub(crate) fn thaw(&self) {
        let _changing = self.changing.lock();
        let now = self.current();
        self.replace(Layers {
            active: now.active.clone(),
            frozen: Vec::new(),
            sequence: now.sequence,
            epoch: Arc::clone(&now.epoch),
        });
    }

    fn replace(&self, next: Layers) {
        let before = std::mem::replace(&mut *self.current.write(), Arc::new(next));
        // Outside the lock, because this may free a whole generation.
        drop(before);
    }
}

impl Frozen {
    /// Whether no reader is left who began before the freeze. The engine must not be written before, or such a
    /// reader would see changes from after its time.
    pub(crate) fn is_unwatched(&self) -> bool {
        Arc::strong_count(&self.epoch) == 1
    }

    /// What must be done to the engine, in key order, each key once.
    pub(crate) fn operations(&self) -> Vec<Operation> {
        let merged = self.runs.iter().fold(Run::default(), |below, run| below.under(run));
        merged.entries.into_iter().map(|(key, entry)| (key, entry.value)).collect()
    }
}

/// Walks several sorted layers at once, in either direction; a newer layer hides older ones.
pub(crate) struct Merge<'a> {
    /// Newest first.
    cursors: Vec<Cursor<'a>>,
    reverse: bool,
}

type Cursor<'a> = std::iter::Peekable<Box<dyn Iterator<Item = (&'a Bytes, &'a Entry)> + 'a>>;

impl<'a> Merge<'a> {
    pub(crate) const fn new(reverse: bool) -> Self {
        Self { cursors: Vec::new(), reverse }
    }

    /// Adds the next older layer.
    pub(crate) fn add(&mut self, entries: impl DoubleEndedIterator<Item = (&'a Bytes, &'a Entry)> + 'a) {
        let entries: Box<dyn Iterator<Item = _>> =
            if self.reverse { Box::new(entries.rev()) } else { Box::new(entries) };
        let mut cursor = entries.peekable();
        if cursor.peek().is_some() {
            self.cursors.push(cursor);
        }
    }

    /// Whether `a` is met before `b`.
    pub(crate) fn is_before(&self, a: &[u8], b: &[u8]) -> bool {
        if self.reverse { a > b } else { a < b }
    }

    /// The key that comes next.
    pub(crate) fn peek(&mut self) -> Option<&'a Bytes> {
        let reverse = self.reverse;
        let keys = self.cursors.iter_mut().filter_map(|cursor| cursor.peek().map(|(key, _)| *key));
        if reverse { keys.max() } else { keys.min() }
    }

    /// The next key and what the newest layer says of it.
    pub(crate) fn next(&mut self) -> Option<(&'a Bytes, &'a Entry)> {
        let key = self.peek()?;
        let mut newest = None;
        for cursor in &mut self.cursors {
            let found = cursor.next_if(|(found, _)| *found == key);
            newest = newest.or(found);
        }
        newest
    }
}

/// What replaying found: all changes, laid over each other, in bounded portions.
#[derive(Debug, Default)]
pub(crate) struct Replay {
    overlay: Overlay,
    bytes: usize,
}

impl Replay {
    /// Notes an absolute change.
    fn add(&mut self, key: Bytes, value: Option<Bytes>) {
        let entry = Entry { value, born: false };
        self.bytes += ENTRY_BYTES + key.len() + length(&entry);
        self.overlay.insert(key, entry);
    }

    /// Notes everything a frame of the journal did.
    pub(crate) fn add_frame(&mut self, frame: Frame) {
        for entry in frame.entries {
            for change in entry.changes {
                self.add(keyspace::record(change.table, &change.key).into(), change.after);
            }
        }
        for (key, value) in frame.operations {
            self.add(key, value);
        }
    }

    /// Everything noted, when that is more than `limit` bytes.
    pub(crate) fn overflow(&mut self, limit: usize) -> Option<Vec<Operation>> {
        (self.bytes > limit).then(|| self.operations())
    }

    /// Everything noted, for the engine.
    pub(crate) fn operations(&mut self) -> Vec<Operation> {
        self.bytes = 0;
        std::mem::take(&mut self.overlay).into_iter().map(|(key, entry)| (key, entry.value)).collect()
    }

    /// Everything noted, for the memtable.
    pub(crate) fn into_run(self) -> Run {
        Run::new(self.overlay.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::engine::{Engine, MemoryEngine};
    use crate::view::{ReadView, View};

    fn key(number: u8) -> Bytes {
        Bytes::from(vec![1, number])
    }

    fn entry(value: Option<u8>, born: bool) -> Entry {
        Entry { value: value.map(|value| Bytes::from(vec![value])), born }
    }

    #[test]
    fn a_key_that_came_and_went_above_the_engine_never_reaches_it() {
        let memtable = Memtable::new(0);
        memtable.push(Run::new(vec![(key(1), entry(Some(1), true)), (key(2), entry(Some(2), false))]), 1);
        memtable.push(Run::new(vec![(key(1), entry(None, false)), (key(2), entry(None, false))]), 2);
        let frozen = memtable.freeze().unwrap();
        assert_eq!(frozen.operations(), [(key(2), None)]);
        assert_eq!(frozen.sequence, 2);
    }

    #[test]
    fn a_replayed_key_that_goes_is_removed_from_the_engine_which_may_have_it() {
        let mut replay = Replay::default();
        replay.add(key(1), Some(Bytes::from_static(b"replayed")));
        let memtable = Memtable::new(1);
        memtable.push(replay.into_run(), 1);
        // It was not there before, as far as the committer could see.
        memtable.push(Run::new(vec![(key(1), entry(None, false))]), 2);
        assert_eq!(memtable.freeze().unwrap().operations(), [(key(1), None)]);
    }

    #[test]
    fn a_frozen_pile_is_watched_by_readers_from_before_and_not_by_later_ones() {
        let memtable = Memtable::new(0);
        memtable.push(Run::new(vec![(key(1), entry(Some(1), true))]), 1);
        let reader = memtable.current();
        let frozen = memtable.freeze().unwrap();
        let later = memtable.current();
        assert!(!frozen.is_unwatched());
        drop(reader);
        assert!(frozen.is_unwatched());
        drop(later);
    }

    /// A change of some keys, or a step of the flusher.
    #[derive(Clone, Debug)]
    enum Step {
        Commit(Vec<(u8, Option<u8>)>),
        Freeze,
        Flush,
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let change = (0..24_u8, proptest::option::weighted(0.6, any::<u8>()));
        let step =
            prop_oneof![6 => vec(change, 1..8).prop_map(Step::Commit), 1 => Just(Step::Freeze), 1 => Just(Step::Flush)];
        vec(step, 1..60)
    }

    fn range(view: &dyn View, (start, end): (u8, u8), reverse: bool) -> Vec<(Bytes, Bytes)> {
        let mut found = Vec::new();
        view.range(&key(start), &key(end), reverse, &mut |key, value| {
            found.push((Bytes::copy_from_slice(key), Bytes::copy_from_slice(value)));
            Ok(ControlFlow::Continue(()))
        })
        .unwrap();
        found
    }

    proptest! {
        #[test]
        fn committed_groups_equal_a_map_whatever_the_flusher_does(steps in steps(), start in 0..24_u8, end in 0..26_u8) {
            let (memtable, engine) = (Memtable::new(0), MemoryEngine::default());
            let mut model = BTreeMap::<Bytes, Bytes>::new();
            let mut frozen: Option<Frozen> = None;
            for (sequence, step) in (1..).zip(steps) {
                match step {
                    Step::Commit(changes) => {
                        let mut group = Overlay::new();
                        for (number, value) in changes {
                            let change = entry(value, value.is_some() && !model.contains_key(&key(number)));
                            match &change.value {
                                Some(value) => drop(model.insert(key(number), value.clone())),
                                None => drop(model.remove(&key(number))),
                            }
                            lay(&mut group, key(number), change);
                        }
                        memtable.push(Run::new(group.into_iter().collect()), sequence);
                    }
                    Step::Freeze => frozen = frozen.or_else(|| memtable.freeze()),
                    Step::Flush => if let Some(generation) = frozen.take() {
                        engine.apply(&generation.operations()).unwrap();
                        memtable.thaw();
                    },
                }
                let view = ReadView::new(memtable.current(), &engine);
                for number in 0..24 {
                    prop_assert_eq!(view.get(&key(number)).unwrap(), model.get(&key(number)).cloned());
                }
                let mut expected: Vec<_> = if start < end {
                    model.range(key(start)..key(end)).map(|(key, value)| (key.clone(), value.clone())).collect()
                } else {
                    Vec::new()
                };
                prop_assert_eq!(range(&view, (start, end), false), expected.clone());
                expected.reverse();
                prop_assert_eq!(range(&view, (start, end), true), expected);
            }
        }
    }
}
