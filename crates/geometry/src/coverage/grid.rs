//! The cells: how they lie in memory and how a point is answered from them. They are made in `build`.
//!
//! The box around all areas is cut into equal top cells, one word each, row by row from the south-west. A cell with many
//! edges is split 4 × 4, again and again. The upper two bits of a word say what the cell is, the lower 30 hold a number
//! or a place in the arena:
//!
//! ```text
//! PLAIN  0 = nobody, else area number + 1: no border enters the cell
//! LEAF   place of: ax:8 ay:8 slots:8 edges:8 │ mask of the areas that cover the anchor
//!                  │ per edge: x1 y1 x2 y2 (f32, relative to the anchor) and mask of the areas it bounds
//!                  │ area number per slot, ascending │ per edge: its number in `Areas`
//! SPLIT  place of: 16 words, the children row by row
//! CROWD  place of: count │ area numbers, ascending: each shape is asked directly
//! ```
//! In a leaf the way from the anchor to the point is compared with each edge; a crossing flips the edge's areas. Slots
//! are in order of precedence, so the winner is the lowest bit. The f32 arithmetic answers only when it is certain, which
//! its error bound `doubt` decides; else the same question is put to the exact predicates with the full edges.
//!
//! The functions on the way of a point are inlined by name, not left to the build profile: the processor works ahead on the
//! next points while it waits for memory, and gets further the fewer instructions lie between. It halves the time.
//!
//! The time of an answer is the time of its trips to memory. The edges therefore follow the head at a fixed distance: the
//! processor may fetch both at once.

use super::areas::Areas;
use crate::exact::{Place, Point, orientation};

/// Nobody's number.
pub(super) const NOBODY: u32 = u32::MAX;

pub(super) const PLAIN: u32 = 0;
pub(super) const LEAF: u32 = 1;
pub(super) const SPLIT: u32 = 2;
pub(super) const CROWD: u32 = 3;
/// Where the kind of a cell sits in its word.
pub(super) const KIND_SHIFT: u32 = 30;
/// The number or place in a word.
pub(super) const REST: u32 = (1 << KIND_SHIFT) - 1;
/// Words of a leaf before its edges.
pub(super) const LEAF_HEAD: usize = 2;
/// Words of an edge in a leaf: two points and a mask.
pub(super) const EDGE_WORDS: usize = 5;
/// Children of a split cell along one axis.
pub(super) const FAN: u32 = 4;
/// Points answered together in a batch.
const BATCH: usize = 64;

/// A box of the grid: its south-west corner and its size in degrees.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cell {
    pub(super) low: Point,
    pub(super) size: Point,
}

impl Cell {
    /// The point at a fraction of the cell, in 256ths.
    #[inline]
    pub(super) fn at(&self, x: u32, y: u32) -> Point {
        let part = |part: u32| f64::from(part) / 256.0;
        [self.low[0] + self.size[0] * part(x), self.low[1] + self.size[1] * part(y)]
    }

    /// The child in a column and a row, both below [`FAN`].
    #[inline]
    pub(super) fn child(&self, column: u32, row: u32) -> Self {
        let size = [self.size[0] / f64::from(FAN), self.size[1] / f64::from(FAN)];
        let low = [self.low[0] + f64::from(column) * size[0], self.low[1] + f64::from(row) * size[1]];
        Self { low, size }
    }

    /// A bound on the error of every product sum that a leaf computes in f32, in square degrees.
    ///
    /// Coordinates relative to the anchor stay below 1.2 cells; each is off by at most 2⁻²³ of that, plus 1e-12 degrees
    /// for the clipping of long edges. A turn of three points then errs by less than 2⁻¹⁸·⁶ of the product of both
    /// extents, and ten times the second part; both are rounded up.
    #[allow(clippy::cast_possible_truncation)]
    #[inline]
    pub(super) fn doubt(&self) -> f32 {
        (self.size[0] * self.size[1] * 1.44 / f64::from(1 << 18) + (self.size[0] + self.size[1]) * 1.2e-11) as f32
    }
}

/// An area that covers a point.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cover {
    pub(super) number: u32,
    pub(super) on_border: bool,
}

pub(super) struct Grid {
    pub(super) first: Cell,
    pub(super) per_degree: Point,
    pub(super) columns: u32,
    pub(super) rows: u32,
    pub(super) top: Vec<u32>,
    pub(super) arena: Vec<u32>,
}

/// The areas of a leaf that cover a point, as bits of its slots.
struct Verdict {
    inside: u32,
    border: u32,
}

impl Grid {
    pub(super) fn bytes(&self) -> usize {
        (self.top.capacity() + self.arena.capacity()) * size_of::<u32>()
    }

    /// The top cell in a column and a row.
    #[inline]
    pub(super) fn top_cell(&self, column: u32, row: u32) -> Cell {
        let Cell { low, size } = self.first;
        Cell { low: [low[0] + f64::from(column) * size[0], low[1] + f64::from(row) * size[1]], size }
    }

    /// The number of the area that wins at a point.
    #[inline]
    pub(super) fn winner(&self, areas: &Areas, point: Point) -> u32 {
        let Some((word, cell)) = self.find(point) else { return NOBODY };
        self.winner_in(areas, point, word, &cell)
    }

    /// The winners at many points, handed out in their order.
    pub(super) fn winners(&self, areas: &Areas, points: &[(f64, f64)], mut answer: impl FnMut(u32)) {
        let nowhere = Cell { low: [0.0; 2], size: [0.0; 2] };
        let mut found = [(PLAIN, nowhere); BATCH];
        for batch in points.chunks(BATCH) {
            // First all words are read, then the beginning of all leaves: reads that do not wait for one another, so
            // their ways to memory overlap. The sum only keeps them from being optimised away.
            let mut touched = 0_u32;
            for (slot, &(x, y)) in found.iter_mut().zip(batch) {
                *slot = self.find_top([x, y]).unwrap_or((PLAIN, nowhere));
            }
            for ((word, cell), &(x, y)) in found.iter_mut().zip(batch) {
                self.descend([x, y], word, cell);
                if *word >> KIND_SHIFT != PLAIN {
                    let place = (*word & REST) as usize;
                    let last = self.arena.len() - 1;
                    touched ^=
                        self.arena[place] ^ self.arena[(place + 16).min(last)] ^ self.arena[(place + 32).min(last)];
                }
            }
            std::hint::black_box(touched);
            for ((word, cell), &(x, y)) in found.iter().zip(batch) {
                answer(self.winner_in(areas, [x, y], *word, cell));
            }
        }
    }

    /// Every area that covers a point, in order of precedence.
    pub(super) fn covering(&self, areas: &Areas, point: Point, mut visit: impl FnMut(Cover)) {
        let Some((word, cell)) = self.find(point) else { return };
        let place = (word & REST) as usize;
        match word >> KIND_SHIFT {
            PLAIN if word == 0 => {}
            PLAIN => visit(Cover { number: word - 1, on_border: false }),
            LEAF => {
                let verdict = self.verdict(areas, point, place, &cell);
                let mut bits = verdict.inside | verdict.border;
                while bits != 0 {
                    let slot = bits.trailing_zeros();
                    let number = self.slot(place, slot);
                    visit(Cover { number, on_border: verdict.border >> slot & 1 == 1 });
                    bits &= bits - 1;
                }
            }
            _ => {
                for &number in self.crowd(place) {
                    match areas.shape(number).place(point) {
                        Place::Outside => {}
                        place => visit(Cover { number, on_border: place == Place::Border }),
                    }
                }
            }
        }
    }

    /// The word of the cell around a point, and the cell; none outside the grid.
    #[inline]
    fn find(&self, point: Point) -> Option<(u32, Cell)> {
        let (mut word, mut cell) = self.find_top(point)?;
        self.descend(point, &mut word, &mut cell);
        Some((word, cell))
    }

    /// The word of the top cell around a point, and the cell; none outside the grid.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    #[inline]
    fn find_top(&self, point: Point) -> Option<(u32, Cell)> {
        let x = (point[0] - self.first.low[0]) * self.per_degree[0];
        let y = (point[1] - self.first.low[1]) * self.per_degree[1];
        // Written so that NaN is outside too.
        let inside = x >= 0.0 && y >= 0.0 && x < f64::from(self.columns) && y < f64::from(self.rows);
        if !inside {
            return None;
        }
        let (column, row) = (x as u32, y as u32);
        let word = self.top[row as usize * self.columns as usize + column as usize];
        Some((word, self.top_cell(column, row)))
    }

    /// Goes down to the child around a point until the cell is not split.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    #[inline]
    fn descend(&self, point: Point, word: &mut u32, cell: &mut Cell) {
        while *word >> KIND_SHIFT == SPLIT {
            // Casting clamps below at zero; above, a point on the far side of rounding belongs to the last child.
            let step = |axis: usize| {
                let share = (point[axis] - cell.low[axis]) / cell.size[axis] * f64::from(FAN);
                (share as u32).min(FAN - 1)
            };
            let (column, row) = (step(0), step(1));
            *cell = cell.child(column, row);
            *word = self.arena[(*word & REST) as usize + (row * FAN + column) as usize];
        }
    }

    #[inline]
    fn winner_in(&self, areas: &Areas, point: Point, word: u32, cell: &Cell) -> u32 {
        match word >> KIND_SHIFT {
            // Nobody is stored as 0, and wraps to NOBODY.
            PLAIN => word.wrapping_sub(1),
            LEAF => {
                let place = (word & REST) as usize;
                let verdict = self.verdict(areas, point, place, cell);
                match verdict.inside | verdict.border {
                    0 => NOBODY,
                    bits => self.slot(place, bits.trailing_zeros()),
                }
            }
            _ => {
                let covers = |number: &&u32| areas.shape(**number).place(point) != Place::Outside;
                self.crowd((word & REST) as usize).iter().find(covers).copied().unwrap_or(NOBODY)
            }
        }
    }

    fn crowd(&self, place: usize) -> &[u32] {
        &self.arena[place + 1..place + 1 + self.arena[place] as usize]
    }

    /// The number of the area in a slot of a leaf.
    #[inline]
    fn slot(&self, place: usize, slot: u32) -> u32 {
        let [_, _, _, edges] = self.arena[place].to_le_bytes();
        self.arena[place + LEAF_HEAD + usize::from(edges) * EDGE_WORDS + slot as usize]
    }

    /// Who covers a point in a leaf, by the fast arithmetic when it is certain.
    #[allow(clippy::cast_possible_truncation)]
    #[inline]
    fn verdict(&self, areas: &Areas, point: Point, place: usize, cell: &Cell) -> Verdict {
        let [anchor_x, anchor_y, _, edges] = self.arena[place].to_le_bytes();
        let anchor = cell.at(u32::from(anchor_x), u32::from(anchor_y));
        let start = place + LEAF_HEAD;
        let edges = &self.arena[start..start + usize::from(edges) * EDGE_WORDS];
        let doubt = cell.doubt();
        let (x, y) = ((point[0] - anchor[0]) as f32, (point[1] - anchor[1]) as f32);
        let mut inside = self.arena[place + 1];
        let mut certain = true;
        for edge in edges.chunks_exact(EDGE_WORDS) {
            let (x1, y1) = (f32::from_bits(edge[0]), f32::from_bits(edge[1]));
            let (x2, y2) = (f32::from_bits(edge[2]), f32::from_bits(edge[3]));
            // The anchor is the origin and lies left of the edge. The way to the point crosses the edge when it passes
            // left of the edge's start, right of its end, and the point lies right of the edge.
            let start = x * y1 - y * x1;
            let end = x * y2 - y * x2;
            let turn = x1 * y2 - y1 * x2 + start - end;
            let crosses = (start < -doubt) & (end > doubt) & (turn < -doubt);
            let misses = (start > doubt) | (end < -doubt) | (turn > doubt);
            inside ^= edge[4] & u32::from(crosses).wrapping_neg();
            certain &= crosses | misses;
        }
        if certain { Verdict { inside, border: 0 } } else { self.exact_verdict(areas, point, place, anchor) }
    }

    /// Who covers a point in a leaf, by the exact predicates.
    #[cold]
    fn exact_verdict(&self, areas: &Areas, point: Point, place: usize, anchor: Point) -> Verdict {
        let [_, _, slots, edges] = self.arena[place].to_le_bytes();
        let count = usize::from(edges);
        let edges = &self.arena[place + LEAF_HEAD..][..count * EDGE_WORDS];
        let numbers = &self.arena[place + LEAF_HEAD + edges.len() + usize::from(slots)..][..count];
        let mut verdict = Verdict { inside: self.arena[place + 1], border: 0 };
        for (edge, &number) in edges.chunks_exact(EDGE_WORDS).zip(numbers) {
            let (_, ends) = areas.edge(number);
            match crossing([anchor, point], ends) {
                Crossing::None => {}
                Crossing::Proper => verdict.inside ^= edge[4],
                Crossing::EndsOn => verdict.border |= edge[4],
            }
        }
        verdict
    }
}

/// How a way meets an edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Crossing {
    None,
    /// The way passes to the other side.
    Proper,
    /// The way ends on the edge.
    EndsOn,
}

/// How the way from a point that is on no edge to another point meets an edge, exactly. An end of the edge that lies on
/// the way's line counts as left of it, so that a way through a vertex counts the edges there consistently.
pub(super) fn crossing([from, to]: [Point; 2], [start, end]: [Point; 2]) -> Crossing {
    let apart = |axis: usize| {
        let (low, high) = (from[axis].min(to[axis]), from[axis].max(to[axis]));
        (start[axis] < low && end[axis] < low) || (start[axis] > high && end[axis] > high)
    };
    if apart(0) || apart(1) {
        return Crossing::None;
    }
    let to_side = orientation(start, end, to);
    if to_side == 0.0 {
        let held = |axis: usize| start[axis].min(end[axis]) <= to[axis] && to[axis] <= start[axis].max(end[axis]);
        return if held(0) && held(1) { Crossing::EndsOn } else { Crossing::None };
    }
    let from_side = orientation(start, end, from);
    let opposite = (from_side < 0.0 && to_side > 0.0) || (from_side > 0.0 && to_side < 0.0);
    let straddles = (orientation(from, to, start) < 0.0) != (orientation(from, to, end) < 0.0);
    if opposite && straddles { Crossing::Proper } else { Crossing::None }
}
