//! Request ids: one effect for each, whatever is sent again, by whom, and after what.

use api::events::v1::{EventFilter, ReportEventRequest, Step};
use api::staff::v1::{Principal, UpdatePrincipalRequest};
use prost_types::FieldMask;
use tests::{Taking, Town, count, done, history, live, refused, report_at, request_id, take};
use tonic::Code;

#[tokio::test]
async fn a_repeated_report_gets_the_first_answer_also_after_a_restart() {
    let mut town = Town::start().await;
    let mut worker = town.people.worker_a.clone();
    let report = ReportEventRequest { request_id: request_id(), ..report_at(0.5, 0.5) };
    let first = done(worker.events().report_event(report.clone()).await);
    for round in 0..3 {
        town.server.clock.advance_seconds(60);
        let again = done(worker.events().report_event(report.clone()).await);
        assert_eq!((&again.name, &again.number, &again.etag), (&first.name, &first.number, &first.etag), "{round}");
        town.server.restart().await;
        worker = town.server.again(&worker).await;
    }
    let desk = town.server.again(&town.people.desk).await;
    assert_eq!(count(&desk, &EventFilter::default()).await, 1);
    let other = ReportEventRequest { text: "别的事".to_owned(), ..report };
    let refusal = refused(worker.events().report_event(other).await);
    refusal.expect(Code::InvalidArgument, "REQUEST_ID_REUSED");
    assert_eq!(count(&desk, &EventFilter::default()).await, 1);
}

#[tokio::test]
async fn a_request_id_belongs_to_whoever_used_it() {
    let town = Town::start().await;
    let report = ReportEventRequest { request_id: request_id(), ..report_at(0.5, 0.5) };
    let first = done(town.people.worker_a.events().report_event(report.clone()).await);
    let second = done(town.people.micro_a1.events().report_event(report).await);
    assert_ne!(first.name, second.name, "two phones may by chance have chosen the same");
}

#[tokio::test]
async fn a_repeated_step_is_taken_once() {
    let town = Town::start().await;
    let desk = &town.people.desk;
    let event = live(desk, report_at(0.5, 0.5), &[]).await;
    let taking = Taking { request_id: request_id(), etag: event.etag.clone(), ..Taking::of(&event) };
    let accepted = done(take(desk, Step::Accept, taking.clone()).await);
    let again = done(take(desk, Step::Accept, taking.clone()).await);
    assert_eq!(again, accepted, "although the state and the etag are no longer right for it");
    assert_eq!(history(desk, &event.name).await.len(), 2);
    let other_step = refused(take(desk, Step::Dispatch, taking).await);
    other_step.expect(Code::InvalidArgument, "REQUEST_ID_REUSED");
}

#[tokio::test]
async fn a_repeated_dispatch_is_answered_although_its_handler_has_left_since() {
    let town = Town::start().await;
    let desk = &town.people.desk;
    let event = live(desk, report_at(0.5, 0.5), &[Step::Accept]).await;
    let handler = town.people.department.name.clone();
    let taking = Taking { request_id: request_id(), handler: handler.clone(), ..Taking::of(&event) };
    let dispatched = done(take(desk, Step::Dispatch, taking.clone()).await);
    let suspend = UpdatePrincipalRequest {
        principal: Some(Principal { name: handler, suspended: true, ..Default::default() }),
        update_mask: Some(FieldMask { paths: vec!["suspended".to_owned()] }),
        ..Default::default()
    };
    done(town.people.administrator.staff().update_principal(suspend).await);
    assert_eq!(done(take(desk, Step::Dispatch, taking).await), dispatched);
}

#[tokio::test]
async fn a_refused_request_may_be_sent_again_with_its_id() {
    let town = Town::start().await;
    let desk = &town.people.desk;
    let event = live(desk, report_at(0.5, 0.5), &[]).await;
    let taking = Taking { request_id: request_id(), ..Taking::of(&event) };
    refused(take(desk, Step::Dispatch, taking.clone()).await).expect(Code::FailedPrecondition, "WRONG_STATE");
    done(take(desk, Step::Accept, Taking::of(&event)).await);
    done(take(desk, Step::Dispatch, taking).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_request_from_sixteen_connections_at_once_has_one_effect() {
    let town = Town::start().await;
    let report = ReportEventRequest { request_id: request_id(), ..report_at(0.5, 0.5) };
    let calls: Vec<_> = (0..16)
        .map(|_| {
            let (caller, report) = (town.people.worker_a.clone(), report.clone());
            tokio::spawn(async move { done(caller.events().report_event(report).await) })
        })
        .collect();
    let mut names = std::collections::BTreeSet::new();
    for call in calls {
        names.insert(call.await.unwrap().name);
    }
    assert_eq!(names.len(), 1);
    assert_eq!(count(&town.people.desk, &EventFilter::default()).await, 1);
}

#[tokio::test]
async fn an_id_that_is_no_uuid_is_refused_by_every_mutation() {
    let town = Town::start().await;
    let report = ReportEventRequest { request_id: "once".to_owned(), ..report_at(0.5, 0.5) };
    refused(town.people.worker_a.events().report_event(report).await).expect_fields(&["request_id"]);
    let event = live(&town.people.desk, report_at(0.5, 0.5), &[]).await;
    let taking = Taking { request_id: "once".to_owned(), ..Taking::of(&event) };
    refused(take(&town.people.desk, Step::Accept, taking).await).expect_fields(&["request_id"]);
}
