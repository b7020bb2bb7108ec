//! How the borders of two shapes lie to each other, exactly and without clipping.
//!
//! Neighbours that share their vertices, as they should, are told apart from those that overlap by looking only at edges
//! inside both boxes. Not here: how much they overlap.

use std::collections::HashSet;

use crate::Shape;
use crate::contact::PAIRS_PER_EDGE_MAX;
use crate::exact::{Place, Point, orientation, segments_touch};

/// What was found. When `crossing` is set the other answers may be incomplete.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Relation {
    /// Borders meet in a way that only clipping can judge: they cross, or a vertex lies within the other's edge.
    pub(super) crossing: bool,
    /// Some of the first's border lies properly inside the second.
    pub(super) first_inside: bool,
    /// Some of the first's border lies properly outside the second.
    pub(super) first_outside: bool,
    /// Some of the second's border lies properly inside the first.
    pub(super) second_inside: bool,
}

impl Relation {
    /// Whether the insides of the two may share ground.
    pub(super) fn may_overlap(self) -> bool {
        self.crossing || self.first_inside || self.second_inside
    }

    /// Whether some of the first may lie outside the second.
    pub(super) fn may_stick_out(self) -> bool {
        self.crossing || self.first_outside || self.second_inside
    }
}

/// Compares two shapes whose boxes touch.
pub(super) fn relation(first: &Shape, second: &Shape) -> Relation {
    let mut found = Relation::default();
    let (ours, theirs) = (Border::near(first, second), Border::near(second, first));
    let (our_own, their_own) = (ours.not_in(&theirs), theirs.not_in(&ours));
    if meet_badly(&ours, &theirs) {
        found.crossing = true;
        return found;
    }
    found.first_outside = ours.leaves_box;
    for place in our_own.places_in(second, &theirs.vertices) {
        found.first_inside |= place == Place::Inside;
        found.first_outside |= place == Place::Outside;
    }
    found.second_inside = their_own.places_in(first, &ours.vertices).any(|place| place == Place::Inside);
    // A border wholly shared says nothing about the sides; a point inside does.
    let inside = |shape: &Shape, other: &Shape| {
        shape.inner_position().map_or(Place::Outside, |position| other.place(position.point()))
    };
    if !ours.leaves_box && our_own.edges.is_empty() {
        let place = inside(first, second);
        found.first_inside |= place == Place::Inside;
        found.first_outside |= place == Place::Outside;
    }
    if !theirs.leaves_box && their_own.edges.is_empty() {
        found.second_inside |= inside(second, first) == Place::Inside;
    }
    found
}

type Ends = [Point; 2];

/// The part of a border that lies in the box of the other shape.
struct Border {
    edges: Vec<Ends>,
    vertices: HashSet<[u64; 2]>,
    /// Whether the border also has edges beyond that box.
    leaves_box: bool,
}

/// A number's bits, with one zero only.
fn bits(point: Point) -> [u64; 2] {
    point.map(|number| (number + 0.0).to_bits())
}

fn undirected([a, b]: Ends) -> [[u64; 2]; 2] {
    let (a, b) = (bits(a), bits(b));
    if a <= b { [a, b] } else { [b, a] }
}

impl Border {
    fn near(shape: &Shape, other: &Shape) -> Self {
        let bounds = other.bounds();
        let near = |[a, b]: &Ends| {
            let apart = |axis: usize| {
                (a[axis] < bounds.low[axis] && b[axis] < bounds.low[axis])
                    || (a[axis] > bounds.high[axis] && b[axis] > bounds.high[axis])
            };
            !apart(0) && !apart(1)
        };
        let mut leaves_box = false;
        let mut edges = Vec::new();
        for edge in shape.edges().filter(|[start, end]| start != end) {
            if near(&edge) { edges.push(edge) } else { leaves_box = true }
        }
        let vertices = edges.iter().flatten().map(|vertex| bits(*vertex)).collect();
        Self { edges, vertices, leaves_box }
    }

    /// The edges that the other border does not have, in their order.
    fn not_in(&self, other: &Self) -> Own {
        let shared: HashSet<[[u64; 2]; 2]> = other.edges.iter().map(|edge| undirected(*edge)).collect();
        Own { edges: self.edges.iter().copied().filter(|edge| !shared.contains(&undirected(*edge))).collect() }
    }
}

/// Edges of one border that are not edges of the other.
struct Own {
    edges: Vec<Ends>,
}

impl Own {
    /// Where the pieces of this border lie in the other shape, one answer for each piece between vertices that both have.
    /// The pieces are known to meet the other border only at such vertices.
    fn places_in<'a>(&'a self, other: &'a Shape, shared: &'a HashSet<[u64; 2]>) -> impl Iterator<Item = Place> + 'a {
        let mut previous: Option<Point> = None;
        self.edges.iter().filter_map(move |&[start, end]| {
            let goes_on = previous == Some(start) && !shared.contains(&bits(start));
            previous = Some(end);
            if goes_on {
                return None;
            }
            let probe = [(start[0] + end[0]) / 2.0, (start[1] + end[1]) / 2.0];
            // A vertex is exact, a middle is rounded; the vertex is taken when it is off the other border.
            Some(other.place(if shared.contains(&bits(start)) { probe } else { start }))
        })
    }
}

/// Whether two borders meet anywhere but at common vertices and along common edges. Common edges take part, because a
/// ring that crosses itself can cross one of them. Borders too tangled to tell are left to clipping.
fn meet_badly(ours: &Border, theirs: &Border) -> bool {
    let low = |edge: &Ends| edge[0][0].min(edge[1][0]);
    let high = |edge: &Ends| edge[0][0].max(edge[1][0]);
    let mut sorted: Vec<(f64, bool, Ends)> = ours.edges.iter().map(|edge| (low(edge), true, *edge)).collect();
    sorted.extend(theirs.edges.iter().map(|edge| (low(edge), false, *edge)));
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    let budget = sorted.len().saturating_mul(PAIRS_PER_EDGE_MAX);
    let mut compared = 0_usize;
    let mut active: [Vec<Ends>; 2] = [Vec::new(), Vec::new()];
    for (start, mine, edge) in sorted {
        let others = &mut active[usize::from(!mine)];
        others.retain(|other| high(other) >= start);
        compared += others.len();
        if compared > budget {
            return true;
        }
        if others.iter().any(|other| meets_badly(edge, *other)) {
            return true;
        }
        active[usize::from(mine)].push(edge);
    }
    false
}

/// Whether two edges have a point in common that is not a vertex of both; the same edge twice is no fault.
fn meets_badly(a: Ends, b: Ends) -> bool {
    if a == b || a == [b[1], b[0]] || !segments_touch(a, b) {
        return false;
    }
    for other in [b, [b[1], b[0]]] {
        for own in [a, [a[1], a[0]]] {
            if own[0] == other[0] {
                // They start together; they meet again only when one lies along the other.
                let along = (own[1][0] - own[0][0]) * (other[1][0] - own[0][0])
                    + (own[1][1] - own[0][1]) * (other[1][1] - own[0][1]);
                return along > 0.0 && orientation(own[0], own[1], other[1]) == 0.0;
            }
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rectangle(low: Point, high: Point) -> Shape {
        Shape::from_rings(vec![vec![low, [high[0], low[1]], high, [low[0], high[1]]]])
    }

    #[test]
    fn neighbours_that_share_their_vertices_do_not_overlap() {
        let found = relation(&rectangle([0.0, 0.0], [1.0, 1.0]), &rectangle([1.0, 0.0], [2.0, 1.0]));
        assert!(!found.may_overlap());
    }

    #[test]
    fn a_shape_in_the_hole_of_another_does_not_overlap_it() {
        let hole = vec![[1.0, 1.0], [2.0, 1.0], [2.0, 2.0], [1.0, 2.0]];
        let ring = Shape::from_rings(vec![vec![[0.0, 0.0], [3.0, 0.0], [3.0, 3.0], [0.0, 3.0]], hole.clone()]);
        assert!(!relation(&ring, &Shape::from_rings(vec![hole.clone()])).may_overlap());
        assert!(relation(&Shape::from_rings(vec![hole]), &ring).may_stick_out());
    }

    #[test]
    fn crossing_equal_and_nested_shapes_may_overlap() {
        let one = rectangle([0.0, 0.0], [2.0, 2.0]);
        assert!(relation(&one, &rectangle([1.0, 1.0], [3.0, 3.0])).crossing);
        assert!(relation(&one, &one.clone()).may_overlap());
        assert!(relation(&one, &rectangle([0.5, 0.5], [1.0, 1.0])).second_inside);
        assert!(relation(&rectangle([0.5, 0.5], [1.0, 1.0]), &one).first_inside);
    }

    #[test]
    fn a_child_that_shares_a_part_of_its_parents_border_is_inside() {
        let parent =
            Shape::from_rings(vec![vec![[0.0, 0.0], [1.0, 0.0], [2.0, 0.0], [2.0, 2.0], [1.0, 2.0], [0.0, 2.0]]]);
        assert!(!relation(&rectangle([0.0, 0.0], [1.0, 2.0]), &parent).may_stick_out());
        assert!(relation(&rectangle([1.0, 0.0], [2.0, 3.0]), &parent).may_stick_out());
    }
}
