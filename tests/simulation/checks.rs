//! Whether the server agrees with the model: one event after each command, everything now and then.

use std::collections::{BTreeMap, BTreeSet};

use api::events::v1::{self as events, EventFilter, EventState, GetEventRequest};
use api::operations::v1::ScrubRequest;
use tests::{Watch, count, done, history, list_all, states, time_of};
use tonic::Code;

use crate::model::Event;
use crate::world::{CODES, World};

impl World {
    /// Fails unless an event is as the model has it.
    pub(crate) fn agrees(&self, event: &events::Event, expected: &Event) {
        let chain: Vec<&str> = event.chain.iter().map(|area| area.code.as_str()).collect();
        let found = (
            event.state(),
            chain,
            event.category.as_str(),
            self.person(&event.worker),
            self.person(&event.handler),
            event.etag.as_str(),
            (event.return_count, event.reopen_count),
        );
        let etag = format!("\"{}\"", expected.steps);
        let wanted = (
            expected.state,
            expected.chain.iter().map(String::as_str).collect(),
            expected.category.as_str(),
            expected.worker,
            expected.handler,
            etag.as_str(),
            (expected.returns, expected.reopens),
        );
        assert_eq!(found, wanted, "{}", event.name);
        let (due, resolved) = (time_of(event.due_time).expect("every event is due"), time_of(event.resolve_time));
        let is_open = !matches!(event.state(), EventState::Closed | EventState::Refused);
        let overdue = resolved.map_or(is_open && self.town.server.now() > due, |resolved| resolved > due);
        assert_eq!(event.overdue, overdue, "{} due {due}", event.name);
    }

    /// Looks at one event, one list and one count with somebody's eyes.
    pub(crate) async fn sample(&mut self) {
        let who = self.random.usize(..self.callers.len());
        let caller = self.callers[who].clone();
        if !self.model.reported.is_empty() {
            let name = &self.model.reported[self.random.usize(..self.model.reported.len())];
            let expected = &self.model.events[name];
            let got = caller.events().get_event(GetEventRequest { name: name.clone() }).await;
            if self.model.people[who].covers(&expected.chain) {
                let event = done(got);
                self.agrees(&event, expected);
                let masked = event.reporter.is_some() && !self.model.people[who].sees_in_clear();
                assert!(!masked || event.reporter.unwrap().phone.contains('*'));
            } else {
                assert_eq!(got.expect_err("out of scope").code(), Code::NotFound);
            }
        }
        let code = CODES[self.random.usize(..CODES.len())];
        let state = self.random.bool().then(|| self.random.choice(states()).expect("there are states"));
        // Of an area that somebody does not cover they may not even ask.
        if self.model.people[who].covers_area(code) {
            let states = state.map(i32::from).into_iter().collect();
            let filter = EventFilter { area: self.town.land.name(code), states, ..Default::default() };
            let expected = self.model.visible(who, code, state).len() as u64;
            assert_eq!(count(&caller, &filter).await, expected, "{who} counts {state:?} in {code}");
        }
    }

    /// Looks at everything with everybody's eyes.
    pub(crate) async fn everything(&self) {
        for (who, caller) in self.callers.iter().enumerate() {
            let (listed, _) = list_all(caller, &EventFilter::default(), 40).await;
            let found: BTreeSet<&str> = listed.iter().map(|event| event.name.as_str()).collect();
            let expected: BTreeSet<&str> = self.model.visible(who, "", None).into_iter().collect();
            assert_eq!(found, expected, "what {who} sees");
            assert_eq!(found.len(), listed.len(), "nothing twice");
            for event in &listed {
                self.agrees(event, &self.model.events[&event.name]);
            }
            assert_eq!(count(caller, &EventFilter::default()).await, listed.len() as u64, "{who}: count = list");
        }
    }

    /// The end of the day: everything, the histories, the replayed feed, and a scrub.
    pub(crate) async fn end(&self) {
        self.everything().await;
        let administrator = &self.callers[0];
        for (name, expected) in &self.model.events {
            let steps = history(administrator, name).await;
            assert_eq!(steps.len(), expected.steps as usize, "{name}: one entry for one effect");
            assert!(steps.windows(2).all(|pair| pair[0].to_state == pair[1].from_state), "{name}: steps join");
        }
        let mut watch = Watch::begin(administrator, &EventFilter::default(), &self.beginning, Vec::new()).await;
        let agrees = |state: &BTreeMap<String, events::Event>| {
            state.len() == self.model.events.len()
                && state.iter().all(|(name, event)| event.etag == format!("\"{}\"", self.model.events[name].steps))
        };
        watch.until(agrees).await;
        let told: u32 = self.model.events.values().map(|event| event.steps).sum();
        assert_eq!(watch.told.len(), told as usize, "each effect is told once");
        let report = done(administrator.operations().scrub(ScrubRequest::default()).await);
        for store in report.stores {
            assert!(store.faults.is_empty(), "{}: {:?}", store.store, store.faults);
        }
    }
}
