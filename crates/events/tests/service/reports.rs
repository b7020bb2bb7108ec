//! Reports: how they come to their area, worker, number and deadline, and what a repeat does.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use api::events::v1::{CountEventsRequest, EventState, GetEventRequest, ReportEventRequest, Reporter};
use api::grids::v1::DecidedBy;
use base::Kind;

use crate::world::stand_ins::RELEASE;
use crate::world::{World, area, by, principal, report_at, report_in, request_id, told};

#[tokio::test]
async fn a_report_has_its_micro_grid_worker_number_deadline_and_reason_when_it_is_answered() {
    let world = World::new();
    let event = world.report("desk", report_at(100.25)).await.unwrap();
    let codes: Vec<&str> = event.chain.iter().map(|area| area.code.as_str()).collect();
    assert_eq!(codes, ["370404001", "370404001001", "370404001001001"]);
    assert_eq!(event.number, "370404001-20260921-0001");
    assert_eq!(event.state(), EventState::Reported);
    assert_eq!(
        (event.worker.as_str(), event.worker_display_name.as_str()),
        (&*principal("worker 1").name(), "worker 1")
    );
    let placement = event.placement.clone().unwrap();
    assert_eq!(placement.decided_by(), DecidedBy::Inside);
    assert_eq!(placement.release, RELEASE.name());
    assert!((placement.border_distance_m - 250.0).abs() < 1e-6);
    assert_eq!(placement.runner_up.unwrap().path, "/1/1/2");
    assert_eq!(placement.given, placement.wgs84);
    // Monday and five working days, with Mid-Autumn (25th to 27th) in between.
    let due = base::Time::parse("2026-09-29 23:59:59").unwrap();
    assert_eq!(event.due_time, Some(rpc::time::to_proto(due)));
    assert_eq!(event.occur_time, event.create_time);
    let read = told(world.client().get_event(by("desk", GetEventRequest { name: event.name.clone() })).await).unwrap();
    assert_eq!(read, event);
}

#[tokio::test]
async fn nobody_in_charge_is_not_an_error() {
    let world = World::new();
    let event = world.report("desk", report_in(3)).await.unwrap();
    assert_eq!((event.worker.as_str(), event.worker_display_name.as_str()), ("", ""));
}

#[tokio::test]
async fn a_point_a_little_outside_comes_to_the_nearest_area_and_one_far_out_is_refused() {
    let world = World::new();
    let near = world.report("desk", report_at(99.95)).await.unwrap();
    let placement = near.placement.unwrap();
    assert_eq!((placement.decided_by(), near.chain.len()), (DecidedBy::NearestOutside, 3));
    assert!((placement.border_distance_m - 50.0).abs() < 1e-6 && placement.runner_up.is_none());

    let far = world.report("desk", report_at(99.5)).await.unwrap_err();
    assert_eq!((far.kind(), far.reason()), (Kind::Precondition, "POINT_OUTSIDE_AREAS"));
    assert!(far.message().contains("370404001001001") && far.message().contains("500 m"), "{far}");
    assert!(far.metadata().iter().any(|(key, value)| key == "nearest_area" && *value == area("/1/1/1").name()));
}

#[tokio::test]
async fn a_named_area_is_used_only_when_the_point_lies_in_none() {
    let world = World::new();
    let named = |request: ReportEventRequest| ReportEventRequest { area: area("/1/2").name(), ..request };
    let inside = world.report("desk", named(report_at(100.5))).await.unwrap();
    assert_eq!(inside.chain.last().unwrap().path, "/1/1/1");

    let outside = world.report("desk", named(report_at(90.0))).await.unwrap();
    assert_eq!(outside.chain.last().unwrap().path, "/1/2");
    let placement = outside.placement.unwrap();
    assert_eq!(placement.decided_by(), DecidedBy::Given);
    assert!(placement.given.is_some() && placement.release.is_empty(), "the point is kept, and no release decided");

    let without = world.report("desk", ReportEventRequest { point: None, ..named(report_at(0.0)) }).await.unwrap();
    assert_eq!((without.chain.len(), without.placement.unwrap().given), (2, None));
    let unknown = ReportEventRequest { area: base::AreaId::from_bytes([99; 16]).name(), point: None, ..report_at(0.0) };
    assert_eq!(world.report("desk", unknown).await.unwrap_err().kind(), Kind::NotFound);
}

#[tokio::test]
async fn nobody_reports_outside_their_scope_or_without_a_post_for_it() {
    let world = World::new();
    let outside = world.report("worker 1", report_in(1)).await.unwrap_err();
    assert_eq!((outside.kind(), outside.reason()), (Kind::Forbidden, "OUT_OF_SCOPE"));
    let auditor = world.report("auditor", report_in(1)).await.unwrap_err();
    assert_eq!((auditor.kind(), auditor.reason()), (Kind::Forbidden, "ACTION_NOT_ALLOWED"));
    // Beside an area of another subdistrict, within the tolerance: refused, without a word about that area.
    assert_eq!(world.report("desk", report_at(105.01)).await.unwrap_err().reason(), "OUT_OF_SCOPE");
    assert_eq!(world.report("stranger", report_in(1)).await.unwrap_err().kind(), Kind::Unauthenticated);
}

#[tokio::test]
async fn a_repeat_gets_the_first_answer_and_other_content_is_refused() {
    let world = World::new();
    let request = ReportEventRequest { request_id: request_id(1), ..report_in(0) };
    let first = world.report("desk", request.clone()).await.unwrap();
    world.clock.advance_seconds(60);
    assert_eq!(world.report("desk", request.clone()).await.unwrap(), first);

    let other = ReportEventRequest { text: "something else".to_owned(), ..request.clone() };
    let reused = world.report("desk", other).await.unwrap_err();
    assert_eq!((reused.kind(), reused.reason()), (Kind::Invalid, "REQUEST_ID_REUSED"));

    // Another person may choose the same id.
    let theirs = world.report("worker 1", request.clone()).await.unwrap();
    assert_ne!(theirs.name, first.name);

    // The land has changed in between: what was answered stays answered.
    world.grids.washed_away.store(true, Ordering::SeqCst);
    assert_eq!(world.report("desk", request.clone()).await.unwrap(), first);
    let fresh = ReportEventRequest { request_id: request_id(2), ..report_in(0) };
    assert_eq!(world.report("desk", fresh).await.unwrap_err().reason(), "POINT_OUTSIDE_AREAS");
    let total = told(world.client().count_events(by("administrator", CountEventsRequest::default())).await).unwrap();
    assert_eq!(total.total_count, 2);
}

#[tokio::test]
async fn numbers_are_unique_and_without_gaps_however_many_report_at_once() {
    let world = Arc::new(World::new());
    let reports = (0..60_u8).map(|number| {
        let world = world.clone();
        tokio::spawn(async move { world.report("administrator", report_in(number % 5)).await.unwrap().number })
    });
    let mut numbers = BTreeSet::new();
    for report in reports.collect::<Vec<_>>() {
        numbers.insert(report.await.unwrap());
    }
    let expected = |code: &str, count: u32| (1..=count).map(|n| format!("{code}-20260921-{n:04}")).collect::<Vec<_>>();
    let expected: BTreeSet<String> = expected("370404001", 48).into_iter().chain(expected("370404002", 12)).collect();
    assert_eq!(numbers, expected);

    world.at("2026-09-22 00:00");
    assert_eq!(world.report("desk", report_in(0)).await.unwrap().number, "370404001-20260922-0001");
}

#[tokio::test]
async fn personal_fields_are_masked_for_those_without_clearance() {
    let world = World::new();
    let reporter = Reporter { display_name: "张三".to_owned(), phone: "13812341234".to_owned() };
    let request =
        ReportEventRequest {
            reporter: Some(reporter.clone()), address: "工农社区3号楼".to_owned(), ..report_in(0)
        };
    let event = world.report("desk", request.clone()).await.unwrap();
    assert_eq!((event.reporter.as_ref(), event.address.as_str()), (Some(&reporter), "工农社区3号楼"));
    for who in ["auditor", "department"] {
        let read = GetEventRequest { name: event.name.clone() };
        let seen = told(world.client().get_event(by(who, read)).await).unwrap();
        let masked = Reporter { display_name: "张*".to_owned(), phone: "138****1234".to_owned() };
        assert_eq!((seen.reporter.as_ref(), seen.address.as_str()), (Some(&masked), "***"), "{who}");
        // And what was masked does not come in again.
        let back = ReportEventRequest { reporter: seen.reporter, address: seen.address, ..request.clone() };
        let error = world.report("desk", back).await.unwrap_err();
        assert_eq!(error.violations().len(), 3, "{error}");
    }
}
