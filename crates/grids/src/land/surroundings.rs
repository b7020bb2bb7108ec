//! What stands around a release: boundaries in force near its ground that it does not replace.
//!
//! A release is checked together with them, since its borders meet theirs. Near is what touches the box of all that it
//! draws and takes away, so the work is that of a neighbourhood, however large the city. Whether the neighbourhood is
//! still the same is told by a mark of it, because a release may come into force long after it was checked.

use std::collections::HashMap;

use api::grids::v1::AreaKind;
use base::AreaPath;
use geometry::{Bounds, Shape};
use sha2::{Digest, Sha256};

use crate::land::directory::{Card, Directory};
use crate::land::ground::Ground;
use crate::model::release::{Release, Vicinity};

/// Degrees (about a hundred metres) that the neighbourhood reaches beyond the ground of the release: neighbours that
/// should meet it, but do not, are to be found.
const MARGIN_DEG: f64 = 0.001;

/// The neighbourhood of a release on one ground.
pub(crate) struct Surroundings {
    pub(crate) vicinity: Vicinity,
    /// Boundaries that the release replaces.
    pub(crate) cleared: Vec<Shape>,
    /// What stays beside the release and above it, by path: all that is near, and of the kinds that the release has also
    /// what is near to that, so that ground which is taken does not look like a gap.
    pub(crate) standing: Vec<(AreaPath, Shape)>,
}

impl Surroundings {
    /// The neighbourhood of a release that draws some shapes, each of an area of a kind.
    pub(crate) fn of<'a>(
        ground: &Ground,
        directory: &Directory,
        release: &Release,
        drawn: impl Iterator<Item = (AreaKind, &'a Shape)>,
    ) -> Self {
        let placed = |number: &u32| (directory.card(ground.slot(*number)), ground.shape(*number));
        let (replaced, staying): (Vec<u32>, Vec<u32>) =
            ground.numbers().partition(|number| release.describes(&placed(number).0.path));
        let cleared: Vec<Shape> = replaced.iter().map(|number| placed(number).1.clone()).collect();
        let mut kinds: HashMap<AreaKind, Bounds> =
            replaced.iter().map(|number| (placed(number).0.reference.kind(), Bounds::EMPTY)).collect();
        let mut own = cleared.iter().fold(Bounds::EMPTY, |bounds, shape| bounds.union(&shape.bounds()));
        for (kind, shape) in drawn {
            own = own.union(&shape.bounds());
            kinds.insert(kind, Bounds::EMPTY);
        }
        let window = own.grown(MARGIN_DEG);
        let holds_release = |path: &AreaPath| release.root_paths().any(|root| root.is_within(path));
        // How far the neighbours of each kind reach; what holds the release reaches over everything and does not count.
        for (card, shape) in staying.iter().map(placed).filter(|(_, shape)| shape.bounds().touches(&window)) {
            if let Some(reach) = kinds.get_mut(&card.reference.kind()).filter(|_| !holds_release(&card.path)) {
                *reach = reach.union(&shape.bounds());
            }
        }
        let stands = |card: &Card, bounds: &Bounds| {
            let reach = kinds.get(&card.reference.kind());
            bounds.touches(&window) || reach.is_some_and(|reach| bounds.touches(reach))
        };
        let standing = staying.iter().map(placed).filter(|(card, shape)| stands(card, &shape.bounds()));
        Self {
            standing: standing.map(|(card, shape)| (card.path, shape.clone())).collect(),
            vicinity: Vicinity { window, mark: mark(ground, directory, release, &window) },
            cleared,
        }
    }
}

/// Whether what is near a release on a ground is what was near it when it was checked.
pub(crate) fn are_unchanged(vicinity: &Vicinity, ground: &Ground, directory: &Directory, release: &Release) -> bool {
    mark(ground, directory, release, &vicinity.window) == vicinity.mark
}

/// A digest of the boundaries that touch a box and stay: which area, drawn by which release. What the release replaces
/// goes away whatever it is.
fn mark(ground: &Ground, directory: &Directory, release: &Release, window: &Bounds) -> [u8; 32] {
    let mut near: Vec<(&str, &str)> = ground
        .numbers()
        .filter(|number| ground.shape(*number).bounds().touches(window))
        .map(|number| (directory.card(ground.slot(number)), ground.release_name(number)))
        .filter(|(card, _)| !release.describes(&card.path))
        .map(|(card, drawn_by)| (card.reference.name.as_str(), drawn_by))
        .collect();
    // Numbers are those of a process; names stay.
    near.sort_unstable();
    let mut digest = Sha256::new();
    for (area, drawn_by) in near {
        digest.update(area);
        digest.update(drawn_by);
    }
    digest.finalize().into()
}
