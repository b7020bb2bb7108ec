//! Lists, counts and streams agree for every caller and filter (a mistake of peers: each has a scope of its own).

use std::collections::BTreeSet;

use api::events::v1::{CountEventsRequest, EventFilter, EventState, GroupBy, ListEventsRequest, Step};
use tests::{Caller, Town, WHOLE_LIFE, Watch, count, done, list_all, live, refused, report_at, time_of, timestamp};

/// Sixty events all over the map, in every state but refused, of three categories, a minute apart.
async fn a_day(town: &Town) {
    // Somebody everywhere, so that everything can be dispatched.
    town.people.administrator.put_in_charge(&town.land.name("S"), &town.people.desk, None).await;
    let mut random = fastrand::Rng::with_seed(11);
    for number in 0..60_usize {
        let (x, y) = (random.f64() * 4.0, random.f64() * 4.0);
        let mut report = report_at(x, y);
        report.category = ["路灯", "垃圾", "噪音"][random.usize(..3)].to_owned();
        live(&town.people.desk, report, &WHOLE_LIFE[..number % 7]).await;
        town.server.clock.advance_seconds(60);
    }
}

fn filters(town: &Town) -> Vec<EventFilter> {
    let area = |code: &str| town.land.name(code);
    let now = town.server.now();
    let all = EventFilter::default();
    vec![
        all.clone(),
        EventFilter { area: area("S"), ..all.clone() },
        EventFilter { area: area("A"), ..all.clone() },
        EventFilter { area: area("A1"), ..all.clone() },
        EventFilter { states: vec![EventState::Closed.into()], ..all.clone() },
        EventFilter { states: vec![EventState::Reported.into(), EventState::Resolved.into()], ..all.clone() },
        EventFilter { category: "路灯".to_owned(), ..all.clone() },
        EventFilter { category: "路灯".to_owned(), area: area("B"), states: vec![1, 2, 3], ..all.clone() },
        EventFilter { worker: town.people.worker_a.name.clone(), ..all.clone() },
        EventFilter { worker: town.people.micro_a1.name.clone(), area: area("A"), ..all.clone() },
        EventFilter { create_time_from: Some(timestamp(now.plus_seconds(-1_800))), ..all.clone() },
        EventFilter {
            create_time_from: Some(timestamp(now.plus_seconds(-2_400))),
            create_time_to: Some(timestamp(now.plus_seconds(-600))),
            area: area("A"),
            ..all.clone()
        },
        EventFilter { category: "没有".to_owned(), ..all },
    ]
}

/// An area that the caller cannot see is no filter for it.
async fn may_ask(caller: &Caller, filter: &EventFilter) -> bool {
    let request = CountEventsRequest { filter: Some(filter.clone()), ..Default::default() };
    match caller.events().count_events(request).await {
        Ok(_) => true,
        Err(status) => {
            assert_eq!(status.code(), tonic::Code::NotFound, "{status:?}");
            assert!(!filter.area.is_empty());
            false
        }
    }
}

#[tokio::test]
async fn for_every_caller_and_filter_the_count_is_the_length_of_the_list_and_the_sum_of_the_stream() {
    let town = Town::start().await;
    a_day(&town).await;
    // Everything from the beginning, as the administrator's watch tells it.
    let (everything, _) = list_all(&town.people.administrator, &EventFilter::default(), 1_000).await;
    assert_eq!(everything.len(), 60);
    let mut asked = 0;
    for (who, caller) in town.people.all() {
        for filter in filters(&town) {
            if !may_ask(caller, &filter).await {
                continue;
            }
            asked += 1;
            let (listed, cursor) = list_all(caller, &filter, 7).await;
            let names: BTreeSet<String> = listed.iter().map(|event| event.name.clone()).collect();
            assert_eq!(names.len(), listed.len(), "{who} {filter:?}: nothing twice");
            assert_eq!(count(caller, &filter).await, names.len() as u64, "{who} {filter:?}: count = list");
            for group_by in [GroupBy::State, GroupBy::Category] {
                let request = CountEventsRequest { filter: Some(filter.clone()), group_by: group_by.into() };
                let counts = done(caller.events().count_events(request).await);
                let sum: u64 = counts.groups.iter().map(|group| group.count).sum();
                assert_eq!((sum, counts.total_count), (names.len() as u64, names.len() as u64), "{who} {filter:?}");
                assert!(counts.groups.iter().all(|group| group.count > 0), "no empty groups");
            }
            // A filter means the same to the list and to whoever would apply it by hand to what they may see.
            let visible: BTreeSet<String> = everything
                .iter()
                .filter(|event| by_hand(&town, event, &filter))
                .map(|event| event.name.clone())
                .filter(|name| names.contains(name) || is_visible(&town, who, &everything, name))
                .collect();
            assert_eq!(names, visible, "{who} {filter:?}");
            let mut watch = Watch::begin(caller, &filter, &cursor, listed).await;
            watch.until(|state| state.len() == names.len()).await;
        }
    }
    assert!(asked > 80, "only {asked} pairs of caller and filter were asked");
}

/// Which subtree each caller reads events in.
fn is_visible(town: &Town, who: &str, everything: &[api::events::v1::Event], name: &str) -> bool {
    let code = match who {
        "desk_a" | "leader_a" | "worker_a" => "A",
        "desk_b" | "worker_b" => "B",
        "micro_a1" => "A1",
        _ => "S",
    };
    let event = everything.iter().find(|event| event.name == name).unwrap();
    event.chain.iter().any(|area| area.name == town.land.name(code))
}

fn by_hand(town: &Town, event: &api::events::v1::Event, filter: &EventFilter) -> bool {
    let created = time_of(event.create_time).unwrap();
    assert!(town.land.codes().count() == 21);
    (filter.area.is_empty() || event.chain.iter().any(|area| area.name == filter.area))
        && (filter.states.is_empty() || filter.states.contains(&event.state))
        && (filter.category.is_empty() || filter.category == event.category)
        && (filter.worker.is_empty() || filter.worker == event.worker)
        && time_of(filter.create_time_from).is_none_or(|from| created >= from)
        && time_of(filter.create_time_to).is_none_or(|to| created < to)
}

#[tokio::test]
async fn a_list_is_newest_first_or_oldest_first_whatever_the_page() {
    let town = Town::start().await;
    let mut reported = Vec::new();
    for number in 0..25 {
        // All over the map, so that pages must merge subtrees.
        let (x, y) = (f64::from(number % 4) + 0.5, f64::from(number % 3) + 0.5);
        reported.push(done(town.people.desk.events().report_event(report_at(x, y)).await).name);
        town.server.clock.advance_seconds(1);
    }
    for states in [vec![], vec![EventState::Reported.into()]] {
        for oldest_first in [true, false] {
            let mut request = ListEventsRequest {
                filter: Some(EventFilter { states: states.clone(), ..Default::default() }),
                oldest_first,
                page_size: 4,
                ..Default::default()
            };
            let mut listed = Vec::new();
            loop {
                let page = done(town.people.desk.events().list_events(request.clone()).await);
                listed.extend(page.events.into_iter().map(|event| event.name));
                if page.next_page_token.is_empty() {
                    break;
                }
                request.page_token = page.next_page_token;
            }
            let mut wanted = reported.clone();
            if !oldest_first {
                wanted.reverse();
            }
            assert_eq!(listed, wanted, "oldest first: {oldest_first}, states {states:?}");
        }
    }
}

#[tokio::test]
async fn the_oldest_open_events_come_first_among_very_many_closed_ones() {
    let town = Town::start().await;
    let desk = &town.people.desk;
    let mut open = Vec::new();
    for number in 0..120_usize {
        let is_open = number % 40 == 0;
        let event = live(desk, report_at(0.5, 0.5), if is_open { &[] } else { &[Step::Refuse] }).await;
        if is_open {
            open.push(event.name);
        }
        town.server.clock.advance_seconds(1);
    }
    let filter = EventFilter { states: vec![EventState::Reported.into()], ..Default::default() };
    let request =
        ListEventsRequest { filter: Some(filter.clone()), oldest_first: true, page_size: 2, ..Default::default() };
    let first = done(desk.events().list_events(request).await);
    let names: Vec<&String> = first.events.iter().map(|event| &event.name).collect();
    assert_eq!(names, [&open[0], &open[1]], "the oldest starves nowhere");
    assert_eq!(count(desk, &filter).await, 3);
}

#[tokio::test]
async fn counts_by_child_area_add_up_and_lead_downwards() {
    let town = Town::start().await;
    a_day(&town).await;
    let by_child = |code: &str| CountEventsRequest {
        filter: Some(EventFilter { area: town.land.name(code), ..Default::default() }),
        group_by: GroupBy::ChildArea.into(),
    };
    let of_s = done(town.people.desk.events().count_events(by_child("S")).await);
    assert_eq!(of_s.total_count, 60);
    for group in &of_s.groups {
        let code = ["A", "B", "C", "D"].into_iter().find(|code| town.land.path(code) == group.path);
        let code = code.unwrap_or_else(|| panic!("{} is no child", group.path));
        let filter = EventFilter { area: town.land.name(code), ..Default::default() };
        assert_eq!(group.count, count(&town.people.desk, &filter).await, "{code}");
        let below = done(town.people.desk.events().count_events(by_child(code)).await);
        assert_eq!(below.groups.iter().map(|group| group.count).sum::<u64>(), group.count, "below {code}");
    }
}

#[tokio::test]
async fn overdue_events_are_listed_and_counted_alike() {
    let town = Town::start().await;
    let desk_name = town.people.desk.name.clone();
    let late = done(town.people.desk.events().report_event(report_at(0.5, 0.5)).await);
    town.server.clock.advance_seconds(40 * 86_400);
    let desk = town.people.administrator.token_for(&desk_name).await;
    let fresh = done(desk.events().report_event(report_at(0.5, 0.5)).await);
    let filter = EventFilter { overdue: true, ..Default::default() };
    let (listed, _) = list_all(&desk, &filter, 0).await;
    let names: Vec<&str> = listed.iter().map(|event| event.name.as_str()).collect();
    assert_eq!(names, [late.name.as_str()], "{} is not late", fresh.name);
    assert_eq!(count(&desk, &filter).await, 1);
}

#[tokio::test]
async fn a_page_token_of_events_continues_its_own_query_only() {
    let town = Town::start().await;
    let desk = &town.people.desk;
    for _ in 0..3 {
        done(desk.events().report_event(report_at(0.5, 0.5)).await);
    }
    let query = ListEventsRequest { page_size: 2, ..Default::default() };
    let token = done(desk.events().list_events(query.clone()).await).next_page_token;
    let continued = ListEventsRequest { page_token: token, ..query };
    assert_eq!(done(desk.events().list_events(continued.clone()).await).events.len(), 1);
    let filter = Some(EventFilter { category: "x".to_owned(), ..Default::default() });
    for other in [
        ListEventsRequest { oldest_first: true, ..continued.clone() },
        ListEventsRequest { filter, ..continued.clone() },
    ] {
        refused(desk.events().list_events(other).await).expect_fields(&["page_token"]);
    }
    refused(town.people.desk_a.events().list_events(continued).await).expect_fields(&["page_token"]);
}
