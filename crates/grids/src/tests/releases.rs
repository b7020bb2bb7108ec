//! The life of a release, from draft to retirement.

use std::time::Duration;

use api::grids::v1::{
    Acceptance, ActivateReleaseRequest, AreaKind, DeleteReleaseRequest, FindingKind, GetReleaseRequest,
    ListFindingsRequest, ListReleasesRequest, Release, ReleaseState, RetireAreaRequest,
};
use base::{Kind, Result, Time};

use super::{House, admin, bearing, boxed, halves, spec, told};

async fn get(house: &House, name: &str) -> Result<Release> {
    told(house.client().get_release(admin(GetReleaseRequest { name: name.to_owned() })).await)
}

fn later(house: &House, seconds: i64) -> Time {
    house.grids.0.clock.now().plus_seconds(seconds)
}

#[tokio::test]
async fn a_release_comes_into_force_as_a_whole_and_answers_name_it() {
    let house = House::open();
    let areas = house.subdistrict().await;
    assert_eq!(house.named(117.005, 34.005, None).await, "", "nothing is in force yet");
    let release = house.release(&[&areas[0].name], halves(117.01), &[]).await;
    assert_eq!((release.state(), release.boundary_count), (ReleaseState::Active, 2));
    let location = house.locate(117.005, 34.005, None).await;
    let chain: Vec<&str> = location.chain.iter().map(|area| area.display_name.as_str()).collect();
    assert_eq!(chain, ["S", "C", "M1"]);
    assert_eq!(location.release, release.name);
    assert_eq!(house.restarted().locate(117.005, 34.005, None).await, location, "a restart changes nothing");
}

#[tokio::test]
async fn as_of_answers_with_the_boundaries_of_then() {
    let house = House::open();
    let areas = house.subdistrict().await;
    let first = house.release(&[&areas[0].name], halves(117.005), &[]).await;
    let then = later(&house, 0);
    house.clock.advance_seconds(3_600);
    let second = house.release(&[&areas[0].name], halves(117.015), &[]).await;
    assert_eq!(house.named(117.01, 34.005, None).await, "M1");
    for house in [&house, &house.restarted()] {
        let past = house.locate(117.01, 34.005, Some(then)).await;
        assert_eq!((past.chain[2].display_name.as_str(), past.release.as_str()), ("M2", first.name.as_str()));
        assert_eq!(house.locate(117.01, 34.005, Some(later(house, 0))).await.release, second.name);
        assert_eq!(
            house.named(117.01, 34.005, Some(then.plus_seconds(-1))).await,
            "",
            "before the first there is none"
        );
    }
    let replaced = get(&house, &first.name).await.unwrap();
    assert_eq!((replaced.state(), replaced.retire_time), (ReleaseState::Retired, second.activate_time));
}

#[tokio::test]
async fn the_past_cannot_be_changed() {
    let house = House::open();
    let areas = house.subdistrict().await;
    let draft = house.draft(&[&areas[0].name]).await;
    house.upload(&draft.name, halves(117.01)).await.unwrap();
    house.validate(&draft.name).await.unwrap();
    let error = house.activate(&draft.name, &[], Some(later(&house, -1))).await.unwrap_err();
    assert_eq!(error.violations()[0].field, "activate_time");
    house.activate(&draft.name, &[], None).await.unwrap();
    let error = house.upload(&draft.name, halves(117.011)).await.unwrap_err();
    assert_eq!((error.kind(), error.reason()), (Kind::Precondition, "WRONG_RELEASE_STATE"));
}

#[tokio::test]
async fn a_newer_release_masks_older_ones_only_in_its_own_subtrees() {
    let house = House::open();
    let areas = house.subdistrict().await;
    let other = vec![spec(AreaKind::Community, "D", "S"), spec(AreaKind::MicroGrid, "M3", "D")];
    let other = house.import(other).await.unwrap().areas;
    let mut boundaries = halves(117.01);
    boundaries.push(boxed("M3", 117.0, 34.02, 117.02, 34.03));
    let first = house.release(&[&areas[0].name], boundaries, &[FindingKind::Gap]).await;
    // The new community has one micro-grid less: what is not drawn again goes away with the accepted fault.
    let smaller = vec![boxed("M1", 117.0, 34.0, 117.01, 34.01)];
    house.release(&[&areas[1].name], smaller, &[FindingKind::NoPolygon]).await;
    assert_eq!(house.named(117.005, 34.005, None).await, "M1");
    assert_eq!(house.named(117.015, 34.005, None).await, "");
    let elsewhere = house.locate(117.01, 34.025, None).await;
    assert_eq!((elsewhere.chain.len(), elsewhere.release.as_str()), (3, first.name.as_str()));
    assert_eq!(get(&house, &first.name).await.unwrap().state(), ReleaseState::Active, "part of it is in force");
    house.release(&[&other[0].name], vec![boxed("M3", 117.0, 34.02, 117.01, 34.03)], &[]).await;
    assert_eq!(get(&house, &first.name).await.unwrap().state(), ReleaseState::Active, "its root is not covered by one");
}

#[tokio::test]
async fn faults_are_found_listed_and_must_be_accepted_by_name() {
    let house = House::open();
    let areas = house.subdistrict().await;
    let draft = house.draft(&[&areas[0].name]).await;
    let overlapping = vec![boxed("M1", 117.0, 34.0, 117.011, 34.01), boxed("M2", 117.01, 34.0, 117.02, 34.01)];
    house.upload(&draft.name, overlapping).await.unwrap();
    let error = house.activate(&draft.name, &[], None).await.unwrap_err();
    assert_eq!(error.reason(), "WRONG_RELEASE_STATE", "what was not checked is not activated");
    let checked = house.validate(&draft.name).await.unwrap();
    assert_eq!(checked.state(), ReleaseState::Validated);
    assert_eq!(checked.findings.len(), 1, "{:?}", checked.findings);
    assert_eq!((checked.findings[0].kind(), checked.findings[0].blocking_count), (FindingKind::Overlap, 1));
    // A thousandth of a degree each way at 34 degrees north.
    assert!((checked.findings[0].area_m2 - 92.38 * 1_109.2).abs() < 500.0, "{:?}", checked.findings);

    let request = ListFindingsRequest { parent: draft.name.clone(), ..ListFindingsRequest::default() };
    let findings = told(house.client().list_findings(admin(request)).await).unwrap().findings;
    let names: Vec<&str> = findings[0].areas.iter().map(|area| area.display_name.as_str()).collect();
    assert_eq!(names, ["M1", "M2"]);
    let place = findings[0].place.unwrap();
    assert!((117.01..=117.011).contains(&place.longitude_deg), "{place:?}");

    let error = house.activate(&draft.name, &[FindingKind::Gap], None).await.unwrap_err();
    assert_eq!(error.reason(), "FINDINGS_NOT_ACCEPTED");
    assert_eq!(error.metadata()[0].0, "FINDING_KIND_OVERLAP");
    let small = ActivateReleaseRequest {
        name: draft.name.clone(),
        acceptances: vec![Acceptance { kind: FindingKind::Overlap.into(), area_m2_max: 1_000.0 }],
        ..ActivateReleaseRequest::default()
    };
    let error = told(house.client().activate_release(admin(small)).await).unwrap_err();
    assert_eq!(error.reason(), "FINDINGS_NOT_ACCEPTED");
    let active = house.activate(&draft.name, &[FindingKind::Overlap], None).await.unwrap();
    assert_eq!(active.acceptances.len(), 1);
    let location = house.locate(117.0105, 34.005, None).await;
    assert_eq!(location.decided_by(), api::grids::v1::DecidedBy::Overlap);
    assert_eq!(location.chain[2].code, "M1", "the smallest code has it");
    assert_eq!(location.runner_up.unwrap().code, "M2");
}

#[tokio::test]
async fn areas_without_a_boundary_and_grids_too_large_are_found() {
    let house = House::open();
    let areas = house.subdistrict().await;
    let mut large = spec(AreaKind::MicroGrid, "M1", "C");
    large.household_count = 501;
    house.import(vec![large]).await.unwrap();
    let draft = house.draft(&[&areas[0].name]).await;
    house.upload(&draft.name, vec![boxed("M1", 117.0, 34.0, 117.01, 34.01)]).await.unwrap();
    let checked = house.validate(&draft.name).await.unwrap();
    let found: Vec<_> =
        checked.findings.iter().map(|count| (count.kind(), count.count, count.blocking_count)).collect();
    assert_eq!(found, [(FindingKind::NoPolygon, 1, 1), (FindingKind::TooManyHouseholds, 1, 0)]);
    let error = house.activate(&draft.name, &[], None).await.unwrap_err();
    assert_eq!(error.metadata().len(), 1, "a warning needs nobody: {error:?}");
}

#[tokio::test]
async fn another_upload_replaces_boundaries_and_asks_for_another_check() {
    let house = House::open();
    let areas = house.subdistrict().await;
    let draft = house.draft(&[&areas[0].name]).await;
    house.upload(&draft.name, halves(117.01)).await.unwrap();
    house.validate(&draft.name).await.unwrap();
    let again = house.upload(&draft.name, halves(117.012)).await.unwrap();
    assert_eq!((again.state(), again.boundary_count), (ReleaseState::Draft, 2));
    house.validate(&draft.name).await.unwrap();
    house.activate(&draft.name, &[], None).await.unwrap();
    assert_eq!(house.named(117.011, 34.005, None).await, "M1");
}

#[tokio::test]
async fn a_draft_can_be_deleted_and_its_boundaries_go_with_it() {
    let house = House::open();
    let areas = house.subdistrict().await;
    let draft = house.draft(&[&areas[0].name]).await;
    house.upload(&draft.name, halves(117.01)).await.unwrap();
    let request = DeleteReleaseRequest { name: draft.name.clone(), request_id: String::new() };
    told(house.client().delete_release(admin(request)).await).unwrap();
    assert_eq!(get(&house, &draft.name).await.unwrap_err().kind(), Kind::NotFound);
    assert!(house.store.read(crate::tables::releases_with_boundaries).unwrap().is_empty());

    let active = house.release(&[&areas[0].name], halves(117.01), &[]).await;
    let request = DeleteReleaseRequest { name: active.name, request_id: String::new() };
    let error = told(house.client().delete_release(admin(request)).await).unwrap_err();
    assert_eq!(error.reason(), "WRONG_RELEASE_STATE");
}

#[tokio::test]
async fn an_area_in_force_is_not_retired_and_a_retired_one_not_activated() {
    let house = House::open();
    let areas = house.subdistrict().await;
    let retire = |name: &str| {
        let request = RetireAreaRequest { name: name.to_owned(), ..RetireAreaRequest::default() };
        let mut client = house.client();
        async move { told(client.retire_area(admin(request)).await) }
    };
    let draft = house.draft(&[&areas[0].name]).await;
    house.upload(&draft.name, halves(117.01)).await.unwrap();
    house.validate(&draft.name).await.unwrap();
    retire(&areas[3].name).await.unwrap();
    let error = house.activate(&draft.name, &[], None).await.unwrap_err();
    assert_eq!((error.kind(), error.reason()), (Kind::Precondition, "WRONG_RELEASE_STATE"));
    house.validate(&draft.name).await.unwrap();
    let error = house.activate(&draft.name, &[], None).await.unwrap_err();
    assert_eq!((error.kind(), error.reason()), (Kind::Precondition, "AREA_RETIRED"));

    house.release(&[&areas[0].name], vec![boxed("M1", 117.0, 34.0, 117.01, 34.01)], &[]).await;
    let error = retire(&areas[2].name).await.unwrap_err();
    assert_eq!((error.kind(), error.reason()), (Kind::Precondition, "BOUNDARY_IN_FORCE"));
}

#[tokio::test]
async fn releases_are_listed_newest_first_to_those_whom_they_concern() {
    let house = House::open();
    let areas = house.subdistrict().await;
    let mut made = Vec::new();
    for _ in 0..3 {
        made.insert(0, house.draft(&[&areas[1].name]).await.name);
        house.clock.advance_seconds(1);
    }
    let list = |token: &'static str, page_size, page_token: &str| {
        let request = ListReleasesRequest { page_size, page_token: page_token.to_owned() };
        let mut client = house.client();
        async move { told(client.list_releases(bearing(token, request)).await).unwrap() }
    };
    let first = list("administrator@/", 2, "").await;
    let second = list("administrator@/", 2, &first.next_page_token).await;
    let names: Vec<String> =
        first.releases.iter().chain(&second.releases).map(|release| release.name.clone()).collect();
    assert_eq!(names, made);
    assert_eq!(list("worker@/1/1/2", 0, "").await.releases.len(), 3, "a release of the ground above concerns them");
    assert!(list("worker@/2", 0, "").await.releases.is_empty());
}

#[tokio::test]
async fn a_repeated_activation_gets_the_first_answer() {
    let house = House::open();
    let areas = house.subdistrict().await;
    let draft = house.draft(&[&areas[0].name]).await;
    house.upload(&draft.name, halves(117.01)).await.unwrap();
    house.validate(&draft.name).await.unwrap();
    let request = ActivateReleaseRequest {
        name: draft.name,
        request_id: "7d0f4a3e-6f0c-4f4e-9f5b-0c8f6a1d2e3f".into(),
        ..ActivateReleaseRequest::default()
    };
    let first = told(house.client().activate_release(admin(request.clone())).await).unwrap();
    house.clock.advance_seconds(5);
    assert_eq!(told(house.client().activate_release(admin(request)).await).unwrap(), first);
    assert_eq!(house.named(117.005, 34.005, None).await, "M1");
}

#[tokio::test]
async fn a_caller_who_goes_away_in_the_middle_leaves_store_and_memory_equal() {
    let house = House::open();
    let areas = house.subdistrict().await;
    let draft = house.draft(&[&areas[0].name]).await;
    house.upload(&draft.name, halves(117.01)).await.unwrap();
    house.validate(&draft.name).await.unwrap();
    let request = ActivateReleaseRequest { name: draft.name.clone(), ..ActivateReleaseRequest::default() };
    let mut client = house.client();
    // The caller leaves at the first wait, which is long before the release is written.
    tokio::select! {
        biased;
        _ = client.activate_release(admin(request)) => panic!("nobody hears the answer"),
        () = std::future::ready(()) => {}
    }
    while get(&house, &draft.name).await.unwrap().state() != ReleaseState::Active {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    // A retirement waits for its turn behind the change, so the change is over when it answers.
    let request = RetireAreaRequest { name: areas[2].name.clone(), ..RetireAreaRequest::default() };
    let error = told(house.client().retire_area(admin(request)).await).unwrap_err();
    assert_eq!(error.reason(), "BOUNDARY_IN_FORCE");
    assert_eq!(house.named(117.005, 34.005, None).await, "M1");
}
