//! The files that `wangge generate` writes. Their bytes depend on the seed alone.
//!
//! Not here: what they say, which is the other modules' of this folder.

use std::fs;
use std::path::Path;

use api::events::v1::{Channel, Urgency};
use api::grids::v1::AreaKind;
use api::staff::v1::{Post, PrincipalKind};
use base::{Error, Kind, Result};
use serde_json::{Map, Value, json};

use super::Subdistrict;
use super::areas::Area;
use super::day::{Caller, Incident};

/// Writes all files into a directory, which is made when missing.
pub(super) fn write(directory: &Path, subdistrict: &Subdistrict, incidents: &[Incident]) -> Result<()> {
    fs::create_dir_all(directory).map_err(|cause| unwritable(directory, cause))?;
    let files = [
        ("boundaries.geojson", boundaries(&subdistrict.areas, AreaKind::MicroGrid)?),
        ("exclusive-grids.geojson", boundaries(&subdistrict.areas, AreaKind::ExclusiveGrid)?),
        ("base-grids.geojson", boundaries(&subdistrict.areas, AreaKind::BaseGrid)?),
        ("communities.geojson", boundaries(&subdistrict.areas, AreaKind::Community)?),
        ("areas.csv", area_rows(&subdistrict.areas)?),
        ("staff.csv", staff_rows(subdistrict)?),
        ("events.ndjson", event_lines(subdistrict, incidents)),
    ];
    for (name, bytes) in files {
        let path = directory.join(name);
        fs::write(&path, bytes).map_err(|cause| unwritable(&path, cause))?;
    }
    Ok(())
}

/// A file or directory that cannot be written.
pub(super) fn unwritable(path: &Path, cause: impl std::fmt::Display) -> Error {
    Error::new(Kind::Invalid, "GENERATE_OUTPUT", format!("{} cannot be written: {cause}", path.display()))
}

/// One feature per area of a kind; each bears the codes and names of the areas above, so that `wangge import
/// boundaries` can make the tree from it.
fn boundaries(areas: &[Area], kind: AreaKind) -> Result<Vec<u8>> {
    let mut lines = Vec::new();
    for (index, area) in areas.iter().enumerate().filter(|(_, area)| area.kind == kind) {
        let Some(shape) = &area.shape else { continue };
        let geometry: Value = serde_json::from_str(&shape.to_geojson())
            .map_err(|cause| Error::internal("a generated border is no GeoJSON").caused_by(cause))?;
        let mut properties = Map::new();
        properties.insert("kind".to_owned(), json!(kind_word(area.kind)));
        for above in std::iter::successors(Some(index), |index| areas[*index].parent) {
            let word = kind_word(areas[above].kind).replace('-', "_");
            properties.insert(format!("{word}_code"), json!(areas[above].code));
            properties.insert(format!("{word}_name"), json!(areas[above].name));
        }
        properties.insert("households".to_owned(), json!(area.households));
        lines.push(json!({ "type": "Feature", "properties": properties, "geometry": geometry }).to_string());
    }
    let note =
        "Made up by `wangge generate`: only the names and codes of 坛山街道 and its communities are real. WGS-84.";
    let head = format!("{{\"type\":\"FeatureCollection\",\"description\":{},\"features\":[\n", json!(note));
    Ok(format!("{head}{}\n]}}\n", lines.join(",\n")).into_bytes())
}

fn area_rows(areas: &[Area]) -> Result<Vec<u8>> {
    table(
        &["kind", "scheme", "code", "name", "parent_code", "households"],
        areas.iter().map(|area| {
            let parent = area.parent.map(|parent| areas[parent].code.clone()).unwrap_or_default();
            let kind = kind_word(area.kind);
            vec![
                kind,
                area.scheme.to_owned(),
                area.code.clone(),
                area.name.clone(),
                parent,
                area.households.to_string(),
            ]
        }),
    )
}

/// One row per person: the post with its area, the areas in the person's charge, and those where the person stands in.
fn staff_rows(subdistrict: &Subdistrict) -> Result<Vec<u8>> {
    let (areas, staff) = (&subdistrict.areas, &subdistrict.staff);
    let codes =
        |indices: Vec<usize>| indices.into_iter().map(|index| areas[index].code.as_str()).collect::<Vec<_>>().join(";");
    table(
        &["number", "kind", "name", "phone", "post", "area_code", "in_charge_of", "stands_in_for", "away"],
        staff.people.iter().enumerate().map(|(index, person)| {
            let charges = staff.charges.iter().filter(|charge| charge.worker == index).map(|charge| charge.area);
            let stand_ins =
                staff.charges.iter().filter(|charge| charge.stand_in == Some(index)).map(|charge| charge.area);
            vec![
                person.number.clone(),
                if person.kind == PrincipalKind::Person { "person" } else { "service" }.to_owned(),
                person.name.clone(),
                person.phone.clone(),
                post_word(person.post),
                areas[person.area].code.clone(),
                codes(charges.collect()),
                codes(stand_ins.collect()),
                person.away.to_string(),
            ]
        }),
    )
}

/// One JSON object per report, in the order of the day, with the names of ReportEventRequest where they fit.
fn event_lines(subdistrict: &Subdistrict, incidents: &[Incident]) -> Vec<u8> {
    let mut text = String::new();
    for incident in incidents {
        let caller = match incident.caller {
            Caller::Person(person) => person,
            Caller::Program(program) => subdistrict.staff.program(program),
        };
        let point = incident.point.map(|(longitude, latitude, datum)| {
            json!({ "longitude_deg": longitude, "latitude_deg": latitude, "datum": datum.name() })
        });
        let teller = incident.teller.as_ref().map(|(name, phone)| json!({ "display_name": name, "phone": phone }));
        let line = json!({
            "report_time": incident.at.to_string(),
            "occur_time": incident.occurred.to_string(),
            "caller": subdistrict.staff.people[caller].number,
            "channel": Channel::as_str_name(&incident.channel),
            "channel_number": incident.channel_number,
            "category": incident.category,
            "urgency": Urgency::as_str_name(&incident.urgency),
            "text": incident.text,
            "address": incident.address,
            "area_code": subdistrict.areas[incident.area].code,
            "point": point,
            "reporter": teller,
        });
        text.push_str(&line.to_string());
        text.push('\n');
    }
    text.into_bytes()
}

fn table(head: &[&str], rows: impl Iterator<Item = Vec<String>>) -> Result<Vec<u8>> {
    let failed = |cause: csv::Error| Error::internal("a row of a generated table cannot be written").caused_by(cause);
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(head).map_err(failed)?;
    for row in rows {
        writer.write_record(row).map_err(failed)?;
    }
    writer
        .into_inner()
        .map_err(|cause| Error::internal("a generated table cannot be closed").caused_by(cause.to_string()))
}

/// As the command line says it: `micro-grid`.
fn kind_word(kind: AreaKind) -> String {
    word(kind.as_str_name(), "AREA_KIND_")
}

/// As the command line says it: `grid-leader`.
fn post_word(post: Post) -> String {
    word(post.as_str_name(), "POST_")
}

fn word(name: &str, prefix: &str) -> String {
    name.strip_prefix(prefix).unwrap_or(name).to_lowercase().replace('_', "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(seed: u64) -> Vec<Vec<u8>> {
        let subdistrict = Subdistrict::generate(seed).unwrap();
        let incidents = subdistrict.day(seed).unwrap();
        vec![
            boundaries(&subdistrict.areas, AreaKind::MicroGrid).unwrap(),
            boundaries(&subdistrict.areas, AreaKind::ExclusiveGrid).unwrap(),
            area_rows(&subdistrict.areas).unwrap(),
            staff_rows(&subdistrict).unwrap(),
            event_lines(&subdistrict, &incidents),
        ]
    }

    #[test]
    fn the_same_seed_writes_the_same_bytes_and_another_seed_others() {
        let (first, again, other) = (bytes(1), bytes(1), bytes(2));
        assert_eq!(first, again);
        for (file, another) in first.iter().zip(&other) {
            assert_ne!(file, another);
        }
    }

    #[test]
    fn every_border_is_read_back_with_its_codes() {
        let subdistrict = Subdistrict::generate(1).unwrap();
        for (kind, count) in [(AreaKind::Community, 20), (AreaKind::BaseGrid, 80), (AreaKind::MicroGrid, 352)] {
            let text = boundaries(&subdistrict.areas, kind).unwrap();
            let own_code = kind_word(kind).replace('-', "_") + "_code";
            let read = geometry::read_features(text.as_slice(), |feature| {
                assert!(!feature.shape(geometry::Datum::Wgs84)?.is_empty());
                assert_eq!(feature.properties["kind"], kind_word(kind));
                assert!(feature.properties[&own_code].starts_with(&feature.properties["community_code"]));
                Ok(())
            });
            assert_eq!(read.unwrap(), count);
        }
    }
}
