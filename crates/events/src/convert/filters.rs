//! Filters of lists, counts and watches, from the contract to the model.

use api::events::v1::{EventFilter, EventState, GroupBy};
use base::{AreaId, Violations};

use super::{optional_name, value};
use crate::model::filter::{Filter, STATES};

/// A filter that was checked, before its area has a place in the tree.
#[derive(Clone, Debug, Default)]
pub(crate) struct FilterRequest {
    /// Only in this area; none: everywhere in the caller's scope.
    pub(crate) area: Option<AreaId>,
    /// All the rest; its scope is still empty.
    pub(crate) filter: Filter,
}

/// Checks a filter; notes what is wrong with it.
pub(crate) fn filter(given: Option<&EventFilter>, violations: &mut Violations) -> FilterRequest {
    let Some(given) = given else { return FilterRequest::default() };
    let mut states = Vec::new();
    // Each event is compared with all of them, so a filter of a million states would be work without end.
    if given.states.len() > STATES.len() {
        violations.add("filter.states", format!("must name each of the {} states at most once", STATES.len()));
    }
    for (place, &number) in given.states.iter().enumerate().take(STATES.len()) {
        let field = || format!("filter.states[{place}]");
        match value(field(), number, violations) {
            Some(EventState::Unspecified) => violations.add(field(), "must name a state; leave `states` empty for all"),
            Some(state) => states.push(state),
            None => {}
        }
    }
    let mut time = |given: &Option<prost_types::Timestamp>, field| {
        given.as_ref().and_then(|time| rpc::time::from_proto(time, field, violations))
    };
    let from = time(&given.create_time_from, "filter.create_time_from");
    let to = time(&given.create_time_to, "filter.create_time_to");
    if from > to && to.is_some() {
        violations.add("filter.create_time_to", "must not lie before `create_time_from`");
    }
    let filter = Filter {
        states,
        category: (!given.category.is_empty()).then(|| given.category.clone()),
        worker: optional_name("filter.worker", &given.worker, violations),
        from,
        to,
        overdue: given.overdue,
        ..Filter::default()
    };
    FilterRequest { area: optional_name("filter.area", &given.area, violations), filter }
}

/// By what to count.
pub(crate) fn group_by(number: i32, violations: &mut Violations) -> GroupBy {
    value("group_by", number, violations).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::Time;

    fn wrong_fields(given: &EventFilter) -> Vec<String> {
        let mut violations = Violations::new();
        filter(Some(given), &mut violations);
        let error = violations.check().unwrap_err();
        error.violations().iter().map(|violation| violation.field.clone()).collect()
    }

    #[test]
    fn every_wrong_field_of_a_filter_is_told_at_once() {
        let given = EventFilter {
            area: "areas/7".to_owned(),
            states: vec![EventState::Closed.into(), 0, 77],
            worker: "x".to_owned(),
            create_time_from: Some(rpc::time::to_proto(Time::from_micros(2))),
            create_time_to: Some(rpc::time::to_proto(Time::from_micros(1))),
            ..Default::default()
        };
        let fields = ["filter.states[1]", "filter.states[2]", "filter.create_time_to", "filter.worker", "filter.area"];
        assert_eq!(wrong_fields(&given), fields);
    }

    #[test]
    fn a_filter_of_more_states_than_there_are_is_refused_with_few_words() {
        let all = STATES.map(i32::from).to_vec();
        let mut violations = Violations::new();
        assert_eq!(
            filter(Some(&EventFilter { states: all.clone(), ..Default::default() }), &mut violations).filter.states,
            STATES
        );
        assert!(violations.is_empty());
        let states = [all, vec![77; 100_000]].concat();
        assert_eq!(wrong_fields(&EventFilter { states, ..Default::default() }), ["filter.states"]);
    }

    #[test]
    fn an_empty_filter_asks_for_everything_in_scope() {
        let mut violations = Violations::new();
        let read = filter(Some(&EventFilter::default()), &mut violations);
        assert!(violations.is_empty() && read.area.is_none() && read.filter.states.is_empty());
        assert!(read.filter.category.is_none() && read.filter.worker.is_none() && !read.filter.overdue);
    }
}
