//! The union of many shapes, and one shape less others, at the cost of their outline.
//!
//! Edges that two neighbours share cancel out: each runs once in either direction. What is left, the outline of the union
//! and the borders of everything that does not fit, winds around every point exactly as often as all shapes together cover
//! it. So the union of a hundred thousand areas that fit costs no more than its outline, and only misfits cost more.
//!
//! Not here: what a hole in a union means (`validate`).

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use base::{Error, Kind, Result};
use geo::{LineString, MultiPolygon, Polygon, unary_union};

use crate::distance::ring_area_m2;
use crate::exact::Point;
use crate::shape::check_vertex_count;
use crate::{Bounds, Shape};

/// Edges left after cancelling above which the work is refused; sets that fit leave their outline only.
const EDGES_MAX: usize = 3_000_000;

/// The ground that any of the shapes covers, as one shape. Where neighbours leave a sliver between them the union has a
/// hole. Vertices are good to about a billionth of the extent. No shape at all gives the empty shape.
///
/// Errors: `BOUNDARY_TOO_LARGE` (`Kind::Exhausted`) when the union has more vertices than one boundary may have;
/// `UNION_TOO_TANGLED` (`Kind::Precondition`) when the borders fit so badly that no union can be computed.
pub fn union<'a>(shapes: impl IntoIterator<Item = &'a Shape>) -> Result<Shape> {
    let mut edges = Edges::default();
    shapes.into_iter().for_each(|shape| edges.add(shape));
    let union = edges.covered().map_err(|gave_up| {
        Error::new(
            Kind::Precondition,
            "UNION_TOO_TANGLED",
            format!("the boundaries cannot be joined: {gave_up}; mend their rings and make neighbours share vertices"),
        )
    })?;
    check_vertex_count(union.iter().flat_map(rings_of).map(|ring| ring.len().saturating_sub(1)).sum())?;
    Ok(Shape::assemble(union.iter().map(|polygon| rings_of(polygon).collect()).collect()))
}

/// The rings of a polygon of `geo`, its exterior first, each closed.
pub(crate) fn rings_of(polygon: &Polygon) -> impl Iterator<Item = Vec<Point>> {
    let ring = |line: &LineString| line.coords().map(|at| [at.x, at.y]).collect();
    std::iter::once(polygon.exterior()).chain(polygon.interiors()).map(ring)
}

/// An edge from its lexicographically smaller end, as bits that can be hashed.
type Key = [[u64; 2]; 2];

/// How often each edge runs from its smaller end to the other, less how often back. Exteriors are taken counter-clockwise
/// and holes clockwise, whichever way they were given.
#[derive(Default)]
pub(crate) struct Edges(HashMap<Key, i32>);

/// Why the ground within edges was not computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GaveUp {
    TooManyEdges,
    Tangled,
}

impl std::fmt::Display for GaveUp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::TooManyEdges => "too few borders are shared with a neighbour",
            Self::Tangled => "the borders are too tangled",
        })
    }
}

impl Edges {
    /// Counts a shape's ground once more.
    pub(crate) fn add(&mut self, shape: &Shape) {
        self.count(shape, 1);
    }

    /// Counts a shape's ground once less.
    pub(crate) fn take_away(&mut self, shape: &Shape) {
        self.count(shape, -1);
    }

    fn count(&mut self, shape: &Shape, times: i32) {
        let bits = |point: Point| point.map(|number| (number + 0.0).to_bits());
        for polygon in shape.polygons() {
            for (place, ring) in polygon.enumerate() {
                let forward = if turns_left(ring) == (place == 0) { times } else { -times };
                for edge in ring.windows(2).filter(|edge| edge[0] != edge[1]) {
                    let (a, b) = (bits(edge[0]), bits(edge[1]));
                    let (key, way) = if a <= b { ([a, b], forward) } else { ([b, a], -forward) };
                    *self.0.entry(key).or_default() += way;
                }
            }
        }
    }

    /// The ground that was added more often than taken away.
    pub(crate) fn covered(mut self) -> std::result::Result<MultiPolygon, GaveUp> {
        self.0.retain(|_, count| *count != 0);
        if self.0.values().map(|count| count.unsigned_abs() as usize).sum::<usize>() > EDGES_MAX {
            return Err(GaveUp::TooManyEdges);
        }
        let loops = loops(self.0);
        // Nasty borders may make `geo` panic.
        catch_unwind(AssertUnwindSafe(|| wound_left(loops))).map_err(|_| GaveUp::Tangled)
    }
}

/// Joins edges into closed loops. At every vertex as many edges end as begin, so a walk can always go on until it
/// closes; where there is a choice it turns right most, which separates a gap from whatever it touches.
fn loops(left: HashMap<Key, i32>) -> Vec<Vec<Point>> {
    let point = |bits: [u64; 2]| bits.map(f64::from_bits);
    let mut onward: HashMap<[u64; 2], Vec<[u64; 2]>> = HashMap::new();
    let mut starts = Vec::new();
    for ([a, b], count) in left {
        let (from, to) = if count > 0 { (a, b) } else { (b, a) };
        for _ in 0..count.unsigned_abs() {
            onward.entry(from).or_default().push(to);
            starts.push(from);
        }
    }
    // The order of a hash map changes from run to run; findings must not.
    starts.sort_unstable();
    onward.values_mut().for_each(|ends| ends.sort_unstable());
    let mut loops = Vec::new();
    for start in starts {
        let (mut here, mut previous) = (start, None);
        let mut ring = Vec::new();
        while let Some(ends) = onward.get_mut(&here).filter(|ends| !ends.is_empty()) {
            let choice = previous.map_or(0, |before| rightmost(point(before), point(here), ends));
            let next = ends.remove(choice);
            ring.push(point(here));
            (previous, here) = (Some(here), next);
            if here == start {
                ring.push(point(start));
                break;
            }
        }
        if ring.len() > 3 {
            loops.push(ring);
        }
    }
    loops
}

/// The end that lies furthest to the right, coming from `before` to `here`.
fn rightmost(before: Point, here: Point, ends: &[[u64; 2]]) -> usize {
    let back = (before[1] - here[1]).atan2(before[0] - here[0]);
    let turn = |end: &[u64; 2]| {
        let [x, y] = end.map(f64::from_bits);
        // Counter-clockwise from the way back: the smallest is the sharpest turn to the right.
        let angle = (y - here[1]).atan2(x - here[0]) - back;
        if angle <= 0.0 { angle + std::f64::consts::TAU } else { angle }
    };
    let best = ends.iter().enumerate().min_by(|a, b| turn(a.1).total_cmp(&turn(b.1)));
    best.map_or(0, |(place, _)| place)
}

/// Everything that loops wind around more often to the left than to the right.
fn wound_left(loops: Vec<Vec<Point>>) -> MultiPolygon {
    let bounds = loops.iter().fold(Bounds::EMPTY, |bounds, ring| bounds.union(&Bounds::of(ring)));
    if bounds.is_empty() {
        return MultiPolygon::new(vec![]);
    }
    // `unary_union` learns from the first ring which way counts as inside, and cannot tell it of a ring that runs back
    // along itself, as a loop may. So it is given a frame first, and then the same frame the other way, which undoes it.
    let Bounds { low, high } = bounds;
    let frame = vec![low, [high[0], low[1]], high, [low[0], high[1]], low];
    let undone = frame.iter().rev().copied().collect();
    let rings = [frame, undone].into_iter().chain(loops);
    let polygons: Vec<Polygon> = rings.map(|ring| Polygon::new(LineString::from(ring), Vec::new())).collect();
    unary_union(&polygons)
}

/// Whether a closed ring runs counter-clockwise.
fn turns_left(ring: &[Point]) -> bool {
    ring_area_m2(ring) > 0.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Bounds, Division, tessellate};

    fn rectangle(low: Point, high: Point) -> Shape {
        Shape::from_rings(vec![vec![low, [high[0], low[1]], high, [low[0], high[1]]]])
    }

    fn share_of(found: &Shape, expected: &Shape) -> f64 {
        (found.area_m2() / expected.area_m2() - 1.0).abs()
    }

    #[test]
    fn neighbours_become_one_polygon_without_their_common_border() {
        let joined =
            union(&[rectangle([118.0, 36.0], [118.1, 36.1]), rectangle([118.1, 36.0], [118.2, 36.1])]).unwrap();
        assert_eq!((joined.polygon_count(), joined.rings().count()), (1, 1));
        assert!(share_of(&joined, &rectangle([118.0, 36.0], [118.2, 36.1])) < 1e-7);
        assert!(joined.covers(crate::Position::new(118.1, 36.05).unwrap()));
    }

    #[test]
    fn shapes_apart_stay_apart_and_shapes_upon_each_other_count_once() {
        let left = rectangle([118.0, 36.0], [118.1, 36.1]);
        let apart = union(&[left.clone(), rectangle([118.3, 36.0], [118.4, 36.1])]).unwrap();
        assert_eq!(apart.polygon_count(), 2);
        let inside = rectangle([118.02, 36.02], [118.05, 36.05]);
        let across = rectangle([118.05, 36.0], [118.15, 36.1]);
        for others in [vec![left.clone()], vec![inside.clone()], vec![inside.clone(), inside]] {
            assert!(share_of(&union(others.iter().chain([&left])).unwrap(), &left) < 1e-7);
        }
        assert!(share_of(&union(&[left, across]).unwrap(), &rectangle([118.0, 36.0], [118.15, 36.1])) < 1e-7);
    }

    #[test]
    fn a_hole_stays_a_hole_until_it_is_filled() {
        let hole = vec![[118.02, 36.02], [118.04, 36.02], [118.04, 36.04], [118.02, 36.04]];
        let outer = vec![[118.0, 36.0], [118.1, 36.0], [118.1, 36.1], [118.0, 36.1]];
        let ring = Shape::from_rings(vec![outer.clone(), hole.clone()]);
        assert_eq!(union([&ring]).unwrap().rings().count(), 2);
        let filled = union(&[ring, Shape::from_rings(vec![hole])]).unwrap();
        assert_eq!(filled.rings().count(), 1);
        assert!(share_of(&filled, &Shape::from_rings(vec![outer])) < 1e-7);
    }

    #[test]
    fn nothing_has_the_empty_union() {
        assert!(union([]).unwrap().is_empty());
        assert!(union([&Shape::new(vec![]).unwrap()]).unwrap().is_empty());
    }

    #[test]
    fn the_finest_level_of_a_division_joins_to_the_coarsest() {
        let bounds = Bounds { low: [117.55, 34.75], high: [117.65, 34.83] };
        let division = Division::generate(5, bounds, &[1, 20, 352], 0.08);
        let shapes = |level: usize| division.levels[level].iter().map(|part| &part.shape);
        let whole = union(shapes(2)).unwrap();
        assert_eq!(whole.rings().count(), 1);
        assert!(share_of(&whole, &division.levels[0][0].shape) < 1e-7);
    }

    #[test]
    fn a_union_of_too_many_vertices_is_refused() {
        let comb: Vec<Point> = (0..60_000)
            .map(|tooth| [118.0 + f64::from(tooth) * 1e-6, 36.0 + f64::from(tooth % 2) * 1e-6])
            .chain([[118.06, 36.5], [118.0, 36.5]])
            .collect();
        let moved = comb.iter().map(|[x, y]| [x + 1.0, *y]).collect();
        let error = union(&[Shape::from_rings(vec![comb]), Shape::from_rings(vec![moved])]).unwrap_err();
        assert_eq!(error.reason(), "BOUNDARY_TOO_LARGE");
    }

    #[test]
    fn what_is_taken_away_is_not_covered() {
        let mut edges = Edges::default();
        edges.add(&rectangle([118.0, 36.0], [118.1, 36.1]));
        edges.take_away(&rectangle([118.0, 36.0], [118.05, 36.2]));
        let left = edges.covered().unwrap();
        let left = Shape::assemble(left.iter().map(|polygon| rings_of(polygon).collect()).collect());
        assert!(share_of(&left, &rectangle([118.05, 36.0], [118.1, 36.1])) < 1e-7);
        let mut edges = Edges::default();
        tessellate(3, 5, Bounds { low: [117.5, 34.7], high: [117.6, 34.8] }, 0.1).iter().for_each(|shape| {
            edges.add(shape);
            edges.take_away(shape);
        });
        assert!(edges.covered().unwrap().0.is_empty());
    }
}
