//! Making the cells: which edges enter which cell, who covers its anchor, and when a cell is split.
//!
//! Row by row a walk goes from west of everything, where nobody is, through every cell to its east side. Each edge it
//! crosses changes who covers the walker; so the walk knows who covers each anchor without asking any shape. A walk
//! never stops on an edge, because a stop on an edge would be on neither side.
//!
//! Not here: how a point is answered (`grid`).

mod raster;

use base::Result;

use super::areas::{Areas, too_large};
use super::grid::{CROWD, Cell, Crossing, EDGE_WORDS, FAN, Grid, KIND_SHIFT, LEAF, PLAIN, REST, SPLIT, crossing};
use crate::exact::{Place, Point, on_segment};
use crate::shape::count_u32;
use raster::{Lists, clip, enters};

/// Edges above which a cell is split.
const LEAF_EDGES: usize = 12;
/// Slots of a leaf: the bits of its masks.
const LEAF_SLOTS: usize = 32;
/// Top cells per area, and edges per top cell where areas have many vertices.
const CELLS_PER_AREA: usize = 48;
const EDGES_PER_CELL: usize = 8;
/// Cells are not made smaller than this, in degrees (a millimetre): below it rounding would decide.
const CELL_MIN_DEG: f64 = 1e-8;
/// How often a cell may be split without any child having fewer edges than itself.
const FRUITLESS_SPLITS: u32 = 2;
/// Fractions of a cell, in 256ths, at which an anchor is tried.
const ANCHORS: [[u32; 2]; 13] = [
    [128, 128],
    [90, 150],
    [166, 106],
    [70, 78],
    [186, 180],
    [60, 196],
    [196, 60],
    [128, 40],
    [40, 128],
    [216, 128],
    [128, 216],
    [20, 20],
    [236, 236],
];
/// How far from a cell's east side the walk may leave it, as a share of its size: within what both neighbours know.
const EXIT_SLACK: f64 = 5e-5;

/// An edge in a cell, once for all areas it bounds.
#[derive(Clone, Copy)]
struct Edge {
    /// The ends, the lexicographically smaller first.
    ends: [Point; 2],
    /// One of the numbers the edge has in `Areas`.
    number: u32,
    /// Where the areas it bounds lie in `Builder::owners`.
    owners: (u32, u32),
}

/// Builds the grid over all areas.
pub(super) fn build(areas: &Areas) -> Result<Grid> {
    let mut grid = lay_out(areas);
    let lists = Lists::collect(areas, &grid).ok_or_else(too_large)?;
    grid.arena.reserve_exact((lists.entries() * 6).min(REST as usize));
    let mut builder = Builder { areas, arena: std::mem::take(&mut grid.arena), owners: Vec::new() };
    for row in 0..grid.rows {
        builder.walk_row(&mut grid, &lists, row);
        if builder.arena.len() > REST as usize {
            return Err(too_large());
        }
    }
    grid.arena = builder.arena;
    grid.arena.shrink_to_fit();
    Ok(grid)
}

/// Chooses the cells: about square, a little more than the box, so that nothing lies on the outer edge.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn lay_out(areas: &Areas) -> Grid {
    let bounds = areas.bounds();
    if bounds.is_empty() {
        let first = Cell { low: [0.0; 2], size: [1.0; 2] };
        return Grid { first, per_degree: [1.0; 2], columns: 0, rows: 0, top: Vec::new(), arena: Vec::new() };
    }
    let wanted = (areas.len() * CELLS_PER_AREA).max(areas.edge_count() / EDGES_PER_CELL).clamp(1, 1 << 24);
    let extent = [0, 1].map(|axis| (bounds.high[axis] - bounds.low[axis]).max(CELL_MIN_DEG * 16.0));
    let columns = (wanted as f64 * extent[0] / extent[1]).sqrt().clamp(1.0, wanted as f64);
    let rows = wanted as f64 / columns;
    let size = |axis: usize, count: f64| (extent[axis] / count).max(CELL_MIN_DEG * 16.0);
    let size = [size(0, columns), size(1, rows)];
    let margin = 1.0 / 64.0;
    let count = |axis: usize| (extent[axis] / size[axis] + 2.0 * margin).ceil() as u32;
    let (columns, rows) = (count(0), count(1));
    let low = [bounds.low[0] - margin * size[0], bounds.low[1] - margin * size[1]];
    let top = vec![PLAIN; columns as usize * rows as usize];
    Grid { first: Cell { low, size }, per_degree: size.map(|size| 1.0 / size), columns, rows, top, arena: Vec::new() }
}

struct Builder<'a> {
    areas: &'a Areas,
    arena: Vec<u32>,
    /// The owners of the edges of the top cell at hand.
    owners: Vec<u32>,
}

/// A point on no edge and the areas that cover it, ascending.
#[derive(Clone)]
struct Stop {
    point: Point,
    covering: Vec<u32>,
}

impl Builder<'_> {
    fn walk_row(&mut self, grid: &mut Grid, lists: &Lists, row: u32) {
        let mut walker = Stop { point: grid.top_cell(0, row).at(0, 128), covering: Vec::new() };
        let mut edges = Vec::new();
        for column in 0..grid.columns {
            let cell = grid.top_cell(column, row);
            let place = row as usize * grid.columns as usize + column as usize;
            let list = lists.of(place);
            if list.is_empty() {
                grid.top[place] = self.plain(&walker.covering);
                walker.point = cell.at(256, 128);
                continue;
            }
            self.gather(list, &mut edges);
            let all: Vec<&Edge> = edges.iter().collect();
            grid.top[place] = self.cell(&cell, &all, &walker, 0);
            let exit = free_point(&all, |[x, y]| {
                let east = 1.0 + (2.0 * x - 1.0) * EXIT_SLACK;
                [cell.low[0] + east * cell.size[0], cell.low[1] + y * cell.size[1]]
            });
            walker = self.walk(&walker, exit, &all);
        }
    }

    /// Collects the edges of a top cell: those that areas share become one.
    fn gather(&mut self, list: &[u32], edges: &mut Vec<Edge>) {
        let mut found: Vec<([Point; 2], u32, u32)> = list
            .iter()
            .map(|&number| {
                let (area, [a, b]) = self.areas.edge(number);
                (if a <= b { [a, b] } else { [b, a] }, area, number)
            })
            .collect();
        let key = |ends: &[Point; 2]| [ends[0][0], ends[0][1], ends[1][0], ends[1][1]];
        found.sort_unstable_by(|a, b| {
            key(&a.0).partial_cmp(&key(&b.0)).unwrap_or(std::cmp::Ordering::Equal).then(a.1.cmp(&b.1))
        });
        edges.clear();
        self.owners.clear();
        for (ends, area, number) in found {
            let end = count_u32(self.owners.len());
            match edges.last_mut() {
                Some(last) if last.ends == ends => last.owners.1 = end + 1,
                _ => edges.push(Edge { ends, number, owners: (end, end + 1) }),
            }
            self.owners.push(area);
        }
    }

    fn owners(&self, edge: &Edge) -> &[u32] {
        &self.owners[edge.owners.0 as usize..edge.owners.1 as usize]
    }

    /// Makes the cell that these edges enter, seen from a stop in it, and answers its word.
    fn cell(&mut self, cell: &Cell, edges: &[&Edge], from: &Stop, fruitless: u32) -> u32 {
        let can_split = cell.size[0].min(cell.size[1]) > CELL_MIN_DEG * f64::from(FAN);
        if edges.len() > LEAF_EDGES && can_split && fruitless < FRUITLESS_SPLITS {
            return self.split(cell, edges, from, fruitless);
        }
        self.leaf(cell, edges, from).unwrap_or_else(|| self.crowd(edges, from))
    }

    fn split(&mut self, cell: &Cell, edges: &[&Edge], from: &Stop, fruitless: u32) -> u32 {
        let place = self.arena.len();
        self.arena.resize(place + (FAN * FAN) as usize, PLAIN);
        for row in 0..FAN {
            for column in 0..FAN {
                let child = cell.child(column, row);
                let inside: Vec<&Edge> = edges.iter().copied().filter(|edge| enters(edge.ends, &child)).collect();
                let point =
                    free_point(&inside, |[x, y]| [child.low[0] + x * child.size[0], child.low[1] + y * child.size[1]]);
                let stop = self.walk(from, point, edges);
                let word = if inside.is_empty() {
                    self.plain(&stop.covering)
                } else {
                    let fruitless = if inside.len() == edges.len() { fruitless + 1 } else { 0 };
                    self.cell(&child, &inside, &stop, fruitless)
                };
                self.arena[place + (row * FAN + column) as usize] = word;
            }
        }
        word(SPLIT, place)
    }

    /// Writes a leaf, unless the cell needs another form: a shape that must be asked directly, more areas than the
    /// masks have bits, more edges than the head can count, or no anchor at a safe distance from all edges.
    fn leaf(&mut self, cell: &Cell, edges: &[&Edge], from: &Stop) -> Option<u32> {
        let asked = |edge: &&Edge| self.owners(edge).iter().any(|owner| !self.areas.is_clean(*owner));
        if edges.len() > usize::from(u8::MAX) || edges.iter().any(asked) {
            return None;
        }
        let clipped: Vec<(&Edge, [Point; 2])> =
            edges.iter().filter_map(|edge| clip(edge.ends, cell).map(|part| (*edge, part))).collect();
        let [x, y] = best_anchor(cell, &clipped)?;
        let anchor = cell.at(x, y);
        let stop = self.walk(from, anchor, edges);
        let slots = self.concerned(edges, &stop.covering);
        if slots.len() > LEAF_SLOTS {
            return None;
        }
        let mask = |owners: &[u32]| {
            owners.iter().filter_map(|owner| slots.binary_search(owner).ok()).fold(0_u32, |mask, slot| mask | 1 << slot)
        };
        let place = self.arena.len();
        let head = [byte(x as usize), byte(y as usize), byte(slots.len()), byte(clipped.len())];
        let base = mask(&stop.covering);
        let masks: Vec<u32> = clipped.iter().map(|(edge, _)| mask(self.owners(edge))).collect();
        self.arena.reserve(2 + slots.len() + clipped.len() * (EDGE_WORDS + 1));
        self.arena.extend([u32::from_le_bytes(head), base]);
        for ((_, part), mask) in clipped.iter().zip(masks) {
            let [[x1, y1], [x2, y2]] = left_of(anchor, *part);
            self.arena.extend([x1.to_bits(), y1.to_bits(), x2.to_bits(), y2.to_bits(), mask]);
        }
        self.arena.extend(&slots);
        self.arena.extend(clipped.iter().map(|(edge, _)| edge.number));
        Some(word(LEAF, place))
    }

    /// Writes a cell whose areas are asked directly.
    fn crowd(&mut self, edges: &[&Edge], from: &Stop) -> u32 {
        let place = self.arena.len();
        let areas = self.concerned(edges, &from.covering);
        self.arena.push(count_u32(areas.len()));
        self.arena.extend(areas);
        word(CROWD, place)
    }

    /// Writes a cell that no edge enters: one owner or nobody needs no place, an overlap becomes a leaf without edges.
    fn plain(&mut self, covering: &[u32]) -> u32 {
        match covering {
            [] => word(PLAIN, 0),
            [owner] => word(PLAIN, *owner as usize + 1),
            several if several.len() <= LEAF_SLOTS => {
                let place = self.arena.len();
                let all = u32::MAX >> (LEAF_SLOTS - several.len());
                self.arena.extend([u32::from_le_bytes([0, 0, byte(several.len()), 0]), all]);
                self.arena.extend(several);
                word(LEAF, place)
            }
            _ => self.crowd(&[], &Stop { point: [0.0; 2], covering: covering.to_vec() }),
        }
    }

    /// The areas that a cell is about: those its edges bound and those that cover a point of it.
    fn concerned(&self, edges: &[&Edge], covering: &[u32]) -> Vec<u32> {
        let mut areas: Vec<u32> = edges.iter().flat_map(|edge| self.owners(edge)).chain(covering).copied().collect();
        areas.sort_unstable();
        areas.dedup();
        areas
    }

    /// Walks from a stop to another point on no edge; `edges` holds every edge that meets the way.
    fn walk(&self, from: &Stop, to: Point, edges: &[&Edge]) -> Stop {
        let mut covering = from.covering.clone();
        for edge in edges {
            if crossing([from.point, to], edge.ends) == Crossing::Proper {
                for &owner in self.owners(edge) {
                    toggle(&mut covering, owner);
                }
            }
        }
        // Counting crossings does not tell for an unclean shape; where its edges are near, it is asked.
        let mut asked: Vec<u32> = edges.iter().flat_map(|edge| self.owners(edge)).copied().collect();
        asked.retain(|owner| !self.areas.is_clean(*owner));
        asked.sort_unstable();
        asked.dedup();
        for owner in asked {
            let covers = self.areas.shape(owner).place(to) != Place::Outside;
            if covers != covering.binary_search(&owner).is_ok() {
                toggle(&mut covering, owner);
            }
        }
        Stop { point: to, covering }
    }
}

/// A count that the caller knows to fit into a byte.
fn byte(count: usize) -> u8 {
    u8::try_from(count).unwrap_or(u8::MAX)
}

fn toggle(covering: &mut Vec<u32>, owner: u32) {
    match covering.binary_search(&owner) {
        Ok(place) => drop(covering.remove(place)),
        Err(place) => covering.insert(place, owner),
    }
}

#[allow(clippy::cast_possible_truncation)]
fn word(kind: u32, rest: usize) -> u32 {
    // A place beyond the 30 bits is refused at the end of its row, before anything reads it.
    kind << KIND_SHIFT | (rest as u32 & REST)
}

/// A point that lies on no edge: the middle of the unit square, as the caller places it, or the first of an evenly
/// spread sequence around it. Edges cover no area, so one is found soon.
fn free_point(edges: &[&Edge], place: impl Fn([f64; 2]) -> Point) -> Point {
    let mut share = [0.5, 0.5];
    loop {
        let point = place(share);
        if edges.iter().all(|edge| !on_segment(point, edge.ends[0], edge.ends[1])) {
            return point;
        }
        share = [(share[0] + 0.754_877_666).fract(), (share[1] + 0.569_840_291).fract()];
    }
}

/// The anchor that keeps the greatest distance from the lines of all edges; none when that is too little for the fast
/// arithmetic to tell its side for certain.
fn best_anchor(cell: &Cell, edges: &[(&Edge, [Point; 2])]) -> Option<[u32; 2]> {
    let safe = f64::from(cell.doubt()) * 4.0;
    let mut best: Option<([u32; 2], f64)> = None;
    for part in ANCHORS {
        let anchor = cell.at(part[0], part[1]);
        let distance = edges.iter().map(|(_, ends)| turn(anchor, *ends).abs()).fold(f64::INFINITY, f64::min);
        if distance > safe && best.is_none_or(|(_, most)| distance > most) {
            best = Some((part, distance));
        }
        // Sixteen times the need is as good as any: the search is most of the cost of a leaf.
        if distance > safe * 16.0 {
            break;
        }
    }
    best.map(|(part, _)| part)
}

/// Twice the area of the triangle of a point and an edge, positive when the point is left of the edge.
fn turn(point: Point, [start, end]: [Point; 2]) -> f64 {
    (start[0] - point[0]) * (end[1] - point[1]) - (start[1] - point[1]) * (end[0] - point[0])
}

/// An edge relative to the anchor, directed so that the anchor lies on its left.
#[allow(clippy::cast_possible_truncation)]
fn left_of(anchor: Point, part: [Point; 2]) -> [[f32; 2]; 2] {
    let relative = part.map(|end| [(end[0] - anchor[0]) as f32, (end[1] - anchor[1]) as f32]);
    if turn(anchor, part) > 0.0 { relative } else { [relative[1], relative[0]] }
}
