//! Which micro-grid an element is in: decided by `grids` from a point or an outline, or inherited from the building.

use api::buildings::v1::{Building, Estate, Room, Unit};
use api::grids::v1::{Datum as NamedDatum, LocateRequest, Point};
use api::options::v1::SourceKind;
use base::{Error, Kind as Failure, Result};
use futures_util::future::try_join_all;
use geometry::{Datum, Shape, datum};
use prost_types::FieldMask;
use registry::serving;
use rpc::Caller;
use rpc::status::from_status;

use crate::Buildings;
use crate::model::address::Kind;
use crate::model::parts::{area_of, floor_of};

/// Rooms that follow their building at once: their writes share the waits for the disk.
const TOGETHER: usize = 64;

impl Buildings {
    /// An estate without an area comes to the micro-grid of its point.
    pub(super) async fn place_estate(
        &self,
        caller: &Caller,
        estate: &mut Estate,
        mask: Option<&mut FieldMask>,
    ) -> Result<()> {
        let said = says(mask.as_deref(), "point");
        if let Some(point) = estate.point.filter(|_| said && estate.area.is_empty())
            && let Some(area) = self.locate(caller, point, "estate.point").await?
        {
            estate.area = area;
            name_in(mask, "area");
        }
        Ok(())
    }

    /// A building comes to the micro-grid of its point, else of its outline, whatever area is said beside it; where
    /// neither lies in an area, to the one that is said. The areas of its parts must be the caller's own.
    pub(super) async fn place_building(
        &self,
        caller: &Caller,
        building: &mut Building,
        mask: Option<&mut FieldMask>,
    ) -> Result<()> {
        let parts = building.grid_parts.iter().enumerate().filter(|_| says(mask.as_deref(), "grid_parts"));
        for (at, part) in parts {
            let place = self.buildings.place(caller, &part.area).await;
            caller.require(&place.map_err(within(format!("building.grid_parts[{at}].area")))?)?;
        }
        let point = building.point.filter(|_| says(mask.as_deref(), "point")).map(|point| (point, "building.point"));
        let outline = building.footprint.as_slice();
        let place = match point {
            None if says(mask.as_deref(), "footprint") && outline.len() >= 3 => {
                Some((middle(outline)?, "building.footprint"))
            }
            place => place,
        };
        if let Some((point, field)) = place
            && let Some(area) = self.locate(caller, point, field).await?
        {
            building.area = area;
            name_in(mask, "area");
        }
        Ok(())
    }

    /// A unit without an area of its own is where its part of the building is.
    pub(super) async fn place_unit(
        &self,
        caller: &Caller,
        unit: &mut Unit,
        mask: Option<&mut FieldMask>,
    ) -> Result<()> {
        if !unit.area.is_empty() && says(mask.as_deref(), "area") {
            unit.own_area = true;
            name_in(mask, "own_area");
        } else if !unit.building.is_empty() && says(mask.as_deref(), "building") {
            let building: Building =
                serving::get(&self.buildings, caller, &unit.building).map_err(missing("unit.building"))?;
            unit.area = area_of(&building, &unit.number, 0).to_owned();
            name_in(mask, "area");
        }
        Ok(())
    }

    /// A room without an area of its own is where its part of the building is.
    pub(super) async fn place_room(
        &self,
        caller: &Caller,
        room: &mut Room,
        mask: Option<&mut FieldMask>,
    ) -> Result<()> {
        let unit: Option<Unit> = match room.unit.as_str() {
            "" => None,
            name => Some(serving::get(&self.units, caller, name).map_err(missing("room.unit"))?),
        };
        if let Some(unit) = unit.as_ref().filter(|unit| !room.building.is_empty() && unit.building != room.building) {
            let message = format!("is a unit of {}, not of the building given", unit.building);
            return Err(Error::invalid("room.unit", message));
        }
        if !room.area.is_empty() && says(mask.as_deref(), "area") {
            room.own_area = true;
            name_in(mask, "own_area");
        } else if !room.building.is_empty() && says(mask.as_deref(), "building") {
            let building: Building =
                serving::get(&self.buildings, caller, &room.building).map_err(missing("room.building"))?;
            room.area = room_area(&building, room, unit.as_ref());
            name_in(mask, "area");
        }
        Ok(())
    }

    /// Brings the units and rooms of a building that have no area of their own to where its parts are now.
    pub(super) async fn take_along(&self, caller: &Caller, building: &Building) -> Result<()> {
        let id = self.buildings.get(caller, &building.name)?.id;
        let inside = self.index.ask(move |gazetteer| {
            let building = id.as_ref().try_into().ok().and_then(|id| gazetteer.handle(id));
            building.map(|building| gazetteer.inside(building)).unwrap_or_default()
        });
        let inside = inside.await?;
        for together in inside.chunks(TOGETHER) {
            try_join_all(together.iter().map(|&(kind, id)| self.follow(caller, building, kind, id))).await?;
        }
        Ok(())
    }

    /// Moves one unit or room to where it belongs, if it is not there.
    async fn follow(&self, caller: &Caller, building: &Building, kind: Kind, id: [u8; 16]) -> Result<()> {
        let id = base::Id::<base::name::Area>::from_bytes(id).to_string();
        let reason = format!("goes with {}", building.name);
        let mask = FieldMask { paths: vec!["area".to_owned()] };
        let by_hand =
            |method, message: &Room| serving::by_hand(method, message, "", SourceKind::Unspecified.into(), &reason);
        if kind == Kind::Unit {
            let mut unit: Unit = serving::get(&self.units, caller, &format!("units/{id}"))?;
            let area = area_of(building, &unit.number, 0);
            if !unit.own_area && unit.area != area {
                unit.area = area.to_owned();
                let (said, seen) = ((&unit, Some(&mask)), (unit.name.as_str(), unit.etag.as_str()));
                serving::update::<Unit>(&self.units, caller, said, seen, by_hand("UpdateUnit", &Room::default())?)
                    .await?;
            }
            return Ok(());
        }
        let mut room: Room = serving::get(&self.rooms, caller, &format!("rooms/{id}"))?;
        let unit: Option<Unit> = match room.unit.as_str() {
            "" => None,
            name => Some(serving::get(&self.units, caller, name)?),
        };
        let area = room_area(building, &room, unit.as_ref());
        if !room.own_area && room.area != area {
            room.area = area;
            let (said, seen) = ((&room, Some(&mask)), (room.name.as_str(), room.etag.as_str()));
            serving::update::<Room>(&self.rooms, caller, said, seen, by_hand("UpdateRoom", &room)?).await?;
        }
        Ok(())
    }

    /// The finest area at a point; none where it lies in no area.
    async fn locate(&self, caller: &Caller, point: Point, field: &str) -> Result<Option<String>> {
        let request = caller.forward(LocateRequest { point: Some(point), ..Default::default() });
        match self.grids.clone().locate(request).await.map_err(from_status) {
            Ok(location) => Ok(location.into_inner().chain.pop().map(|area| area.name)),
            Err(error) if error.kind() == Failure::Invalid => Err(error.violations().iter().fold(
                Error::new(Failure::Invalid, "INVALID_FIELDS", "the element has wrong fields"),
                |all, wrong| {
                    let inner = wrong.field.strip_prefix("point").unwrap_or_default();
                    let description = wrong.description.clone();
                    all.with_violation(base::Violation { field: format!("{field}{inner}"), description })
                },
            )),
            Err(error) => Err(error),
        }
    }
}

/// The micro-grid of a room of a building, if it has none of its own: its unit's own one, else that of the part.
fn room_area(building: &Building, room: &Room, unit: Option<&Unit>) -> String {
    match unit {
        Some(unit) if unit.own_area => unit.area.clone(),
        unit => {
            let number = unit.map_or("", |unit| unit.number.as_str());
            area_of(building, number, floor_of(room)).to_owned()
        }
    }
}

/// Whether a change says anything about a field: it is in the mask, or there is none.
fn says(mask: Option<&FieldMask>, field: &str) -> bool {
    mask.is_none_or(|mask| mask.paths.is_empty() || mask.paths.iter().any(|path| path == field))
}

/// Whether a change of a building says where it or a part of it is.
pub(super) fn said_place(building: &Building, mask: Option<&FieldMask>) -> bool {
    let named = |field| mask.is_some_and(|mask| mask.paths.iter().any(|path| path == field));
    let given = !building.area.is_empty() || !building.grid_parts.is_empty();
    let masked = mask.is_some_and(|mask| !mask.paths.is_empty());
    if masked { named("area") || named("grid_parts") } else { given }
}

/// Names a field in a mask that names any.
fn name_in(mask: Option<&mut FieldMask>, field: &str) {
    if let Some(mask) = mask.filter(|mask| !mask.paths.is_empty() && mask.paths.iter().all(|path| path != field)) {
        mask.paths.push(field.to_owned());
    }
}

/// What was wrong with a field called `area` is wrong with the field that the area came from.
fn within(field: String) -> impl FnOnce(Error) -> Error {
    move |error| match error.violations() {
        [wrong] if wrong.field == "area" => Error::invalid(field, wrong.description.clone()),
        _ => error,
    }
}

/// What is not there, or not for this caller, is a wrong field of the element that names it.
fn missing(field: &'static str) -> impl Fn(Error) -> Error {
    move |error| {
        if error.kind() == Failure::NotFound { Error::invalid(field, error.message().to_owned()) } else { error }
    }
}

/// A point inside an outline, in WGS-84.
fn middle(outline: &[Point]) -> Result<Point> {
    let wrong = |description: String| Error::invalid("building.footprint", description);
    let corner = |point: &Point| -> Result<[f64; 2]> {
        let datum = match point.datum() {
            NamedDatum::Wgs84 | NamedDatum::Cgcs2000 => Datum::Wgs84,
            NamedDatum::Gcj02 => Datum::Gcj02,
            NamedDatum::Bd09 => Datum::Bd09,
            NamedDatum::Unspecified => return Err(wrong("every corner must name its datum".to_owned())),
        };
        let position = datum::to_wgs84(datum, point.longitude_deg, point.latitude_deg);
        let position = position.map_err(|error| wrong(error.to_string()))?;
        Ok([position.longitude_deg(), position.latitude_deg()])
    };
    let mut ring = outline.iter().map(corner).collect::<Result<Vec<_>>>()?;
    if ring.first() != ring.last() {
        ring.extend(ring.first().copied());
    }
    let shape = Shape::new(vec![vec![ring]]).map_err(|error| wrong(error.to_string()))?;
    let inner = shape.inner_position().ok_or_else(|| wrong("must enclose some ground".to_owned()))?;
    Ok(Point {
        longitude_deg: inner.longitude_deg(),
        latitude_deg: inner.latitude_deg(),
        datum: NamedDatum::Wgs84.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(longitude_deg: f64, latitude_deg: f64, datum: NamedDatum) -> Point {
        Point { longitude_deg, latitude_deg, datum: datum.into() }
    }

    #[test]
    fn the_middle_of_an_outline_lies_inside_it() {
        let l_shape = [(0.0, 0.0), (4.0, 0.0), (4.0, 1.0), (1.0, 1.0), (1.0, 4.0), (0.0, 4.0)];
        let corner = |(x, y): (f64, f64)| point(118.0 + x / 1_000.0, 36.8 + y / 1_000.0, NamedDatum::Wgs84);
        let middle = middle(&l_shape.map(corner)).unwrap();
        let (x, y) = ((middle.longitude_deg - 118.0) * 1_000.0, (middle.latitude_deg - 36.8) * 1_000.0);
        assert!(
            (0.0..1.0).contains(&x) && (0.0..4.0).contains(&y) || (0.0..4.0).contains(&x) && (0.0..1.0).contains(&y)
        );
    }

    #[test]
    fn an_outline_without_a_datum_or_without_ground_is_refused() {
        let line = [(118.0, 36.8), (118.1, 36.8), (118.2, 36.8)];
        assert!(middle(&line.map(|(x, y)| point(x, y, NamedDatum::Unspecified))).is_err());
        assert!(middle(&line.map(|(x, y)| point(x, y, NamedDatum::Wgs84))).is_err());
    }

    #[test]
    fn a_mask_that_names_nothing_says_everything() {
        let mask = |paths: &[&str]| FieldMask { paths: paths.iter().map(|path| (*path).to_owned()).collect() };
        assert!(says(None, "area") && says(Some(&mask(&[])), "area") && says(Some(&mask(&["area"])), "area"));
        assert!(!says(Some(&mask(&["note"])), "area"));
        let mut named = mask(&["point"]);
        name_in(Some(&mut named), "area");
        assert_eq!(named.paths, ["point", "area"]);
    }
}
