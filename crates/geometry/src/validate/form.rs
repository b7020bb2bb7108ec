//! Faults within one area: its rings and how they nest.

use std::ops::ControlFlow;

use super::pairs::{envelope, tree};
use super::{Area, Finding, FindingKind, Severity};
use crate::Bounds;
use crate::contact::{Contact, Meeting, Search, search};
use crate::exact::{Place, Point, orientation, place_in_polygon, place_in_ring};

/// Contacts counted before the rest no longer matters.
const CONTACTS_MAX: usize = 1_000;

/// Adds what is wrong with one area: at most one finding of each kind, with the number of faults in its words.
pub(super) fn check(area: &Area, findings: &mut Vec<Finding>) {
    if area.shape.is_empty() {
        let detail = format!("{} has no polygon, so no point can be found in it", area.code);
        findings.push(Finding::new(Severity::Warning, FindingKind::EmptyShape, &[area], detail));
        return;
    }
    repeated_vertices(area, findings);
    if let Some(at) = flat_ring(area) {
        let detail = format!("a ring of {} encloses no ground: all its vertices lie on one line", area.code);
        findings.push(Finding::new(Severity::Error, FindingKind::InvalidRing, &[area], detail).at(Some(at)));
        return;
    }
    let mut contacts = Vec::new();
    let outcome = search(&area.shape, |contact| {
        // Two rings may touch at a point, however often; counted, such places would hide the faults behind them.
        if contact.meeting == Meeting::Touch && contact.rings[0] != contact.rings[1] {
            return ControlFlow::Continue(());
        }
        contacts.push(contact);
        if contacts.len() < CONTACTS_MAX { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    if outcome == Search::GaveUp {
        let detail = format!("the rings of {} are too tangled to be checked for crossings", area.code);
        findings.push(Finding::new(Severity::Warning, FindingKind::NotChecked, &[area], detail));
    }
    // Edges are compared in the order of a sweep; the report names the southernmost place.
    contacts.sort_by(|a, b| a.at[1].total_cmp(&b.at[1]).then(a.at[0].total_cmp(&b.at[0])));
    let spikes: Vec<&Contact> = contacts.iter().filter(|contact| contact.meeting == Meeting::Spike).collect();
    if let Some(first) = spikes.first() {
        let detail = format!("a ring of {} turns straight back upon itself at {} places", area.code, spikes.len());
        findings.push(Finding::new(Severity::Warning, FindingKind::Spike, &[area], detail).at(Some(first.at)));
    }
    let faults: Vec<&Contact> = contacts.iter().filter(|contact| is_fault(contact, &spikes)).collect();
    if let Some(first) = faults.first() {
        let how = match first.meeting {
            Meeting::Cross => "crosses",
            Meeting::Overlap | Meeting::Spike => "runs along",
            Meeting::Touch => "touches",
        };
        let whom = if first.rings[0] == first.rings[1] { "itself" } else { "another ring" };
        let detail = format!("a ring of {} {how} {whom} ({} such places)", area.code, faults.len());
        findings.push(Finding::new(Severity::Error, FindingKind::InvalidRing, &[area], detail).at(Some(first.at)));
    } else if let Some((detail, at)) = bad_nesting(area) {
        findings.push(Finding::new(Severity::Error, FindingKind::InvalidRing, &[area], detail).at(Some(at)));
    }
}

/// Whether a contact makes a ring invalid. A ring may touch itself only where a spike, which is reported as such, is the
/// cause.
fn is_fault(contact: &Contact, spikes: &[&Contact]) -> bool {
    match contact.meeting {
        Meeting::Cross | Meeting::Overlap => true,
        Meeting::Spike => false,
        Meeting::Touch => spikes.iter().all(|spike| spike.rings[0] != contact.rings[0]),
    }
}

/// A vertex of a ring whose vertices all lie on one line, if there is one.
fn flat_ring(area: &Area) -> Option<Point> {
    let flat = |ring: &&[Point]| {
        let first = ring[0];
        let Some(second) = ring.iter().copied().find(|vertex| *vertex != first) else { return true };
        ring.iter().all(|vertex| orientation(first, second, *vertex) == 0.0)
    };
    area.shape.rings().find(flat).map(|ring| ring[0])
}

fn repeated_vertices(area: &Area, findings: &mut Vec<Finding>) {
    let repeats = || area.shape.edges().filter(|[start, end]| start == end);
    if let Some([at, _]) = repeats().next() {
        let detail = format!("{} gives the same vertex twice in a row at {} places", area.code, repeats().count());
        findings.push(Finding::new(Severity::Warning, FindingKind::RepeatedVertex, &[area], detail).at(Some(at)));
    }
}

/// Rings that do not cross but lie where they should not: a hole outside its exterior, a polygon inside another.
fn bad_nesting(area: &Area) -> Option<(String, Point)> {
    let polygons: Vec<Vec<&[Point]>> = area.shape.polygons().map(Iterator::collect).collect();
    for rings in &polygons {
        for hole in &rings[1..] {
            if let Some((Place::Outside, at)) = side(hole, |vertex| place_in_ring(vertex, rings[0])) {
                return Some((format!("a hole of {} lies outside its polygon", area.code), at));
            }
        }
    }
    let boxes = tree(polygons.iter().map(|rings| Bounds::of(rings[0])));
    for (own, rings) in polygons.iter().enumerate() {
        let near = boxes.locate_in_envelope_intersecting(&envelope(&Bounds::of(rings[0])));
        let mut others: Vec<usize> = near.map(|boxed| boxed.place).filter(|other| *other != own).collect();
        others.sort_unstable();
        for other in others {
            let place = |vertex| place_in_polygon(vertex, polygons[other].iter().copied());
            if let Some((Place::Inside, at)) = side(rings[0], place) {
                return Some((format!("two polygons of {} lie upon each other", area.code), at));
            }
        }
    }
    None
}

/// On which side of other rings a ring lies that does not cross them, with the vertex that tells; none when every vertex
/// is on their border.
fn side(ring: &[Point], place: impl Fn(Point) -> Place) -> Option<(Place, Point)> {
    ring.iter().map(|&vertex| (place(vertex), vertex)).find(|(place, _)| *place != Place::Border)
}
