//! The tree of areas: importing, listing in scope and in pages, codes, retiring, watching.

use std::time::Duration;

use api::grids::v1::watch_areas_response::Change;
use api::grids::v1::{
    Area, AreaCode, AreaKind, AreaSpec, GetAreaRequest, ImportAreasRequest, ListAreasRequest, RetireAreaRequest,
    UpdateAreaRequest, WatchAreasRequest,
};
use prost_types::FieldMask;
use tests::{Caller, Land, Plot, Town, Wangge, done, refused, request_id};
use tonic::Code;

fn list(parent: &str) -> ListAreasRequest {
    ListAreasRequest { parent: parent.to_owned(), ..Default::default() }
}

/// Every area of a list, page by page.
async fn list_all(caller: &Caller, mut request: ListAreasRequest) -> Vec<Area> {
    let mut areas = Vec::new();
    loop {
        let page = done(caller.grids().list_areas(request.clone()).await);
        areas.extend(page.areas);
        if page.next_page_token.is_empty() {
            return areas;
        }
        request.page_token = page.next_page_token;
    }
}

fn codes(areas: &[Area]) -> Vec<&str> {
    areas.iter().map(|area| area.codes[0].code.as_str()).collect()
}

fn row(kind: AreaKind, code: &str, parent_code: &str) -> AreaSpec {
    Plot::new(kind, code, parent_code, String::new()).spec()
}

#[tokio::test]
async fn an_import_makes_the_tree_and_a_second_one_changes_nothing() {
    let server = Wangge::start().await;
    let rows: Vec<AreaSpec> = Land::squares().iter().map(Plot::spec).collect();
    let import = ImportAreasRequest { areas: rows, ..Default::default() };
    let first = done(server.administrator.grids().import_areas(import.clone()).await);
    assert_eq!((first.created_count, first.updated_count, first.unchanged_count), (21, 0, 0));
    assert_eq!(first.areas[0].child_count, 4, "the answer shows the children that later rows made");
    let again = done(server.administrator.grids().import_areas(import.clone()).await);
    assert_eq!((again.created_count, again.updated_count, again.unchanged_count), (0, 0, 21));
    assert_eq!(again.areas, first.areas);
    let mut renamed = import;
    renamed.areas[3].display_name = "新名".to_owned();
    let third = done(server.administrator.grids().import_areas(renamed).await);
    assert_eq!((third.created_count, third.updated_count, third.unchanged_count), (0, 1, 20));
    assert_eq!(third.areas[3].name, first.areas[3].name);
}

#[tokio::test]
async fn an_import_with_one_wrong_row_writes_none() {
    let server = Wangge::start().await;
    let administrator = &server.administrator;
    let child_first = vec![row(AreaKind::Community, "A", "S"), row(AreaKind::Subdistrict, "S", "")];
    let import = ImportAreasRequest { areas: child_first, ..Default::default() };
    refused(administrator.grids().import_areas(import).await).expect_fields(&["areas[0].parent_code"]);
    let upside_down = vec![
        row(AreaKind::Subdistrict, "S", ""),
        row(AreaKind::MicroGrid, "M", "S"),
        row(AreaKind::Community, "A", "M"),
        AreaSpec { display_name: String::new(), ..row(AreaKind::Community, "B", "S") },
        AreaSpec { codes: Vec::new(), ..row(AreaKind::Community, "C", "S") },
        AreaSpec { kind: 77, ..row(AreaKind::Community, "D", "S") },
    ];
    let import = ImportAreasRequest { areas: upside_down, ..Default::default() };
    let refusal = refused(administrator.grids().import_areas(import).await);
    for field in ["areas[3].display_name", "areas[4].codes", "areas[5].kind"] {
        assert!(refusal.fields.iter().any(|named| named == field), "{field} is named: {refusal:?}");
    }
    assert!(list_all(administrator, list("")).await.is_empty(), "nothing was written");
}

#[tokio::test]
async fn a_dry_run_answers_like_an_import_and_writes_nothing() {
    let server = Wangge::start().await;
    let areas = vec![row(AreaKind::Subdistrict, "S", ""), row(AreaKind::Community, "A", "S")];
    let import = ImportAreasRequest { areas, validate_only: true, ..Default::default() };
    let answer = done(server.administrator.grids().import_areas(import).await);
    assert_eq!(answer.created_count, 2);
    assert!(list_all(&server.administrator, list("")).await.is_empty());
}

#[tokio::test]
async fn a_repeated_import_is_answered_and_not_done_again() {
    let mut server = Wangge::start().await;
    let areas = vec![row(AreaKind::Subdistrict, "S", "")];
    let import = ImportAreasRequest { areas, request_id: request_id(), ..Default::default() };
    let first = done(server.administrator.grids().import_areas(import.clone()).await);
    let again = done(server.administrator.grids().import_areas(import.clone()).await);
    assert_eq!(again, first, "created once, and told so twice");
    server.restart().await;
    assert_eq!(done(server.administrator.grids().import_areas(import.clone()).await), first);
    let mut other = import;
    other.areas[0].display_name = "别的".to_owned();
    let refusal = refused(server.administrator.grids().import_areas(other).await);
    refusal.expect(Code::InvalidArgument, "REQUEST_ID_REUSED");
}

#[tokio::test]
async fn the_children_of_an_area_are_paged_in_the_order_of_the_tree() {
    let server = Wangge::start().await;
    let administrator = &server.administrator;
    let mut plots = vec![Plot::new(AreaKind::Subdistrict, "S", "", String::new())];
    plots.extend((0..1_203).map(|number| Plot::new(AreaKind::MicroGrid, &format!("M{number:04}"), "S", String::new())));
    let land = Land::import(administrator, &plots).await;
    let parent = land.name("S");
    let first = done(administrator.grids().list_areas(list(&parent)).await);
    assert_eq!(first.areas.len(), 50, "a page has 50 when no size is asked for");
    let greedy = ListAreasRequest { page_size: 1_000_000, ..list(&parent) };
    assert!(done(administrator.grids().list_areas(greedy).await).areas.len() <= 1_000, "more than 1,000 gets 1,000");
    let wanted: Vec<String> = (0..1_203).map(|number| format!("M{number:04}")).collect();
    for page_size in [0, 7, 1_000] {
        let all = list_all(administrator, ListAreasRequest { page_size, ..list(&parent) }).await;
        assert_eq!(codes(&all), wanted, "pages of {page_size}: each child once, in order");
    }
    let negative = ListAreasRequest { page_size: -1, ..list(&parent) };
    refused(administrator.grids().list_areas(negative).await).expect_fields(&["page_size"]);
}

#[tokio::test]
async fn a_page_token_continues_its_own_query_only() {
    let town = Town::start().await;
    let query = ListAreasRequest { page_size: 2, recursive: true, ..list(&town.land.name("S")) };
    let first = done(town.people.administrator.grids().list_areas(query.clone()).await);
    let token = first.next_page_token;
    assert!(!token.is_empty());
    let with_token = ListAreasRequest { page_token: token.clone(), ..query.clone() };
    done(town.people.administrator.grids().list_areas(with_token.clone()).await);
    let others = [
        ListAreasRequest { parent: town.land.name("A"), ..with_token.clone() },
        ListAreasRequest { recursive: false, ..with_token.clone() },
        ListAreasRequest { show_retired: true, ..with_token.clone() },
        ListAreasRequest { kind: AreaKind::MicroGrid.into(), ..with_token.clone() },
        ListAreasRequest { page_token: "garbage!".to_owned(), ..with_token.clone() },
        ListAreasRequest { page_token: token[..token.len() / 2].to_owned(), ..with_token.clone() },
    ];
    for other in others {
        let answer = town.people.administrator.grids().list_areas(other.clone()).await;
        assert!(answer.is_err(), "answered: {other:?}");
        refused(answer).expect_fields(&["page_token"]);
    }
    let refusal = refused(town.people.desk_a.grids().list_areas(with_token).await);
    assert!(matches!(refusal.code, Code::InvalidArgument | Code::NotFound), "a token of another's scope: {refusal:?}");
}

#[tokio::test]
async fn everyone_sees_their_own_subtree_and_the_way_up_from_it() {
    let town = Town::start().await;
    let all = ListAreasRequest { recursive: true, page_size: 1_000, ..Default::default() };
    for (who, caller, wanted) in [
        ("desk", &town.people.desk, 21),
        ("desk_a", &town.people.desk_a, 5),
        ("micro_a1", &town.people.micro_a1, 1),
        ("auditor", &town.people.auditor, 21),
    ] {
        let seen = list_all(caller, all.clone()).await;
        // The roots of the scope are listed with what lies below them.
        let below: Vec<&Area> = seen.iter().collect();
        assert!(
            below.len() == wanted || below.len() + 1 == wanted,
            "{who} sees {:?}, but has {wanted} areas in scope",
            codes(&seen)
        );
    }
    let get = |name: String| GetAreaRequest { name };
    let desk_a = &town.people.desk_a;
    for code in ["S", "A", "A3"] {
        assert_eq!(done(desk_a.grids().get_area(get(town.land.name(code))).await).name, town.land.name(code));
    }
    for code in ["B", "B1", "D4"] {
        let refusal = refused(desk_a.grids().get_area(get(town.land.name(code))).await);
        refusal.expect(Code::NotFound, "NOT_FOUND");
        refused(desk_a.grids().list_areas(list(&town.land.name(code))).await).expect(Code::NotFound, "NOT_FOUND");
    }
    let roots = list_all(desk_a, list("")).await;
    assert_eq!(codes(&roots), ["A"], "without a parent the roots of the caller's scope are listed");
}

#[tokio::test]
async fn areas_are_found_by_code_and_by_kind() {
    let town = Town::start().await;
    let desk = &town.people.desk;
    let by_code = ListAreasRequest { code: "C2".to_owned(), ..Default::default() };
    assert_eq!(codes(&list_all(desk, by_code.clone()).await), ["C2"]);
    assert!(list_all(&town.people.desk_a, by_code).await.is_empty(), "what is out of scope is not found");
    let communities =
        ListAreasRequest { recursive: true, kind: AreaKind::Community.into(), ..list(&town.land.name("S")) };
    assert_eq!(codes(&list_all(desk, communities).await), ["A", "B", "C", "D"]);
}

#[tokio::test]
async fn an_update_changes_what_the_mask_names_and_a_stale_etag_is_told() {
    let town = Town::start().await;
    let mut grids = town.people.administrator.grids();
    let old = town.land.area("A2").clone();
    let update = UpdateAreaRequest {
        area: Some(Area {
            display_name: "新名".to_owned(),
            household_count: 77,
            etag: old.etag.clone(),
            name: old.name.clone(),
            ..Default::default()
        }),
        update_mask: Some(FieldMask { paths: vec!["display_name".to_owned()] }),
        request_id: String::new(),
    };
    let new = done(grids.update_area(update.clone()).await);
    assert_eq!((new.display_name.as_str(), new.household_count), ("新名", 0));
    assert_ne!(new.etag, old.etag);
    refused(grids.update_area(update.clone()).await).expect(Code::Aborted, "ETAG_MISMATCH");
    let mut immovable = update;
    immovable.update_mask = Some(FieldMask { paths: vec!["parent".to_owned()] });
    refused(grids.update_area(immovable).await).expect_fields(&["update_mask"]);
    let area = Some(Area { name: old.name, display_name: "无权".to_owned(), ..Default::default() });
    let update = UpdateAreaRequest { area, ..Default::default() };
    let refusal = refused(town.people.desk.grids().update_area(update).await);
    refusal.expect(Code::PermissionDenied, "ACTION_NOT_ALLOWED");
}

#[tokio::test]
async fn a_code_is_borne_by_one_area_of_a_kind_on_a_day() {
    let town = Town::start().await;
    let mut grids = town.people.administrator.grids();
    let rename = |code: AreaCode| UpdateAreaRequest {
        area: Some(Area { name: town.land.name("A2"), codes: vec![code], ..Default::default() }),
        ..Default::default()
    };
    let stolen = AreaCode { scheme: "local".to_owned(), code: "A1".to_owned(), ..Default::default() };
    let refusal = refused(grids.update_area(rename(stolen.clone())).await);
    refusal.expect_fields(&["area.codes[0].code"]);
    // The other one gives the code up on a day; from that day on it can be borne here.
    let ended = AreaCode { valid_to: "2026-09-01".to_owned(), ..stolen.clone() };
    let mut give_up = rename(ended);
    give_up.area.as_mut().unwrap().name = town.land.name("A1");
    done(grids.update_area(give_up).await);
    let begun = AreaCode { valid_from: "2026-09-01".to_owned(), ..stolen };
    done(grids.update_area(rename(begun)).await);
    let found = list_all(&town.people.desk, ListAreasRequest { code: "A1".to_owned(), ..Default::default() }).await;
    assert_eq!(found.iter().map(|area| &area.name).collect::<Vec<_>>(), [&town.land.name("A2")]);
}

#[tokio::test]
async fn an_area_with_children_stays_and_a_retired_one_is_history() {
    let server = Wangge::start().await;
    let administrator = &server.administrator;
    let plots: Vec<Plot> = Land::squares().into_iter().map(|plot| Plot { geojson: String::new(), ..plot }).collect();
    let land = Land::import(administrator, &plots).await;
    let mut grids = administrator.grids();
    let retire = |code: &str| RetireAreaRequest { name: land.name(code), ..Default::default() };
    let refusal = refused(grids.retire_area(retire("A")).await);
    assert_eq!(refusal.code, Code::FailedPrecondition, "{refusal:?}");
    for code in ["A1", "A2", "A3", "A4", "A"] {
        assert!(done(grids.retire_area(retire(code)).await).retire_time.is_some());
    }
    assert_eq!(codes(&list_all(administrator, list(&land.name("S"))).await), ["B", "C", "D"]);
    let with_retired = ListAreasRequest { show_retired: true, ..list(&land.name("S")) };
    assert_eq!(codes(&list_all(administrator, with_retired).await), ["A", "B", "C", "D"]);
    assert_eq!(done(grids.get_area(GetAreaRequest { name: land.name("A1") }).await).name, land.name("A1"));
    assert_eq!(done(grids.get_area(GetAreaRequest { name: land.name("S") }).await).child_count, 3);
}

#[tokio::test]
async fn a_watch_from_a_lists_cursor_misses_no_change() {
    let town = Town::start().await;
    let request = ListAreasRequest { recursive: true, page_size: 1_000, ..Default::default() };
    let listed = done(town.people.desk_a.grids().list_areas(request).await);
    for (code, name) in [("B1", "别处"), ("A1", "一"), ("A2", "二"), ("A1", "三")] {
        let area = Some(Area { name: town.land.name(code), display_name: name.to_owned(), ..Default::default() });
        done(town.people.administrator.grids().update_area(UpdateAreaRequest { area, ..Default::default() }).await);
    }
    let watch = WatchAreasRequest { cursor: listed.cursor, ..Default::default() };
    let mut stream = done(town.people.desk_a.grids().watch_areas(watch).await);
    let mut told = Vec::new();
    while told.len() < 3 {
        let message = tokio::time::timeout(Duration::from_secs(20), stream.message()).await.expect("in time");
        match message.unwrap().expect("a watch does not end").change {
            Some(Change::Area(area)) => told.push(area.display_name),
            Some(Change::Release(_)) | None => {}
        }
    }
    assert_eq!(told, ["一", "二", "三"], "in order, and nothing of what is out of scope");
}
