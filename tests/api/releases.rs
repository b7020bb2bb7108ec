//! The life of a boundary release, what validation finds, and what it takes to bring one into force.

use api::grids::v1::{
    Acceptance, ActivateReleaseRequest, AreaKind, BoundaryUpload, CreateReleaseRequest, Datum, DeleteReleaseRequest,
    Finding, FindingKind, GetReleaseRequest, ListFindingsRequest, ListReleasesRequest, Release, ReleaseState,
    UploadBoundariesRequest, ValidateReleaseRequest,
};
use tests::{
    Caller, Land, Plot, Wangge, activate, done, point, polygon, rectangle, refused, time_of, timestamp, upload,
    with_hole,
};
use tonic::{Code, Response, Status};

async fn findings(caller: &Caller, release: &str) -> Vec<Finding> {
    let request = ListFindingsRequest { parent: release.to_owned(), page_size: 1_000, ..Default::default() };
    done(caller.grids().list_findings(request).await).findings
}

async fn try_activate(
    caller: &Caller,
    release: &str,
    acceptances: &[(FindingKind, f64)],
) -> Result<Response<Release>, Status> {
    let accept = |&(kind, area_m2_max): &(FindingKind, f64)| Acceptance { kind: kind.into(), area_m2_max };
    let acceptances = acceptances.iter().map(accept).collect();
    let request = ActivateReleaseRequest { name: release.to_owned(), acceptances, ..Default::default() };
    caller.grids().activate_release(request).await
}

/// A subdistrict of 4 by 2 cells with two communities, whose boundaries are given.
fn pair(west: String, east: String) -> Vec<Plot> {
    vec![
        Plot::new(AreaKind::Subdistrict, "S", "", rectangle(0.0, 0.0, 4.0, 2.0)),
        Plot::new(AreaKind::Community, "W", "S", west),
        Plot::new(AreaKind::Community, "E", "S", east),
    ]
}

/// What validation finds on a map, by kind, with the codes of the areas concerned.
async fn found_on(plots: &[Plot]) -> (Wangge, Land, Release, Vec<(FindingKind, Vec<String>, f64)>) {
    let server = Wangge::start().await;
    let land = Land::import(&server.administrator, plots).await;
    let release = land.draft(&server.administrator, plots).await;
    let found = findings(&server.administrator, &release.name).await;
    let found = found
        .iter()
        .map(|finding| {
            let mut codes: Vec<String> = finding.areas.iter().map(|area| area.code.clone()).collect();
            codes.sort();
            (finding.kind(), codes, finding.area_m2)
        })
        .collect();
    (server, land, release, found)
}

#[tokio::test]
async fn a_release_is_drafted_validated_activated_and_retired_by_the_next() {
    let server = Wangge::start().await;
    let administrator = &server.administrator;
    let plots = Land::squares();
    let land = Land::import(administrator, &plots).await;
    let mut grids = administrator.grids();
    let release = Release { roots: vec![land.name("S")], display_name: "第一版".to_owned(), ..Default::default() };
    let draft = done(grids.create_release(CreateReleaseRequest { release: Some(release), ..Default::default() }).await);
    assert_eq!(draft.state(), ReleaseState::Draft);
    let refusal = refused(try_activate(administrator, &draft.name, &[]).await);
    refusal.expect(Code::FailedPrecondition, "WRONG_RELEASE_STATE");
    let uploads = |plots: &[Plot]| -> Vec<BoundaryUpload> {
        let upload = |plot: &Plot| BoundaryUpload {
            area: land.name(&plot.code),
            geojson: plot.geojson.clone(),
            ..Default::default()
        };
        plots.iter().map(upload).collect()
    };
    assert_eq!(upload(administrator, &draft.name, uploads(&plots)).await, 21);
    let validated =
        done(grids.validate_release(ValidateReleaseRequest { name: draft.name.clone(), activate_time: None }).await);
    assert_eq!((validated.state(), validated.boundary_count), (ReleaseState::Validated, 21));
    assert!(validated.findings.is_empty(), "a clean map has no faults: {:?}", validated.findings);
    upload(administrator, &draft.name, uploads(&plots[..1])).await;
    let reopened = done(grids.get_release(GetReleaseRequest { name: draft.name.clone() }).await);
    assert_eq!((reopened.state(), reopened.boundary_count), (ReleaseState::Draft, 21), "a boundary was replaced");
    done(grids.validate_release(ValidateReleaseRequest { name: draft.name.clone(), activate_time: None }).await);
    let active = activate(administrator, &draft, &[]).await;
    assert_eq!((active.state(), time_of(active.activate_time)), (ReleaseState::Active, Some(server.now())));
    let request = UploadBoundariesRequest {
        release: draft.name.clone(),
        datum: Datum::Wgs84.into(),
        boundaries: uploads(&plots[..1]),
    };
    let refusal = refused(grids.upload_boundaries(tokio_stream::iter([request])).await);
    refusal.expect(Code::FailedPrecondition, "WRONG_RELEASE_STATE");
    server.clock.advance_seconds(60);
    let second = land.draft(administrator, &plots).await;
    activate(administrator, &second, &[]).await;
    let first = done(grids.get_release(GetReleaseRequest { name: draft.name.clone() }).await);
    assert_eq!((first.state(), time_of(first.retire_time)), (ReleaseState::Retired, Some(server.now())));
    let listed = done(grids.list_releases(ListReleasesRequest::default()).await).releases;
    let names: Vec<&str> = listed.iter().map(|release| release.name.as_str()).collect();
    assert_eq!(names, [second.name.as_str(), draft.name.as_str()], "newest first");
}

#[tokio::test]
async fn only_a_release_that_was_never_active_can_be_deleted() {
    let server = Wangge::start().await;
    let administrator = &server.administrator;
    let plots = Land::squares();
    let land = Land::install(administrator, &plots).await;
    let mut grids = administrator.grids();
    let active = done(grids.list_releases(ListReleasesRequest::default()).await).releases.remove(0);
    let delete = |name: &str| DeleteReleaseRequest { name: name.to_owned(), ..Default::default() };
    let refusal = refused(grids.delete_release(delete(&active.name)).await);
    refusal.expect(Code::FailedPrecondition, "WRONG_RELEASE_STATE");
    let draft = land.draft(administrator, &plots).await;
    done(grids.delete_release(delete(&draft.name)).await);
    refused(grids.get_release(GetReleaseRequest { name: draft.name }).await).expect(Code::NotFound, "NOT_FOUND");
}

#[tokio::test]
async fn an_overlap_is_found_with_both_areas_its_size_and_its_place() {
    let plots = pair(rectangle(0.0, 0.0, 2.5, 2.0), rectangle(2.0, 0.0, 4.0, 2.0));
    let (server, _, release, found) = found_on(&plots).await;
    let overlaps: Vec<_> = found.iter().filter(|(kind, ..)| *kind == FindingKind::Overlap).collect();
    assert_eq!(overlaps.len(), 1, "{found:?}");
    assert_eq!(overlaps[0].1, ["E", "W"]);
    // Half a cell wide and two cells high, at 34.71° north: 0.005° x 0.02°, about 458 m x 2,218 m.
    assert!((990_000.0..1_040_000.0).contains(&overlaps[0].2), "{} m²", overlaps[0].2);
    let finding = findings(&server.administrator, &release.name).await.remove(0);
    let place = finding.place.expect("an overlap has a place");
    let (west, east) = (point(2.0, 0.0).unwrap().longitude_deg, point(2.5, 0.0).unwrap().longitude_deg);
    assert!((west..=east).contains(&place.longitude_deg), "{place:?}");
    assert!(!finding.warning && !finding.description.is_empty());
}

#[tokio::test]
async fn invalid_rings_children_outside_and_missing_polygons_are_found() {
    // A bow tie; a child beyond its parent; one without a polygon.
    let mut plots = vec![
        Plot::new(AreaKind::Subdistrict, "S", "", rectangle(0.0, 0.0, 8.0, 3.0)),
        Plot::new(AreaKind::Community, "BOW", "S", polygon(&[(0.0, 0.0), (2.0, 2.0), (2.0, 0.0), (0.0, 2.0)])),
        Plot::new(AreaKind::Community, "OUT", "S", rectangle(6.0, 0.0, 8.5, 2.0)),
    ];
    plots.push(Plot::new(AreaKind::Community, "NONE", "S", String::new()));
    let (_, _, _, found) = found_on(&plots).await;
    let has = |kind: FindingKind, code: &str| {
        found.iter().any(|(found, codes, _)| *found == kind && codes.iter().any(|found| found == code))
    };
    assert!(has(FindingKind::InvalidRing, "BOW"), "{found:?}");
    assert!(has(FindingKind::OutsideParent, "OUT"), "{found:?}");
    assert!(has(FindingKind::NoPolygon, "NONE"), "{found:?}");
}

#[tokio::test]
async fn ground_that_belongs_to_nobody_is_found_with_its_size() {
    let plots = [
        Plot::new(AreaKind::Subdistrict, "S", "", rectangle(2.0, 0.0, 5.0, 3.0)),
        Plot::new(AreaKind::Community, "RING", "S", with_hole((2.0, 0.0, 5.0, 3.0), (3.0, 1.0, 4.0, 2.0))),
    ];
    let (_, _, _, found) = found_on(&plots).await;
    let gap = found.iter().find(|(kind, ..)| *kind == FindingKind::Gap).unwrap_or_else(|| panic!("{found:?}"));
    // One cell: about 0.916 km x 1.109 km.
    assert!((1_010_000.0..1_025_000.0).contains(&gap.2), "{} m²", gap.2);
}

#[tokio::test]
async fn a_grid_with_too_many_households_is_a_warning_and_never_a_refusal() {
    let server = Wangge::start().await;
    let plots = Land::squares();
    let land = Land::import(&server.administrator, &plots).await;
    let mut area = land.area("A1").clone();
    area.household_count = 5_000;
    let request = api::grids::v1::UpdateAreaRequest { area: Some(area), ..Default::default() };
    done(server.administrator.grids().update_area(request).await);
    let release = land.draft(&server.administrator, &plots).await;
    let found = findings(&server.administrator, &release.name).await;
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!((found[0].kind(), found[0].warning), (FindingKind::TooManyHouseholds, true));
    assert_eq!(release.findings[0].blocking_count, 0);
    activate(&server.administrator, &release, &[]).await;
}

#[tokio::test]
async fn a_blocking_fault_is_accepted_by_name_and_only_up_to_its_size() {
    let plots = pair(rectangle(0.0, 0.0, 2.5, 2.0), rectangle(2.0, 0.0, 4.0, 2.0));
    let (server, _, release, _) = found_on(&plots).await;
    let administrator = &server.administrator;
    let refusal = refused(try_activate(administrator, &release.name, &[]).await);
    refusal.expect(Code::FailedPrecondition, "FINDINGS_NOT_ACCEPTED");
    assert!(refusal.metadata.contains_key("FINDING_KIND_OVERLAP"), "{refusal:?}");
    for too_little in [(FindingKind::Gap, 0.0), (FindingKind::Overlap, 10_000.0)] {
        let refusal = refused(try_activate(administrator, &release.name, &[too_little]).await);
        refusal.expect(Code::FailedPrecondition, "FINDINGS_NOT_ACCEPTED");
    }
    let active = done(try_activate(administrator, &release.name, &[(FindingKind::Overlap, 2_000_000.0)]).await);
    assert_eq!(active.acceptances.len(), 1, "who accepted what is kept");
}

#[tokio::test]
async fn faults_smaller_than_the_tolerance_are_noise() {
    // A sliver of a millionth of a cell: about a millimetre wide.
    let plots = pair(rectangle(0.0, 0.0, 2.000_001, 2.0), rectangle(2.0, 0.0, 4.0, 2.0));
    let server = Wangge::start().await;
    let administrator = &server.administrator;
    let land = Land::import(administrator, &plots).await;
    for (tolerance_m2, faults) in [(10.0, 0), (0.1, 1)] {
        let release = Release { roots: vec![land.name("S")], tolerance_m2, ..Default::default() };
        let request = CreateReleaseRequest { release: Some(release), ..Default::default() };
        let draft = done(administrator.grids().create_release(request).await);
        let boundaries = plots.iter().map(|plot| BoundaryUpload {
            code: plot.code.clone(),
            geojson: plot.geojson.clone(),
            ..Default::default()
        });
        upload(administrator, &draft.name, boundaries.collect()).await;
        let validated = done(
            administrator
                .grids()
                .validate_release(ValidateReleaseRequest { name: draft.name, activate_time: None })
                .await,
        );
        assert_eq!(validated.findings.len(), faults, "tolerance {tolerance_m2} m²: {:?}", validated.findings);
    }
}

#[tokio::test]
async fn a_release_cannot_begin_in_the_past_and_a_stale_etag_is_told() {
    let server = Wangge::start().await;
    let plots = Land::squares();
    let land = Land::import(&server.administrator, &plots).await;
    let release = land.draft(&server.administrator, &plots).await;
    let yesterday = Some(timestamp(server.now().plus_seconds(-86_400)));
    let activate = ActivateReleaseRequest { name: release.name.clone(), ..Default::default() };
    let mut grids = server.administrator.grids();
    let past = ActivateReleaseRequest { activate_time: yesterday, ..activate.clone() };
    let refusal = refused(grids.activate_release(past).await);
    assert!(matches!(refusal.code, Code::InvalidArgument | Code::FailedPrecondition), "{refusal:?}");
    let stale = ActivateReleaseRequest { etag: "\"99\"".to_owned(), ..activate.clone() };
    refused(grids.activate_release(stale).await).expect(Code::Aborted, "ETAG_MISMATCH");
    done(grids.activate_release(ActivateReleaseRequest { etag: release.etag, ..activate }).await);
}

#[tokio::test]
async fn a_boundary_that_is_no_polygon_is_refused_in_words() {
    let server = Wangge::start().await;
    let plots = Land::squares();
    let land = Land::import(&server.administrator, &plots).await;
    let release = Release { roots: vec![land.name("A")], ..Default::default() };
    let request = CreateReleaseRequest { release: Some(release), ..Default::default() };
    let draft = done(server.administrator.grids().create_release(request).await);
    let bad = [
        "",
        "{}",
        "not json",
        r#"{"type":"Point","coordinates":[117.5,34.7]}"#,
        r#"{"type":"Polygon","coordinates":[[[117.5,34.7],[117.6,34.7],[117.6,134.8],[117.5,34.7]]]}"#,
        r#"{"type":"Polygon","coordinates":[[["x",34.7],[117.6,34.7],[117.6,34.8],[117.5,34.7]]]}"#,
        r#"{"type":"Polygon","coordinates":[[[117.5],[117.6,34.7],[117.6,34.8],[117.5,34.7]]]}"#,
    ];
    for geojson in bad {
        let boundary = BoundaryUpload { code: "A1".to_owned(), geojson: geojson.to_owned(), ..Default::default() };
        let message = UploadBoundariesRequest {
            release: draft.name.clone(),
            datum: Datum::Wgs84.into(),
            boundaries: vec![boundary],
        };
        let refusal = refused(server.administrator.grids().upload_boundaries(tokio_stream::iter([message])).await);
        assert_eq!(refusal.code, Code::InvalidArgument, "{geojson}: {refusal:?}");
        assert!(!refusal.reason.is_empty() && refusal.message.len() > 10, "{geojson}: {refusal:?}");
    }
    let boundary =
        BoundaryUpload { code: "B1".to_owned(), geojson: rectangle(2.0, 0.0, 3.0, 1.0), ..Default::default() };
    let message = UploadBoundariesRequest {
        release: draft.name.clone(),
        datum: Datum::Unspecified.into(),
        boundaries: vec![boundary],
    };
    let refusal = refused(server.administrator.grids().upload_boundaries(tokio_stream::iter([message.clone()])).await);
    assert!(refusal.fields.iter().any(|field| field == "datum"), "{refusal:?}");
    let message = UploadBoundariesRequest { datum: Datum::Wgs84.into(), ..message };
    let refusal = refused(server.administrator.grids().upload_boundaries(tokio_stream::iter([message])).await);
    assert_ne!(refusal.code, Code::Internal, "an area outside the release's roots: {refusal:?}");
}
