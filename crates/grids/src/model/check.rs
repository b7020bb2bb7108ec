//! What is wrong with a release: the faults of its boundaries, and of the areas they belong to.
//!
//! The geometry is judged by `geometry::validate_change`, together with what stands around the release; this module says
//! which area stands where, adds what only the tree knows (areas without a boundary, shared codes, grids that are too
//! large) and puts it into words.

use std::collections::{HashMap, HashSet};

use api::grids::v1::{AreaKind, FindingKind};
use base::{AreaPath, Day};
use geometry::{Severity, Shape, Tolerances};

use crate::land::ground::rank;
use crate::land::surroundings::Surroundings;
use crate::model::area::{Area, kind_words};
use crate::model::release::{Finding, worst_first};

/// An area with its boundary if it has one: in the subtrees of a release, or around it.
pub(crate) struct Subject {
    pub(crate) area: Area,
    pub(crate) shape: Option<Shape>,
}

/// What is a fault and what is not.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Measure {
    /// Overlaps and gaps below this are noise.
    pub(crate) tolerance_m2: f64,
    /// A grid with more households is warned about.
    pub(crate) households_warned: u32,
    /// The day whose codes count.
    pub(crate) today: Day,
}

/// Everything that is wrong, worst first. `own` are all areas in use in the subtrees, in the order of the tree; `around`
/// are those that stand around them in `surroundings`, of which only faults with one of `own` are told.
/// Looks at every pair of neighbours: seconds for a large city.
pub(crate) fn check(
    own: &[Subject],
    around: &[Subject],
    surroundings: &Surroundings,
    measure: &Measure,
) -> Vec<Finding> {
    let mut findings = geometry_faults(own, around, surroundings, measure);
    findings.extend(without_boundary(own));
    findings.extend(sharing_a_code(own, measure.today));
    findings.extend(too_large(own, measure.households_warned));
    worst_first(&mut findings);
    findings
}

fn geometry_faults(
    own: &[Subject],
    around: &[Subject],
    surroundings: &Surroundings,
    measure: &Measure,
) -> Vec<Finding> {
    let subjects: Vec<&Subject> = own.iter().chain(around).collect();
    // Of what stands beside the release not everything is known, so nothing there is anybody's parent.
    let above: HashSet<AreaPath> = own.iter().flat_map(|subject| subject.area.path.lineage()).collect();
    let drawn: HashMap<AreaPath, u32> = subjects
        .iter()
        .zip(0..)
        .filter(|(subject, _)| subject.shape.is_some() && above.contains(&subject.area.path))
        .map(|(subject, id)| (subject.area.path, id))
        .collect();
    let areas: Vec<geometry::Area> = subjects
        .iter()
        .zip(0..)
        .filter_map(|(subject, id)| {
            let lineage: Vec<AreaPath> = subject.area.path.lineage().collect();
            let above = lineage.iter().rev().skip(1);
            Some(geometry::Area {
                id,
                code: subject.area.main_code(measure.today).to_owned(),
                rank: rank(subject.area.kind),
                parent: above.filter_map(|path| drawn.get(path)).next().copied(),
                shape: subject.shape.clone()?,
            })
        })
        .collect();
    let tolerances = Tolerances { sliver_m2: measure.tolerance_m2 };
    let change = geometry::Change {
        settled: (0..).zip(&subjects).skip(own.len()).map(|(id, _)| id).collect(),
        window: surroundings.vicinity.window,
        cleared: surroundings.cleared.clone(),
    };
    let found = geometry::validate_change(&areas, &change, &tolerances);
    found.into_iter().filter_map(|found| geometry_fault(&subjects, &found)).collect()
}

fn geometry_fault(subjects: &[&Subject], found: &geometry::Finding) -> Option<Finding> {
    let kind = match found.kind {
        // Codes are compared by what the tree knows of them, below. A vertex given twice changes no answer.
        geometry::FindingKind::DuplicateCode | geometry::FindingKind::RepeatedVertex => return None,
        geometry::FindingKind::Overlap => FindingKind::Overlap,
        geometry::FindingKind::Gap => FindingKind::Gap,
        geometry::FindingKind::OutsideParent => FindingKind::OutsideParent,
        _ => FindingKind::InvalidRing,
    };
    let areas: Vec<&Area> =
        found.ids.iter().filter_map(|&id| subjects.get(id as usize)).map(|subject| &subject.area).collect();
    let names: Vec<&str> = areas.iter().map(|area| area.display_name.as_str()).collect();
    Some(Finding {
        kind,
        warning: found.severity == Severity::Warning,
        areas: areas.iter().map(|area| area.id).collect(),
        area_m2: found.area_m2,
        place: found.place.map(|place| (place.longitude_deg(), place.latitude_deg())),
        description: if names.is_empty() {
            found.detail.clone()
        } else {
            format!("{}: {}", names.join(", "), found.detail)
        },
    })
}

/// Finest areas that would vanish from the map, because the release replaces everything in its subtrees.
fn without_boundary(subjects: &[Subject]) -> impl Iterator<Item = Finding> {
    let missing = subjects.iter().filter(|subject| subject.shape.is_none() && subject.area.child_count == 0);
    missing.map(|Subject { area, .. }| Finding {
        kind: FindingKind::NoPolygon,
        warning: false,
        areas: vec![area.id],
        area_m2: 0.0,
        place: None,
        description: format!(
            "the {} {} has no boundary; no point would lie in it",
            kind_words(area.kind),
            area.display_name
        ),
    })
}

/// Areas of different kinds that bear the same code today; of one kind they are refused when they are made.
fn sharing_a_code(subjects: &[Subject], today: Day) -> Vec<Finding> {
    let mut bearers: HashMap<(&str, &str), Vec<&Area>> = HashMap::new();
    for Subject { area, .. } in subjects {
        for code in area.codes.iter().filter(|code| code.valid_on(today)) {
            bearers.entry((&code.scheme, &code.code)).or_default().push(area);
        }
    }
    let mut shared: Vec<_> = bearers.into_iter().filter(|(_, areas)| areas.len() > 1).collect();
    shared.sort_unstable_by_key(|(code, _)| *code);
    shared
        .into_iter()
        .map(|((scheme, code), areas)| {
            let who: Vec<String> =
                areas.iter().map(|area| format!("the {} {}", kind_words(area.kind), area.display_name)).collect();
            Finding {
                kind: FindingKind::DuplicateCode,
                warning: true,
                areas: areas.iter().map(|area| area.id).collect(),
                area_m2: 0.0,
                place: None,
                description: format!("{scheme} {code} is borne by {}", who.join(" and ")),
            }
        })
        .collect()
}

fn too_large(subjects: &[Subject], households_warned: u32) -> impl Iterator<Item = Finding> {
    let grids = subjects.iter().filter(|subject| matches!(subject.area.kind, AreaKind::BaseGrid | AreaKind::MicroGrid));
    let large = grids.filter(move |subject| subject.area.household_count > households_warned);
    large.map(move |Subject { area, shape }| Finding {
        kind: FindingKind::TooManyHouseholds,
        warning: true,
        areas: vec![area.id],
        area_m2: 0.0,
        place: shape
            .as_ref()
            .and_then(Shape::inner_position)
            .map(|place| (place.longitude_deg(), place.latitude_deg())),
        description: format!(
            "the {} {} has {} households; more than {households_warned} are hard to look after",
            kind_words(area.kind),
            area.display_name,
            area.household_count
        ),
    })
}
