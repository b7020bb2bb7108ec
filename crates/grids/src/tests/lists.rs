//! Listing areas: by place, by kind, by code, in pages.

use api::grids::v1::{AreaKind, ListAreasRequest, ListAreasResponse, RetireAreaRequest};
use base::Result;

use super::{House, admin, bearing, spec, told};

async fn list(house: &House, token: &str, request: ListAreasRequest) -> Result<ListAreasResponse> {
    told(house.client().list_areas(bearing(token, request)).await)
}

fn names(response: &ListAreasResponse) -> Vec<&str> {
    response.areas.iter().map(|area| area.display_name.as_str()).collect()
}

/// Two subdistricts with three communities each, and two micro-grids in every community.
async fn town(house: &House) {
    let mut specs = Vec::new();
    for subdistrict in ["a", "b"] {
        specs.push(spec(AreaKind::Subdistrict, subdistrict, ""));
        for community in 1..=3 {
            let community = format!("{subdistrict}{community}");
            specs.push(spec(AreaKind::Community, &community, subdistrict));
            specs.push(spec(AreaKind::MicroGrid, &format!("{community}x"), &community));
            specs.push(spec(AreaKind::MicroGrid, &format!("{community}y"), &community));
        }
    }
    house.import(specs).await.unwrap();
}

async fn name_of(house: &House, code: &str) -> String {
    let request = ListAreasRequest { code: code.to_owned(), ..ListAreasRequest::default() };
    list(house, "administrator@/", request).await.unwrap().areas[0].name.clone()
}

/// All pages of a list, so many at a time.
async fn in_pages(house: &House, token: &str, request: ListAreasRequest, page_size: i32) -> Vec<String> {
    let mut all = Vec::new();
    let mut page_token = String::new();
    for _ in 0..100 {
        let request = ListAreasRequest { page_size, page_token, ..request.clone() };
        let page = list(house, token, request).await.unwrap();
        assert!(page.areas.len() <= usize::try_from(page_size).unwrap());
        all.extend(names(&page).iter().map(|&name| name.to_owned()));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return all;
        }
    }
    panic!("the list has no end: {all:?}");
}

#[tokio::test]
async fn children_come_in_order_without_grandchildren() {
    let house = House::open();
    town(&house).await;
    let top = list(&house, "administrator@/", ListAreasRequest::default()).await.unwrap();
    assert_eq!(names(&top), ["a", "b"]);
    assert!(!top.cursor.is_empty());
    let parent = name_of(&house, "a").await;
    for page_size in [1, 2, 50] {
        let request = ListAreasRequest { parent: parent.clone(), ..ListAreasRequest::default() };
        assert_eq!(in_pages(&house, "administrator@/", request, page_size).await, ["a1", "a2", "a3"]);
    }
}

#[tokio::test]
async fn a_subtree_is_listed_in_the_order_of_the_tree_whatever_the_page() {
    let house = House::open();
    town(&house).await;
    let parent = name_of(&house, "b").await;
    let request = ListAreasRequest { parent, recursive: true, ..ListAreasRequest::default() };
    let expected = ["b1", "b1x", "b1y", "b2", "b2x", "b2y", "b3", "b3x", "b3y"];
    for page_size in 1..=10 {
        assert_eq!(in_pages(&house, "administrator@/", request.clone(), page_size).await, expected);
    }
    let micro = ListAreasRequest { kind: AreaKind::MicroGrid.into(), ..request };
    assert_eq!(in_pages(&house, "administrator@/", micro, 2).await, ["b1x", "b1y", "b2x", "b2y", "b3x", "b3y"]);
    let all = ListAreasRequest { recursive: true, ..ListAreasRequest::default() };
    assert_eq!(in_pages(&house, "administrator@/", all, 7).await.len(), 20);
}

#[tokio::test]
async fn a_list_shows_the_scope_and_nothing_else() {
    let house = House::open();
    town(&house).await;
    let top = ListAreasRequest::default();
    assert_eq!(names(&list(&house, "worker@/1/2", top.clone()).await.unwrap()), ["a2"], "the root of the scope");
    let parent = ListAreasRequest { parent: name_of(&house, "a").await, ..top.clone() };
    assert_eq!(names(&list(&house, "worker@/1/2", parent.clone()).await.unwrap()), ["a2"]);
    let all = ListAreasRequest { recursive: true, ..parent };
    for page_size in 1..=4 {
        assert_eq!(in_pages(&house, "worker@/1/2", all.clone(), page_size).await, ["a2", "a2x", "a2y"]);
    }
    let elsewhere = ListAreasRequest { parent: name_of(&house, "b").await, ..top.clone() };
    assert_eq!(list(&house, "worker@/1/2", elsewhere).await.unwrap_err().reason(), "NOT_FOUND");
    let code = ListAreasRequest { code: "b2".to_owned(), ..top };
    assert!(list(&house, "worker@/1", code).await.unwrap().areas.is_empty());
}

#[tokio::test]
async fn retired_areas_are_shown_on_demand() {
    let house = House::open();
    town(&house).await;
    let name = name_of(&house, "a1x").await;
    let request = RetireAreaRequest { name, ..RetireAreaRequest::default() };
    told(house.client().retire_area(admin(request)).await).unwrap();
    let parent = name_of(&house, "a1").await;
    let request = ListAreasRequest { parent, ..ListAreasRequest::default() };
    assert_eq!(names(&list(&house, "administrator@/", request.clone()).await.unwrap()), ["a1y"]);
    let request = ListAreasRequest { show_retired: true, ..request };
    assert_eq!(names(&list(&house, "administrator@/", request).await.unwrap()), ["a1x", "a1y"]);
    let code = ListAreasRequest { code: "a1x".to_owned(), ..ListAreasRequest::default() };
    assert!(list(&house, "administrator@/", code).await.unwrap().areas.is_empty());
}

#[tokio::test]
async fn a_page_token_belongs_to_its_query() {
    let house = House::open();
    town(&house).await;
    let first = ListAreasRequest { page_size: 1, recursive: true, ..ListAreasRequest::default() };
    let page_token = list(&house, "administrator@/", first).await.unwrap().next_page_token;
    let other = ListAreasRequest { page_size: 1, page_token, ..ListAreasRequest::default() };
    let error = list(&house, "administrator@/", other).await.unwrap_err();
    assert_eq!(error.violations()[0].field, "page_token");
}
