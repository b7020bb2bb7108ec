//! Which of the known names an address names, and where: the choice among the names found in its text.

use std::ops::Range;

use super::gazetteer::{Gazetteer, Handle, Kind};
use super::lexer::{Known, Sort};
use super::names::Hit;

/// Names this much less like the text than the best, in hundredths, are no alternatives.
const BEHIND_MAX: u32 = 22;
/// At most this many alternatives are kept for one place in the text.
const ALTERNATIVES_MAX: usize = 12;

/// A part of the text that is a known name, and whose it may be.
#[derive(Clone, Debug)]
pub(super) struct Sighting {
    pub(super) span: Range<usize>,
    pub(super) sort: Sort,
    /// Whose name it may be, with how like it is in hundredths; the best first, no owner twice.
    pub(super) owners: Vec<(Handle, u32)>,
}

impl Sighting {
    pub(super) fn known(&self) -> Known {
        Known { span: self.span.clone(), sort: self.sort }
    }

    /// How like the name of `owner` it is, if it may be.
    pub(super) fn similarity(&self, owner: Handle) -> Option<u32> {
        self.owners.iter().find(|(other, _)| *other == owner).map(|(_, similarity)| *similarity)
    }
}

/// Chooses what the text names: the longest and likest names that do not overlap, each with its alternatives.
pub(super) fn sightings(gazetteer: &Gazetteer, mut hits: Vec<Hit>) -> Vec<Sighting> {
    // A long name that is nearly right says more than a short one that is exactly right, but not much more.
    let value = |hit: &Hit| hit.span.len() * (hit.similarity.saturating_sub(50)) as usize;
    hits.sort_by_key(|hit| (usize::MAX - value(hit), hit.span.start, hit.owner));
    let mut chosen: Vec<Sighting> = Vec::new();
    for hit in &hits {
        let overlaps = |span: &Range<usize>| span.start < hit.span.end && hit.span.start < span.end;
        if chosen.iter().any(|sighting| overlaps(&sighting.span)) {
            continue;
        }
        let sort = sort(gazetteer.place(hit.owner).kind);
        let owners = alternatives(&hits, hit);
        chosen.push(Sighting { span: hit.span.clone(), sort, owners });
    }
    chosen.sort_by_key(|sighting| sighting.span.start);
    chosen
}

/// Whose name the part of the text may be: `best`'s, and theirs whose names are nearly as like to all of that part.
fn alternatives(hits: &[Hit], best: &Hit) -> Vec<(Handle, u32)> {
    let mut near: Vec<(Handle, u32)> = hits
        .iter()
        .filter_map(|hit| {
            let common = hit.span.end.min(best.span.end).checked_sub(hit.span.start.max(best.span.start))?;
            // A shorter name leaves signs unexplained: 阳光花园 is not what 阳光新城 means.
            let share = u32::try_from(100 * common / best.span.len()).unwrap_or(100);
            let similarity = hit.similarity * share / 100;
            (similarity + BEHIND_MAX >= best.similarity).then_some((hit.owner, similarity))
        })
        .collect();
    near.sort_by_key(|&(owner, similarity)| (u32::MAX - similarity, owner));
    let mut owners: Vec<(Handle, u32)> = Vec::new();
    for (owner, similarity) in near {
        if owners.len() < ALTERNATIVES_MAX && !owners.iter().any(|(other, _)| *other == owner) {
            owners.push((owner, similarity));
        }
    }
    owners
}

fn sort(kind: Kind) -> Sort {
    match kind {
        Kind::Division => Sort::Division,
        Kind::Road | Kind::Lane => Sort::Road,
        Kind::Estate | Kind::Building | Kind::Unit | Kind::Room | Kind::Landmark => Sort::Place,
    }
}
