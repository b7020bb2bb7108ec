//! A release of part of the land is checked with what stays in force around it.

use api::grids::v1::{
    AreaKind, BoundaryUpload, CancelActivationRequest, Finding, FindingKind, GetReleaseRequest, ListFindingsRequest,
    Release, ReleaseState, RetireAreaRequest, ValidateReleaseRequest,
};
use base::{Kind, ReleaseId, Result, Time};

use super::{House, admin, boxed, spec, told};
use crate::land::surroundings::Surroundings;

/// A subdistrict with its own boundary over a row of communities `C0`, `C1` … without grids, each a hundredth of a degree
/// wide, drawn by one release.
async fn row(count: u16) -> (House, Vec<String>) {
    let house = House::open();
    let mut specs = vec![spec(AreaKind::Subdistrict, "S", "")];
    specs.extend((0..count).map(|place| spec(AreaKind::Community, &format!("C{place}"), "S")));
    let areas = house.import(specs).await.unwrap().areas;
    let mut boundaries = vec![boxed("S", 117.0, 34.0, east_of(count - 1), 34.01)];
    boundaries.extend((0..count).map(|place| boxed(&format!("C{place}"), west_of(place), 34.0, east_of(place), 34.01)));
    house.release(&[&areas[0].name], boundaries, &[]).await;
    (house, areas.into_iter().map(|area| area.name).collect())
}

fn west_of(place: u16) -> f64 {
    f64::from(11_700 + place) / 100.0
}

fn east_of(place: u16) -> f64 {
    west_of(place + 1)
}

async fn uploaded(house: &House, root: &str, boundaries: Vec<BoundaryUpload>) -> Release {
    let draft = house.draft(&[root]).await;
    house.upload(&draft.name, boundaries).await.unwrap()
}

/// The findings of a release that is checked now: kind, names of the areas.
async fn found(house: &House, release: &str) -> Vec<(FindingKind, Vec<String>)> {
    house.validate(release).await.unwrap();
    findings(house, release).await.iter().map(|found| (found.kind(), names(found))).collect()
}

async fn findings(house: &House, release: &str) -> Vec<Finding> {
    let request = ListFindingsRequest { parent: release.to_owned(), ..ListFindingsRequest::default() };
    told(house.client().list_findings(admin(request)).await).unwrap().findings
}

fn names(finding: &Finding) -> Vec<String> {
    finding.areas.iter().map(|area| area.display_name.clone()).collect()
}

fn told_of(kind: FindingKind, names: &[&str]) -> (FindingKind, Vec<String>) {
    (kind, names.iter().map(|&name| name.to_owned()).collect())
}

async fn state(house: &House, release: &str) -> ReleaseState {
    let request = GetReleaseRequest { name: release.to_owned() };
    told(house.client().get_release(admin(request)).await).unwrap().state()
}

fn now(house: &House) -> Time {
    house.grids.0.clock.now()
}

async fn validate_for(house: &House, release: &str, time: Time) -> Result<Release> {
    let activate_time = Some(rpc::time::to_proto(time));
    let request = ValidateReleaseRequest { name: release.to_owned(), activate_time };
    told(house.client().validate_release(admin(request)).await)
}

#[tokio::test]
async fn a_community_drawn_again_over_its_neighbour_overlaps_it() {
    let (house, areas) = row(4).await;
    let draft = uploaded(&house, &areas[2], vec![boxed("C1", west_of(1), 34.0, east_of(1) + 0.002, 34.01)]).await;
    assert_eq!(found(&house, &draft.name).await, [told_of(FindingKind::Overlap, &["C1", "C2"])]);
    let overlap = &findings(&house, &draft.name).await[0];
    assert!(!overlap.warning && overlap.description.starts_with("C1, C2: "), "{overlap:?}");
    assert!((overlap.area_m2 - 184.8 * 1_109.2).abs() < 1_000.0, "{overlap:?}");
    let error = house.activate(&draft.name, &[], None).await.unwrap_err();
    assert_eq!(error.reason(), "FINDINGS_NOT_ACCEPTED");
}

#[tokio::test]
async fn a_community_drawn_smaller_leaves_a_gap_before_its_neighbour() {
    let (house, areas) = row(4).await;
    let smaller = boxed("C1", west_of(1), 34.0, east_of(1) - 0.002, 34.01);
    let draft = uploaded(&house, &areas[2], vec![smaller]).await;
    assert_eq!(found(&house, &draft.name).await, [told_of(FindingKind::Gap, &["S", "C1", "C2"])]);
    let gap = &findings(&house, &draft.name).await[0];
    assert!((gap.area_m2 - 184.8 * 1_109.2).abs() < 1_000.0, "{gap:?}");
}

#[tokio::test]
async fn ground_that_a_release_gives_up_is_a_gap_though_only_others_are_around_it() {
    let (house, areas) = row(4).await;
    let draft = house.draft(&[&areas[2]]).await;
    let missing = told_of(FindingKind::NoPolygon, &["C1"]);
    assert_eq!(found(&house, &draft.name).await, [missing, told_of(FindingKind::Gap, &["S", "C0", "C2"])]);
}

#[tokio::test]
async fn an_enclosed_gap_is_found_where_no_parent_is_drawn() {
    let house = House::open();
    let specs = [("S", "", AreaKind::Subdistrict), ("N", "S", AreaKind::Community), ("M", "S", AreaKind::Community)];
    let specs = specs.map(|(name, parent, kind)| spec(kind, name, parent)).to_vec();
    let areas = house.import(specs).await.unwrap().areas;
    let ring = BoundaryUpload {
        area: String::new(),
        code: "N".to_owned(),
        geojson:
            r#"{"type":"Polygon","coordinates":[[[117.0,34.0],[117.03,34.0],[117.03,34.03],[117.0,34.03],[117.0,34.0]],
            [[117.01,34.01],[117.01,34.02],[117.02,34.02],[117.02,34.01],[117.01,34.01]]]}"#
                .to_owned(),
    };
    house.release(&[&areas[0].name], vec![ring, boxed("M", 117.01, 34.01, 117.02, 34.02)], &[]).await;
    let draft = uploaded(&house, &areas[2].name, vec![boxed("M", 117.01, 34.01, 117.018, 34.02)]).await;
    assert_eq!(found(&house, &draft.name).await, [told_of(FindingKind::Gap, &["M", "N"])]);
}

#[tokio::test]
async fn a_child_reaches_outside_a_parent_that_only_an_older_release_draws() {
    let (house, areas) = row(2).await;
    let draft = uploaded(&house, &areas[2], vec![boxed("C1", west_of(1), 34.0, east_of(1), 34.012)]).await;
    assert_eq!(found(&house, &draft.name).await, [told_of(FindingKind::OutsideParent, &["C1", "S"])]);
}

#[tokio::test]
async fn faults_that_stood_before_among_others_are_not_told() {
    let (house, areas) = row(4).await;
    let overlapping = boxed("C2", west_of(2), 34.0, east_of(2) + 0.002, 34.01);
    house.release(&[&areas[3]], vec![overlapping], &[FindingKind::Overlap]).await;
    let same = boxed("C1", west_of(1), 34.0, east_of(1), 34.01);
    let draft = uploaded(&house, &areas[2], vec![same]).await;
    assert_eq!(found(&house, &draft.name).await, []);
}

#[tokio::test]
async fn only_the_neighbourhood_is_looked_at() {
    let (house, areas) = row(60).await;
    let draft = uploaded(&house, &areas[31], vec![boxed("C30", west_of(30), 34.0, east_of(30), 34.01)]).await;
    let id = ReleaseId::parse_name(&draft.name).unwrap();
    let release = house.store.read(|view| crate::tables::release(view, id)).unwrap().unwrap();
    let ground = house.grids.0.land.at(now(&house)).unwrap();
    let directory = house.grids.0.land.directory(now(&house));
    let none = std::iter::empty();
    let near = Surroundings::of(&ground, &directory, &release, none);
    assert_eq!(near.cleared.len(), 1);
    assert_eq!(near.standing.len(), 1 + 2 + 2, "the parent, a neighbour to either side, and those that these touch");
}

#[tokio::test]
async fn an_area_made_or_retired_after_validation_makes_a_release_a_draft() {
    let (house, areas) = row(2).await;
    let same = || vec![boxed("C0", west_of(0), 34.0, east_of(0), 34.01)];
    let draft = uploaded(&house, &areas[1], same()).await;
    let elsewhere = uploaded(&house, &areas[2], vec![boxed("C1", west_of(1), 34.0, east_of(1), 34.01)]).await;
    assert_eq!(found(&house, &elsewhere.name).await, []);
    assert_eq!(found(&house, &draft.name).await, []);
    house.clock.advance_seconds(1);
    let made = house.import(vec![spec(AreaKind::MicroGrid, "M", "C0")]).await.unwrap().areas.remove(0);
    assert_eq!(state(&house, &draft.name).await, ReleaseState::Draft);
    assert_eq!(state(&house, &elsewhere.name).await, ReleaseState::Validated, "nothing changed in its subtrees");
    let error = house.activate(&draft.name, &[], None).await.unwrap_err();
    assert_eq!((error.kind(), error.reason()), (Kind::Precondition, "WRONG_RELEASE_STATE"));
    assert!(error.to_string().contains("validate the release first"), "{error}");
    assert_eq!(found(&house, &draft.name).await, [told_of(FindingKind::NoPolygon, &["M"])]);
    house.clock.advance_seconds(1);
    house.import(vec![spec(AreaKind::MicroGrid, "M", "C0")]).await.unwrap();
    assert_eq!(state(&house, &draft.name).await, ReleaseState::Validated, "the same row again makes nothing");
    let retire = RetireAreaRequest { name: made.name, ..RetireAreaRequest::default() };
    told(house.client().retire_area(admin(retire)).await).unwrap();
    assert_eq!(state(&house, &draft.name).await, ReleaseState::Draft);
    assert_eq!(findings(&house, &draft.name).await, []);
    assert_eq!(found(&house, &draft.name).await, []);
    house.activate(&draft.name, &[], None).await.unwrap();
}

#[tokio::test]
async fn a_scheduled_release_taken_back_after_areas_were_made_must_be_validated_again() {
    let (house, areas) = row(2).await;
    let draft = uploaded(&house, &areas[1], vec![boxed("C0", west_of(0), 34.0, east_of(0), 34.01)]).await;
    house.validate(&draft.name).await.unwrap();
    house.activate(&draft.name, &[], Some(now(&house).plus_seconds(60))).await.unwrap();
    house.clock.advance_seconds(1);
    house.import(vec![spec(AreaKind::MicroGrid, "M", "C0")]).await.unwrap();
    assert_eq!(state(&house, &draft.name).await, ReleaseState::Active);
    let cancel = CancelActivationRequest { name: draft.name.clone(), ..CancelActivationRequest::default() };
    let back = told(house.client().cancel_activation(admin(cancel)).await).unwrap();
    assert_eq!((back.state(), back.validate_time), (ReleaseState::Draft, None));
}

#[tokio::test]
async fn a_neighbour_drawn_again_after_validation_asks_for_another() {
    let (house, areas) = row(30).await;
    let draft = uploaded(&house, &areas[2], vec![boxed("C1", west_of(1), 34.0, east_of(1), 34.01)]).await;
    assert_eq!(found(&house, &draft.name).await, []);
    house.release(&[&areas[21]], vec![boxed("C20", west_of(20), 34.0, east_of(20), 34.01)], &[]).await;
    let smaller = vec![boxed("C2", west_of(2) + 0.0005, 34.0, east_of(2), 34.01)];
    let neighbour = house.release(&[&areas[3]], smaller, &[]).await;
    let error = house.activate(&draft.name, &[], None).await.unwrap_err();
    assert_eq!((error.kind(), error.reason()), (Kind::Precondition, "NEIGHBOURS_CHANGED"));
    assert!(error.to_string().contains("validate it again"), "{error}");
    assert_eq!(state(&house, &neighbour.name).await, ReleaseState::Active);
    assert_eq!(found(&house, &draft.name).await, [told_of(FindingKind::Gap, &["S", "C1", "C2"])]);
    house.activate(&draft.name, &[], None).await.unwrap();
}

#[tokio::test]
async fn what_happens_far_away_after_validation_asks_for_nothing() {
    let (house, areas) = row(30).await;
    let draft = uploaded(&house, &areas[2], vec![boxed("C1", west_of(1), 34.0, east_of(1), 34.01)]).await;
    house.validate(&draft.name).await.unwrap();
    house.release(&[&areas[21]], vec![boxed("C20", west_of(20), 34.0, east_of(20), 34.01)], &[]).await;
    house.activate(&draft.name, &[], None).await.unwrap();
}

#[tokio::test]
async fn a_release_for_later_is_checked_with_what_is_in_force_then() {
    let (house, areas) = row(4).await;
    let larger = uploaded(&house, &areas[3], vec![boxed("C2", west_of(2) - 0.002, 34.0, east_of(2), 34.01)]).await;
    house.validate(&larger.name).await.unwrap();
    let start = now(&house).plus_seconds(3_600);
    house.activate(&larger.name, &[FindingKind::Overlap], Some(start)).await.unwrap();
    let draft = uploaded(&house, &areas[2], vec![boxed("C1", west_of(1), 34.0, east_of(1) - 0.002, 34.01)]).await;
    assert_eq!(found(&house, &draft.name).await, [told_of(FindingKind::Gap, &["S", "C1", "C2"])]);
    let error = house.activate(&draft.name, &[], Some(start)).await.unwrap_err();
    assert_eq!(error.reason(), "NEIGHBOURS_CHANGED");
    validate_for(&house, &draft.name, start).await.unwrap();
    assert_eq!(findings(&house, &draft.name).await, []);
    house.activate(&draft.name, &[], Some(start)).await.unwrap();
    let error = validate_for(&house, &draft.name, now(&house).plus_seconds(-1)).await.unwrap_err();
    assert_eq!(error.reason(), "WRONG_RELEASE_STATE");
}

#[tokio::test]
async fn a_release_is_not_checked_for_a_time_that_has_passed() {
    let (house, areas) = row(2).await;
    let draft = house.draft(&[&areas[1]]).await;
    let error = validate_for(&house, &draft.name, now(&house).plus_seconds(-1)).await.unwrap_err();
    assert_eq!(error.violations()[0].field, "activate_time");
}
