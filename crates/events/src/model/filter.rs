//! Which events somebody asks for, decided in one place for lists, counts and watches.
//!
//! The areas a caller may see are part of the filter, so nothing can be filtered without them. What is not here: which
//! ranges of which index hold the candidates (that is the tables'); they may hold too many, never too few, and
//! [`Filter::matches`] has the last word.

use api::events::v1::EventState;
use base::{AreaPath, PrincipalId, Time};
use rpc::Scope;

use super::life::{is_open, is_overdue};
use super::{Event, life};

/// All that a filter asks of an event; cheap to take from a stored one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Facts<'a> {
    pub(crate) path: AreaPath,
    pub(crate) state: EventState,
    pub(crate) category: &'a str,
    pub(crate) worker: Option<PrincipalId>,
    pub(crate) create_time: Time,
    pub(crate) due_time: Time,
    pub(crate) resolve_time: Option<Time>,
}

impl Facts<'_> {
    /// Where the index keeps the event.
    pub(crate) fn shelf(&self) -> Shelf {
        Shelf { state: self.state, late: self.resolve_time.is_some_and(|resolved| resolved > self.due_time) }
    }
}

/// A state, split by whether the result came after the deadline: once resolved, lateness is a fact and needs no clock,
/// so late events can be listed and counted without looking at the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Shelf {
    pub(crate) state: EventState,
    pub(crate) late: bool,
}

/// The states of an event's life, in their order.
pub(crate) const STATES: [EventState; 8] = [
    EventState::Reported,
    EventState::Accepted,
    EventState::Dispatched,
    EventState::InProgress,
    EventState::Resolved,
    EventState::Verified,
    EventState::Closed,
    EventState::Refused,
];

/// Whether events in this state have a result.
fn is_resolved(state: EventState) -> bool {
    matches!(state, EventState::Resolved | EventState::Verified | EventState::Closed)
}

/// Which events. The default matches nothing, because its scope is empty.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filter {
    /// Only here: the caller's scope, narrowed to the area asked for.
    pub(crate) scope: Scope,
    /// Only these states; empty: all.
    pub(crate) states: Vec<EventState>,
    pub(crate) category: Option<String>,
    /// Only this worker in charge.
    pub(crate) worker: Option<PrincipalId>,
    /// Only reported at this time or later.
    pub(crate) from: Option<Time>,
    /// Only reported before this time.
    pub(crate) to: Option<Time>,
    /// Only those late at the moment of the answer.
    pub(crate) overdue: bool,
}

impl Filter {
    /// Whether an event is meant, at the moment of the answer.
    pub(crate) fn matches(&self, facts: &Facts<'_>, now: Time) -> bool {
        (self.states.is_empty() || self.states.contains(&facts.state))
            && self.category.as_ref().is_none_or(|category| category == facts.category)
            && (self.worker.is_none() || self.worker == facts.worker)
            && self.from.is_none_or(|from| facts.create_time >= from)
            && self.to.is_none_or(|to| facts.create_time < to)
            && (!self.overdue || is_overdue(facts.state, facts.due_time, facts.resolve_time, now))
            && self.scope.covers(&facts.path)
    }

    /// Every shelf on which a matching event can stand, in the order of life.
    pub(crate) fn shelves(&self) -> Vec<Shelf> {
        let wanted = STATES.iter().filter(|state| self.states.is_empty() || self.states.contains(state));
        let all = wanted.flat_map(|&state| [Shelf { state, late: false }, Shelf { state, late: true }]);
        all.filter(|shelf| shelf.exists() && (!self.overdue || shelf.can_be_overdue())).collect()
    }
}

impl Shelf {
    /// Only an event with a result stands on a late shelf.
    fn exists(self) -> bool {
        !self.late || is_resolved(self.state)
    }

    fn can_be_overdue(self) -> bool {
        self.late || (is_open(self.state) && !is_resolved(self.state))
    }
}

impl Event {
    /// Whether it is late at `now`.
    pub(crate) fn is_overdue(&self, now: Time) -> bool {
        life::is_overdue(self.state, self.due.time, self.resolve_time, now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DUE: Time = Time::from_micros(1_000);

    fn facts(state: EventState, resolve_time: Option<Time>) -> Facts<'static> {
        Facts {
            path: "/1/2".parse().unwrap(),
            state,
            category: "x",
            worker: None,
            create_time: Time::from_micros(10),
            due_time: DUE,
            resolve_time,
        }
    }

    fn everywhere() -> Filter {
        Filter { scope: Scope::of([AreaPath::ROOT]), ..Filter::default() }
    }

    #[test]
    fn every_state_of_the_contract_has_its_place_in_the_order_of_life() {
        let contract = (1..).map_while(|number| EventState::try_from(number).ok());
        assert_eq!(contract.collect::<Vec<_>>(), STATES);
    }

    #[test]
    fn a_filter_without_a_scope_matches_nothing() {
        assert!(!Filter::default().matches(&facts(EventState::Reported, None), DUE));
        assert!(everywhere().matches(&facts(EventState::Reported, None), DUE));
    }

    #[test]
    fn an_event_is_overdue_only_after_its_deadline_and_then_for_good() {
        let overdue = Filter { overdue: true, ..everywhere() };
        let after = DUE.plus_micros(1);
        assert!(!overdue.matches(&facts(EventState::InProgress, None), DUE));
        assert!(overdue.matches(&facts(EventState::InProgress, None), after));
        assert!(!overdue.matches(&facts(EventState::Closed, Some(DUE)), after));
        assert!(overdue.matches(&facts(EventState::Closed, Some(after)), after));
        assert!(!overdue.matches(&facts(EventState::Refused, None), after));
    }

    #[test]
    fn every_event_that_can_match_stands_on_a_shelf_of_the_filter() {
        let after = DUE.plus_micros(1);
        for overdue in [false, true] {
            for states in [vec![], vec![EventState::Closed], vec![EventState::Reported, EventState::Resolved]] {
                let filter = Filter { overdue, states, ..everywhere() };
                let shelves = filter.shelves();
                for state in STATES {
                    let resolved = if is_resolved(state) { vec![Some(DUE), Some(after)] } else { vec![None] };
                    for facts in resolved.into_iter().map(|resolve_time| facts(state, resolve_time)) {
                        assert!(!filter.matches(&facts, after) || shelves.contains(&facts.shelf()), "{facts:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn bounds_in_time_include_the_first_moment_and_exclude_the_last() {
        let between = |from: i64, to: i64| Filter {
            from: Some(Time::from_micros(from)),
            to: Some(Time::from_micros(to)),
            ..everywhere()
        };
        let facts = facts(EventState::Reported, None);
        assert!(between(10, 11).matches(&facts, DUE));
        assert!(!between(11, 12).matches(&facts, DUE) && !between(9, 10).matches(&facts, DUE));
    }
}
