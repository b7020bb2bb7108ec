//! The server of a day, the people who call it, and the commands they give.

use std::collections::VecDeque;

use api::events::v1::{self as events, EventFilter, Step};
use api::grids::v1::LocateRequest;
use api::staff::v1::{
    AssignChargeRequest, Binding, Charge, EndChargeRequest, FindInChargeRequest, Post, Principal,
    UpdatePrincipalRequest, WhoAmIRequest,
};
use fastrand::Rng;
use prost_types::FieldMask;
use tests::{Caller, Land, Refusal, Taking, Town, done, list_all, point, report_at, request_id, take, timestamp};
use tonic::{Code, Response, Status};
use wangge::config::Engine;

use crate::model::{Event, Model, Person, chain_of};
use crate::unsteady::{Weather, is_lost};

/// Communities and their micro-grids.
pub(crate) const CODES: [&str; 21] = [
    "S", "A", "A1", "A2", "A3", "A4", "B", "B1", "B2", "B3", "B4", "C", "C1", "C2", "C3", "C4", "D", "D1", "D2", "D3",
    "D4",
];
const CATEGORIES: [&str; 3] = ["路灯", "垃圾", "噪音"];
const STEPS: [Step; 9] = [
    Step::Accept,
    Step::Refuse,
    Step::Dispatch,
    Step::Start,
    Step::Resolve,
    Step::Verify,
    Step::Close,
    Step::Return,
    Step::Reopen,
];

/// One simulated day.
pub(crate) struct World {
    pub(crate) town: Town,
    /// The same people as in the model, over steady wires; the administrator comes first.
    pub(crate) callers: Vec<Caller>,
    pub(crate) model: Model,
    pub(crate) random: Rng,
    pub(crate) beginning: String,
    weather: Weather,
    story: VecDeque<String>,
    restarts: usize,
    refusals: usize,
}

impl World {
    /// Founds a town for a seed.
    pub(crate) async fn found(seed: u64) -> Self {
        let engine = match seed % 3 {
            0 => Engine::Memory,
            1 => Engine::Sled,
            _ => Engine::Fjall,
        };
        let town = Town::start_with(|config| config.store.engine = engine).await;
        let mut administrator = town.people.administrator.clone();
        administrator.name = done(administrator.staff().who_am_i(WhoAmIRequest {}).await).name;
        let people = &town.people;
        let hired: [(&Caller, Post, &str); 9] = [
            (&people.desk, Post::SubdistrictDesk, "S"),
            (&people.desk_a, Post::CommunityDesk, "A"),
            (&people.desk_b, Post::CommunityDesk, "B"),
            (&people.leader_a, Post::GridLeader, "A"),
            (&people.worker_a, Post::GridWorker, "A"),
            (&people.worker_b, Post::GridWorker, "B"),
            (&people.micro_a1, Post::MicroGridWorker, "A1"),
            (&people.department, Post::Department, "S"),
            (&people.auditor, Post::Auditor, "S"),
        ];
        let person = |post: Post, area: &str| Person { post, area: area.to_owned(), away: false };
        let mut model = Model { cells_of_a: [0, 1, 2, 3], ..Model::default() };
        model.people.push(person(Post::Administrator, "-"));
        model.people.extend(hired.iter().map(|(_, post, area)| person(*post, area)));
        let callers: Vec<Caller> =
            [administrator].into_iter().chain(hired.iter().map(|(caller, ..)| (*caller).clone())).collect();
        // As People::hire has put them in charge.
        model.charges = [("A", (5, None)), ("B", (6, None)), ("A1", (7, Some(5)))]
            .map(|(code, charge)| (code.to_owned(), charge))
            .into();
        let (_, beginning) = list_all(&callers[0], &EventFilter::default(), 0).await;
        Self {
            town,
            callers,
            model,
            random: Rng::with_seed(seed),
            beginning,
            weather: Weather::new(seed),
            story: VecDeque::new(),
            restarts: 0,
            refusals: 0,
        }
    }

    /// One command, and a look at what came of it.
    pub(crate) async fn step(&mut self, number: usize) {
        match self.random.u8(..100) {
            0..32 => self.report().await,
            32..72 => self.walk().await,
            72..78 => self.wait(),
            78..83 => self.charge().await,
            83..87 => self.leave_or_return().await,
            87..91 => self.transfer().await,
            91..94 => self.redraw().await,
            94..96 => self.restart().await,
            _ => self.ask().await,
        }
        self.sample().await;
        if number % 50 == 49 {
            self.everything().await;
        }
    }

    /// The commands given last.
    pub(crate) fn story(&self) -> Vec<String> {
        self.story.iter().cloned().collect()
    }

    /// A line about the day.
    pub(crate) fn summary(&self) -> String {
        let (events, lost) = (self.model.events.len(), self.weather.lost());
        format!("{events} events, {} refusals, {lost} losses, {} restarts", self.refusals, self.restarts)
    }

    fn tell(&mut self, what: String) {
        self.story.push_back(what);
        if self.story.len() > 25 {
            self.story.pop_front();
        }
    }

    fn somebody(&mut self) -> usize {
        // Half of the time a desk, so that things get done.
        if self.random.bool() { self.random.usize(..2) } else { self.random.usize(..self.callers.len()) }
    }

    /// Sends a request until it is answered; a lost one is sent again as it was.
    async fn insist<T>(
        &self,
        who: usize,
        send: impl AsyncFn(Caller) -> Result<Response<T>, Status>,
    ) -> Result<T, Code> {
        let caller = self.weather.over(&self.callers[who]);
        loop {
            match send(caller.clone()).await {
                Ok(answer) => return Ok(answer.into_inner()),
                Err(status) if is_lost(&status) => {}
                Err(status) => {
                    let refusal = Refusal::of(&status);
                    assert!(!refusal.reason.is_empty() && refusal.domain == "wangge", "refused in words: {refusal:?}");
                    return Err(status.code());
                }
            }
        }
    }

    /// The place of a person by name; none for nobody.
    pub(crate) fn person(&self, name: &str) -> Option<usize> {
        let known = || self.callers.iter().position(|caller| caller.name == name);
        (!name.is_empty()).then(|| known().unwrap_or_else(|| panic!("{name} is nobody of this town")))
    }

    async fn report(&mut self) {
        let who = self.somebody();
        // Well inside a cell, so that the model needs no borders.
        let mut axis = || self.random.u8(..4) as f64 + 0.1 + self.random.f64() * 0.8;
        let (x, y) = (axis(), axis());
        let category = CATEGORIES[self.random.usize(..CATEGORIES.len())];
        let report =
            events::ReportEventRequest { category: category.to_owned(), request_id: request_id(), ..report_at(x, y) };
        self.tell(format!("{who} reports at {x:.2}, {y:.2}"));
        let chain = self.model.locate(x, y);
        let person = &self.model.people[who];
        let allowed = person.may_report() && person.covers(&chain);
        let worker = self.model.in_charge(&chain);
        let answer = self.insist(who, async |caller| caller.events().report_event(report.clone()).await).await;
        if !allowed {
            assert_eq!(answer.map(|event| event.name), Err(Code::PermissionDenied));
            self.refusals += 1;
            return;
        }
        let event = answer.expect("whoever may report there is heard");
        let day = self.town.server.now().civil_day().compact();
        let running = self.model.numbers.entry(day.clone()).or_default();
        *running += 1;
        assert_eq!(event.number, format!("S-{day}-{running:04}"), "one number for one report");
        let expected = Event {
            chain,
            category: category.to_owned(),
            state: events::EventState::Reported,
            worker,
            handler: None,
            resolver: None,
            steps: 1,
            returns: 0,
            reopens: 0,
        };
        self.agrees(&event, &expected);
        self.model.reported.push(event.name.clone());
        assert!(self.model.events.insert(event.name, expected).is_none(), "a new event has a new name");
    }

    async fn walk(&mut self) {
        if self.model.reported.is_empty() {
            return;
        }
        let who = self.somebody();
        let name = self.model.reported[self.random.usize(..self.model.reported.len())].clone();
        let state = self.model.events[&name].state;
        // Mostly the step that comes next, so that lives are lived to their end.
        let next = STEPS[[0, 0, 2, 3, 4, 5, 6, 8, 8][state as usize]];
        let step = if self.random.u8(..3) > 0 { next } else { STEPS[self.random.usize(..STEPS.len())] };
        let named = (step == Step::Dispatch && who == 0 && self.random.bool()).then(|| self.random.usize(..10));
        self.tell(format!("{who} takes {step:?} with {name} ({state:?}), handler {named:?}"));
        let mut taking = Taking { name: name.clone(), request_id: request_id(), ..Taking::default() };
        if let Some(named) = named {
            taking.handler.clone_from(&self.callers[named].name);
        }
        let mut etag_is_stale = false;
        if self.random.u8(..4) == 0 {
            let steps = self.model.events[&name].steps;
            etag_is_stale = self.random.u8(..4) == 0;
            taking.etag = format!("\"{}\"", if etag_is_stale { steps + 1 } else { steps });
        }
        let expected = self.expect_step(who, step, &name, named, etag_is_stale);
        let answer = self.insist(who, async |caller| take(&caller, step, taking.clone()).await).await;
        match (answer, expected) {
            (Ok(event), Ok(_)) => self.agrees(&event, &self.model.events[&name]),
            (Err(code), Err(wanted)) if code == wanted => self.refusals += 1,
            (answer, expected) => panic!("{:?}, but the model says {expected:?}", answer.map(|event| event.state())),
        }
    }

    fn expect_step(
        &mut self,
        who: usize,
        step: Step,
        name: &str,
        named: Option<usize>,
        etag_is_stale: bool,
    ) -> Result<events::EventState, Code> {
        let mut changed = self.model.clone();
        let expected = changed.take(who, step, name, named);
        // A stale version is told before anything else about an event that one may act on.
        if etag_is_stale && !matches!(expected, Err(Code::NotFound)) && self.may_act(who, step, name) {
            return Err(Code::Aborted);
        }
        if expected.is_ok() {
            self.model = changed;
        }
        expected
    }

    fn may_act(&self, who: usize, step: Step, name: &str) -> bool {
        let person = &self.model.people[who];
        person.may_take(step) && person.covers(&self.model.events[name].chain)
    }

    fn wait(&mut self) {
        let seconds = [1, 60, 3_600, 40_000][self.random.usize(..4)];
        self.tell(format!("{seconds} s pass"));
        self.town.server.clock.advance_seconds(seconds);
    }

    async fn charge(&mut self) {
        let code = CODES[self.random.usize(..CODES.len())];
        let area = self.town.land.name(code);
        if self.random.u8(..4) == 0 {
            self.tell(format!("{code} is taken out of charge"));
            let request = EndChargeRequest { area, request_id: request_id() };
            let answer = self.insist(0, async |caller| caller.staff().end_charge(request.clone()).await).await;
            let expected = self.model.charges.remove(code).map(|_| ()).ok_or(Code::NotFound);
            assert_eq!(answer, expected);
            return;
        }
        let worker = self.random.usize(..self.callers.len());
        let stand_in = self.random.bool().then(|| self.random.usize(..self.callers.len())).filter(|who| *who != worker);
        self.tell(format!("{code} comes into the charge of {worker}, stand-in {stand_in:?}"));
        let charge = Charge {
            area,
            worker: self.callers[worker].name.clone(),
            stand_in: stand_in.map(|who| self.callers[who].name.clone()).unwrap_or_default(),
            ..Default::default()
        };
        let request = AssignChargeRequest { charge: Some(charge), request_id: request_id() };
        let answer = self.insist(0, async |caller| caller.staff().assign_charge(request.clone()).await).await;
        let handles = |who: usize| self.model.people[who].handles(&chain_of(code));
        if handles(worker) && stand_in.is_none_or(handles) {
            answer.expect("whoever holds a post there that may handle events can be in charge");
            self.model.charges.insert(code.to_owned(), (worker, stand_in));
        } else {
            assert_eq!(answer.map(|charge| charge.area), Err(Code::InvalidArgument));
            self.refusals += 1;
        }
    }

    async fn update(&mut self, who: usize, principal: Principal, field: &str) {
        let principal = Some(Principal { name: self.callers[who].name.clone(), ..principal });
        let update_mask = Some(FieldMask { paths: vec![field.to_owned()] });
        let request = UpdatePrincipalRequest { principal, update_mask, request_id: request_id() };
        let answer = self.insist(0, async |caller| caller.staff().update_principal(request.clone()).await).await;
        answer.expect("an administrator of everything changes everybody");
    }

    async fn leave_or_return(&mut self) {
        let who = self.random.usize(1..self.callers.len());
        let away = !self.model.people[who].away;
        self.tell(format!("{who} {}", if away { "leaves" } else { "is back" }));
        // Far beyond the day, so that only a return ends it.
        let away_until = away.then(|| timestamp(tests::at("2030-01-01")));
        self.update(who, Principal { away_until, ..Default::default() }, "away_until").await;
        self.model.people[who].away = away;
    }

    async fn transfer(&mut self) {
        let who = self.random.usize(3..self.callers.len());
        let code = CODES[self.random.usize(..CODES.len())];
        self.tell(format!("{who} is transferred to {code}"));
        let post = self.model.people[who].post.into();
        let binding = Binding { post, area: self.town.land.name(code), ..Default::default() };
        self.update(who, Principal { bindings: vec![binding], ..Default::default() }, "bindings").await;
        self.model.people[who].area = code.to_owned();
    }

    async fn redraw(&mut self) {
        let (one, other) = (self.random.usize(..4), self.random.usize(..4));
        self.tell(format!("the cells {one} and {other} of A change places"));
        self.model.cells_of_a.swap(one, other);
        let mut plots = Land::squares();
        let squares: Vec<String> = plots[2..6].iter().map(|plot| plot.geojson.clone()).collect();
        for (cell, &grid) in self.model.cells_of_a.iter().enumerate() {
            plots[2 + grid].geojson.clone_from(&squares[cell]);
        }
        self.town.server.clock.advance_seconds(1);
        let release = self.town.land.draft(&self.callers[0], &plots).await;
        let request = api::grids::v1::ActivateReleaseRequest {
            name: release.name,
            request_id: request_id(),
            ..Default::default()
        };
        let answer = self.insist(0, async |caller| caller.grids().activate_release(request.clone()).await).await;
        answer.expect("a sound release comes into force");
    }

    async fn restart(&mut self) {
        self.tell("the server restarts".to_owned());
        self.town.server.restart().await;
        let administrator = &self.town.server.administrator;
        for caller in &mut self.callers {
            *caller = caller.over(administrator.wire());
        }
        self.restarts += 1;
    }

    /// Where a point lies, and who is in charge there.
    async fn ask(&mut self) {
        let (x, y) = (self.random.f64() * 3.8 + 0.05, self.random.f64() * 3.8 + 0.05);
        if [x, y].iter().any(|axis| (axis - axis.round()).abs() < 0.01) {
            return;
        }
        let request = LocateRequest { point: point(x, y), as_of: None, ..Default::default() };
        let who = self.somebody();
        let location = self.insist(who, async |caller| caller.grids().locate(request).await).await;
        let location = location.expect("everybody may ask where a point lies");
        let chain: Vec<String> = location.chain.iter().map(|area| area.code.clone()).collect();
        assert_eq!(chain, self.model.locate(x, y), "at {x:.3}, {y:.3}");
        let code = CODES[self.random.usize(..CODES.len())];
        let request = FindInChargeRequest { area: self.town.land.name(code), ..Default::default() };
        let found = self.insist(0, async |caller| caller.staff().find_in_charge(request.clone()).await).await;
        let found = found.map(|found| self.person(&found.worker));
        let expected = self.model.in_charge(&chain_of(code)).map(Some).ok_or(Code::NotFound);
        assert_eq!(found, expected, "in charge of {code}");
    }
}
