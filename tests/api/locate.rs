//! Points to areas: how each answer was decided, and what is no point.

use api::grids::v1::{AreaKind, Datum, DecidedBy, LocateManyRequest, LocateRequest, Location, NearbyRequest, Point};
use tests::{Caller, Land, Plot, Town, Wangge, done, point, rectangle, refused};
use tonic::Code;

async fn locate(caller: &Caller, x: f64, y: f64) -> Location {
    done(caller.grids().locate(LocateRequest { point: point(x, y), as_of: None, ..Default::default() }).await)
}

fn codes(location: &Location) -> Vec<&str> {
    location.chain.iter().map(|area| area.code.as_str()).collect()
}

fn at(longitude_deg: f64, latitude_deg: f64, datum: Datum) -> LocateRequest {
    LocateRequest {
        point: Some(Point { longitude_deg, latitude_deg, datum: datum.into() }),
        as_of: None,
        ..Default::default()
    }
}

#[tokio::test]
async fn a_point_inside_answers_the_chain_the_release_and_the_nearest_border() {
    let town = Town::start().await;
    let location = locate(&town.people.worker_a, 0.25, 0.5).await;
    assert_eq!(codes(&location), ["S", "A", "A1"], "from the coarsest to the finest");
    assert_eq!(location.decided_by(), DecidedBy::Inside);
    assert!(location.release.starts_with("releases/"));
    // A quarter of 0.01° of longitude at 34.705° north is 229 m.
    assert!((228.0..230.0).contains(&location.border_distance_m), "{} m", location.border_distance_m);
    let kinds: Vec<AreaKind> = location.chain.iter().map(api::grids::v1::AreaRef::kind).collect();
    assert_eq!(kinds, [AreaKind::Subdistrict, AreaKind::Community, AreaKind::MicroGrid]);
    let wgs84 = location.wgs84.unwrap();
    assert_eq!((Some(wgs84), wgs84.datum()), (point(0.25, 0.5), Datum::Wgs84), "WGS-84 comes back to the last bit");
    let near_a2 = locate(&town.people.worker_a, 0.99, 0.5).await;
    assert_eq!(near_a2.runner_up.map(|area| area.code), Some("A2".to_owned()), "across the nearest border");
}

#[tokio::test]
async fn a_point_on_a_border_belongs_to_the_smallest_code() {
    let town = Town::start().await;
    for (x, y, code, other) in [(1.0, 0.5, "A1", "A2"), (2.0, 0.5, "A2", "B1"), (0.5, 2.0, "A3", "C1")] {
        let location = locate(&town.people.desk, x, y).await;
        assert_eq!(codes(&location).last(), Some(&code), "({x}, {y})");
        assert_eq!(location.decided_by(), DecidedBy::Border, "({x}, {y})");
        assert_eq!(location.border_distance_m, 0.0, "({x}, {y})");
        assert_eq!(location.runner_up.map(|area| area.code).as_deref(), Some(other), "({x}, {y})");
    }
    // Where four meet, too; and the outer corner of the map belongs to the map.
    assert_eq!(codes(&locate(&town.people.desk, 2.0, 2.0).await).last(), Some(&"A4"));
    assert_eq!(codes(&locate(&town.people.desk, 0.0, 0.0).await), ["S", "A", "A1"]);
}

#[tokio::test]
async fn a_point_outside_names_the_nearest_area_and_its_distance() {
    let town = Town::start().await;
    let location = locate(&town.people.desk, 0.5, -0.1).await;
    assert_eq!(location.decided_by(), DecidedBy::NearestOutside);
    assert!(location.chain.is_empty());
    let nearest = location.runner_up.clone().expect("the nearest area is named");
    assert_eq!(nearest.code, "A1");
    // A tenth of 0.01° of latitude is 110.9 m.
    assert!((110.0..112.0).contains(&location.border_distance_m), "{} m", location.border_distance_m);
    // In the sea, 700 km away: still an answer, and a distance that says everything.
    let sea = done(town.people.desk.grids().locate(at(124.0, 30.0, Datum::Wgs84)).await);
    assert!(sea.chain.is_empty());
    assert_eq!(sea.decided_by(), DecidedBy::NearestOutside);
    assert!(sea.runner_up.is_none() || sea.border_distance_m > 500_000.0, "{sea:?}");
}

#[tokio::test]
async fn an_exclusive_grid_wins_over_the_micro_grids_it_cuts() {
    let server = Wangge::start().await;
    let mut plots = Land::squares();
    plots.push(Plot::new(AreaKind::ExclusiveGrid, "Z-SCHOOL", "A", rectangle(0.5, 0.25, 1.5, 0.75)));
    Land::install(&server.administrator, &plots).await;
    let inside = locate(&server.administrator, 0.75, 0.5).await;
    assert_eq!(codes(&inside).last(), Some(&"Z-SCHOOL"), "although its code is the largest");
    assert_eq!(inside.decided_by(), DecidedBy::Exclusive);
    assert_eq!(&codes(&inside)[..2], ["S", "A"]);
    assert_eq!(inside.runner_up.map(|area| area.code).as_deref(), Some("A1"), "who would have it otherwise");
    let beside = locate(&server.administrator, 0.25, 0.5).await;
    assert_eq!((codes(&beside).last(), beside.decided_by()), (Some(&"A1"), DecidedBy::Inside));
}

#[tokio::test]
async fn what_is_no_point_is_refused_with_the_field() {
    let town = Town::start().await;
    let locate = |request: LocateRequest| {
        let mut grids = town.people.worker_a.grids();
        async move { refused(grids.locate(request).await) }
    };
    let wgs84 = Datum::Wgs84;
    locate(LocateRequest::default()).await.expect_fields(&["point"]);
    locate(at(f64::NAN, 34.7, wgs84)).await.expect_fields(&["point.longitude_deg"]);
    locate(at(117.5, f64::INFINITY, wgs84)).await.expect_fields(&["point.latitude_deg"]);
    locate(at(181.0, 34.7, wgs84)).await.expect_fields(&["point.longitude_deg"]);
    locate(at(117.5, 34.7, Datum::Unspecified)).await.expect_fields(&["point.datum"]);
    let swapped = locate(at(34.7, 117.5, wgs84)).await;
    swapped.expect_fields(&["point.latitude_deg"]);
    let everything = locate(at(f64::NAN, 91.0, Datum::Unspecified)).await;
    everything.expect_fields(&["point.datum", "point.longitude_deg", "point.latitude_deg"]);
    let mut unknown = at(117.5, 34.7, wgs84);
    unknown.point.as_mut().unwrap().datum = 99;
    locate(unknown).await.expect_fields(&["point.datum"]);
}

#[tokio::test]
async fn the_hint_for_swapped_numbers_says_that_they_are_swapped() {
    let town = Town::start().await;
    let refusal = refused(town.people.worker_a.grids().locate(at(34.7, 117.5, Datum::Wgs84)).await);
    assert!(refusal.message.contains("swap") || refusal.message.contains("order"), "{refusal:?}");
}

#[tokio::test]
async fn a_point_in_another_datum_lies_in_the_same_area() {
    let town = Town::start().await;
    let mut grids = town.people.desk.grids();
    // 117.505, 34.705 in WGS-84: the middle of A1. The shifted numbers are those of gcoord 1.0.
    let wgs84 = done(grids.locate(at(117.505, 34.705, Datum::Wgs84)).await);
    let boundary = |datum: Datum| api::grids::v1::GetBoundaryRequest {
        name: town.land.name("A1"),
        datum: datum.into(),
        as_of: None,
    };
    for datum in [Datum::Cgcs2000, Datum::Gcj02, Datum::Bd09] {
        // The server's own boundary in that datum tells where the middle of the area is in it.
        let geojson = done(grids.get_boundary(boundary(datum)).await).geojson;
        let (longitude, latitude) = middle(&geojson);
        let location = done(grids.locate(at(longitude, latitude, datum)).await);
        assert_eq!(codes(&location), ["S", "A", "A1"], "{datum:?}");
        let back = location.wgs84.unwrap();
        let moved = (back.longitude_deg - 117.505).abs().max((back.latitude_deg - 34.705).abs());
        assert!(moved < 2e-5, "{datum:?} comes back {moved}° away");
        let misread = done(grids.locate(at(longitude, latitude, Datum::Wgs84)).await).wgs84.unwrap();
        let shift = (misread.longitude_deg - 117.505).abs();
        assert!(if datum == Datum::Cgcs2000 { shift < 1e-9 } else { shift > 0.004 }, "{datum:?} shifts by {shift}°");
    }
    assert_eq!(codes(&wgs84), ["S", "A", "A1"]);
}

/// The mean of the corners of a rectangle's ring.
fn middle(geojson: &str) -> (f64, f64) {
    let value: serde_json::Value = serde_json::from_str(geojson).unwrap();
    assert_eq!(value["type"], "MultiPolygon");
    let ring = value["coordinates"][0][0].as_array().unwrap();
    let corners = &ring[..ring.len() - 1];
    let sum = |axis: usize| corners.iter().map(|corner| corner[axis].as_f64().unwrap()).sum::<f64>();
    (sum(0) / corners.len() as f64, sum(1) / corners.len() as f64)
}

#[tokio::test]
async fn many_points_are_answered_in_order_and_like_one_by_one() {
    let town = Town::start().await;
    let mut random = fastrand::Rng::with_seed(7);
    let points: Vec<(f64, f64)> = (0..400)
        .map(|_| (random.f64() * 5.0 - 0.5, random.f64() * 5.0 - 0.5))
        .chain([(1.0, 0.5), (2.0, 2.0)])
        .collect();
    let messages: Vec<LocateManyRequest> = points
        .chunks(150)
        .map(|chunk| {
            let degrees: Vec<(f64, f64)> = chunk.iter().map(|&(x, y)| tests::ground(x, y)).collect();
            LocateManyRequest {
                datum: Datum::Wgs84.into(),
                longitude_deg: degrees.iter().map(|place| place.0).collect(),
                latitude_deg: degrees.iter().map(|place| place.1).collect(),
                include_border: true,
                ..Default::default()
            }
        })
        .collect();
    let mut stream = done(town.people.worker_a.grids().locate_many(tokio_stream::iter(messages)).await);
    let (mut names, mut next) = (Vec::new(), points.iter());
    while let Some(answer) = stream.message().await.unwrap() {
        names.extend(answer.areas.iter().map(|area| area.code.clone()));
        for (place, &number) in answer.area_number.iter().enumerate() {
            let &(x, y) = next.next().expect("no more answers than questions");
            let single = locate(&town.people.worker_a, x, y).await;
            let code = number.checked_sub(1).map(|index| names[index as usize].as_str());
            assert_eq!(code, codes(&single).last().copied(), "({x}, {y})");
            assert_eq!(answer.decided_by[place], i32::from(single.decided_by()), "({x}, {y})");
            let border = f64::from(answer.border_distance_m[place]);
            assert!((border - single.border_distance_m).abs() < 0.01 + single.border_distance_m * 1e-6, "({x}, {y})");
        }
    }
    assert!(next.next().is_none(), "every question is answered");
}

#[tokio::test]
async fn a_wrong_batch_ends_the_stream_with_the_field() {
    let town = Town::start().await;
    let send = |message: LocateManyRequest| {
        let mut grids = town.people.worker_a.grids();
        async move {
            let mut stream = match grids.locate_many(tokio_stream::iter([message])).await {
                Ok(stream) => stream.into_inner(),
                Err(status) => return tests::Refusal::of(&status),
            };
            tests::Refusal::of(&stream.message().await.expect_err("a wrong batch is refused"))
        }
    };
    let right = LocateManyRequest {
        datum: Datum::Wgs84.into(),
        longitude_deg: vec![117.5; 2],
        latitude_deg: vec![34.7; 2],
        ..Default::default()
    };
    send(LocateManyRequest { latitude_deg: vec![34.7], ..right.clone() }).await.expect_fields(&["latitude_deg"]);
    send(LocateManyRequest { datum: 0, ..right.clone() }).await.expect_fields(&["datum"]);
    let one_wrong = LocateManyRequest { longitude_deg: vec![117.5, f64::NAN], ..right.clone() };
    send(one_wrong).await.expect_fields(&["longitude_deg[1]"]);
    let too_many = 65_537;
    let longitude_deg = vec![117.5; too_many];
    send(LocateManyRequest { longitude_deg, latitude_deg: vec![34.7; too_many], ..right })
        .await
        .expect_fields(&["longitude_deg"]);
}

#[tokio::test]
async fn nearby_answers_the_nearest_first_and_nothing_beyond_the_radius() {
    let town = Town::start().await;
    let nearby = |radius_m: f64, kind: AreaKind, limit: i32| NearbyRequest {
        point: point(0.5, 0.25),
        radius_m,
        kind: kind.into(),
        limit,
    };
    let mut grids = town.people.worker_b.grids();
    let near = done(grids.nearby(nearby(1_000.0, AreaKind::MicroGrid, 0)).await).areas;
    let found: Vec<&str> = near.iter().map(|near| near.area.as_ref().unwrap().code.as_str()).collect();
    assert_eq!(found, ["A1", "A2", "A3", "A4"], "itself, then east (458 m), north (832 m), north-east (950 m)");
    assert_eq!(near[0].distance_m, 0.0);
    assert!(near.windows(2).all(|pair| pair[0].distance_m <= pair[1].distance_m));
    assert!((457.0..459.0).contains(&near[1].distance_m), "{} m", near[1].distance_m);
    let few = done(grids.nearby(nearby(100_000.0, AreaKind::MicroGrid, 2)).await).areas;
    assert_eq!(few.len(), 2);
    let communities = done(grids.nearby(nearby(1_500.0, AreaKind::Community, 0)).await).areas;
    assert_eq!(communities[0].area.as_ref().unwrap().code, "A");
    for radius_m in [0.0, -1.0, f64::NAN, 100_001.0] {
        let refusal = refused(grids.nearby(nearby(radius_m, AreaKind::Unspecified, 0)).await);
        refusal.expect_fields(&["radius_m"]);
    }
}

#[tokio::test]
async fn before_any_release_a_point_lies_nowhere() {
    let server = Wangge::start().await;
    let location = locate(&server.administrator, 0.5, 0.5).await;
    assert!(location.chain.is_empty() && location.runner_up.is_none() && location.release.is_empty(), "{location:?}");
    let stranger = server.administrator.with_token("", "");
    let refusal = refused(stranger.grids().locate(at(117.5, 34.7, Datum::Wgs84)).await);
    refusal.expect(Code::Unauthenticated, "TOKEN_MISSING");
}
