//! Seeded chance: the same seed gives the same choices in every run.
//!
//! Each subject draws from a stream of its own, so that one more draw for the names does not move the borders.
//! Not here: what is drawn.

use fastrand::Rng;

/// A stream of choices.
pub(crate) struct Chance(Rng);

impl Chance {
    /// The stream of a subject under a seed.
    pub(crate) fn new(seed: u64, subject: &str) -> Self {
        // FNV-1a over the subject, so that streams of different subjects have nothing to do with each other.
        let hash = subject
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
        Self(Rng::with_seed(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ hash))
    }

    /// A whole number from `low` to `high`, both included.
    pub(crate) fn between(&mut self, low: u32, high: u32) -> u32 {
        self.0.u32(low..=high)
    }

    /// A number from `low` to below `high`.
    pub(crate) fn span(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.0.f64()
    }

    /// True so many times out of a hundred.
    pub(crate) fn percent(&mut self, percent: f64) -> bool {
        self.0.f64() * 100.0 < percent
    }

    /// One of the choices, all alike.
    ///
    /// # Panics
    /// When there is nothing to choose from.
    pub(crate) fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.0.usize(..choices.len())]
    }

    /// The index of a choice, each as likely as its weight.
    pub(crate) fn weighted(&mut self, weights: impl Iterator<Item = u32> + Clone) -> usize {
        let total: u32 = weights.clone().sum();
        let mut rest = self.0.u32(..total.max(1));
        for (index, weight) in weights.enumerate() {
            match rest.checked_sub(weight) {
                Some(left) => rest = left,
                None => return index,
            }
        }
        0
    }

    /// How long something took when people usually take `median`: half take less, few take several times as long.
    pub(crate) fn lasting(&mut self, median: f64, spread: f64) -> f64 {
        // The sum of twelve even draws is as good as normal (Irwin-Hall).
        let normal = (0..12).map(|_| self.0.f64()).sum::<f64>() - 6.0;
        median * (normal * spread).exp()
    }

    /// Puts a list into a random order.
    pub(crate) fn shuffle<T>(&mut self, list: &mut [T]) {
        self.0.shuffle(list);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_and_subject_draw_the_same() {
        let draw = |seed, subject| {
            let mut chance = Chance::new(seed, subject);
            (0..8).map(|_| chance.between(0, 1_000_000)).collect::<Vec<_>>()
        };
        assert_eq!(draw(7, "names"), draw(7, "names"));
        assert_ne!(draw(7, "names"), draw(8, "names"));
        assert_ne!(draw(7, "names"), draw(7, "borders"));
    }

    #[test]
    fn a_choice_without_weight_is_never_taken() {
        let mut chance = Chance::new(1, "weights");
        let taken: Vec<usize> = (0..200).map(|_| chance.weighted([0, 3, 0, 1].into_iter())).collect();
        assert!(taken.contains(&1) && taken.contains(&3));
        assert!(!taken.contains(&0) && !taken.contains(&2));
    }

    #[test]
    fn half_of_all_durations_are_shorter_than_the_median() {
        let mut chance = Chance::new(1, "durations");
        let shorter = (0..1_000).filter(|_| chance.lasting(30.0, 0.6) < 30.0).count();
        assert!((420..580).contains(&shorter), "{shorter}");
    }
}
