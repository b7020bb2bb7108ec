//! Finds where the edges of one shape meet each other in any way that a clean boundary does not.
//!
//! Used by the coverage index, which needs to know which shapes are clean, and by validation, which reports the rest.
//! Not here: contacts between different shapes.

use std::ops::ControlFlow;

use crate::Shape;
use crate::exact::{Point, on_segment, orientation, segments_cross, segments_touch};

/// Pairs of edges compared for each edge of a shape, on average, before the search gives up. Real boundaries need
/// about ten; only a shape drawn to be nasty needs more, and for it "not clean" is answer enough.
pub(crate) const PAIRS_PER_EDGE_MAX: usize = 2_000;

/// How two edges meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meeting {
    /// At one point interior to both.
    Cross,
    /// Along a stretch of more than one point.
    Overlap,
    /// At one point that is an end of at least one of them.
    Touch,
    /// One follows the other and turns straight back upon it.
    Spike,
}

/// Two edges of a shape that meet, although they do not follow each other in a ring.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Contact {
    pub(crate) meeting: Meeting,
    /// The rings of the two edges.
    pub(crate) rings: [u32; 2],
    /// A point of the contact.
    pub(crate) at: Point,
}

/// Whether the search saw every pair of edges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Search {
    Complete,
    Stopped,
    GaveUp,
}

struct Edge {
    ends: [Point; 2],
    low: f64,
    high: f64,
    ring: u32,
    /// Place among the edges of its shape that have a length, and the place of the one that follows in the ring.
    number: u32,
    next: u32,
}

/// Walks through all contacts of a shape's edges. Edges without length (a vertex given twice) are left out.
pub(crate) fn search(shape: &Shape, mut visit: impl FnMut(Contact) -> ControlFlow<()>) -> Search {
    let mut edges = edges_with_length(shape);
    let axis = sweep_axis(shape, &edges);
    for edge in &mut edges {
        edge.low = edge.ends[0][axis].min(edge.ends[1][axis]);
        edge.high = edge.ends[0][axis].max(edge.ends[1][axis]);
    }
    edges.sort_unstable_by(|a, b| a.low.total_cmp(&b.low).then(a.number.cmp(&b.number)));
    let across = 1 - axis;
    let budget = edges.len().saturating_mul(PAIRS_PER_EDGE_MAX);
    let mut compared = 0_usize;
    let mut active: Vec<usize> = Vec::new();
    for (i, edge) in edges.iter().enumerate() {
        active.retain(|&j| edges[j].high >= edge.low);
        compared += active.len();
        if compared > budget {
            return Search::GaveUp;
        }
        let (low, high) =
            (edge.ends[0][across].min(edge.ends[1][across]), edge.ends[0][across].max(edge.ends[1][across]));
        for &j in &active {
            let other = &edges[j];
            if (other.ends[0][across] < low && other.ends[1][across] < low)
                || (other.ends[0][across] > high && other.ends[1][across] > high)
            {
                continue;
            }
            if let Some(contact) = meeting(edge, other)
                && visit(contact).is_break()
            {
                return Search::Stopped;
            }
        }
        active.push(i);
    }
    Search::Complete
}

/// The axis along which edges are short compared to the shape, so that few of them are compared.
fn sweep_axis(shape: &Shape, edges: &[Edge]) -> usize {
    let bounds = shape.bounds();
    let spread = |axis: usize| {
        let total: f64 = edges.iter().map(|edge| (edge.ends[1][axis] - edge.ends[0][axis]).abs()).sum();
        total / (bounds.high[axis] - bounds.low[axis])
    };
    usize::from(spread(1) < spread(0))
}

fn edges_with_length(shape: &Shape) -> Vec<Edge> {
    let mut edges: Vec<Edge> = Vec::with_capacity(shape.points().len());
    for (ring, points) in (0..).zip(shape.rings()) {
        let first = u32::try_from(edges.len()).unwrap_or(u32::MAX);
        let mut number = first;
        for pair in points.windows(2).filter(|pair| pair[0] != pair[1]) {
            edges.push(Edge { ends: [pair[0], pair[1]], low: 0.0, high: 0.0, ring, number, next: number + 1 });
            number += 1;
        }
        if let Some(last) = edges.last_mut().filter(|_| number > first) {
            last.next = first;
        }
    }
    edges
}

fn meeting(a: &Edge, b: &Edge) -> Option<Contact> {
    let contact = |meeting, at| Some(Contact { meeting, rings: [a.ring, b.ring], at });
    if a.next == b.number || b.next == a.number {
        // Neighbours share a vertex; they meet elsewhere only when one turns back upon the other.
        let turned = |one: &Edge, other: &Edge| {
            let (from, corner, to) = (one.ends[0], one.ends[1], other.ends[1]);
            let back = (from[0] - corner[0]) * (to[0] - corner[0]) + (from[1] - corner[1]) * (to[1] - corner[1]);
            back > 0.0 && orientation(from, corner, to) == 0.0
        };
        if a.next == b.number && turned(a, b) {
            return contact(Meeting::Spike, a.ends[1]);
        }
        if b.next == a.number && turned(b, a) {
            return contact(Meeting::Spike, b.ends[1]);
        }
        return None;
    }
    if !segments_touch(a.ends, b.ends) {
        return None;
    }
    if segments_cross(a.ends, b.ends) {
        return contact(Meeting::Cross, crossing_point(a.ends, b.ends));
    }
    let mut common: Vec<Point> = Vec::new();
    let ends = [(a.ends[0], b.ends), (a.ends[1], b.ends), (b.ends[0], a.ends), (b.ends[1], a.ends)];
    for (end, [from, to]) in ends {
        if on_segment(end, from, to) && !common.contains(&end) {
            common.push(end);
        }
    }
    let at = common.first().copied().unwrap_or(a.ends[0]);
    contact(if common.len() > 1 { Meeting::Overlap } else { Meeting::Touch }, at)
}

/// Where two crossing segments meet, to the precision of the numbers.
pub(crate) fn crossing_point(a: [Point; 2], b: [Point; 2]) -> Point {
    let along = [a[1][0] - a[0][0], a[1][1] - a[0][1]];
    let other = [b[1][0] - b[0][0], b[1][1] - b[0][1]];
    let turn = along[0] * other[1] - along[1] * other[0];
    let share = if turn == 0.0 {
        0.5
    } else {
        (((b[0][0] - a[0][0]) * other[1] - (b[0][1] - a[0][1]) * other[0]) / turn).clamp(0.0, 1.0)
    };
    [a[0][0] + share * along[0], a[0][1] + share * along[1]]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meetings(rings: Vec<Vec<Point>>) -> Vec<Meeting> {
        let mut found = Vec::new();
        let outcome = search(&Shape::from_rings(rings), |contact| {
            found.push(contact.meeting);
            ControlFlow::Continue(())
        });
        assert_eq!(outcome, Search::Complete);
        found
    }

    #[test]
    fn a_clean_ring_has_no_contact_even_with_a_vertex_given_twice() {
        assert!(meetings(vec![vec![[0.0, 0.0], [1.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]]).is_empty());
        assert!(meetings(vec![vec![[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]]).is_empty());
    }

    #[test]
    fn a_bow_tie_crosses_itself() {
        assert_eq!(meetings(vec![vec![[0.0, 0.0], [1.0, 1.0], [1.0, 0.0], [0.0, 1.0]]]), [Meeting::Cross]);
    }

    #[test]
    fn a_spike_is_told_from_other_faults() {
        let found = meetings(vec![vec![[0.0, 0.0], [2.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]]);
        assert!(found.contains(&Meeting::Spike) && !found.contains(&Meeting::Cross), "{found:?}");
    }

    #[test]
    fn a_hole_that_touches_its_exterior_is_a_touch() {
        let outer = vec![[0.0, 0.0], [4.0, 0.0], [4.0, 4.0], [0.0, 4.0]];
        let found = meetings(vec![outer, vec![[2.0, 0.0], [3.0, 1.0], [1.0, 1.0]]]);
        assert!(!found.is_empty() && found.iter().all(|meeting| *meeting == Meeting::Touch), "{found:?}");
    }
}
