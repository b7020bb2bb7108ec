//! Making, changing and retiring areas.

use api::grids::v1::{
    Area, AreaKind, AreaSpec, GetAreaRequest, ImportAreasRequest, RetireAreaRequest, UpdateAreaRequest,
};
use base::{Error, Kind, Result};
use prost_types::FieldMask;

use super::{House, admin, bearing, code, halves, spec, told};

async fn get(house: &House, token: &str, name: &str) -> Result<Area> {
    told(house.client().get_area(bearing(token, GetAreaRequest { name: name.to_owned() })).await)
}

async fn update(house: &House, area: Area, mask: &[&str]) -> Result<Area> {
    let paths = mask.iter().map(|&path| path.to_owned()).collect();
    let request =
        UpdateAreaRequest { area: Some(area), update_mask: Some(FieldMask { paths }), request_id: String::new() };
    told(house.client().update_area(admin(request)).await)
}

async fn retire(house: &House, name: &str) -> Result<Area> {
    let request = RetireAreaRequest { name: name.to_owned(), ..RetireAreaRequest::default() };
    told(house.client().retire_area(admin(request)).await)
}

fn fields(error: &Error) -> Vec<&str> {
    error.violations().iter().map(|violation| violation.field.as_str()).collect()
}

#[tokio::test]
async fn areas_are_made_with_their_parents_in_one_request() {
    let house = House::open();
    let areas = house.subdistrict().await;
    let paths: Vec<&str> = areas.iter().map(|area| area.path.as_str()).collect();
    assert_eq!(paths, ["/1", "/1/1", "/1/1/1", "/1/1/2"]);
    assert_eq!(areas[2].parent, areas[1].name);
    assert_eq!((areas[1].child_count, areas[0].child_count), (2, 1), "later rows give earlier ones children");
    assert_eq!(get(&house, "administrator@/", &areas[3].name).await.unwrap(), areas[3]);
}

#[tokio::test]
async fn importing_the_same_again_changes_nothing() {
    let house = House::open();
    let first = house.subdistrict().await;
    let head = house.store.head();
    let specs = vec![spec(AreaKind::Subdistrict, "S", ""), spec(AreaKind::Community, "C", "S")];
    let again = house.import(specs).await.unwrap();
    assert_eq!((again.created_count, again.updated_count, again.unchanged_count), (0, 0, 2));
    assert_eq!(again.areas, first[..2]);
    let changes = house.store.feed(head, 10).unwrap();
    assert!(changes.iter().all(|entry| entry.changes.is_empty()), "{changes:?}");
}

#[tokio::test]
async fn an_import_renames_and_adds_codes_but_takes_none_away() {
    let house = House::open();
    house.subdistrict().await;
    let mut renamed =
        AreaSpec { display_name: "新".into(), household_count: 70, ..spec(AreaKind::MicroGrid, "M1", "C") };
    renamed.codes.push(code("M1-neu"));
    let answer = house.import(vec![renamed]).await.unwrap();
    assert_eq!((answer.updated_count, answer.areas[0].codes.len()), (1, 2));
    let answer = house.import(vec![spec(AreaKind::MicroGrid, "M1-neu", "C")]).await.unwrap();
    assert_eq!(answer.areas[0].codes.len(), 2, "the old code stays");
    assert_eq!(answer.areas[0].household_count, 70, "an unknown number says nothing");
}

#[tokio::test]
async fn every_wrong_row_is_named_and_none_is_written() {
    let house = House::open();
    let mut no_digits = spec(AreaKind::Community, "A", "");
    no_digits.codes[0].scheme = "NBS-12".into();
    let rows = vec![AreaSpec::default(), no_digits, AreaSpec { kind: 99, ..spec(AreaKind::City, "B", "") }];
    let error = house.import(rows).await.unwrap_err();
    let expected =
        ["areas[0].kind", "areas[0].display_name", "areas[0].codes", "areas[1].codes[0].code", "areas[2].kind"];
    assert_eq!(fields(&error), expected);

    let rows = vec![
        spec(AreaKind::County, "K", ""),
        spec(AreaKind::City, "too-coarse", "K"),
        spec(AreaKind::Community, "lost", "nowhere"),
        spec(AreaKind::County, "K", ""),
    ];
    let error = house.import(rows).await.unwrap_err();
    assert_eq!(fields(&error), ["areas[1].parent_code", "areas[2].parent_code", "areas[3].codes[0].code"]);
    let list = told(house.client().list_areas(admin(Default::default())).await).unwrap();
    assert!(list.areas.is_empty(), "all or none");
}

#[tokio::test]
async fn a_check_without_writing_writes_nothing() {
    let house = House::open();
    let request = ImportAreasRequest {
        areas: vec![spec(AreaKind::City, "A", ""), spec(AreaKind::County, "B", "A")],
        validate_only: true,
        request_id: String::new(),
    };
    let answer = told(house.client().import_areas(admin(request)).await).unwrap();
    assert_eq!((answer.created_count, answer.areas[1].path.as_str()), (2, "/1/1"));
    assert_eq!(get(&house, "administrator@/", &answer.areas[0].name).await.unwrap_err().kind(), Kind::NotFound);
}

#[tokio::test]
async fn a_repeated_request_gets_the_first_answer_and_other_content_is_refused() {
    let house = House::open();
    let request = |name: &str| ImportAreasRequest {
        areas: vec![spec(AreaKind::City, name, "")],
        validate_only: false,
        request_id: "7d0f4a3e-6f0c-4f4e-9f5b-0c8f6a1d2e3f".into(),
    };
    let first = told(house.client().import_areas(admin(request("A"))).await).unwrap();
    house.clock.advance_seconds(60);
    let again = told(house.restarted().client().import_areas(admin(request("A"))).await).unwrap();
    assert_eq!(first, again);
    let error = told(house.client().import_areas(admin(request("B"))).await).unwrap_err();
    assert_eq!(error.reason(), "REQUEST_ID_REUSED");
}

#[tokio::test]
async fn two_areas_of_a_kind_bear_a_code_only_on_different_days() {
    let house = House::open();
    let areas = house.subdistrict().await;
    let mut merged = areas[2].clone();
    merged.codes[0].valid_to = "2026-09-01".into();
    merged.codes.push(code("M1-new"));
    update(&house, merged, &["codes"]).await.unwrap();

    let clash = update(&house, Area { codes: vec![code("M1")], ..areas[3].clone() }, &["codes"]).await.unwrap_err();
    assert_eq!(fields(&clash), ["area.codes[0].code"], "M1 was borne by the other until September");
    let mut later = code("M1");
    later.valid_from = "2026-09-01".into();
    update(&house, Area { codes: vec![later], ..areas[3].clone() }, &["codes"]).await.unwrap();
}

#[tokio::test]
async fn the_main_code_changes_with_the_day() {
    let house = House::open();
    let areas = house.subdistrict().await;
    house.release(&[&areas[0].name], halves(117.01), &[]).await;
    let mut codes = vec![code("M1"), code("M1-new")];
    codes[0].valid_to = "2026-09-23".into();
    codes[1].valid_from = "2026-09-23".into();
    update(&house, Area { codes, ..areas[2].clone() }, &["codes"]).await.unwrap();
    assert_eq!(house.locate(117.005, 34.005, None).await.chain[2].code, "M1");
    house.clock.advance_seconds(86_400);
    assert_eq!(house.locate(117.005, 34.005, None).await.chain[2].code, "M1-new");
}

#[tokio::test]
async fn a_stale_etag_is_told_and_a_mask_changes_only_what_it_names() {
    let house = House::open();
    let areas = house.subdistrict().await;
    let wanted = Area { display_name: "新名".into(), household_count: 9, ..areas[2].clone() };
    let renamed = update(&house, wanted.clone(), &["display_name"]).await.unwrap();
    assert_eq!((renamed.display_name.as_str(), renamed.household_count), ("新名", 0));
    assert_ne!(renamed.etag, areas[2].etag);
    let stale = update(&house, wanted.clone(), &["display_name"]).await.unwrap_err();
    assert_eq!((stale.kind(), stale.reason()), (Kind::Conflict, "ETAG_MISMATCH"));
    let moved = update(&house, wanted, &["parent"]).await.unwrap_err();
    assert_eq!(fields(&moved), ["update_mask"]);
}

#[tokio::test]
async fn an_area_cannot_be_moved_by_importing_it_elsewhere() {
    let house = House::open();
    house.subdistrict().await;
    let error = house.import(vec![spec(AreaKind::MicroGrid, "M1", "S")]).await.unwrap_err();
    assert_eq!(fields(&error), ["areas[0].parent"]);
    assert!(error.to_string().contains("cannot be moved"), "{error}");
}

#[tokio::test]
async fn an_area_is_retired_from_below_and_its_code_is_free_again() {
    let house = House::open();
    let areas = house.subdistrict().await;
    let error = retire(&house, &areas[1].name).await.unwrap_err();
    assert_eq!((error.kind(), error.reason()), (Kind::Precondition, "AREA_HAS_CHILDREN"));
    house.clock.advance_seconds(86_400);
    let retired = retire(&house, &areas[2].name).await.unwrap();
    assert!(retired.retire_time.is_some());
    assert_eq!(get(&house, "administrator@/", &areas[1].name).await.unwrap().child_count, 1);
    assert_eq!(retire(&house, &areas[2].name).await.unwrap_err().reason(), "AREA_RETIRED");
    let mut successor = spec(AreaKind::MicroGrid, "M1", "C");
    successor.codes[0].valid_from = "2026-09-23".into();
    let made = house.import(vec![successor]).await.unwrap();
    assert_eq!((made.created_count, made.areas[0].path.as_str()), (1, "/1/1/3"), "ordinals are never reused");
}

#[tokio::test]
async fn who_administers_one_subtree_changes_no_other() {
    let house = House::open();
    let areas = house.subdistrict().await;
    let import = |token: &'static str, row: AreaSpec| {
        let request = ImportAreasRequest { areas: vec![row], ..ImportAreasRequest::default() };
        let mut client = house.client();
        async move { told(client.import_areas(bearing(token, request)).await) }
    };
    let error = import("administrator@/1/1", spec(AreaKind::Community, "D", "S")).await.unwrap_err();
    assert_eq!((error.kind(), error.reason()), (Kind::Forbidden, "OUT_OF_SCOPE"));
    let error = import("administrator@/1/1", spec(AreaKind::City, "root", "")).await.unwrap_err();
    assert_eq!(error.reason(), "OUT_OF_SCOPE");
    import("administrator@/1/1", spec(AreaKind::MicroGrid, "M3", "C")).await.unwrap();
    let error = import("worker@/1", spec(AreaKind::MicroGrid, "M4", "C")).await.unwrap_err();
    assert_eq!(error.reason(), "ACTION_NOT_ALLOWED");

    assert!(get(&house, "worker@/1/1/1", &areas[0].name).await.is_ok(), "the chain above can be shown");
    assert_eq!(get(&house, "worker@/1/1/1", &areas[3].name).await.unwrap_err().kind(), Kind::NotFound);
}
