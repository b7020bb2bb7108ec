//! Seeded random days: people report, walk, move, stand in and redraw borders, over links that lose requests and
//! replies, on a server that is restarted in between, against a simple model of what should come of it.
//!
//! After each step the answer must be what the model says, and a sample of what everybody sees must agree with it; at
//! the end everything must: lists, counts, the replayed feed, and a scrub. Every request has one effect, however often
//! it was sent. A failure prints the seed and the command to replay it.

// What helps a test may panic like a test.
#![allow(clippy::unwrap_used)]

mod checks;
mod model;
mod unsteady;
mod world;

use std::panic::AssertUnwindSafe;
use std::time::Instant;

use futures_util::FutureExt;
use world::World;

/// Commands of one day.
const STEPS: usize = 150;

/// A number from the environment.
fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}

#[tokio::test]
async fn a_random_day_is_what_the_model_says() {
    let seeds: Vec<u64> = match number("WANGGE_SEED") {
        Some(seed) => vec![seed],
        None => (1..=number("WANGGE_SEEDS").unwrap_or(10)).collect(),
    };
    let began = Instant::now();
    for seed in seeds {
        let mut world = World::found(seed).await;
        let day = async {
            for step in 0..STEPS {
                world.step(step).await;
            }
            world.end().await;
        };
        if AssertUnwindSafe(day).catch_unwind().await.is_err() {
            println!("the last commands:\n  {}", world.story().join("\n  "));
            panic!("seed {seed}; to replay: WANGGE_SEED={seed} cargo test -p tests --test simulation -- --nocapture");
        }
        println!("seed {seed}: {}, {:.1} s", world.summary(), began.elapsed().as_secs_f64());
    }
}
