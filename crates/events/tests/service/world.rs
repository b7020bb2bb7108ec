//! A small world: two subdistricts with communities and micro-grids, people with posts, and a running service.
//!
//! ```text
//! /1        subdistrict 370404001      /2        subdistrict 370404002
//!   /1/1      community                  /2/1      community
//!     /1/1/1    micro-grid  100°E          /2/1/1    micro-grid  104°E
//!     /1/1/2    micro-grid  101°E
//!   /1/2      community
//!     /1/2/1    micro-grid  102°E
//!     /1/2/2    micro-grid  103°E
//! ```
//! A micro-grid reaches one degree east; west of 100°E and from 105°E on there is nothing, and one degree is
//! 1,000 metres here. Nobody is in charge of /1/2/2.

use std::collections::HashMap;
use std::sync::Arc;

use api::events::v1::event_service_client::EventServiceClient;
use api::events::v1::{Channel, Event, EventFilter, ListEventsRequest, ReportEventRequest};
use api::grids::v1::grid_service_server::GridServiceServer;
use api::grids::v1::{AreaKind, Datum, Point};
use api::staff::v1::Post;
use api::staff::v1::staff_service_server::StaffServiceServer;
use base::{AreaId, AreaPath, Clock, Error, Kind, ManualClock, PrincipalId, Result, Time};
use events::{Events, Options, SCHEMA};
use futures_util::future::BoxFuture;
use rpc::contract::Contract;
use rpc::identity::{Authority, Identity};
use rpc::metrics::Metrics;
use rpc::stack::Stack;
use rpc::{Link, status};
use store::Store;
use tonic::service::Routes;
use tonic::{Request, Status};

use stand_ins::{GridsStandIn, StaffStandIn};

pub(crate) mod stand_ins;

/// Every area, from the coarsest: its place, kind and code.
pub(crate) const AREAS: [(&str, AreaKind, &str); 10] = [
    ("/1", AreaKind::Subdistrict, "370404001"),
    ("/2", AreaKind::Subdistrict, "370404002"),
    ("/1/1", AreaKind::Community, "370404001001"),
    ("/1/2", AreaKind::Community, "370404001002"),
    ("/2/1", AreaKind::Community, "370404002001"),
    ("/1/1/1", AreaKind::MicroGrid, "370404001001001"),
    ("/1/1/2", AreaKind::MicroGrid, "370404001001002"),
    ("/1/2/1", AreaKind::MicroGrid, "370404001002001"),
    ("/1/2/2", AreaKind::MicroGrid, "370404001002002"),
    ("/2/1/1", AreaKind::MicroGrid, "370404002001001"),
];

/// Micro-grids from west to east, the first at [`WEST`].
pub(crate) const MICRO_GRIDS: [&str; 5] = ["/1/1/1", "/1/1/2", "/1/2/1", "/1/2/2", "/2/1/1"];
/// Where the micro-grids begin, in degrees east.
pub(crate) const WEST: f64 = 100.0;

/// Everybody, with their posts.
const PEOPLE: &[(&str, &[(Post, &str)])] = &[
    ("administrator", &[(Post::Administrator, "/")]),
    ("desk", &[(Post::SubdistrictDesk, "/1")]),
    ("community desk", &[(Post::CommunityDesk, "/1/1")]),
    ("leader", &[(Post::GridLeader, "/1/1")]),
    ("worker 1", &[(Post::GridWorker, "/1/1/1")]),
    ("worker 2", &[(Post::GridWorker, "/1/1/2"), (Post::GridWorker, "/2/1/1")]),
    ("worker 3", &[(Post::MicroGridWorker, "/1/2/1")]),
    ("scattered", &[(Post::GridWorker, "/1/1/2"), (Post::CommunityDesk, "/1/2"), (Post::Auditor, "/2")]),
    ("department", &[(Post::Department, "/1")]),
    ("auditor", &[(Post::Auditor, "/")]),
    ("other desk", &[(Post::SubdistrictDesk, "/2")]),
];

/// Who is in charge of which micro-grid.
pub(crate) const CHARGES: &[(&str, &str)] =
    &[("/1/1/1", "worker 1"), ("/1/1/2", "worker 2"), ("/1/2/1", "worker 3"), ("/2/1/1", "worker 2")];

/// The principal with this name.
pub(crate) fn principal(name: &str) -> PrincipalId {
    let place = PEOPLE.iter().position(|(known, _)| *known == name).unwrap();
    PrincipalId::from_bytes([u8::try_from(place).unwrap() + 100; 16])
}

/// The area at this place.
pub(crate) fn area(path: &str) -> AreaId {
    let place = AREAS.iter().position(|(known, ..)| *known == path).unwrap();
    AreaId::from_bytes([u8::try_from(place).unwrap() + 1; 16])
}

pub(crate) fn path(text: &str) -> AreaPath {
    text.parse().unwrap()
}

/// Posts of everybody, by the name that is also the token.
pub(crate) fn identities() -> HashMap<String, Arc<Identity>> {
    let identity = |name: &str, posts: &[(Post, &str)]| Identity {
        id: principal(name),
        display_name: name.to_owned(),
        bindings: posts.iter().map(|(post, root)| (*post, path(root))).collect(),
    };
    PEOPLE.iter().map(|(name, posts)| ((*name).to_owned(), Arc::new(identity(name, posts)))).collect()
}

/// Takes a person's name for a token.
struct Names(HashMap<String, Arc<Identity>>);

impl Authority for Names {
    fn cached(&self, token: &str, _: Time) -> Option<Arc<Identity>> {
        self.0.get(token).cloned()
    }

    fn identify<'a>(&'a self, _: &'a str, _: Time) -> BoxFuture<'a, Result<Arc<Identity>>> {
        let stranger = Error::new(Kind::Unauthenticated, "TOKEN_FORGED", "nobody has this name");
        Box::pin(async move { Err(stranger) })
    }
}

/// A running service.
pub(crate) struct World {
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) grids: GridsStandIn,
    pub(crate) staff: StaffStandIn,
    events: Link,
    /// Stays open while the world does: a stack ends its streams when it closes.
    _stop: tokio::sync::watch::Sender<bool>,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(Options::default())
    }

    pub(crate) fn with(options: Options) -> Self {
        let clock = Arc::new(ManualClock::at(Time::parse("2026-09-21 08:00").unwrap()));
        let contract = Contract::load().unwrap();
        let metrics = Arc::new(Metrics::new(&contract));
        let (stop, stopping) = tokio::sync::watch::channel(false);
        let stack = Stack::new(contract, Arc::new(Names(identities())), clock.clone(), metrics, stopping);
        let (grids, staff) = (GridsStandIn::default(), StaffStandIn::default());
        let store = Store::open("events", SCHEMA, store::Options::memory()).unwrap();
        let grid_link = Link::local(Routes::new(GridServiceServer::new(grids.clone())), &stack);
        let staff_link = Link::local(Routes::new(StaffServiceServer::new(staff.clone())), &stack);
        let events = Events::new(store, grid_link, staff_link, options, clock.clone()).unwrap();
        let events = Link::local(events.into_routes(), &stack);
        Self { clock, grids, staff, events, _stop: stop }
    }

    pub(crate) fn client(&self) -> EventServiceClient<Link> {
        EventServiceClient::new(self.events.clone())
    }

    pub(crate) fn now(&self) -> Time {
        self.clock.now()
    }

    pub(crate) fn at(&self, time: &str) {
        self.clock.set(Time::parse(time).unwrap());
    }

    pub(crate) async fn report(&self, who: &str, request: ReportEventRequest) -> Result<Event> {
        told(self.client().report_event(by(who, request)).await)
    }

    /// Every event that a filter lists to somebody, page by page.
    pub(crate) async fn list(&self, who: &str, filter: EventFilter, page_size: i32, oldest_first: bool) -> Vec<Event> {
        let mut events = Vec::new();
        let mut page_token = String::new();
        loop {
            let request = ListEventsRequest { filter: Some(filter.clone()), oldest_first, page_size, page_token };
            let page = told(self.client().list_events(by(who, request)).await).unwrap();
            events.extend(page.events);
            page_token = page.next_page_token;
            if page_token.is_empty() {
                return events;
            }
        }
    }
}

/// A request by somebody.
pub(crate) fn by<M>(who: &str, message: M) -> Request<M> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("authorization", format!("Bearer {who}").parse().unwrap());
    request
}

/// What was answered, as our own error when it failed.
pub(crate) fn told<T>(answer: Result<tonic::Response<T>, Status>) -> Result<T> {
    answer.map(tonic::Response::into_inner).map_err(status::from_status)
}

/// A report at a longitude.
pub(crate) fn report_at(longitude_deg: f64) -> ReportEventRequest {
    ReportEventRequest {
        point: Some(Point { longitude_deg, latitude_deg: 34.8, datum: Datum::Wgs84.into() }),
        category: "暴露垃圾".to_owned(),
        text: "垃圾桶满了".to_owned(),
        channel: Channel::Resident.into(),
        ..Default::default()
    }
}

/// A report in the micro-grid of this number.
pub(crate) fn report_in(micro_grid: u8) -> ReportEventRequest {
    report_at(WEST + f64::from(micro_grid) + 0.5)
}

/// A request id that depends on a number only.
pub(crate) fn request_id(number: u32) -> String {
    format!("00000000-0000-4000-8000-{number:012}")
}
