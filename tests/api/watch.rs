//! Watching events: nothing missed, nothing out of order, nothing of others, and every end has a reason.

use std::time::Duration;

use api::events::v1::{EventFilter, EventState, Step, WatchEventsRequest};
use tests::{Taking, Town, WHOLE_LIFE, Watch, done, list_all, live, refused, report_at, take};
use tonic::Code;

#[tokio::test]
async fn a_watch_from_a_lists_cursor_continues_the_list() {
    let town = Town::start().await;
    let desk = &town.people.desk;
    live(desk, report_at(0.5, 0.5), &[]).await;
    let (listed, cursor) = list_all(desk, &EventFilter::default(), 0).await;
    let changed = done(take(desk, Step::Accept, Taking::of(&listed[0])).await);
    let fresh = done(desk.events().report_event(report_at(1.5, 0.5)).await);
    let mut watch = Watch::begin(desk, &EventFilter::default(), &cursor, listed).await;
    watch.until(|state| state.get(&changed.name) == Some(&changed) && state.get(&fresh.name) == Some(&fresh)).await;
    assert_eq!(watch.told.len(), 2, "what was in the list is not told again: {:?}", watch.told);
}

#[tokio::test]
async fn events_of_the_same_microsecond_are_told_in_the_order_they_were_answered() {
    let town = Town::start().await;
    let desk = &town.people.desk;
    let mut watch = Watch::begin(desk, &EventFilter::default(), "", Vec::new()).await;
    let mut answered = Vec::new();
    // The clock stands still: all carry the same time.
    for number in 0..40 {
        let event = done(desk.events().report_event(report_at(f64::from(number % 4) + 0.5, 0.5)).await);
        answered.push(format!("{} {}", event.name, event.etag));
        let event = done(take(desk, Step::Accept, Taking::of(&event)).await);
        answered.push(format!("{} {}", event.name, event.etag));
    }
    watch.until(|state| state.len() == 40 && state.values().all(|event| event.state() == EventState::Accepted)).await;
    assert_eq!(watch.told, answered);
}

#[tokio::test]
async fn an_event_that_stops_matching_is_told_as_removed() {
    let town = Town::start().await;
    let desk = &town.people.desk;
    let waiting = EventFilter { states: vec![EventState::Reported.into()], ..Default::default() };
    let mut watch = Watch::begin(desk, &waiting, "", Vec::new()).await;
    let event = live(desk, report_at(0.5, 0.5), &[Step::Accept, Step::Dispatch]).await;
    let other = live(desk, report_at(0.5, 0.5), &[]).await;
    watch.until(|state| state.len() == 1 && state.contains_key(&other.name)).await;
    let (first, removed) = (&watch.told[0], &watch.told[1]);
    assert!(first.starts_with(&event.name), "{:?}", watch.told);
    assert_eq!(*removed, format!("{} removed", event.name));
    assert_eq!(watch.told.len(), 3, "a step between states that do not match is not told");
}

#[tokio::test]
async fn a_watch_hears_of_nothing_outside_its_scope_and_filter() {
    let town = Town::start().await;
    let all = EventFilter::default();
    let mut of_a = Watch::begin(&town.people.desk_a, &all, "", Vec::new()).await;
    let only_b = EventFilter { area: town.land.name("B"), ..Default::default() };
    let mut of_b = Watch::begin(&town.people.desk, &only_b, "", Vec::new()).await;
    for (x, y) in [(0.5, 0.5), (2.5, 0.5), (0.5, 2.5), (2.5, 2.5), (1.5, 1.5)] {
        live(&town.people.desk, report_at(x, y), &WHOLE_LIFE[..1]).await;
    }
    let in_area = |watch: &Watch, code: &str| {
        let name = town.land.name(code);
        watch.state.values().all(|event| event.chain.iter().any(|area| area.name == name))
    };
    of_a.until(|state| state.len() == 2).await;
    of_b.until(|state| state.len() == 1).await;
    assert!(in_area(&of_a, "A") && in_area(&of_b, "B"));
    assert_eq!((of_a.told.len(), of_b.told.len()), (4, 2));
    let foreign = EventFilter { area: town.land.name("B"), ..Default::default() };
    let request = WatchEventsRequest { filter: Some(foreign), ..Default::default() };
    refused(town.people.desk_a.events().watch_events(request).await).expect(Code::NotFound, "NOT_FOUND");
}

#[tokio::test]
async fn a_broken_watch_resumes_where_it_was_without_a_gap() {
    let mut town = Town::start().await;
    let mut desk = town.people.desk.clone();
    let mut watch = Watch::begin(&desk, &EventFilter::default(), "", Vec::new()).await;
    let first = live(&desk, report_at(0.5, 0.5), &[]).await;
    watch.until(|state| state.len() == 1).await;
    let (state, cursor) = (watch.state.clone(), watch.cursor.clone());
    let second = live(&desk, report_at(0.5, 0.5), &[Step::Accept]).await;
    drop(watch);
    town.server.restart().await;
    desk = town.server.again(&desk).await;
    let third = live(&desk, report_at(0.5, 0.5), &[]).await;
    let known = state.into_values().collect();
    let mut watch = Watch::begin(&desk, &EventFilter::default(), &cursor, known).await;
    watch.until(|state| state.len() == 3).await;
    for event in [&first, &second, &third] {
        assert_eq!(watch.state.get(&event.name), Some(event), "over a restart");
    }
    assert_eq!(watch.told.len(), 3, "the report and its acceptance, and the third");
}

#[tokio::test]
async fn a_stopping_server_ends_its_watches_with_a_reason() {
    let mut town = Town::start().await;
    let mut watch = Watch::begin(&town.people.desk, &EventFilter::default(), "", Vec::new()).await;
    let ended = tokio::spawn(async move {
        loop {
            if let Err(reason) = watch.next(Duration::from_secs(30)).await {
                return reason;
            }
        }
    });
    tokio::task::yield_now().await;
    town.server.stop().await;
    let reason = ended.await.unwrap();
    assert_eq!(reason.code(), Code::Unavailable, "{reason:?}");
}

#[tokio::test]
async fn a_cursor_of_another_server_or_of_no_server_is_refused() {
    let town = Town::start().await;
    let other = Town::start().await;
    let (_, foreign) = list_all(&other.people.desk, &EventFilter::default(), 0).await;
    let watch = |cursor: String| WatchEventsRequest { cursor, ..Default::default() };
    let refusal = refused(town.people.desk.events().watch_events(watch(foreign)).await);
    refusal.expect(Code::InvalidArgument, "FOREIGN_CURSOR");
    let refusal = refused(town.people.desk.events().watch_events(watch("nonsense".to_owned())).await);
    refusal.expect_fields(&["cursor"]);
    let overdue = EventFilter { overdue: true, ..Default::default() };
    let request = WatchEventsRequest { filter: Some(overdue), ..Default::default() };
    refused(town.people.desk.events().watch_events(request).await).expect_fields(&["filter.overdue"]);
}
