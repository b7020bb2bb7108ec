//! Which edges enter which cells. Every cell is taken a little larger than it is, so that a point which rounding puts into
//! a neighbouring cell still meets all the edges it needs.

use crate::coverage::areas::Areas;
use crate::coverage::grid::{Cell, Grid};
use crate::exact::Point;

/// How much larger a cell is taken, as a share of its size; far above any rounding, see `CELL_MIN_DEG`.
const SLACK: f64 = 1e-4;
/// How much longer than the cell the part of an edge is that a leaf keeps, as a share of the cell's size.
const CLIP_SLACK: f64 = 0.05;

/// Entries of edges into cells for which there is memory (1 GiB). Real boundaries need about two per edge; only long
/// edges that zigzag over everything need more.
const ENTRIES_MAX: u64 = 1 << 28;

/// The numbers of the edges that enter each top cell.
pub(super) struct Lists {
    ends: Vec<u32>,
    edges: Vec<u32>,
}

impl Lists {
    /// Draws every edge twice: once to count, once to write. None when edges enter more than [`ENTRIES_MAX`] cells.
    pub(super) fn collect(areas: &Areas, grid: &Grid) -> Option<Self> {
        let mut ends = vec![0_u32; grid.top.len()];
        each_entry(areas, grid, |cell, _| ends[cell] += 1);
        let mut total = 0_u64;
        for end in &mut ends {
            let count = *end;
            *end = u32::try_from(total).ok()?;
            total += u64::from(count);
        }
        if total > ENTRIES_MAX {
            return None;
        }
        let mut edges = vec![0_u32; usize::try_from(total).ok()?];
        each_entry(areas, grid, |cell, edge| {
            edges[ends[cell] as usize] = edge;
            ends[cell] += 1;
        });
        Some(Self { ends, edges })
    }

    pub(super) fn entries(&self) -> usize {
        self.edges.len()
    }

    /// The edges of one top cell.
    pub(super) fn of(&self, cell: usize) -> &[u32] {
        let start = if cell == 0 { 0 } else { self.ends[cell - 1] as usize };
        &self.edges[start..self.ends[cell] as usize]
    }
}

fn each_entry(areas: &Areas, grid: &Grid, mut enter: impl FnMut(usize, u32)) {
    for (area, shape) in areas.shapes() {
        // Edges without length say nothing, except when a whole ring is one point; such a shape is unclean.
        let with_points = !areas.is_clean(area);
        let mut number = areas.first_edge(area);
        for ring in shape.rings() {
            for edge in ring.windows(2) {
                if with_points || edge[0] != edge[1] {
                    draw(grid, [edge[0], edge[1]], |cell| enter(cell, number));
                }
                number += 1;
            }
            // The closing point starts no edge but has a number.
            number += 1;
        }
    }
}

/// Visits the top cells that an edge enters, row by row.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn draw(grid: &Grid, [a, b]: [Point; 2], mut visit: impl FnMut(usize)) {
    // In units of cells from the grid's corner.
    let units = |point: Point| [0, 1].map(|axis| (point[axis] - grid.first.low[axis]) * grid.per_degree[axis]);
    let (a, b) = (units(a), units(b));
    let cells = |low: f64, high: f64, count: u32| {
        let clamp = |value: f64| (value.max(0.0) as u32).min(count - 1);
        (clamp(low - SLACK), clamp(high + SLACK))
    };
    let (first_row, last_row) = cells(a[1].min(b[1]), a[1].max(b[1]), grid.rows);
    let (low, high) = (a[0].min(b[0]), a[0].max(b[0]));
    for row in first_row..=last_row {
        let (mut from, mut to) = (low, high);
        if first_row != last_row {
            // The part of the edge within the row's band.
            let at = |y: f64| a[0] + (y - a[1]) / (b[1] - a[1]) * (b[0] - a[0]);
            let (one, other) = (at(f64::from(row) - SLACK), at(f64::from(row + 1) + SLACK));
            (from, to) = (low.max(one.min(other)), high.min(one.max(other)));
        }
        let (first, last) = cells(from, to, grid.columns);
        for column in first..=last {
            visit(row as usize * grid.columns as usize + column as usize);
        }
    }
}

/// Whether an edge enters a cell, taken a little larger than it is.
pub(super) fn enters(ends: [Point; 2], cell: &Cell) -> bool {
    part_in(ends, cell, SLACK).is_some()
}

/// The part of an edge in and around a cell; none when the edge does not come near.
pub(super) fn clip(ends: [Point; 2], cell: &Cell) -> Option<[Point; 2]> {
    part_in(ends, cell, CLIP_SLACK)
}

/// The part of an edge that lies in a cell enlarged by a share of its size (Liang and Barsky).
fn part_in([a, b]: [Point; 2], cell: &Cell, slack: f64) -> Option<[Point; 2]> {
    let (mut from, mut to) = (0.0_f64, 1.0_f64);
    for axis in 0..2 {
        let low = cell.low[axis] - slack * cell.size[axis];
        let high = cell.low[axis] + (1.0 + slack) * cell.size[axis];
        let way = b[axis] - a[axis];
        if way == 0.0 {
            if a[axis] < low || a[axis] > high {
                return None;
            }
            continue;
        }
        let (one, other) = ((low - a[axis]) / way, (high - a[axis]) / way);
        from = from.max(one.min(other));
        to = to.min(one.max(other));
    }
    if from > to {
        return None;
    }
    let at = |share: f64| [a[0] + share * (b[0] - a[0]), a[1] + share * (b[1] - a[1])];
    // An end that lies inside stays as it is, to the last bit.
    Some([if from == 0.0 { a } else { at(from) }, if to == 1.0 { b } else { at(to) }])
}
