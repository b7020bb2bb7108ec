//! A reader of GeoJSON `FeatureCollection`s that holds one feature at a time.
//!
//! Not here: what the properties mean; the importer names which of them are codes and names.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Read;

use base::{Error, Kind, Result};
use serde::de::{DeserializeSeed, Deserializer as _, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::Shape;
use crate::Datum;

/// One feature of a collection.
pub struct Feature {
    /// Its place in the file, counted from 0.
    pub index: usize,
    /// Its properties by name. A JSON string gives its text, `null` is left out, anything else gives its JSON text.
    pub properties: BTreeMap<String, String>,
    geometry: Option<geojson::GeometryValue>,
}

impl Feature {
    /// The boundary, its numbers read as degrees in `datum`; a feature without geometry gives the empty shape.
    ///
    /// Errors: as [`Shape::from_geojson`], with the feature's index as metadata.
    pub fn shape(&self, datum: Datum) -> Result<Shape> {
        let Some(geometry) = self.geometry.clone() else { return Shape::new(Vec::new()) };
        Shape::from_value(geometry, datum).map_err(|error| error.with("feature", self.index))
    }

    /// The geometry as GeoJSON text in the datum of the file; none when the feature has none.
    pub fn geometry_text(&self) -> Option<String> {
        self.geometry.clone().map(|geometry| geojson::Geometry::new(geometry).to_string())
    }
}

/// Reads a `FeatureCollection` and hands each feature to `visit`, in order, as it arrives; answers how many there were.
/// Members of the collection other than `features` are passed over.
///
/// Errors: `BAD_GEOJSON` with the line and column for text that is not a `FeatureCollection`; any error of `visit`
/// ends the reading and is returned as it is.
pub fn read_features(reader: impl Read, mut visit: impl FnMut(Feature) -> Result<()>) -> Result<usize> {
    let mut collection = Collection { visit: &mut visit, count: None, refused: None };
    let mut json = serde_json::Deserializer::from_reader(std::io::BufReader::new(reader));
    let outcome = json.deserialize_map(&mut collection).and_then(|()| json.end());
    if let Some(refused) = collection.refused {
        return Err(refused);
    }
    outcome.map_err(|cause| {
        let message = format!("the text is not a GeoJSON FeatureCollection: {cause}");
        Error::new(Kind::Invalid, "BAD_GEOJSON", message).with("line", cause.line()).with("column", cause.column())
    })?;
    let missing =
        || Error::new(Kind::Invalid, "BAD_GEOJSON", "the text has no \"features\": it is no FeatureCollection");
    collection.count.ok_or_else(missing)
}

/// The walk through the collection: where features go, how many came, and why the visitor stopped it.
struct Collection<'a> {
    visit: &'a mut dyn FnMut(Feature) -> Result<()>,
    count: Option<usize>,
    refused: Option<Error>,
}

impl<'de> Visitor<'de> for &mut Collection<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a FeatureCollection")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<(), M::Error> {
        while let Some(key) = map.next_key::<String>()? {
            if key == "features" {
                map.next_value_seed(Features(self))?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

/// The list of features inside the collection.
struct Features<'a, 'b>(&'a mut Collection<'b>);

impl<'de> DeserializeSeed<'de> for Features<'_, '_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Features<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of features")
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut list: S) -> Result<(), S::Error> {
        let collection = self.0;
        let mut index = collection.count.unwrap_or(0);
        collection.count = Some(index);
        while let Some(feature) = list.next_element::<geojson::Feature>()? {
            let properties = feature.properties.unwrap_or_default().into_iter().filter_map(plain_text).collect();
            let geometry = feature.geometry.map(|geometry| geometry.value);
            if let Err(refused) = (collection.visit)(Feature { index, properties, geometry }) {
                collection.refused = Some(refused);
                return Err(serde::de::Error::custom("the reader was told to stop"));
            }
            index += 1;
            collection.count = Some(index);
        }
        Ok(())
    }
}

fn plain_text((name, value): (String, serde_json::Value)) -> Option<(String, String)> {
    match value {
        serde_json::Value::Null => None,
        serde_json::Value::String(text) => Some((name, text)),
        other => Some((name, other.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"{"type":"FeatureCollection","bbox":[0,0,1,1],"features":[
        {"type":"Feature","properties":{"code":"370404001001","households":312,"note":null},
         "geometry":{"type":"Polygon","coordinates":[[[0,0],[1,0],[0,1],[0,0]]]}},
        {"type":"Feature","properties":null,"geometry":null}]}"#;

    #[test]
    fn features_arrive_one_by_one_with_their_properties_as_text() {
        let mut seen = Vec::new();
        let count = read_features(TEXT.as_bytes(), |feature| {
            seen.push((feature.properties.clone(), feature.shape(Datum::Wgs84)?.vertex_count()));
            Ok(())
        });
        assert_eq!(count.unwrap(), 2);
        assert_eq!(seen[0].0.get("code").map(String::as_str), Some("370404001001"));
        assert_eq!(seen[0].0.get("households").map(String::as_str), Some("312"));
        assert!(!seen[0].0.contains_key("note"));
        assert_eq!((seen[0].1, seen[1].1), (3, 0));
    }

    #[test]
    fn the_visitor_can_stop_the_reading_with_its_own_error() {
        let stopped = read_features(TEXT.as_bytes(), |_| Err(Error::not_found("areas/x")));
        assert_eq!(stopped.unwrap_err().reason(), "NOT_FOUND");
    }

    #[test]
    fn text_that_is_no_collection_is_refused_with_its_place() {
        for text in ["", "[]", r#"{"type":"Feature"}"#, r#"{"features":[{"type":"Feature"},]}"#, r#"{"features":7}"#] {
            let error = read_features(text.as_bytes(), |_| Ok(())).unwrap_err();
            assert_eq!(error.reason(), "BAD_GEOJSON", "{text}");
        }
    }
}
