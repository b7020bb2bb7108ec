//! The coverage index: which area is this point in? Exact, immutable, shared by all threads, fast.
//!
//! A coverage is built once from all areas of a boundary release. The box around them is cut into cells; a cell that no
//! border enters knows its owner at once, any other cell knows the few edges that enter it (`grid`). Gaps, overlaps,
//! holes and multipolygons need no special case, and shapes whose rings cross themselves are asked directly.
//!
//! **Which area wins.** Areas are closed sets: a border belongs to both sides. Of the areas that cover a point the one
//! with the lowest rank wins (0 = exclusive grid, then the finer before the coarser levels), then the one with the
//! smallest code. So a point on a shared border belongs to the area with the smallest code. "Covers" means the same as
//! [`Shape::covers`], and as `geo::Intersects`, point for point.
//!
//! Not here: releases, the tree of areas, names. An area is known by the number its caller gave it.

mod areas;
mod build;
mod grid;
mod nearest;

use base::Result;

use crate::{Bounds, Position, Shape};
use areas::Areas;
use grid::{Cover, Grid};
use nearest::Boxes;

/// The rank of exclusive grids, which win over every area they cut.
pub const EXCLUSIVE_RANK: u8 = 0;

/// One area as the index takes it.
#[derive(Clone, Debug)]
pub struct Item {
    /// The caller's number for the area, given back in answers. A caller that numbers its areas from 0 in the order of
    /// rank and code gets its answers a little sooner.
    pub id: u32,
    /// The code by which ties are decided: the smallest wins (compared as bytes).
    pub code: String,
    /// The precedence: the lowest wins. [`EXCLUSIVE_RANK`] is for exclusive grids; finer levels before coarser ones.
    pub rank: u8,
    /// The boundary. An empty one covers nothing.
    pub shape: Shape,
}

/// How the winner was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DecidedBy {
    /// The point lies properly inside the winner, and no other area of its rank holds it properly.
    Inside,
    /// The point lies exactly on the border of the winner.
    Border,
    /// The point lies properly inside two or more areas of the winner's rank; the smallest code won.
    Overlap,
    /// The point lies properly inside an exclusive grid, which won over the area of a higher rank it cuts.
    Exclusive,
    /// No area covers the point.
    Outside,
}

/// Which area a point belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The caller's number of the area; none when no area covers the point.
    pub winner: Option<u32>,
    /// How it was decided.
    pub decided_by: DecidedBy,
    /// The next in order among the covering areas of the winner's rank (on a border, in an overlap); for
    /// [`DecidedBy::Exclusive`] the area that would have won without exclusive grids. None when there is no such area.
    pub runner_up: Option<u32>,
}

/// Everything there is to say about a point.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    /// The caller's number of the area; none when no area covers the point.
    pub winner: Option<u32>,
    /// How it was decided.
    pub decided_by: DecidedBy,
    /// As in [`Answer`] when that names one, else the area that wins just across the nearest border of the winner.
    pub runner_up: Option<u32>,
    /// Metres from the point to the nearest border of the winner, 0 on it; none outside.
    pub border_m: Option<f64>,
    /// The point of the winner's border that is nearest; none outside.
    pub border_at: Option<Position>,
    /// Outside: the nearest area. None when the point is covered, or there is no area at all.
    pub nearest: Option<Near>,
}

/// An area with its distance from a point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Near {
    /// The caller's number of the area.
    pub id: u32,
    /// Metres to the nearest point of the area; 0 when it covers the point.
    pub distance_m: f64,
    /// That nearest point.
    pub at: Position,
}

/// The index over all areas of a release. Immutable; share it in an `Arc`.
pub struct Coverage {
    areas: Areas,
    grid: Grid,
    boxes: Boxes,
}

impl Coverage {
    /// Builds the index. The order of the items does not matter, except that of two with the same rank and code the
    /// earlier wins. 126,000 areas of 48 vertices take 2 to 4 s and 300 MiB, shapes
    /// included.
    ///
    /// Errors: `COVERAGE_TOO_LARGE` (`Kind::Exhausted`) when all boundaries together have more than 2³¹ edges, or need
    /// an index of more than 4 GiB.
    pub fn build(items: Vec<Item>) -> Result<Self> {
        let areas = Areas::arrange(items)?;
        let grid = build::build(&areas)?;
        let boxes = Boxes::around(&areas);
        Ok(Self { areas, grid, boxes })
    }

    /// How many areas there are, empty ones included.
    pub fn len(&self) -> usize {
        self.areas.len()
    }

    /// Whether there is no area.
    pub fn is_empty(&self) -> bool {
        self.areas.len() == 0
    }

    /// The box around all areas.
    pub fn bounds(&self) -> Bounds {
        self.areas.bounds()
    }

    /// Bytes that the index holds, without the shapes.
    pub fn index_bytes(&self) -> usize {
        self.grid.bytes() + self.areas.bytes() + self.boxes.bytes()
    }

    /// The winner at a point given as plain WGS-84 degrees, allocating nothing. Numbers that are no position (NaN,
    /// out of range) are outside.
    #[inline]
    pub fn locate_index(&self, longitude_deg: f64, latitude_deg: f64) -> Option<u32> {
        let number = self.grid.winner(&self.areas, [longitude_deg, latitude_deg]);
        (number != grid::NOBODY).then(|| self.areas.id(number))
    }

    /// The winners at many points, in their order; `winners` is cleared first. Faster than one by one, because the
    /// waits for memory overlap.
    pub fn locate_batch(&self, points: &[(f64, f64)], winners: &mut Vec<Option<u32>>) {
        winners.clear();
        winners.reserve(points.len());
        self.grid.winners(&self.areas, points, |number| {
            winners.push((number != grid::NOBODY).then(|| self.areas.id(number)));
        });
    }

    /// The winner at a position, how it was decided, and the runner-up; allocates nothing for up to 32 candidates.
    pub fn locate(&self, position: Position) -> Answer {
        self.tally(position).answer(&self.areas)
    }

    /// Every area that covers a position, border included, in order of precedence.
    pub fn locate_all(&self, position: Position) -> Vec<u32> {
        let mut all = Vec::new();
        self.grid.covering(&self.areas, position.point(), |cover| all.push(self.areas.id(cover.number)));
        all
    }

    /// Everything about a position: the winner and why, metres to the border and what lies across, or, outside, the
    /// nearest area however far. Looks at every vertex of the winner.
    pub fn explain(&self, position: Position) -> Explanation {
        let mut explanation = self.measure(position);
        if let (None, Some(at)) = (explanation.runner_up, explanation.border_at) {
            explanation.runner_up = self.across(position, at, self.grid.winner(&self.areas, position.point()));
        }
        explanation
    }

    /// The same without a look across the border: the runner-up is as in [`Answer`].
    pub fn measure(&self, position: Position) -> Explanation {
        let tally = self.tally(position);
        let Answer { winner, decided_by, runner_up } = tally.answer(&self.areas);
        let mut explanation =
            Explanation { winner, decided_by, runner_up, border_m: None, border_at: None, nearest: None };
        match tally.first {
            None => explanation.nearest = self.nearby(position, f64::INFINITY, 1).first().copied(),
            Some(Cover { number, on_border }) => {
                let border = nearest::border(position, self.areas.shape(number), on_border);
                (explanation.border_m, explanation.border_at) = border.unzip();
            }
        }
        explanation
    }

    /// The areas within `radius_m` of a position, nearest first (those that cover it are at 0, in order of
    /// precedence), at most `limit`.
    pub fn nearby(&self, position: Position, radius_m: f64, limit: usize) -> Vec<Near> {
        self.boxes.nearby(&self.areas, position, radius_m, limit)
    }

    /// What is known of the areas that cover a position, from one look at its cell.
    fn tally(&self, position: Position) -> Tally {
        let mut tally = Tally::default();
        self.grid.covering(&self.areas, position.point(), |cover| tally.count(&self.areas, cover));
        tally
    }

    /// The area that wins just beyond a point of the border, seen from a position inside `number`.
    fn across(&self, from: Position, border: Position, number: u32) -> Option<u32> {
        nearest::beyond(from, border).find_map(|probe| {
            let found = self.grid.winner(&self.areas, probe);
            (found != grid::NOBODY && found != number).then(|| self.areas.id(found))
        })
    }
}

/// What is kept of the covering areas, seen in order of precedence, to answer without a list.
#[derive(Default)]
struct Tally {
    first: Option<Cover>,
    same_rank: Option<u32>,
    same_rank_inside: Option<u32>,
    higher_rank: Option<u32>,
}

impl Tally {
    fn count(&mut self, areas: &Areas, cover: Cover) {
        let Some(first) = self.first else {
            self.first = Some(cover);
            return;
        };
        if areas.rank(first.number) != areas.rank(cover.number) {
            self.higher_rank.get_or_insert(cover.number);
            return;
        }
        self.same_rank.get_or_insert(cover.number);
        if !cover.on_border {
            self.same_rank_inside.get_or_insert(cover.number);
        }
    }

    fn answer(&self, areas: &Areas) -> Answer {
        let Some(first) = self.first else {
            return Answer { winner: None, decided_by: DecidedBy::Outside, runner_up: None };
        };
        let exclusive = areas.rank(first.number) == EXCLUSIVE_RANK && self.higher_rank.is_some();
        let (decided_by, runner_up) = if first.on_border {
            (DecidedBy::Border, self.same_rank)
        } else if self.same_rank_inside.is_some() {
            (DecidedBy::Overlap, self.same_rank_inside)
        } else if exclusive {
            (DecidedBy::Exclusive, self.higher_rank)
        } else {
            (DecidedBy::Inside, self.same_rank)
        };
        Answer { winner: Some(areas.id(first.number)), decided_by, runner_up: runner_up.map(|number| areas.id(number)) }
    }
}
