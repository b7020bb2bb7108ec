//! Writing: groups, errors, panics, repeated requests, the feed.

use std::sync::Arc;
use std::time::Duration;

use base::{Error, Kind};
use store::{Options, Origin, Request, Store};

use crate::cases::*;

fn store() -> Store {
    Store::open("cases", SCHEMA, Options::memory()).unwrap()
}

#[test]
fn a_failed_closure_leaves_no_trace_and_others_go_on() {
    let store = store();
    let head = store.head();
    let failed = store.write_blocking(origin(), |tx| {
        CASES.put(tx, &case(1, 1, 1))?;
        Err::<(), _>(Error::invalid("state", "must be known"))
    });
    assert_eq!(failed.unwrap_err().kind(), Kind::Invalid);
    assert_eq!((get(&store, 1), store.head()), (None, head));
    put(&store, case(2, 1, 1)).unwrap();
    assert_eq!(all(&store), [case(2, 1, 1)]);
}

#[test]
fn a_panicking_closure_answers_internal_and_does_not_stop_the_store() {
    let store = store();
    let panicked = store.write_blocking(origin(), |tx| {
        CASES.put(tx, &case(1, 1, 1))?;
        assert!(tx.sequence() > 100, "this closure panics");
        Ok(())
    });
    assert_eq!(panicked.unwrap_err().kind(), Kind::Internal);
    put(&store, case(2, 1, 1)).unwrap();
    assert_eq!(all(&store), [case(2, 1, 1)]);
}

#[test]
fn many_writers_are_serialised_and_every_one_sees_those_before() {
    let store = store();
    let head = store.head();
    put(&store, Case { amount: 1_000, ..case(0, 1, 1) }).unwrap();
    std::thread::scope(|scope| {
        for writer in 0..16_u64 {
            let store = &store;
            scope.spawn(move || {
                for round in 0..50 {
                    let to = (writer * 7 + round) % 20 + 1;
                    store.write_blocking(origin(), move |tx| transfer(tx, 0, to, 1)).unwrap();
                }
            });
        }
    });
    let cases = all(&store);
    assert_eq!(cases.iter().map(|case| case.amount).sum::<i64>(), 1_000);
    assert_eq!(cases[0].amount, 200);
    assert_eq!(store.head(), head + 801);
}

#[tokio::test]
async fn the_feed_tells_every_change_in_order() {
    let store = store();
    let mut heads = store.subscribe();
    let origin = origin();
    store.write(origin.clone(), |tx| CASES.put(tx, &case(1, 1, 1))).await.unwrap();
    store.write(origin.clone(), |tx| CASES.put(tx, &case(1, 2, 1))).await.unwrap();
    store.write(origin.clone(), |tx| CASES.delete(tx, &key(1)).map(drop)).await.unwrap();
    heads.changed().await.unwrap();
    let base = store.head() - 3;
    let entries = store.feed_async(base, 10).await.unwrap();
    let changes: Vec<_> =
        entries.iter().map(|entry| CASES.decode_change(&entry.changes[0]).unwrap().unwrap()).collect();
    assert_eq!(changes[0], (None, Some(case(1, 1, 1))));
    assert_eq!(changes[1], (Some(case(1, 1, 1)), Some(case(1, 2, 1))));
    assert_eq!(changes[2], (Some(case(1, 2, 1)), None));
    assert_eq!(entries[2].sequence, base + 3);
    assert_eq!((entries[0].principal.as_str(), entries[0].method.as_str()), ("principals/test", origin.method));
    assert_eq!(store.feed(base + 1, 1).unwrap()[0].sequence, base + 2);
    assert!(store.feed(base + 3, 10).unwrap().is_empty());
    assert_eq!(store.feed(base + 4, 10).unwrap_err().kind(), Kind::Invalid);
}

#[test]
fn two_changes_of_one_record_in_one_write_are_told_as_one() {
    let store = store();
    let base = store.head();
    store
        .write_blocking(origin(), |tx| {
            CASES.put(tx, &case(1, 1, 1))?;
            CASES.put(tx, &case(1, 2, 1))?;
            CASES.put(tx, &case(2, 2, 1))?;
            CASES.delete(tx, &key(2)).map(drop)
        })
        .unwrap();
    let changes = &store.feed(base, 10).unwrap()[0].changes;
    assert_eq!(changes.len(), 1);
    assert_eq!(CASES.decode_change(&changes[0]).unwrap().unwrap(), (None, Some(case(1, 2, 1))));
}

fn request(id: u8, fingerprint: u8) -> Request {
    Request { id: [id; 16], fingerprint: [fingerprint; 32] }
}

#[tokio::test]
async fn a_repeated_request_has_one_effect_and_one_answer() {
    let store = Arc::new(store());
    let once = |principal: &str, request, amount| {
        let origin = Origin { principal: principal.into(), ..origin() };
        store.write_once(origin, request, move |tx| {
            transfer(tx, 1, 2, amount)?;
            Ok(amount.to_be_bytes().to_vec())
        })
    };
    let first = once("li", request(1, 1), 5).await.unwrap();
    let second = once("li", request(1, 1), 7).await.unwrap();
    assert_eq!((first.replayed, second.replayed), (false, true));
    assert_eq!((&second.value, second.sequence), (&first.value, first.sequence));
    let reused = once("li", request(1, 2), 5).await.unwrap_err();
    assert_eq!((reused.kind(), reused.reason()), (Kind::Invalid, "REQUEST_ID_REUSED"));
    assert!(!once("wang", request(1, 1), 5).await.unwrap().replayed);
    assert_eq!(get(&store, 2).unwrap().amount, 10);
}

#[tokio::test]
async fn a_request_that_failed_may_be_sent_again() {
    let store = store();
    let failed = store.write_once(origin(), request(1, 1), |_| Err(Error::invalid("x", "must be y"))).await;
    assert!(failed.is_err());
    let worked = store.write_once(origin(), request(1, 1), |_| Ok(vec![1])).await.unwrap();
    assert_eq!((worked.value, worked.replayed), (vec![1], false));
}

#[tokio::test]
async fn a_request_is_forgotten_after_its_time() {
    let store = store();
    store.write_once(origin(), request(1, 1), |_| Ok(vec![1])).await.unwrap();
    let later = Origin { time: origin().time.plus_seconds(8 * 86_400), ..origin() };
    let again = store.write_once(later, request(1, 2), |_| Ok(vec![2])).await.unwrap();
    assert_eq!((again.value, again.replayed), (vec![2], false));
}

#[test]
fn a_closed_store_says_so() {
    let store = store();
    store.close().unwrap();
    assert_eq!(put(&store, case(1, 1, 1)).unwrap_err().reason(), "STORE_CLOSED");
}

#[test]
fn a_read_keeps_its_moment_while_others_write_and_flush() {
    let eager = Options { flush_after: Duration::from_millis(1), ..Options::memory() };
    let store = Store::open("cases", SCHEMA, eager).unwrap();
    for id in 0..200 {
        put(&store, case(id, 1, 1)).unwrap();
    }
    store
        .read(|view| {
            let before = all_in(view)?;
            let writer = store.clone();
            let writing = std::thread::spawn(move || {
                for id in 0..200 {
                    put(&writer, case(id, 2, 1)).unwrap();
                }
            });
            writing.join().unwrap();
            std::thread::sleep(Duration::from_millis(50));
            assert_eq!(all_in(view)?, before);
            Ok(())
        })
        .unwrap();
    assert!(all(&store).iter().all(|case| case.state == 2));
}
