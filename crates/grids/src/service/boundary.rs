//! The boundary of an area: its own, or the ground of the areas below it.

use api::grids::v1::{Boundary, GetBoundaryRequest};
use base::{AreaId, Error, Kind, Result};
use geometry::Datum;
use rpc::Caller;
use tonic::Request;

use crate::land::ground::Ground;
use crate::model::area::Area;
use crate::{Grids, convert};

impl Grids {
    pub(super) async fn boundary(&self, request: Request<GetBoundaryRequest>) -> Result<Boundary> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let ((id, as_of), datum) = convert::read(|violations| {
            let id = convert::fields::name(&request.name, "name", violations);
            let as_of = convert::place::read_as_of(request.as_of.as_ref(), violations);
            let datum = convert::place::read_datum(request.datum, "datum", violations);
            id.zip(as_of).zip(datum)
        })?;
        let area = self.visible_area(&caller, id)?;
        let ground = self.ground(as_of).await?;
        let grids = self.clone();
        // Joining the grids of a city and writing a long boundary take too long for a thread that others wait for.
        let drawn = tokio::task::spawn_blocking(move || {
            let boundary = grids.outline(&ground, &area, datum)?;
            Ok(Boundary { datum: request.datum, ..boundary })
        });
        drawn.await.unwrap_or_else(|panic| Err(Error::internal("drawing a boundary panicked").caused_by(panic)))
    }

    /// The boundary of an area on a ground.
    fn outline(&self, ground: &Ground, area: &Area, datum: Datum) -> Result<Boundary> {
        let now = self.now();
        let slot = self.0.land.directory(now).slot(area.id).ok_or_else(|| no_boundary(area.id))?;
        let own = ground.number(slot);
        // The directory is asked area by area, as in `Nearby`.
        let path_of = |slot: u32| self.0.land.directory(now).card(slot).path;
        let drawn = own.map_or_else(|| ground.uppermost(&area.path, &path_of), |own| vec![own]);
        let release = ground.newest_release_name(&drawn).ok_or_else(|| no_boundary(area.id))?;
        let shape = match drawn[..] {
            [only] => ground.shape(only).clone(),
            _ => ground.joined(slot, &drawn).map_err(|error| error.with("name", area.id.name()))?,
        };
        Ok(Boundary {
            area: Some(convert::area::write_reference(area, now.civil_day())),
            release: release.to_owned(),
            geojson: convert::place::write_geojson(&shape, datum),
            area_m2: shape.area_m2(),
            datum: 0,
            derived: own.is_none(),
        })
    }
}

fn no_boundary(id: AreaId) -> Error {
    Error::new(
        Kind::NotFound,
        "NO_BOUNDARY",
        "neither this area nor any area below it had a boundary in force then; activate a release that has one",
    )
    .with("name", id.name())
}
