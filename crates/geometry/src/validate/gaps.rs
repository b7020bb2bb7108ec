//! Gaps: holes in the union of all areas of one rank.
//!
//! Edges that two neighbours share cancel out: each runs once in either direction. What is left, the outline of the union
//! and the borders of everything that does not fit, winds around every point exactly as often as all areas together cover
//! it. So the union of a hundred thousand areas that fit costs no more than its outline, and only misfits cost more.

use std::collections::HashMap;

use geo::{LineString, MultiPolygon, Polygon, unary_union};

use super::pairs::{envelope, tree};
use super::{Area, Finding, FindingKind, Severity, Tolerances, guarded, turns_left};
use crate::distance::ring_area_m2;
use crate::exact::{Place, Point, place_in_ring};
use crate::{Bounds, Shape};

/// Edges left after cancelling above which the search is given up; clean sets leave their outline only.
const EDGES_MAX: usize = 3_000_000;
/// Degrees (a centimetre) within which a vertex of an area counts as a vertex of a gap, for naming who is around it.
const NEAR_DEG: f64 = 1e-7;
/// Vertices of a gap compared when naming who is around it.
const VERTICES_COMPARED_MAX: usize = 200;

/// Adds every gap of more than a sliver in the union of peers that all have polygons.
pub(super) fn find(peers: &[&Area], tolerances: &Tolerances, findings: &mut Vec<Finding>) {
    let left = uncancelled(peers);
    if left.values().map(|count| count.unsigned_abs() as usize).sum::<usize>() > EDGES_MAX {
        findings.push(not_checked("so few borders are shared that gaps were not searched for"));
        return;
    }
    let loops = loops(left);
    let Some(union) = guarded(|| union_of(loops)) else {
        findings.push(not_checked("the borders are too tangled to search for gaps"));
        return;
    };
    let (boxes, parts) = (tree(peers), Parts::of(&union));
    for hole in union.iter().flat_map(Polygon::interiors) {
        let ring: Vec<Point> = hole.coords().map(|at| [at.x, at.y]).collect();
        let area_m2 = ring_area_m2(&ring).abs() - parts.islands_m2(&ring);
        if area_m2 <= tolerances.sliver_m2 {
            continue;
        }
        let shape = Shape::assemble(vec![vec![ring]]);
        let around = |other: &&Area| adjoins(&shape, &other.shape);
        let mut neighbours: Vec<&Area> = boxes
            .locate_in_envelope_intersecting(&envelope(&shape.bounds()))
            .map(|boxed| peers[boxed.place])
            .filter(around)
            .collect();
        neighbours.sort_by(|a, b| (&a.code, a.id).cmp(&(&b.code, b.id)));
        let detail = match neighbours.first() {
            Some(first) => format!("{area_m2:.0} m² beside {} belong to nobody", first.code),
            None => format!("{area_m2:.0} m² belong to nobody"),
        };
        let place = shape.inner_position().map(crate::Position::point).or(shape.points().first().copied());
        let finding = Finding::new(Severity::Warning, FindingKind::Gap, &neighbours, detail);
        findings.push(finding.sized(area_m2, 0.0).at(place));
    }
}

fn not_checked(why: &str) -> Finding {
    Finding::new(Severity::Warning, FindingKind::NotChecked, &[], why.to_owned())
}

/// An edge from its lexicographically smaller end, as bits that can be hashed.
type Key = [[u64; 2]; 2];

/// How often each edge runs from its smaller end to the other, less how often back, where that is not zero. Exteriors
/// are taken counter-clockwise and holes clockwise, whichever way they were given.
fn uncancelled(peers: &[&Area]) -> HashMap<Key, i32> {
    let mut counts: HashMap<Key, i32> = HashMap::new();
    let bits = |point: Point| point.map(|number| (number + 0.0).to_bits());
    for polygon in peers.iter().flat_map(|area| area.shape.polygons()) {
        for (place, ring) in polygon.enumerate() {
            let forward = if turns_left(ring) == (place == 0) { 1 } else { -1 };
            for edge in ring.windows(2).filter(|edge| edge[0] != edge[1]) {
                let (a, b) = (bits(edge[0]), bits(edge[1]));
                let (key, way) = if a <= b { ([a, b], forward) } else { ([b, a], -forward) };
                *counts.entry(key).or_default() += way;
            }
        }
    }
    counts.retain(|_, count| *count != 0);
    counts
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
fn union_of(mut loops: Vec<Vec<Point>>) -> MultiPolygon {
    // `unary_union` learns from the first ring which way counts as inside: it must be one that turns left. There is one
    // whenever there is any area, as the outermost loop does.
    let Some(first) = loops.iter().position(|ring| turns_left(ring)) else { return MultiPolygon::new(vec![]) };
    loops.swap(0, first);
    let polygons: Vec<Polygon> =
        loops.into_iter().map(|ring| Polygon::new(LineString::from(ring), Vec::new())).collect();
    unary_union(&polygons)
}

/// The outlines of all parts of the union, with their boxes.
struct Parts(Vec<(Bounds, Vec<Point>)>);

impl Parts {
    fn of(union: &MultiPolygon) -> Self {
        let outline = |polygon: &Polygon| {
            let ring: Vec<Point> = polygon.exterior().coords().map(|at| [at.x, at.y]).collect();
            (Bounds::of(&ring), ring)
        };
        Self(union.iter().map(outline).collect())
    }

    /// Square metres of the parts that lie directly inside a hole.
    fn islands_m2(&self, hole: &[Point]) -> f64 {
        let bounds = Bounds::of(hole);
        let within = |ring: &[Point]| ring.iter().all(|vertex| place_in_ring(*vertex, hole) != Place::Outside);
        let near = self.0.iter().filter(|(own, _)| bounds.holds(own.low) && bounds.holds(own.high));
        let islands: Vec<&Vec<Point>> = near.map(|(_, ring)| ring).filter(|ring| within(ring)).collect();
        let direct = |ring: &&&Vec<Point>| {
            let holds = |other: &&Vec<Point>| place_in_ring(ring[0], other) == Place::Inside;
            !islands.iter().any(|other| !std::ptr::eq(**ring, *other) && holds(other))
        };
        islands.iter().filter(direct).map(|ring| ring_area_m2(ring).abs()).sum()
    }
}

/// Whether an area has a vertex where a gap has one.
fn adjoins(gap: &Shape, area: &Shape) -> bool {
    let mut vertices = gap.points().iter().take(VERTICES_COMPARED_MAX);
    vertices.any(|vertex| {
        let near =
            |other: &&Point| (other[0] - vertex[0]).abs() <= NEAR_DEG && (other[1] - vertex[1]).abs() <= NEAR_DEG;
        area.points().iter().any(|other| near(&other))
    })
}
