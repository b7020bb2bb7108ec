//! Real boundaries: the 649 villages of Tainan, and the neighbourhood councils of Los Angeles that really overlap.
//!
//! The files lie outside the repository; `shared_data` says where, and what happens without them.

use std::collections::BTreeSet;

use api::grids::v1::{AreaKind, AreaSpec, BoundaryUpload, DecidedBy, FindingKind, ReleaseState};
use geometry::{Datum, Feature, Position, Shape, read_features};

use super::{House, code};

#[path = "../../../../tests/support/shared_data.rs"]
#[allow(unreachable_pub)]
mod shared_data;

fn features(file: &str) -> Option<Vec<Feature>> {
    let opened = std::fs::File::open(shared_data::data(file)?).unwrap();
    let mut features = Vec::new();
    let gather = |feature| {
        features.push(feature);
        Ok(())
    };
    read_features(opened, gather).unwrap();
    Some(features)
}

fn area(kind: AreaKind, code_text: &str, name: &str, parent_code: &str) -> AreaSpec {
    AreaSpec {
        kind: kind.into(),
        codes: vec![code(code_text)],
        display_name: name.to_owned(),
        parent_code: parent_code.to_owned(),
        ..AreaSpec::default()
    }
}

/// Imports the three levels of Tainan as a county, its towns and their villages; answers the county's name.
async fn tainan(house: &House, features: &[Feature]) -> String {
    let mut towns = BTreeSet::new();
    let mut rows = vec![area(AreaKind::County, "67000", "台南市", "")];
    for feature in features {
        let [town, town_name] = ["TOWNCODE", "TOWNNAME"].map(|key| feature.properties[key].as_str());
        if towns.insert(town) {
            rows.push(area(AreaKind::Subdistrict, town, town_name, "67000"));
        }
    }
    for feature in features {
        let [village, name, town] = ["VILLCODE", "VILLNAME", "TOWNCODE"].map(|key| feature.properties[key].as_str());
        rows.push(area(AreaKind::MicroGrid, village, name, town));
    }
    let made = house.import(rows).await.unwrap();
    assert_eq!(made.created_count, 1 + 37 + 649);
    made.areas[0].name.clone()
}

fn boundaries(features: &[Feature], code_property: &str) -> Vec<BoundaryUpload> {
    let boundary = |feature: &Feature| BoundaryUpload {
        area: String::new(),
        code: feature.properties[code_property].clone(),
        geojson: feature.geometry_text().unwrap(),
    };
    features.iter().map(boundary).collect()
}

#[tokio::test]
async fn tainan_is_carried_with_its_one_invalid_ring_and_its_one_overlap() {
    let Some(features) = features("tainan_villages_649.geojson") else { return };
    let house = House::open();
    let county = tainan(&house, &features).await;
    let draft = house.draft(&[&county]).await;
    let uploaded = house.upload(&draft.name, boundaries(&features, "VILLCODE")).await.unwrap();
    assert_eq!(uploaded.boundary_count, 649);
    let checked = house.validate(&draft.name).await.unwrap();
    let found = |kind| checked.findings.iter().find(|count| count.kind() == kind).map_or(0, |count| count.count);
    assert_eq!((found(FindingKind::InvalidRing), found(FindingKind::Overlap)), (1, 1), "{:?}", checked.findings);

    let refused = house.activate(&draft.name, &[FindingKind::InvalidRing], None).await.unwrap_err();
    assert_eq!(refused.reason(), "FINDINGS_NOT_ACCEPTED");
    let blocking = checked.findings.iter().filter(|count| count.blocking_count > 0);
    let accepted: Vec<FindingKind> = blocking.map(api::grids::v1::FindingCount::kind).collect();
    let active = house.activate(&draft.name, &accepted, None).await.unwrap();
    assert_eq!(active.state(), ReleaseState::Active);

    for feature in &features {
        let Some(place) = feature.shape(Datum::Wgs84).unwrap().inner_position() else { continue };
        let location = house.locate(place.longitude_deg(), place.latitude_deg(), None).await;
        if location.decided_by() == DecidedBy::Inside {
            let chain: Vec<&str> = location.chain.iter().map(|area| area.display_name.as_str()).collect();
            assert_eq!(chain, ["台南市", &feature.properties["TOWNNAME"], &feature.properties["VILLNAME"]]);
        }
    }
    // The railway station of Tainan.
    assert_eq!(house.locate(120.2128, 22.9971, None).await.chain[1].display_name, "東區");
}

#[tokio::test]
async fn the_overlapping_councils_of_los_angeles_need_their_overlaps_accepted() {
    let Some(features) = features("la_neighborhood_councils_99.geojson") else { return };
    let house = House::open();
    let mut rows = vec![area(AreaKind::City, "LA", "Los Angeles", "")];
    rows.extend(
        features
            .iter()
            .map(|feature| area(AreaKind::Community, &feature.properties["nc_id"], &feature.properties["name"], "LA")),
    );
    let city = house.import(rows).await.unwrap().areas[0].name.clone();
    let draft = house.draft(&[&city]).await;
    house.upload(&draft.name, boundaries(&features, "nc_id")).await.unwrap();
    let checked = house.validate(&draft.name).await.unwrap();
    let overlaps = checked.findings.iter().find(|count| count.kind() == FindingKind::Overlap).unwrap();
    let ground: f64 = features.iter().map(|feature| feature.shape(Datum::Wgs84).unwrap().area_m2()).sum();
    let share = overlaps.area_m2 / ground;
    assert!((0.02..0.03).contains(&share), "{share}");
    let refused = house.activate(&draft.name, &[], None).await.unwrap_err();
    assert!(refused.metadata().iter().any(|(key, _)| key == "FINDING_KIND_OVERLAP"), "{refused:?}");
    let blocking = checked.findings.iter().filter(|count| count.blocking_count > 0);
    let accepted: Vec<FindingKind> = blocking.map(api::grids::v1::FindingCount::kind).collect();
    house.activate(&draft.name, &accepted, None).await.unwrap();

    let (first, second, place) = inside_two(&features);
    let location = house.locate(place.longitude_deg(), place.latitude_deg(), None).await;
    let (smaller, other) = if first < second { (first, second) } else { (second, first) };
    assert_eq!(location.decided_by(), DecidedBy::Overlap);
    assert_eq!(location.chain[1].code, smaller);
    assert_eq!(location.runner_up.unwrap().code, other);
}

/// A place that lies in exactly two councils, with their ids.
fn inside_two(features: &[Feature]) -> (String, String, Position) {
    let shapes: Vec<(String, Shape)> = features
        .iter()
        .map(|feature| (feature.properties["nc_id"].clone(), feature.shape(Datum::Wgs84).unwrap()))
        .collect();
    let mut random = fastrand::Rng::with_seed(3);
    for _ in 0..100_000 {
        let place = Position::new(-118.65 + random.f64() * 0.5, 33.7 + random.f64() * 0.65).unwrap();
        let holding: Vec<&String> = shapes.iter().filter(|(_, shape)| shape.covers(place)).map(|(id, _)| id).collect();
        if let [first, second] = holding[..] {
            return (first.clone(), second.clone(), place);
        }
    }
    panic!("no place lies in two councils, though they overlap");
}
