//! How releases come into force, and how an activation that lies ahead is taken back.
//!
//! Both go the same way: what will be in force is built first, then the change is written, then readers get what was
//! built. Changes of what is in force take turns, so that nothing is installed over what it was not built for.

use api::grids::v1::{ActivateReleaseRequest, CancelActivationRequest, Release};
use base::{Error, ReleaseId, Result, Time};
use prost::Message;
use rpc::{Caller, repeat};
use store::Transaction;
use tonic::Request;

use super::releases::{require_release, require_roots};
use crate::land::Timeline;
use crate::model::area::require_etag;
use crate::model::release::{self, Acceptance, Stage};
use crate::{Grids, convert, model, records, tables};

/// What is to become of a release.
#[derive(Clone)]
enum Turn {
    /// It comes into force, from now on or from a time on.
    Activate(Vec<Acceptance>, Option<Time>),
    /// Its activation is taken back.
    TakeBack,
}

impl Turn {
    /// Makes the change at `now`; `activated` are all activated releases but this one.
    fn apply(
        &self,
        release: &mut model::release::Release,
        activated: &[model::release::Release],
        now: Time,
    ) -> Result<()> {
        match self {
            Self::Activate(acceptances, from) => release.activate(acceptances, from.unwrap_or(now), activated),
            Self::TakeBack => release.take_back(now),
        }
    }
}

impl Grids {
    pub(super) async fn activate(&self, request: Request<ActivateReleaseRequest>) -> Result<Release> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let (id, from, acceptances, once) = convert::read(|violations| {
            let id = convert::fields::name(&request.name, "name", violations);
            let from = convert::fields::time(request.activate_time.as_ref(), "activate_time", violations);
            let acceptances = convert::release::read_acceptances(&request.acceptances, violations);
            let once = repeat::request(&request.request_id, "ActivateRelease", &request, violations);
            Some((id?, from?, acceptances?, once?))
        })?;
        let origin = |now| caller.origin("ActivateRelease", now);
        self.turn(&caller, id, &request.etag, Turn::Activate(acceptances, from), &origin, once).await
    }

    pub(super) async fn take_back(&self, request: Request<CancelActivationRequest>) -> Result<Release> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let (id, once) = convert::read(|violations| {
            let id = convert::fields::name(&request.name, "name", violations);
            id.zip(repeat::request(&request.request_id, "CancelActivation", &request, violations))
        })?;
        let origin = |now| caller.origin("CancelActivation", now);
        self.turn(&caller, id, &request.etag, Turn::TakeBack, &origin, once).await
    }

    /// Brings a change of what is in force to its end.
    async fn turn(
        &self,
        caller: &Caller,
        id: ReleaseId,
        etag: &str,
        turn: Turn,
        origin: &(dyn Fn(Time) -> store::Origin + Sync),
        once: store::Request,
    ) -> Result<Release> {
        let _turn = self.0.change.lock().await;
        // The index takes seconds to build for a large city, so it is built before the time of "now" is taken.
        let drafted = self.prepare(caller, id, etag, &turn, None).await?;
        let now = self.now();
        let turn = match turn {
            Turn::Activate(acceptances, from) => Turn::Activate(acceptances, Some(from.unwrap_or(now))),
            Turn::TakeBack => Turn::TakeBack,
        };
        let prepared = self.prepare(caller, id, etag, &turn, drafted).await?;
        let (caller, etag) = (caller.clone(), etag.to_owned());
        let written = self.0.store.write_once(origin(now), once, move |transaction| {
            let release = require_release(transaction, id)?;
            require_roots(&caller, &release)?;
            require_etag(&etag, release.revision)?;
            if let Turn::Activate(_, Some(start)) = turn {
                require_not_past(start, now)?;
            }
            let release = write(transaction, release, &turn, now)?;
            Ok(records::write_release(&release).encode_to_vec())
        });
        let written = written.await?;
        if let Some(timeline) = prepared.filter(|_| !written.replayed) {
            self.0.land.install(timeline);
        }
        self.answer_release(&written.value)
    }

    /// Builds what will be in force after the change, as far as an earlier plan has not; none when the change cannot be
    /// made, or not by this caller, which the write then says.
    async fn prepare(
        &self,
        caller: &Caller,
        id: ReleaseId,
        etag: &str,
        turn: &Turn,
        earlier: Option<Timeline>,
    ) -> Result<Option<Timeline>> {
        let (grids, caller, etag, turn) = (self.clone(), caller.clone(), etag.to_owned(), turn.clone());
        let planned = tokio::task::spawn_blocking(move || {
            let store = &grids.0.store;
            let now = grids.now();
            let Some(mut release) = store.read(|view| tables::release(view, id))? else { return Ok(None) };
            let mut activated = store.read(tables::activated_releases)?;
            activated.retain(|other| other.id != id);
            let refused = require_roots(&caller, &release)
                .and_then(|()| require_etag(&etag, release.revision))
                .and_then(|()| turn.apply(&mut release, &activated, now));
            if refused.is_err() {
                return Ok(None);
            }
            if let Turn::Activate(_, start) = turn {
                grids.require_same_vicinity(&release, start.unwrap_or(now))?;
            }
            activated.push(release);
            let timeline = grids.0.land.plan(store, &release::in_order(activated), now, earlier.as_ref())?;
            timeline.require_areas_in_use(&grids.0.land.directory(now))?;
            Ok(Some(timeline))
        });
        planned.await.unwrap_or_else(|panic| Err(Error::internal("planning a release panicked").caused_by(panic)))
    }
}

/// Fails when boundaries are to come into force before now.
pub(super) fn require_not_past(start: Time, now: Time) -> Result<()> {
    if start >= now {
        return Ok(());
    }
    Err(Error::invalid(
        "activate_time",
        format!("is {start}, but must not lie before now ({now}): answers were given under the old boundaries"),
    ))
}

/// Writes the change, and notes anew when each activated release replaces the last of others, or others of it.
fn write(
    transaction: &mut Transaction<'_>,
    mut release: model::release::Release,
    turn: &Turn,
    now: Time,
) -> Result<model::release::Release> {
    let mut activated = tables::activated_releases(transaction)?;
    activated.retain(|other| other.id != release.id);
    turn.apply(&mut release, &activated, now)?;
    activated.push(release.clone());
    let activated = release::in_order(activated);
    release.retire_time = release::replaced_at(&release, &activated).filter(|_| release.activate_time.is_some());
    for other in activated.iter().filter(|other| other.id != release.id) {
        let retire_time = release::replaced_at(other, &activated);
        if other.retire_time != retire_time {
            let revision = other.revision + 1;
            tables::put_release(transaction, &model::release::Release { retire_time, revision, ..other.clone() })?;
        }
    }
    if release.stage == Stage::Draft {
        tables::delete_findings(transaction, release.id)?;
    }
    tables::put_release(transaction, &release)?;
    Ok(release)
}
