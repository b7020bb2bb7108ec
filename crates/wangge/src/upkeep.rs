//! What a running server does for itself: snapshots in the stores' own directories, so that journals do not grow for ever.
//!
//! A snapshot lets the journal files go that it covers and that are older than what watchers may still ask for, and a
//! damaged index is built from it. It is no backup: it lies on the same disk (`wangge backup` writes one).

use std::collections::HashMap;
use std::time::Duration;

use store::Sequence;
use tokio::task::JoinHandle;

use crate::stores::{Stores, blocking};

/// Takes a snapshot of every store that changed, again and again with a pause before each round. The task ends when it is
/// aborted; a snapshot that is then half written is never used.
pub(crate) fn start(stores: Stores, pause: Duration) -> JoinHandle<()> {
    tokio::spawn(run(stores, pause))
}

async fn run(stores: Stores, pause: Duration) {
    let mut covered: HashMap<&'static str, Sequence> = HashMap::new();
    loop {
        tokio::time::sleep(pause).await;
        for (name, store) in stores.iter() {
            let head = store.head();
            if covered.get(name) == Some(&head) {
                continue;
            }
            let store = store.clone();
            match blocking(move || store.snapshot_in_directory(&mut |_| ())).await {
                Ok(summary) => {
                    covered.insert(name, head);
                    tracing::info!(store = name, sequence = summary.sequence, bytes = summary.bytes, "took a snapshot");
                }
                // The journal holds everything meanwhile; the next round tries again.
                Err(error) => tracing::error!(store = name, ?error, "a snapshot could not be taken"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::path::Path;
    use std::sync::Arc;
    use std::time::{Instant, SystemTime};

    use base::{Clock, SystemClock};

    use super::*;
    use crate::config::Config;

    /// The finished snapshots of a store, with the times they were written.
    fn snapshots(data: &Path, service: &str) -> Vec<(OsString, SystemTime)> {
        let Ok(entries) = std::fs::read_dir(data.join(service).join("snapshots")) else { return Vec::new() };
        let entries = entries.map(|entry| entry.unwrap());
        let finished = entries.filter(|entry| entry.path().extension().is_some_and(|kind| kind == "snapshot"));
        finished.map(|entry| (entry.file_name(), entry.metadata().unwrap().modified().unwrap())).collect()
    }

    #[tokio::test]
    async fn stores_that_changed_are_covered_and_others_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let config = Config { data: folder.path().to_owned(), ..Default::default() };
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let stores = Stores::open(&config, &clock).unwrap();
        staff::bootstrap(stores.get("staff").unwrap(), &SystemClock).await.unwrap();
        let round = Duration::from_millis(20);
        let upkeep = start(stores.clone(), round);
        let begun = Instant::now();
        while ["grids", "staff", "events"].iter().any(|service| snapshots(folder.path(), service).is_empty()) {
            assert!(begun.elapsed() < Duration::from_secs(20), "no snapshot was taken");
            tokio::time::sleep(round).await;
        }
        let first = snapshots(folder.path(), "staff");
        tokio::time::sleep(round * 20).await;
        assert_eq!(snapshots(folder.path(), "staff"), first, "nothing changed, so nothing is covered again");
        upkeep.abort();
        stores.close().await.unwrap();
    }
}
