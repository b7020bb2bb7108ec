//! What can be read: a view of the store at one moment.

use std::ops::{Bound, ControlFlow};
use std::sync::Arc;

use base::Result;
use bytes::Bytes;

use crate::engine::{Engine, Visit};
use crate::layers::{Layers, Merge, Overlay};

/// The store at one moment. Tables, indexes and aggregates read through it; a write closure's transaction is a view
/// too, and sees its own writes. The keys here are whole stored keys, with their keyspace.
pub trait View {
    /// The value of a key.
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>>;

    /// Visits the keys from `start` (inclusive) to `end` (exclusive), upwards, or downwards when `reverse`, until
    /// the visitor breaks.
    fn range(&self, start: &[u8], end: &[u8], reverse: bool, visit: Visit<'_>) -> Result<()>;
}

/// The layers above the engine at one moment, and the engine. While this lives, the engine is not written with
/// anything newer, so it should not live long.
pub(crate) struct ReadView<'a> {
    layers: Arc<Layers>,
    engine: &'a dyn Engine,
}

impl<'a> ReadView<'a> {
    pub(crate) fn new(layers: Arc<Layers>, engine: &'a dyn Engine) -> Self {
        Self { layers, engine }
    }

    /// The value of a key, with newer layers above this view.
    pub(crate) fn get_under(&self, overlays: &[&Overlay], key: &[u8]) -> Result<Option<Bytes>> {
        let above = overlays.iter().find_map(|overlay| overlay.get(key));
        match above.or_else(|| self.layers.runs().find_map(|run| run.get(key))) {
            Some(entry) => Ok(entry.value.clone()),
            None => self.engine.get(key),
        }
    }

    /// Visits a range, with newer layers above this view, newest first.
    pub(crate) fn range_under(
        &self,
        overlays: &[&Overlay],
        start: &[u8],
        end: &[u8],
        reverse: bool,
        visit: Visit<'_>,
    ) -> Result<()> {
        if start >= end {
            return Ok(());
        }
        let mut merge = Merge::new(reverse);
        for overlay in overlays {
            merge.add(overlay.range::<[u8], _>((Bound::Included(start), Bound::Excluded(end))));
        }
        for run in self.layers.runs() {
            merge.add(run.slice(start, end).iter().map(|(key, entry)| (key, entry)));
        }
        let mut ended = false;
        self.engine.range(start, end, reverse, &mut |key, value| {
            while let Some(above) = merge.peek().filter(|above| !merge.is_before(key, above)) {
                let hides = above == key;
                ended = step(&mut merge, visit)?.is_break();
                if ended {
                    return Ok(ControlFlow::Break(()));
                }
                if hides {
                    return Ok(ControlFlow::Continue(()));
                }
            }
            let flow = visit(key, value)?;
            ended = flow.is_break();
            Ok(flow)
        })?;
        while !ended && merge.peek().is_some() {
            ended = step(&mut merge, visit)?.is_break();
        }
        Ok(())
    }
}

/// Visits the next key of the layers, unless it is deleted there.
fn step(merge: &mut Merge<'_>, visit: Visit<'_>) -> Result<ControlFlow<()>> {
    match merge.next() {
        Some((key, entry)) => entry.value.as_ref().map_or(Ok(ControlFlow::Continue(())), |value| visit(key, value)),
        None => Ok(ControlFlow::Continue(())),
    }
}

impl View for ReadView<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>> {
        self.get_under(&[], key)
    }

    fn range(&self, start: &[u8], end: &[u8], reverse: bool, visit: Visit<'_>) -> Result<()> {
        self.range_under(&[], start, end, reverse, visit)
    }
}
