//! The life of an event: each step from each state, by each post, in scope, with its history.

use std::collections::BTreeMap;

use api::events::v1::{Event, EventState, GetEventRequest, Step};
use api::staff::v1::{GetPrincipalRequest, ListHandlersRequest, Post};
use tests::{Caller, Taking, Town, WHOLE_LIFE, done, history, live, refused, report_at, states, take, time_of};
use tonic::Code;

/// Each step, the states it may be taken from, and where it leads from there.
const TABLE: [(Step, &[(EventState, EventState)]); 9] = [
    (Step::Accept, &[(EventState::Reported, EventState::Accepted)]),
    (Step::Refuse, &[(EventState::Reported, EventState::Refused)]),
    (Step::Dispatch, &[(EventState::Accepted, EventState::Dispatched)]),
    (Step::Start, &[(EventState::Dispatched, EventState::InProgress)]),
    (Step::Resolve, &[(EventState::InProgress, EventState::Resolved)]),
    (Step::Verify, &[(EventState::Resolved, EventState::Verified)]),
    (Step::Close, &[(EventState::Verified, EventState::Closed)]),
    (
        Step::Return,
        &[
            (EventState::Dispatched, EventState::Accepted),
            (EventState::InProgress, EventState::Accepted),
            (EventState::Resolved, EventState::InProgress),
            (EventState::Verified, EventState::Resolved),
        ],
    ),
    (Step::Reopen, &[(EventState::Closed, EventState::Accepted), (EventState::Refused, EventState::Reported)]),
];

/// An event in each state.
async fn one_in_each_state(desk: &Caller) -> BTreeMap<EventState, Event> {
    let mut events = BTreeMap::new();
    for taken in 0..=WHOLE_LIFE.len() {
        let event = live(desk, report_at(0.5, 0.5), &WHOLE_LIFE[..taken]).await;
        events.insert(event.state(), event);
    }
    let refused = live(desk, report_at(0.5, 0.5), &[Step::Refuse]).await;
    events.insert(refused.state(), refused);
    assert!(events.keys().copied().eq(states()), "one in each state");
    events
}

#[tokio::test]
async fn a_whole_life_is_walked_and_remembered() {
    let town = Town::start().await;
    let people = &town.people;
    let mut event = done(people.worker_a.events().report_event(report_at(1.5, 0.5)).await);
    assert_eq!((event.state(), event.worker.as_str()), (EventState::Reported, people.worker_a.name.as_str()));
    let walk = [
        (Step::Accept, &people.desk_a),
        (Step::Dispatch, &people.desk_a),
        (Step::Start, &people.worker_a),
        (Step::Resolve, &people.worker_a),
        (Step::Verify, &people.leader_a),
        (Step::Close, &people.desk),
    ];
    for (step, caller) in walk {
        town.server.clock.advance_seconds(60);
        let etag = event.etag.clone();
        let taking = Taking { etag, note: format!("{step:?}"), ..Taking::of(&event) };
        event = done(take(caller, step, taking).await);
    }
    assert_eq!(event.state(), EventState::Closed);
    assert_eq!(event.result, "Resolve");
    assert_eq!(event.handler, people.worker_a.name, "dispatched to the worker in charge");
    assert!(event.resolve_time.is_some() && time_of(event.close_time) == Some(town.server.now()));
    let steps = history(&people.auditor, &event.name).await;
    let told: Vec<(u32, Step, EventState, EventState)> =
        steps.iter().map(|step| (step.sequence, step.step(), step.from_state(), step.to_state())).collect();
    let states = [
        EventState::Unspecified,
        EventState::Reported,
        EventState::Accepted,
        EventState::Dispatched,
        EventState::InProgress,
        EventState::Resolved,
        EventState::Verified,
        EventState::Closed,
    ];
    let wanted: Vec<(u32, Step, EventState, EventState)> = [Step::Report]
        .iter()
        .chain(&WHOLE_LIFE)
        .zip(states.windows(2))
        .zip(1..)
        .map(|((step, pair), sequence)| (sequence, *step, pair[0], pair[1]))
        .collect();
    assert_eq!(told, wanted);
    let who: Vec<&str> = steps.iter().map(|step| step.principal.as_str()).collect();
    assert_eq!(who[0], people.worker_a.name);
    assert_eq!(who[1..], walk.map(|(_, caller)| caller.name.as_str()));
    assert!(steps.windows(2).all(|pair| time_of(pair[0].time) < time_of(pair[1].time)));
    assert_eq!(steps[2].handler, people.worker_a.name);
}

#[tokio::test]
async fn every_step_is_taken_from_its_states_only() {
    let town = Town::start().await;
    let desk = &town.people.desk;
    for (step, ways) in TABLE {
        for (from, event) in one_in_each_state(desk).await {
            let answer = take(desk, step, Taking::of(&event)).await;
            match ways.iter().find(|(state, _)| *state == from) {
                Some((_, to)) => {
                    let after = done(answer);
                    assert_eq!(after.state(), *to, "{step:?} from {from:?}");
                    assert_ne!(after.etag, event.etag);
                    assert_eq!(history(desk, &event.name).await.last().unwrap().step(), step);
                }
                None => {
                    let refusal = refused(answer);
                    refusal.expect(Code::FailedPrecondition, "WRONG_STATE");
                    for (state, _) in ways {
                        let name = state.as_str_name().trim_start_matches("EVENT_STATE_");
                        assert!(refusal.message.contains(name), "{step:?} from {from:?} names {name}: {refusal:?}");
                    }
                    let same = done(desk.events().get_event(GetEventRequest { name: event.name.clone() }).await);
                    assert_eq!(same, event, "a refused step changes nothing");
                }
            }
        }
    }
}

#[tokio::test]
async fn every_post_may_take_its_steps_and_no_others() {
    let town = Town::start().await;
    let people = &town.people;
    let report = || report_at(0.5, 0.5);
    // Who may take a step whatever the event: by the policy, not by who handles it.
    let desks = [&people.administrator, &people.desk, &people.desk_a];
    let others = [&people.worker_a, &people.micro_a1, &people.department, &people.auditor];
    for (step, before) in [
        (Step::Accept, 0),
        (Step::Refuse, 0),
        (Step::Dispatch, 1),
        (Step::Verify, 4),
        (Step::Close, 5),
        (Step::Reopen, 6),
    ] {
        for caller in desks {
            let event = live(&people.desk, report(), &WHOLE_LIFE[..before]).await;
            done(take(caller, step, Taking::of(&event)).await);
        }
        let event = live(&people.desk, report(), &WHOLE_LIFE[..before]).await;
        for caller in others {
            let refusal = refused(take(caller, step, Taking::of(&event)).await);
            assert_eq!(refusal.code, Code::PermissionDenied, "{step:?}: {refusal:?}");
        }
    }
    let refusal = refused(people.auditor.events().report_event(report()).await);
    refusal.expect(Code::PermissionDenied, "ACTION_NOT_ALLOWED");
}

#[tokio::test]
async fn an_event_is_handled_by_its_handler_and_checked_by_somebody_else() {
    let town = Town::start().await;
    let people = &town.people;
    let event = live(&people.desk, report_at(0.5, 0.5), &[Step::Accept]).await;
    let taking = Taking { handler: people.department.name.clone(), ..Taking::of(&event) };
    done(take(&people.desk, Step::Dispatch, taking).await);
    let by_stranger = refused(take(&people.leader_a, Step::Start, Taking::of(&event)).await);
    by_stranger.expect(Code::PermissionDenied, "NOT_THE_HANDLER");
    done(take(&people.department, Step::Start, Taking::of(&event)).await);
    done(take(&people.department, Step::Resolve, Taking::of(&event)).await);
    let own = refused(take(&people.department, Step::Verify, Taking::of(&event)).await);
    assert_eq!(own.code, Code::PermissionDenied, "{own:?}");
    let verified = done(take(&people.leader_a, Step::Verify, Taking::of(&event)).await);
    assert_eq!(verified.state(), EventState::Verified);
    // A leader who resolved it does not check it.
    let event = live(&people.desk, report_at(0.5, 0.5), &[Step::Accept]).await;
    let taking = Taking { handler: people.leader_a.name.clone(), ..Taking::of(&event) };
    done(take(&people.desk, Step::Dispatch, taking).await);
    done(take(&people.leader_a, Step::Start, Taking::of(&event)).await);
    done(take(&people.leader_a, Step::Resolve, Taking::of(&event)).await);
    let own = refused(take(&people.leader_a, Step::Verify, Taking::of(&event)).await);
    own.expect(Code::PermissionDenied, "OWN_WORK");
}

#[tokio::test]
async fn a_community_whistles_and_a_department_of_its_subdistrict_reports() {
    let town = Town::start().await;
    let people = &town.people;
    let event = live(&people.desk_a, report_at(0.5, 0.5), &[Step::Accept]).await;
    let list = ListHandlersRequest { path: town.land.path("A1"), ..Default::default() };
    let handlers = done(people.desk_a.staff().list_handlers(list.clone()).await).handlers;
    let department = handlers.iter().find(|handler| handler.principal == people.department.name).unwrap();
    assert_eq!((department.display_name.as_str(), department.bindings[0].post()), ("执法中队", Post::Department));
    let get = GetPrincipalRequest { name: people.department.name.clone() };
    refused(people.desk_a.staff().get_principal(get).await).expect(Code::NotFound, "NOT_FOUND");

    let to = |handler: &Caller| Taking { handler: handler.name.clone(), ..Taking::of(&event) };
    for stranger in [&people.worker_b, &people.desk_b, &people.auditor] {
        let refusal = refused(take(&people.desk_a, Step::Dispatch, to(stranger)).await);
        refusal.expect(Code::FailedPrecondition, "HANDLER_CANNOT_HANDLE");
    }
    refused(take(&people.desk_b, Step::Dispatch, to(&people.department)).await).expect(Code::NotFound, "NOT_FOUND");
    refused(people.desk_b.staff().list_handlers(list).await).expect(Code::PermissionDenied, "OUT_OF_SCOPE");

    done(take(&people.desk_a, Step::Dispatch, to(&people.department)).await);
    done(take(&people.department, Step::Start, Taking::of(&event)).await);
    let resolved = done(take(&people.department, Step::Resolve, Taking::of(&event)).await);
    assert_eq!(resolved.state(), EventState::Resolved);
    done(take(&people.desk_a, Step::Verify, Taking::of(&event)).await);
}

#[tokio::test]
async fn an_event_out_of_scope_does_not_exist_and_cannot_be_changed() {
    let town = Town::start().await;
    let people = &town.people;
    let event = done(people.worker_b.events().report_event(report_at(2.5, 0.5)).await);
    let get = GetEventRequest { name: event.name.clone() };
    refused(people.desk_a.events().get_event(get.clone()).await).expect(Code::NotFound, "NOT_FOUND");
    refused(take(&people.desk_a, Step::Accept, Taking::of(&event)).await).expect(Code::NotFound, "NOT_FOUND");
    refused(people.worker_a.events().report_event(report_at(2.5, 0.5)).await)
        .expect(Code::PermissionDenied, "OUT_OF_SCOPE");
    let same = done(people.desk_b.events().get_event(get).await);
    assert_eq!(same, event);
    let unknown = GetEventRequest { name: "events/00000000-0000-7000-8000-000000000000".to_owned() };
    let nothing = refused(people.desk_a.events().get_event(unknown).await);
    let hidden = refused(people.desk_a.events().get_event(GetEventRequest { name: event.name.clone() }).await);
    assert_eq!((nothing.code, nothing.reason), (hidden.code, hidden.reason), "the two cannot be told apart");
}

#[tokio::test]
async fn a_step_with_an_old_etag_is_aborted() {
    let town = Town::start().await;
    let desk = &town.people.desk;
    let event = live(desk, report_at(0.5, 0.5), &[]).await;
    let accepted = done(take(desk, Step::Accept, Taking { etag: event.etag.clone(), ..Taking::of(&event) }).await);
    let stale = Taking { etag: event.etag.clone(), ..Taking::of(&event) };
    refused(take(desk, Step::Dispatch, stale).await).expect(Code::Aborted, "ETAG_MISMATCH");
    let fresh = Taking { etag: accepted.etag, ..Taking::of(&event) };
    done(take(desk, Step::Dispatch, fresh).await);
    let malformed = Taking { etag: "x".to_owned(), ..Taking::of(&event) };
    refused(take(desk, Step::Start, malformed).await).expect_fields(&["etag"]);
}

#[tokio::test]
async fn the_deadline_is_moved_by_a_reopening_and_by_nothing_else() {
    let town = Town::start().await;
    let desk = &town.people.desk;
    let mut event = live(desk, report_at(0.5, 0.5), &[]).await;
    let due = event.due_time;
    assert!(time_of(due) > Some(town.server.now()));
    let there_and_back = [
        Step::Accept,
        Step::Dispatch,
        Step::Return,
        Step::Dispatch,
        Step::Start,
        Step::Resolve,
        Step::Return,
        Step::Resolve,
        Step::Verify,
        Step::Return,
        Step::Verify,
        Step::Close,
    ];
    for step in there_and_back {
        town.server.clock.advance_seconds(600);
        event = done(take(desk, step, Taking::of(&event)).await);
        assert_eq!(event.due_time, due, "{step:?} moves no deadline");
    }
    assert_eq!((event.return_count, event.reopen_count), (3, 0));
    // Far enough for another working day.
    town.server.clock.advance_seconds(10 * 86_400);
    let reopened = done(take(desk, Step::Reopen, Taking::of(&event)).await);
    assert!(time_of(reopened.due_time) > time_of(due), "a new clock");
    assert_eq!((reopened.state(), reopened.reopen_count), (EventState::Accepted, 1));
    assert!(reopened.close_time.is_none() && reopened.resolve_time.is_none());
}

#[tokio::test]
async fn an_event_is_overdue_from_its_deadline_on_until_it_is_resolved_in_time() {
    let town = Town::start().await;
    let desk = &town.people.desk;
    let event = live(desk, report_at(0.5, 0.5), &WHOLE_LIFE[..3]).await;
    let get = GetEventRequest { name: event.name.clone() };
    let due = time_of(event.due_time).unwrap();
    town.server.clock.set(due);
    let again = town.server.again(desk).await;
    assert!(!done(again.events().get_event(get.clone()).await).overdue, "at the deadline it is in time");
    town.server.clock.set(due.plus_micros(1));
    assert!(done(again.events().get_event(get.clone()).await).overdue);
    let resolved = done(take(&again, Step::Resolve, Taking::of(&event)).await);
    assert!(resolved.overdue, "resolved too late stays late");
}
