//! The first start, the token file, and the way back in.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::sync::Arc;

use base::{ManualClock, PrincipalId};
use store::Store;
use tempfile::tempdir;

use super::{House, START};
use crate::{LocalAuthority, SCHEMA, SERVICE_NAME, Token, bootstrap, issue_offline, write_token_file};
use rpc::identity::Authority;

fn token(text: &str) -> Token {
    Token { text: text.to_owned(), expire_time: START }
}

fn mode(path: &std::path::Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o7777
}

#[tokio::test]
async fn only_the_first_start_makes_an_administrator() {
    let house = House::open().await;
    let head = house.store.head();
    assert_eq!(bootstrap(&house.store, &*house.clock).await.unwrap(), None);
    assert_eq!(house.store.head(), head, "a later start changes nothing");
}

#[tokio::test]
async fn an_operator_gets_back_in_with_nothing_but_the_directory() {
    let directory = tempdir().unwrap();
    let options = || store::Options::at(directory.path().join("staff"));
    let clock = Arc::new(ManualClock::at(START));
    let never = issue_offline(options(), None, 60, &*clock).unwrap_err();
    assert_eq!(never.reason(), "NEVER_STARTED");
    assert!(!directory.path().join("staff").exists(), "a mistyped directory is not made");
    let store = Store::open(SERVICE_NAME, SCHEMA, options()).unwrap();
    let first = bootstrap(&store, &*clock).await.unwrap().unwrap();
    let known = LocalAuthority::new(store.clone(), 1).identify(&first.text, START).await.unwrap();
    assert!(issue_offline(options(), None, 60, &*clock).is_err(), "a running server keeps its directory");
    store.close().unwrap();
    drop(store);
    let lost = issue_offline(options(), None, 60, &*clock).unwrap();
    let named = issue_offline(options(), Some(known.id), 60, &*clock).unwrap();
    assert!(issue_offline(options(), Some(PrincipalId::generate(START)), 60, &*clock).is_err());
    assert!(issue_offline(options(), None, 0, &*clock).is_err());
    let store = Store::open(SERVICE_NAME, SCHEMA, options()).unwrap();
    let authority = LocalAuthority::new(store, 10);
    for token in [&first, &lost, &named] {
        assert_eq!(*authority.identify(&token.text, START).await.unwrap(), *known);
    }
}

#[test]
fn the_token_file_is_for_its_owner_only_and_is_whole() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("admin.token");
    write_token_file(&path, &token("first")).unwrap();
    assert_eq!((fs::read_to_string(&path).unwrap().as_str(), mode(&path)), ("first\n", 0o600));
    // A file that anybody could read becomes private; one that was stricter stays so.
    for (before, after) in [(0o644, 0o600), (0o777, 0o600), (0o400, 0o400)] {
        fs::set_permissions(&path, fs::Permissions::from_mode(before)).unwrap();
        write_token_file(&path, &token("again")).unwrap();
        assert_eq!((fs::read_to_string(&path).unwrap().as_str(), mode(&path)), ("again\n", after));
    }
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "nothing is left beside it");
}

#[test]
fn a_token_is_never_written_through_a_link_or_over_something_else() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("admin.token");
    let elsewhere = directory.path().join("elsewhere");
    for target in [elsewhere.as_path(), directory.path()] {
        symlink(target, &path).unwrap();
        assert_eq!(write_token_file(&path, &token("secret")).unwrap_err().reason(), "TOKEN_FILE_REFUSED");
        assert!(!elsewhere.exists());
        fs::remove_file(&path).unwrap();
    }
    fs::create_dir(&path).unwrap();
    assert_eq!(write_token_file(&path, &token("secret")).unwrap_err().reason(), "TOKEN_FILE_REFUSED");
    let missing = directory.path().join("missing").join("admin.token");
    assert_eq!(write_token_file(&missing, &token("secret")).unwrap_err().reason(), "TOKEN_FILE_UNWRITABLE");
}
