//! Shapes that a box is not: L-shaped, ring-shaped and scattered grids (a mistake of peers who index boxes).

use api::grids::v1::{AreaKind, Datum, DecidedBy, GetBoundaryRequest, LocateRequest};
use tests::{Caller, Land, Plot, Wangge, done, ground, point, polygon, rectangle, with_hole};

async fn finest(caller: &Caller, x: f64, y: f64) -> (String, DecidedBy) {
    let location =
        done(caller.grids().locate(LocateRequest { point: point(x, y), as_of: None, ..Default::default() }).await);
    let decided_by = location.decided_by();
    (location.chain.last().map(|area| area.code.clone()).unwrap_or_default(), decided_by)
}

#[tokio::test]
async fn a_point_in_the_notch_of_an_l_belongs_to_its_neighbour() {
    let server = Wangge::start().await;
    let l = polygon(&[(0.0, 0.0), (3.0, 0.0), (3.0, 1.0), (1.0, 1.0), (1.0, 3.0), (0.0, 3.0)]);
    let plots = [
        Plot::new(AreaKind::Community, "C", "", rectangle(0.0, 0.0, 3.0, 3.0)),
        // The smaller code has the larger box: whoever looks at boxes gives it everything.
        Plot::new(AreaKind::MicroGrid, "1-L", "C", l),
        Plot::new(AreaKind::MicroGrid, "2-NOTCH", "C", rectangle(1.0, 1.0, 3.0, 3.0)),
    ];
    Land::install(&server.administrator, &plots).await;
    for (x, y, code) in [(0.5, 0.5, "1-L"), (2.5, 0.5, "1-L"), (0.5, 2.5, "1-L"), (2.0, 2.0, "2-NOTCH")] {
        assert_eq!(finest(&server.administrator, x, y).await, (code.to_owned(), DecidedBy::Inside), "({x}, {y})");
    }
    assert_eq!(finest(&server.administrator, 1.0, 2.0).await, ("1-L".to_owned(), DecidedBy::Border));
}

#[tokio::test]
async fn a_point_in_the_hole_of_a_ring_belongs_to_the_island() {
    let server = Wangge::start().await;
    let plots = [
        Plot::new(AreaKind::Community, "C", "", rectangle(0.0, 0.0, 5.0, 3.0)),
        Plot::new(AreaKind::MicroGrid, "1-RING", "C", with_hole((0.0, 0.0, 3.0, 3.0), (1.0, 1.0, 2.0, 2.0))),
        Plot::new(AreaKind::MicroGrid, "2-ISLAND", "C", rectangle(1.0, 1.0, 2.0, 2.0)),
        Plot::new(AreaKind::MicroGrid, "3-EAST", "C", rectangle(3.0, 0.0, 5.0, 3.0)),
    ];
    Land::install(&server.administrator, &plots).await;
    let caller = &server.administrator;
    assert_eq!(finest(caller, 1.5, 1.5).await, ("2-ISLAND".to_owned(), DecidedBy::Inside));
    assert_eq!(finest(caller, 0.5, 1.5).await, ("1-RING".to_owned(), DecidedBy::Inside));
    assert_eq!(finest(caller, 2.5, 1.5).await, ("1-RING".to_owned(), DecidedBy::Inside));
    assert_eq!(finest(caller, 1.0, 1.5).await, ("1-RING".to_owned(), DecidedBy::Border));
}

#[tokio::test]
async fn a_hole_without_an_island_lies_in_the_parent_only_and_scattered_parts_are_one_area() {
    let server = Wangge::start().await;
    let part = |west: f64, south: f64| {
        let corners =
            [(west, south), (west + 1.0, south), (west + 1.0, south + 1.0), (west, south + 1.0), (west, south)];
        let positions: Vec<String> = corners
            .iter()
            .map(|&(x, y)| {
                let (longitude, latitude) = ground(x, y);
                format!("[{longitude},{latitude}]")
            })
            .collect();
        format!("[[{}]]", positions.join(","))
    };
    let scattered = format!(r#"{{"type":"MultiPolygon","coordinates":[{},{}]}}"#, part(0.0, 0.0), part(4.0, 4.0));
    let plots = [Plot::new(AreaKind::Community, "C", "", scattered)];
    let land = Land::install(&server.administrator, &plots).await;
    let caller = &server.administrator;
    assert_eq!(finest(caller, 0.5, 0.5).await.0, "C");
    assert_eq!(finest(caller, 4.5, 4.5).await.0, "C");
    assert_eq!(finest(caller, 2.5, 2.5).await, (String::new(), DecidedBy::NearestOutside), "between the parts");
    let request = GetBoundaryRequest { name: land.name("C"), datum: Datum::Wgs84.into(), as_of: None };
    let boundary = done(caller.grids().get_boundary(request).await);
    // Two cells of about 0.916 km x 1.109 km.
    assert!((2_020_000.0..2_050_000.0).contains(&boundary.area_m2), "{} m²", boundary.area_m2);
}
