//! Exact questions about points, segments and rings in the plane of degrees, by Shewchuk's adaptive predicates.
//!
//! Not here: anything approximate. The answers equal those of `geo`, which uses the same predicates and the same rules.

use robust::{Coord, orient2d};

/// A point in the plane: longitude, latitude.
pub(crate) type Point = [f64; 2];

/// Where a point lies relative to a ring, a polygon or a shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Inside,
    Border,
    Outside,
}

/// Positive when `c` lies left of the way from `a` to `b`, negative when right, zero exactly when on the line.
pub(crate) fn orientation(a: Point, b: Point, c: Point) -> f64 {
    let coord = |[x, y]: Point| Coord { x, y };
    orient2d(coord(a), coord(b), coord(c))
}

/// Whether a point lies on the closed segment from `a` to `b`.
pub(crate) fn on_segment(point: Point, a: Point, b: Point) -> bool {
    between(point[0], a[0], b[0]) && between(point[1], a[1], b[1]) && orientation(a, b, point) == 0.0
}

/// Whether two closed segments have a point in common.
pub(crate) fn segments_touch(a: [Point; 2], b: [Point; 2]) -> bool {
    if !ranges_touch(a[0][0], a[1][0], b[0][0], b[1][0]) || !ranges_touch(a[0][1], a[1][1], b[0][1], b[1][1]) {
        return false;
    }
    // The ranges overlap, so opposite or zero turns on both sides mean a common point, also when all are in line.
    sides(a, b) <= 0 && sides(b, a) <= 0
}

/// Whether two segments cross at one point interior to both.
pub(crate) fn segments_cross(a: [Point; 2], b: [Point; 2]) -> bool {
    if !ranges_touch(a[0][0], a[1][0], b[0][0], b[1][0]) || !ranges_touch(a[0][1], a[1][1], b[0][1], b[1][1]) {
        return false;
    }
    sides(a, b) < 0 && sides(b, a) < 0
}

/// Positive when both ends of `other` lie strictly on one side of `line`, negative when on opposite sides, else zero.
fn sides(line: [Point; 2], other: [Point; 2]) -> i8 {
    sign(orientation(line[0], line[1], other[0])) * sign(orientation(line[0], line[1], other[1]))
}

/// Where a point lies relative to a closed ring: inside when the ring winds around it at all, as in `geo`.
pub(crate) fn place_in_ring(point: Point, ring: &[Point]) -> Place {
    let [x, y] = point;
    let mut winding = 0_i32;
    for edge in ring.windows(2) {
        let (start, end) = (edge[0], edge[1]);
        if (start[1] > y && end[1] > y) || (start[1] < y && end[1] < y) {
            continue;
        }
        let turn = orientation(start, end, point);
        if turn == 0.0 {
            if between(x, start[0], end[0]) {
                return Place::Border;
            }
        } else if start[1] <= y {
            winding += i32::from(end[1] > y && turn > 0.0);
        } else {
            winding -= i32::from(turn < 0.0);
        }
    }
    if winding == 0 { Place::Outside } else { Place::Inside }
}

/// Where a point lies relative to a polygon: its first ring is the exterior, the others are holes.
pub(crate) fn place_in_polygon<'a>(point: Point, mut rings: impl Iterator<Item = &'a [Point]>) -> Place {
    match rings.next().map_or(Place::Outside, |exterior| place_in_ring(point, exterior)) {
        Place::Inside => {}
        other => return other,
    }
    for hole in rings {
        match place_in_ring(point, hole) {
            Place::Outside => {}
            Place::Border => return Place::Border,
            Place::Inside => return Place::Outside,
        }
    }
    Place::Inside
}

fn between(value: f64, one: f64, other: f64) -> bool {
    (one.min(other)..=one.max(other)).contains(&value)
}

fn ranges_touch(a: f64, b: f64, c: f64, d: f64) -> bool {
    a.min(b) <= c.max(d) && c.min(d) <= a.max(b)
}

/// The sign of a number as -1, 0 or 1; `f64::signum` calls zero positive.
fn sign(value: f64) -> i8 {
    i8::from(value > 0.0) - i8::from(value < 0.0)
}
