//! Faults within one area: its rings and how they nest.

use std::ops::ControlFlow;

use super::{Area, Finding, FindingKind, Severity};
use crate::contact::{Contact, Meeting, Search, search};
use crate::exact::{Place, Point, place_in_polygon, place_in_ring};

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
    let mut contacts = Vec::new();
    let outcome = search(&area.shape, |contact| {
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

/// Whether a contact makes a ring invalid. Two rings may touch at a point; a ring may touch itself only where a spike,
/// which is reported as such, is the cause.
fn is_fault(contact: &Contact, spikes: &[&Contact]) -> bool {
    match contact.meeting {
        Meeting::Cross | Meeting::Overlap => true,
        Meeting::Spike => false,
        Meeting::Touch => {
            contact.rings[0] == contact.rings[1] && spikes.iter().all(|spike| spike.rings[0] != contact.rings[0])
        }
    }
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
    for (p, rings) in polygons.iter().enumerate() {
        for hole in &rings[1..] {
            if let Some(&at) = hole.iter().find(|vertex| place_in_ring(**vertex, rings[0]) == Place::Outside) {
                return Some((format!("a hole of {} lies outside its polygon", area.code), at));
            }
        }
        for (_, other) in polygons.iter().enumerate().filter(|(o, _)| *o != p) {
            let inside = |vertex: &&Point| place_in_polygon(**vertex, other.iter().copied()) == Place::Inside;
            if let Some(&at) = rings[0].iter().find(inside) {
                return Some((format!("two polygons of {} lie upon each other", area.code), at));
            }
        }
    }
    None
}
