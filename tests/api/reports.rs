//! Reports: where they come to lie, who is in charge, their number, their time, and reading one's own writes.

use std::collections::BTreeSet;

use api::events::v1::{EventFilter, GetEventRequest, GroupBy, ReportEventRequest, Urgency};
use api::grids::v1::{AreaKind, Datum, DecidedBy, Point};
use tests::{
    Land, Plot, Town, Wangge, at, count, done, list_all, point, rectangle, refused, report_at, report_in, time_of,
    timestamp,
};
use tonic::Code;

#[tokio::test]
async fn a_report_is_placed_before_it_is_answered_and_keeps_why() {
    let town = Town::start().await;
    let event = done(town.people.micro_a1.events().report_event(report_at(0.25, 0.5)).await);
    let codes: Vec<&str> = event.chain.iter().map(|area| area.code.as_str()).collect();
    assert_eq!(codes, ["S", "A", "A1"]);
    let placement = event.placement.clone().unwrap();
    assert_eq!(placement.decided_by(), DecidedBy::Inside);
    assert!(placement.release.starts_with("releases/"));
    assert!((228.0..230.0).contains(&placement.border_distance_m));
    assert_eq!((placement.given, placement.wgs84), (point(0.25, 0.5), point(0.25, 0.5)));
    assert_eq!(event.worker, town.people.micro_a1.name);
    assert_eq!(event.urgency(), Urgency::Ordinary, "ordinary when nobody says otherwise");
    assert_eq!(time_of(event.create_time), Some(town.server.now()));
    assert_eq!(event.occur_time, event.create_time, "now, when nobody says otherwise");
    let read = done(town.people.desk.events().get_event(GetEventRequest { name: event.name.clone() }).await);
    assert_eq!(read, event, "what is read is what was answered");
}

#[tokio::test]
async fn the_placement_of_an_event_outlives_its_boundaries() {
    let town = Town::start().await;
    let event = done(town.people.desk.events().report_event(report_at(0.25, 0.5)).await);
    // A1 and A2 change places.
    let mut plots = Land::squares();
    let (a1, a2) = (plots[2].geojson.clone(), plots[3].geojson.clone());
    (plots[2].geojson, plots[3].geojson) = (a2, a1);
    town.server.clock.advance_seconds(60);
    let release = town.land.draft(&town.people.administrator, &plots).await;
    tests::activate(&town.people.administrator, &release, &[]).await;
    let read = done(town.people.desk.events().get_event(GetEventRequest { name: event.name.clone() }).await);
    assert_eq!((&read.chain, &read.placement), (&event.chain, &event.placement));
    let after = done(town.people.desk.events().report_event(report_at(0.25, 0.5)).await);
    assert_eq!(after.chain.last().unwrap().code, "A2");
}

#[tokio::test]
async fn a_report_without_a_point_lies_in_the_area_it_names() {
    let town = Town::start().await;
    let event = done(town.people.desk.events().report_event(report_in(&town.land.name("B"))).await);
    let codes: Vec<&str> = event.chain.iter().map(|area| area.code.as_str()).collect();
    assert_eq!(codes, ["S", "B"]);
    let placement = event.placement.unwrap();
    assert_eq!((placement.decided_by(), placement.release.as_str()), (DecidedBy::Given, ""));
    assert_eq!(event.worker, town.people.worker_b.name);
    let both = ReportEventRequest { area: town.land.name("B"), ..report_at(0.5, 0.5) };
    let event = done(town.people.desk.events().report_event(both).await);
    assert_eq!(event.chain.last().unwrap().code, "A1", "the point decides");
    let outside = ReportEventRequest { area: town.land.name("B"), ..report_at(40.0, 40.0) };
    let event = done(town.people.desk.events().report_event(outside).await);
    assert_eq!(event.chain.last().unwrap().code, "B", "the area is used where the point lies in none");
    assert_eq!(event.placement.unwrap().given, point(40.0, 40.0), "and the point is kept");
}

#[tokio::test]
async fn a_point_just_outside_is_placed_in_the_nearest_and_one_far_away_is_refused() {
    let town = Town::start().await;
    // 55 m and 1.1 km south of the map.
    let near = done(town.people.desk.events().report_event(report_at(0.5, -0.05)).await);
    assert_eq!(near.chain.last().unwrap().code, "A1");
    assert_eq!(near.placement.unwrap().decided_by(), DecidedBy::NearestOutside);
    let refusal = refused(town.people.desk.events().report_event(report_at(0.5, -1.0)).await);
    refusal.expect(Code::FailedPrecondition, "POINT_OUTSIDE_AREAS");
    assert_eq!(refusal.metadata.get("nearest_code").map(String::as_str), Some("A1"), "{refusal:?}");
    assert_eq!(count(&town.people.desk, &EventFilter::default()).await, 1);
}

#[tokio::test]
async fn a_point_is_kept_as_it_was_given() {
    let town = Town::start().await;
    let given = Point { longitude_deg: 117.512, latitude_deg: 34.712, datum: Datum::Gcj02.into() };
    let report = ReportEventRequest { point: Some(given), ..report_at(0.0, 0.0) };
    let placement = done(town.people.desk.events().report_event(report).await).placement.unwrap();
    assert_eq!(placement.given, Some(given));
    let wgs84 = placement.wgs84.unwrap();
    assert_eq!(wgs84.datum(), Datum::Wgs84);
    let shift = (wgs84.longitude_deg - given.longitude_deg).abs();
    assert!((0.004..0.008).contains(&shift), "GCJ-02 lies about 0.5 km east here: {shift}°");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixty_four_reports_at_once_get_sixty_four_numbers_without_a_gap() {
    let town = Town::start().await;
    let reports: Vec<_> = (0..64)
        .map(|number| {
            let caller = town.people.desk.clone();
            let (x, y) = (f64::from(number % 8) / 2.0 + 0.25, f64::from(number / 8) / 2.0 + 0.25);
            tokio::spawn(async move { done(caller.events().report_event(report_at(x, y)).await).number })
        })
        .collect();
    let mut numbers = BTreeSet::new();
    for report in reports {
        numbers.insert(report.await.unwrap());
    }
    let wanted: BTreeSet<String> = (1..=64).map(|running| format!("S-20260922-{running:04}")).collect();
    assert_eq!(numbers, wanted);
}

#[tokio::test]
async fn numbers_begin_anew_with_the_civil_day_in_shanghai_and_in_each_subdistrict() {
    let server = Wangge::start().await;
    let plots = [
        Plot::new(AreaKind::County, "K", "", rectangle(0.0, 0.0, 2.0, 1.0)),
        Plot::new(AreaKind::Subdistrict, "S1", "K", rectangle(0.0, 0.0, 1.0, 1.0)),
        Plot::new(AreaKind::Subdistrict, "S2", "K", rectangle(1.0, 0.0, 2.0, 1.0)),
    ];
    Land::install(&server.administrator, &plots).await;
    let number = async |x: f64| done(server.administrator.events().report_event(report_at(x, 0.5)).await).number;
    server.clock.set(at("2026-09-22 23:59:59"));
    assert_eq!(number(0.5).await, "S1-20260922-0001");
    assert_eq!(number(1.5).await, "S2-20260922-0001");
    assert_eq!(number(0.5).await, "S1-20260922-0002");
    server.clock.set(at("2026-09-23 00:00:00"));
    assert_eq!(number(0.5).await, "S1-20260923-0001", "midnight in Shanghai, four in the afternoon in UTC");
    server.clock.set(at("2026-09-23 08:00:00"));
    assert_eq!(number(0.5).await, "S1-20260923-0002", "midnight in UTC is no new day");
}

#[tokio::test]
async fn today_is_the_civil_day_and_not_the_last_24_hours() {
    let town = Town::start().await;
    let desk_name = town.people.desk.name.clone();
    let mut reported = Vec::new();
    for time in ["2026-09-22 23:30", "2026-09-23 00:00", "2026-09-23 07:59", "2026-09-23 23:59", "2026-09-24 00:00"] {
        town.server.clock.set(at(time));
        // The tokens of the morning have ended by then.
        let desk = town.people.administrator.token_for(&desk_name).await;
        reported.push(done(desk.events().report_event(report_at(0.5, 0.5)).await));
    }
    let desk = town.people.administrator.token_for(&desk_name).await;
    let today = EventFilter {
        create_time_from: Some(timestamp(at("2026-09-23"))),
        create_time_to: Some(timestamp(at("2026-09-24"))),
        ..Default::default()
    };
    let (listed, _) = list_all(&desk, &today, 0).await;
    let listed: BTreeSet<&str> = listed.iter().map(|event| event.name.as_str()).collect();
    let wanted: BTreeSet<&str> = reported[1..4].iter().map(|event| event.name.as_str()).collect();
    assert_eq!(listed, wanted);
    assert_eq!(count(&desk, &today).await, 3);
    let days: Vec<&str> = reported.iter().map(|event| &event.number[2..10]).collect();
    assert_eq!(days, ["20260922", "20260923", "20260923", "20260923", "20260924"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_has_an_answer_finds_it_in_every_list_and_count() {
    let town = Town::start().await;
    let callers: Vec<_> = (0..8)
        .map(|number| {
            let (caller, area) = (town.people.desk.clone(), town.land.name("A"));
            tokio::spawn(async move {
                let category = format!("类别{number}");
                let filter = EventFilter { area, category: category.clone(), ..Default::default() };
                for written in 1..=10_u64 {
                    let report = ReportEventRequest { category: category.clone(), ..report_at(0.5, 0.5) };
                    let event = done(caller.events().report_event(report).await);
                    assert_eq!(count(&caller, &filter).await, written, "the count");
                    let (listed, _) = list_all(&caller, &filter, 3).await;
                    assert!(listed.len() as u64 == written && listed.contains(&event), "the list");
                    let get = GetEventRequest { name: event.name.clone() };
                    assert_eq!(done(caller.events().get_event(get).await), event);
                }
            })
        })
        .collect();
    for caller in callers {
        caller.await.unwrap();
    }
    let request = api::events::v1::CountEventsRequest { group_by: GroupBy::Category.into(), ..Default::default() };
    let counts = done(town.people.desk.events().count_events(request).await);
    assert_eq!((counts.groups.len(), counts.total_count), (8, 80));
}
