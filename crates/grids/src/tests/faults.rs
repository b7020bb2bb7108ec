//! Wrong input, in words a stranger understands.

use api::grids::v1::{
    BoundaryUpload, CreateReleaseRequest, Datum, GetAreaRequest, LocateRequest, Point, Release, UploadBoundariesRequest,
};
use base::{Error, Kind, Result};

use super::{House, admin, boxed, halves, told};

async fn refused(house: &House, point: Option<Point>) -> Error {
    told(house.client().locate(admin(LocateRequest { point, as_of: None, ..Default::default() })).await).unwrap_err()
}

async fn send(house: &House, messages: Vec<UploadBoundariesRequest>) -> Result<u32> {
    let answer = house.client().upload_boundaries(admin(tokio_stream::iter(messages))).await;
    told(answer).map(|answer| answer.stored_count)
}

fn message(release: &str, datum: Datum, boundaries: Vec<BoundaryUpload>) -> UploadBoundariesRequest {
    UploadBoundariesRequest { release: release.to_owned(), datum: datum.into(), boundaries }
}

fn drawn(code: &str, geojson: &str) -> BoundaryUpload {
    BoundaryUpload { area: String::new(), code: code.to_owned(), geojson: geojson.to_owned() }
}

#[tokio::test]
async fn a_point_that_is_none_is_refused_with_every_reason() {
    let house = House::open();
    let at = |longitude_deg, latitude_deg, datum| Some(Point { longitude_deg, latitude_deg, datum });
    let error = refused(&house, None).await;
    assert_eq!((error.kind(), error.violations()[0].field.as_str()), (Kind::Invalid, "point"));
    let error = refused(&house, at(f64::NAN, 91.0, 0)).await;
    let fields: Vec<&str> = error.violations().iter().map(|violation| violation.field.as_str()).collect();
    assert_eq!(fields, ["point.datum", "point.longitude_deg", "point.latitude_deg"]);
    assert!(error.to_string().contains("DATUM_GCJ02 for AMap"), "{error}");
    let error = refused(&house, at(34.0, 117.0, Datum::Wgs84.into())).await;
    assert!(error.to_string().contains("look swapped"), "{error}");
    let error = refused(&house, at(117.0, 34.0, 77)).await;
    assert!(error.to_string().contains("77, which this server does not know"), "{error}");
}

#[tokio::test]
async fn a_bad_boundary_is_named_with_its_area() {
    let house = House::open();
    let areas = house.subdistrict().await;
    let draft = house.draft(&[&areas[1].name]).await;
    let bad = vec![
        drawn("M1", "{"),
        drawn("M2", r#"{"type":"Point","coordinates":[117,34]}"#),
        drawn("nowhere", &halves(117.01)[0].geojson),
        drawn("S", &halves(117.01)[0].geojson),
        BoundaryUpload { area: "areas/x".into(), ..halves(117.01)[0].clone() },
        drawn("M1", r#"{"type":"Polygon","coordinates":[[[34,117],[34.1,117],[34.1,117.1],[34,117]]]}"#),
    ];
    let error = house.upload(&draft.name, bad).await.unwrap_err();
    let fields: Vec<&str> = error.violations().iter().map(|violation| violation.field.as_str()).collect();
    let expected = [
        "boundaries[0].geojson",
        "boundaries[1].geojson",
        "boundaries[2].code",
        "boundaries[3].code",
        "boundaries[4].area",
        "boundaries[5].geojson",
    ];
    assert_eq!(fields, expected, "{error}");
    assert!(error.violations()[1].description.contains("of M2: "), "{error}");
    assert!(error.violations()[5].description.contains("swapped"), "{error}");
    assert!(house.store.read(crate::tables::releases_with_boundaries).unwrap().is_empty(), "all or none of a message");
}

#[tokio::test]
async fn a_boundary_of_200_000_vertices_is_refused_with_the_limit_named() {
    let house = House::open();
    let areas = house.subdistrict().await;
    let draft = house.draft(&[&areas[0].name]).await;
    let mut ring: Vec<String> =
        (0..200_000).map(|i| format!("[{:.5},{}]", 117.0 + f64::from(i) * 1e-5, 34 + i % 2)).collect();
    ring.push(ring[0].clone());
    let geojson = format!(r#"{{"type":"Polygon","coordinates":[[{}]]}}"#, ring.join(","));
    let error = house.upload(&draft.name, vec![drawn("M1", &geojson)]).await.unwrap_err();
    assert_eq!((error.kind(), error.reason()), (Kind::Exhausted, "BOUNDARY_TOO_LARGE"));
    assert!(error.metadata().iter().any(|(key, value)| key == "area" && value == "M1"), "{error:?}");
}

#[tokio::test]
async fn a_stream_says_its_release_and_datum_once() {
    let house = House::open();
    let areas = house.subdistrict().await;
    let draft = house.draft(&[&areas[0].name]).await;
    let [west, east] = <[BoundaryUpload; 2]>::try_from(halves(117.01)).unwrap();
    let first = message(&draft.name, Datum::Wgs84, vec![west.clone()]);
    let second = message("", Datum::Unspecified, vec![east.clone()]);
    assert_eq!(send(&house, vec![first.clone(), second]).await.unwrap(), 2);
    let other = message("", Datum::Gcj02, vec![east]);
    assert_eq!(send(&house, vec![first, other]).await.unwrap_err().violations()[0].field, "datum");
    let nameless = message("", Datum::Unspecified, vec![west]);
    assert_eq!(send(&house, vec![nameless]).await.unwrap_err().violations().len(), 2);
    assert_eq!(send(&house, vec![]).await.unwrap_err().violations()[0].field, "release");
}

#[tokio::test]
async fn every_message_of_an_upload_is_kept_even_when_a_later_one_is_refused() {
    let house = House::open();
    let areas = house.subdistrict().await;
    let draft = house.draft(&[&areas[0].name]).await;
    let first = message(&draft.name, Datum::Wgs84, vec![boxed("M1", 117.0, 34.0, 117.01, 34.01)]);
    let bad = message("", Datum::Unspecified, vec![drawn("M2", "{}")]);
    assert!(send(&house, vec![first, bad]).await.is_err());
    let id = base::ReleaseId::parse_name(&draft.name).unwrap();
    let kept = house.store.read(|view| crate::tables::release(view, id)).unwrap().unwrap();
    assert_eq!(kept.boundary_count, 1);
}

#[tokio::test]
async fn a_datum_of_a_map_service_is_turned_into_wgs84() {
    let house = House::open();
    let areas = house.subdistrict().await;
    let draft = house.draft(&[&areas[0].name]).await;
    send(&house, vec![message(&draft.name, Datum::Gcj02, halves(117.01))]).await.unwrap();
    house.validate(&draft.name).await.unwrap();
    house.activate(&draft.name, &[], None).await.unwrap();
    assert_eq!(house.named(117.008, 34.005, None).await, "M2", "the border lies half a kilometre further west");
}

#[tokio::test]
async fn a_draft_says_everything_that_is_wrong_with_it() {
    let house = House::open();
    let areas = house.subdistrict().await;
    let create = |release: Option<Release>| {
        let mut client = house.client();
        async move {
            let request = CreateReleaseRequest { release, request_id: "not a uuid".into() };
            told(client.create_release(admin(request)).await).unwrap_err()
        }
    };
    let wrong = Release { roots: vec!["x".into()], tolerance_m2: f64::NAN, ..Release::default() };
    let error = create(Some(wrong)).await;
    let fields: Vec<&str> = error.violations().iter().map(|violation| violation.field.as_str()).collect();
    assert_eq!(fields, ["release.roots[0]", "release.tolerance_m2", "request_id"]);
    let nested = Release { roots: vec![areas[0].name.clone(), areas[2].name.clone()], ..Release::default() };
    let request = CreateReleaseRequest { release: Some(nested), request_id: String::new() };
    let error = told(house.client().create_release(admin(request)).await).unwrap_err();
    assert_eq!(error.violations()[0].field, "release.roots[1]");
}

#[tokio::test]
async fn a_name_of_another_collection_is_refused() {
    let house = House::open();
    let name = "releases/0198b1c2-7a3e-7cc1-9c7e-2f6d3a1b4c5d".to_owned();
    let error = told(house.client().get_area(admin(GetAreaRequest { name })).await).unwrap_err();
    assert!(error.to_string().contains("must be a name like areas/"), "{error}");
}
