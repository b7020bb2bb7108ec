//! The engine for tests and simulation: a sorted map behind a lock. It keeps nothing when the process ends.

use std::collections::BTreeMap;
use std::ops::Bound;

use base::Result;
use bytes::Bytes;
use parking_lot::RwLock;

use super::{Engine, Operation, Visit};

/// How many pairs are copied out of the map at once, so that no visitor runs under the lock.
const BATCH: usize = 256;

/// A sorted map in memory.
#[derive(Debug, Default)]
pub struct MemoryEngine {
    map: RwLock<BTreeMap<Bytes, Bytes>>,
}

impl MemoryEngine {
    fn batch(&self, start: Bound<&[u8]>, end: Bound<&[u8]>, reverse: bool) -> Vec<(Bytes, Bytes)> {
        let map = self.map.read();
        let range = map.range::<[u8], _>((start, end));
        let copy = |(key, value): (&Bytes, &Bytes)| (key.clone(), value.clone());
        if reverse { range.rev().take(BATCH).map(copy).collect() } else { range.take(BATCH).map(copy).collect() }
    }
}

impl Engine for MemoryEngine {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>> {
        Ok(self.map.read().get(key).cloned())
    }

    fn range(&self, start: &[u8], end: &[u8], reverse: bool, visit: Visit<'_>) -> Result<()> {
        if start >= end {
            return Ok(());
        }
        let mut edge: Option<Bytes> = None;
        loop {
            let batch = match (&edge, reverse) {
                (None, _) => self.batch(Bound::Included(start), Bound::Excluded(end), reverse),
                (Some(last), false) => self.batch(Bound::Excluded(last), Bound::Excluded(end), false),
                (Some(last), true) => self.batch(Bound::Included(start), Bound::Excluded(last), true),
            };
            for (key, value) in &batch {
                if visit(key, value)?.is_break() {
                    return Ok(());
                }
            }
            if batch.len() < BATCH {
                return Ok(());
            }
            edge = batch.into_iter().next_back().map(|(key, _)| key);
            if edge.as_deref() == Some(start) {
                return Ok(());
            }
        }
    }

    fn apply(&self, operations: &[Operation]) -> Result<()> {
        let mut map = self.map.write();
        for (key, value) in operations {
            match value {
                Some(value) => map.insert(key.clone(), value.clone()),
                None => map.remove(key),
            };
        }
        Ok(())
    }

    fn sync(&self) -> Result<()> {
        Ok(())
    }

    fn disk_bytes(&self) -> Result<u64> {
        Ok(0)
    }
}
