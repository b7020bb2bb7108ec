//! Validates a generated tessellation of Chengdu's size and says how long it took.
//!
//! `cargo run --release -p geometry --example validate_large [AREAS]`

use std::time::Instant;

use geometry::{Area, Bounds, Tolerances, tessellate, validate};

fn main() {
    let count = std::env::args().nth(1).and_then(|count| count.parse().ok()).unwrap_or(126_449);
    let bounds = Bounds { low: [103.0, 30.1], high: [104.9, 31.4] };
    let shapes = (0..).zip(tessellate(2026, count, bounds, 0.1));
    let areas: Vec<Area> =
        shapes.map(|(id, shape)| Area { id, code: format!("{id:09}"), rank: 1, parent: None, shape }).collect();
    let started = Instant::now();
    let findings = validate(&areas, &Tolerances::default());
    println!("{count} areas validated in {:.1} s: {} findings", started.elapsed().as_secs_f64(), findings.len());
    for finding in findings.iter().take(10) {
        println!("  {:?} {:?}: {}", finding.severity, finding.kind, finding.detail);
    }
}
