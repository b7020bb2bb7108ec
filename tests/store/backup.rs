//! Backups of a running server, and what comes back from them.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use api::events::v1::{Event, EventFilter, GetEventRequest};
use api::grids::v1::LocateRequest;
use fastrand::Rng;
use tests::{Caller, WHOLE_LIFE, done, history, list_all, live, point, report_at};

use crate::ledger::scrub;
use crate::product::{Said, Served, install, run};
use crate::writers::Writer;

fn backup(server: &Served, data: &Path, out: &Path) -> Said {
    let token = data.join("admin.token");
    run(&["--server", &server.url, "--token-file", token.to_str().unwrap(), "backup", "--out", out.to_str().unwrap()])
}

fn restore(file: &Path, data: &Path) -> Said {
    run(&["restore", file.to_str().unwrap(), "--data", data.to_str().unwrap()])
}

/// Starts a server on a restored directory. The token file is in no backup, and tokens stay valid.
fn start_restored(data: &Path, original: &Path) -> Served {
    fs::copy(original.join("admin.token"), data.join("admin.token")).unwrap();
    Served::start(data)
}

async fn all(caller: &Caller) -> Vec<Event> {
    list_all(caller, &EventFilter::default(), 1_000).await.0
}

async fn started(folder: &Path) -> (PathBuf, Served, Caller) {
    let data = folder.join("data");
    let server = Served::start(&data);
    let caller = server.administrator().await;
    install(&caller).await;
    (data, server, caller)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_taken_under_load_comes_back_whole() {
    let folder = tempfile::tempdir().unwrap();
    let (data, server, caller) = started(folder.path()).await;
    let mut before = Vec::new();
    for taken in 0..=WHOLE_LIFE.len() {
        before.push(live(&caller, report_at(0.5, 0.5), &WHOLE_LIFE[..taken]).await);
    }
    let stop = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..8)
        .map(|number| {
            let (caller, stop) = (caller.clone(), stop.clone());
            tokio::spawn(async move {
                let mut writer = Writer::default();
                writer.write(&caller, Rng::with_seed(number), stop).await;
                writer.ledger
            })
        })
        .collect();
    let out = folder.path().join("backup.bak");
    let (path, directory) = (out.clone(), data.clone());
    let said = tokio::task::spawn_blocking(move || (backup(&server, &directory, &path), server)).await.unwrap();
    let (said, server) = said;
    stop.store(true, Ordering::Relaxed);
    assert!(said.succeeded, "{said:?}");
    let mut ledger = crate::ledger::Ledger::default();
    for writer in writers {
        ledger.merge(writer.await.unwrap());
    }
    let after = all(&caller).await;
    let located =
        done(caller.grids().locate(LocateRequest { point: point(0.5, 0.5), as_of: None, ..Default::default() }).await);
    drop(server);

    let restored = folder.path().join("restored");
    let said = restore(&out, &restored);
    assert!(said.succeeded, "{said:?}");
    let server = start_restored(&restored, &data);
    let caller = server.administrator().await;
    scrub(&caller).await;
    let again =
        done(caller.grids().locate(LocateRequest { point: point(0.5, 0.5), as_of: None, ..Default::default() }).await);
    assert_eq!(again, located, "the same boundaries give the same answer");
    for event in &before {
        let get = GetEventRequest { name: event.name.clone() };
        assert_eq!(done(caller.events().get_event(get).await), *event, "whatever was there before is in it");
    }
    // Of the rest the backup holds some moment: every event with a history as long as its version, none from after.
    let held = all(&caller).await;
    assert!(held.len() >= before.len() && held.len() <= after.len());
    for event in &held {
        let steps = history(&caller, &event.name).await;
        assert_eq!(format!("\"{}\"", steps.len()), event.etag, "{}: nothing half applied", event.name);
        let last = ledger.events.get(&event.name).map(|known| known.revision as usize);
        assert!(last.is_none_or(|last| steps.len() <= last), "{} is from the future", event.name);
    }
    live(&caller, report_at(0.5, 0.5), &WHOLE_LIFE).await;
    server.stop();
}

#[tokio::test]
async fn a_restored_server_answers_like_the_one_that_was_backed_up() {
    let folder = tempfile::tempdir().unwrap();
    let (data, server, caller) = started(folder.path()).await;
    for taken in 0..=WHOLE_LIFE.len() {
        live(&caller, report_at(0.5, 0.5), &WHOLE_LIFE[..taken]).await;
    }
    let events = all(&caller).await;
    let out = folder.path().join("backup.bak");
    let said = backup(&server, &data, &out);
    assert!(said.succeeded, "{said:?}");
    let again = backup(&server, &data, &out);
    assert!(!again.succeeded && again.words.contains("exists"), "a backup overwrites nothing: {again:?}");
    server.stop();
    let restored = folder.path().join("restored");
    assert!(restore(&out, &restored).succeeded);
    let into_used = restore(&out, &data);
    assert!(!into_used.succeeded, "a restore overwrites nothing: {into_used:?}");
    let verified = run(&["verify", "--data", restored.to_str().unwrap()]);
    assert!(verified.succeeded && verified.words.contains("nothing is wrong"), "{verified:?}");
    let server = start_restored(&restored, &data);
    assert_eq!(all(&server.administrator().await).await, events);
}

#[tokio::test]
async fn a_backup_that_is_not_whole_is_refused_and_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let (data, server, caller) = started(folder.path()).await;
    live(&caller, report_at(0.5, 0.5), &WHOLE_LIFE).await;
    let out = folder.path().join("backup.bak");
    assert!(backup(&server, &data, &out).succeeded);
    server.stop();
    let whole = fs::read(&out).unwrap();
    let broken = folder.path().join("broken.bak");
    let restored = folder.path().join("restored");
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 1;
    let mut longer = whole.clone();
    longer.extend(b"more");
    let cases = [
        ("cut in half", whole[..whole.len() / 2].to_vec()),
        ("without its last byte", whole[..whole.len() - 1].to_vec()),
        ("with a flipped byte", flipped),
        ("with more behind it", longer),
        ("empty", Vec::new()),
        ("something else", b"PK\x03\x04 this is no backup at all".to_vec()),
    ];
    for (what, bytes) in cases {
        fs::write(&broken, bytes).unwrap();
        let said = restore(&broken, &restored);
        assert!(!said.succeeded && said.words.contains("error:"), "{what}: {said:?}");
        let left = fs::read_dir(&restored).map_or(0, |entries| entries.flatten().count());
        assert_eq!(left, 0, "{what}: nothing is left behind that a server could take for data");
    }
    fs::write(&broken, whole).unwrap();
    assert!(restore(&broken, &restored).succeeded, "and the whole one is taken");
}
