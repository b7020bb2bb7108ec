//! One heavy caller blocks nobody (a mistake of peers).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use api::events::v1::{EventFilter, GetEventRequest};
use api::grids::v1::{Datum, LocateManyRequest};
use tests::{Town, Watch, done, list_all, report_at};

/// A desk reports and reads; answers the slowest of so many pairs of calls.
async fn slowest(town: &Town, pairs: usize) -> Duration {
    let mut slowest = Duration::ZERO;
    for _ in 0..pairs {
        let began = Instant::now();
        let event = done(town.people.desk.events().report_event(report_at(0.5, 0.5)).await);
        done(town.people.desk.events().get_event(GetEventRequest { name: event.name }).await);
        slowest = slowest.max(began.elapsed());
    }
    slowest
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_of_a_million_points_and_long_lists_do_not_hold_up_a_desk() {
    let town = Town::start().await;
    for _ in 0..200 {
        done(town.people.desk.events().report_event(report_at(1.5, 1.5)).await);
    }
    let (stop, heavy) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let points = LocateManyRequest {
        datum: Datum::Wgs84.into(),
        longitude_deg: (0..65_536).map(|number| 117.5 + f64::from(number % 400) * 1e-4).collect(),
        latitude_deg: (0..65_536).map(|number| 34.7 + f64::from(number / 400) * 1e-4).collect(),
        include_border: true,
        ..Default::default()
    };
    let mut loads = Vec::new();
    for _ in 0..2 {
        let (caller, heavy, points) = (town.people.auditor.clone(), heavy.clone(), points.clone());
        let stopped = stop.clone();
        loads.push(tokio::spawn(async move {
            while !stopped.load(Ordering::Relaxed) {
                let messages = vec![points.clone(); 4];
                let mut answers = done(caller.grids().locate_many(tokio_stream::iter(messages)).await);
                while let Some(answer) = answers.message().await.unwrap() {
                    heavy.fetch_add(answer.area_number.len(), Ordering::Relaxed);
                }
            }
        }));
        let (caller, stopped) = (town.people.auditor.clone(), stop.clone());
        loads.push(tokio::spawn(async move {
            while !stopped.load(Ordering::Relaxed) {
                list_all(&caller, &EventFilter::default(), 1_000).await;
            }
        }));
    }
    let under_load = slowest(&town, 40).await;
    stop.store(true, Ordering::Relaxed);
    for load in loads {
        load.await.unwrap();
    }
    let located = heavy.load(Ordering::Relaxed);
    println!("{located} points located meanwhile; the slowest report and read took {under_load:?}");
    assert!(located > 100_000, "there really was a load: {located} points");
    assert!(under_load < Duration::from_secs(3), "a desk waited {under_load:?}");
}

#[tokio::test]
async fn a_watcher_that_does_not_read_holds_up_neither_writers_nor_other_watchers() {
    let town = Town::start().await;
    let desk = &town.people.desk;
    let idle = Watch::begin(desk, &EventFilter::default(), "", Vec::new()).await;
    let mut eager = Watch::begin(desk, &EventFilter::default(), "", Vec::new()).await;
    let began = Instant::now();
    for _ in 0..300 {
        done(desk.events().report_event(report_at(0.5, 0.5)).await);
    }
    eager.until(|state| state.len() == 300).await;
    assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
    drop(idle);
}
