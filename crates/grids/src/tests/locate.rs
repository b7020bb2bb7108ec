//! Where points lie: one by one, in batches, around, and the boundary that decides.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use api::grids::v1::{
    Area, AreaKind, AreaSpec, Datum, DecidedBy, FindingKind, GetBoundaryRequest, LocateManyRequest, LocateManyResponse,
    LocateRequest, LocationView, NearbyRequest, Point, UpdateAreaRequest,
};
use base::{Clock, Kind, Result, Time};

use super::{House, admin, bearing, boxed, code, halves, point, spec, told};

/// Two micro-grids and a school that cuts both of them, all in force.
async fn with_school(house: &House) -> Vec<Area> {
    let mut areas = house.subdistrict().await;
    areas.extend(house.import(vec![spec(AreaKind::ExclusiveGrid, "X", "C")]).await.unwrap().areas);
    let mut boundaries = halves(117.01);
    boundaries.push(boxed("X", 117.009, 34.004, 117.011, 34.006));
    house.release(&[&areas[0].name], boundaries, &[]).await;
    areas
}

async fn locate_many(house: &House, messages: Vec<LocateManyRequest>) -> Result<Vec<LocateManyResponse>> {
    let mut answers = told(house.client().locate_many(admin(tokio_stream::iter(messages))).await)?;
    let mut all = Vec::new();
    while let Some(answer) = answers.message().await.map_err(rpc::status::from_status)? {
        all.push(answer);
    }
    Ok(all)
}

fn batch(points: &[(f64, f64)]) -> LocateManyRequest {
    LocateManyRequest {
        datum: Datum::Wgs84.into(),
        longitude_deg: points.iter().map(|point| point.0).collect(),
        latitude_deg: points.iter().map(|point| point.1).collect(),
        ..LocateManyRequest::default()
    }
}

#[tokio::test]
async fn an_exclusive_grid_wins_over_the_micro_grid_it_cuts() {
    let house = House::open();
    with_school(&house).await;
    let location = house.locate(117.0095, 34.005, None).await;
    let chain: Vec<&str> = location.chain.iter().map(|area| area.code.as_str()).collect();
    assert_eq!(chain, ["S", "C", "X"]);
    assert_eq!(location.decided_by(), DecidedBy::Exclusive);
    assert_eq!(location.runner_up.unwrap().code, "M1");
    assert!((location.border_distance_m - 46.0).abs() < 1.0, "{}", location.border_distance_m);
    assert_eq!(house.locate(117.005, 34.005, None).await.decided_by(), DecidedBy::Inside);
}

#[tokio::test]
async fn a_border_belongs_to_the_smallest_code_and_outside_names_the_nearest() {
    let house = House::open();
    with_school(&house).await;
    let border = house.locate(117.01, 34.001, None).await;
    assert_eq!((border.decided_by(), border.chain[2].code.as_str()), (DecidedBy::Border, "M1"));
    assert_eq!((border.runner_up.unwrap().code.as_str(), border.border_distance_m), ("M2", 0.0));
    let outside = house.locate(117.021, 34.005, None).await;
    assert_eq!((outside.decided_by(), outside.chain.len()), (DecidedBy::NearestOutside, 0));
    assert_eq!(outside.runner_up.unwrap().code, "M2");
    assert!((outside.border_distance_m - 92.4).abs() < 0.2, "{}", outside.border_distance_m);
    let sea = house.locate(-30.0, 10.0, None).await;
    assert!(sea.border_distance_m > 1e6, "the sea is far away, but it has a nearest area too");
}

#[tokio::test]
async fn a_tracker_asks_for_the_finest_area_alone() {
    let house = House::open();
    with_school(&house).await;
    let basic = |longitude_deg: f64, latitude_deg: f64| {
        let point = Some(point(longitude_deg, latitude_deg));
        let request = LocateRequest { point, view: LocationView::Basic.into(), ..Default::default() };
        let mut client = house.client();
        async move { told(client.locate(admin(request)).await).unwrap() }
    };
    let (short, full) = (basic(117.005, 34.005).await, house.locate(117.005, 34.005, None).await);
    assert_eq!(short.chain, full.chain[full.chain.len() - 1..]);
    assert_eq!((short.release.as_str(), short.decided_by()), (full.release.as_str(), full.decided_by()));
    assert_eq!(short.border_distance_m, full.border_distance_m);
    assert_eq!((short.runner_up, short.wgs84), (None, None));
    let outside = basic(117.021, 34.005).await;
    assert_eq!(outside.runner_up.unwrap().code, "M2", "the nearest area of a point outside is always named");
    let unknown = LocateRequest { point: Some(point(117.0, 34.0)), view: 9, ..Default::default() };
    let refused = told(house.client().locate(admin(unknown)).await).unwrap_err();
    assert_eq!(refused.violations()[0].field, "view");
}

#[tokio::test]
async fn the_datum_decides_which_grid_a_pair_of_numbers_means() {
    let house = House::open();
    with_school(&house).await;
    let locate = |datum: Datum| {
        let point = Point { longitude_deg: 117.0125, latitude_deg: 34.005, datum: datum.into() };
        let mut client = house.client();
        async move {
            told(client.locate(admin(LocateRequest { point: Some(point), as_of: None, ..Default::default() })).await)
                .unwrap()
        }
    };
    let wgs84 = locate(Datum::Wgs84).await;
    assert_eq!((wgs84.chain[2].code.as_str(), wgs84.wgs84.unwrap().longitude_deg), ("M2", 117.0125));
    assert_eq!(locate(Datum::Cgcs2000).await, wgs84);
    assert_eq!(locate(Datum::Gcj02).await.chain[2].code, "M1", "GCJ-02 lies about half a kilometre to the east");
    assert_ne!(locate(Datum::Bd09).await.wgs84, locate(Datum::Gcj02).await.wgs84);
}

#[tokio::test]
async fn a_renamed_area_is_called_so_by_the_next_answer() {
    let house = House::open();
    let areas = with_school(&house).await;
    let renamed = Area { display_name: "新社区".into(), ..areas[1].clone() };
    let request = UpdateAreaRequest {
        area: Some(Area { etag: String::new(), ..renamed }),
        update_mask: Some(prost_types::FieldMask { paths: vec!["display_name".into()] }),
        request_id: String::new(),
    };
    told(house.client().update_area(admin(request)).await).unwrap();
    assert_eq!(house.locate(117.005, 34.005, None).await.chain[1].display_name, "新社区");
    let again = AreaSpec { display_name: "一号".into(), ..spec(AreaKind::MicroGrid, "M1", "C") };
    house.import(vec![again]).await.unwrap();
    assert_eq!(house.named(117.005, 34.005, None).await, "一号");
}

#[tokio::test]
async fn batches_name_each_area_once_and_answer_in_order() {
    let house = House::open();
    with_school(&house).await;
    let first = batch(&[(117.005, 34.005), (117.015, 34.005), (117.005, 34.006), (118.0, 34.0)]);
    let second = LocateManyRequest { include_border: true, ..batch(&[(117.0095, 34.005), (117.015, 34.005)]) };
    let answers = locate_many(&house, vec![first, second]).await.unwrap();
    let codes = |answer: &LocateManyResponse| answer.areas.iter().map(|area| area.code.clone()).collect::<Vec<_>>();
    assert_eq!((codes(&answers[0]), codes(&answers[1])), (vec!["M1".into(), "M2".into()], vec!["X".to_owned()]));
    assert_eq!(answers[0].area_number, [1, 2, 1, 0]);
    assert_eq!(answers[1].area_number, [3, 2]);
    let decided: Vec<DecidedBy> = answers[0].decided_by().chain(answers[1].decided_by()).collect();
    let inside = DecidedBy::Inside;
    assert_eq!(decided, [inside, inside, inside, DecidedBy::NearestOutside, DecidedBy::Exclusive, inside]);
    assert!(answers[0].border_distance_m.is_empty());
    assert!((answers[1].border_distance_m[0] - 46.0).abs() < 1.0);
}

#[tokio::test]
async fn large_batches_and_small_ones_answer_alike() {
    let house = House::open();
    with_school(&house).await;
    let mut random = fastrand::Rng::with_seed(1);
    let points: Vec<(f64, f64)> =
        (0..20_000).map(|_| (116.999 + random.f64() * 0.022, 33.999 + random.f64() * 0.012)).collect();
    let whole = locate_many(&house, vec![batch(&points)]).await.unwrap();
    let parts = locate_many(&house, points.chunks(500).map(batch).collect()).await.unwrap();
    let numbers: Vec<u32> = parts.iter().flat_map(|answer| answer.area_number.clone()).collect();
    assert_eq!(whole[0].area_number, numbers);
}

#[tokio::test]
async fn wrong_batches_are_refused_with_the_points_named() {
    let house = House::open();
    with_school(&house).await;
    let none = LocateManyRequest { datum: 0, ..batch(&[(117.0, 34.0)]) };
    assert_eq!(locate_many(&house, vec![none]).await.unwrap_err().violations()[0].field, "datum");
    let nan = batch(&[(117.0, 34.0), (f64::NAN, 34.0), (34.0, 117.0)]);
    let error = locate_many(&house, vec![nan]).await.unwrap_err();
    let fields: Vec<&str> = error.violations().iter().map(|violation| violation.field.as_str()).collect();
    assert_eq!(fields, ["longitude_deg[1]", "latitude_deg[2]"]);
    assert!(error.to_string().contains("look swapped"), "{error}");
    let large = batch(&vec![(117.0, 34.0); base::limits::LOCATE_BATCH_MAX + 1]);
    let error = locate_many(&house, vec![large]).await.unwrap_err();
    assert!(error.to_string().contains("65536"), "{error}");
    let uneven = LocateManyRequest { latitude_deg: vec![], ..batch(&[(117.0, 34.0)]) };
    assert_eq!(locate_many(&house, vec![uneven]).await.unwrap_err().violations()[0].field, "latitude_deg");
}

#[tokio::test]
async fn areas_around_a_point_come_nearest_first() {
    let house = House::open();
    with_school(&house).await;
    let nearby = |radius_m: f64, kind: AreaKind, limit: i32| {
        let request = NearbyRequest { point: Some(point(117.0085, 34.005)), radius_m, kind: kind.into(), limit };
        let mut client = house.client();
        async move { told(client.nearby(admin(request)).await) }
    };
    let all = nearby(200.0, AreaKind::Unspecified, 0).await.unwrap().areas;
    let codes: Vec<&str> = all.iter().map(|near| near.area.as_ref().unwrap().code.as_str()).collect();
    assert_eq!(codes, ["M1", "X", "M2"]);
    assert!(all[0].distance_m == 0.0 && (all[1].distance_m - 46.2).abs() < 0.5, "{all:?}");
    let one = nearby(200.0, AreaKind::MicroGrid, 1).await.unwrap().areas;
    assert_eq!(one.len(), 1);
    let micro = nearby(200.0, AreaKind::MicroGrid, 0).await.unwrap().areas;
    assert_eq!(micro.len(), 2, "a kind is looked for beyond the first few");
    assert_eq!(nearby(50.0, AreaKind::Unspecified, 0).await.unwrap().areas.len(), 2);
    for radius_m in [0.0, -1.0, f64::NAN, 100_001.0] {
        let error = nearby(radius_m, AreaKind::Unspecified, 0).await.unwrap_err();
        assert_eq!(error.violations()[0].field, "radius_m");
    }
}

#[tokio::test]
async fn a_boundary_is_answered_in_any_datum_to_those_who_may_see_the_area() {
    let house = House::open();
    let areas = with_school(&house).await;
    let boundary = |token: &'static str, name: &str, datum: Datum| {
        let request = GetBoundaryRequest { name: name.to_owned(), as_of: None, datum: datum.into() };
        let mut client = house.client();
        async move { told(client.get_boundary(bearing(token, request)).await) }
    };
    let wgs84 = boundary("administrator@/", &areas[2].name, Datum::Wgs84).await.unwrap();
    assert!(
        wgs84.geojson.starts_with(r#"{"type":"MultiPolygon","coordinates":[[[[117,34],[117.01,34]"#),
        "{}",
        wgs84.geojson
    );
    assert!((wgs84.area_m2 - 1_024_700.0).abs() < 1_000.0, "{}", wgs84.area_m2);
    let gcj02 = boundary("administrator@/", &areas[2].name, Datum::Gcj02).await.unwrap();
    let there = geometry::Shape::from_geojson(&gcj02.geojson, geometry::Datum::Gcj02).unwrap();
    let here = geometry::Shape::from_geojson(&wgs84.geojson, geometry::Datum::Wgs84).unwrap();
    assert!((there.bounds().low[0] - here.bounds().low[0]).abs() < 1e-8, "there and back again");
    assert_eq!(boundary("worker@/2", &areas[2].name, Datum::Wgs84).await.unwrap_err().reason(), "NOT_FOUND");
    let unsaid = boundary("administrator@/", &areas[2].name, Datum::Unspecified).await.unwrap_err();
    assert!(unsaid.to_string().contains("DATUM_WGS84"), "{unsaid}");
}

#[tokio::test]
async fn an_area_without_a_boundary_of_its_own_has_the_ground_of_those_below_it() {
    let house = House::open();
    let areas = with_school(&house).await;
    let other = vec![spec(AreaKind::Community, "D", "S"), spec(AreaKind::MicroGrid, "M3", "D")];
    let other = house.import(other).await.unwrap().areas;
    let before = house.clock.now();
    house.clock.advance_seconds(60);
    let drawn = vec![
        boxed("D", 117.02, 34.0, 117.03, 34.01),
        // Below an area with a boundary of its own nothing counts, even if it sticks out.
        boxed("M3", 117.02, 34.0, 117.04, 34.01),
    ];
    let newer = house.release(&[&other[0].name], drawn, &[FindingKind::OutsideParent]).await;
    let boundary = |name: &str, as_of: Option<Time>| {
        let as_of = as_of.map(rpc::time::to_proto);
        let request = GetBoundaryRequest { name: name.to_owned(), as_of, datum: Datum::Wgs84.into() };
        let mut client = house.client();
        async move { told(client.get_boundary(admin(request)).await) }
    };
    let own = boundary(&other[0].name, None).await.unwrap();
    assert!(!own.derived);
    let micro = boundary(&areas[2].name, None).await.unwrap();
    let community = boundary(&areas[1].name, None).await.unwrap();
    assert!(community.derived && !micro.derived);
    assert_eq!(community.area.unwrap().name, areas[1].name);
    assert!(
        (community.area_m2 / (2.0 * micro.area_m2) - 1.0).abs() < 1e-6,
        "the school lies in it: {}",
        community.area_m2
    );
    assert_ne!(community.release, newer.name);
    let subdistrict = boundary(&areas[0].name, None).await.unwrap();
    assert_eq!((subdistrict.derived, &subdistrict.release), (true, &newer.name), "the newest of two releases");
    assert!((subdistrict.area_m2 / (3.0 * micro.area_m2) - 1.0).abs() < 1e-6, "{}", subdistrict.area_m2);
    let shape = geometry::Shape::from_geojson(&subdistrict.geojson, geometry::Datum::Wgs84).unwrap();
    assert_eq!((shape.polygon_count(), shape.rings().count()), (1, 1), "one piece without inner borders");
    let then = boundary(&areas[0].name, Some(before)).await.unwrap();
    assert!((then.area_m2 / (2.0 * micro.area_m2) - 1.0).abs() < 1e-6, "the boundaries of then");
    let none = boundary(&areas[0].name, Some(before.plus_seconds(-60))).await.unwrap_err();
    assert_eq!((none.kind(), none.reason()), (Kind::NotFound, "NO_BOUNDARY"));
}

#[tokio::test]
async fn renumbering_an_area_moves_no_point_not_even_after_a_restart() {
    let house = House::open();
    let areas = with_school(&house).await;
    let renumbered = Area { codes: vec![code("Z")], etag: String::new(), ..areas[2].clone() };
    let request = UpdateAreaRequest {
        area: Some(renumbered),
        update_mask: Some(prost_types::FieldMask { paths: vec!["codes".into()] }),
        request_id: String::new(),
    };
    told(house.client().update_area(admin(request)).await).unwrap();
    for house in [&house, &house.restarted()] {
        let border = house.locate(117.01, 34.001, None).await;
        assert_eq!((border.decided_by(), border.chain[2].code.as_str()), (DecidedBy::Border, "Z"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_see_the_old_boundaries_or_the_new_ones_and_never_a_mixture() {
    let house = Arc::new(House::open());
    let areas = house.subdistrict().await;
    // In every release each micro-grid has the whole ground of the one before of the other: a mixture would show as
    // two points that must lie in different grids lying in one, or in none.
    let swapped = |swap: bool| {
        let (west, east) = if swap { ("M2", "M1") } else { ("M1", "M2") };
        vec![boxed(west, 117.0, 34.0, 117.01, 34.01), boxed(east, 117.01, 34.0, 117.02, 34.01)]
    };
    house.release(&[&areas[0].name], swapped(false), &[]).await;
    let done = Arc::new(AtomicBool::new(false));
    let reader = {
        let (house, done) = (house.clone(), done.clone());
        tokio::spawn(async move {
            let mut seen = std::collections::BTreeSet::new();
            while !done.load(Ordering::SeqCst) || seen.len() < 2 {
                let message = batch(&[(117.005, 34.005), (117.015, 34.005)]);
                let answer = locate_many(&house, vec![message]).await.unwrap().remove(0);
                assert_eq!(answer.area_number, [1, 2], "both points lie in a grid, and not in the same");
                seen.insert(answer.areas[0].code.clone());
            }
        })
    };
    for round in 1..20 {
        house.clock.advance_seconds(1);
        house.release(&[&areas[0].name], swapped(round % 2 == 1), &[]).await;
        let expected = if round % 2 == 1 { "M2" } else { "M1" };
        assert_eq!(house.named(117.005, 34.005, None).await, expected, "acknowledged means visible");
    }
    done.store(true, Ordering::SeqCst);
    reader.await.unwrap();
}
