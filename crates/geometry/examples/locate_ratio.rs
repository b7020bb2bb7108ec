//! Measures the coverage index against an R-tree of boxes with `geo::Contains`, in one run, and prints ratios.
//!
//! `cargo run --release -p geometry --example locate_ratio [AREAS]` — passes are interleaved, the least is shown, and all
//! answers are compared while at it. Reads the Tainan villages from `$WANGGE_DATA` or the workplace's folder.

use std::hint::black_box;
use std::path::PathBuf;
use std::time::Instant;

use geo::Contains;
use geometry::{Bounds, Coverage, Datum, Item, Shape, read_features, tessellate};
use rstar::primitives::{GeomWithData, Rectangle};

const POINTS: usize = 1_000_000;
const PASSES: usize = 9;
/// Chengdu's micro-grids.
const AREAS: usize = 126_449;

fn main() {
    let areas = std::env::args().nth(1).and_then(|count| count.parse().ok()).unwrap_or(AREAS);
    println!("{POINTS} random points in the box, one thread, processor time, the least of {PASSES} interleaved passes");
    if let Some(items) = villages() {
        measure("Tainan villages", items);
    }
    let bounds = Bounds { low: [103.0, 30.1], high: [104.9, 31.4] };
    for (name, wiggle) in [("generated, straight", 0.0), ("generated, wiggly", 0.1)] {
        let shapes = tessellate(2026, areas, bounds, wiggle);
        let items = (0..).zip(shapes).map(|(id, shape)| Item { id, code: format!("{id:09}"), rank: 1, shape });
        measure(name, items.collect());
    }
}

fn villages() -> Option<Vec<Item>> {
    let folder = std::env::var_os("WANGGE_DATA").map(PathBuf::from);
    let folder = folder.unwrap_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data")));
    let file = std::fs::File::open(folder.join("tainan_villages_649.geojson")).ok()?;
    let mut items = Vec::new();
    let read = read_features(file, |feature| {
        let id = u32::try_from(feature.index).unwrap_or(u32::MAX);
        items.push(Item {
            id,
            code: feature.properties["VILLCODE"].clone(),
            rank: 1,
            shape: feature.shape(Datum::Wgs84)?,
        });
        Ok(())
    });
    read.ok().map(|_| items)
}

fn measure(name: &str, items: Vec<Item>) {
    let vertices: usize = items.iter().map(|item| item.shape.vertex_count()).sum();
    println!("\n{name}: {} areas, {} vertices each", items.len(), vertices / items.len());
    let polygons: Vec<(u32, Shape)> = (0..).zip(items.iter().map(|item| item.shape.clone())).collect();

    reset_peak();
    let before = memory_mib("VmRSS");
    let started = Instant::now();
    let coverage = Coverage::build(items).expect("the coverage fits");
    let seconds = started.elapsed().as_secs_f64();
    let index = coverage.index_bytes() as f64 / f64::from(1 << 20);
    let shapes = vertices as f64 * 16.0 / f64::from(1 << 20);
    println!(
        "  build {seconds:.2} s, index {index:.0} MiB + shapes {shapes:.0} MiB held, process {:.0} MiB now, peak {:.0} MiB above the {before:.0} MiB before",
        memory_mib("VmRSS"),
        memory_mib("VmHWM") - before,
    );
    let oracle = Oracle::new(&polygons);
    let points = random_points(coverage.bounds());
    compare(&coverage, &oracle, &points);

    let mut nanoseconds: [Vec<f64>; 3] = Default::default();
    let mut batch = Vec::new();
    for pass in 0..PASSES {
        // The sum of the ids keeps the compiler from leaving out what leads to them.
        nanoseconds[0].push(time(|| sum(points.iter().map(|point| coverage.locate_index(point.0, point.1)))));
        nanoseconds[1].push(time(|| {
            coverage.locate_batch(&points, &mut batch);
            sum(batch.iter().copied())
        }));
        // The slow one needs fewer passes to be told.
        if pass < 3 {
            nanoseconds[2].push(time(|| sum(points.iter().map(|point| oracle.locate(*point)))));
        }
    }
    let [one, many, reference] = nanoseconds.map(least);
    println!("  one by one  {one:7.1} ns a point   {:5.1}x faster than the reference", reference / one);
    println!("  in batches  {many:7.1} ns a point   {:5.1}x faster than the reference", reference / many);
    println!("  reference   {reference:7.1} ns a point   (rstar boxes + geo::Contains, one by one)");
}

fn sum(ids: impl Iterator<Item = Option<u32>>) -> usize {
    ids.flatten().map(|id| id as usize).sum()
}

fn random_points(bounds: Bounds) -> Vec<(f64, f64)> {
    let mut random = fastrand::Rng::with_seed(1);
    let mut at = |axis: usize| bounds.low[axis] + random.f64() * (bounds.high[axis] - bounds.low[axis]);
    (0..POINTS).map(|_| (at(0), at(1))).collect()
}

/// The R-tree of boxes with `geo::Contains`; of several areas the first given wins.
struct Oracle {
    tree: rstar::RTree<GeomWithData<Rectangle<[f64; 2]>, u32>>,
    polygons: Vec<geo::MultiPolygon>,
}

impl Oracle {
    fn new(shapes: &[(u32, Shape)]) -> Self {
        let boxes = shapes.iter().map(|(place, shape)| {
            let bounds = shape.bounds();
            GeomWithData::new(Rectangle::from_corners(bounds.low, bounds.high), *place)
        });
        let tree = rstar::RTree::bulk_load(boxes.collect());
        let polygons = shapes.iter().map(|(_, shape)| {
            let polygons = shape.polygons().map(|rings| {
                let mut rings = rings.map(|ring| geo::LineString::from(ring.to_vec()));
                let exterior = rings.next().unwrap_or(geo::LineString::new(vec![]));
                geo::Polygon::new(exterior, rings.collect())
            });
            geo::MultiPolygon::new(polygons.collect())
        });
        Self { tree, polygons: polygons.collect() }
    }

    fn locate(&self, point: (f64, f64)) -> Option<u32> {
        let at = geo::Coord { x: point.0, y: point.1 };
        let found = self.tree.locate_all_at_point(&[point.0, point.1]).map(|found| found.data);
        found.filter(|&place| self.polygons[place as usize].contains(&at)).min()
    }
}

/// All answers must agree. `Contains` leaves borders out, so a point exactly on one would show here as a difference.
fn compare(coverage: &Coverage, oracle: &Oracle, points: &[(f64, f64)]) {
    let differ = |point: &&(f64, f64)| coverage.locate_index(point.0, point.1) != oracle.locate(**point);
    let differences = points.iter().filter(differ).count();
    println!("  compared with geo at {} points: {differences} differences", points.len());
}

/// Nanoseconds of processor time per point; a neighbour that takes the processor away does not count, one that takes the
/// cache does.
fn time(mut pass: impl FnMut() -> usize) -> f64 {
    let started = (Instant::now(), processor_ns());
    black_box(pass());
    let ns = match (started.1, processor_ns()) {
        (Some(before), Some(after)) => after - before,
        _ => started.0.elapsed().as_secs_f64() * 1e9,
    };
    ns / POINTS as f64
}

/// Nanoseconds this thread has run, from the kernel; none where there is no /proc.
fn processor_ns() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    stat.split_whitespace().next()?.parse().ok()
}

/// The least of several passes: the one least disturbed.
fn least(values: Vec<f64>) -> f64 {
    values.into_iter().fold(f64::INFINITY, f64::min)
}

/// A figure of this process from the kernel, in MiB; 0 where there is no /proc.
fn memory_mib(figure: &str) -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with(figure));
    let kib = line.and_then(|line| line.split_whitespace().nth(1)).and_then(|kib| kib.parse::<f64>().ok());
    kib.unwrap_or(0.0) / 1024.0
}

/// Makes the kernel forget the highest memory so far.
fn reset_peak() {
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}
