//! Load from outside: a server in a child process, this process as its callers, figures as ratios in one run.
//!
//! ```text
//! cargo build --release -p wangge && cargo run --release -p tests --bin load -- locate
//! ```
//! What is measured and how is said by each scenario; results with commit and command are kept in
//! `tests/benches/RESULTS.md`. Traffic goes to 127.0.0.1 only and every loop is bounded.

mod drive;
mod echo;
mod events;
mod locate;
mod persons;
mod server;

use std::path::PathBuf;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(about = "Measure a Wangge server from outside")]
struct Arguments {
    /// The binary to measure; default: `wangge` beside this program.
    #[arg(long)]
    wangge: Option<PathBuf>,
    /// The engine of the server's stores.
    #[arg(long, default_value = "sled")]
    engine: String,
    #[command(subcommand)]
    scenario: Scenario,
}

#[derive(Subcommand)]
enum Scenario {
    /// Unary Locate against an empty echo and one that carries the same, alternating; then points per second of
    /// LocateMany.
    Locate {
        /// Rounds of each.
        #[arg(long, default_value_t = 5)]
        rounds: usize,
        /// Seconds of one round.
        #[arg(long, default_value_t = 4)]
        seconds: u64,
    },
    /// Durable reports from 64 callers; every acknowledged one is looked for afterwards.
    Reports {
        /// Seconds of reporting.
        #[arg(long, default_value_t = 20)]
        seconds: u64,
    },
    /// Whole lives (report, accept, dispatch, start, resolve, verify, close, read) on an empty store, then the same
    /// with many events in it.
    Lives {
        /// Seconds of each measurement.
        #[arg(long, default_value_t = 20)]
        seconds: u64,
        /// Events in the store for the second measurement.
        #[arg(long, default_value_t = 1_000_000)]
        events: usize,
    },
    /// A delivery of persons, the same again, a delta of 1,000; then how long a desk waits for its questions.
    Persons {
        /// Persons in the register.
        #[arg(long, default_value_t = 169_000)]
        count: usize,
    },
    /// The echoes that Locate is compared with; started by `locate` itself.
    #[command(hide = true)]
    EchoServer,
}

fn main() {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime starts");
    runtime.block_on(async {
        let start = || server::Server::start(arguments.wangge.clone(), &arguments.engine);
        match arguments.scenario {
            Scenario::EchoServer => echo::serve().await,
            Scenario::Locate { rounds, seconds } => locate::measure(&start(), rounds, seconds).await,
            Scenario::Reports { seconds } => events::measure_reports(&start(), seconds).await,
            Scenario::Persons { count } => persons::measure(&start(), count).await,
            Scenario::Lives { seconds, events } => events::measure_lives(&start(), seconds, events).await,
        }
    });
}
