//! The end of a run: what a full run did not name has ended, unless that is suspiciously much.

use std::collections::HashSet;

use api::registry::v1::{FinishRun, RunMode, RunState};
use api::stored::registry::v1::{Record, Run};
use base::{Error, Kind as Failure, Result};
use store::{Key, Page, Scan, View};

use crate::import::Session;
use crate::import::chunk::note_reasons;
use crate::tables::{BY_SOURCE, RECORDS, RUNS, SEEN, path, source_key};

/// The share of its elements that a source may end with one full run, unless it says that it means it.
const END_SHARE_DEFAULT: f64 = 0.05;
/// Elements ended in one transaction.
const STEP: usize = 500;

impl Session {
    /// Finishes the run; answers its report. May be repeated: what has ended has ended.
    pub(super) async fn finish(&mut self, asked: &FinishRun) -> Result<Run> {
        if !(0.0..=1.0).contains(&asked.end_share_max) {
            return Err(Error::invalid("finish.end_share_max", "must lie in 0..1; 0 stands for 0.05"));
        }
        if self.run.id.is_empty() {
            return Ok(self.run.clone());
        }
        if self.run.mode == RunMode::Full as i32 {
            self.end_missing(asked.end_share_max).await?;
        }
        let run_id = self.run.id.clone();
        let now = self.collection.inner.now();
        let write = self.collection.inner.store.write(self.caller.origin("Import", now), move |tx| {
            let mut run = RUNS.get(tx, &Key::new().raw(&run_id))?.ok_or_else(|| Error::internal("a run is gone"))?;
            run.state = RunState::Finished.into();
            run.finish_time_us = now.micros();
            RUNS.put(tx, &run)?;
            for chunk in 1..=run.last_chunk {
                SEEN.delete(tx, &Key::new().raw(&run.id).i64(chunk))?;
            }
            Ok(run)
        });
        Ok(write.await?.value)
    }

    /// Ends what the source has here and the run did not name, a bounded number at a time.
    async fn end_missing(&mut self, share_max: f64) -> Result<()> {
        let share_max = if share_max == 0.0 { END_SHARE_DEFAULT } else { share_max };
        let (run, scope, kind) = (self.run.clone(), self.scope.clone(), self.collection.kind.number);
        let found = self.collection.inner.store.scan(move |view| {
            let seen = seen(view, &run)?;
            let (mut missing, mut held) = (Vec::new(), 0_usize);
            let mut after = None;
            loop {
                let scan = Scan::prefix(source_key(kind, &run.source)).limit(1_000).after(after);
                let has = |record: &Record| is_held(record, &run.source) && scope.covers(&path(record));
                let Page { records, next } = RECORDS.page_by_where(view, &BY_SOURCE, &scan, &has)?;
                held += records.len();
                let gone = records.into_iter().filter(|record| !seen.contains(&record.id[..]));
                missing.extend(gone.map(|record| record.id));
                after = next;
                if after.is_none() {
                    return Ok((missing, held));
                }
            }
        });
        let (missing, held) = found.await?;
        #[allow(clippy::cast_precision_loss, reason = "a share of counts far below 2^52")]
        let share = missing.len() as f64 / held.max(1) as f64;
        if share > share_max {
            let message = "the run would end more of the source's elements than a full run may; if that is right, finish \
                           again with a larger end_share_max";
            return Err(Error::new(Failure::Precondition, "END_SHARE_EXCEEDED", message)
                .with("missing", missing.len())
                .with("held", held)
                .with("end_share_max", share_max));
        }
        for ids in missing.chunks(STEP) {
            let (ids, writer, run_id) = (ids.to_vec(), self.writer(), self.run.id.clone());
            let origin = self.caller.origin("Import", writer.now);
            let write = self.collection.inner.store.write(origin, move |tx| {
                let run = RUNS.get(tx, &Key::new().raw(&run_id))?;
                let mut run = run.ok_or_else(|| Error::internal("a run is gone"))?;
                for id in &ids {
                    let Some(record) = writer.get(tx, id)? else { continue };
                    match writer.end_for(tx, record, None)? {
                        Ok(ended) => run.counts.get_or_insert_default().ended += i64::from(ended),
                        // Another element names it: it stays, is told, and is missing in the next full run too.
                        Err(faults) => note_reasons(&mut run, &faults, &writer.kind.name(id)),
                    }
                }
                RUNS.put(tx, &run)
            });
            write.await?;
        }
        Ok(())
    }
}

/// Whether a source had the element when it last spoke of it.
fn is_held(record: &Record, source: &str) -> bool {
    record.source_keys.iter().any(|known| known.source == source && !known.row_hash.is_empty())
}

/// The elements that a run has named.
fn seen(view: &dyn View, run: &Run) -> Result<HashSet<Vec<u8>>> {
    let mut seen = HashSet::new();
    for chunk in 1..=run.last_chunk {
        let named = SEEN.get(view, &Key::new().raw(&run.id).i64(chunk))?;
        seen.extend(named.unwrap_or_default().ids.chunks_exact(16).map(<[u8]>::to_vec));
    }
    Ok(seen)
}
