//! Boundaries of groups of blocks, traced along the streets with the group on the left.

use super::streets::{Heading, Streets};
use crate::Shape;
use crate::distance::ring_area_m2;
use crate::exact::Point;

/// The boundary of every group, in their order; `owner` holds the group of each block.
pub(super) fn trace<P>(streets: &Streets, owner: &[u32], groups: &[(P, Vec<usize>)]) -> Vec<Shape> {
    let mut walked = vec![[false; 4]; streets.crossing_count()];
    (0_u32..).zip(groups).map(|(label, (_, blocks))| trace_one(streets, owner, label, blocks, &mut walked)).collect()
}

fn trace_one(streets: &Streets, owner: &[u32], label: u32, blocks: &[usize], walked: &mut [[bool; 4]]) -> Shape {
    // A stretch is on the boundary when the group is on its left and somebody else, or nobody, on its right.
    let bounds = |crossing: usize, heading: Heading| {
        let [left, right] = streets.sides(crossing, heading).map(|block| block.map(|block| owner[block]));
        left == Some(label) && right != Some(label)
    };
    let (mut exterior, mut holes) = (Vec::new(), Vec::new());
    for &block in blocks {
        let mut corner = streets.corner(block);
        for heading in Heading::ALL {
            if bounds(corner, heading) && !walked[corner][heading as usize] {
                let ring = walk(streets, corner, heading, bounds, walked);
                if ring_area_m2(&ring) > 0.0 { exterior.push(ring) } else { holes.push(ring) }
            }
            corner = streets.next_crossing(corner, heading);
        }
    }
    // A connected group has one exterior.
    exterior.append(&mut holes);
    Shape::assemble(vec![exterior])
}

/// Walks once around, turning right where it can: where two blocks of the group meet only at a corner, the ring passes
/// between their neighbours, so that a hole touches the exterior there instead of the exterior touching itself.
fn walk(
    streets: &Streets,
    start: usize,
    first: Heading,
    bounds: impl Fn(usize, Heading) -> bool,
    walked: &mut [[bool; 4]],
) -> Vec<Point> {
    let mut ring = Vec::new();
    let (mut crossing, mut heading) = (start, first);
    while !walked[crossing][heading as usize] {
        walked[crossing][heading as usize] = true;
        streets.course(crossing, heading, &mut ring);
        crossing = streets.next_crossing(crossing, heading);
        let turns = [3, 0, 1].map(|quarters| heading.turned_left(quarters));
        heading = turns.into_iter().find(|turn| bounds(crossing, *turn)).unwrap_or(heading);
    }
    ring.extend(ring.first().copied());
    ring
}
