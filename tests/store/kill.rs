//! A server that is killed at random moments, again and again, while sixteen writers write.
//!
//! After every kill: each acknowledged write is there with its state, nothing is half applied, counts equal lists, the
//! replayed feed equals the state, a scrub finds nothing, and every request has had exactly one effect.

use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use api::events::v1::EventFilter;
use api::staff::v1::WhoAmIRequest;
use fastrand::Rng;
use tests::{Caller, Land, Watch, done, list_all};

use crate::ledger::{Ledger, scrub};
use crate::product::{Served, command};
use crate::writers::Writer;

const WRITERS: usize = 16;

/// A number from the environment.
fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}

async fn administrator(server: &Served) -> Caller {
    let mut caller = server.administrator().await;
    // A dispatch names its handler, so the caller has to know who it is.
    caller.name = done(caller.staff().who_am_i(WhoAmIRequest {}).await).name;
    caller
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_killed_at_random_moments_keeps_every_acknowledged_write() {
    let (kills, seed) = (number("WANGGE_KILLS", 50), number("WANGGE_SEED", 20_260_922));
    println!(
        "to repeat: WANGGE_SEED={seed} WANGGE_KILLS={kills} cargo test -p tests --test store -- --nocapture \
         a_server_killed_at_random_moments"
    );
    let mut random = Rng::with_seed(seed);
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut writers: Vec<Writer> = (0..WRITERS).map(|_| Writer::default()).collect();
    let mut server = Served::start(&data);
    let caller = administrator(&server).await;
    Land::install(&caller, &Land::squares()).await;
    let (_, beginning) = list_all(&caller, &EventFilter::default(), 0).await;
    let (mut cursor, mut replayed) = (beginning.clone(), Vec::new());
    let began = Instant::now();
    for kill in 1..=kills {
        let caller = administrator(&server).await;
        let lasting = Duration::from_millis(random.u64(20..700));
        writers = write_until_killed(writers, &caller, server, &mut random, lasting).await;
        // Now and then the next start is killed too, wherever it is by then.
        if random.u8(..4) == 0 {
            kill_a_start(&data, Duration::from_millis(random.u64(0..250)));
        }
        server = Served::start(&data);
        let caller = administrator(&server).await;
        let mut ledger = Ledger::default();
        let mut touched = Vec::new();
        for writer in &mut writers {
            writer.settle(&caller).await;
            assert!(writer.repeat(&caller).await, "the last answer is remembered over the kill");
            touched.append(&mut writer.touched);
            ledger.merge(writer.ledger.clone());
        }
        touched.sort();
        touched.dedup();
        ledger.check(&caller, &touched).await;
        let mut watch = Watch::begin(&caller, &EventFilter::default(), &cursor, replayed).await;
        ledger.check_watch(&mut watch).await;
        (cursor, replayed) = (watch.cursor.clone(), watch.state.into_values().collect());
        if kill % 10 == 0 || kill == kills {
            scrub(&caller).await;
            println!("{kill} kills, {} events, {:.0} s", ledger.events.len(), began.elapsed().as_secs_f64());
        }
    }
    let caller = administrator(&server).await;
    let mut ledger = Ledger::default();
    writers.into_iter().for_each(|writer| ledger.merge(writer.ledger));
    let mut watch = Watch::begin(&caller, &EventFilter::default(), &beginning, Vec::new()).await;
    ledger.check_watch(&mut watch).await;
    assert!(ledger.events.len() as u64 > kills, "there were writes to lose: {} events", ledger.events.len());
    server.stop();
}

/// Lets all writers write, and kills the server under them.
async fn write_until_killed(
    writers: Vec<Writer>,
    caller: &Caller,
    server: Served,
    random: &mut Rng,
    lasting: Duration,
) -> Vec<Writer> {
    let stop = Arc::new(AtomicBool::new(false));
    let tasks: Vec<_> = writers
        .into_iter()
        .map(|mut writer| {
            let (caller, random, stop) = (caller.clone(), random.fork(), stop.clone());
            tokio::spawn(async move {
                writer.write(&caller, random, stop).await;
                writer
            })
        })
        .collect();
    tokio::time::sleep(lasting).await;
    tokio::task::spawn_blocking(|| server.kill()).await.expect("a kill does not panic");
    stop.store(true, Ordering::Relaxed);
    let mut writers = Vec::new();
    for task in tasks {
        writers.push(task.await.expect("no writer was refused"));
    }
    writers
}

/// Starts a server and kills it after a while, whether or not it is ready.
fn kill_a_start(data: &Path, after: Duration) {
    let data = data.display().to_string();
    let mut child = command(&[], &["serve", "--data", &data, "--listen", "127.0.0.1:0"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the product starts");
    std::thread::sleep(after);
    child.kill().expect("a child can be killed");
    child.wait().expect("a killed child ends");
}
