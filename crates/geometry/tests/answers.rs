//! The rules by which a coverage decides, and what it explains.

#![allow(clippy::unwrap_used)]

use geometry::distance::{distance_m, distance_to_segment_m};
use geometry::{Answer, Bounds, Coverage, DecidedBy, Item, Position, Shape, tessellate};

fn at(longitude: f64, latitude: f64) -> Position {
    Position::new(longitude, latitude).unwrap()
}

fn rectangle(id: u32, code: &str, rank: u8, low: [f64; 2], high: [f64; 2]) -> Item {
    let ring = vec![low, [high[0], low[1]], high, [low[0], high[1]], low];
    Item { id, code: code.into(), rank, shape: Shape::new(vec![vec![ring]]).unwrap() }
}

/// Two neighbours, a third that overlaps the first, a site across the border of the first two, and one around all.
fn town() -> Coverage {
    Coverage::build(vec![
        rectangle(70, "b", 2, [118.00, 36.80], [118.01, 36.81]),
        rectangle(71, "a", 2, [118.01, 36.80], [118.02, 36.81]),
        rectangle(72, "c", 2, [117.99, 36.80], [118.002, 36.81]),
        rectangle(73, "site", 0, [118.009, 36.804], [118.011, 36.806]),
        rectangle(74, "whole", 3, [117.99, 36.80], [118.02, 36.81]),
    ])
    .unwrap()
}

fn answer(winner: u32, decided_by: DecidedBy, runner_up: Option<u32>) -> Answer {
    Answer { winner: Some(winner), decided_by, runner_up }
}

#[test]
fn each_way_of_deciding_is_told() {
    let town = town();
    assert_eq!(town.locate(at(118.005, 36.805)), answer(70, DecidedBy::Inside, None));
    assert_eq!(town.locate(at(118.01, 36.802)), answer(71, DecidedBy::Border, Some(70)));
    assert_eq!(town.locate(at(118.001, 36.802)), answer(70, DecidedBy::Overlap, Some(72)));
    assert_eq!(town.locate(at(118.0105, 36.805)), answer(73, DecidedBy::Exclusive, Some(71)));
    assert_eq!(town.locate(at(118.009, 36.805)), answer(73, DecidedBy::Border, None));
    let outside = Answer { winner: None, decided_by: DecidedBy::Outside, runner_up: None };
    assert_eq!(town.locate(at(118.03, 36.805)), outside);
    assert_eq!(Coverage::build(Vec::new()).unwrap().locate(at(0.0, 0.0)), outside);
}

#[test]
fn all_covering_areas_come_in_order_of_precedence() {
    assert_eq!(town().locate_all(at(118.0105, 36.805)), [73, 71, 74]);
    assert_eq!(town().locate_all(at(118.001, 36.802)), [70, 72, 74]);
}

#[test]
fn numbers_that_are_no_position_are_outside() {
    let town = town();
    for (longitude, latitude) in [(f64::NAN, 36.8), (118.0, f64::NAN), (f64::INFINITY, 36.8), (1e300, -1e300)] {
        assert_eq!(town.locate_index(longitude, latitude), None);
    }
    let mut winners = vec![Some(1)];
    town.locate_batch(&[(f64::NAN, f64::NAN), (118.005, 36.805)], &mut winners);
    assert_eq!(winners, [None, Some(70)]);
}

#[test]
fn an_explanation_measures_to_the_border_and_names_who_lives_across() {
    let found = town().explain(at(118.0098, 36.808));
    assert_eq!((found.winner, found.decided_by, found.runner_up), (Some(70), DecidedBy::Inside, Some(71)));
    let expected = distance_m(at(118.0098, 36.808), at(118.01, 36.808));
    assert!((found.border_m.unwrap() - expected).abs() < 1e-3);
    assert_eq!(town().locate_all(at(118.0098, 36.808)), [70, 74]);
    let on_border = town().explain(at(118.01, 36.802));
    assert_eq!((on_border.border_m, on_border.runner_up), (Some(0.0), Some(70)));
    let rim = town().explain(at(118.0199, 36.805));
    assert_eq!((rim.winner, rim.runner_up), (Some(71), None));
    let site = town().explain(at(118.0105, 36.805));
    assert_eq!((site.winner, site.runner_up), (Some(73), Some(71)));
}

#[test]
fn a_point_outside_is_told_the_nearest_area_however_far() {
    let near = town().explain(at(118.03, 36.805)).nearest.unwrap();
    // The neighbour and the area around all are equally near; the lower rank is named.
    assert_eq!(near.id, 71);
    assert!((near.distance_m - distance_m(at(118.03, 36.805), at(118.02, 36.805))).abs() < 0.01);
    let sea = town().explain(at(-30.0, -20.0)).nearest.unwrap();
    assert!(sea.distance_m > 10_000_000.0);
    assert_eq!(Coverage::build(Vec::new()).unwrap().explain(at(0.0, 0.0)).nearest, None);
}

fn brute_force_m(item: &Item, position: Position) -> f64 {
    if item.shape.covers(position) {
        return 0.0;
    }
    let point = |[x, y]: [f64; 2]| at(x, y);
    let edges = item.shape.rings().flat_map(|ring| ring.windows(2));
    edges.map(|edge| distance_to_segment_m(position, point(edge[0]), point(edge[1])).0).fold(f64::INFINITY, f64::min)
}

#[test]
fn nearby_equals_measuring_every_area() {
    let bounds = Bounds { low: [118.0, 36.7], high: [118.3, 36.95] };
    let shapes = (0..).zip(tessellate(8, 300, bounds, 0.1));
    let items: Vec<Item> = shapes.map(|(id, shape)| Item { id, code: format!("{id:04}"), rank: 1, shape }).collect();
    let coverage = Coverage::build(items.clone()).unwrap();
    let mut random = fastrand::Rng::with_seed(5);
    for _ in 0..20 {
        let position = at(117.9 + random.f64() * 0.5, 36.6 + random.f64() * 0.45);
        let radius = random.f64() * 6_000.0;
        let mut expected: Vec<f64> = items.iter().map(|item| brute_force_m(item, position)).collect();
        expected.retain(|distance| *distance <= radius);
        expected.sort_by(f64::total_cmp);
        let found = coverage.nearby(position, radius, usize::MAX);
        assert_eq!(found.len(), expected.len());
        for (near, metres) in found.iter().zip(&expected) {
            assert!((near.distance_m - metres).abs() < 0.001 + metres * 1e-6, "{near:?} instead of {metres}");
        }
        assert_eq!(coverage.nearby(position, radius, 2)[..], found[..found.len().min(2)]);
    }
}

#[test]
fn a_coverage_can_be_shared_by_threads() {
    let town = std::sync::Arc::new(town());
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let town = std::sync::Arc::clone(&town);
            std::thread::spawn(move || town.locate_index(118.005, 36.805))
        })
        .collect();
    assert!(threads.into_iter().all(|thread| thread.join().unwrap() == Some(70)));
}
