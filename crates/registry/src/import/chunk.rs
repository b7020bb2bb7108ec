//! One chunk: its rows judged one by one, then entered together.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use api::registry::v1 as shown;
use api::registry::v1::{RunMode, RunState};
use api::stored::registry::v1 as bytes;
use base::{Error, Kind as Failure, Result, limits};
use bytes::{Provenance, QuarantinedRow, ReasonCount, RowFault, Run, RunCounts, Seen};
use prost::Message;
use store::{Key, Transaction};

use crate::answers;
use crate::import::row::{Came, Candidate, known};
use crate::import::{Row, Session};
use crate::rules::{Fault, Faults};
use crate::tables::{QUARANTINE, RUNS, SEEN};
use crate::writing::Writer;

impl Session {
    /// Takes in a chunk; answers when it is durable. A chunk that is there already is skipped.
    pub(super) async fn chunk(&mut self, number: i64, rows: Vec<Row>) -> Result<shown::RunCounts> {
        if rows.len() > limits::IMPORT_CHUNK_ROWS_MAX {
            let limit = limits::IMPORT_CHUNK_ROWS_MAX;
            return Err(Error::invalid("chunk.rows", format!("must be at most {limit}")));
        }
        if (1..=self.run.last_chunk).contains(&number) {
            return Ok(shown::RunCounts::default());
        }
        let expected = self.run.last_chunk + 1;
        if number != expected {
            let message = format!("the next chunk of this run is {expected}");
            return Err(Error::new(Failure::Precondition, "CHUNK_MISSING", message).with("expected", expected));
        }
        let mut keys = HashSet::new();
        let mut candidates = Vec::with_capacity(rows.len());
        for row in rows {
            let is_repeated = !keys.insert(row.head.source_key.clone());
            candidates.push(self.judge(row, is_repeated).await?);
        }
        let (run, counts) = self.enter(number, candidates).await?;
        self.run = run;
        Ok(answers::counts(&counts))
    }

    async fn enter(&self, number: i64, candidates: Vec<Candidate>) -> Result<(Run, RunCounts)> {
        let (writer, run) = (self.writer(), self.run.clone());
        let origin = self.caller.origin("Import", writer.now);
        let store = &self.collection.inner.store;
        if !self.run.id.is_empty() {
            let write = store.write(origin, move |tx| {
                let stored = RUNS.get(tx, &Key::new().raw(&run.id))?;
                let stored = stored.filter(|run| run.state == RunState::Open as i32 && run.last_chunk + 1 == number);
                let moved =
                    || Error::new(Failure::Conflict, "RUN_MOVED", "the run was changed in between; open it again");
                let mut run = stored.ok_or_else(moved)?;
                let counts = enter(tx, &writer, &mut run, (number, &candidates))?;
                RUNS.put(tx, &run)?;
                Ok((run, counts))
            });
            return Ok(write.await?.value);
        }
        // A dry run does everything and then lets nothing of it happen.
        let outcome = Arc::new(Mutex::new(None));
        let kept = outcome.clone();
        let write = store.write(origin, move |tx| -> Result<()> {
            let mut run = run.clone();
            let counts = enter(tx, &writer, &mut run, (number, &candidates))?;
            *kept.lock().unwrap_or_else(PoisonError::into_inner) = Some((run, counts));
            Err(Error::internal("a dry run writes nothing"))
        });
        let undone = write.await.map(|_| ());
        let outcome = outcome.lock().unwrap_or_else(PoisonError::into_inner).take();
        outcome.ok_or_else(|| undone.err().unwrap_or_else(|| Error::internal("a dry run came to nothing")))
    }

    /// The source's hand, where the run may write.
    pub(super) fn writer(&self) -> Writer {
        let collection = &self.collection;
        Writer {
            inner: collection.inner.clone(),
            kind: collection.kind.clone(),
            scope: self.scope.clone(),
            principal: self.caller.id().name(),
            by: by(&self.run),
            now: collection.inner.now(),
        }
    }
}

/// Whose word the rows of a run are; as old as the run, unless a row says when it was confirmed.
pub(crate) fn by(run: &Run) -> Provenance {
    Provenance {
        kind: run.source_kind,
        source: run.source.clone(),
        run_id: run.id.clone(),
        confirmed_time_us: run.open_time_us,
    }
}

/// Enters the rows of a chunk, and notes in the run what became of them.
fn enter(
    tx: &mut Transaction<'_>,
    writer: &Writer,
    run: &mut Run,
    (number, candidates): (i64, &[Candidate]),
) -> Result<RunCounts> {
    let mut counts = RunCounts::default();
    let mut seen = Vec::new();
    for (place, candidate) in candidates.iter().enumerate() {
        match candidate.enter(tx, writer)? {
            Ok((came, id, claimed)) => {
                seen.extend(id.unwrap_or_default());
                counts.claimed += claimed;
                match came {
                    Came::Created => counts.created += 1,
                    Came::Updated => counts.updated += 1,
                    Came::Unchanged => counts.unchanged += 1,
                    Came::Ended => counts.ended += 1,
                }
            }
            Err(faults) => {
                counts.quarantined += 1;
                // The row is poisoned, but the source has the element all the same.
                let key = &candidate.row.head.source_key;
                let known = known(tx, writer.kind.number, &writer.by.source, key)?;
                seen.extend(known.map(|record| record.id.to_vec()).unwrap_or_default());
                set_aside(tx, writer, run, (number, place, candidate), &faults)?;
            }
        }
    }
    if run.mode == RunMode::Full as i32 && !run.id.is_empty() {
        SEEN.put(tx, &Seen { run_id: run.id.clone(), chunk: number, ids: seen.into() })?;
    }
    run.last_chunk = number;
    let total = run.counts.get_or_insert_default();
    total.created += counts.created;
    total.updated += counts.updated;
    total.unchanged += counts.unchanged;
    total.ended += counts.ended;
    total.quarantined += counts.quarantined;
    total.claimed += counts.claimed;
    Ok(counts)
}

fn set_aside(
    tx: &mut Transaction<'_>,
    writer: &Writer,
    run: &mut Run,
    (number, place, candidate): (i64, usize, &Candidate),
    faults: &Faults,
) -> Result<()> {
    note_reasons(run, faults, &format!("{number}.{place}"));
    let row = QuarantinedRow {
        run_id: run.id.clone(),
        chunk: number,
        row: u32::try_from(place).unwrap_or(u32::MAX),
        kind: writer.kind.number,
        head: candidate.row.head.encode_to_vec().into(),
        element: candidate.row.element.wire().into(),
        faults: faults.list().iter().map(stored_fault).collect(),
        time_us: writer.now.micros(),
    };
    QUARANTINE.put(tx, &row)
}

/// Counts a row, or an element that could not end, under each of its reasons.
pub(super) fn note_reasons(run: &mut Run, faults: &Faults, place: &str) {
    for reason in faults.list().iter().map(|fault| fault.reason).collect::<HashSet<_>>() {
        match run.reasons.iter_mut().find(|known| known.reason == reason) {
            Some(known) => known.rows += 1,
            None => {
                let first_row = place.to_owned();
                run.reasons.push(ReasonCount { reason: reason.to_owned(), rows: 1, first_row });
            }
        }
    }
    run.reasons.sort_by(|one, other| one.reason.cmp(&other.reason));
}

fn stored_fault(fault: &Fault) -> RowFault {
    RowFault { reason: fault.reason.to_owned(), field: fault.field.clone(), description: fault.description.clone() }
}
