//! The rules of staff, tested through gRPC: a store in memory, the stack with the real authority, and a client.
//!
//! Only `grids` is played: every well-formed area exists where its name says, so that a test can speak of any place.

mod access;
mod charges;
mod first_start;
mod handlers;
mod principals;
mod tokens;

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use api::grids::v1::{Area, GetAreaRequest};
use api::staff::v1::staff_service_client::StaffServiceClient;
use api::staff::v1::{
    Binding, CreatePrincipalRequest, IssueTokenRequest, Post, Principal, PrincipalKind, UpdatePrincipalRequest,
    WhoAmIRequest,
};
use base::{AreaId, AreaPath, Error, ManualClock, Result, Time};
use futures_util::future::{self, BoxFuture};
use prost_types::FieldMask;
use rpc::contract::Contract;
use rpc::metrics::Metrics;
use rpc::stack::Stack;
use rpc::status::{answer, from_status};
use rpc::{Caller, Link};
use store::Store;
use tokio::sync::watch;
use tonic::body::Body;

use crate::{LocalAuthority, Options, SCHEMA, Staff};

/// 2026-09-22, and a half second, because tokens know only whole ones.
pub(crate) const START: Time = Time::from_micros(1_790_000_000_500_000);
/// Areas whose last ordinal is this are retired from the beginning.
const RETIRED: u16 = 77;
/// No area lies under this one.
const NOWHERE: &str = "/99";

/// A staff service with everything around it.
pub(crate) struct House {
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) store: Store,
    pub(crate) authority: Arc<LocalAuthority>,
    pub(crate) staff: StaffServiceClient<Link>,
    /// Areas that are no longer used.
    pub(crate) retired: Arc<Mutex<Vec<AreaPath>>>,
    /// The token of the first administrator.
    pub(crate) admin: String,
    _running: watch::Sender<bool>,
}

impl House {
    pub(crate) async fn open() -> Self {
        Self::remembering(Options::default().tokens_remembered_max).await
    }

    pub(crate) async fn remembering(tokens: usize) -> Self {
        let clock = Arc::new(ManualClock::at(START));
        let store = Store::open(crate::SERVICE_NAME, SCHEMA, store::Options::memory()).unwrap();
        let admin = crate::bootstrap(&store, &*clock).await.unwrap().unwrap().text;
        let authority = Arc::new(LocalAuthority::new(store.clone(), tokens));
        let contract = Contract::load().unwrap();
        let metrics = Arc::new(Metrics::new(&contract));
        let (running, stopping) = watch::channel(false);
        let stack = Stack::new(contract, authority.clone(), clock.clone(), metrics, stopping);
        let retired = Arc::new(Mutex::new(Vec::new()));
        let grids = Link::local(tonic::service::Routes::new(PlayedGrids(retired.clone())), &stack);
        let staff = Staff::new(store.clone(), grids, clock.clone());
        let staff = StaffServiceClient::new(Link::local(staff.into_routes(), &stack));
        Self { clock, store, authority, staff, retired, admin, _running: running }
    }

    /// The client; each call clones it, as generated clients want to be mutable.
    pub(crate) fn staff(&self) -> StaffServiceClient<Link> {
        self.staff.clone()
    }

    pub(crate) async fn create(&self, token: &str, principal: Principal) -> Result<Principal> {
        let request = CreatePrincipalRequest { principal: Some(principal), request_id: String::new() };
        self.staff()
            .create_principal(bearing(token, request))
            .await
            .map(tonic::Response::into_inner)
            .map_err(from_status)
    }

    pub(crate) async fn update(&self, token: &str, principal: Principal, mask: &[&str]) -> Result<Principal> {
        let paths = mask.iter().map(ToString::to_string).collect();
        let request = UpdatePrincipalRequest {
            principal: Some(principal),
            update_mask: Some(FieldMask { paths }),
            request_id: String::new(),
        };
        self.staff()
            .update_principal(bearing(token, request))
            .await
            .map(tonic::Response::into_inner)
            .map_err(from_status)
    }

    pub(crate) async fn token(&self, token: &str, principal: &str) -> Result<String> {
        let request = IssueTokenRequest { principal: principal.to_owned(), lifetime_s: 3_600 };
        let issued = self.staff().issue_token(bearing(token, request)).await.map_err(from_status)?;
        Ok(issued.into_inner().token)
    }

    pub(crate) async fn who_am_i(&self, token: &str) -> Result<Principal> {
        let known = self.staff().who_am_i(bearing(token, WhoAmIRequest {})).await.map_err(from_status)?;
        Ok(known.into_inner())
    }

    /// A new person with these posts and a token, both made by the first administrator.
    pub(crate) async fn hire(&self, name: &str, posts: &[(Post, &str)]) -> (Principal, String) {
        let hired = self.create(&self.admin, person(name, posts)).await.unwrap();
        let token = self.token(&self.admin, &hired.name).await.unwrap();
        (hired, token)
    }
}

/// A request with a token.
pub(crate) fn bearing<M>(token: &str, message: M) -> tonic::Request<M> {
    let mut request = tonic::Request::new(message);
    request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
    request
}

/// A person with these posts.
pub(crate) fn person(name: &str, posts: &[(Post, &str)]) -> Principal {
    Principal {
        kind: PrincipalKind::Person.into(),
        display_name: name.to_owned(),
        phone: "13812341234".to_owned(),
        bindings: posts.iter().map(|&(post, path)| binding(post, path)).collect(),
        ..Principal::default()
    }
}

pub(crate) fn binding(post: Post, path: &str) -> Binding {
    Binding { post: post.into(), area: area(path), path: String::new() }
}

/// The name of the area at a path.
pub(crate) fn area(path: &str) -> String {
    let path: AreaPath = path.parse().unwrap();
    if path == AreaPath::ROOT {
        return "areas/-".to_owned();
    }
    let mut bytes = [0; 16];
    bytes[..path.bytes().len()].copy_from_slice(&path.bytes());
    AreaId::from_bytes(bytes).name()
}

/// Plays `grids.GetArea`: the id of an area is its path.
#[derive(Clone)]
struct PlayedGrids(Arc<Mutex<Vec<AreaPath>>>);

impl PlayedGrids {
    fn area(&self, request: &tonic::Request<GetAreaRequest>) -> Result<Area> {
        let caller = Caller::of(request)?;
        let name = &request.get_ref().name;
        let id = AreaId::parse_name(name).unwrap();
        let depth = id.bytes().chunks(2).take_while(|ordinal| *ordinal != [0, 0]).count();
        let path = AreaPath::from_bytes(&id.bytes()[..2 * depth]).unwrap();
        let in_sight = caller.scope().paths().iter().any(|root| path.is_within(root) || root.is_within(&path));
        if !in_sight || path.is_within(&NOWHERE.parse().unwrap()) {
            return Err(Error::not_found(name));
        }
        let retired = path.ordinals().last() == Some(&RETIRED) || self.0.lock().unwrap().contains(&path);
        Ok(Area {
            name: name.clone(),
            path: path.to_string(),
            retire_time: retired.then(|| rpc::time::to_proto(START)),
            ..Area::default()
        })
    }
}

impl tonic::server::NamedService for PlayedGrids {
    const NAME: &'static str = "wangge.grids.v1.GridService";
}

impl tower::Service<http::Request<Body>> for PlayedGrids {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), Infallible>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        assert_eq!(request.uri().path(), "/wangge.grids.v1.GridService/GetArea");
        let grids = self.clone();
        let answered = tower::service_fn(move |request| future::ready(answer(grids.area(&request))));
        let codec = tonic_prost::ProstCodec::<Area, GetAreaRequest>::default();
        Box::pin(async move { Ok(tonic::server::Grpc::new(codec).unary(answered, request).await) })
    }
}
