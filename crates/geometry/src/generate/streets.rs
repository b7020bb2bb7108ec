//! The streets: a net of long bent lines with blocks between them, and the exact course of each stretch.
//!
//! The net is a lattice of columns and rows whose lines are spaced unevenly, bent together by smooth waves, and shaken a
//! little at each crossing. Between two crossings a street wanders by midpoint displacement; its course depends only on
//! the seed and the two crossings, so whoever asks gets the same vertices.

use crate::exact::Point;
use crate::{Bounds, Shape};

/// Vertices of a stretch between two crossings, without the crossings.
const BENDS: usize = 3;
/// Coordinates are rounded to this many parts of a degree (about a centimetre), as maps write them.
const ROUNDING: f64 = 1e7;

/// A direction along the lattice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heading {
    East,
    North,
    West,
    South,
}

impl Heading {
    pub(super) const ALL: [Self; 4] = [Self::East, Self::North, Self::West, Self::South];

    /// The heading after quarter turns to the left.
    pub(super) fn turned_left(self, quarters: usize) -> Self {
        Self::ALL[(self as usize + quarters) % 4]
    }
}

pub(super) struct Streets {
    seed: u64,
    columns: usize,
    rows: usize,
    /// The crossings, row by row from the south-west: one more per row and column than blocks.
    crossings: Vec<Point>,
    wiggle: f64,
    /// Whether the outermost streets run straight, so that the net fills its bounds.
    straight_rim: bool,
}

impl Streets {
    /// A net of at least `blocks` blocks that fills `bounds`.
    pub(super) fn filling(seed: u64, bounds: Bounds, blocks: usize, wiggle: f64) -> Self {
        let mut net = Self::lattice(seed, bounds, blocks, wiggle);
        net.straight_rim = true;
        net.fit(bounds);
        net
    }

    /// A net of at least `blocks` blocks with a bent outline that touches all sides of `bounds`.
    pub(super) fn bent(seed: u64, bounds: Bounds, blocks: usize, wiggle: f64) -> Self {
        let mut net = Self::lattice(seed, bounds, blocks, wiggle);
        let mut random = fastrand::Rng::with_seed(seed ^ 0x0b3d);
        // Shears bend everything, the outline too, and can never fold the net.
        let (first, second, third) = (wave(&mut random, 0.03), wave(&mut random, 0.03), wave(&mut random, 0.006));
        for point in &mut net.crossings {
            point[0] += first(point[1]);
            point[1] += second(point[0]);
            point[0] += third(point[1] * 2.0);
        }
        net.fit(bounds);
        net
    }

    /// The net in the unit square, bent inside, straight at its rim.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    fn lattice(seed: u64, bounds: Bounds, blocks: usize, wiggle: f64) -> Self {
        // Blocks should be about square in metres.
        let width = (bounds.high[0] - bounds.low[0]) * ((bounds.low[1] + bounds.high[1]) / 2.0).to_radians().cos();
        let ratio = (width / (bounds.high[1] - bounds.low[1])).clamp(0.01, 100.0);
        let columns = ((blocks as f64 * ratio).sqrt().round() as usize).max(2);
        let rows = blocks.div_ceil(columns).max(2);
        let mut random = fastrand::Rng::with_seed(seed ^ 0x57ee7);
        let (xs, ys) = (spacing(&mut random, columns), spacing(&mut random, rows));
        let (east, north) = (wave(&mut random, 0.02), wave(&mut random, 0.02));
        let shake = [0.12 / columns as f64, 0.12 / rows as f64];
        let mut crossings = Vec::with_capacity((columns + 1) * (rows + 1));
        for (row, &y) in ys.iter().enumerate() {
            for (column, &x) in xs.iter().enumerate() {
                let mut point = [x, y];
                if column > 0 && column < columns {
                    point[0] += east(y) * 4.0 * x * (1.0 - x) + shake[0] * (random.f64() * 2.0 - 1.0);
                }
                if row > 0 && row < rows {
                    point[1] += north(x) * 4.0 * y * (1.0 - y) + shake[1] * (random.f64() * 2.0 - 1.0);
                }
                crossings.push(point);
            }
        }
        Self { seed, columns, rows, crossings, wiggle: wiggle.clamp(0.0, 0.1), straight_rim: false }
    }

    /// Stretches the net to its bounds and rounds the crossings.
    fn fit(&mut self, bounds: Bounds) {
        let own = Bounds::of(&self.crossings);
        for point in &mut self.crossings {
            *point = [0, 1].map(|axis| {
                let share = (point[axis] - own.low[axis]) / (own.high[axis] - own.low[axis]);
                round(bounds.low[axis] + share * (bounds.high[axis] - bounds.low[axis]))
            });
        }
    }

    pub(super) fn block_count(&self) -> usize {
        self.columns * self.rows
    }

    /// The column and row of a block.
    pub(super) fn place(&self, block: usize) -> (usize, usize) {
        (block % self.columns, block / self.columns)
    }

    /// The block next to a block, if the net goes on there.
    pub(super) fn neighbour(&self, block: usize, heading: Heading) -> Option<usize> {
        let (column, row) = self.place(block);
        match heading {
            Heading::East => (column + 1 < self.columns).then(|| block + 1),
            Heading::North => (row + 1 < self.rows).then(|| block + self.columns),
            Heading::West => column.checked_sub(1).map(|_| block - 1),
            Heading::South => row.checked_sub(1).map(|_| block - self.columns),
        }
    }

    /// Every pair of blocks that share a street, each once.
    pub(super) fn neighbours(&self) -> impl Iterator<Item = (usize, usize)> {
        (0..self.block_count()).flat_map(move |block| {
            let onward = [Heading::East, Heading::North].into_iter();
            onward.filter_map(move |heading| self.neighbour(block, heading).map(|other| (block, other)))
        })
    }

    /// The crossing at the south-west corner of a block.
    pub(super) fn corner(&self, block: usize) -> usize {
        let (column, row) = self.place(block);
        row * (self.columns + 1) + column
    }

    /// How many crossings there are.
    pub(super) fn crossing_count(&self) -> usize {
        self.crossings.len()
    }

    /// The crossing after a stretch.
    pub(super) fn next_crossing(&self, crossing: usize, heading: Heading) -> usize {
        match heading {
            Heading::East => crossing + 1,
            Heading::North => crossing + self.columns + 1,
            Heading::West => crossing - 1,
            Heading::South => crossing - self.columns - 1,
        }
    }

    /// The blocks to the left and to the right of the stretch that leaves a crossing, if the net has any there.
    pub(super) fn sides(&self, crossing: usize, heading: Heading) -> [Option<usize>; 2] {
        let (column, row) = (crossing % (self.columns + 1), crossing / (self.columns + 1));
        // The four blocks around the crossing, named by their south-west corner.
        let block = |east: bool, north: bool| {
            let column = if east { Some(column) } else { column.checked_sub(1) }?;
            let row = if north { Some(row) } else { row.checked_sub(1) }?;
            (column < self.columns && row < self.rows).then(|| row * self.columns + column)
        };
        match heading {
            Heading::East => [block(true, true), block(true, false)],
            Heading::North => [block(false, true), block(true, true)],
            Heading::West => [block(false, false), block(false, true)],
            Heading::South => [block(true, false), block(false, false)],
        }
    }

    /// Appends the course of the stretch that leaves a crossing, without its last point.
    pub(super) fn course(&self, crossing: usize, heading: Heading, points: &mut Vec<Point>) {
        let next = self.next_crossing(crossing, heading);
        let (low, high) = (crossing.min(next), crossing.max(next));
        points.push(self.crossings[crossing]);
        let rim = self.sides(crossing, heading).contains(&None);
        if self.wiggle == 0.0 || (rim && self.straight_rim) {
            return;
        }
        let mut bends = self.bends(low, high);
        if crossing == high {
            bends.reverse();
        }
        points.extend(bends);
    }

    /// The bends between two crossings, by midpoint displacement.
    fn bends(&self, low: usize, high: usize) -> [Point; BENDS] {
        let (a, b) = (self.crossings[low], self.crossings[high]);
        let mut random = fastrand::Rng::with_seed(mix(self.seed, low as u64, high as u64));
        let mut bend = |a: Point, b: Point, share: f64| {
            let aside = (random.f64() * 2.0 - 1.0) * share;
            // Sideways in metres, near enough: degrees of longitude are shorter than those of latitude.
            let squeeze = a[1].to_radians().cos();
            let (x, y) = ((b[0] - a[0]) * squeeze, b[1] - a[1]);
            [(a[0] + b[0]) / 2.0 - aside * y / squeeze, (a[1] + b[1]) / 2.0 + aside * x]
        };
        let middle = bend(a, b, self.wiggle);
        let (before, after) = (bend(a, middle, self.wiggle / 2.0), bend(middle, b, self.wiggle / 2.0));
        [before, middle, after].map(|point| point.map(round))
    }

    /// A patch across the street between two neighbouring blocks, well inside both.
    pub(super) fn patch_between(&self, a: usize, b: usize, random: &mut fastrand::Rng) -> Shape {
        let beside = if b == a + 1 { Heading::East } else { Heading::North };
        let from = self.next_crossing(self.corner(a), beside);
        let to = self.next_crossing(from, if beside == Heading::East { Heading::North } else { Heading::East });
        let middle = [0, 1].map(|axis| (self.crossings[from][axis] + self.crossings[to][axis]) / 2.0);
        let squeeze = middle[1].to_radians().cos();
        let length = |one: usize, other: usize| {
            let (a, b) = (self.crossings[one], self.crossings[other]);
            ((b[0] - a[0]) * squeeze).hypot(b[1] - a[1])
        };
        // Three streets bound how far the patch may reach: the one it lies on, and those across both blocks.
        let back = self.next_crossing(from, beside.turned_left(2));
        let reach = length(from, to).min(length(from, back)).min(length(from, self.next_crossing(from, beside)));
        let ring = (0..10).map(|step| {
            let angle = f64::from(step) / 10.0 * std::f64::consts::TAU;
            let radius = reach * (0.2 + 0.1 * random.f64());
            [round(middle[0] + radius * angle.cos() / squeeze), round(middle[1] + radius * angle.sin())]
        });
        Shape::from_rings(vec![ring.collect()])
    }
}

/// Uneven positions of the lines from 0 to 1.
fn spacing(random: &mut fastrand::Rng, count: usize) -> Vec<f64> {
    let mut lines: Vec<f64> = (0..=count).map(|line| line as f64 / count as f64).collect();
    for line in &mut lines[1..count] {
        *line += (random.f64() - 0.5) * 0.4 / count as f64;
    }
    lines
}

/// A smooth random function of one number: three waves, each shorter and lower.
fn wave(random: &mut fastrand::Rng, height: f64) -> impl Fn(f64) -> f64 + use<> {
    let phases = [random.f64(), random.f64(), random.f64()];
    move |at| {
        let tones = phases.iter().zip([0.8, 1.9, 4.1]).zip([1.0, 0.4, 0.12]);
        height
            * tones
                .map(|((phase, turns), share)| share * ((at * turns + phase) * std::f64::consts::TAU).sin())
                .sum::<f64>()
    }
}

fn round(degrees: f64) -> f64 {
    (degrees * ROUNDING).round() / ROUNDING
}

/// One seed of several numbers (the finaliser of SplitMix64 between them).
fn mix(seed: u64, a: u64, b: u64) -> u64 {
    [a, b].into_iter().fold(seed, |state, number| {
        let mut mixed = (state ^ number).wrapping_add(0x9e37_79b9_7f4a_7c15);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    })
}
