//! Distances between a point and the areas of a coverage: to the winner's border, and to areas that do not cover it.
//!
//! Not here: which area covers a point.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use rstar::{AABB, Envelope, ParentNode, RTree, RTreeNode, RTreeObject};

use super::Near;
use super::areas::Areas;
use crate::distance::{Plane, box_distance_low_m, distance_m, near_distance_m};
use crate::exact::{Place, Point};
use crate::{Bounds, Position, Shape};

/// How far beyond the border the other side is looked for, in metres: first hardly beyond, then across a sliver.
const BEYOND_M: [f64; 3] = [0.01, 0.5, 5.0];

/// Metres from a position inside a shape to its border, and the nearest point there.
pub(super) fn border(position: Position, shape: &Shape, on_border: bool) -> Option<(f64, Position)> {
    if on_border {
        return Some((0.0, position));
    }
    let at = Position::trusted(Plane::at(position.point()).nearest_on_boundary(shape)?);
    Some((near_distance_m(position, at), at))
}

/// Points just beyond a border, on the straight way from a position through the nearest point of the border; none from
/// a position on the border itself.
pub(super) fn beyond(from: Position, border: Position) -> impl Iterator<Item = Point> {
    let (start, end) = (from.point(), border.point());
    let scale = Plane::at(end).scale();
    let way = [(end[0] - start[0]) * scale[0], (end[1] - start[1]) * scale[1]];
    let length = (way[0] * way[0] + way[1] * way[1]).sqrt();
    let probes = if length == 0.0 { [].as_slice() } else { BEYOND_M.as_slice() };
    probes
        .iter()
        .map(move |metres| [end[0] + way[0] / length * metres / scale[0], end[1] + way[1] / length * metres / scale[1]])
}

/// The box of an area as the tree holds it.
struct AreaBox {
    bounds: Bounds,
    number: u32,
}

impl RTreeObject for AreaBox {
    type Envelope = AABB<Point>;

    fn envelope(&self) -> AABB<Point> {
        AABB::from_corners(self.bounds.low, self.bounds.high)
    }
}

/// An R-tree of the boxes of all areas that have one.
pub(super) struct Boxes(RTree<AreaBox>);

/// Something that may hold a near area: a branch of the tree, or an area whose distance is a bound or known.
enum Found<'a> {
    Branch(&'a ParentNode<AreaBox>),
    Area(u32),
    Measured(Near, u32),
}

/// An entry of the queue, by distance (smallest first), a measured area before others, then by precedence.
struct Entry<'a> {
    low_m: f64,
    found: Found<'a>,
}

impl Boxes {
    pub(super) fn around(areas: &Areas) -> Self {
        let held = areas.shapes().filter(|(_, shape)| !shape.is_empty());
        let boxes = held.map(|(number, shape)| AreaBox { bounds: shape.bounds(), number });
        Self(RTree::bulk_load(boxes.collect()))
    }

    pub(super) fn bytes(&self) -> usize {
        // Nodes above the leaves add about a fifth.
        self.0.size() * size_of::<RTreeNode<AreaBox>>() * 6 / 5
    }

    /// Best first: the nearest box is opened, the nearest area in it measured, until the nearest of all is a measured
    /// one. Bounds never exceed true distances, so the order is right.
    pub(super) fn nearby(&self, areas: &Areas, position: Position, radius_m: f64, limit: usize) -> Vec<Near> {
        let point = position.point();
        let plane = Plane::at(point);
        let mut near = Vec::new();
        let mut queue = BinaryHeap::from([Entry { low_m: 0.0, found: Found::Branch(self.0.root()) }]);
        while let Some(entry) = queue.pop() {
            if near.len() >= limit || entry.low_m > radius_m {
                break;
            }
            match entry.found {
                Found::Branch(branch) => queue.extend(branch.children().iter().map(|child| match child {
                    RTreeNode::Parent(parent) => entry_for(point, &parent.envelope(), Found::Branch(parent)),
                    RTreeNode::Leaf(leaf) => entry_for(point, &leaf.envelope(), Found::Area(leaf.number)),
                })),
                Found::Area(number) => {
                    if let Some(measured) = measure(areas, position, &plane, number) {
                        queue.push(Entry { low_m: measured.distance_m, found: Found::Measured(measured, number) });
                    }
                }
                Found::Measured(measured, _) => near.push(measured),
            }
        }
        near
    }
}

fn entry_for<'a>(point: Point, envelope: &AABB<Point>, found: Found<'a>) -> Entry<'a> {
    let low_m = if envelope.contains_point(&point) {
        0.0
    } else {
        box_distance_low_m(point, envelope.lower(), envelope.upper())
    };
    Entry { low_m, found }
}

fn measure(areas: &Areas, position: Position, plane: &Plane, number: u32) -> Option<Near> {
    let shape = areas.shape(number);
    let id = areas.id(number);
    if shape.place(position.point()) != Place::Outside {
        return Some(Near { id, distance_m: 0.0, at: position });
    }
    let at = Position::trusted(plane.nearest_on_boundary(shape)?);
    Some(Near { id, distance_m: distance_m(position, at), at })
}

impl Entry<'_> {
    /// Unmeasured entries come first at equal distance: they may hold an area of higher precedence.
    fn turn(&self) -> (bool, u32) {
        match self.found {
            Found::Branch(_) | Found::Area(_) => (false, 0),
            Found::Measured(_, number) => (true, number),
        }
    }
}

impl Ord for Entry<'_> {
    /// Reversed, because the heap gives its greatest entry first.
    fn cmp(&self, other: &Self) -> Ordering {
        other.low_m.total_cmp(&self.low_m).then_with(|| other.turn().cmp(&self.turn()))
    }
}

impl PartialOrd for Entry<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Entry<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Entry<'_> {}
