//! Releases of the future, and activations that are taken back.

use api::grids::v1::watch_areas_response::Change;
use api::grids::v1::{
    ActivateReleaseRequest, Area, AreaKind, CancelActivationRequest, DeleteReleaseRequest, FindingKind,
    GetReleaseRequest, ListAreasRequest, Release, ReleaseState, RetireAreaRequest, WatchAreasRequest,
};
use base::{Clock, Error, Kind, Result, Time};

use super::{House, admin, bearing, boxed, halves, spec, told};

const REQUEST_ID: &str = "7d0f4a3e-6f0c-4f4e-9f5b-0c8f6a1d2e3f";

fn later(house: &House, seconds: i64) -> Time {
    house.clock.now().plus_seconds(seconds)
}

async fn get(house: &House, name: &str) -> Release {
    told(house.client().get_release(admin(GetReleaseRequest { name: name.to_owned() })).await).unwrap()
}

async fn cancel(house: &House, token: &str, name: &str) -> Result<Release> {
    let request = CancelActivationRequest { name: name.to_owned(), ..CancelActivationRequest::default() };
    told(house.client().cancel_activation(bearing(token, request)).await)
}

async fn retire(house: &House, token: &str, name: &str) -> Result<Area> {
    let request = RetireAreaRequest { name: name.to_owned(), ..RetireAreaRequest::default() };
    told(house.client().retire_area(bearing(token, request)).await)
}

/// A validated release of the two micro-grids, which meet at a longitude.
async fn validated(house: &House, root: &str, meeting: f64) -> Release {
    let draft = house.draft(&[root]).await;
    house.upload(&draft.name, halves(meeting)).await.unwrap();
    house.validate(&draft.name).await.unwrap()
}

/// The same, to come into force in so many seconds.
async fn scheduled(house: &House, root: &str, meeting: f64, seconds: i64) -> Release {
    let release = validated(house, root, meeting).await;
    house.activate(&release.name, &[], Some(later(house, seconds))).await.unwrap()
}

fn reason(error: &Error) -> (Kind, &str) {
    (error.kind(), error.reason())
}

#[tokio::test]
async fn a_release_of_the_future_comes_into_force_by_itself() {
    let house = House::open();
    let areas = house.subdistrict().await;
    let first = house.release(&[&areas[0].name], halves(117.005), &[]).await;
    scheduled(&house, &areas[0].name, 117.015, 60).await;
    for house in [&house, &house.restarted()] {
        assert_eq!(house.named(117.01, 34.005, None).await, "M2");
        assert_eq!(house.named(117.01, 34.005, Some(later(house, 60))).await, "M1", "what will be can be asked");
    }
    assert_eq!(get(&house, &first.name).await.state(), ReleaseState::Active);
    house.clock.advance_seconds(60);
    assert_eq!(house.named(117.01, 34.005, None).await, "M1");
    assert_eq!(get(&house, &first.name).await.state(), ReleaseState::Retired);
}

#[tokio::test]
async fn an_activation_taken_back_leaves_what_was_in_force_in_force() {
    let house = House::open();
    let areas = house.subdistrict().await;
    let first = house.release(&[&areas[0].name], halves(117.005), &[]).await;
    let second = scheduled(&house, &areas[0].name, 117.015, 60).await;
    assert!(get(&house, &first.name).await.retire_time.is_some());
    let cancelled = cancel(&house, "administrator@/1", &second.name).await.unwrap();
    assert_eq!((cancelled.state(), cancelled.activate_time), (ReleaseState::Validated, None));
    assert_ne!(cancelled.etag, second.etag);
    assert_eq!(get(&house, &first.name).await.retire_time, None, "nothing replaces it any more");
    for house in [&house, &house.restarted()] {
        assert_eq!(house.named(117.01, 34.005, Some(later(house, 60))).await, "M2");
    }
    house.clock.advance_seconds(61);
    assert_eq!(house.named(117.01, 34.005, None).await, "M2");
    house.activate(&second.name, &[], None).await.unwrap();
    assert_eq!(house.named(117.01, 34.005, None).await, "M1", "it can be activated again");
}

#[tokio::test]
async fn one_of_several_activations_ahead_can_be_taken_back_and_its_release_deleted() {
    let house = House::open();
    let areas = house.subdistrict().await;
    house.release(&[&areas[0].name], halves(117.002), &[]).await;
    let soon = scheduled(&house, &areas[0].name, 117.01, 60).await;
    scheduled(&house, &areas[0].name, 117.018, 120).await;
    cancel(&house, "administrator@/", &soon.name).await.unwrap();
    let request = DeleteReleaseRequest { name: soon.name, request_id: String::new() };
    told(house.client().delete_release(admin(request)).await).unwrap();
    for house in [&house, &house.restarted()] {
        assert_eq!(house.named(117.005, 34.005, Some(later(house, 60))).await, "M2");
        assert_eq!(house.named(117.005, 34.005, Some(later(house, 120))).await, "M1");
    }
}

#[tokio::test]
async fn only_what_lies_well_ahead_can_be_taken_back_and_only_by_those_whose_ground_it_is() {
    let house = House::open();
    let areas = house.subdistrict().await;
    let draft = validated(&house, &areas[0].name, 117.01).await;
    let error = cancel(&house, "administrator@/", &draft.name).await.unwrap_err();
    assert_eq!(reason(&error), (Kind::Precondition, "WRONG_RELEASE_STATE"));
    let release = house.activate(&draft.name, &[], Some(later(&house, 60))).await.unwrap();
    let error = cancel(&house, "administrator@/1/1", &release.name).await.unwrap_err();
    assert_eq!(reason(&error), (Kind::Forbidden, "OUT_OF_SCOPE"));
    let error = cancel(&house, "worker@/1", &release.name).await.unwrap_err();
    assert_eq!(error.reason(), "ACTION_NOT_ALLOWED");
    let stale = CancelActivationRequest { name: release.name.clone(), etag: draft.etag, request_id: String::new() };
    let error = told(house.client().cancel_activation(admin(stale)).await).unwrap_err();
    assert_eq!(reason(&error), (Kind::Conflict, "ETAG_MISMATCH"));
    let unknown = cancel(&house, "administrator@/", "releases/0198b1c2-7a3e-7cc1-9c7e-2f6d3a1b4c5d").await;
    assert_eq!(unknown.unwrap_err().kind(), Kind::NotFound);
    house.clock.advance_seconds(56);
    let error = cancel(&house, "administrator@/", &release.name).await.unwrap_err();
    assert_eq!(reason(&error), (Kind::Precondition, "RELEASE_IN_FORCE"));
    house.clock.advance_seconds(10);
    let error = cancel(&house, "administrator@/", &release.name).await.unwrap_err();
    assert_eq!(error.reason(), "RELEASE_IN_FORCE");
    assert_eq!(house.named(117.005, 34.005, None).await, "M1");
}

#[tokio::test]
async fn a_repeated_cancellation_takes_back_one_activation_only() {
    let house = House::open();
    let areas = house.subdistrict().await;
    let release = scheduled(&house, &areas[0].name, 117.01, 60).await;
    let request =
        CancelActivationRequest { name: release.name.clone(), etag: release.etag, request_id: REQUEST_ID.to_owned() };
    let first = told(house.client().cancel_activation(admin(request.clone())).await).unwrap();
    house.activate(&release.name, &[], Some(later(&house, 30))).await.unwrap();
    let again = told(house.client().cancel_activation(admin(request)).await).unwrap();
    assert_eq!(again, first);
    assert_eq!(house.named(117.005, 34.005, Some(later(&house, 30))).await, "M1", "the second activation stands");
}

#[tokio::test]
async fn a_repeated_activation_does_not_bring_back_what_was_cancelled() {
    let house = House::open();
    let areas = house.subdistrict().await;
    let draft = validated(&house, &areas[0].name, 117.01).await;
    let request = ActivateReleaseRequest {
        name: draft.name.clone(),
        activate_time: Some(rpc::time::to_proto(later(&house, 60))),
        request_id: REQUEST_ID.to_owned(),
        ..ActivateReleaseRequest::default()
    };
    let first = told(house.client().activate_release(admin(request.clone())).await).unwrap();
    cancel(&house, "administrator@/", &draft.name).await.unwrap();
    assert_eq!(told(house.client().activate_release(admin(request)).await).unwrap(), first);
    assert_eq!(house.named(117.005, 34.005, Some(later(&house, 60))).await, "");
    assert_eq!(get(&house, &draft.name).await.state(), ReleaseState::Validated);
}

#[tokio::test]
async fn an_area_retired_while_its_boundary_was_masked_keeps_the_mask_from_being_taken_away() {
    let house = House::open();
    let areas = house.subdistrict().await;
    scheduled(&house, &areas[0].name, 117.01, 60).await;
    // At the same time, activated later: this one wins, and has no M2.
    let draft = house.draft(&[&areas[0].name]).await;
    house.upload(&draft.name, vec![boxed("M1", 117.0, 34.0, 117.01, 34.01)]).await.unwrap();
    house.validate(&draft.name).await.unwrap();
    let start = Some(later(&house, 60));
    let masking = house.activate(&draft.name, &[FindingKind::NoPolygon], start).await.unwrap();
    retire(&house, "administrator@/", &areas[3].name).await.unwrap();
    let error = cancel(&house, "administrator@/", &masking.name).await.unwrap_err();
    assert_eq!(reason(&error), (Kind::Precondition, "AREA_RETIRED"));
    assert!(error.metadata().iter().any(|(_, value)| *value == areas[3].name), "{error:?}");
}

#[tokio::test]
async fn watchers_are_told_that_an_activation_was_taken_back() {
    let house = House::open();
    let areas = house.subdistrict().await;
    let first = house.release(&[&areas[0].name], halves(117.005), &[]).await;
    let second = scheduled(&house, &areas[0].name, 117.015, 60).await;
    let list = told(house.client().list_areas(admin(ListAreasRequest::default())).await).unwrap();
    cancel(&house, "administrator@/", &second.name).await.unwrap();
    let request = WatchAreasRequest { area: String::new(), cursor: list.cursor };
    let mut stream = told(house.client().watch_areas(bearing("worker@/1/1/2", request)).await).unwrap();
    let mut told = Vec::new();
    while told.len() < 2 {
        if let Some(Change::Release(release)) = stream.message().await.unwrap().unwrap().change {
            told.push((release.name.clone(), release.state(), release.retire_time.is_some()));
        }
    }
    told.sort();
    let mut expected =
        [(first.name, ReleaseState::Active, false), (second.name, ReleaseState::Validated, false)].to_vec();
    expected.sort();
    assert_eq!(told, expected);
}

#[tokio::test]
async fn who_may_not_change_an_area_learns_nothing_of_its_releases() {
    let house = House::open();
    let areas = house.subdistrict().await;
    house.import(vec![spec(AreaKind::Community, "D", "S")]).await.unwrap();
    house.release(&[&areas[1].name], halves(117.01), &[]).await;
    let error = retire(&house, "administrator@/1/2", &areas[2].name).await.unwrap_err();
    assert_eq!(reason(&error), (Kind::Forbidden, "OUT_OF_SCOPE"));
    let draft = validated(&house, &areas[1].name, 117.012).await;
    house.import(vec![spec(AreaKind::MicroGrid, "M9", "C")]).await.unwrap();
    let again = house.upload(&draft.name, vec![boxed("M9", 117.03, 34.0, 117.04, 34.01)]).await.unwrap();
    house.validate(&again.name).await.unwrap();
    let list = ListAreasRequest { code: "M9".to_owned(), ..ListAreasRequest::default() };
    let made = told(house.client().list_areas(admin(list)).await).unwrap().areas.remove(0);
    retire(&house, "administrator@/", &made.name).await.unwrap();
    let activate = ActivateReleaseRequest { name: draft.name, ..ActivateReleaseRequest::default() };
    let error = told(house.client().activate_release(bearing("administrator@/1/2", activate)).await).unwrap_err();
    assert_eq!(reason(&error), (Kind::Forbidden, "OUT_OF_SCOPE"), "and not that an area of it was retired");
}
