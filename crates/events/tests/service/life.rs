//! Steps: the whole way, who may take them, stale versions and repeats.

use api::events::v1::{
    AcceptEventRequest, CloseEventRequest, DispatchEventRequest, Event, EventState, GetEventRequest,
    ListEventStepsRequest, RefuseEventRequest, ReopenEventRequest, ResolveEventRequest, ReturnEventRequest,
    StartEventRequest, Step, VerifyEventRequest,
};
use base::{Kind, Result};

use crate::world::{World, by, principal, report_in, request_id, told};

/// Takes a step with what it needs and nothing else.
pub(crate) async fn take(world: &World, who: &str, step: Step, name: &str) -> Result<Event> {
    let (name, note) = (name.to_owned(), "because".to_owned());
    let mut client = world.client();
    told(match step {
        Step::Accept => client.accept_event(by(who, AcceptEventRequest { name, ..Default::default() })).await,
        Step::Refuse => client.refuse_event(by(who, RefuseEventRequest { name, note, ..Default::default() })).await,
        Step::Dispatch => client.dispatch_event(by(who, DispatchEventRequest { name, ..Default::default() })).await,
        Step::Start => client.start_event(by(who, StartEventRequest { name, ..Default::default() })).await,
        Step::Resolve => {
            let result = "清运完毕".to_owned();
            client.resolve_event(by(who, ResolveEventRequest { name, result, ..Default::default() })).await
        }
        Step::Verify => client.verify_event(by(who, VerifyEventRequest { name, ..Default::default() })).await,
        Step::Close => client.close_event(by(who, CloseEventRequest { name, ..Default::default() })).await,
        Step::Return => client.return_event(by(who, ReturnEventRequest { name, note, ..Default::default() })).await,
        Step::Reopen => client.reopen_event(by(who, ReopenEventRequest { name, note, ..Default::default() })).await,
        Step::Unspecified | Step::Report => unreachable!("not a step of its own"),
    })
}

#[tokio::test]
async fn an_event_walks_from_report_to_closing_and_its_history_tells_every_step() {
    let world = World::new();
    let event = world.report("worker 1", report_in(0)).await.unwrap();
    let way = [
        ("desk", Step::Accept, EventState::Accepted),
        ("desk", Step::Dispatch, EventState::Dispatched),
        ("worker 1", Step::Start, EventState::InProgress),
        ("worker 1", Step::Resolve, EventState::Resolved),
        ("leader", Step::Verify, EventState::Verified),
        ("desk", Step::Close, EventState::Closed),
    ];
    for (who, step, state) in way {
        world.clock.advance_seconds(60);
        let answered = take(&world, who, step, &event.name).await.unwrap();
        assert_eq!(answered.state(), state);
        let read = GetEventRequest { name: event.name.clone() };
        assert_eq!(told(world.client().get_event(by("desk", read)).await).unwrap(), answered);
    }
    let mut steps = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = ListEventStepsRequest { parent: event.name.clone(), page_size: 3, page_token };
        let page = told(world.client().list_event_steps(by("auditor", request)).await).unwrap();
        steps.extend(page.steps);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    let told: Vec<_> =
        steps.iter().map(|step| (step.sequence, step.principal.clone(), step.step(), step.to_state())).collect();
    let reported = (1, principal("worker 1").name(), Step::Report, EventState::Reported);
    let rest = way.iter().zip(2..).map(|((who, step, to), sequence)| (sequence, principal(who).name(), *step, *to));
    assert_eq!(told, std::iter::once(reported).chain(rest).collect::<Vec<_>>());
    assert_eq!(steps[2].handler, principal("worker 1").name());
    assert_eq!(steps[4].note, "清运完毕");
}

#[tokio::test]
async fn a_step_from_a_wrong_state_says_which_would_be_right() {
    let world = World::new();
    let event = world.report("desk", report_in(0)).await.unwrap();
    let error = take(&world, "desk", Step::Close, &event.name).await.unwrap_err();
    assert_eq!((error.kind(), error.reason()), (Kind::Precondition, "WRONG_STATE"));
    assert_eq!(error.message(), "the event is REPORTED; this step may be taken from VERIFIED only");
}

#[tokio::test]
async fn a_stale_etag_aborts_and_a_fresh_one_does_not() {
    let world = World::new();
    let event = world.report("desk", report_in(0)).await.unwrap();
    take(&world, "desk", Step::Accept, &event.name).await.unwrap();
    let dispatch =
        |etag: &str| DispatchEventRequest { name: event.name.clone(), etag: etag.to_owned(), ..Default::default() };
    let stale = told(world.client().dispatch_event(by("desk", dispatch(&event.etag))).await).unwrap_err();
    assert_eq!((stale.kind(), stale.reason()), (Kind::Conflict, "ETAG_MISMATCH"));
    assert!(told(world.client().dispatch_event(by("desk", dispatch("\"2\""))).await).is_ok());
}

#[tokio::test]
async fn a_repeated_step_is_taken_once() {
    let world = World::new();
    let event = world.report("desk", report_in(0)).await.unwrap();
    let accept = AcceptEventRequest { name: event.name.clone(), request_id: request_id(1), ..Default::default() };
    let first = told(world.client().accept_event(by("desk", accept.clone())).await).unwrap();
    let again = told(world.client().accept_event(by("desk", accept.clone())).await).unwrap();
    assert_eq!((first.etag.as_str(), &again), ("\"2\"", &first));
    let other = AcceptEventRequest { note: "other".to_owned(), ..accept };
    let reused = told(world.client().accept_event(by("desk", other)).await).unwrap_err();
    assert_eq!(reused.reason(), "REQUEST_ID_REUSED");
}

#[tokio::test]
async fn what_lies_outside_the_scope_does_not_exist() {
    let world = World::new();
    let event = world.report("desk", report_in(0)).await.unwrap();
    for who in ["worker 2", "other desk"] {
        let read = GetEventRequest { name: event.name.clone() };
        let unread = told(world.client().get_event(by(who, read)).await).unwrap_err();
        assert_eq!(unread.kind(), Kind::NotFound, "{who}");
        let history = ListEventStepsRequest { parent: event.name.clone(), ..Default::default() };
        let untold = told(world.client().list_event_steps(by(who, history)).await).unwrap_err();
        assert_eq!(untold.kind(), Kind::NotFound, "{who}");
    }
    assert_eq!(take(&world, "other desk", Step::Accept, &event.name).await.unwrap_err().kind(), Kind::NotFound);
    // Who may read it is told why not.
    let refused = take(&world, "scattered", Step::Accept, &event.name).await.unwrap_err();
    assert_eq!(refused.kind(), Kind::NotFound);
    let elsewhere = world.report("worker 2", report_in(1)).await.unwrap();
    let refused = take(&world, "scattered", Step::Accept, &elsewhere.name).await.unwrap_err();
    assert_eq!((refused.kind(), refused.reason()), (Kind::Forbidden, "OUT_OF_SCOPE"));
    assert_eq!(take(&world, "worker 1", Step::Accept, &event.name).await.unwrap_err().reason(), "ACTION_NOT_ALLOWED");
}

#[tokio::test]
async fn an_event_is_dispatched_only_to_somebody_who_may_handle_it() {
    let world = World::new();
    let event = world.report("desk", report_in(3)).await.unwrap();
    take(&world, "desk", Step::Accept, &event.name).await.unwrap();
    assert_eq!(take(&world, "desk", Step::Dispatch, &event.name).await.unwrap_err().reason(), "NO_HANDLER");
    let dispatch = |handler: String| DispatchEventRequest { name: event.name.clone(), handler, ..Default::default() };
    // Who cannot handle it and who does not exist at all cannot be told apart.
    for handler in [principal("worker 1"), principal("auditor"), base::PrincipalId::from_bytes([99; 16])] {
        let refused = told(world.client().dispatch_event(by("desk", dispatch(handler.name()))).await).unwrap_err();
        assert_eq!(refused.reason(), "HANDLER_CANNOT_HANDLE");
    }
    let department = principal("department").name();
    let dispatched = told(world.client().dispatch_event(by("desk", dispatch(department.clone()))).await).unwrap();
    assert_eq!(dispatched.handler, department);
    assert_eq!(take(&world, "department", Step::Start, &event.name).await.unwrap().state(), EventState::InProgress);
}

#[tokio::test]
async fn the_worker_in_charge_of_a_report_gets_it_only_while_able_to_handle_it() {
    let world = World::new();
    let event = world.report("desk", report_in(0)).await.unwrap();
    take(&world, "desk", Step::Accept, &event.name).await.unwrap();
    world.staff.suspended.lock().unwrap().push(principal("worker 1"));
    for handler in [String::new(), principal("worker 1").name()] {
        let dispatch = DispatchEventRequest { name: event.name.clone(), handler, ..Default::default() };
        let refused = told(world.client().dispatch_event(by("desk", dispatch)).await).unwrap_err();
        assert_eq!((refused.kind(), refused.reason()), (Kind::Precondition, "HANDLER_CANNOT_HANDLE"));
    }
    // A stale version or a wrong state is still what is told first.
    let stale = DispatchEventRequest { name: event.name.clone(), etag: event.etag.clone(), ..Default::default() };
    let stale = told(world.client().dispatch_event(by("desk", stale)).await).unwrap_err();
    assert_eq!(stale.reason(), "ETAG_MISMATCH");
    world.staff.suspended.lock().unwrap().clear();
    take(&world, "desk", Step::Dispatch, &event.name).await.unwrap();
}

#[tokio::test]
async fn a_late_result_stays_late_and_an_edit_never_moves_the_deadline() {
    let world = World::new();
    let event = world.report("desk", report_in(0)).await.unwrap();
    let mut last = event.clone();
    world.at("2026-09-30 08:00");
    for step in [Step::Accept, Step::Dispatch, Step::Start, Step::Resolve, Step::Verify, Step::Close] {
        last = take(&world, "desk", step, &event.name).await.unwrap();
        assert_eq!((last.due_time, last.overdue), (event.due_time, true), "{step:?}");
    }
    assert!(last.close_time.is_some());
    let reopened = take(&world, "desk", Step::Reopen, &event.name).await.unwrap();
    assert!(!reopened.overdue && reopened.due_time.unwrap().seconds > event.due_time.unwrap().seconds);
}
