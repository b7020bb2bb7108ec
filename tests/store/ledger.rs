//! What writers were told, and whether a server still knows it.

use std::collections::BTreeMap;

use api::events::v1::{CountEventsRequest, Event, EventFilter, EventState, GroupBy, ReportEventRequest, Step};
use api::operations::v1::ScrubRequest;
use tests::{Caller, Taking, Watch, done, history, list_all};

/// One event as it was acknowledged last.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Known {
    pub(crate) state: EventState,
    pub(crate) etag: String,
    pub(crate) revision: u32,
}

/// A write that was sent.
#[derive(Clone, Debug)]
pub(crate) enum Write {
    Report(Box<ReportEventRequest>),
    Step(Step, Taking),
}

/// Everything that was acknowledged, by the names of the events.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ledger {
    pub(crate) events: BTreeMap<String, Known>,
}

impl Ledger {
    /// Notes an acknowledged answer.
    pub(crate) fn note(&mut self, event: &Event) {
        let revision = event.etag.trim_matches('"').parse().expect("an etag counts the steps");
        let known = Known { state: event.state(), etag: event.etag.clone(), revision };
        self.events.insert(event.name.clone(), known);
    }

    /// Takes over what another one knows.
    pub(crate) fn merge(&mut self, other: Self) {
        self.events.extend(other.events);
    }

    /// Fails unless the server knows exactly what is written here: lists, counts and histories. Histories are read of
    /// the events that `touched` names, because there are many.
    pub(crate) async fn check(&self, caller: &Caller, touched: &[String]) {
        let (listed, _) = list_all(caller, &EventFilter::default(), 1_000).await;
        let found: BTreeMap<&str, (EventState, &str)> =
            listed.iter().map(|event| (event.name.as_str(), (event.state(), event.etag.as_str()))).collect();
        assert_eq!(found.len(), listed.len(), "nothing is listed twice");
        for (name, known) in &self.events {
            let wanted = (known.state, known.etag.as_str());
            assert_eq!(found.get(name.as_str()), Some(&wanted), "{name} was acknowledged and is not so");
        }
        assert_eq!(found.len(), self.events.len(), "there are events that nobody was told of");
        self.check_counts(caller, &listed).await;
        for name in touched {
            let steps = history(caller, name).await;
            let known = &self.events[name];
            assert_eq!(steps.len(), known.revision as usize, "{name}: as many steps as versions");
            assert_eq!(steps.last().map(api::events::v1::EventStep::to_state), Some(known.state), "{name}");
            for (step, sequence) in steps.iter().zip(1..) {
                assert_eq!(step.sequence, sequence, "{name}: no gap in the history");
            }
            assert!(steps.windows(2).all(|pair| pair[0].to_state == pair[1].from_state), "{name}: steps join");
        }
    }

    async fn check_counts(&self, caller: &Caller, listed: &[Event]) {
        let request = CountEventsRequest { group_by: GroupBy::State.into(), ..Default::default() };
        let counts = done(caller.events().count_events(request).await);
        let mut wanted: BTreeMap<i32, u64> = BTreeMap::new();
        listed.iter().for_each(|event| *wanted.entry(event.state).or_default() += 1);
        let counted: BTreeMap<i32, u64> = counts.groups.iter().map(|group| (group.state, group.count)).collect();
        assert_eq!((counted, counts.total_count), (wanted, listed.len() as u64), "counts = lists");
    }

    /// Fails unless what a watch has made of the events is what is written here.
    pub(crate) async fn check_watch(&self, watch: &mut Watch) {
        let matches = |state: &BTreeMap<String, Event>| {
            state.len() == self.events.len()
                && self.events.iter().all(|(name, known)| state.get(name).is_some_and(|event| event.etag == known.etag))
        };
        watch.until(matches).await;
        for (name, known) in &self.events {
            assert_eq!(watch.state[name].state(), known.state, "{name}: the replayed feed");
        }
    }
}

/// Fails unless every store recomputes to what it holds.
pub(crate) async fn scrub(caller: &Caller) {
    let report = done(caller.operations().scrub(ScrubRequest::default()).await);
    for store in report.stores {
        assert!(store.faults.is_empty(), "{}: {:?}", store.store, store.faults);
    }
}
