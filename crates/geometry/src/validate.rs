//! Validation of a set of boundaries: what is wrong, where, and how much, as plain data.
//!
//! | kind | what is found |
//! |---|---|
//! | invalid ring | a ring that crosses, overlaps or touches itself or crosses another; a hole outside its polygon; polygons of one area inside each other |
//! | repeated vertex, spike | a vertex given twice in a row; a ring that turns straight back upon itself |
//! | empty shape | an area without a polygon |
//! | duplicate code | one code on several areas |
//! | overlap | two areas of the same rank that share more than a sliver |
//! | gap | a hole in the union of all areas of one rank (never of rank 0: exclusive grids need not adjoin), or ground of an area that none of the areas in it covers; land outside all areas is no gap |
//! | outside parent | a child of which more than a sliver lies outside its parent |
//! | not checked | a check that was given up, and why |
//!
//! Borders are compared exactly. Only pairs whose borders really cross, or that hold each other, go through polygon
//! clipping (`geo`), whose results are good to about a billionth of the extent of the two. Nothing here decides whether a
//! fault is acceptable; that is the caller's.

mod form;
mod gaps;
mod pairs;
mod relation;

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::coverage::EXCLUSIVE_RANK;
use crate::union::rings_of;
use crate::{Bounds, Position, Shape};

/// One area as validation takes it.
#[derive(Clone, Debug)]
pub struct Area {
    /// The caller's number for the area, given back in findings.
    pub id: u32,
    /// Its code.
    pub code: String,
    /// Areas of one rank must not overlap and should leave no gap; 0 is for exclusive grids.
    pub rank: u8,
    /// The `id` of the area that should hold it, if any.
    pub parent: Option<u32>,
    /// Its boundary; empty when there is none.
    pub shape: Shape,
}

/// What is new among areas of which others stand already and stay as they are.
#[derive(Clone, Debug)]
pub struct Change {
    /// The `id`s of the areas that stay: faults among them alone are passed over.
    pub settled: HashSet<u32>,
    /// Gaps of a settled parent are looked for in this box only, so not all that lies in it need be given; what touches
    /// the box must be.
    pub window: Bounds,
    /// Boundaries that go away: ground in them that nobody takes is a gap, also when only settled areas are around it.
    pub cleared: Vec<Shape>,
}

impl Change {
    /// Every area is new.
    fn of_everything() -> Self {
        Self { settled: HashSet::new(), window: Bounds::EMPTY, cleared: Vec::new() }
    }

    fn settles(&self, area: &Area) -> bool {
        self.settled.contains(&area.id)
    }
}

/// What is too small to be a finding.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tolerances {
    /// Overlaps, gaps and parts outside the parent of at most this many square metres are passed over.
    pub sliver_m2: f64,
}

impl Default for Tolerances {
    /// One square metre.
    fn default() -> Self {
        Self { sliver_m2: 1.0 }
    }
}

/// What is wrong; the order of the enumeration is the order of the report within one severity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FindingKind {
    /// A ring or the nesting of rings makes no sense.
    InvalidRing,
    /// Two areas of one rank share ground.
    Overlap,
    /// A part of a child lies outside its parent.
    OutsideParent,
    /// One code is on several areas.
    DuplicateCode,
    /// An area has no polygon.
    EmptyShape,
    /// Ground between the areas of a rank that belongs to nobody, or ground of an area that none of those in it covers.
    Gap,
    /// A ring turns straight back upon itself.
    Spike,
    /// A vertex is given twice in a row.
    RepeatedVertex,
    /// A check was given up.
    NotChecked,
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Answers are ambiguous or wrong for some points.
    Error,
    /// Every point has a definite answer, but somebody should look.
    Warning,
}

/// One fault with its place and size.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong.
    pub kind: FindingKind,
    /// The areas involved: for an overlap both, for a child outside its parent the child and then the parent, for a
    /// gap those around it as far as they could be told (after the area whose ground it is, when it is only that one's
    /// gap), else the one or all at fault.
    pub ids: Vec<u32>,
    /// The codes of the same areas in the same order.
    pub codes: Vec<String>,
    /// Square metres of the overlap, the gap, or the part outside; 0 for other kinds.
    pub area_m2: f64,
    /// The same as a share (0 to 1): of the smaller area for an overlap, of the child for a part outside; else 0.
    pub share: f64,
    /// Where to look.
    pub place: Option<Position>,
    /// What is wrong in one sentence for a person.
    pub detail: String,
}

/// Validates a set of areas. Errors come first, then by kind, then by the codes involved; the same set gives the same
/// findings. Takes seconds for thousands of areas and about ten for 100,000 that adjoin.
pub fn validate(areas: &[Area], tolerances: &Tolerances) -> Vec<Finding> {
    validate_change(areas, &Change::of_everything(), tolerances)
}

/// Validates areas among settled ones: as [`validate`], without what concerns settled areas alone.
pub fn validate_change(areas: &[Area], change: &Change, tolerances: &Tolerances) -> Vec<Finding> {
    let mut findings = Vec::new();
    for area in areas.iter().filter(|area| !change.settles(area)) {
        form::check(area, &mut findings);
    }
    duplicate_codes(areas, change, &mut findings);
    let mut ranks: BTreeMap<u8, Vec<&Area>> = BTreeMap::new();
    for area in areas.iter().filter(|area| !area.shape.is_empty()) {
        ranks.entry(area.rank).or_default().push(area);
    }
    let mut holes = Vec::new();
    for (rank, peers) in &ranks {
        pairs::overlaps(peers, change, tolerances, &mut findings);
        if *rank != EXCLUSIVE_RANK {
            gaps::find(peers, change, tolerances, &mut holes, &mut findings);
        }
    }
    gaps::within_parents(areas, change, tolerances, &holes, &mut findings);
    pairs::outside_parents(areas, change, tolerances, &mut findings);
    findings.sort_by(order);
    findings
}

fn order(a: &Finding, b: &Finding) -> Ordering {
    (a.severity, a.kind, &a.codes, &a.ids)
        .cmp(&(b.severity, b.kind, &b.codes, &b.ids))
        .then(b.area_m2.total_cmp(&a.area_m2))
        .then_with(|| place_of(a).partial_cmp(&place_of(b)).unwrap_or(Ordering::Equal))
}

fn place_of(finding: &Finding) -> Option<[f64; 2]> {
    finding.place.map(Position::point)
}

fn duplicate_codes(areas: &[Area], change: &Change, findings: &mut Vec<Finding>) {
    let mut by_code: BTreeMap<&str, Vec<&Area>> = BTreeMap::new();
    for area in areas {
        by_code.entry(&area.code).or_default().push(area);
    }
    by_code.retain(|_, holders| holders.len() > 1 && !holders.iter().all(|area| change.settles(area)));
    for (code, holders) in by_code {
        let detail = format!("the code {code} is on {} areas; a code must be on one", holders.len());
        findings.push(Finding::new(Severity::Error, FindingKind::DuplicateCode, &holders, detail));
    }
}

impl Finding {
    fn new(severity: Severity, kind: FindingKind, areas: &[&Area], detail: String) -> Self {
        let ids = areas.iter().map(|area| area.id).collect();
        let codes = areas.iter().map(|area| area.code.clone()).collect();
        Self { severity, kind, ids, codes, area_m2: 0.0, share: 0.0, place: None, detail }
    }

    fn at(mut self, place: Option<[f64; 2]>) -> Self {
        self.place = place.map(Position::trusted);
        self
    }

    fn sized(mut self, area_m2: f64, share: f64) -> Self {
        self.area_m2 = area_m2;
        self.share = share;
        self
    }
}

/// What polygon clipping gave: how much, and a place inside the largest piece.
struct Piece {
    area_m2: f64,
    place: Option<[f64; 2]>,
}

/// Measures a multipolygon of `geo`.
fn measure(clipped: &geo::MultiPolygon) -> Piece {
    let mut total = 0.0;
    let mut largest: Option<(f64, Shape)> = None;
    for polygon in clipped {
        let shape = Shape::assemble(vec![rings_of(polygon).collect()]);
        let area = shape.area_m2();
        total += area;
        if largest.as_ref().is_none_or(|(most, _)| area > *most) {
            largest = Some((area, shape));
        }
    }
    let place =
        largest.and_then(|(_, shape)| shape.inner_position().map(Position::point).or(shape.points().first().copied()));
    Piece { area_m2: total, place }
}

/// Runs a piece of polygon clipping; a panic in it becomes `None`, so that one nasty boundary cannot end a report.
fn guarded<T>(clip: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(clip)).ok()
}
