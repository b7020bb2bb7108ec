//! Watching areas and releases.

use api::grids::v1::watch_areas_response::Change;
use api::grids::v1::{AreaKind, ListAreasRequest, WatchAreasRequest, WatchAreasResponse};
use tonic::Streaming;

use super::{House, admin, bearing, halves, spec, told};

async fn watch(house: &House, token: &str, cursor: &str) -> Streaming<WatchAreasResponse> {
    let request = WatchAreasRequest { area: String::new(), cursor: cursor.to_owned() };
    told(house.client().watch_areas(bearing(token, request)).await).unwrap()
}

/// The next message that tells a change, in short, with its cursor.
async fn next(stream: &mut Streaming<WatchAreasResponse>) -> (String, String) {
    loop {
        let message = stream.message().await.unwrap().unwrap();
        match message.change {
            None => {}
            Some(Change::Area(area)) => return (area.display_name, message.cursor),
            Some(Change::Release(release)) => return (release.state().as_str_name().to_owned(), message.cursor),
        }
    }
}

#[tokio::test]
async fn a_watch_from_a_list_misses_nothing_and_goes_on_where_it_broke_off() {
    let house = House::open();
    let list = told(house.client().list_areas(admin(ListAreasRequest::default())).await).unwrap();
    let areas = house.subdistrict().await;
    let mut stream = watch(&house, "administrator@/", &list.cursor).await;
    let mut seen = Vec::new();
    for _ in 0..4 {
        seen.push(next(&mut stream).await);
    }
    let names: Vec<&str> = seen.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["S", "C", "M1", "M2"]);

    let mut again = watch(&house, "administrator@/", &seen[1].1).await;
    assert_eq!(next(&mut again).await.0, "S", "in the middle of a transaction: all of it again");
    house.draft(&[&areas[0].name]).await;
    let mut after = watch(&house, "administrator@/", &seen[3].1).await;
    assert_eq!(next(&mut after).await.0, "RELEASE_STATE_DRAFT", "at its end: what follows");
}

#[tokio::test]
async fn a_watcher_sees_the_own_scope_only() {
    let house = House::open();
    let list = told(house.client().list_areas(admin(ListAreasRequest::default())).await).unwrap();
    let areas = house.subdistrict().await;
    house.import(vec![spec(AreaKind::Community, "D", "S")]).await.unwrap();
    house.release(&[&areas[1].name], halves(117.01), &[]).await;
    let mut stream = watch(&house, "worker@/1/1/2", &list.cursor).await;
    assert_eq!(next(&mut stream).await.0, "M2");
    let states = ["DRAFT", "DRAFT", "VALIDATED", "ACTIVE"];
    for state in states {
        assert_eq!(next(&mut stream).await.0, format!("RELEASE_STATE_{state}"));
    }
    let mut elsewhere = watch(&house, "worker@/1/2", &list.cursor).await;
    assert_eq!(next(&mut elsewhere).await.0, "D");
}

#[tokio::test]
async fn a_cursor_of_another_store_is_refused() {
    let other = House::open();
    other.subdistrict().await;
    let cursor = told(other.client().list_areas(admin(ListAreasRequest::default())).await).unwrap().cursor;
    let house = House::open();
    let request = WatchAreasRequest { area: String::new(), cursor };
    let error = told(house.client().watch_areas(admin(request)).await).map(drop).unwrap_err();
    assert_eq!(error.reason(), "FOREIGN_CURSOR");
}
