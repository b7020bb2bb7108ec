//! The areas of a coverage in order of precedence, and the numbering of all their edges.
//!
//! Inside the index an area is known by its place in that order, so that "who wins" is "whose number is smallest".

use std::ops::ControlFlow;

use base::{Error, Kind, Result};

use super::Item;
use crate::contact::{Search, search};
use crate::exact::{Place, Point, place_in_polygon, place_in_ring};
use crate::{Bounds, Shape};

/// Edges per entry of the table that leads from an edge to its area.
const BLOCK: usize = 64;
/// Rings of a shape above which it is not examined but taken for unclean.
const RINGS_EXAMINED_MAX: usize = 256;

pub(super) struct Areas {
    items: Vec<Item>,
    /// The callers' numbers; empty when each is the area's own place in the order, which saves a trip to memory.
    ids: Vec<u32>,
    /// For each area, whether counting crossings of its edges decides "inside" exactly as the rules of shapes do.
    clean: Vec<bool>,
    /// Where the edges of each area begin in the common numbering; one more entry for the end.
    edge_starts: Vec<u32>,
    /// The area of the first edge of each block.
    block_areas: Vec<u32>,
    bounds: Bounds,
}

impl Areas {
    /// Puts the items into order and examines their shapes.
    pub(super) fn arrange(mut items: Vec<Item>) -> Result<Self> {
        items.sort_by(|a, b| (a.rank, a.code.as_bytes()).cmp(&(b.rank, b.code.as_bytes())));
        let mut edge_starts = vec![0_u32];
        let mut total = 0_usize;
        for item in &items {
            total += item.shape.points().len();
            edge_starts.push(u32::try_from(total).ok().filter(|total| *total <= 1 << 31).ok_or_else(too_large)?);
        }
        let mut block_areas = Vec::with_capacity(total / BLOCK + 1);
        for (area, ends) in (0_u32..).zip(edge_starts.windows(2)) {
            while block_areas.len() * BLOCK < ends[1] as usize {
                block_areas.push(area);
            }
        }
        let bounds = items.iter().fold(Bounds::EMPTY, |bounds, item| bounds.union(&item.shape.bounds()));
        let in_order = (0..).zip(&items).all(|(number, item): (u32, &Item)| item.id == number);
        let ids = if in_order { Vec::new() } else { items.iter().map(|item| item.id).collect() };
        let clean = examine(&items);
        Ok(Self { items, ids, clean, edge_starts, block_areas, bounds })
    }

    pub(super) fn len(&self) -> usize {
        self.items.len()
    }

    pub(super) fn bounds(&self) -> Bounds {
        self.bounds
    }

    pub(super) fn bytes(&self) -> usize {
        let item: usize = self.items.iter().map(|item| size_of::<Item>() + item.code.capacity()).sum();
        item + (self.ids.len() + self.edge_starts.len() + self.block_areas.len()) * 4 + self.clean.len()
    }

    /// The caller's number of an area.
    #[inline]
    pub(super) fn id(&self, number: u32) -> u32 {
        if self.ids.is_empty() { number } else { self.ids[number as usize] }
    }

    pub(super) fn rank(&self, number: u32) -> u8 {
        self.items[number as usize].rank
    }

    pub(super) fn shape(&self, number: u32) -> &Shape {
        &self.items[number as usize].shape
    }

    pub(super) fn is_clean(&self, number: u32) -> bool {
        self.clean[number as usize]
    }

    /// Every area's number and shape, in order of precedence.
    pub(super) fn shapes(&self) -> impl Iterator<Item = (u32, &Shape)> {
        (0..).zip(self.items.iter().map(|item| &item.shape))
    }

    /// How many numbers the edges of all areas use.
    pub(super) fn edge_count(&self) -> usize {
        self.edge_starts.last().map_or(0, |total| *total as usize)
    }

    /// The number of the first edge of an area; edge `i` of the area starts at its point `i`.
    pub(super) fn first_edge(&self, number: u32) -> u32 {
        self.edge_starts[number as usize]
    }

    /// The area that an edge bounds, and the edge's ends.
    pub(super) fn edge(&self, edge: u32) -> (u32, [Point; 2]) {
        let mut area = self.block_areas[edge as usize / BLOCK];
        while self.edge_starts[area as usize + 1] <= edge {
            area += 1;
        }
        let place = (edge - self.edge_starts[area as usize]) as usize;
        let points = self.shape(area).points();
        (area, [points[place], points[place + 1]])
    }
}

/// Examines all shapes, on two threads when there are many.
fn examine(items: &[Item]) -> Vec<bool> {
    let clean = |items: &[Item]| items.iter().map(|item| is_clean(&item.shape)).collect::<Vec<_>>();
    if items.len() < 1_000 {
        return clean(items);
    }
    let (first, second) = items.split_at(items.len() / 2);
    std::thread::scope(|scope| {
        let other = scope.spawn(|| clean(second));
        let mut all = clean(first);
        match other.join() {
            Ok(rest) => all.extend(rest),
            Err(panic) => std::panic::resume_unwind(panic),
        }
        all
    })
}

/// Whether no ring meets itself or another and all rings nest as they should. Then each crossing of an edge changes
/// between inside and outside, which is what the cells count.
fn is_clean(shape: &Shape) -> bool {
    let ring_count = shape.ring_ends().len();
    if ring_count > RINGS_EXAMINED_MAX || shape.rings().any(|ring| ring.windows(2).all(|edge| edge[0] == edge[1])) {
        return false;
    }
    if search(shape, |_| ControlFlow::Break(())) != Search::Complete {
        return false;
    }
    ring_count < 2 || nests_well(shape)
}

/// Whether each hole lies in its own exterior and in no other hole, and no polygon lies in another. The rings are known
/// not to meet, so one vertex of each tells.
fn nests_well(shape: &Shape) -> bool {
    let polygons: Vec<Vec<&[Point]>> = shape.polygons().map(Iterator::collect).collect();
    polygons.iter().enumerate().all(|(p, rings)| {
        rings.iter().enumerate().all(|(r, ring)| {
            let vertex = ring[0];
            let elsewhere = polygons.iter().enumerate().filter(|(other, _)| *other != p);
            let mut covered = elsewhere.map(|(_, other)| place_in_polygon(vertex, other.iter().copied()));
            let nested = r == 0 || place_in_ring(vertex, rings[0]) == Place::Inside;
            let mut siblings = rings.iter().enumerate().skip(1).filter(|(other, _)| r > 0 && *other != r);
            nested
                && covered.all(|place| place == Place::Outside)
                && siblings.all(|(_, hole)| place_in_ring(vertex, hole) == Place::Outside)
        })
    })
}

/// The refusal of a coverage that the index cannot number.
pub(super) fn too_large() -> Error {
    let message = "the boundaries together are too large for one index: at most 2^31 edges and 4 GiB of cells";
    Error::new(Kind::Exhausted, "COVERAGE_TOO_LARGE", message)
}
