//! The boundaries that are in force together, as one immutable index.
//!
//! A newer release masks all boundaries of older ones in the subtrees it describes, whether it draws them again or
//! not: that is how a boundary goes away.

use api::grids::v1::AreaKind;
use base::{AreaPath, Error, Kind, ReleaseId, Result, Time};
use geometry::{Coverage, Item, Position, Shape};
use parking_lot::RwLock;
use store::View;

use crate::land::directory::Directory;
use crate::model::release::{Release, replaced_at};
use crate::tables;

/// Boundaries in force together.
pub(crate) struct Ground {
    coverage: Coverage,
    /// What lies in the coverage: its number there is its place here. Sorted by slot, each once.
    placed: Vec<Placed>,
    /// The releases in force, oldest first.
    releases: Vec<(ReleaseId, String)>,
}

#[derive(Clone, Copy)]
struct Placed {
    slot: u32,
    /// Its place in `releases`.
    release: u16,
}

/// Which releases have anything in force at a time, oldest first. It names a ground: equal lists, equal grounds.
pub(crate) fn in_force(activated: &[Release], time: Time) -> Vec<ReleaseId> {
    let begun: Vec<Release> = activated.iter().filter(|release| release.activate_time <= Some(time)).cloned().collect();
    begun.iter().filter(|release| replaced_at(release, &begun).is_none()).map(|release| release.id).collect()
}

/// What lies in a ground, read but not yet built: the store is not kept waiting while the index is built.
pub(crate) struct Drawn {
    items: Vec<(Placed, Item)>,
    releases: Vec<(ReleaseId, String)>,
}

impl Drawn {
    /// Reads the boundaries of these releases, which [`in_force`] named, that no newer one masks.
    pub(crate) fn read(
        view: &dyn View,
        directory: &RwLock<Directory>,
        activated: &[Release],
        in_force: &[ReleaseId],
    ) -> Result<Self> {
        let releases: Vec<&Release> = activated.iter().filter(|release| in_force.contains(&release.id)).collect();
        let mut items = Vec::new();
        for (number, release) in releases.iter().enumerate() {
            let newer = &releases[number + 1..];
            let number = u16::try_from(number).map_err(|_| {
                Error::new(Kind::Exhausted, "TOO_MANY_RELEASES", "more than 65,536 releases are in force at once")
            })?;
            collect(view, directory, release, newer, number, &mut items)?;
        }
        items.sort_unstable_by_key(|(placed, _)| placed.slot);
        Ok(Self { items, releases: releases.iter().map(|release| (release.id, release.id.name())).collect() })
    }
}

impl Ground {
    /// Builds the index. Takes seconds for a large city.
    pub(crate) fn build(drawn: Drawn) -> Result<Self> {
        let placed: Vec<Placed> = drawn.items.iter().map(|(placed, _)| *placed).collect();
        let items = drawn.items.into_iter().zip(0..).map(|((_, item), id)| Item { id, ..item }).collect();
        Ok(Self { coverage: Coverage::build(items)?, placed, releases: drawn.releases })
    }

    /// The index; its numbers are for [`Ground::slot`].
    pub(crate) fn coverage(&self) -> &Coverage {
        &self.coverage
    }

    /// The slot of a number of the index.
    pub(crate) fn slot(&self, number: u32) -> u32 {
        self.placed[number as usize].slot
    }

    /// The name of the release that drew what a number of the index stands for.
    pub(crate) fn release_name(&self, number: u32) -> &str {
        &self.releases[usize::from(self.placed[number as usize].release)].1
    }

    /// The release that drew the area in a slot, if a boundary of it is in force.
    pub(crate) fn release_of(&self, slot: u32) -> Option<ReleaseId> {
        let place = self.placed.binary_search_by_key(&slot, |placed| placed.slot).ok()?;
        Some(self.releases[usize::from(self.placed[place].release)].0)
    }

    /// The areas within a distance, nearest first, that `wanted` wants (by slot); at most `limit`.
    pub(crate) fn nearby(
        &self,
        position: Position,
        radius_m: f64,
        limit: usize,
        wanted: &dyn Fn(u32) -> bool,
    ) -> Vec<(u32, f64)> {
        // The index knows no kinds: ask for more and more until enough of them are wanted.
        let mut asked = limit;
        loop {
            let near = self.coverage.nearby(position, radius_m, asked);
            let exhausted = near.len() < asked;
            let mut found: Vec<(u32, f64)> = near
                .iter()
                .map(|near| (self.slot(near.id), near.distance_m))
                .filter(|(slot, _)| wanted(*slot))
                .collect();
            if exhausted || found.len() >= limit {
                found.truncate(limit);
                return found;
            }
            asked = asked.saturating_mul(4);
        }
    }
}

/// Reads the boundaries of one release that no newer one masks.
fn collect(
    view: &dyn View,
    directory: &RwLock<Directory>,
    release: &Release,
    newer: &[&Release],
    number: u16,
    drawn: &mut Vec<(Placed, Item)>,
) -> Result<()> {
    // Ties are decided by the codes of the day on which the release came into force, whenever the ground is built.
    let day = release.activate_time.unwrap_or_default().civil_day();
    let masked = |path: &AreaPath| newer.iter().any(|newer| newer.describes(path));
    tables::each_boundary(view, release.id, &mut |boundary| {
        let id = base::AreaId::from_slice(&boundary.area_id)?;
        let directory = directory.read();
        let slot = directory.slot(id).ok_or_else(|| {
            Error::new(Kind::Corrupt, "DANGLING_BOUNDARY", format!("a boundary of {} has no area", id.name()))
        })?;
        let card = directory.card(slot);
        if !masked(&card.path) {
            let item = Item {
                id: 0,
                code: card.code_on(day).to_owned(),
                rank: rank(card.reference.kind()),
                shape: Shape::from_bytes(&boundary.shape)?,
            };
            drawn.push((Placed { slot, release: number }, item));
        }
        Ok(())
    })
}

/// The precedence of a kind: exclusive grids win over what they cut, then the finer over the coarser.
pub(crate) fn rank(kind: AreaKind) -> u8 {
    match kind {
        AreaKind::ExclusiveGrid => geometry::coverage::EXCLUSIVE_RANK,
        AreaKind::MicroGrid => 1,
        AreaKind::BaseGrid => 2,
        AreaKind::Community => 3,
        AreaKind::Subdistrict => 4,
        AreaKind::County => 5,
        AreaKind::City => 6,
        AreaKind::Province => 7,
        AreaKind::Unspecified => 8,
    }
}
