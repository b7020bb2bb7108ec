//! Runs: deliveries of sources, opened, resumed, finished or abandoned. One run of a source is open at a time.

use std::sync::{Arc, PoisonError};

use api::options::v1::SourceKind;
use api::registry::v1 as shown;
use api::registry::v1::{OpenRun, RunMode, RunState};
use api::stored::registry::v1 as bytes;
use base::{AreaPath, Error, Kind as Failure, Result, Violations, limits};
use bytes::Run;
use rpc::Caller;
use rpc::paging::PageRequest;
use store::{Key, Page, Scan, Transaction};

use crate::answers::{self, RunId};
use crate::collection::Collection;
use crate::registry::Inner;
use crate::tables::{OPEN_RUNS, RUNS, RUNS_BY_SOURCE, source_key};

/// Where an opened run stands.
pub(crate) enum Opened {
    /// Rows may be sent.
    Ready(Run),
    /// It was delivered already: the report.
    Done(Run),
}

/// The right to feed the run of a source; given back when it is dropped. A dry run writes nothing, so it needs none.
pub(crate) struct Attached {
    inner: Arc<Inner>,
    source: Option<(u32, String)>,
}

impl Drop for Attached {
    fn drop(&mut self) {
        if let Some(source) = &self.source {
            self.inner.attached.lock().unwrap_or_else(PoisonError::into_inner).remove(source);
        }
    }
}

impl Collection {
    /// Opens a run, or finds the one that has this sequence.
    pub(crate) async fn open_run(&self, caller: &Caller, asked: &OpenRun) -> Result<Opened> {
        let path = self.check_run(caller, asked).await?;
        let now = self.inner.now();
        let run = Run {
            id: if asked.dry_run { Vec::new() } else { RunId::generate(now).bytes().to_vec() }.into(),
            kind: self.kind.number,
            source: asked.source.clone(),
            source_kind: asked.source_kind,
            mode: asked.mode,
            sequence: asked.sequence,
            area: asked.area.clone(),
            path: path.bytes().into(),
            mapping: asked.mapping.clone(),
            state: RunState::Open.into(),
            principal: caller.id().name(),
            open_time_us: now.micros(),
            counts: Some(bytes::RunCounts::default()),
            ..Default::default()
        };
        if asked.dry_run {
            return Ok(Opened::Ready(run));
        }
        let origin = caller.origin("OpenRun", now);
        Ok(self.inner.store.write(origin, move |tx| open(tx, &run)).await?.value)
    }

    /// Notes everything that is wrong with the opening of a run; answers the place of its area.
    async fn check_run(&self, caller: &Caller, asked: &OpenRun) -> Result<AreaPath> {
        let mut violations = Violations::new();
        let name = asked.source.chars().count();
        if !(1..=limits::NAME_CHARS_MAX).contains(&name) || asked.source.contains('/') {
            violations.add("open.source", "must name the source system: 1 to 80 characters, no slash");
        }
        if SourceKind::try_from(asked.source_kind).unwrap_or_default() == SourceKind::Unspecified {
            violations.add("open.source_kind", "must say what sort of source it is");
        }
        if RunMode::try_from(asked.mode).unwrap_or_default() == RunMode::Unspecified {
            violations.add("open.mode", "must be RUN_MODE_FULL or RUN_MODE_DELTA");
        }
        if asked.sequence < 1 {
            violations.add("open.sequence", "must be at least 1, and grow with each run of the source");
        }
        let path = match self.inner.areas.find(caller, &asked.area, &*self.inner.clock).await? {
            Ok((_, path)) => path,
            Err(wrong) => {
                violations.add("open.area", wrong);
                AreaPath::ROOT
            }
        };
        violations.check()?;
        caller.require(&path)?;
        Ok(path)
    }

    /// The right to feed this run, unless another stream has it.
    pub(crate) fn attach(&self, run: &Run) -> Result<Attached> {
        let source = (!run.id.is_empty()).then(|| (run.kind, run.source.clone()));
        if let Some(source) = &source {
            let mut attached = self.inner.attached.lock().unwrap_or_else(PoisonError::into_inner);
            if !attached.insert(source.clone()) {
                return Err(in_progress(run));
            }
        }
        Ok(Attached { inner: self.inner.clone(), source })
    }

    /// The runs of this kind that the caller's scope covers, newest first, of one source or of all.
    pub async fn list_runs(&self, caller: &Caller, source: &str, part: &PageRequest) -> Result<Page<shown::Run>> {
        let (kind, scope, source) = (self.kind.number, caller.scope().clone(), source.to_owned());
        let scan = Scan::all().reverse(true).limit(part.limit).after(part.after.clone());
        let wanted = move |run: &Run| {
            let path = AreaPath::from_bytes(&run.path).unwrap_or_default();
            run.kind == kind && (source.is_empty() || run.source == source) && scope.covers(&path)
        };
        let page = self.inner.store.scan(move |view| RUNS.page_where(view, &scan, &wanted)).await?;
        let records = page.records.iter().map(|run| self.show_run(run)).collect();
        Ok(Page { records, next: page.next })
    }

    /// The run of this name.
    pub fn get_run(&self, caller: &Caller, name: &str) -> Result<shown::Run> {
        self.run(caller, name).map(|run| self.show_run(&run))
    }

    /// Gives an open run up, so that the source may open its next one. What it has written stays.
    pub async fn abandon_run(&self, caller: &Caller, name: &str) -> Result<shown::Run> {
        let run = self.run(caller, name)?;
        // Whoever feeds it now must stop first.
        let _attached = self.attach(&run)?;
        let now = self.inner.now();
        let written = self.inner.store.write(caller.origin("AbandonRun", now), move |tx| {
            let mut run = RUNS.get(tx, &Key::new().raw(&run.id))?.ok_or_else(|| Error::internal("a run is gone"))?;
            if run.state == RunState::Open as i32 {
                run.state = RunState::Abandoned.into();
                run.finish_time_us = now.micros();
                RUNS.put(tx, &run)?;
            }
            Ok(run)
        });
        Ok(self.show_run(&written.await?.value))
    }

    pub(crate) fn run(&self, caller: &Caller, name: &str) -> Result<Run> {
        let mut violations = Violations::new();
        let id = violations.take("name", RunId::parse_name(name));
        violations.check()?;
        let key = id.map(|id| Key::new().id(id)).unwrap_or_default();
        let found = self.inner.store.read(|view| RUNS.get(view, &key))?;
        let run = found.filter(|run| run.kind == self.kind.number).ok_or_else(|| Error::not_found(name))?;
        self.require(caller, &AreaPath::from_bytes(&run.path)?, name)?;
        Ok(run)
    }

    pub(crate) fn show_run(&self, run: &Run) -> shown::Run {
        answers::run(run, self.kind.collection)
    }
}

fn open(tx: &mut Transaction<'_>, asked: &Run) -> Result<Opened> {
    let prefix = source_key(asked.kind, &asked.source);
    let newest = RUNS.page_by(tx, &RUNS_BY_SOURCE, &Scan::prefix(prefix.clone()).reverse(true).limit(1))?;
    let same = RUNS.page_by(tx, &RUNS_BY_SOURCE, &Scan::prefix(prefix.clone().i64(asked.sequence)).limit(1))?;
    if let Some(run) = same.records.into_iter().next() {
        if run.state != RunState::Open as i32 {
            return Ok(Opened::Done(run));
        }
        if (run.mode, &run.path, run.source_kind) != (asked.mode, &asked.path, asked.source_kind) {
            let message = "the open run with this sequence has another mode, area or kind of source";
            let error = Error::new(Failure::Precondition, "RUN_DIFFERS", message);
            return Err(error.with("run", answers::run_name(&run.id)));
        }
        return Ok(Opened::Ready(run));
    }
    if let Some(run) = newest.records.into_iter().find(|run| run.sequence > asked.sequence) {
        return Ok(Opened::Done(run));
    }
    if let Some(run) = RUNS.page_by(tx, &OPEN_RUNS, &Scan::prefix(prefix).limit(1))?.records.first() {
        return Err(in_progress(run));
    }
    RUNS.put(tx, asked)?;
    Ok(Opened::Ready(asked.clone()))
}

fn in_progress(run: &Run) -> Error {
    let message = "the source has an open run; let it finish, resume it with its sequence, or abandon it by name";
    Error::new(Failure::Precondition, "RUN_IN_PROGRESS", message)
        .with("run", answers::run_name(&run.id))
        .with("sequence", run.sequence)
        .with("principal", &run.principal)
        .with("open_time_us", run.open_time_us)
}
