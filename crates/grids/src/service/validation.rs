//! Checking a release: read it whole, judge it away from the callers' threads, keep what was found.

use std::collections::HashMap;

use api::grids::v1::{Release, ValidateReleaseRequest};
use base::{AreaId, Error, Kind, ReleaseId, Result};
use geometry::Shape;
use prost::Message;
use rpc::Caller;
use store::View;
use tonic::Request;

use super::releases::{require_release, require_roots};
use crate::model::check::{self, Measure, Subject};
use crate::model::release::Finding;
use crate::{Grids, convert, model, records, tables};

impl Grids {
    pub(super) async fn validate(&self, request: Request<ValidateReleaseRequest>) -> Result<Release> {
        let caller = Caller::of(&request)?;
        let id = convert::read(|violations| convert::fields::name(&request.get_ref().name, "name", violations))?;
        let release = self.visible_release(&caller, id)?;
        require_roots(&caller, &release)?;
        release.require_open()?;
        let now = self.now();
        let (checked, findings) = self.judge(id).await?;
        let kept = self.0.options.findings_kept;
        let written = self.0.store.write(caller.origin("ValidateRelease", now), move |transaction| {
            let mut release = require_release(transaction, id)?;
            release.require_open()?;
            if release.revision != checked {
                return Err(changed_meanwhile(id));
            }
            release.validated(&findings, now);
            tables::put_findings(transaction, id, &findings[..findings.len().min(kept)])?;
            tables::put_release(transaction, &release)?;
            Ok(records::write_release(&release).encode_to_vec())
        });
        self.answer_release(&written.await?.value)
    }

    /// Reads and checks a release; answers which revision of it was checked.
    async fn judge(&self, id: ReleaseId) -> Result<(u64, Vec<Finding>)> {
        let grids = self.clone();
        let judged = tokio::task::spawn_blocking(move || {
            let (release, subjects) = grids.0.store.read(|view| {
                let release = require_release(view, id)?;
                let subjects = read_subjects(view, &release)?;
                Ok((release, subjects))
            })?;
            let measure = Measure {
                tolerance_m2: release.tolerance_m2,
                households_warned: grids.0.options.households_warned,
                today: grids.now().civil_day(),
            };
            Ok((release.revision, check::check(&subjects, &measure)))
        });
        judged.await.unwrap_or_else(|panic| Err(Error::internal("validating a release panicked").caused_by(panic)))
    }
}

/// All areas in use in the subtrees of a release, in the order of the tree, with their boundaries.
fn read_subjects(view: &dyn View, release: &model::release::Release) -> Result<Vec<Subject>> {
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
