//! Faults between two areas: overlaps of the same rank, and children outside their parents.

use std::collections::HashMap;

use geo::BooleanOps;
use rstar::{AABB, RTree, RTreeObject};

use super::relation::relation;
use super::{Area, Change, Finding, FindingKind, Piece, Severity, Tolerances, guarded, measure};
use crate::{Bounds, Shape};

/// Overlaps of one rank that are reported; nobody reads more of them.
const OVERLAPS_MAX: usize = 20_000;
/// Vertices that are clipped for the overlaps of one rank: about a minute. A city whose every border is drawn twice needs
/// a tenth of them until the reported overlaps are enough.
const CLIPPED_VERTICES_MAX: usize = 50_000_000;

/// The box of one area among its peers.
pub(super) struct Boxed {
    bounds: Bounds,
    pub(super) place: usize,
}

impl RTreeObject for Boxed {
    type Envelope = AABB<[f64; 2]>;

    fn envelope(&self) -> Self::Envelope {
        envelope(&self.bounds)
    }
}

pub(super) fn envelope(bounds: &Bounds) -> AABB<[f64; 2]> {
    AABB::from_corners(bounds.low, bounds.high)
}

/// An R-tree of boxes that all hold something, each with its place among them.
pub(super) fn tree(boxes: impl Iterator<Item = Bounds>) -> RTree<Boxed> {
    RTree::bulk_load(boxes.enumerate().map(|(place, bounds)| Boxed { bounds, place }).collect())
}

/// Adds every pair of peers, not both settled, that share more than a sliver. A set drawn upon itself, such as one
/// boundary given to thousands of areas, would take hours and more memory than there is: beyond a bound the rest is only
/// said to exist.
pub(super) fn overlaps(peers: &[&Area], change: &Change, tolerances: &Tolerances, findings: &mut Vec<Finding>) {
    let both_stay = |one: &Area, other: &Area| change.settles(one) && change.settles(other);
    let tree = tree(peers.iter().map(|area| area.shape.bounds()));
    let (mut found, mut clipped) = (0_usize, 0_usize);
    for (place, area) in peers.iter().enumerate() {
        let box_of_area = envelope(&area.shape.bounds());
        let mut others: Vec<usize> = tree
            .locate_in_envelope_intersecting(&box_of_area)
            .map(|boxed| boxed.place)
            .filter(|other| *other > place)
            .collect();
        others.sort_unstable();
        for other in others.into_iter().map(|other| peers[other]) {
            if both_stay(area, other) || !relation(&area.shape, &other.shape).may_overlap() {
                continue;
            }
            if found >= OVERLAPS_MAX || clipped >= CLIPPED_VERTICES_MAX {
                return findings.push(gave_up_on_the_rest(found));
            }
            let overlap = overlap(area, other, tolerances);
            found += usize::from(overlap.is_some());
            clipped += area.shape.vertex_count() + other.shape.vertex_count();
            findings.extend(overlap);
        }
    }
}

/// The overlap of two areas whose borders do not exclude one.
fn overlap(a: &Area, b: &Area, tolerances: &Tolerances) -> Option<Finding> {
    let (a, b) = if (&a.code, a.id) <= (&b.code, b.id) { (a, b) } else { (b, a) };
    let Some(piece) = clip(&a.shape, &b.shape, geo::MultiPolygon::intersection) else {
        return Some(gave_up(&[a, b], "an overlap"));
    };
    if piece.area_m2 <= tolerances.sliver_m2 {
        return None;
    }
    let share = share(piece.area_m2, a.shape.area_m2().min(b.shape.area_m2()));
    let detail = format!("{} and {} share {:.0} m²", a.code, b.code, piece.area_m2);
    let finding = Finding::new(Severity::Error, FindingKind::Overlap, &[a, b], detail);
    Some(finding.sized(piece.area_m2, share).at(piece.place))
}

/// Adds every child, settled ones aside, of which more than a sliver lies outside its parent. A parent without a polygon
/// holds anything.
pub(super) fn outside_parents(areas: &[Area], change: &Change, tolerances: &Tolerances, findings: &mut Vec<Finding>) {
    let by_id: HashMap<u32, &Area> = areas.iter().map(|area| (area.id, area)).collect();
    for child in areas.iter().filter(|area| !change.settles(area) && !area.shape.is_empty()) {
        let parent = child.parent.and_then(|id| by_id.get(&id)).filter(|parent| !parent.shape.is_empty());
        if let Some(parent) = parent {
            findings.extend(outside(child, parent, tolerances));
        }
    }
}

fn outside(child: &Area, parent: &Area, tolerances: &Tolerances) -> Option<Finding> {
    let apart = !child.shape.bounds().touches(&parent.shape.bounds());
    if !apart && !relation(&child.shape, &parent.shape).may_stick_out() {
        return None;
    }
    let Some(piece) = clip(&child.shape, &parent.shape, geo::MultiPolygon::difference) else {
        return Some(gave_up(&[child, parent], "a child outside its parent"));
    };
    if piece.area_m2 <= tolerances.sliver_m2 {
        return None;
    }
    let share = share(piece.area_m2, child.shape.area_m2());
    let (code, holder, percent) = (&child.code, &parent.code, share * 100.0);
    let detail = format!("{:.0} m² of {code} ({percent:.2} %) lie outside its parent {holder}", piece.area_m2);
    let finding = Finding::new(Severity::Error, FindingKind::OutsideParent, &[child, parent], detail);
    Some(finding.sized(piece.area_m2, share).at(piece.place))
}

fn clip(
    a: &Shape,
    b: &Shape,
    operation: fn(&geo::MultiPolygon, &geo::MultiPolygon) -> geo::MultiPolygon,
) -> Option<Piece> {
    guarded(|| measure(&operation(&a.to_geo(), &b.to_geo())))
}

fn share(part_m2: f64, whole_m2: f64) -> f64 {
    if whole_m2 > 0.0 { (part_m2 / whole_m2).min(1.0) } else { 0.0 }
}

fn gave_up_on_the_rest(found: usize) -> Finding {
    let detail = format!("so many areas lie upon each other that the search for overlaps ended after {found}");
    Finding::new(Severity::Warning, FindingKind::NotChecked, &[], detail)
}

fn gave_up(areas: &[&Area], what: &str) -> Finding {
    let codes: Vec<&str> = areas.iter().map(|area| area.code.as_str()).collect();
    let detail = format!("{what} could not be measured for {}: their rings are too tangled", codes.join(" and "));
    Finding::new(Severity::Warning, FindingKind::NotChecked, areas, detail)
}
