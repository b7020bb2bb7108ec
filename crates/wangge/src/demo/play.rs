//! Plays the day: every report and every step at its hour, each by somebody whose post allows it, with their own token.
//!
//! One step is taken after another and each is awaited, so that the same seed gives the same case numbers and states.
//! Who the worker in charge is, the server says; the player only follows. Not here: what is planned, and the board.

use std::collections::BTreeMap;
use std::sync::Arc;

use api::events::v1::{
    AcceptEventRequest, CloseEventRequest, DispatchEventRequest, Event, RefuseEventRequest, ReopenEventRequest,
    ReportEventRequest, Reporter, ResolveEventRequest, ReturnEventRequest, StartEventRequest, VerifyEventRequest,
};
use api::grids::v1::{AreaKind, Datum, Point};
use api::staff::v1::{IssueTokenRequest, Post};
use base::{Day, Error, Result, Time};
use tonic::transport::Channel;

use super::load::Loaded;
use super::meter::Meter;
use super::pace::Pace;
use crate::client::Clients;
use crate::generate::areas::SUBDISTRICT;
use crate::generate::course::{Act, Actor, Move};
use crate::generate::day::{Caller, DAY, HOURS, Incident};

/// Tokens of the demo outlive it by far, and nothing else.
const TOKEN_SECONDS: i64 = 7 * 86_400;

/// Gives each member of staff clients with a token of their own, issued when first needed.
pub(super) struct Hands {
    admin: Clients,
    channel: Channel,
    loaded: Arc<Loaded>,
    meter: Arc<Meter>,
    clients: BTreeMap<usize, Clients>,
}

impl Hands {
    pub(super) fn new(admin: Clients, channel: Channel, loaded: Arc<Loaded>, meter: Arc<Meter>) -> Self {
        Self { admin, channel, loaded, meter, clients: BTreeMap::new() }
    }

    /// Clients that call as this person, an index into the staff list.
    pub(super) async fn of(&mut self, person: usize) -> Result<Clients> {
        if let Some(clients) = self.clients.get(&person) {
            return Ok(clients.clone());
        }
        let principal = self.loaded.principals[person].clone();
        let request = IssueTokenRequest { principal, lifetime_s: TOKEN_SECONDS };
        let token = self.meter.call(self.admin.staff().issue_token(request)).await?.token;
        let clients = Clients::over(self.channel.clone(), &token)?;
        self.clients.insert(person, clients.clone());
        Ok(clients)
    }
}

/// Plays all incidents.
pub(super) struct Player {
    pub(super) hands: Hands,
    pub(super) loaded: Arc<Loaded>,
    pub(super) meter: Arc<Meter>,
}

impl Player {
    /// Plays the day to its end. An incident whose report or step was refused goes no further; the first such refusal
    /// is the error of the whole day, after everything else was played.
    pub(super) async fn play(&mut self, incidents: &[Incident], pace: &Pace) -> Result<()> {
        // What the server answered last, of each incident that goes on.
        let mut open: BTreeMap<usize, Event> = BTreeMap::new();
        let mut refused = None;
        for (at, index, step) in agenda(incidents) {
            pace.reach(at).await;
            let incident = &incidents[index];
            let answer = match step {
                None => self.report(incident).await,
                Some(step) => match open.get(&index) {
                    Some(event) => self.step(index, event, &incident.course[step]).await,
                    None => continue,
                },
            };
            match answer {
                Ok(event) => drop(open.insert(index, event)),
                Err(error) => {
                    open.remove(&index);
                    refused.get_or_insert_with(|| name_the_step(error, at, incident, step));
                }
            }
        }
        pace.reach(end_of_day()).await;
        refused.map_or(Ok(()), Err)
    }

    async fn report(&mut self, incident: &Incident) -> Result<Event> {
        let caller = match incident.caller {
            Caller::Person(person) => person,
            Caller::Program(program) => self.loaded.subdistrict.staff.program(program),
        };
        let point = incident.point.map(|(longitude_deg, latitude_deg, datum)| Point {
            longitude_deg,
            latitude_deg,
            datum: datum_of(datum).into(),
        });
        let area = if point.is_none() { self.loaded.areas[incident.area].clone() } else { String::new() };
        let reporter = incident.teller.clone().map(|(display_name, phone)| Reporter { display_name, phone });
        let request = ReportEventRequest {
            point,
            area,
            category: incident.category.to_owned(),
            text: incident.text.clone(),
            channel: incident.channel.into(),
            channel_number: incident.channel_number.clone(),
            urgency: incident.urgency.into(),
            reporter,
            address: incident.address.clone(),
            occur_time: Some(rpc::time::to_proto(incident.occurred)),
            request_id: String::new(),
        };
        let clients = self.hands.of(caller).await?;
        self.meter.call(clients.events().report_event(request)).await
    }

    async fn step(&mut self, index: usize, event: &Event, step: &Move) -> Result<Event> {
        let person = self.person(index, event, step.by);
        let mut events = self.hands.of(person).await?.events();
        let name = event.name.clone();
        let (note, etag) = (String::new(), event.etag.clone());
        let request_id = String::new();
        let meter = &self.meter;
        match step.act {
            Act::Accept => meter.call(events.accept_event(AcceptEventRequest { name, note, etag, request_id })).await,
            Act::Refuse(why) => {
                let note = why.to_owned();
                meter.call(events.refuse_event(RefuseEventRequest { name, note, etag, request_id })).await
            }
            Act::Dispatch(department) => {
                let department = department.map(|department| self.loaded.subdistrict.staff.department(department));
                let handler = department.map(|person| self.loaded.principals[person].clone()).unwrap_or_default();
                meter.call(events.dispatch_event(DispatchEventRequest { name, handler, note, etag, request_id })).await
            }
            Act::Start => meter.call(events.start_event(StartEventRequest { name, note, etag, request_id })).await,
            Act::Resolve(result) => {
                let result = result.to_owned();
                meter.call(events.resolve_event(ResolveEventRequest { name, result, etag, request_id })).await
            }
            Act::Verify(how) => {
                let note = how.to_owned();
                meter.call(events.verify_event(VerifyEventRequest { name, note, etag, request_id })).await
            }
            Act::Close => meter.call(events.close_event(CloseEventRequest { name, note, etag, request_id })).await,
            Act::Return(why) => {
                let note = why.to_owned();
                meter.call(events.return_event(ReturnEventRequest { name, note, etag, request_id })).await
            }
            Act::Reopen(why) => {
                let note = why.to_owned();
                meter.call(events.reopen_event(ReopenEventRequest { name, note, etag, request_id })).await
            }
        }
    }

    /// Who takes a step, from what the server said about the event.
    fn person(&self, index: usize, event: &Event, actor: Actor) -> usize {
        let staff = &self.loaded.subdistrict.staff;
        let desks = staff.holders(Post::SubdistrictDesk, SUBDISTRICT);
        let subdistrict_desk = desks[index % desks.len()];
        let above = |kind: AreaKind| {
            event.chain.iter().find(|area| area.kind() == kind).and_then(|area| self.loaded.area(&area.name))
        };
        let community_desk = || {
            let community = above(AreaKind::Community)?;
            staff.holders(Post::CommunityDesk, community).last().copied()
        };
        let handler = self.loaded.principal(&event.handler);
        match actor {
            Actor::SubdistrictDesk => subdistrict_desk,
            Actor::CommunityDesk => community_desk().unwrap_or(subdistrict_desk),
            Actor::Handler => handler.unwrap_or(subdistrict_desk),
            Actor::Leader => {
                let leader = above(AreaKind::BaseGrid)
                    .and_then(|base_grid| staff.holders(Post::GridLeader, base_grid).first().copied());
                // Nobody checks their own work: a leader who stood in as the handler leaves it to the desk.
                leader.filter(|leader| Some(*leader) != handler).or_else(community_desk).unwrap_or(subdistrict_desk)
            }
        }
    }
}

/// Everything that happens before the day ends, in order: when, which incident, and which step of its course; none: the
/// report itself.
fn agenda(incidents: &[Incident]) -> Vec<(Time, usize, Option<usize>)> {
    let mut agenda = Vec::new();
    for (index, incident) in incidents.iter().enumerate() {
        agenda.push((incident.at, index, None));
        agenda.extend((0..).zip(&incident.course).map(|(step, planned)| (planned.at, index, Some(step))));
    }
    agenda.retain(|(at, ..)| *at < end_of_day());
    agenda.sort_unstable();
    agenda
}

/// The same error, saying at which step of the day it came.
fn name_the_step(error: Error, at: Time, incident: &Incident, step: Option<usize>) -> Error {
    let what = step.map_or("report".to_owned(), |step| format!("{:?}", incident.course[step].act));
    let message = format!("{at}, {what} of {} ({}): {error}", incident.category, incident.address);
    error.saying(message)
}

/// The first and the last moment of the day that is played.
pub(super) fn begin_of_day() -> Time {
    hour(HOURS.0)
}

fn end_of_day() -> Time {
    hour(HOURS.1)
}

fn hour(hour: i64) -> Time {
    Day::parse(DAY).unwrap_or(Day::from_days(0)).start().plus_seconds(hour * 3_600)
}

fn datum_of(datum: geometry::Datum) -> Datum {
    match datum {
        geometry::Datum::Wgs84 => Datum::Wgs84,
        geometry::Datum::Cgcs2000 => Datum::Cgcs2000,
        geometry::Datum::Gcj02 => Datum::Gcj02,
        geometry::Datum::Bd09 => Datum::Bd09,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::Subdistrict;

    #[test]
    fn every_step_comes_after_the_one_before_it_and_before_the_night() {
        let incidents = Subdistrict::generate(1).unwrap().day(1).unwrap();
        let agenda = agenda(&incidents);
        assert!(agenda.windows(2).all(|pair| pair[0] <= pair[1]));
        assert!(agenda.iter().all(|(at, ..)| (begin_of_day()..end_of_day()).contains(at)));
        let mut taken: BTreeMap<usize, usize> = BTreeMap::new();
        for (_, index, step) in &agenda {
            match step {
                None => assert!(taken.insert(*index, 0).is_none()),
                Some(step) => {
                    assert_eq!(taken[index], *step, "the steps of an incident are taken in their order");
                    taken.insert(*index, step + 1);
                }
            }
        }
        assert_eq!(taken.len(), incidents.len());
    }
}
