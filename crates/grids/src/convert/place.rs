//! Places: points and datums as they come in, locations and boundaries as they go out.

use std::fmt::Write;

use api::grids::v1;
use base::{Error, Time, Violations, limits};
use geometry::{Datum, Position, Shape, datum};

use crate::convert::fields;

const DATUM_ADVICE: &str = "say DATUM_WGS84 for GNSS, photographs and GeoJSON, DATUM_CGCS2000 for Chinese surveys and \
     Tianditu, DATUM_GCJ02 for AMap, Tencent and WeChat, DATUM_BD09 for Baidu; a wrong one misses by up to 1.3 km";

/// Faults of one batch that are listed; a batch of another datum would list thousands.
const BATCH_FAULTS_MAX: usize = 20;

/// Reads the datum of an input.
pub(crate) fn read_datum(number: i32, field: &str, violations: &mut Violations) -> Option<Datum> {
    let known = v1::Datum::try_from(number);
    let given = fields::required_enum(number, known, &v1::Datum::Unspecified, field, DATUM_ADVICE, violations)?;
    match given {
        v1::Datum::Wgs84 => Some(Datum::Wgs84),
        v1::Datum::Cgcs2000 => Some(Datum::Cgcs2000),
        v1::Datum::Gcj02 => Some(Datum::Gcj02),
        v1::Datum::Bd09 => Some(Datum::Bd09),
        v1::Datum::Unspecified => None,
    }
}

/// Reads a point that must be there, in whatever datum it says.
pub(crate) fn read_point(point: Option<&v1::Point>, violations: &mut Violations) -> Option<Position> {
    let Some(point) = point else {
        violations.add("point", "must be set, with longitude_deg, latitude_deg and datum");
        return None;
    };
    let datum = read_datum(point.datum, "point.datum", violations);
    // Without a datum the numbers are still checked, so that the caller hears of everything at once.
    match datum::to_wgs84(datum.unwrap_or(Datum::Wgs84), point.longitude_deg, point.latitude_deg) {
        Ok(position) => datum.map(|_| position),
        Err(wrong) => {
            note(&wrong, "point.", "", violations);
            None
        }
    }
}

/// Reads how much of a location is asked for; never unspecified.
pub(crate) fn read_view(number: i32, violations: &mut Violations) -> Option<v1::LocationView> {
    match v1::LocationView::try_from(number) {
        Ok(v1::LocationView::Basic) => Some(v1::LocationView::Basic),
        Ok(v1::LocationView::Unspecified | v1::LocationView::Full) => Some(v1::LocationView::Full),
        Err(_) => {
            let what = format!("{number} is not known; say LOCATION_VIEW_FULL, LOCATION_VIEW_BASIC or nothing");
            violations.add("view", what);
            None
        }
    }
}

/// Reads the points of one message of a stream.
pub(crate) fn read_batch(request: &v1::LocateManyRequest, violations: &mut Violations) -> Option<Vec<Position>> {
    let (longitudes, latitudes) = (&request.longitude_deg, &request.latitude_deg);
    if longitudes.len() != latitudes.len() {
        violations.add(
            "latitude_deg",
            format!("has {} numbers, but `longitude_deg` has {}", latitudes.len(), longitudes.len()),
        );
        return None;
    }
    if longitudes.len() > limits::LOCATE_BATCH_MAX {
        let most = limits::LOCATE_BATCH_MAX;
        violations.add(
            "longitude_deg",
            format!("has {} points, but a message may have at most {most}; send several", longitudes.len()),
        );
        return None;
    }
    let datum = read_datum(request.datum, "datum", violations)?;
    let mut positions = Vec::with_capacity(longitudes.len());
    let mut faults = 0;
    for (number, (&longitude, &latitude)) in longitudes.iter().zip(latitudes).enumerate() {
        match datum::to_wgs84(datum, longitude, latitude) {
            Ok(position) => positions.push(position),
            Err(wrong) => {
                faults += 1;
                if faults <= BATCH_FAULTS_MAX {
                    note(&wrong, "", &format!("[{number}]"), violations);
                }
            }
        }
    }
    (faults == 0).then_some(positions)
}

/// Notes what is wrong with two numbers under the names they have in the request.
fn note(wrong: &Error, before: &str, after: &str, violations: &mut Violations) {
    for violation in wrong.violations() {
        violations.add(format!("{before}{}{after}", violation.field), violation.description.clone());
    }
}

/// What `Nearby` asks for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Around {
    pub(crate) position: Position,
    pub(crate) radius_m: f64,
    pub(crate) kind: Option<v1::AreaKind>,
    pub(crate) limit: usize,
}

/// Largest radius of `Nearby`, in metres.
const RADIUS_M_MAX: f64 = 100_000.0;

/// Reads a request for areas near a point.
pub(crate) fn read_nearby(request: &v1::NearbyRequest, violations: &mut Violations) -> Option<Around> {
    let position = read_point(request.point.as_ref(), violations);
    let radius_m = request.radius_m;
    // Written so that NaN is refused too.
    let radius_fits = radius_m > 0.0 && radius_m <= RADIUS_M_MAX;
    if !radius_fits {
        violations.add("radius_m", format!("is {radius_m}, but must be more than 0 and at most {RADIUS_M_MAX}"));
    }
    let kind = super::area::read_kind_filter(request.kind, violations);
    let limit = match usize::try_from(request.limit) {
        Ok(0) => Some(limits::PAGE_SIZE_DEFAULT),
        Ok(limit) => Some(limit.min(limits::PAGE_SIZE_MAX)),
        Err(_) => {
            violations.add("limit", "must not be negative; 0 asks for the default");
            None
        }
    };
    Some(Around { position: position?, radius_m: radius_fits.then_some(radius_m)?, kind: kind?, limit: limit? })
}

/// Reads the moment whose boundaries are asked for: `Some(None)` for now.
pub(crate) fn read_as_of(
    timestamp: Option<&prost_types::Timestamp>,
    violations: &mut Violations,
) -> Option<Option<Time>> {
    fields::time(timestamp, "as_of", violations)
}

/// A position as clients see it.
pub(crate) fn write_point(position: Position) -> v1::Point {
    v1::Point {
        longitude_deg: position.longitude_deg(),
        latitude_deg: position.latitude_deg(),
        datum: v1::Datum::Wgs84.into(),
    }
}

/// How a point was decided, as clients see it.
pub(crate) fn write_decided_by(decided_by: geometry::DecidedBy) -> v1::DecidedBy {
    match decided_by {
        geometry::DecidedBy::Inside => v1::DecidedBy::Inside,
        geometry::DecidedBy::Border => v1::DecidedBy::Border,
        geometry::DecidedBy::Overlap => v1::DecidedBy::Overlap,
        geometry::DecidedBy::Exclusive => v1::DecidedBy::Exclusive,
        geometry::DecidedBy::Outside => v1::DecidedBy::NearestOutside,
    }
}

/// A shape as GeoJSON text in a datum, always a MultiPolygon. WGS-84 numbers are written as they came in, to the last
/// digit; others to 1e-9 degrees, a tenth of a millimetre.
pub(crate) fn write_geojson(shape: &Shape, datum: Datum) -> String {
    let mut text = String::with_capacity(64 + shape.vertex_count() * 40);
    text.push_str(r#"{"type":"MultiPolygon","coordinates":["#);
    for (number, polygon) in shape.polygons().enumerate() {
        text.push_str(if number == 0 { "[" } else { ",[" });
        for (number, ring) in polygon.enumerate() {
            text.push_str(if number == 0 { "[" } else { ",[" });
            for (number, &[longitude, latitude]) in ring.iter().enumerate() {
                if number > 0 {
                    text.push(',');
                }
                write_position(&mut text, longitude, latitude, datum);
            }
            text.push(']');
        }
        text.push(']');
    }
    text.push_str("]}");
    text
}

fn write_position(text: &mut String, longitude: f64, latitude: f64, datum: Datum) {
    let shifted = matches!(datum, Datum::Gcj02 | Datum::Bd09);
    // A stored shape holds nothing but positions, so this never falls back.
    let written = match Position::new(longitude, latitude) {
        Ok(position) if shifted => {
            let (longitude, latitude) = datum::from_wgs84(datum, position);
            write!(text, "[{longitude:.9},{latitude:.9}]")
        }
        _ => write!(text, "[{longitude},{latitude}]"),
    };
    debug_assert!(written.is_ok(), "a String takes every text");
}
