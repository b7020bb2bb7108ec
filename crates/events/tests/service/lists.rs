//! For every principal and every filter: the list is what the filter means, the count is the length of the list, and
//! the replay of a watch is the list (peers' mistakes 4 and 7).

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use api::events::v1::watch_events_response::Change;
use api::events::v1::{
    CountEventsRequest, Event, EventFilter, EventState, GroupBy, ListEventsRequest, ReportEventRequest, Step, Urgency,
};
use api::staff::v1::Post;
use base::{AreaPath, Kind, Time};
use proptest::prelude::*;

use crate::life::take;
use crate::watches::watch;
use crate::world::{AREAS, World, area, by, identities, path, principal, report_in, told};

const CATEGORIES: [&str; 3] = ["暴露垃圾", "占道经营", "邻里纠纷"];
/// The steps after the report, by their numbers in the contract.
const STEPS: RangeInclusive<i32> = Step::Accept as i32..=Step::Reopen as i32;
/// The micro-grids, then areas above them that a reporter may name.
const NAMED: [&str; 3] = ["/1", "/1/2", "/2/1"];

/// One thing that happens.
#[derive(Clone, Debug)]
enum Happening {
    Report { place: u8, category: usize, urgency: i32 },
    Step { event: usize, step: Step },
    Micros(i64),
    Hours(i64),
}

/// A filter before it is known which events there are.
#[derive(Clone, Debug)]
struct Wish {
    area: Option<usize>,
    states: Vec<i32>,
    category: Option<usize>,
    worker: Option<usize>,
    /// Around the report of some event, so many microseconds off.
    from: Option<(usize, i64)>,
    to: Option<(usize, i64)>,
    overdue: bool,
}

fn happening() -> impl Strategy<Value = Happening> {
    let report = (0..8_u8, 0..3_usize, 0..4_i32);
    prop_oneof![
        4 => report.prop_map(|(place, category, urgency)| Happening::Report { place, category, urgency }),
        8 => (any::<usize>(), STEPS).prop_map(|(event, step)| Happening::Step { event, step: step.try_into().unwrap() }),
        2 => (0..3_000_i64).prop_map(Happening::Micros),
        1 => (0..100_i64).prop_map(Happening::Hours),
    ]
}

fn wish() -> impl Strategy<Value = Wish> {
    let bound = || prop::option::weighted(0.3, (any::<usize>(), prop_oneof![Just(0), -2_000..2_000_i64]));
    (
        prop::option::of(0..AREAS.len()),
        prop_oneof![Just(Vec::new()), prop::collection::vec(1..9_i32, 1..4)],
        prop::option::weighted(0.3, 0..3_usize),
        prop::option::weighted(0.3, 0..3_usize),
        bound(),
        bound(),
        prop::bool::weighted(0.3),
    )
        .prop_map(|(area, states, category, worker, from, to, overdue)| Wish {
            area,
            states,
            category,
            worker,
            from,
            to,
            overdue,
        })
}

impl Wish {
    fn filter(&self, events: &[Event]) -> EventFilter {
        let time = |bound: Option<(usize, i64)>| {
            let (event, off) = bound.filter(|_| !events.is_empty())?;
            Some(rpc::time::to_proto(created(&events[event % events.len()]).plus_micros(off)))
        };
        let (from, to) = (time(self.from), time(self.to));
        let in_order = from.zip(to).is_none_or(|(from, to)| (from.seconds, from.nanos) <= (to.seconds, to.nanos));
        EventFilter {
            area: self.area.map(|place| area(AREAS[place].0).name()).unwrap_or_default(),
            states: self.states.clone(),
            category: self.category.map(|category| CATEGORIES[category].to_owned()).unwrap_or_default(),
            worker: self.worker.map(|worker| principal(&format!("worker {}", worker + 1)).name()).unwrap_or_default(),
            create_time_from: from,
            create_time_to: to.filter(|_| in_order),
            overdue: self.overdue,
        }
    }
}

fn created(event: &Event) -> Time {
    let time = event.create_time.unwrap();
    Time::from_seconds_and_nanos(time.seconds, time.nanos)
}

fn place_of(event: &Event) -> AreaPath {
    path(&event.chain.last().unwrap().path)
}

/// Where somebody may read events, written down apart from the policy table: everybody with a post.
fn may_read(who: &str, place: &AreaPath) -> bool {
    identities()[who].bindings.iter().any(|(post, root)| *post != Post::Unspecified && place.is_within(root))
}

/// Whether an event is meant, decided from what is seen of it, without any of the service's code.
fn is_meant(who: &str, filter: &EventFilter, event: &Event) -> bool {
    let asked = AREAS.iter().find(|(place, ..)| area(place).name() == filter.area);
    let bound =
        |time: &Option<prost_types::Timestamp>| time.map(|time| Time::from_seconds_and_nanos(time.seconds, time.nanos));
    may_read(who, &place_of(event))
        && asked.is_none_or(|(place, ..)| place_of(event).is_within(&path(place)))
        && (filter.states.is_empty() || filter.states.contains(&event.state))
        && (filter.category.is_empty() || filter.category == event.category)
        && (filter.worker.is_empty() || filter.worker == event.worker)
        && bound(&filter.create_time_from).is_none_or(|from| created(event) >= from)
        && bound(&filter.create_time_to).is_none_or(|to| created(event) < to)
        && (!filter.overdue || event.overdue)
}

async fn play(world: &World, happenings: &[Happening]) {
    let mut names: Vec<String> = Vec::new();
    for happening in happenings {
        match happening {
            Happening::Report { place, category, urgency } => {
                let named = NAMED.get(usize::from(*place).wrapping_sub(5));
                let at = report_in((*place).min(4));
                let request = ReportEventRequest {
                    category: CATEGORIES[*category].to_owned(),
                    urgency: *urgency,
                    point: at.point.filter(|_| named.is_none()),
                    area: named.map(|place| area(place).name()).unwrap_or_default(),
                    ..at
                };
                names.push(world.report("administrator", request).await.unwrap().name);
            }
            Happening::Step { event, step } if !names.is_empty() => {
                let taken = take(world, "administrator", *step, &names[event % names.len()]).await;
                assert!(taken.is_ok() || taken.is_err_and(|error| error.kind() == Kind::Precondition));
            }
            Happening::Step { .. } => {}
            Happening::Micros(micros) => world.clock.set(world.now().plus_micros(*micros)),
            Happening::Hours(hours) => world.clock.advance_seconds(hours * 3_600),
        }
    }
}

/// The groups of a count as text, made from a list.
fn grouped(by: GroupBy, who: &str, filter: &EventFilter, listed: &[Event]) -> BTreeMap<String, u64> {
    let base = AREAS.iter().find(|(place, ..)| area(place).name() == filter.area).map(|(place, ..)| path(place));
    let roots = || rpc::Scope::of(identities()[who].bindings.iter().map(|(_, root)| *root));
    let mut groups = BTreeMap::new();
    for event in listed {
        let place = place_of(event);
        let base = || base.unwrap_or_else(|| *roots().paths().iter().find(|root| place.is_within(root)).unwrap());
        let group = match by {
            GroupBy::Unspecified => Some(String::new()),
            GroupBy::State => Some(event.state().as_str_name().to_owned()),
            GroupBy::Category => Some(event.category.clone()),
            GroupBy::ChildArea => {
                Some(place).filter(|place| *place != base()).map(|place| place.ancestor(base().depth() + 1).to_string())
            }
        };
        if let Some(group) = group {
            *groups.entry(group).or_default() += 1;
        }
    }
    groups
}

async fn check_counts(world: &World, who: &str, filter: &EventFilter, listed: &[Event]) {
    for group_by in [GroupBy::Unspecified, GroupBy::State, GroupBy::Category, GroupBy::ChildArea] {
        let request = CountEventsRequest { filter: Some(filter.clone()), group_by: group_by.into() };
        let counted = told(world.client().count_events(by(who, request)).await).unwrap();
        assert_eq!(counted.total_count, listed.len() as u64, "{who} {filter:?} {group_by:?}");
        let groups = counted.groups.iter().map(|group| {
            let state = if group.state == 0 { String::new() } else { group.state().as_str_name().to_owned() };
            (format!("{state}{}{}", group.category, group.path), group.count)
        });
        assert_eq!(groups.collect::<BTreeMap<_, _>>(), grouped(group_by, who, filter, listed), "{who} {filter:?}");
    }
}

/// Watches from `cursor` on until `head` and answers what matches in the end.
async fn replay(world: &World, who: &str, filter: &EventFilter, cursor: &str, head: &str) -> BTreeMap<String, Event> {
    let mut stream = watch(world, who, filter.clone(), cursor).await.unwrap();
    let mut matching = BTreeMap::new();
    loop {
        let message = stream.message().await.unwrap().unwrap();
        match message.change {
            Some(Change::Event(event)) => drop(matching.insert(event.name.clone(), event)),
            Some(Change::Removed(name)) => assert!(matching.remove(&name).is_some(), "only what matched is removed"),
            None if message.cursor == head => return matching,
            None => {}
        }
    }
}

async fn check(world: &World, who: &str, filter: &EventFilter, all: &[Event], cursors: (&str, &str)) {
    let meant: Vec<&Event> = all.iter().filter(|event| is_meant(who, filter, event)).collect();
    let names: BTreeSet<&str> = meant.iter().map(|event| event.name.as_str()).collect();
    let request = ListEventsRequest { filter: Some(filter.clone()), ..Default::default() };
    if let Err(refused) = told(world.client().list_events(by(who, request)).await) {
        assert_eq!((refused.reason(), names.len()), ("OUT_OF_SCOPE", 0));
        let request = CountEventsRequest { filter: Some(filter.clone()), group_by: 0 };
        let counted = told(world.client().count_events(by(who, request)).await);
        assert_eq!(counted.unwrap_err().reason(), "OUT_OF_SCOPE");
        return;
    }
    let newest_first = world.list(who, filter.clone(), 3, false).await;
    let listed: BTreeSet<&str> = newest_first.iter().map(|event| event.name.as_str()).collect();
    assert_eq!(listed, names, "{who} {filter:?}");
    assert_eq!(newest_first.len(), names.len(), "no event comes twice");
    let mut oldest_first = world.list(who, filter.clone(), 1_000, true).await;
    // Ids are exact to the millisecond; within one their order is arbitrary.
    assert!(oldest_first.is_sorted_by_key(|event| created(event).micros() / 1_000));
    oldest_first.reverse();
    assert_eq!(oldest_first, newest_first, "one list, read from both ends");
    check_counts(world, who, filter, &newest_first).await;
    if !filter.overdue {
        let replayed = replay(world, who, filter, cursors.0, cursors.1).await;
        let listed = newest_first.into_iter().map(|event| (event.name.clone(), event)).collect();
        assert_eq!(replayed, listed, "{who} {filter:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn list_count_and_watch_agree_for_everybody_and_every_filter(
        happenings in prop::collection::vec(happening(), 1..80),
        wishes in prop::collection::vec(wish(), 1..8),
    ) {
        // Paused time runs ahead when everybody waits, so a watch that has nothing to tell says so at once.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let world = World::new();
            let head = async || {
                let list = world.client().list_events(by("administrator", ListEventsRequest::default())).await;
                told(list).unwrap().cursor
            };
            let begin = head().await;
            play(&world, &happenings).await;
            let end = head().await;
            let all = world.list("administrator", EventFilter::default(), 1_000, false).await;
            for wish in &wishes {
                let filter = wish.filter(&all);
                for who in identities().keys() {
                    check(&world, who, &filter, &all, (&begin, &end)).await;
                }
            }
        });
    }
}

#[tokio::test]
async fn the_overdue_are_the_unresolved_past_their_deadline_and_the_late_results() {
    let world = World::new();
    let urgent = ReportEventRequest { urgency: Urgency::Critical.into(), ..report_in(0) };
    let late = world.report("desk", urgent.clone()).await.unwrap();
    let open = world.report("desk", urgent.clone()).await.unwrap();
    let refused = world.report("desk", urgent.clone()).await.unwrap();
    let in_time = world.report("desk", urgent).await.unwrap();
    world.report("desk", report_in(1)).await.unwrap();
    take(&world, "desk", Step::Refuse, &refused.name).await.unwrap();
    let resolve = async |name: &str| {
        for step in [Step::Accept, Step::Dispatch, Step::Start, Step::Resolve] {
            take(&world, "desk", step, name).await.unwrap();
        }
    };
    resolve(&in_time.name).await;
    let overdue = EventFilter { overdue: true, ..Default::default() };
    assert!(world.list("desk", overdue.clone(), 0, false).await.is_empty());
    world.at("2026-09-21 10:00:01");
    resolve(&late.name).await;
    let listed = world.list("desk", overdue.clone(), 0, true).await;
    let names: BTreeSet<String> = listed.iter().map(|event| event.name.clone()).collect();
    assert_eq!(names, BTreeSet::from([late.name, open.name]));
    let resolved = EventFilter { states: vec![EventState::Resolved.into()], ..overdue };
    assert_eq!(world.list("desk", resolved, 0, true).await.len(), 1);
}

#[tokio::test]
async fn a_page_token_of_another_query_is_refused() {
    let world = World::new();
    for _ in 0..3 {
        world.report("desk", report_in(0)).await.unwrap();
    }
    let first = ListEventsRequest { page_size: 2, ..Default::default() };
    let page = told(world.client().list_events(by("desk", first.clone())).await).unwrap();
    assert_eq!(page.events.len(), 2);
    let next = ListEventsRequest { page_token: page.next_page_token.clone(), ..first };
    assert_eq!(told(world.client().list_events(by("desk", next.clone())).await).unwrap().events.len(), 1);
    let other = ListEventsRequest { oldest_first: true, ..next.clone() };
    let refused = told(world.client().list_events(by("desk", other)).await).unwrap_err();
    assert_eq!(refused.violations()[0].field, "page_token");
    // Another caller with another scope cannot go on with it either.
    assert!(told(world.client().list_events(by("administrator", next)).await).is_err());
}
