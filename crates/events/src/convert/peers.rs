//! What other services answer, from their contracts to the model. They have checked it; what cannot be read is a
//! fault between us, never the caller's.

use api::grids::v1 as api_grids;
use api::staff::v1::FindInChargeResponse;
use base::{AreaId, Day, Error, PrincipalId, Result};

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

/// An area as it is described, in the form in which others refer to it today.
pub(crate) fn area(area: api_grids::Area, today: Day) -> Result<AreaRef> {
    let kind = area.kind;
    let code = main_code(area.codes, today);
    area_ref(api_grids::AreaRef { name: area.name, kind, code, display_name: area.display_name, path: area.path })
}

/// The code an area is known by on a day: the first valid one, else the last one it bore.
fn main_code(mut codes: Vec<api_grids::AreaCode>, day: Day) -> String {
    let begun = |code: &api_grids::AreaCode| Day::parse(&code.valid_from).map_or(true, |from| from <= day);
    let ended = |code: &api_grids::AreaCode| Day::parse(&code.valid_to).is_ok_and(|to| to <= day);
    let valid = codes.iter().position(|code| begun(code) && !ended(code));
    let place = valid.or(codes.len().checked_sub(1));
    place.map(|place| codes.swap_remove(place).code).unwrap_or_default()
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

#[cfg(test)]
mod tests {
    use super::*;

    fn code(code: &str, from: &str, to: &str) -> api_grids::AreaCode {
        api_grids::AreaCode {
            scheme: "NBS-12".to_owned(),
            code: code.to_owned(),
            valid_from: from.to_owned(),
            valid_to: to.to_owned(),
        }
    }

    #[test]
    fn an_area_is_known_by_the_code_that_is_valid_today() {
        let today = Day::parse("2026-09-22").unwrap();
        let renumbered = vec![code("old", "", "2026-09-22"), code("new", "2026-09-22", "")];
        assert_eq!(main_code(renumbered.clone(), today), "new");
        assert_eq!(main_code(renumbered, today.plus(-1)), "old");
        assert_eq!(main_code(vec![code("a", "", "2020-01-01"), code("b", "", "2021-01-01")], today), "b");
        assert_eq!(main_code(Vec::new(), today), "");
    }
}
