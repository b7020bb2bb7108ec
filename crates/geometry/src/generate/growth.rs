//! Groups of blocks: a connected set of blocks is divided into connected parts that grow from spread seeds.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::streets::{Heading, Streets};

/// Neighbouring blocks looked at when a part grows; more make rounder parts.
const TRIES: usize = 4;
/// Marks a block that is not in the set at hand.
const NOT_HERE: u32 = u32::MAX;
/// Marks a block that no part has taken.
const FREE: u32 = u32::MAX - 1;

/// Shares `count` parts among sets in proportion to their sizes: at least one each, and no more than a set has blocks.
pub(super) fn allot(count: usize, sizes: &[usize]) -> Vec<usize> {
    let total: usize = sizes.iter().sum();
    let mut shares: Vec<usize> =
        sizes.iter().map(|size| (count * size / total.max(1)).clamp(1, (*size).max(1))).collect();
    let mut given: usize = shares.iter().sum();
    // What rounding left over goes, one by one, to the set with the most blocks per part; what it gave too much is taken
    // from the set with the fewest.
    while given < count.min(total) {
        let fullest = (0..sizes.len()).filter(|&i| shares[i] < sizes[i]).max_by_key(|&i| sizes[i] * 1_000 / shares[i]);
        let Some(place) = fullest else { break };
        shares[place] += 1;
        given += 1;
    }
    while given > count {
        let emptiest = (0..sizes.len()).filter(|&i| shares[i] > 1).min_by_key(|&i| sizes[i] * 1_000 / shares[i]);
        let Some(place) = emptiest else { break };
        shares[place] -= 1;
        given -= 1;
    }
    shares
}

/// Divides a connected set of blocks into `count` connected parts of similar size, at most one per block.
pub(super) fn divide(streets: &Streets, blocks: &[usize], count: usize, random: &mut fastrand::Rng) -> Vec<Vec<usize>> {
    let count = count.clamp(1, blocks.len().max(1));
    let mut owner = vec![NOT_HERE; streets.block_count()];
    blocks.iter().for_each(|block| owner[*block] = FREE);
    let mut parts: Vec<Part> = seeds(streets, blocks, count)
        .into_iter()
        .map(|seed| Part { blocks: Vec::new(), reach: vec![seed], appetite: 0.6 + 0.8 * random.f64() })
        .collect();
    // Every seed is taken before anyone grows, else a neighbour could take it first.
    for (number, part) in (0_u32..).zip(&mut parts) {
        let seed = part.reach.pop().unwrap_or_default();
        part.take(streets, &mut owner, number, seed);
    }
    // The hungriest part grows next. A part without a free neighbour never gets one again.
    let mut queue: BinaryHeap<Reverse<(u64, usize)>> = (0..count).map(|number| Reverse((0, number))).collect();
    while let Some(Reverse((_, number))) = queue.pop() {
        let part = &mut parts[number];
        let label = u32::try_from(number).unwrap_or(NOT_HERE);
        if let Some(block) = part.choose(streets, &owner, label, random) {
            part.take(streets, &mut owner, label, block);
            queue.push(Reverse((part.fullness(), number)));
        }
    }
    parts.into_iter().map(|part| part.blocks).collect()
}

/// A growing part.
struct Part {
    blocks: Vec<usize>,
    /// Blocks next to the part that were free when it came to them.
    reach: Vec<usize>,
    appetite: f64,
}

impl Part {
    /// A free neighbouring block, rather one that touches the part on several sides.
    fn choose(&mut self, streets: &Streets, owner: &[u32], label: u32, random: &mut fastrand::Rng) -> Option<usize> {
        let mut best: Option<(usize, usize)> = None;
        let mut tries = 0;
        while tries < TRIES && !self.reach.is_empty() {
            let place = random.usize(..self.reach.len());
            let block = self.reach[place];
            if owner[block] != FREE {
                self.reach.swap_remove(place);
                continue;
            }
            let own = |heading: &Heading| streets.neighbour(block, *heading).is_some_and(|next| owner[next] == label);
            let touching = Heading::ALL.iter().filter(|heading| own(heading)).count();
            if best.is_none_or(|(most, _)| touching > most) {
                best = Some((touching, block));
            }
            tries += 1;
        }
        best.map(|(_, block)| block)
    }

    fn take(&mut self, streets: &Streets, owner: &mut [u32], label: u32, block: usize) {
        owner[block] = label;
        self.blocks.push(block);
        let next = Heading::ALL.into_iter().filter_map(|heading| streets.neighbour(block, heading));
        self.reach.extend(next.filter(|next| owner[*next] == FREE));
    }

    /// How much of its appetite is stilled; whole numbers, so that every machine orders alike.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    fn fullness(&self) -> u64 {
        (self.blocks.len() as f64 / self.appetite * 1024.0) as u64
    }
}

/// Blocks that lie far from each other: the middles of equal stretches of a curve that stays local.
fn seeds(streets: &Streets, blocks: &[usize], count: usize) -> Vec<usize> {
    let mut ordered = blocks.to_vec();
    ordered.sort_unstable_by_key(|block| {
        let (column, row) = streets.place(*block);
        interleaved(column as u64) | interleaved(row as u64) << 1
    });
    (0..count).map(|part| ordered[(2 * part + 1) * ordered.len() / (2 * count)]).collect()
}

/// The bits of a number with a zero between each two (Morton order).
fn interleaved(number: u64) -> u64 {
    (0..32).fold(0, |spread, bit| spread | (number >> bit & 1) << (2 * bit))
}
