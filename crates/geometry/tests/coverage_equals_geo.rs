//! The coverage index answers as `geo` does, point for point: random points, every vertex, every edge midpoint.

#![allow(clippy::unwrap_used)]

mod support;

use geometry::{Bounds, Coverage, Division, Item, Position, Shape};
use support::{Oracle, collection};

/// Random points per set; `WANGGE_POINTS` asks for another number.
fn random_points() -> usize {
    std::env::var("WANGGE_POINTS").ok().and_then(|count| count.parse().ok()).unwrap_or(1_000_000)
}

/// Compares all ways of asking with the oracle at random points, all vertices and all edge midpoints.
fn assert_equal_to_geo(items: &[Item], count: usize) {
    let oracle = Oracle::new(items);
    let coverage = Coverage::build(items.to_vec()).unwrap();
    let bounds = coverage.bounds();
    let mut random = fastrand::Rng::with_seed(2026);
    let mut points = Vec::new();
    for _ in 0..count {
        let at = |axis: usize, share: f64| {
            let size = bounds.high[axis] - bounds.low[axis];
            bounds.low[axis] - size * 0.02 + share * size * 1.04
        };
        points.push((at(0, random.f64()), at(1, random.f64())));
    }
    for ring in items.iter().flat_map(|item| item.shape.rings()) {
        for edge in ring.windows(2) {
            points.push((edge[0][0], edge[0][1]));
            points.push(((edge[0][0] + edge[1][0]) / 2.0, (edge[0][1] + edge[1][1]) / 2.0));
        }
    }
    points.retain(|(x, y)| Position::new(*x, *y).is_ok());
    let mut batch = Vec::new();
    coverage.locate_batch(&points, &mut batch);
    for (&(x, y), batched) in points.iter().zip(batch) {
        let expected = oracle.all([x, y]);
        let position = Position::new(x, y).unwrap();
        assert_eq!(coverage.locate_index(x, y), expected.first().copied(), "at {x} {y}");
        assert_eq!(batched, expected.first().copied(), "in a batch at {x} {y}");
        assert_eq!(coverage.locate_all(position), expected, "all at {x} {y}");
    }
}

fn item(id: u32, code: &str, rank: u8, polygons: Vec<Vec<Vec<[f64; 2]>>>) -> Item {
    Item { id, code: code.into(), rank, shape: Shape::new(polygons).unwrap() }
}

fn ring(points: &[[f64; 2]]) -> Vec<[f64; 2]> {
    let mut ring = points.to_vec();
    ring.push(points[0]);
    ring
}

fn rectangle(low: [f64; 2], high: [f64; 2]) -> Vec<[f64; 2]> {
    ring(&[low, [high[0], low[1]], high, [low[0], high[1]]])
}

#[test]
fn the_649_villages_of_tainan_answer_as_geo() {
    if let Some(items) = collection("tainan_villages_649.geojson", "VILLCODE") {
        assert_equal_to_geo(&items, random_points());
    }
}

#[test]
fn the_99_overlapping_councils_of_los_angeles_answer_as_geo() {
    if let Some(items) = collection("la_neighborhood_councils_99.geojson", "name") {
        assert_equal_to_geo(&items, random_points() / 5);
    }
}

#[test]
fn all_levels_of_a_division_with_exclusive_sites_answer_as_geo() {
    let bounds = Bounds { low: [117.55, 34.75], high: [117.65, 34.83] };
    let division = Division::generate(21, bounds, &[20, 80, 352], 0.1);
    let mut items = Vec::new();
    let mut add = |rank: u8, shape: Shape| {
        let id = u32::try_from(items.len()).unwrap();
        items.push(Item { id, code: format!("{:05}", 99_999 - id), rank, shape });
    };
    for (rank, level) in [3, 2, 1].into_iter().zip(&division.levels) {
        level.iter().for_each(|part| add(rank, part.shape.clone()));
    }
    division.sites(21, 12).into_iter().for_each(|site| add(0, site.shape));
    assert_equal_to_geo(&items, 200_000);
}

#[test]
fn holes_rings_and_multipolygons_answer_as_geo() {
    let square = rectangle([0.0, 0.0], [8.0, 8.0]);
    let hole = rectangle([2.0, 2.0], [6.0, 6.0]);
    let island = rectangle([3.0, 3.0], [5.0, 5.0]);
    let corner = ring(&[[8.0, 0.0], [12.0, 0.0], [12.0, 8.0], [10.0, 8.0], [10.0, 2.0], [8.0, 2.0]]);
    let items = vec![
        item(0, "ring", 1, vec![vec![square.clone(), hole.clone()]]),
        item(1, "filling", 1, vec![vec![hole.clone(), island.clone()]]),
        item(2, "island", 1, vec![vec![island.clone()]]),
        item(3, "corner", 1, vec![vec![corner]]),
        item(4, "parts", 1, vec![vec![rectangle([8.0, 2.0], [10.0, 4.0])], vec![rectangle([8.0, 6.0], [10.0, 8.0])]]),
        item(5, "nested", 2, vec![vec![square, hole], vec![island]]),
        item(6, "site", 0, vec![vec![rectangle([7.0, 1.0], [9.0, 3.0])]]),
    ];
    assert_equal_to_geo(&items, 50_000);
}

#[test]
fn borders_along_the_sides_of_cells_answer_as_geo() {
    let mut items = Vec::new();
    for row in 0..16_u32 {
        for column in 0..16_u32 {
            let low = [f64::from(column), f64::from(row)];
            let code = format!("{row:02}{column:02}");
            items.push(item(row * 16 + column, &code, 1, vec![vec![rectangle(low, [low[0] + 1.0, low[1] + 1.0])]]));
        }
    }
    assert_equal_to_geo(&items, 20_000);
}

#[test]
fn degenerate_and_tangled_rings_answer_as_geo() {
    let bow_tie = ring(&[[0.0, 0.0], [4.0, 4.0], [4.0, 0.0], [0.0, 4.0]]);
    let spike = ring(&[[5.0, 0.0], [9.0, 0.0], [7.0, 0.0], [7.0, 4.0], [5.0, 4.0]]);
    let twice = ring(&[[0.0, 5.0], [3.0, 5.0], [3.0, 8.0], [0.0, 8.0], [0.0, 5.0], [3.0, 5.0], [3.0, 8.0], [0.0, 8.0]]);
    let line = ring(&[[5.0, 5.0], [8.0, 8.0], [5.0, 5.0]]);
    let point = ring(&[[9.0, 9.0], [9.0, 9.0], [9.0, 9.0]]);
    let star = ring(&[[11.0, 0.0], [13.0, 6.0], [8.5, 2.0], [13.5, 2.0], [9.0, 6.0]]);
    let outside_hole = vec![rectangle([0.0, 10.0], [3.0, 13.0]), rectangle([2.0, 11.0], [5.0, 12.0])];
    let stray_hole = vec![rectangle([6.0, 10.0], [7.0, 11.0]), rectangle([8.0, 10.0], [9.0, 11.0])];
    let overlapping = vec![vec![rectangle([10.0, 10.0], [13.0, 13.0])], vec![rectangle([11.0, 11.0], [14.0, 14.0])]];
    let pinched = ring(&[[0.0, 14.0], [2.0, 15.0], [4.0, 14.0], [4.0, 16.0], [2.0, 15.0], [0.0, 16.0]]);
    let repeated = ring(&[[6.0, 14.0], [8.0, 14.0], [8.0, 14.0], [8.0, 16.0], [6.0, 16.0], [6.0, 16.0]]);
    let items = vec![
        item(0, "a", 1, vec![vec![bow_tie]]),
        item(1, "b", 1, vec![vec![spike]]),
        item(2, "c", 1, vec![vec![twice]]),
        item(3, "d", 1, vec![vec![line]]),
        item(4, "e", 1, vec![vec![point]]),
        item(5, "f", 1, vec![vec![star]]),
        item(6, "g", 1, vec![outside_hole]),
        item(7, "h", 1, vec![stray_hole]),
        item(8, "i", 1, overlapping),
        item(9, "j", 1, vec![vec![pinched]]),
        item(10, "k", 1, vec![vec![repeated]]),
        item(11, "l", 2, vec![vec![rectangle([1.0, 1.0], [12.0, 12.0])]]),
        item(12, "m", 2, vec![]),
    ];
    assert_equal_to_geo(&items, 100_000);
}

#[test]
fn tiny_areas_and_areas_of_every_size_answer_as_geo() {
    let mut items = Vec::new();
    for step in 0..40_u32 {
        let size = 10_f64.powf(-f64::from(step) * 0.35);
        let low = [120.0 + size, 23.0 + size / 3.0];
        let shape = ring(&[low, [low[0] + size, low[1] + size * 0.1], [low[0] + size * 0.6, low[1] + size * 0.8]]);
        items.push(item(step, &format!("{step:02}"), 1, vec![vec![shape]]));
    }
    assert_equal_to_geo(&items, 50_000);
}

#[test]
fn more_areas_at_one_point_than_a_cell_has_bits_answer_as_geo() {
    let mut items = Vec::new();
    for step in 0..90_u32 {
        let angle = |step: u32| f64::from(step) / 90.0 * std::f64::consts::TAU;
        let rim = |step: u32| [angle(step).cos(), angle(step).sin()];
        items.push(item(step, &format!("{step:02}"), 1, vec![vec![ring(&[[0.0, 0.0], rim(step), rim(step + 1)])]]));
        let disc: Vec<[f64; 2]> = (0..9).map(|turn| rim(step + turn * 10).map(|x| x * 0.7)).collect();
        items.push(item(100 + step, &format!("x{step:02}"), 2, vec![vec![ring(&disc)]]));
    }
    assert_equal_to_geo(&items, 50_000);
}
