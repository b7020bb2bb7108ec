//! Locating points, one by one and in batches, and building the index; `cargo bench -p geometry`.
//!
//! For ratios against an R-tree with `geo` in one run see `examples/locate_ratio.rs`. Under `cargo test` every bench runs
//! once.

#![allow(missing_docs, clippy::unwrap_used)]

use divan::{Bencher, counter::ItemsCount};
use geometry::{Bounds, Coverage, Item, tessellate};

const BOUNDS: Bounds = Bounds { low: [117.5, 34.7], high: [118.0, 35.1] };
const POINTS: usize = 10_000;

fn main() {
    divan::main();
}

fn items(areas: usize) -> Vec<Item> {
    let shapes = (0..).zip(tessellate(2026, areas, BOUNDS, 0.1));
    shapes.map(|(id, shape)| Item { id, code: format!("{id:09}"), rank: 1, shape }).collect()
}

fn points() -> Vec<(f64, f64)> {
    let mut random = fastrand::Rng::with_seed(1);
    let mut at = |axis: usize| BOUNDS.low[axis] + random.f64() * (BOUNDS.high[axis] - BOUNDS.low[axis]);
    (0..POINTS).map(|_| (at(0), at(1))).collect()
}

#[divan::bench(args = [352, 5_000])]
fn locate_one_by_one(bencher: Bencher<'_, '_>, areas: usize) {
    let (coverage, points) = (Coverage::build(items(areas)).unwrap(), points());
    bencher
        .counter(ItemsCount::new(POINTS))
        .bench_local(|| points.iter().filter(|point| coverage.locate_index(point.0, point.1).is_some()).count());
}

#[divan::bench(args = [352, 5_000])]
fn locate_in_batches(bencher: Bencher<'_, '_>, areas: usize) {
    let (coverage, points) = (Coverage::build(items(areas)).unwrap(), points());
    let mut winners = Vec::new();
    bencher.counter(ItemsCount::new(POINTS)).bench_local(|| coverage.locate_batch(&points, &mut winners));
}

#[divan::bench(args = [352, 5_000])]
fn build(bencher: Bencher<'_, '_>, areas: usize) {
    bencher.with_inputs(|| items(areas)).bench_local_values(|items| Coverage::build(items).unwrap());
}
