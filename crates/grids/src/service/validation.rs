//! Checking a release: read it whole and what stands around it, judge it away from the callers' threads, keep what was
//! found.

use std::collections::HashMap;
use std::sync::Arc;

use api::grids::v1::ValidateReleaseRequest;
use base::{AreaId, Error, Kind, ReleaseId, Result, Time};
use geometry::Shape;
use prost::Message;
use rpc::Caller;
use store::View;
use tonic::Request;

use super::activation::require_not_past;
use super::releases::{require_release, require_roots};
use crate::land::ground::Ground;
use crate::land::surroundings::{Surroundings, are_unchanged};
use crate::model::check::{self, Measure, Subject};
use crate::model::release::{Finding, Release, Vicinity};
use crate::{Grids, convert, records, tables};

impl Grids {
    pub(super) async fn validate(&self, request: Request<ValidateReleaseRequest>) -> Result<api::grids::v1::Release> {
        let caller = Caller::of(&request)?;
        let (id, start) = convert::read(|violations| {
            let id = convert::fields::name(&request.get_ref().name, "name", violations);
            let start = convert::fields::time(request.get_ref().activate_time.as_ref(), "activate_time", violations);
            id.zip(start)
        })?;
        let release = self.visible_release(&caller, id)?;
        require_roots(&caller, &release)?;
        release.require_open()?;
        let now = self.now();
        let start = start.unwrap_or(now);
        require_not_past(start, now)?;
        let Judgement { revision, findings, vicinity } = self.judge(id, start).await?;
        let kept = self.0.options.findings_kept;
        let written = self.0.store.write(caller.origin("ValidateRelease", now), move |transaction| {
            let mut release = require_release(transaction, id)?;
            release.require_open()?;
            if release.revision != revision {
                return Err(changed_meanwhile(id));
            }
            release.validated(&findings, vicinity, now);
            tables::put_findings(transaction, id, &findings[..findings.len().min(kept)])?;
            tables::put_release(transaction, &release)?;
            Ok(records::write_release(&release).encode_to_vec())
        });
        self.answer_release(&written.await?.value)
    }

    /// Reads and checks a release as it would come into force at a time.
    async fn judge(&self, id: ReleaseId, start: Time) -> Result<Judgement> {
        let grids = self.clone();
        let judged = tokio::task::spawn_blocking(move || {
            let (release, own) = grids.0.store.read(|view| {
                let release = require_release(view, id)?;
                let own = read_subjects(view, &release)?;
                Ok((release, own))
            })?;
            let surroundings = grids.surroundings(&release, &own, start)?;
            let around = grids.0.store.read(|view| read_around(view, &surroundings))?;
            let measure = Measure {
                tolerance_m2: release.tolerance_m2,
                households_warned: grids.0.options.households_warned,
                today: grids.now().civil_day(),
            };
            let findings = check::check(&own, &around, &surroundings, &measure);
            Ok(Judgement { revision: release.revision, findings, vicinity: surroundings.vicinity })
        });
        judged.await.unwrap_or_else(|panic| Err(Error::internal("validating a release panicked").caused_by(panic)))
    }

    /// What will stand around a release from a time on, as far as is known today.
    fn surroundings(&self, release: &Release, own: &[Subject], start: Time) -> Result<Surroundings> {
        let now = self.now();
        let ground = self.ground_ahead(start)?;
        let drawn = own.iter().filter_map(|subject| Some((subject.area.kind, subject.shape.as_ref()?)));
        Ok(Surroundings::of(&ground, &self.0.land.directory(now), release, drawn))
    }

    /// Fails unless what will stand around a release from a time on is what it was checked with.
    pub(super) fn require_same_vicinity(&self, release: &Release, start: Time) -> Result<()> {
        let now = self.now();
        let ground = self.ground_ahead(start)?;
        let directory = self.0.land.directory(now);
        let same = |vicinity| are_unchanged(vicinity, &ground, &directory, release);
        if release.vicinity.as_ref().is_some_and(same) {
            return Ok(());
        }
        Err(release.checked_elsewhere(start))
    }

    /// The ground in force at a time from now on; the present one when the time has passed in between.
    fn ground_ahead(&self, time: Time) -> Result<Arc<Ground>> {
        let ground = self.0.land.at(time.max(self.now()));
        ground.ok_or_else(|| Error::internal("there is no ground of the present"))
    }
}

/// What was found, in which revision, among what.
struct Judgement {
    revision: u64,
    findings: Vec<Finding>,
    vicinity: Vicinity,
}

/// The areas around a release, with their boundaries in force.
fn read_around(view: &dyn View, surroundings: &Surroundings) -> Result<Vec<Subject>> {
    let mut around = Vec::with_capacity(surroundings.standing.len());
    for (path, shape) in &surroundings.standing {
        let area = tables::area_at(view, path)?;
        around.extend(area.map(|area| Subject { area, shape: Some(shape.clone()) }));
    }
    Ok(around)
}

/// All areas in use in the subtrees of a release, in the order of the tree, with their boundaries.
fn read_subjects(view: &dyn View, release: &Release) -> Result<Vec<Subject>> {
    let mut shapes = HashMap::new();
    tables::each_boundary(view, release.id, &mut |boundary| {
        shapes.insert(AreaId::from_slice(&boundary.area_id)?, Shape::from_bytes(&boundary.shape)?);
        Ok(())
    })?;
    let mut roots: Vec<_> = release.root_paths().collect();
    roots.sort_unstable();
    let mut subjects = Vec::with_capacity(shapes.len());
    for root in roots {
        tables::each_area(view, root, &mut |area| {
            if area.retire_time.is_none() {
                let shape = shapes.remove(&area.id);
                subjects.push(Subject { area, shape });
            }
            Ok(())
        })?;
    }
    Ok(subjects)
}

fn changed_meanwhile(id: ReleaseId) -> Error {
    Error::new(
        Kind::Conflict,
        "RELEASE_CHANGED",
        "boundaries came in while the release was being checked; check it again when the upload is over",
    )
    .with("release", id.name())
}
