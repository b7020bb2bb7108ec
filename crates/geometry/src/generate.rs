//! Made-up divisions of a region that look like a town: for the demo, the generator of the product, and the benches.
//!
//! Long, slightly bent streets cut the region into blocks (`streets`); areas are connected groups of blocks that grow
//! from spread seeds (`growth`); their boundaries run along the streets and are traced once per level (`outline`). Areas
//! that adjoin share every vertex of their border, and a coarser area is the exact union of its finer ones.
//! The same seed gives the same division, bit for bit, on every machine.
//!
//! Not here: codes, names, people.

mod growth;
mod outline;
mod streets;

use crate::{Bounds, Shape};
use streets::Streets;

/// Blocks per area of the finest level.
const BLOCKS_PER_AREA: usize = 6;

/// One area of a level.
#[derive(Clone, Debug)]
pub struct Part {
    /// The place of the area that holds it in the level above; none in the first level.
    pub parent: Option<usize>,
    /// Its boundary.
    pub shape: Shape,
}

/// A small area that lies inside one area of the first level and cuts two or more of the last: an exclusive grid.
#[derive(Clone, Debug)]
pub struct Site {
    /// The place in the first level of the area that holds it.
    pub parent: usize,
    /// Its boundary.
    pub shape: Shape,
}

/// A nested division of a region.
pub struct Division {
    /// The levels, coarsest first; each covers the region without gap or overlap.
    pub levels: Vec<Vec<Part>>,
    streets: Streets,
    /// The area of each block, per level.
    owners: Vec<Vec<u32>>,
}

impl Division {
    /// Divides the inside of `bounds` into as many areas per level as `counts` says, coarsest first and not falling,
    /// such as 20 communities, 80 base grids and 352 micro-grids: `&[20, 80, 352]`. A count of 0 is taken as 1.
    ///
    /// `wiggle` is how far a street wanders between two crossings, as a share of their distance: 0 for straight, 0.1 at
    /// most. The outline of the region is irregular and touches all four sides of `bounds`.
    pub fn generate(seed: u64, bounds: Bounds, counts: &[usize], wiggle: f64) -> Self {
        Self::on(Streets::bent(seed, bounds, blocks_for(counts), wiggle), seed, counts)
    }

    /// `count` exclusive grids at most, each across a border between two areas of the last level.
    pub fn sites(&self, seed: u64, count: usize) -> Vec<Site> {
        let (Some(first), Some(last)) = (self.owners.first(), self.owners.last()) else { return Vec::new() };
        let mut borders: Vec<(usize, usize)> = self.streets.neighbours().collect();
        borders.retain(|&(a, b)| first[a] == first[b] && last[a] != last[b]);
        let mut random = fastrand::Rng::with_seed(seed ^ 0x5173);
        let mut taken = vec![false; last.len()];
        let mut sites = Vec::new();
        random.shuffle(&mut borders);
        for (a, b) in borders {
            if sites.len() >= count {
                break;
            }
            if !taken[a] && !taken[b] {
                (taken[a], taken[b]) = (true, true);
                let shape = self.streets.patch_between(a, b, &mut random);
                sites.push(Site { parent: first[a] as usize, shape });
            }
        }
        sites
    }

    fn on(streets: Streets, seed: u64, counts: &[usize]) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut owners: Vec<Vec<u32>> = Vec::new();
        let mut levels: Vec<Vec<Part>> = Vec::new();
        // The groups of blocks of the level at hand, with the place of each group's parent.
        let mut groups = vec![(None, (0..streets.block_count()).collect::<Vec<usize>>())];
        for &count in counts {
            let sizes: Vec<usize> = groups.iter().map(|(_, blocks)| blocks.len()).collect();
            let shares = growth::allot(count.max(groups.len()), &sizes);
            let mut finer = Vec::new();
            for (place, ((_, blocks), share)) in groups.iter().zip(shares).enumerate() {
                let parent = (!levels.is_empty()).then_some(place);
                let parts = growth::divide(&streets, blocks, share, &mut random);
                finer.extend(parts.into_iter().map(|part| (parent, part)));
            }
            let mut owner = vec![0_u32; streets.block_count()];
            for (number, (_, blocks)) in (0_u32..).zip(&finer) {
                blocks.iter().for_each(|block| owner[*block] = number);
            }
            let shapes = outline::trace(&streets, &owner, &finer);
            levels.push(finer.iter().zip(shapes).map(|((parent, _), shape)| Part { parent: *parent, shape }).collect());
            owners.push(owner);
            groups = finer;
        }
        Self { levels, streets, owners }
    }
}

/// Cuts the whole of `bounds` into `count` areas with irregular shared borders of about 40 vertices each (fewer when
/// `wiggle` is 0). For benches and for large made-up coverages.
pub fn tessellate(seed: u64, count: usize, bounds: Bounds, wiggle: f64) -> Vec<Shape> {
    let streets = Streets::filling(seed, bounds, blocks_for(&[count]), wiggle);
    let division = Division::on(streets, seed, &[count]);
    division.levels.into_iter().flatten().map(|part| part.shape).collect()
}

fn blocks_for(counts: &[usize]) -> usize {
    counts.iter().max().copied().unwrap_or(1).max(1) * BLOCKS_PER_AREA
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds { low: [117.55, 34.75], high: [117.65, 34.83] };

    fn total_m2(parts: &[Part]) -> f64 {
        parts.iter().map(|part| part.shape.area_m2()).sum()
    }

    #[test]
    fn a_division_has_the_areas_asked_for_and_levels_of_equal_total() {
        let division = Division::generate(7, BOUNDS, &[20, 80, 352], 0.08);
        assert_eq!(division.levels.iter().map(Vec::len).collect::<Vec<_>>(), [20, 80, 352]);
        let total = total_m2(&division.levels[0]);
        for level in &division.levels {
            assert!((total_m2(level) / total - 1.0).abs() < 1e-9);
        }
    }

    #[test]
    fn a_coarser_area_is_the_union_of_its_finer_ones() {
        let division = Division::generate(11, BOUNDS, &[5, 20, 90], 0.1);
        for pair in division.levels.windows(2) {
            for (place, part) in pair[0].iter().enumerate() {
                let children: Vec<Part> = pair[1].iter().filter(|child| child.parent == Some(place)).cloned().collect();
                assert!((total_m2(&children) / part.shape.area_m2() - 1.0).abs() < 1e-9);
                let inside = |child: &Part| {
                    child.shape.rings().flatten().all(|&[x, y]| part.shape.covers(crate::Position::new(x, y).unwrap()))
                };
                assert!(children.iter().all(inside));
            }
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_division_and_another_seed_another() {
        let first = Division::generate(3, BOUNDS, &[4, 30], 0.05);
        let again = Division::generate(3, BOUNDS, &[4, 30], 0.05);
        let other = Division::generate(4, BOUNDS, &[4, 30], 0.05);
        let shapes =
            |division: &Division| division.levels[1].iter().map(|part| part.shape.to_bytes()).collect::<Vec<_>>();
        assert_eq!(shapes(&first), shapes(&again));
        assert_ne!(shapes(&first), shapes(&other));
    }

    #[test]
    fn no_street_crosses_another_so_every_boundary_is_simple() {
        use crate::contact::{Meeting, Search, search};
        use std::ops::ControlFlow;
        for seed in 0..10 {
            let division = Division::generate(seed, BOUNDS, &[6, 30, 200], 0.1);
            for part in division.levels.iter().flatten() {
                let outcome = search(&part.shape, |contact| match contact.meeting {
                    Meeting::Touch => ControlFlow::Continue(()),
                    _ => ControlFlow::Break(()),
                });
                assert_eq!(outcome, Search::Complete, "seed {seed}");
            }
        }
    }

    #[test]
    fn a_tessellation_fills_its_box() {
        let shapes = tessellate(1, 500, BOUNDS, 0.1);
        assert_eq!(shapes.len(), 500);
        let total: f64 = shapes.iter().map(Shape::area_m2).sum();
        let [[west, south], [east, north]] = [BOUNDS.low, BOUNDS.high];
        let whole = Shape::from_rings(vec![vec![[west, south], [east, south], [east, north], [west, north]]]);
        assert!((total / whole.area_m2() - 1.0).abs() < 1e-9);
    }

    #[test]
    fn sites_lie_inside_one_area_of_the_first_level_and_cut_the_last() {
        let division = Division::generate(9, BOUNDS, &[20, 80, 352], 0.08);
        let sites = division.sites(9, 6);
        assert_eq!(sites.len(), 6);
        for site in &sites {
            let vertices = || site.shape.rings().flatten().map(|&[x, y]| crate::Position::new(x, y).unwrap());
            assert!(vertices().all(|vertex| division.levels[0][site.parent].shape.covers(vertex)));
            let cut =
                division.levels[2].iter().filter(|part| vertices().any(|vertex| part.shape.covers(vertex))).count();
            assert!(cut >= 2);
        }
    }
}
