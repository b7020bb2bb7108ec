//! A real process that writes, killed at random moments, on the real disk.
//!
//! The test runs its own binary again as the child. `WANGGE_KILLS=1000` kills more often than the default.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use store::{EngineKind, Options, Store};

use crate::ledger::{self, LEDGER};

const DIRECTORY: &str = "WANGGE_TEST_DIRECTORY";
const ENGINE: &str = "WANGGE_TEST_ENGINE";
const STARTS: &str = "WANGGE_TEST_STARTS";
const WRITERS: u64 = 16;

fn options(directory: &Path, engine: EngineKind) -> Options {
    Options {
        cache_bytes: 32 << 20,
        segment_bytes: 4 << 20,
        memtable_bytes: 1 << 20,
        flush_after: Duration::from_millis(100),
        ..Options::at(directory).engine(engine)
    }
}

/// Not a test of its own: what the killed process does.
#[test]
fn the_child_writes_until_it_is_killed() {
    let (Ok(directory), Ok(engine), Ok(starts)) =
        (std::env::var(DIRECTORY), std::env::var(ENGINE), std::env::var(STARTS))
    else {
        return;
    };
    let store = Store::open("cases", LEDGER, options(Path::new(&directory), engine.parse().unwrap())).unwrap();
    let starts: Vec<u64> = starts.split(',').map(|start| start.parse().unwrap()).collect();
    std::thread::scope(|scope| {
        for (writer, start) in (0..).zip(starts) {
            let store = &store;
            scope.spawn(move || {
                for number in start.. {
                    ledger::make(store, writer, number).unwrap();
                    // One write call for the line: lines of different threads stay whole.
                    std::io::stdout().lock().write_all(format!("ack {writer} {number}\n").as_bytes()).unwrap();
                }
            });
        }
    });
}

fn run_and_kill(directory: &Path, engine: EngineKind, after: Duration, acknowledged: &mut BTreeMap<u64, u64>) {
    let starts: Vec<String> = acknowledged.values().map(u64::to_string).collect();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "kill::the_child_writes_until_it_is_killed", "--nocapture"])
        .env(DIRECTORY, directory)
        .env(ENGINE, engine.to_string())
        .env(STARTS, starts.join(","))
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    let reading = std::thread::spawn(move || {
        let lines = output.lines().map_while(Result::ok);
        let acks = lines.filter_map(|line| {
            // libtest prints its own words, without a line's end, before the first one.
            let (_, ack) = line.split_once("ack ")?;
            let (writer, number) = ack.split_once(' ')?;
            Some((writer.parse().ok()?, number.parse().ok()?))
        });
        acks.collect::<Vec<(u64, u64)>>()
    });
    std::thread::sleep(after);
    child.kill().unwrap();
    child.wait().unwrap();
    for (writer, number) in reading.join().unwrap() {
        let count = acknowledged.get_mut(&writer).unwrap();
        *count = (*count).max(number + 1);
    }
}

fn survive_kills(engine: EngineKind, kills: u32) {
    let directory = tempfile::tempdir().unwrap();
    let mut random = fastrand::Rng::new();
    let mut acknowledged: BTreeMap<u64, u64> = (0..WRITERS).map(|writer| (writer, 0)).collect();
    let began = Instant::now();
    for kill in 0..kills {
        let after = Duration::from_millis(random.u64(20..500));
        run_and_kill(directory.path(), engine, after, &mut acknowledged);
        // A full check now and then, because it reads everything; opening alone already finds what is refused.
        let store = Store::open("cases", LEDGER, options(directory.path(), engine)).unwrap();
        if kill % 10 == 9 || kill + 1 == kills {
            ledger::check(&store, &acknowledged);
        }
    }
    let total: u64 = acknowledged.values().sum();
    println!("{engine}: {kills} kills, {total} acknowledged, {:?}", began.elapsed());
    assert!(total > 0, "the child never wrote anything");
}

fn kills(default: u32) -> u32 {
    std::env::var("WANGGE_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(default)
}

#[test]
fn nothing_acknowledged_is_lost_when_a_process_on_sled_is_killed() {
    survive_kills(EngineKind::Sled, kills(50));
}

#[test]
fn nothing_acknowledged_is_lost_when_a_process_on_fjall_is_killed() {
    survive_kills(EngineKind::Fjall, kills(50).div_ceil(5));
}
