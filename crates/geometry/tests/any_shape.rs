//! Whatever the rings look like, the coverage answers as `geo`, stored bytes and texts come back, and validation ends.

#![allow(clippy::unwrap_used)]

mod support;

use geometry::{Area, Coverage, Datum, Item, Position, Shape, Tolerances, validate};
use proptest::collection::vec;
use proptest::prelude::*;
use support::Oracle;

/// Corners on a small lattice, so that vertices, edges and whole rings meet all the time.
fn ring() -> impl Strategy<Value = Vec<[f64; 2]>> {
    vec((0_i32..7, 0_i32..7), 3..9).prop_map(|corners| {
        let mut ring: Vec<[f64; 2]> = corners.iter().map(|(x, y)| [f64::from(*x), f64::from(*y)]).collect();
        ring.push(ring[0]);
        ring
    })
}

fn shape() -> impl Strategy<Value = Shape> {
    vec(vec(ring(), 1..3), 0..3).prop_map(|polygons| Shape::new(polygons).unwrap())
}

fn items() -> impl Strategy<Value = Vec<Item>> {
    vec((shape(), 0_u8..3, 0_u8..4), 1..8).prop_map(|shapes| {
        let item = |(id, (shape, rank, code)): (u32, (Shape, u8, u8))| Item { id, code: code.to_string(), rank, shape };
        (0..).zip(shapes).map(item).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn any_set_of_shapes_answers_as_geo(items in items(), scale in prop::sample::select(vec![1.0, 0.001, 1e-6])) {
        let moved: Vec<Item> = items.into_iter().map(|item| Item { shape: scaled(&item.shape, scale), ..item }).collect();
        let oracle = Oracle::new(&moved);
        let coverage = Coverage::build(moved).unwrap();
        for step in 0..29 * 29 {
            // Quarters and thirds of the lattice: corners, points on edges and points off both.
            let share = |step: i32| if step % 2 == 0 { f64::from(step) / 4.0 } else { f64::from(step) / 4.0 + 1.0 / 12.0 };
            let point = [120.0 + share(step % 29) * scale, 23.0 + share(step / 29) * scale];
            let expected = oracle.all(point);
            let position = Position::new(point[0], point[1]).unwrap();
            prop_assert_eq!(coverage.locate_all(position), expected.clone());
            prop_assert_eq!(coverage.locate_index(point[0], point[1]), expected.first().copied());
            prop_assert_eq!(coverage.locate(position).winner, expected.first().copied());
        }
    }

    #[test]
    fn any_shape_comes_back_from_bytes_and_text(shape in shape()) {
        prop_assert_eq!(&Shape::from_bytes(&shape.to_bytes()).unwrap(), &shape);
        prop_assert_eq!(&Shape::from_geojson(&shape.to_geojson(), Datum::Wgs84).unwrap(), &shape);
    }

    #[test]
    fn validation_of_any_shapes_ends_and_repeats_itself(items in items()) {
        let area = |item: &Item| Area {
            id: item.id,
            code: item.code.clone(),
            rank: item.rank,
            parent: item.id.is_multiple_of(3).then_some(item.id + 1),
            shape: scaled(&item.shape, 0.001),
        };
        let areas: Vec<Area> = items.iter().map(area).collect();
        let findings = validate(&areas, &Tolerances::default());
        prop_assert_eq!(&validate(&areas, &Tolerances::default()), &findings);
    }
}

fn scaled(shape: &Shape, scale: f64) -> Shape {
    let place = |[x, y]: &[f64; 2]| [120.0 + x * scale, 23.0 + y * scale];
    let polygons = shape.polygons().map(|rings| rings.map(|ring| ring.iter().map(place).collect()).collect());
    Shape::new(polygons.collect()).unwrap()
}
