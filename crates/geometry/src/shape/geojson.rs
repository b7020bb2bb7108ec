//! The text of a GeoJSON geometry, read and written.
//!
//! Read: `Polygon` and `MultiPolygon` (RFC 7946), alone or as the geometry of a `Feature`; a third number of a position
//! (height) is dropped. Written: the same two, WGS-84, with every digit. Not here: collections (`features`).

use base::{Error, Kind, Result, Violations};
use geojson::GeometryValue;

use super::{Shape, check_vertex_count};
use crate::Datum;
use crate::datum::point_to_wgs84;
use crate::exact::Point;
use crate::position::check_degrees;

/// Faults listed one by one before the rest are only counted.
const FAULTS_LISTED_MAX: usize = 20;

impl Shape {
    /// Reads the text of a GeoJSON `Polygon` or `MultiPolygon` whose numbers are degrees in `datum`.
    ///
    /// Errors: `BAD_GEOJSON` when the text is no such geometry, else as [`Shape::new`].
    pub fn from_geojson(text: &str, datum: Datum) -> Result<Self> {
        let parsed: geojson::GeoJson = text.parse().map_err(|cause: geojson::Error| not_geojson(&cause))?;
        match parsed {
            geojson::GeoJson::Geometry(geometry) => Self::from_value(geometry.value, datum),
            geojson::GeoJson::Feature(feature) => match feature.geometry {
                Some(geometry) => Self::from_value(geometry.value, datum),
                None => Err(bad("the feature has no geometry; a Polygon or a MultiPolygon is needed")),
            },
            geojson::GeoJson::FeatureCollection(_) => {
                Err(bad("this is a FeatureCollection; one Polygon or MultiPolygon is needed here"))
            }
        }
    }

    /// Writes the shape as GeoJSON text in WGS-84: a `Polygon` when it has exactly one, else a `MultiPolygon`.
    pub fn to_geojson(&self) -> String {
        let mut polygons: Vec<String> = self
            .polygons()
            .map(|rings| {
                let rings: Vec<String> = rings
                    .map(|ring| {
                        let points: Vec<String> = ring.iter().map(|[x, y]| format!("[{x},{y}]")).collect();
                        format!("[{}]", points.join(","))
                    })
                    .collect();
                format!("[{}]", rings.join(","))
            })
            .collect();
        if polygons.len() == 1 {
            let polygon = polygons.remove(0);
            return format!(r#"{{"type":"Polygon","coordinates":{polygon}}}"#);
        }
        format!(r#"{{"type":"MultiPolygon","coordinates":[{}]}}"#, polygons.join(","))
    }

    /// Makes a shape of a parsed geometry.
    pub(super) fn from_value(value: GeometryValue, datum: Datum) -> Result<Self> {
        let polygons = match value {
            GeometryValue::Polygon { coordinates } => vec![coordinates],
            GeometryValue::MultiPolygon { coordinates } => coordinates,
            other => {
                let found = other.type_name();
                return Err(bad(format!("the geometry is a {found}, but must be a Polygon or a MultiPolygon")));
            }
        };
        // The count comes first: nothing large is copied before it is known to be allowed.
        check_vertex_count(polygons.iter().flatten().map(|ring| ring.len().saturating_sub(1)).sum())?;
        if polygons.iter().flatten().flatten().any(|position| position.len() < 2) {
            return Err(bad("a position has fewer than two numbers; it needs longitude and latitude"));
        }
        let mut polygons: Vec<Vec<Vec<Point>>> = polygons
            .into_iter()
            .map(|rings| {
                let ring =
                    |ring: Vec<geojson::Position>| ring.iter().map(|position| [position[0], position[1]]).collect();
                rings.into_iter().map(ring).collect()
            })
            .collect();
        check_form(&polygons)?;
        for point in polygons.iter_mut().flatten().flatten() {
            *point = point_to_wgs84(datum, *point);
        }
        Ok(Self::assemble(polygons))
    }
}

/// Finds everything that keeps lists of numbers from being rings of degrees.
pub(super) fn check_form(polygons: &[Vec<Vec<Point>>]) -> Result<()> {
    let mut wrong = Violations::new();
    let mut faults = 0_usize;
    let mut add = |place: String, fault: String| {
        faults += 1;
        if faults <= FAULTS_LISTED_MAX {
            wrong.add(place, fault);
        }
    };
    for (p, rings) in polygons.iter().enumerate() {
        if rings.is_empty() {
            add(format!("coordinates[{p}]"), "has no ring; a polygon needs at least its exterior".into());
        }
        for (r, ring) in rings.iter().enumerate() {
            let place = format!("coordinates[{p}][{r}]");
            if ring.len() < 4 {
                let count = ring.len();
                add(
                    place.clone(),
                    format!("has {count} points; a ring needs at least 4, the last repeating the first"),
                );
            } else if ring.first() != ring.last() {
                add(place.clone(), "is not closed; its last point must repeat its first".into());
            }
            for (i, &[x, y]) in ring.iter().enumerate() {
                if let Err(error) = check_degrees(x, y) {
                    for violation in error.violations() {
                        add(format!("{place}[{i}]"), format!("{} {}", violation.field, violation.description));
                    }
                }
            }
            if let Some(i) = ring.windows(2).position(|edge| (edge[1][0] - edge[0][0]).abs() > 180.0) {
                let fault =
                    "has an edge longer than 180 degrees; cut a shape that crosses the antimeridian in two there";
                add(format!("{place}[{i}]"), fault.into());
            }
        }
    }
    if faults > FAULTS_LISTED_MAX {
        wrong.add("coordinates", format!("has {} more faults", faults - FAULTS_LISTED_MAX));
    }
    wrong.check()
}

fn bad(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(Kind::Invalid, "BAD_GEOJSON", message)
}

/// Says what the parser found, for a person who has only the text.
pub(super) fn not_geojson(cause: &geojson::Error) -> Error {
    bad(format!("the text is not a GeoJSON geometry: {cause}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Shape> {
        Shape::from_geojson(text, Datum::Wgs84)
    }

    #[test]
    fn a_polygon_and_a_multipolygon_come_back_as_written() {
        for text in [
            r#"{"type":"Polygon","coordinates":[[[120.1,23.2],[120.30000000000001,23.2],[120.2,23.4],[120.1,23.2]]]}"#,
            r#"{"type":"MultiPolygon","coordinates":[[[[1,2],[3,2],[2,4],[1,2]]],[[[5,6],[7,6],[6,8],[5,6]]]]}"#,
        ] {
            assert_eq!(read(text).unwrap().to_geojson(), text);
        }
    }

    #[test]
    fn a_height_is_dropped() {
        let shape = read(r#"{"type":"Polygon","coordinates":[[[0,0,5],[1,0,5],[0,1,5],[0,0,5]]]}"#).unwrap();
        assert_eq!(shape.to_geojson(), r#"{"type":"Polygon","coordinates":[[[0,0],[1,0],[0,1],[0,0]]]}"#);
    }

    #[test]
    fn other_datums_are_brought_to_wgs84() {
        let text = r#"{"type":"Polygon","coordinates":[[[117.5,34.8],[117.6,34.8],[117.5,34.9],[117.5,34.8]]]}"#;
        let shape = Shape::from_geojson(text, Datum::Gcj02).unwrap();
        let moved = (shape.bounds().low[0] - 117.5).abs() * 91_000.0;
        assert!((100.0..900.0).contains(&moved), "{moved} m");
    }

    #[test]
    fn each_fault_is_named_with_its_place() {
        let cases = [
            (r#"{"type":"Polygon","coordinates":[[[0,0],[1,0],[0,1],[0.5,0]]]}"#, "coordinates[0][0]: is not closed"),
            (r#"{"type":"Polygon","coordinates":[[[0,0],[1,0],[0,0]]]}"#, "has 3 points"),
            (r#"{"type":"Polygon","coordinates":[[[23,120],[24,120],[23,121],[23,120]]]}"#, "look swapped"),
            (r#"{"type":"Polygon","coordinates":[[[179,0],[-179,0],[-179,1],[179,0]]]}"#, "antimeridian"),
            (r#"{"type":"Polygon","coordinates":[]}"#, "has no ring"),
            (r#"{"type":"Point","coordinates":[1,2]}"#, "must be a Polygon or a MultiPolygon"),
            (r#"{"type":"Polygon","coordinates":[[[NaN,0],[1,0],[0,1],[0,0]]]}"#, "not a GeoJSON geometry"),
            (r#"{"type":"Polygon","coordinates":[[[1],[1,0],[0,1],[0,0]]]}"#, "fewer than two numbers"),
            ("", "not a GeoJSON geometry"),
        ];
        for (text, expected) in cases {
            let error = read(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{text} gave {error}");
        }
    }

    #[test]
    fn every_fault_is_reported_but_the_report_stays_short() {
        let ring: Vec<String> = (0..100).map(|_| "[500,0]".to_owned()).collect();
        let error = read(&format!(r#"{{"type":"Polygon","coordinates":[[{}]]}}"#, ring.join(","))).unwrap_err();
        assert_eq!(error.violations().len(), FAULTS_LISTED_MAX + 1);
    }
}
