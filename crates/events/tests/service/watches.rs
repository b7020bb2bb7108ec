//! Watches: told in order, once a change, with the same eyes as lists.

use std::time::Duration;

use api::events::v1::watch_events_response::Change;
use api::events::v1::{EventFilter, EventState, ListEventsRequest, Step, WatchEventsRequest, WatchEventsResponse};
use base::{Kind, Result};
use rpc::status::from_status;
use tonic::Streaming;

use crate::life::take;
use crate::world::{World, area, by, report_in, told};

/// Begins to watch.
pub(crate) async fn watch(
    world: &World,
    who: &str,
    filter: EventFilter,
    cursor: &str,
) -> Result<Streaming<WatchEventsResponse>> {
    let request = WatchEventsRequest { filter: Some(filter), cursor: cursor.to_owned() };
    told(world.client().watch_events(by(who, request)).await)
}

/// The next message that is no heartbeat.
pub(crate) async fn next(stream: &mut Streaming<WatchEventsResponse>) -> (String, Change) {
    loop {
        let wait = tokio::time::timeout(Duration::from_secs(10), stream.message());
        let message = wait.await.expect("a change within ten seconds").unwrap().expect("a stream that goes on");
        if let Some(change) = message.change {
            return (message.cursor, change);
        }
    }
}

#[tokio::test]
async fn a_watch_tells_what_begins_to_match_and_what_ceases_to() {
    let world = World::new();
    let before = world.report("desk", report_in(0)).await.unwrap();
    let reported = EventFilter { states: vec![EventState::Reported.into()], ..Default::default() };
    let list = ListEventsRequest { filter: Some(reported.clone()), ..Default::default() };
    let listed = told(world.client().list_events(by("community desk", list)).await).unwrap();
    assert_eq!(listed.events, std::slice::from_ref(&before));

    let mut stream = watch(&world, "community desk", reported, &listed.cursor).await.unwrap();
    let after = world.report("desk", report_in(1)).await.unwrap();
    // Another community: not for this desk.
    world.report("desk", report_in(2)).await.unwrap();
    take(&world, "desk", Step::Accept, &before.name).await.unwrap();
    // Of no concern: it did not match before, and does not now.
    take(&world, "desk", Step::Dispatch, &before.name).await.unwrap();
    take(&world, "desk", Step::Refuse, &after.name).await.unwrap();
    let mut changes = Vec::new();
    for _ in 0..3 {
        changes.push(next(&mut stream).await.1);
    }
    assert_eq!(changes, [Change::Event(after.clone()), Change::Removed(before.name), Change::Removed(after.name)]);
}

#[tokio::test]
async fn a_watch_goes_on_after_a_cursor_and_repeats_nothing() {
    let world = World::new();
    let mut stream = watch(&world, "desk", EventFilter::default(), "").await.unwrap();
    // The first message is a heartbeat that says from where it watches; only then is what follows its own.
    let begun = stream.message().await.unwrap().unwrap();
    assert!(begun.change.is_none() && !begun.cursor.is_empty());
    let first = world.report("desk", report_in(0)).await.unwrap();
    let second = world.report("desk", report_in(1)).await.unwrap();
    let (cursor, change) = next(&mut stream).await;
    assert_eq!(change, Change::Event(first));
    drop(stream);
    let mut resumed = watch(&world, "desk", EventFilter::default(), &cursor).await.unwrap();
    assert_eq!(next(&mut resumed).await.1, Change::Event(second));
}

#[tokio::test]
async fn what_cannot_be_watched_is_refused() {
    let world = World::new();
    let overdue = EventFilter { overdue: true, ..Default::default() };
    let error = watch(&world, "desk", overdue, "").await.unwrap_err();
    assert_eq!(error.violations()[0].field, "filter.overdue");
    let foreign = watch(&World::new(), "desk", EventFilter::default(), "").await.unwrap().message().await;
    let cursor = foreign.map_err(from_status).unwrap().unwrap().cursor;
    let error = watch(&world, "desk", EventFilter::default(), &cursor).await.unwrap_err();
    assert_eq!((error.kind(), error.reason()), (Kind::Invalid, "FOREIGN_CURSOR"));
    let elsewhere = EventFilter { area: area("/2/1").name(), ..Default::default() };
    assert_eq!(watch(&world, "desk", elsewhere, "").await.unwrap_err().reason(), "OUT_OF_SCOPE");
}

#[tokio::test]
async fn personal_fields_are_masked_in_a_watch_too() {
    let world = World::new();
    let mut stream = watch(&world, "auditor", EventFilter::default(), "").await.unwrap();
    stream.message().await.unwrap().unwrap();
    let request = api::events::v1::ReportEventRequest { address: "工农社区3号楼".to_owned(), ..report_in(0) };
    world.report("desk", request).await.unwrap();
    let (_, Change::Event(event)) = next(&mut stream).await else { panic!("an event was reported") };
    assert_eq!(event.address, "***");
}
