//! An engine on the simulated disk: after a power cut, any of the changes since its last sync may be there or not.

use std::collections::BTreeMap;
use std::io;
use std::ops::Bound;
use std::sync::Arc;

use base::Result;
use bytes::Bytes;
use parking_lot::Mutex;

use super::{State, failed};
use crate::engine::{Engine, Operation, Visit};

/// The keys of an engine.
#[derive(Debug, Default)]
pub(super) struct EngineState {
    seen: BTreeMap<Bytes, Bytes>,
    durable: BTreeMap<Bytes, Bytes>,
    pending: Vec<Operation>,
}

impl EngineState {
    pub(super) fn lose_unsynced(&mut self, random: &mut fastrand::Rng) {
        for (key, value) in std::mem::take(&mut self.pending) {
            if random.bool() {
                set(&mut self.durable, key, value);
            }
        }
        self.seen.clone_from(&self.durable);
    }
}

fn set(map: &mut BTreeMap<Bytes, Bytes>, key: Bytes, value: Option<Bytes>) {
    match value {
        Some(value) => drop(map.insert(key, value)),
        None => drop(map.remove(&key)),
    }
}

/// An open engine.
pub(super) struct SimulatedEngine {
    pub(super) disk: Arc<Mutex<State>>,
    pub(super) engine: Arc<Mutex<EngineState>>,
    pub(super) boot: u64,
}

impl Engine for SimulatedEngine {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>> {
        Ok(self.engine.lock().seen.get(key).cloned())
    }

    fn range(&self, start: &[u8], end: &[u8], reverse: bool, visit: Visit<'_>) -> Result<()> {
        if start >= end {
            return Ok(());
        }
        let found: Vec<(Bytes, Bytes)> = {
            let engine = self.engine.lock();
            let range = engine.seen.range::<[u8], _>((Bound::Included(start), Bound::Excluded(end)));
            range.map(|(key, value)| (key.clone(), value.clone())).collect()
        };
        let mut visit_one = |(key, value): &(Bytes, Bytes)| visit(key, value).map(|flow| flow.is_break());
        let mut walk: Box<dyn Iterator<Item = _>> =
            if reverse { Box::new(found.iter().rev()) } else { Box::new(found.iter()) };
        walk.find_map(|pair| match visit_one(pair) {
            Ok(true) => Some(Ok(())),
            Ok(false) => None,
            Err(error) => Some(Err(error)),
        })
        .unwrap_or(Ok(()))
    }

    fn apply(&self, operations: &[Operation]) -> Result<()> {
        self.disk.lock().step(self.boot).map_err(failed)?;
        let mut engine = self.engine.lock();
        for (key, value) in operations {
            set(&mut engine.seen, key.clone(), value.clone());
            engine.pending.push((key.clone(), value.clone()));
        }
        Ok(())
    }

    fn sync(&self) -> Result<()> {
        let mut disk = self.disk.lock();
        disk.step(self.boot).map_err(failed)?;
        if std::mem::take(&mut disk.failing_engine_sync) {
            return Err(failed(io::Error::other("the disk failed to sync")));
        }
        drop(disk);
        let mut engine = self.engine.lock();
        for (key, value) in std::mem::take(&mut engine.pending) {
            set(&mut engine.durable, key, value);
        }
        Ok(())
    }

    fn disk_bytes(&self) -> Result<u64> {
        let engine = self.engine.lock();
        Ok(engine.durable.iter().map(|(key, value)| (key.len() + value.len()) as u64).sum())
    }
}
