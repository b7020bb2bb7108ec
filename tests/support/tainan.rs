//! The 649 real villages of Tainan: city, towns and villages by the codes in the file, boundaries through the API.

use std::collections::BTreeMap;
use std::fs;

use api::grids::v1::{
    AreaCode, AreaKind, AreaSpec, BoundaryUpload, CreateReleaseRequest, FindingKind, ImportAreasRequest, Release,
    ValidateReleaseRequest,
};
use serde_json::Value;

use crate::{Caller, activate, data, done, upload};

/// The kinds of fault that are really in the file, to be accepted by name.
pub const TAINAN_ACCEPTED: [FindingKind; 3] = [FindingKind::InvalidRing, FindingKind::Overlap, FindingKind::Gap];

/// Imports city, towns and villages, and activates their boundaries with the faults accepted. Answers the release as
/// validation left it; none where the data is missing.
pub async fn import_tainan(administrator: &Caller) -> Option<Release> {
    let text = fs::read_to_string(data("tainan_villages_649.geojson")?).expect("the villages can be read");
    let file: Value = serde_json::from_str(&text).expect("the villages are JSON");
    let features = file["features"].as_array().expect("a feature collection");
    let mut rows = BTreeMap::new();
    let mut boundaries = Vec::new();
    for feature in features {
        let text = |key: &str| feature["properties"][key].as_str().unwrap_or_default().to_owned();
        let (city, town, village) = (text("COUNTYCODE"), text("TOWNCODE"), text("VILLCODE"));
        let mut row = |kind: AreaKind, code: &str, name: String, parent_code: &str| {
            rows.entry((i32::from(kind), code.to_owned())).or_insert_with(|| spec(kind, code, name, parent_code));
        };
        row(AreaKind::City, &city, text("COUNTYNAME"), "");
        row(AreaKind::Subdistrict, &town, text("TOWNNAME"), &city);
        row(AreaKind::Community, &village, text("VILLNAME"), &town);
        let geojson = feature["geometry"].to_string();
        boundaries.push(BoundaryUpload { code: village, geojson, ..Default::default() });
    }
    let mut grids = administrator.grids();
    let rows: Vec<AreaSpec> = rows.into_values().collect();
    let answer = done(grids.import_areas(ImportAreasRequest { areas: rows, ..Default::default() }).await);
    let roots = vec![answer.areas[0].name.clone()];
    let release = Release { display_name: "村里 2021".to_owned(), roots, ..Default::default() };
    let draft = CreateReleaseRequest { release: Some(release), ..Default::default() };
    let draft = done(grids.create_release(draft).await);
    let stored = upload(administrator, &draft.name, boundaries).await;
    assert_eq!(stored as usize, features.len(), "every boundary is stored");
    let validated =
        done(grids.validate_release(ValidateReleaseRequest { name: draft.name, activate_time: None }).await);
    activate(administrator, &validated, &TAINAN_ACCEPTED).await;
    Some(validated)
}

fn spec(kind: AreaKind, code: &str, display_name: String, parent_code: &str) -> AreaSpec {
    AreaSpec {
        kind: kind.into(),
        codes: vec![AreaCode { scheme: "MOI".to_owned(), code: code.to_owned(), ..Default::default() }],
        display_name,
        parent_code: parent_code.to_owned(),
        ..Default::default()
    }
}
