//! What a backup file promises: it comes back as it was, and nothing that was changed in it is ever taken.

use base::{ManualClock, SystemClock};
use tokio::sync::watch;

use super::*;
use crate::compose::compose;
use crate::config::{Config, Engine, SERVICES, STAFF};

fn config(data: &Path) -> Config {
    let store = StoreConfig { engine: Engine::Memory, ..Default::default() };
    Config { data: data.to_owned(), store, ..Default::default() }
}

fn clock() -> Arc<dyn Clock> {
    Arc::new(SystemClock)
}

/// Opens a directory as a server would, adds the first administrator if there is none, and does something with it.
fn with_stores<T>(data: &Path, work: impl FnOnce(&Stores) -> T) -> T {
    let runtime = crate::commands::runtime(1).unwrap();
    runtime.block_on(async {
        let (_stopping, stop_seen) = watch::channel(false);
        let house = compose(&config(data), &clock(), stop_seen).unwrap();
        staff::bootstrap(house.stores.get(STAFF).unwrap(), &SystemClock).await.unwrap();
        let done = work(&house.stores);
        house.stores.close().await.unwrap();
        done
    })
}

/// A backup of a directory that was started once.
fn backup(folder: &Path) -> (PathBuf, Vec<u8>) {
    let now = Time::parse("2026-09-22 08:30").unwrap();
    let mut bytes = Vec::new();
    with_stores(&folder.join("data"), |stores| write(&mut bytes, now, stores).unwrap());
    let file = folder.join("backup");
    fs::write(&file, &bytes).unwrap();
    (file, bytes)
}

fn restore_into(file: &Path, data: &Path) -> Result<Header> {
    restore(file, data, &config(data).store, &clock(), &mut |_| ())
}

#[test]
fn a_backup_comes_back_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let (file, _) = backup(folder.path());
    let checked = check(&file, &mut |_| ()).unwrap();
    assert_eq!(checked.stores, ["events", "population", "buildings", "staff", "grids"]);
    assert_eq!(checked.time().to_string(), "2026-09-22T08:30:00+08:00");

    let data = folder.path().join("restored");
    assert_eq!(restore_into(&file, &data).unwrap(), checked);
    let mut names: Vec<_> = fs::read_dir(&data).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["buildings", "events", "grids", "population", "staff"], "nothing but the stores is there");
    // The administrator is there, so none is made: the head stays where the backup had it.
    let heads =
        |data: &Path| with_stores(data, |stores| stores.iter().map(|(_, store)| store.head()).collect::<Vec<_>>());
    assert_eq!(heads(&data), heads(&folder.path().join("data")));
}

#[test]
fn a_backup_that_is_cut_off_anywhere_is_refused_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (file, bytes) = backup(folder.path());
    let step = bytes.len() / 40;
    for length in (0..bytes.len()).step_by(step.max(1)).chain([bytes.len() - 1]) {
        fs::write(&file, &bytes[..length]).unwrap();
        let data = folder.path().join("restored");
        let error = restore_into(&file, &data).unwrap_err();
        assert_eq!(error.reason(), "BACKUP_TRUNCATED", "{length} bytes");
        assert!(error.message().contains(&format!("after {length} bytes")), "{error}");
        assert!(!data.exists());
    }
}

#[test]
fn a_backup_with_one_altered_byte_is_refused_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (file, bytes) = backup(folder.path());
    let data = folder.path().join("restored");
    fs::create_dir(&data).unwrap();
    for place in (0..bytes.len()).step_by((bytes.len() / 97).max(1)).chain([bytes.len() - 1]) {
        let mut altered = bytes.clone();
        altered[place] ^= 0x20;
        fs::write(&file, &altered).unwrap();
        let error = restore_into(&file, &data).unwrap_err();
        assert!(
            ["BACKUP_ALTERED", "BACKUP_TRUNCATED", "NO_BACKUP"].contains(&error.reason()),
            "byte {place}: {error:?}"
        );
        assert_eq!(fs::read_dir(&data).unwrap().count(), 0, "byte {place}");
    }
    fs::write(&file, [&bytes[..], b"more"].concat()).unwrap();
    assert!(restore_into(&file, &data).unwrap_err().message().contains("something follows its end"));
}

#[test]
fn only_an_empty_directory_is_restored_into() {
    let folder = tempfile::tempdir().unwrap();
    let (file, _) = backup(folder.path());
    let error = restore_into(&file, &folder.path().join("data")).unwrap_err();
    assert_eq!(error.reason(), "DIRECTORY_NOT_EMPTY");
    assert!(SERVICES.iter().all(|service| folder.path().join("data").join(service).is_dir()), "what is there stays");
}

#[test]
fn a_directory_with_an_unfinished_restore_does_not_start() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join(UNFINISHED)).unwrap();
    let error = Stores::open(&config(folder.path()), &clock()).map(|_| ()).unwrap_err();
    assert_eq!(error.reason(), "RESTORE_UNFINISHED");
}

#[test]
fn a_backup_of_a_newer_program_with_an_unknown_store_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("backup");
    let stores = vec!["libraries".to_owned()];
    let header = Header { program: "9.0.0".to_owned(), time_us: ManualClock::default().now().micros(), stores };
    let mut bytes = Vec::new();
    let mut archive = Summed { inner: &mut bytes, sum: Sha256::new() };
    write_header(&mut archive, &header).unwrap();
    archive.put_chunk(&[]).unwrap();
    archive.finish().unwrap();
    fs::write(&file, &bytes).unwrap();
    let error = restore_into(&file, &folder.path().join("restored")).unwrap_err();
    assert_eq!(error.reason(), "BACKUP_UNKNOWN_STORE");
    assert!(!folder.path().join("restored").exists());
}
