//! Validation finds what is wrong with real and made-up boundaries, with its size and place, and nothing else.

#![allow(clippy::unwrap_used)]

mod support;

use geometry::{
    Area, Bounds, Change, Division, Finding, FindingKind, Severity, Shape, Tolerances, tessellate, validate,
    validate_change,
};
use support::collection;

fn areas(file: &str, code: &str) -> Option<Vec<Area>> {
    let items = collection(file, code)?;
    let area = |item: geometry::Item| Area { id: item.id, code: item.code, rank: 1, parent: None, shape: item.shape };
    Some(items.into_iter().map(area).collect())
}

fn of_kind(findings: &[Finding], kind: FindingKind) -> Vec<&Finding> {
    findings.iter().filter(|finding| finding.kind == kind).collect()
}

fn area(id: u32, code: &str, rings: &[&[[f64; 2]]]) -> Area {
    let closed = rings.iter().map(|ring| ring.iter().chain(&ring[..1]).copied().collect()).collect();
    Area { id, code: code.into(), rank: 1, parent: None, shape: Shape::new(vec![closed]).unwrap() }
}

fn check(areas: &[Area]) -> Vec<Finding> {
    validate(areas, &Tolerances::default())
}

#[test]
fn the_villages_of_tainan_have_one_invalid_ring_and_one_overlap() {
    let Some(areas) = areas("tainan_villages_649.geojson", "VILLCODE") else { return };
    let findings = check(&areas);
    for finding in &findings {
        println!("{:?} {:?} {} at {:?}", finding.severity, finding.kind, finding.detail, finding.place);
    }
    assert_eq!(of_kind(&findings, FindingKind::InvalidRing).len(), 1);
    assert_eq!(of_kind(&findings, FindingKind::Overlap).len(), 1);
    let overlap = of_kind(&findings, FindingKind::Overlap)[0];
    assert!(overlap.area_m2 > 1.0 && overlap.place.is_some() && overlap.ids.len() == 2);
}

#[test]
fn the_councils_of_los_angeles_overlap_by_two_percent_of_their_area() {
    let Some(areas) = areas("la_neighborhood_councils_99.geojson", "name") else { return };
    let findings = check(&areas);
    let overlaps = of_kind(&findings, FindingKind::Overlap);
    let shared: f64 = overlaps.iter().map(|finding| finding.area_m2).sum();
    let total: f64 = areas.iter().map(|area| area.shape.area_m2()).sum();
    println!("{} overlaps, {:.2} % of {:.1} km²", overlaps.len(), shared / total * 100.0, total / 1e6);
    assert!((0.02..0.026).contains(&(shared / total)), "{}", shared / total);
    for overlap in overlaps {
        let place = overlap.place.unwrap();
        let both = areas.iter().filter(|area| overlap.ids.contains(&area.id)).all(|area| area.shape.covers(place));
        assert!(both, "{} is not in both", overlap.detail);
    }
}

#[test]
fn a_made_up_division_has_no_fault_at_any_level() {
    let bounds = Bounds { low: [117.55, 34.75], high: [117.65, 34.83] };
    let division = Division::generate(5, bounds, &[20, 80, 352], 0.08);
    let mut areas = Vec::new();
    for (level, parts) in (0_u8..).zip(&division.levels) {
        for (place, part) in (0_u32..).zip(parts) {
            let above = part.parent.map(|parent| (u32::from(level) - 1) * 1_000 + u32::try_from(parent).unwrap());
            let id = u32::from(level) * 1_000 + place;
            areas.push(Area {
                id,
                code: format!("{id:04}"),
                rank: 3 - level,
                parent: above,
                shape: part.shape.clone(),
            });
        }
    }
    assert_eq!(check(&areas), []);
}

#[test]
fn a_missing_area_is_a_gap_with_its_size_place_and_neighbours() {
    let bounds = Bounds { low: [117.5, 34.7], high: [117.6, 34.8] };
    let shapes = tessellate(3, 400, bounds, 0.1);
    let touches_rim = |shape: &Shape| {
        let own = shape.bounds();
        (0..2).any(|axis| own.low[axis] <= bounds.low[axis] || own.high[axis] >= bounds.high[axis])
    };
    let missing = shapes.iter().position(|shape| !touches_rim(shape)).unwrap();
    let all = (0_u32..).zip(&shapes);
    let area =
        |(id, shape): (u32, &Shape)| Area { id, code: format!("{id:04}"), rank: 1, parent: None, shape: shape.clone() };
    let areas: Vec<Area> = all.filter(|(id, _)| *id as usize != missing).map(area).collect();
    let findings = check(&areas);
    assert_eq!(findings.len(), 1, "{findings:?}");
    let gap = &findings[0];
    assert_eq!((gap.kind, gap.severity), (FindingKind::Gap, Severity::Warning));
    assert!((gap.area_m2 / shapes[missing].area_m2() - 1.0).abs() < 1e-3);
    assert!(shapes[missing].covers(gap.place.unwrap()));
    assert!(gap.ids.len() >= 3, "{:?}", gap.codes);
}

#[test]
fn each_kind_of_fault_is_found_once_where_it_is() {
    let mut areas = vec![
        area(0, "bow tie", &[&[[0.0, 0.0], [0.01, 0.01], [0.01, 0.0], [0.0, 0.01]]]),
        area(1, "spike", &[&[[0.1, 0.0], [0.12, 0.0], [0.11, 0.0], [0.11, 0.01], [0.1, 0.01]]]),
        area(2, "twice", &[&[[0.2, 0.0], [0.21, 0.0], [0.21, 0.0], [0.2, 0.01]]]),
        area(3, "stray hole", &[&[[0.3, 0.0], [0.31, 0.0], [0.31, 0.01]], &[[0.35, 0.0], [0.36, 0.0], [0.36, 0.01]]]),
        area(4, "left", &[&[[0.4, 0.0], [0.42, 0.0], [0.42, 0.01], [0.4, 0.01]]]),
        area(5, "right", &[&[[0.41, 0.0], [0.43, 0.0], [0.43, 0.01], [0.41, 0.01]]]),
        area(6, "same", &[&[[0.5, 0.0], [0.51, 0.0], [0.51, 0.01]]]),
        area(7, "same", &[&[[0.6, 0.0], [0.61, 0.0], [0.61, 0.01]]]),
        area(8, "child", &[&[[0.70, 0.0], [0.72, 0.0], [0.72, 0.01], [0.70, 0.01]]]),
        area(9, "parent", &[&[[0.70, 0.0], [0.715, 0.0], [0.715, 0.01], [0.70, 0.01]]]),
    ];
    areas[8].parent = Some(9);
    areas[9].rank = 2;
    areas.push(Area { id: 10, code: "nothing".into(), rank: 1, parent: None, shape: Shape::new(vec![]).unwrap() });
    let found: Vec<(FindingKind, Vec<u32>)> = check(&areas).into_iter().map(|found| (found.kind, found.ids)).collect();
    assert_eq!(
        found,
        [
            (FindingKind::InvalidRing, vec![0]),
            (FindingKind::InvalidRing, vec![3]),
            (FindingKind::Overlap, vec![4, 5]),
            (FindingKind::OutsideParent, vec![8, 9]),
            (FindingKind::DuplicateCode, vec![6, 7]),
            (FindingKind::EmptyShape, vec![10]),
            (FindingKind::Spike, vec![1]),
            (FindingKind::RepeatedVertex, vec![2]),
        ]
    );
    let outside = check(&areas).into_iter().find(|found| found.kind == FindingKind::OutsideParent).unwrap();
    assert!((outside.share - 0.25).abs() < 1e-6);
}

#[test]
fn an_area_that_holds_another_overlaps_it_wholly() {
    let outer = area(0, "outer", &[&[[0.0, 0.0], [0.03, 0.0], [0.03, 0.03], [0.0, 0.03]]]);
    let inner = area(1, "inner", &[&[[0.01, 0.01], [0.02, 0.01], [0.02, 0.02], [0.01, 0.02]]]);
    let findings = check(&[outer.clone(), inner]);
    assert_eq!(findings.len(), 1);
    assert!((findings[0].share - 1.0).abs() < 1e-6);
    let twin = Area { id: 2, code: "twin".into(), ..outer.clone() };
    assert_eq!(of_kind(&check(&[outer, twin]), FindingKind::Overlap).len(), 1);
}

#[test]
fn vertices_in_a_neighbours_edge_are_no_overlap() {
    let whole = area(0, "whole", &[&[[0.0, 0.0], [0.01, 0.0], [0.01, 0.02], [0.0, 0.02]]]);
    let low = area(1, "low", &[&[[0.01, 0.0], [0.02, 0.0], [0.02, 0.01], [0.01, 0.01]]]);
    let high = area(2, "high", &[&[[0.01, 0.01], [0.02, 0.01], [0.02, 0.02], [0.01, 0.02]]]);
    assert_eq!(check(&[whole, low, high]), []);
}

#[test]
fn a_sliver_between_siblings_that_opens_to_the_outer_edge_is_a_gap_of_their_parent() {
    let mut left = area(1, "left", &[&[[0.0, 0.0], [0.009, 0.0], [0.01, 0.01], [0.0, 0.01]]]);
    let mut right = area(2, "right", &[&[[0.01, 0.0], [0.02, 0.0], [0.02, 0.01], [0.01, 0.01]]]);
    assert_eq!(check(&[left.clone(), right.clone()]), [], "without a parent it lies outside all areas");
    let parent = Area { rank: 2, ..area(9, "parent", &[&[[0.0, 0.0], [0.02, 0.0], [0.02, 0.01], [0.0, 0.01]]]) };
    left.parent = Some(9);
    right.parent = Some(9);
    let findings = check(&[parent.clone(), left.clone(), right.clone()]);
    assert_eq!(findings.len(), 1, "{findings:?}");
    let gap = &findings[0];
    assert_eq!((gap.kind, gap.severity, &gap.ids[..]), (FindingKind::Gap, Severity::Warning, &[9, 1, 2][..]));
    let sliver = area(0, "sliver", &[&[[0.009, 0.0], [0.01, 0.0], [0.01, 0.01]]]).shape;
    assert!((gap.area_m2 / sliver.area_m2() - 1.0).abs() < 1e-6, "{}", gap.area_m2);
    assert!(sliver.covers(gap.place.unwrap()));
    let site = Area { id: 3, code: "site".into(), rank: 0, parent: Some(9), shape: sliver.clone() };
    assert_eq!(check(&[parent.clone(), left.clone(), right.clone(), site.clone()]).len(), 1, "a site fills no gap");
    assert_eq!(check(&[parent.clone(), site]), [], "where only sites are drawn the parent has its ground itself");
    let filling = Area { id: 3, code: "filling".into(), rank: 1, parent: Some(9), shape: sliver };
    assert_eq!(check(&[parent, left, right, filling]), []);
}

#[test]
fn a_gap_that_all_its_neighbours_enclose_is_reported_once_whatever_their_parent() {
    let hole: &[[f64; 2]] = &[[0.002, 0.002], [0.004, 0.002], [0.004, 0.004], [0.002, 0.004]];
    let outer: &[[f64; 2]] = &[[0.0, 0.0], [0.01, 0.0], [0.01, 0.01], [0.0, 0.01]];
    let child = Area { parent: Some(9), ..area(1, "child", &[outer, hole]) };
    let parent = Area { rank: 2, ..area(9, "parent", &[outer]) };
    let findings = check(&[parent, child]);
    assert_eq!(findings.iter().map(|found| found.kind).collect::<Vec<_>>(), [FindingKind::Gap]);
}

#[test]
fn siblings_whose_outer_edge_has_other_vertices_than_their_parents_leave_no_gap() {
    let parent = Area { rank: 2, ..area(9, "parent", &[&[[0.0, 0.0], [0.03, 0.01], [0.03, 0.02], [0.0, 0.02]]]) };
    // The vertex in the parent's slanted edge is rounded to the nearest number, which lies beside the edge.
    let between = [0.01, 0.01 / 3.0];
    let left = Area { parent: Some(9), ..area(1, "left", &[&[[0.0, 0.0], between, [0.01, 0.02], [0.0, 0.02]]]) };
    let right = Area { parent: Some(9), ..area(2, "right", &[&[between, [0.03, 0.01], [0.03, 0.02], [0.01, 0.02]]]) };
    assert_eq!(check(&[parent, left, right]), []);
}

#[test]
fn faults_among_settled_areas_alone_are_passed_over() {
    let boxed = |id: u32, west: f64, east: f64| {
        area(id, &format!("{id}"), &[&[[west, 0.0], [east, 0.0], [east, 0.01], [west, 0.01]]])
    };
    let parent = Area { rank: 2, ..boxed(9, 0.0, 0.1) };
    // The new area 1 overlaps 2 and leaves a strip before 0; 2 and 3 overlap, and 3 and 4 leave a strip, as before.
    let mut areas = vec![boxed(0, 0.0, 0.02), boxed(1, 0.021, 0.04), boxed(2, 0.039, 0.06), boxed(3, 0.059, 0.07)];
    areas.push(boxed(4, 0.075, 0.1));
    areas.iter_mut().for_each(|area| area.parent = Some(9));
    areas.push(parent);
    let found = |change: &Change| {
        let findings = validate_change(&areas, change, &Tolerances::default());
        findings.into_iter().map(|found| (found.kind, found.ids)).collect::<Vec<_>>()
    };
    let window = Bounds { low: [0.02, 0.0], high: [0.041, 0.01] };
    let mut change = Change { settled: [0, 2, 3, 4, 9].into(), window, cleared: Vec::new() };
    let of_the_new = vec![(FindingKind::Overlap, vec![1, 2]), (FindingKind::Gap, vec![9, 0, 1])];
    assert_eq!(found(&change), of_the_new);
    change.window.high[0] = 0.08;
    assert_eq!(found(&change), of_the_new, "the old strip is seen, but was there before");
    change.cleared = vec![boxed(5, 0.07, 0.075).shape];
    assert_eq!(found(&change)[2..], [(FindingKind::Gap, vec![9, 3, 4])], "the strip is what was cleared");
}

#[test]
fn of_a_settled_parent_only_what_lies_in_the_window_must_be_given() {
    let boxed = |id: u32, west: f64, east: f64| {
        let ring: &[[f64; 2]] = &[[west, 0.0], [east, 0.0], [east, 0.01], [west, 0.01]];
        Area { parent: Some(9), ..area(id, &format!("{id}"), &[ring]) }
    };
    let parent = Area { rank: 2, parent: None, ..boxed(9, 0.0, 0.1) };
    let areas = [boxed(1, 0.04, 0.05), boxed(2, 0.05, 0.06), parent];
    let window = Bounds { low: [0.045, 0.0], high: [0.055, 0.01] };
    let change = Change { settled: [2, 9].into(), window, cleared: Vec::new() };
    assert_eq!(validate_change(&areas, &change, &Tolerances::default()), []);
    assert_eq!(check(&areas).len(), 2, "the rest of the parent is not given and would be a gap to either side");
}

#[test]
fn a_ring_without_ground_is_invalid() {
    let line = Shape::new(vec![vec![vec![[0.0, 0.0], [0.01, 0.0], [0.02, 0.0], [0.0, 0.0]]]]).unwrap();
    let point = Shape::new(vec![vec![vec![[0.0, 0.0]; 4]]]).unwrap();
    for shape in [line, point] {
        let findings = check(&[Area { id: 0, code: "flat".into(), rank: 1, parent: None, shape }]);
        let invalid = of_kind(&findings, FindingKind::InvalidRing);
        assert_eq!((invalid.len(), invalid[0].severity), (1, Severity::Error), "{findings:?}");
    }
}

#[test]
fn one_boundary_given_to_very_many_areas_ends_in_a_bounded_report() {
    let areas: Vec<Area> =
        (0..300).map(|id| area(id, &format!("{id:03}"), &[&[[0.0, 0.0], [0.01, 0.0], [0.01, 0.01]]])).collect();
    let findings = check(&areas);
    assert_eq!(of_kind(&findings, FindingKind::Overlap).len(), 20_000, "of 44,850 pairs");
    let given_up = of_kind(&findings, FindingKind::NotChecked);
    assert!(given_up.len() == 1 && given_up[0].detail.contains("ended after 20000"), "{given_up:?}");
}

#[test]
fn a_fault_behind_a_thousand_harmless_touches_is_found() {
    // Holes that touch the exterior at one point each, which is allowed, and then two that cross each other.
    let count = 1_100_u32;
    let width = f64::from(count + 2) * 0.001;
    let exterior = vec![[0.0, 0.0], [width, 0.0], [width, 0.01], [0.0, 0.01]];
    let mut rings: Vec<Vec<[f64; 2]>> = (0..count)
        .map(|number| {
            let x = f64::from(number) * 0.001 + 0.001;
            vec![[x, 0.0], [x + 0.0004, 0.001], [x - 0.0004, 0.001]]
        })
        .collect();
    rings.push(vec![[width - 0.0005, 0.005], [width - 0.0002, 0.005], [width - 0.0005, 0.006]]);
    rings.push(vec![[width - 0.0006, 0.0052], [width - 0.0004, 0.0052], [width - 0.0006, 0.0054]]);
    rings.insert(0, exterior);
    let rings: Vec<&[[f64; 2]]> = rings.iter().map(Vec::as_slice).collect();
    let findings = check(&[area(0, "comb", &rings)]);
    assert_eq!(of_kind(&findings, FindingKind::InvalidRing).len(), 1, "{findings:?}");
}

#[test]
fn twenty_thousand_polygons_of_one_area_are_checked_in_a_moment() {
    let square = |number: u32| {
        let low = [f64::from(number % 150) * 0.001, f64::from(number / 150) * 0.001];
        let high = low.map(|low| low + 0.0008);
        vec![vec![low, [high[0], low[1]], high, [low[0], high[1]], low]]
    };
    let mut polygons: Vec<_> = (0..20_000).map(square).collect();
    // One more inside the first.
    polygons.push(vec![vec![[1e-4, 1e-4], [2e-4, 1e-4], [2e-4, 2e-4], [1e-4, 1e-4]]]);
    let shape = Shape::new(polygons).unwrap();
    let started = std::time::Instant::now();
    let findings = check(&[Area { id: 0, code: "many".into(), rank: 1, parent: None, shape }]);
    assert!(findings.iter().any(|found| found.detail.contains("lie upon each other")), "{findings:?}");
    // Pair by pair it takes half a minute; now it is a fraction of a second.
    assert!(started.elapsed().as_secs() < 20, "{:?}", started.elapsed());
}
