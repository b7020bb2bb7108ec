//! The boundaries that are in force together, as one immutable index.
//!
//! A newer release masks all boundaries of older ones in the subtrees it describes, whether it draws them again or
//! not: that is how a boundary goes away.

use std::collections::HashMap;

use api::grids::v1::AreaKind;
use base::{AreaPath, Error, Kind, ReleaseId, Result, Time};
use geometry::{Coverage, Item, Position, Shape, union};
use parking_lot::{Mutex, RwLock};
use store::View;

use crate::land::directory::Directory;
use crate::model::release::{Release, replaced_at};
use crate::tables;

/// Boundaries in force together.
pub(crate) struct Ground {
    coverage: Coverage,
    /// What lies in the coverage: its number there is its place here. Sorted by slot, each once.
    placed: Vec<Placed>,
    /// The boundaries of `placed`, shared with the coverage.
    shapes: Vec<Shape>,
    /// Unions of boundaries that somebody asked for, by the slot of the area they stand for.
    joined: Mutex<HashMap<u32, Shape>>,
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
        let shapes = drawn.items.iter().map(|(_, item)| item.shape.clone()).collect();
        let items = drawn.items.into_iter().zip(0..).map(|((_, item), id)| Item { id, ..item }).collect();
        Ok(Self {
            coverage: Coverage::build(items)?,
            placed,
            shapes,
            joined: Mutex::default(),
            releases: drawn.releases,
        })
    }

    /// The index; its numbers are for [`Ground::slot`].
    pub(crate) fn coverage(&self) -> &Coverage {
        &self.coverage
    }

    /// All numbers of the index.
    pub(crate) fn numbers(&self) -> impl Iterator<Item = u32> {
        self.slots().zip(0_u32..).map(|(_, number)| number)
    }

    /// The slot of a number of the index.
    pub(crate) fn slot(&self, number: u32) -> u32 {
        self.placed[number as usize].slot
    }

    /// The name of the release that drew what a number of the index stands for.
    pub(crate) fn release_name(&self, number: u32) -> &str {
        &self.releases[usize::from(self.placed[number as usize].release)].1
    }

    /// The slots of all areas that have a boundary in force.
    pub(crate) fn slots(&self) -> impl Iterator<Item = u32> {
        self.placed.iter().map(|placed| placed.slot)
    }

    /// The number of the area in a slot, if a boundary of it is in force.
    pub(crate) fn number(&self, slot: u32) -> Option<u32> {
        let place = self.placed.binary_search_by_key(&slot, |placed| placed.slot).ok()?;
        u32::try_from(place).ok()
    }

    /// The boundary of an area that has a number.
    pub(crate) fn shape(&self, number: u32) -> &Shape {
        &self.shapes[number as usize]
    }

    /// The union of the boundaries of some numbers, kept for the next who asks for the area in this slot. One is computed
    /// at a time: the grids of a large city take seconds and hundreds of MiB.
    pub(crate) fn joined(&self, slot: u32, numbers: &[u32]) -> Result<Shape> {
        let mut joined = self.joined.lock();
        if let Some(known) = joined.get(&slot) {
            return Ok(known.clone());
        }
        let union = union(numbers.iter().map(|number| self.shape(*number)))?;
        joined.insert(slot, union.clone());
        Ok(union)
    }

    /// The name of the newest of the releases that drew some numbers; none when there are no numbers.
    pub(crate) fn newest_release_name(&self, numbers: &[u32]) -> Option<&str> {
        let newest = numbers.iter().map(|number| self.placed[*number as usize].release).max()?;
        Some(&self.releases[usize::from(newest)].1)
    }

    /// The numbers of the uppermost areas of a subtree that have a boundary in force: those with none above them there.
    pub(crate) fn uppermost(&self, root: &AreaPath, path_of: &dyn Fn(u32) -> AreaPath) -> Vec<u32> {
        let numbered = self.slots().map(path_of).zip(0_u32..);
        let mut drawn: Vec<(AreaPath, u32)> = numbered.filter(|(path, _)| path.is_within(root)).collect();
        // In the order of the tree each area comes directly after all that hold it.
        drawn.sort_unstable();
        let mut holder: Option<AreaPath> = None;
        drawn.retain(|(path, _)| {
            let held = holder.is_some_and(|holder| path.is_within(&holder));
            holder = if held { holder } else { Some(*path) };
            !held
        });
        drawn.into_iter().map(|(_, number)| number).collect()
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
                // Not the code of today: a ground answers the same whenever it is built.
                code: boundary.code,
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
