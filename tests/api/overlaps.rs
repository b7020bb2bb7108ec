//! Real boundaries that really overlap: the neighborhood councils of Los Angeles.

use std::fs;

use api::grids::v1::{
    AreaCode, AreaKind, AreaSpec, BoundaryUpload, CreateReleaseRequest, Datum, DecidedBy, Finding, FindingKind,
    GetBoundaryRequest, ImportAreasRequest, ListFindingsRequest, LocateRequest, Release, ValidateReleaseRequest,
};
use serde_json::Value;
use tests::{Caller, Wangge, activate, data, done, refused, upload};
use tonic::Code;

/// Imports city and councils, uploads and validates; none where the data is missing.
async fn draft(administrator: &Caller) -> Option<Release> {
    let text = fs::read_to_string(data("la_neighborhood_councils_99.geojson")?).unwrap();
    let file: Value = serde_json::from_str(&text).unwrap();
    let spec = |kind: AreaKind, code: &str, display_name: &str, parent_code: &str| AreaSpec {
        kind: kind.into(),
        codes: vec![AreaCode { scheme: "LA".to_owned(), code: code.to_owned(), ..Default::default() }],
        display_name: display_name.to_owned(),
        parent_code: parent_code.to_owned(),
        ..Default::default()
    };
    let mut areas = vec![spec(AreaKind::City, "LA", "Los Angeles", "")];
    let mut boundaries = Vec::new();
    for feature in file["features"].as_array().unwrap() {
        let text = |key: &str| feature["properties"][key].as_str().unwrap_or_default();
        // nc_id is not unique in the file, objectid is.
        let code = format!("NC-{}", text("objectid"));
        areas.push(spec(AreaKind::Community, &code, text("name"), "LA"));
        boundaries.push(BoundaryUpload { code, geojson: feature["geometry"].to_string(), ..Default::default() });
    }
    let mut grids = administrator.grids();
    let imported = done(grids.import_areas(ImportAreasRequest { areas, ..Default::default() }).await).areas;
    let release = Release { roots: vec![imported[0].name.clone()], ..Default::default() };
    let draft = done(grids.create_release(CreateReleaseRequest { release: Some(release), ..Default::default() }).await);
    upload(administrator, &draft.name, boundaries).await;
    Some(done(grids.validate_release(ValidateReleaseRequest { name: draft.name, activate_time: None }).await))
}

async fn overlaps(caller: &Caller, release: &str) -> Vec<Finding> {
    let kind = FindingKind::Overlap.into();
    let request = ListFindingsRequest { parent: release.to_owned(), kind, page_size: 1_000, ..Default::default() };
    done(caller.grids().list_findings(request).await).findings
}

#[tokio::test]
async fn councils_that_overlap_are_found_accepted_by_name_and_answered_by_the_rule() {
    let server = Wangge::start().await;
    let administrator = &server.administrator;
    let Some(release) = draft(administrator).await else { return };
    let found = overlaps(administrator, &release.name).await;
    let refusal = refused(
        administrator
            .grids()
            .activate_release(api::grids::v1::ActivateReleaseRequest {
                name: release.name.clone(),
                ..Default::default()
            })
            .await,
    );
    refusal.expect(Code::FailedPrecondition, "FINDINGS_NOT_ACCEPTED");
    assert!(refusal.metadata.contains_key("FINDING_KIND_OVERLAP"), "{refusal:?}");
    let kinds: Vec<FindingKind> = release.findings.iter().map(api::grids::v1::FindingCount::kind).collect();
    activate(administrator, &release, &kinds).await;

    let mut total_m2 = 0.0;
    for finding in release.findings.iter().filter(|count| count.kind() == FindingKind::Overlap) {
        total_m2 += finding.area_m2;
    }
    let mut city_m2 = 0.0;
    let list = api::grids::v1::ListAreasRequest {
        kind: AreaKind::Community.into(),
        recursive: true,
        page_size: 1_000,
        ..Default::default()
    };
    for area in done(administrator.grids().list_areas(list).await).areas {
        let request = GetBoundaryRequest { name: area.name, datum: Datum::Wgs84.into(), as_of: None };
        city_m2 += done(administrator.grids().get_boundary(request).await).area_m2;
    }
    let percent = total_m2 / city_m2 * 100.0;
    println!("{} overlaps, {:.2} km² of {:.0} km²: {percent:.2} %", found.len(), total_m2 / 1e6, city_m2 / 1e6);
    assert!((1.8..2.8).contains(&percent), "about 2.3 % of the area overlaps, not {percent:.2} %");

    let mut checked = 0;
    for finding in found.iter().take(20) {
        let Some(place) = finding.place else { continue };
        let location = done(
            administrator.grids().locate(LocateRequest { point: Some(place), as_of: None, ..Default::default() }).await,
        );
        if location.decided_by() != DecidedBy::Overlap {
            continue; // Its place can lie on the border of a thin sliver.
        }
        let winner = location.chain.last().unwrap().code.clone();
        let runner_up = location.runner_up.expect("the other one is named").code;
        assert!(winner < runner_up, "{winner} before {runner_up}: the smallest code wins");
        // A third council may lie over the two, as some really do.
        let smallest = finding.areas.iter().map(|area| area.code.as_str()).min().unwrap();
        assert!(winner.as_str() <= smallest, "{winner} wins, not {smallest}");
        checked += 1;
    }
    assert!(checked >= 15, "only {checked} of the 20 largest overlaps have a place inside them");
}
