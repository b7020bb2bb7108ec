//! Noisy addresses are matched to the places they were made from; those that mean nothing here are not guessed at.

use std::time::Instant;

use buildings::model::address::{Answer, Confidence, Question};
use fastrand::Rng;

use super::noise;
use super::town::Town;

fn ask(town: &Town, text: &str) -> Answer {
    let visible = |_: &base::AreaPath| true;
    town.gazetteer.find(&Question { text, visible: &visible, confidence: Confidence::default(), limit: 5 })
}

/// How the matcher did on a set of written addresses.
#[derive(Default, Debug)]
struct Tally {
    /// Addresses that mean something, and of them: the first candidate is right, it is right and confident.
    meant: usize,
    right: usize,
    right_and_confident: usize,
    /// Of all addresses: the first candidate is confident and wrong.
    wrong_and_confident: usize,
    all: usize,
}

fn tally(town: &Town, seed: u64, count: usize) -> Tally {
    let mut rng = Rng::with_seed(seed);
    let mut tally = Tally::default();
    for _ in 0..count {
        let noisy = noise::next(town, &mut rng);
        let answer = ask(town, &noisy.text);
        let first = answer.candidates.first();
        let right = first.is_some_and(|first| noisy.right.contains(&first.id));
        let confident = first.is_some_and(|first| first.confident);
        tally.all += 1;
        tally.meant += usize::from(!noisy.right.is_empty());
        tally.right += usize::from(right);
        tally.right_and_confident += usize::from(right && confident);
        tally.wrong_and_confident += usize::from(!right && confident);
        let missed = !right && (confident || !noisy.right.is_empty());
        if missed && std::env::var_os("WANGGE_SHOW").is_some() {
            println!("{} {} → {}", if confident { "SURE" } else { "miss" }, noisy.text, answer.address);
            for candidate in answer.candidates.iter().take(2) {
                println!("      {:?} {:.2} {:?}", candidate.kind, candidate.score, candidate.evidence);
            }
        }
    }
    tally
}

#[test]
fn the_first_candidate_is_right_and_confidence_is_rarely_wrong() {
    for seed in [1, 2, 3] {
        let town = Town::new(seed, 160);
        let tally = tally(&town, seed + 100, 4_000);
        let right = tally.right as f64 / tally.meant as f64;
        let sure = tally.right_and_confident as f64 / tally.meant as f64;
        let wrong = tally.wrong_and_confident as f64 / tally.all as f64;
        println!(
            "seed {seed}: {} places; right {:.2} %, right and confident {:.2} %, wrong but confident {:.2} %",
            town.gazetteer.len(),
            100.0 * right,
            100.0 * sure,
            100.0 * wrong
        );
        assert!(right >= 0.95, "{tally:?}");
        assert!(wrong < 0.005, "{tally:?}");
        assert!(sure >= 0.75, "a matcher that is never sure is of no use: {tally:?}");
    }
}

#[test]
fn a_match_takes_far_less_than_twenty_milliseconds() {
    let town = Town::new(9, 800);
    let mut rng = Rng::with_seed(7);
    let mut micros: Vec<u128> = (0..2_000)
        .map(|_| {
            let noisy = noise::next(&town, &mut rng);
            let begun = Instant::now();
            ask(&town, &noisy.text);
            begun.elapsed().as_micros()
        })
        .collect();
    micros.sort_unstable();
    println!("{} places: p50 {} µs, p99 {} µs", town.gazetteer.len(), micros[1_000], micros[1_980]);
    // The median, because on a machine shared with compilers the slowest ones measure the scheduler.
    assert!(town.gazetteer.len() > 380_000 && micros[1_000] < 5_000);
}
