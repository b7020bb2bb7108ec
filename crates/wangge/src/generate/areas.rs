//! The tree of areas: divisions, communities, base grids, micro-grids and exclusive grids with codes and borders.
//!
//! The divisions and communities are real, the borders are not: they are a tessellation, cut by streets that do not
//! exist. Not here: people and incidents.

use std::collections::{BTreeMap, BTreeSet};

use api::grids::v1::AreaKind;
use base::Result;
use geometry::generate::Part;
use geometry::{Bounds, Division, Shape};

use super::chance::Chance;
use super::places::{BOX, COMMUNITIES, COUNTS, DIVISIONS_ABOVE, ESTATE_KINDS, ESTATE_NAMES, EXCLUSIVE_GRIDS};

/// An area of the tree.
pub(crate) struct Area {
    /// What it is.
    pub(crate) kind: AreaKind,
    /// Whose numbering the code follows.
    pub(crate) scheme: &'static str,
    /// Its code.
    pub(crate) code: String,
    /// Its name.
    pub(crate) name: String,
    /// The area it lies in, an index into the same list, always a smaller one.
    pub(crate) parent: Option<usize>,
    /// Households; of an area with children, those of its micro-grids.
    pub(crate) households: u32,
    /// The border; none above the subdistrict.
    pub(crate) shape: Option<Shape>,
    /// The estate of a micro-grid, as addresses name it, and the first of its buildings.
    pub(crate) estate: Option<(String, u32)>,
}

/// National division codes.
pub(crate) const SCHEME_DIVISION: &str = "NBS-12";
/// Unit grids: 12 digits of the community and 3 of our own.
pub(crate) const SCHEME_BASE_GRID: &str = "GB/T 30428.1-15";
/// Micro-grids: 15 digits of the base grid and 2 of our own. There is no national rule.
pub(crate) const SCHEME_MICRO_GRID: &str = "坛山微网格-17";
/// Exclusive grids: 12 digits of the community, a 9 and 2 of our own, as is common. There is no national rule.
pub(crate) const SCHEME_EXCLUSIVE_GRID: &str = "坛山专属网格-15";

/// Buildings of one micro-grid.
pub(crate) const BUILDINGS_EACH: u32 = 5;

/// Households of a micro-grid, at least and at most (standards.md §1.1, Chengdu).
const HOUSEHOLDS: (u32, u32) = (30, 100);

/// How far streets, and the borders along them, wander between two crossings, as a share of their distance.
const WIGGLE: f64 = 0.08;

/// The index of the subdistrict in the list of areas.
pub(crate) const SUBDISTRICT: usize = DIVISIONS_ABOVE.len() - 1;

/// Makes the tree, parents before children. The same seed makes the same tree.
pub(crate) fn areas(seed: u64) -> Result<Vec<Area>> {
    let bounds = Bounds { low: [BOX[0], BOX[1]], high: [BOX[2], BOX[3]] };
    let division = Division::generate(seed, bounds, &COUNTS, WIGGLE);
    let mut tree = Tree { areas: divisions_above(), chance: Chance::new(seed, "areas"), estates: estate_names(seed) };
    let mut community_of_part = vec![SUBDISTRICT; division.levels[0].len()];
    for (part, (code, name)) in in_reading_order(&division.levels[0], None).into_iter().zip(COMMUNITIES) {
        let shape = &division.levels[0][part].shape;
        let index = tree.add(AreaKind::Community, SCHEME_DIVISION, code.to_owned(), name, SUBDISTRICT, shape);
        community_of_part[part] = index;
        tree.add_base_grids(&division, part, index);
    }
    for (site, (what, _)) in division.sites(seed, EXCLUSIVE_GRIDS.len()).iter().zip(EXCLUSIVE_GRIDS) {
        tree.add_exclusive_grid(community_of_part[site.parent], what, &site.shape);
    }
    tree.areas[SUBDISTRICT].shape = Some(outline(&division.levels[0])?);
    tree.sum_households();
    Ok(tree.areas)
}

/// The tree while it grows.
struct Tree {
    areas: Vec<Area>,
    chance: Chance,
    estates: Vec<String>,
}

impl Tree {
    fn add(
        &mut self,
        kind: AreaKind,
        scheme: &'static str,
        code: String,
        name: &str,
        parent: usize,
        shape: &Shape,
    ) -> usize {
        self.areas.push(Area {
            kind,
            scheme,
            code,
            name: name.to_owned(),
            parent: Some(parent),
            households: 0,
            shape: Some(shape.clone()),
            estate: None,
        });
        self.areas.len() - 1
    }

    fn add_base_grids(&mut self, division: &Division, part: usize, community: usize) {
        for (number, base_part) in (1..).zip(in_reading_order(&division.levels[1], Some(part))) {
            let Area { code, name, .. } = &self.areas[community];
            let (code, name) = (format!("{code}{number:03}"), format!("{}{number}号网格", short(name)));
            let shape = &division.levels[1][base_part].shape;
            let base = self.add(AreaKind::BaseGrid, SCHEME_BASE_GRID, code, &name, community, shape);
            self.add_micro_grids(division, base_part, base, number);
        }
    }

    fn add_micro_grids(&mut self, division: &Division, base_part: usize, base: usize, base_number: u32) {
        let community = self.areas[base].parent.unwrap_or(SUBDISTRICT);
        let estate = self.estates.pop().unwrap_or_else(|| format!("{}老街", short(&self.areas[community].name)));
        for (number, micro_part) in (1..).zip(in_reading_order(&division.levels[2], Some(base_part))) {
            let code = format!("{}{number:02}", self.areas[base].code);
            let name = format!("{}{base_number}-{number}微网格", short(&self.areas[community].name));
            let shape = &division.levels[2][micro_part].shape;
            let micro = self.add(AreaKind::MicroGrid, SCHEME_MICRO_GRID, code, &name, base, shape);
            self.areas[micro].households = self.chance.between(HOUSEHOLDS.0, HOUSEHOLDS.1);
            self.areas[micro].estate = Some((estate.clone(), (number - 1) * BUILDINGS_EACH + 1));
        }
    }

    fn add_exclusive_grid(&mut self, community: usize, what: &str, shape: &Shape) {
        let before =
            self.areas.iter().filter(|area| area.kind == AreaKind::ExclusiveGrid && area.parent == Some(community));
        let code = format!("{}9{:02}", self.areas[community].code, before.count() + 1);
        let name = format!("{}{what}", short(&self.areas[community].name));
        self.add(AreaKind::ExclusiveGrid, SCHEME_EXCLUSIVE_GRID, code, &name, community, shape);
    }

    /// Households of everything above the micro-grids are sums: parents come before children, so from the end.
    fn sum_households(&mut self) {
        for index in (0..self.areas.len()).rev() {
            let (households, parent) = (self.areas[index].households, self.areas[index].parent);
            // Above the subdistrict there are households that this made-up tree does not have.
            if let Some(parent) = parent.filter(|parent| *parent >= SUBDISTRICT) {
                self.areas[parent].households += households;
            }
        }
    }
}

/// 工农社区 → 工农.
fn short(community: &str) -> &str {
    community.strip_suffix("社区").unwrap_or(community)
}

fn divisions_above() -> Vec<Area> {
    let kinds = [AreaKind::Province, AreaKind::City, AreaKind::County, AreaKind::Subdistrict];
    kinds
        .into_iter()
        .zip(DIVISIONS_ABOVE)
        .enumerate()
        .map(|(index, (kind, (code, name)))| Area {
            kind,
            scheme: SCHEME_DIVISION,
            code: code.to_owned(),
            name: name.to_owned(),
            parent: index.checked_sub(1),
            households: 0,
            shape: None,
            estate: None,
        })
        .collect()
}

fn estate_names(seed: u64) -> Vec<String> {
    let mut names: Vec<String> =
        ESTATE_NAMES.iter().flat_map(|name| ESTATE_KINDS.map(|kind| format!("{name}{kind}"))).collect();
    Chance::new(seed, "estates").shuffle(&mut names);
    names
}

/// Places of a level, or of the children of one place of the level above, numbered as grids are: row by row from north
/// to south, in a row from west to east (standards.md §1.1).
fn in_reading_order(level: &[Part], parent: Option<usize>) -> Vec<usize> {
    let centre = |part: usize, axis: usize| {
        let Bounds { low, high } = level[part].shape.bounds();
        low[axis].midpoint(high[axis])
    };
    let of_parent = |part: &usize| parent.is_none() || level[*part].parent == parent;
    let mut parts: Vec<usize> = (0..level.len()).filter(of_parent).collect();
    parts.sort_by(|a, b| centre(*b, 1).total_cmp(&centre(*a, 1)));
    let rows = parts.len().isqrt().max(1);
    let width = parts.len().div_ceil(rows).max(1);
    for row in parts.chunks_mut(width) {
        row.sort_by(|a, b| centre(*a, 0).total_cmp(&centre(*b, 0)));
    }
    parts
}

/// The outer border of parts that share their borders exactly: the edges that only one of them has.
fn outline(parts: &[Part]) -> Result<Shape> {
    let key = |point: [f64; 2]| point.map(f64::to_bits);
    let mut next = BTreeMap::new();
    for edge in parts.iter().flat_map(|part| part.shape.rings()).flat_map(|ring| ring.windows(2)) {
        next.insert((key(edge[0]), key(edge[1])), edge[1]);
    }
    let inner: BTreeSet<_> = next.keys().filter(|(from, to)| next.contains_key(&(*to, *from))).copied().collect();
    next.retain(|edge, _| !inner.contains(edge));
    let mut onward: BTreeMap<[u64; 2], [f64; 2]> = next.into_iter().map(|((from, _), to)| (from, to)).collect();
    let mut ring = Vec::new();
    while let Some(point) = match ring.last() {
        None => onward.pop_first().map(|(_, to)| to),
        Some(&last) => onward.remove(&key(last)),
    } {
        ring.push(point);
    }
    ring.extend(ring.first().copied());
    Shape::new(vec![vec![ring]])
}

#[cfg(test)]
mod tests {

    use geometry::Position;

    use super::*;

    fn count(areas: &[Area], kind: AreaKind) -> usize {
        areas.iter().filter(|area| area.kind == kind).count()
    }

    #[test]
    fn the_tree_has_the_pilots_counts() {
        let areas = areas(1).unwrap();
        assert_eq!(count(&areas, AreaKind::Community), 20);
        assert_eq!(count(&areas, AreaKind::BaseGrid), 80);
        assert_eq!(count(&areas, AreaKind::MicroGrid), 352);
        assert_eq!(count(&areas, AreaKind::ExclusiveGrid), EXCLUSIVE_GRIDS.len());
    }

    #[test]
    fn codes_are_unique_and_begin_with_the_code_above() {
        let areas = areas(1).unwrap();
        let codes: BTreeSet<&str> = areas.iter().map(|area| area.code.as_str()).collect();
        assert_eq!(codes.len(), areas.len());
        for area in &areas {
            let digits = match area.kind {
                AreaKind::Community => 12,
                AreaKind::BaseGrid | AreaKind::ExclusiveGrid => 15,
                AreaKind::MicroGrid => 17,
                _ => continue,
            };
            assert!(area.code.len() == digits && area.code.bytes().all(|byte| byte.is_ascii_digit()), "{}", area.code);
            assert!(area.code.starts_with(&areas[area.parent.unwrap()].code), "{}", area.code);
        }
    }

    #[test]
    fn children_are_numbered_from_one_without_a_gap() {
        let areas = areas(3).unwrap();
        for (parent, above) in areas.iter().enumerate() {
            let children = areas.iter().filter(|area| {
                area.parent == Some(parent) && matches!(area.kind, AreaKind::BaseGrid | AreaKind::MicroGrid)
            });
            for (number, child) in (1..).zip(children) {
                assert_eq!(child.code[above.code.len()..].parse(), Ok(number), "{}", child.code);
            }
        }
    }

    #[test]
    fn every_border_lies_in_the_border_above() {
        let areas = areas(1).unwrap();
        for area in areas.iter().filter(|area| area.parent.is_some_and(|parent| parent >= SUBDISTRICT)) {
            let (shape, above) = (area.shape.as_ref().unwrap(), areas[area.parent.unwrap()].shape.as_ref().unwrap());
            for point in shape.rings().flatten() {
                assert!(above.covers(Position::new(point[0], point[1]).unwrap()), "{} leaves its parent", area.name);
            }
        }
    }

    #[test]
    fn the_micro_grids_fill_the_subdistrict() {
        let areas = areas(1).unwrap();
        let parts: f64 = areas.iter().filter(|area| area.kind == AreaKind::MicroGrid).map(size).sum();
        let whole = size(&areas[SUBDISTRICT]);
        assert!((parts - whole).abs() < whole * 1e-9, "{parts} m² of {whole} m²");
        assert!((10e6..30e6).contains(&whole), "{whole} m²");
    }

    fn size(area: &Area) -> f64 {
        area.shape.as_ref().unwrap().area_m2()
    }

    #[test]
    fn an_exclusive_grid_cuts_micro_grids_of_its_community() {
        let areas = areas(1).unwrap();
        for site in areas.iter().filter(|area| area.kind == AreaKind::ExclusiveGrid) {
            let ring: Vec<Position> =
                site.shape.as_ref().unwrap().rings().flatten().map(|p| Position::new(p[0], p[1]).unwrap()).collect();
            let cut = areas.iter().filter(|area| {
                area.kind == AreaKind::MicroGrid && ring.iter().any(|p| area.shape.as_ref().unwrap().covers(*p))
            });
            for micro in cut {
                assert_eq!(areas[micro.parent.unwrap()].parent, site.parent, "{} cuts {}", site.name, micro.name);
            }
        }
    }

    #[test]
    fn households_add_up() {
        let areas = areas(1).unwrap();
        for (index, area) in areas.iter().enumerate().skip(SUBDISTRICT) {
            let children: Vec<&Area> = areas.iter().filter(|child| child.parent == Some(index)).collect();
            match area.kind {
                AreaKind::MicroGrid => assert!((30..=100).contains(&area.households)),
                AreaKind::ExclusiveGrid => assert_eq!(area.households, 0),
                _ => assert_eq!(area.households, children.iter().map(|child| child.households).sum::<u32>()),
            }
        }
        assert!((20_000..28_000).contains(&areas[SUBDISTRICT].households));
    }
}
