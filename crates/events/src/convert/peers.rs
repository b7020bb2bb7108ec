//! What other services answer, from their contracts to the model. They have checked it; what cannot be read is a
//! fault between us, never the caller's.

use api::grids::v1 as api_grids;
use api::staff::v1::FindInChargeResponse;
use base::{AreaId, Error, PrincipalId, Result};

use crate::model::{AreaRef, Placement, Point, Worker};

fn unreadable(what: &'static str) -> Error {
    Error::internal(format!("another service answered {what} that cannot be read"))
}

/// An area as a location names it.
pub(crate) fn area_ref(area: api_grids::AreaRef) -> Result<AreaRef> {
    Ok(AreaRef {
        id: AreaId::parse_name(&area.name).map_err(|wrong| unreadable("an area").caused_by(wrong))?,
        kind: area.kind(),
        path: area.path.parse().map_err(|wrong: String| unreadable("an area").caused_by(wrong))?,
        code: area.code,
        display_name: area.display_name,
    })
}

/// An area as it is described, in the form in which others refer to it; its first code is its main one.
pub(crate) fn area(area: api_grids::Area) -> Result<AreaRef> {
    let kind = area.kind;
    let code = area.codes.into_iter().next().map(|code| code.code).unwrap_or_default();
    area_ref(api_grids::AreaRef { name: area.name, kind, code, display_name: area.display_name, path: area.path })
}

/// A point in WGS-84.
pub(crate) fn point(point: &api_grids::Point) -> Point {
    Point { longitude_deg: point.longitude_deg, latitude_deg: point.latitude_deg, datum: point.datum() }
}

/// A point as another service asks for it.
pub(crate) fn point_message(point: &Point) -> api_grids::Point {
    api_grids::Point { longitude_deg: point.longitude_deg, latitude_deg: point.latitude_deg, datum: point.datum.into() }
}

/// Where a point was found to lie; the chain is empty when it lies in no area.
pub(crate) fn placement(location: api_grids::Location, given: Point) -> Result<Placement> {
    let release = (!location.release.is_empty()).then(|| base::ReleaseId::parse_name(&location.release)).transpose();
    Ok(Placement {
        decided_by: location.decided_by(),
        release: release.map_err(|wrong| unreadable("a release").caused_by(wrong))?,
        border_distance_m: location.border_distance_m,
        wgs84: location.wgs84.as_ref().map(point),
        chain: location.chain.into_iter().map(area_ref).collect::<Result<_>>()?,
        runner_up: location.runner_up.map(area_ref).transpose()?,
        given: Some(given),
    })
}

/// Who is in charge.
pub(crate) fn worker(found: FindInChargeResponse) -> Result<Worker> {
    let id = PrincipalId::parse_name(&found.worker).map_err(|wrong| unreadable("a worker").caused_by(wrong))?;
    Ok(Worker { id, display_name: found.worker_display_name })
}
