//! Gaps: holes in the union of all areas of one rank, and ground of an area that none of the areas in it covers.
//!
//! The second kind finds what the first cannot: a sliver between siblings that opens to the outer edge of them all. Both
//! are computed from the edges that neighbours do not share (`union`), so sets that fit cost little.

use std::collections::BTreeMap;

use geo::{BooleanOps, Coord, MultiPolygon, Polygon, Rect};

use super::pairs::{envelope, tree};
use super::{Area, Change, Finding, FindingKind, Severity, Tolerances, guarded};
use crate::coverage::EXCLUSIVE_RANK;
use crate::distance::ring_area_m2;
use crate::exact::{Place, Point, place_in_ring};
use crate::union::{Edges, GaveUp, rings_of};
use crate::{Bounds, Shape};

/// Degrees (a centimetre) within which a vertex of an area counts as a vertex of a gap, for naming who is around it.
const NEAR_DEG: f64 = 1e-7;
/// Vertices of a gap compared when naming who is around it.
const VERTICES_COMPARED_MAX: usize = 200;

/// Adds every gap of more than a sliver that the change concerns in the union of peers that all have polygons, and puts
/// its outline into `holes`.
pub(super) fn find(
    peers: &[&Area],
    change: &Change,
    tolerances: &Tolerances,
    holes: &mut Vec<Shape>,
    findings: &mut Vec<Finding>,
) {
    let all_new = !peers.iter().any(|area| change.settles(area));
    let mut edges = Edges::default();
    peers.iter().for_each(|area| edges.add(&area.shape));
    let union = match edges.covered() {
        Ok(union) => union,
        Err(gave_up) => return findings.push(not_checked(&[], &format!("gaps were not searched for: {gave_up}"))),
    };
    let (boxes, parts) = (tree(peers.iter().map(|area| area.shape.bounds())), Parts::of(&union));
    for hole in union.iter().flat_map(Polygon::interiors) {
        let ring: Vec<Point> = hole.coords().map(|at| [at.x, at.y]).collect();
        let area_m2 = ring_area_m2(&ring).abs() - parts.islands_m2(&ring);
        if area_m2 <= tolerances.sliver_m2 {
            continue;
        }
        let shape = Shape::assemble(vec![vec![ring]]);
        let near = boxes.locate_in_envelope_intersecting(&envelope(&shape.bounds()));
        let neighbours = around(&shape, near.map(|boxed| peers[boxed.place]));
        if !all_new && !change.concerns(&shape, &neighbours) {
            continue;
        }
        let detail = match neighbours.first() {
            Some(first) => format!("{area_m2:.0} m² beside {} belong to nobody", first.code),
            None => format!("{area_m2:.0} m² belong to nobody"),
        };
        findings.push(gap(&shape, area_m2, &neighbours, detail));
        holes.push(shape);
    }
}

/// Adds the ground of each area that none of the areas directly in it covers, where it is more than a sliver and not in
/// one of `holes`, which have been reported; in a settled area only where the change concerns it. Exclusive grids cover
/// nothing here; an area that holds nothing else is passed over.
pub(super) fn within_parents(
    areas: &[Area],
    change: &Change,
    tolerances: &Tolerances,
    holes: &[Shape],
    findings: &mut Vec<Finding>,
) {
    let mut children: BTreeMap<u32, Vec<&Area>> = BTreeMap::new();
    for child in areas.iter().filter(|area| area.rank != EXCLUSIVE_RANK && !area.shape.is_empty()) {
        if let Some(parent) = child.parent {
            children.entry(parent).or_default().push(child);
        }
    }
    for parent in areas.iter().filter(|area| !area.shape.is_empty()) {
        if let Some(children) = children.get(&parent.id) {
            within_parent(parent, children, change, tolerances, holes, findings);
        }
    }
}

fn within_parent(
    parent: &Area,
    children: &[&Area],
    change: &Change,
    tolerances: &Tolerances,
    holes: &[Shape],
    findings: &mut Vec<Finding>,
) {
    let mut edges = Edges::default();
    edges.add(&parent.shape);
    children.iter().for_each(|child| edges.take_away(&child.shape));
    // Of a settled parent not everything in it is known, only what touches the window.
    let known = |bare| if change.settles(parent) { clipped(&bare, &change.window) } else { Ok(bare) };
    let bare = match edges.covered().and_then(known) {
        Ok(bare) => bare,
        Err(gave_up) => {
            let detail = format!("gaps within {} were not searched for: {gave_up}", parent.code);
            return findings.push(not_checked(&[parent], &detail));
        }
    };
    for polygon in &bare {
        let shape = Shape::assemble(vec![rings_of(polygon).collect()]);
        let area_m2 = shape.area_m2();
        if area_m2 <= tolerances.sliver_m2 {
            continue;
        }
        let place = place_in(&shape);
        if place.is_some_and(|place| holes.iter().any(|hole| hole.place(place) != Place::Outside)) {
            continue;
        }
        let mut involved = vec![parent];
        let neighbours = around(&shape, children.iter().copied());
        if change.settles(parent) && !change.concerns(&shape, &neighbours) {
            continue;
        }
        involved.extend(neighbours);
        let detail = format!("{area_m2:.0} m² of {} belong to none of the areas in it", parent.code);
        findings.push(gap(&shape, area_m2, &involved, detail));
    }
}

/// The part of some ground that lies in a box.
fn clipped(ground: &MultiPolygon, window: &Bounds) -> Result<MultiPolygon, GaveUp> {
    let corner = |[x, y]: Point| Coord { x, y };
    let window = MultiPolygon::new(vec![Rect::new(corner(window.low), corner(window.high)).to_polygon()]);
    guarded(|| ground.intersection(&window)).ok_or(GaveUp::Tangled)
}

impl Change {
    /// Whether the change has to do with a gap: one of the areas around it is new, or it lies in what is cleared.
    fn concerns(&self, gap: &Shape, around: &[&Area]) -> bool {
        let in_cleared = |place| self.cleared.iter().any(|cleared| cleared.place(place) != Place::Outside);
        !around.iter().all(|area| self.settles(area)) || place_in(gap).is_some_and(in_cleared)
    }
}

fn gap(shape: &Shape, area_m2: f64, areas: &[&Area], detail: String) -> Finding {
    let finding = Finding::new(Severity::Warning, FindingKind::Gap, areas, detail);
    finding.sized(area_m2, 0.0).at(place_in(shape))
}

fn not_checked(areas: &[&Area], detail: &str) -> Finding {
    Finding::new(Severity::Warning, FindingKind::NotChecked, areas, detail.to_owned())
}

/// A place inside a gap.
fn place_in(shape: &Shape) -> Option<Point> {
    shape.inner_position().map(crate::Position::point).or(shape.points().first().copied())
}

/// Those of some areas that have a vertex where a gap has one, in the order of their codes.
fn around<'a>(gap: &Shape, areas: impl Iterator<Item = &'a Area>) -> Vec<&'a Area> {
    let mut neighbours: Vec<&Area> = areas.filter(|area| adjoins(gap, &area.shape)).collect();
    neighbours.sort_by(|a, b| (&a.code, a.id).cmp(&(&b.code, b.id)));
    neighbours
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
    if !gap.bounds().grown(NEAR_DEG).touches(&area.bounds()) {
        return false;
    }
    let mut vertices = gap.points().iter().take(VERTICES_COMPARED_MAX);
    vertices.any(|vertex| {
        let near =
            |other: &&Point| (other[0] - vertex[0]).abs() <= NEAR_DEG && (other[1] - vertex[1]).abs() <= NEAR_DEG;
        area.points().iter().any(|other| near(&other))
    })
}
