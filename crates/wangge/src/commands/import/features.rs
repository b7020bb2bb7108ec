//! What a file of boundaries holds: the areas of every level, and one boundary for each of the finest.
//!
//! The file is read twice, so that memory holds the areas and never all boundaries: once for the areas and every fault
//! of the file, once more for the boundaries as they are sent.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use base::{Error, Kind, Result, Violations, limits};
use geometry::{Datum, Feature, read_features};
use indicatif::ProgressBar;
use serde_json::Value;

use super::levels::Level;

/// Faults of the file that are listed one by one.
const FAULTS_LISTED_MAX: usize = 20;
/// What some programs put before a text in UTF-8.
const BYTE_ORDER_MARK: [u8; 3] = [0xef, 0xbb, 0xbf];

/// One area as the file describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Described {
    /// Its code.
    pub(super) code: String,
    /// Its name.
    pub(super) name: String,
    /// Place of its parent in the level above; none in the first level.
    pub(super) parent: Option<usize>,
    /// Features that are pieces of it; counted on the finest level only.
    pub(super) pieces: usize,
}

/// Everything a file says about areas, level by level, coarsest first, in the order of the file.
#[derive(Clone, Debug, Default)]
pub(super) struct Contents {
    /// The areas of each level.
    pub(super) levels: Vec<Vec<Described>>,
    /// Features in the file.
    pub(super) feature_count: usize,
}

impl Contents {
    /// Areas of all levels.
    pub(super) fn area_count(&self) -> usize {
        self.levels.iter().map(Vec::len).sum()
    }

    /// The areas that have a boundary.
    pub(super) fn finest(&self) -> &[Described] {
        self.levels.last().map_or(&[], Vec::as_slice)
    }
}

/// Reads the areas of a file, and checks everything that can be seen without a server: that every feature has its codes,
/// that areas with one code agree in name and parent, and that coordinates are degrees of polygons.
///
/// Errors: `FILE` when it cannot be read, `BAD_GEOJSON`, `FILE_CONTENT` with every fault (the first few by name).
pub(super) fn read(file: &Path, levels: &[Level], datum: Datum, bar: &ProgressBar) -> Result<Contents> {
    let mut reading = Reading::new(levels);
    let feature_count = read_features(bar.wrap_read(open(file)?), |feature| {
        reading.feature(&feature);
        if let Err(error) = feature.shape(datum) {
            reading.fault(&feature, "geometry", &error.to_string());
        }
        Ok(())
    });
    let feature_count = feature_count.map_err(|error| {
        let message = format!("{}: {}", file.display(), error.message());
        error.saying(message)
    })?;
    reading.finish(feature_count)
}

/// Reads the boundaries of a file again and hands each to `visit` with the place of its area among the finest: GeoJSON
/// text as in the file, all pieces of an area together. A boundary comes when its last piece has come.
pub(super) fn read_boundaries(
    file: &Path,
    levels: &[Level],
    contents: &Contents,
    mut visit: impl FnMut(usize, String) -> Result<()>,
) -> Result<()> {
    let places: HashMap<&str, usize> =
        contents.finest().iter().enumerate().map(|(place, area)| (area.code.as_str(), place)).collect();
    let changed = || Error::new(Kind::Conflict, "FILE_CHANGED", "the file changed while it was read");
    let mut waiting: HashMap<usize, Vec<String>> = HashMap::new();
    let finest = levels.last().ok_or_else(changed)?;
    read_features(open(file)?, |feature| {
        let code = text(&feature, &finest.code_property).ok_or_else(changed)?;
        let place = *places.get(code).ok_or_else(changed)?;
        let Some(geometry) = feature.geometry_text() else { return Ok(()) };
        let pieces = waiting.entry(place).or_default();
        pieces.push(geometry);
        if pieces.len() < contents.finest()[place].pieces {
            return Ok(());
        }
        let pieces = waiting.remove(&place).unwrap_or_default();
        visit(place, merge(pieces)?)
    })?;
    Ok(())
}

/// The text of a file, without the byte order mark that some programs put before it.
fn open(file: &Path) -> Result<impl Read> {
    let unreadable = |cause: io::Error| {
        Error::new(Kind::Invalid, "FILE", format!("the file {} cannot be read: {cause}", file.display()))
    };
    let mut text = File::open(file).map_err(unreadable)?;
    let mut head = Vec::new();
    text.by_ref().take(BYTE_ORDER_MARK.len() as u64).read_to_end(&mut head).map_err(unreadable)?;
    if head == BYTE_ORDER_MARK {
        head.clear();
    }
    Ok(io::Cursor::new(head).chain(text))
}

/// The text of a property, without spaces around it; none when there is nothing in it.
fn text<'a>(feature: &'a Feature, property: &str) -> Option<&'a str> {
    feature.properties.get(property).map(|text| text.trim()).filter(|text| !text.is_empty())
}

/// One geometry of several pieces: a MultiPolygon of all their polygons. One piece stays as it is.
fn merge(mut pieces: Vec<String>) -> Result<String> {
    if pieces.len() == 1 {
        return Ok(pieces.swap_remove(0));
    }
    let unreadable = |cause: serde_json::Error| Error::internal("a geometry cannot be read again").caused_by(cause);
    let mut polygons = Vec::new();
    for piece in &pieces {
        let mut geometry: Value = serde_json::from_str(piece).map_err(unreadable)?;
        let is_several = geometry["type"] == "MultiPolygon";
        match geometry["coordinates"].take() {
            Value::Array(several) if is_several => polygons.extend(several),
            one => polygons.push(one),
        }
    }
    Ok(serde_json::json!({ "type": "MultiPolygon", "coordinates": polygons }).to_string())
}

/// The first reading of a file.
struct Reading<'a> {
    levels: &'a [Level],
    contents: Contents,
    /// For each level the place of the area with a code.
    places: Vec<HashMap<String, usize>>,
    violations: Violations,
    fault_count: usize,
}

impl<'a> Reading<'a> {
    fn new(levels: &'a [Level]) -> Self {
        let contents = Contents { levels: vec![Vec::new(); levels.len()], ..Contents::default() };
        let places = vec![HashMap::new(); levels.len()];
        Self { levels, contents, places, violations: Violations::new(), fault_count: 0 }
    }

    /// Notes the areas that a feature lies in, from the coarsest to its own.
    fn feature(&mut self, feature: &Feature) {
        let mut parent = None;
        for number in 0..self.levels.len() {
            let level = &self.levels[number];
            let Some(code) = text(feature, &level.code_property) else {
                let has: Vec<&str> = feature.properties.keys().map(String::as_str).collect();
                let fault = format!("has no {:?}; its properties are {}", level.code_property, has.join(", "));
                return self.fault(feature, "properties", &fault);
            };
            let name = level.name_property.as_ref().map_or(Some(code), |property| text(feature, property));
            let Some(name) = name else {
                let property = level.name_property.clone().unwrap_or_default();
                return self.fault(feature, "properties", &format!("has no {property:?}, which holds the name"));
            };
            let area = Described { code: code.to_owned(), name: name.to_owned(), parent, pieces: 0 };
            parent = Some(self.area(feature, number, area));
        }
        if let (Some(place), Some(finest)) = (parent, self.contents.levels.last_mut()) {
            finest[place].pieces += usize::from(feature.geometry_text().is_some());
        }
    }

    /// The place of an area in its level; it is made when its code is new, and must agree with what came before.
    fn area(&mut self, feature: &Feature, level: usize, area: Described) -> usize {
        let Some(&place) = self.places[level].get(&area.code) else {
            let place = self.contents.levels[level].len();
            self.places[level].insert(area.code.clone(), place);
            let length = area.name.chars().count();
            if length > limits::AREA_NAME_CHARS_MAX {
                let most = limits::AREA_NAME_CHARS_MAX;
                let fault = format!("gives code {} a name of {length} characters; at most {most} fit", area.code);
                self.fault(feature, "properties", &fault);
            }
            self.contents.levels[level].push(area);
            return place;
        };
        let before = &self.contents.levels[level][place];
        if before.name != area.name {
            let fault =
                format!("gives code {} the name {}, and a feature before it {}", area.code, area.name, before.name);
            self.fault(feature, "properties", &fault);
        } else if before.parent != area.parent {
            let above = |parent: Option<usize>| parent.map(|place| self.contents.levels[level - 1][place].code.clone());
            let (here, there) = (above(area.parent).unwrap_or_default(), above(before.parent).unwrap_or_default());
            let fault = format!("puts {} {} into {here}, and a feature before it into {there}", area.code, area.name);
            self.fault(feature, "properties", &fault);
        }
        place
    }

    fn fault(&mut self, feature: &Feature, member: &str, fault: &str) {
        self.fault_count += 1;
        if self.fault_count <= FAULTS_LISTED_MAX {
            self.violations.add(format!("features[{}].{member}", feature.index), fault);
        }
    }

    fn finish(mut self, feature_count: usize) -> Result<Contents> {
        if feature_count == 0 {
            return Err(Error::new(Kind::Invalid, "FILE_CONTENT", "the file holds no feature"));
        }
        if self.fault_count > FAULTS_LISTED_MAX {
            self.violations.add("features", format!("{} more faults", self.fault_count - FAULTS_LISTED_MAX));
        }
        let message = format!("{} of {feature_count} features of the file are wrong", self.fault_count);
        self.violations.check().map_err(|error| {
            let whole = Error::new(Kind::Invalid, "FILE_CONTENT", message);
            error.violations().iter().fold(whole, |whole, violation| whole.with_violation(violation.clone()))
        })?;
        Ok(Contents { feature_count, ..self.contents })
    }
}

#[cfg(test)]
mod tests {
    use super::super::levels;
    use super::*;

    fn file(features: &[(&str, &str)]) -> tempfile::NamedTempFile {
        let features: Vec<String> = features
            .iter()
            .map(|(properties, rings)| {
                format!(r#"{{"type":"Feature","properties":{properties},"geometry":{{"type":"Polygon","coordinates":{rings}}}}}"#)
            })
            .collect();
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), format!(r#"{{"type":"FeatureCollection","features":[{}]}}"#, features.join(",")))
            .unwrap();
        file
    }

    fn two_levels() -> Vec<Level> {
        ["community:C:CN", "micro-grid:V:VN"].map(|text| levels::parse(text).unwrap()).to_vec()
    }

    fn contents(file: &tempfile::NamedTempFile) -> Result<Contents> {
        read(file.path(), &two_levels(), Datum::Wgs84, &ProgressBar::hidden())
    }

    const WEST: &str = "[[[0,0],[1,0],[1,1],[0,0]]]";
    const EAST: &str = "[[[5,0],[6,0],[6,1],[5,0]]]";

    #[test]
    fn areas_of_every_level_are_found_with_their_parents() {
        let file = file(&[
            (r#"{"C":"1","CN":"东","V":"11","VN":"甲"}"#, WEST),
            (r#"{"C":"1","CN":"东","V":12,"VN":"乙"}"#, EAST),
            (r#"{"C":"2","CN":"西","V":"21","VN":"丙"}"#, EAST),
        ]);
        let contents = contents(&file).unwrap();
        assert_eq!((contents.area_count(), contents.feature_count), (5, 3));
        assert_eq!(contents.finest()[1].code, "12", "a number is as good as a text");
        assert_eq!(contents.finest()[2].parent, Some(1));
    }

    #[test]
    fn a_long_name_is_kept_whole_and_one_that_does_not_fit_is_refused_with_its_place() {
        let named = |length: usize| {
            let row = format!(r#"{{"C":"1","CN":"东","V":"11","VN":"{}"}}"#, "长".repeat(length));
            contents(&file(&[(&row, WEST)]))
        };
        assert_eq!(named(200).unwrap().finest()[0].name, "长".repeat(200));
        let error = named(201).unwrap_err().to_string();
        assert!(
            error.contains("features[0].properties: gives code 11 a name of 201 characters; at most 200"),
            "{error}"
        );
    }

    #[test]
    fn a_file_of_another_kind_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "lon,lat\n").unwrap();
        let error = contents(&file).unwrap_err();
        assert!(
            error.message().contains(file.path().to_str().unwrap()) && error.reason() == "BAD_GEOJSON",
            "{error:?}"
        );
    }

    #[test]
    fn a_byte_order_mark_before_the_text_is_no_part_of_it() {
        let file = file(&[(r#"{"C":"1","CN":"东","V":"11","VN":"甲"}"#, WEST)]);
        let text = std::fs::read(file.path()).unwrap();
        std::fs::write(file.path(), [&b"\xef\xbb\xbf"[..], &text].concat()).unwrap();
        assert_eq!(contents(&file).unwrap().feature_count, 1);
    }

    #[test]
    fn features_that_agree_are_pieces_of_one_area() {
        let row = r#"{"C":"1","CN":"东","V":"11","VN":"甲"}"#;
        let file = file(&[(row, WEST), (row, EAST)]);
        let contents = contents(&file).unwrap();
        assert_eq!((contents.finest().len(), contents.finest()[0].pieces), (1, 2));
        let mut boundaries = Vec::new();
        let visit = |place, text| {
            boundaries.push((place, text));
            Ok(())
        };
        read_boundaries(file.path(), &two_levels(), &contents, visit).unwrap();
        assert_eq!(boundaries.len(), 1);
        let shape = geometry::Shape::from_geojson(&boundaries[0].1, Datum::Wgs84).unwrap();
        assert_eq!(shape.polygon_count(), 2);
    }

    #[test]
    fn features_that_do_not_agree_are_named() {
        let file = file(&[
            (r#"{"C":"1","CN":"东","V":"11","VN":"甲"}"#, WEST),
            (r#"{"C":"1","CN":"东","V":"11","VN":"乙"}"#, EAST),
            (r#"{"C":"2","CN":"西","V":"11","VN":"甲"}"#, EAST),
            (r#"{"C":"2","CN":"西","VN":"甲"}"#, EAST),
            (r#"{"C":"2","CN":"西","V":"22","VN":"丁"}"#, "[[[0,0],[999,0],[1,1],[0,0]]]"),
        ]);
        let error = contents(&file).unwrap_err();
        let text = error.to_string();
        assert_eq!((error.reason(), error.violations().len()), ("FILE_CONTENT", 4), "{text}");
        assert!(text.contains("features[1].properties: gives code 11 the name 乙"), "{text}");
        assert!(text.contains("features[2].properties: puts 11 甲 into 2"), "{text}");
        assert!(text.contains("features[3].properties: has no \"V\"; its properties are C, CN, VN"), "{text}");
        assert!(text.contains("features[4].geometry"), "{text}");
    }
}
