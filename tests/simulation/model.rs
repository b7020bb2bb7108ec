//! What should come of a day: a few maps and the rules in their plainest form, written apart from the product.

use std::collections::BTreeMap;

use api::events::v1::{EventState, Step};
use api::staff::v1::Post;
use tonic::Code;

/// Codes of the areas above a place, the coarsest first: `["S", "A", "A1"]`.
pub(crate) type Chain = Vec<String>;

/// Somebody with one post.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    pub(crate) post: Post,
    /// The code of the area the post holds in; `-` is the root.
    pub(crate) area: String,
    pub(crate) away: bool,
}

/// An event.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) chain: Chain,
    pub(crate) category: String,
    pub(crate) state: EventState,
    /// Places in the list of people.
    pub(crate) worker: Option<usize>,
    pub(crate) handler: Option<usize>,
    pub(crate) resolver: Option<usize>,
    pub(crate) steps: u32,
    pub(crate) returns: u32,
    pub(crate) reopens: u32,
}

/// A grid in somebody's charge, and who stands in.
pub(crate) type Charge = (usize, Option<usize>);

/// Everything that is remembered.
#[derive(Clone, Debug, Default)]
pub(crate) struct Model {
    pub(crate) people: Vec<Person>,
    pub(crate) events: BTreeMap<String, Event>,
    /// Names of the events in the order of their reports: names are partly chance, and a choice by seed is not.
    pub(crate) reported: Vec<String>,
    pub(crate) charges: BTreeMap<String, Charge>,
    /// Which micro-grid lies on the south-west, south-east, north-west and north-east cell of community A.
    pub(crate) cells_of_a: [usize; 4],
    /// Reports by civil day.
    pub(crate) numbers: BTreeMap<String, u32>,
}

impl Person {
    /// Whether something in these areas lies in the area of the post.
    pub(crate) fn covers(&self, chain: &[String]) -> bool {
        self.area == "-" || chain.contains(&self.area)
    }

    /// Whether it holds an area or one above it.
    pub(crate) fn covers_area(&self, code: &str) -> bool {
        self.covers(&chain_of(code))
    }

    /// Whether it may handle events that lie in these areas.
    pub(crate) fn handles(&self, chain: &[String]) -> bool {
        self.may_take(Step::Start) && self.covers(chain)
    }

    fn is_desk(&self) -> bool {
        matches!(self.post, Post::CommunityDesk | Post::SubdistrictDesk | Post::Administrator)
    }

    pub(crate) fn may_report(&self) -> bool {
        !matches!(self.post, Post::Department | Post::Auditor)
    }

    pub(crate) fn may_take(&self, step: Step) -> bool {
        match step {
            Step::Start | Step::Resolve | Step::Return => self.post != Post::Auditor,
            Step::Verify => self.is_desk() || self.post == Post::GridLeader,
            _ => self.is_desk(),
        }
    }

    pub(crate) fn sees_in_clear(&self) -> bool {
        !matches!(self.post, Post::Auditor | Post::Department)
    }
}

/// The areas down to this one, by its code.
pub(crate) fn chain_of(code: &str) -> Chain {
    match code.len() {
        1 if code == "S" => vec!["S".to_owned()],
        1 => vec!["S".to_owned(), code.to_owned()],
        _ => vec!["S".to_owned(), code[..1].to_owned(), code.to_owned()],
    }
}

/// Where a step leads from a state.
fn leads_to(step: Step, from: EventState) -> Option<EventState> {
    use EventState as State;
    Some(match (step, from) {
        (Step::Accept, State::Reported) => State::Accepted,
        (Step::Refuse, State::Reported) => State::Refused,
        (Step::Dispatch, State::Accepted) => State::Dispatched,
        (Step::Start, State::Dispatched) => State::InProgress,
        (Step::Resolve, State::InProgress) => State::Resolved,
        (Step::Verify, State::Resolved) => State::Verified,
        (Step::Close, State::Verified) => State::Closed,
        (Step::Return, State::Dispatched | State::InProgress) => State::Accepted,
        (Step::Return, State::Resolved) => State::InProgress,
        (Step::Return, State::Verified) => State::Resolved,
        (Step::Reopen, State::Closed) => State::Accepted,
        (Step::Reopen, State::Refused) => State::Reported,
        _ => return None,
    })
}

impl Model {
    /// The areas of a point in cells, well inside a cell of the map.
    pub(crate) fn locate(&self, x: f64, y: f64) -> Chain {
        let community = match (x < 2.0, y < 2.0) {
            (true, true) => "A",
            (false, true) => "B",
            (true, false) => "C",
            (false, false) => "D",
        };
        let cell = usize::from(x % 2.0 >= 1.0) + 2 * usize::from(y % 2.0 >= 1.0);
        let number = if community == "A" { self.cells_of_a[cell] } else { cell } + 1;
        chain_of(&format!("{community}{number}"))
    }

    /// Who is in charge: from the finest area up, the first who is present, or stands in and is present.
    pub(crate) fn in_charge(&self, chain: &[String]) -> Option<usize> {
        chain.iter().rev().find_map(|code| {
            let &(worker, stand_in) = self.charges.get(code)?;
            let is_available = |who: &usize| !self.people[*who].away && self.people[*who].handles(&chain_of(code));
            [Some(worker), stand_in].into_iter().flatten().find(is_available)
        })
    }

    /// What a step should come to; the event is changed when it succeeds.
    pub(crate) fn take(
        &mut self,
        who: usize,
        step: Step,
        name: &str,
        named: Option<usize>,
    ) -> Result<EventState, Code> {
        let person = self.people[who].clone();
        let event = self.events.get_mut(name).ok_or(Code::NotFound)?;
        if !person.may_take(step) {
            return Err(Code::PermissionDenied);
        }
        if !person.covers(&event.chain) {
            return Err(Code::NotFound);
        }
        let to = leads_to(step, event.state).ok_or(Code::FailedPrecondition)?;
        let handles = event.handler == Some(who) || event.worker == Some(who) || person.is_desk();
        let own_work = event.handler == Some(who) || event.resolver == Some(who);
        let may_check = person.is_desk() || (person.post == Post::GridLeader && !own_work);
        let is_check = step == Step::Verify
            || (step == Step::Return && matches!(event.state, EventState::Resolved | EventState::Verified));
        let allowed = match step {
            _ if is_check => may_check,
            Step::Start | Step::Resolve | Step::Return => handles,
            _ => true,
        };
        if !allowed {
            return Err(Code::PermissionDenied);
        }
        if step == Step::Dispatch {
            let handler = named.or(event.worker).ok_or(Code::FailedPrecondition)?;
            // Whoever was transferred since the report can handle nothing here any more.
            let is_fit = self.people[handler].handles(&event.chain);
            event.handler = Some(is_fit.then_some(handler).ok_or(Code::FailedPrecondition)?);
        }
        if step == Step::Resolve {
            event.resolver = Some(who);
        }
        if matches!(step, Step::Return | Step::Reopen) {
            event.returns += u32::from(step == Step::Return);
            event.reopens += u32::from(step == Step::Reopen);
            if matches!(to, EventState::Reported | EventState::Accepted | EventState::InProgress) {
                event.resolver = None;
            }
            if matches!(to, EventState::Reported | EventState::Accepted) {
                event.handler = None;
            }
        }
        event.state = to;
        event.steps += 1;
        Ok(to)
    }

    /// Names of the events that somebody may see in an area (empty: everywhere), of one state or all.
    pub(crate) fn visible(&self, who: usize, area: &str, state: Option<EventState>) -> Vec<&str> {
        let person = &self.people[who];
        self.events
            .iter()
            .filter(|(_, event)| person.covers(&event.chain))
            .filter(|(_, event)| area.is_empty() || event.chain.iter().any(|code| code == area))
            .filter(|(_, event)| state.is_none_or(|state| event.state == state))
            .map(|(name, _)| name.as_str())
            .collect()
    }
}
