//! The service as its callers see it: over links, with the stack around it, on a store in memory.

mod areas;
mod faults;
mod lists;
mod locate;
mod neighbours;
mod real;
mod releases;
mod schedule;
mod watching;

use std::collections::HashMap;
use std::sync::Arc;

use api::grids::v1::grid_service_client::GridServiceClient;
use api::grids::v1::{
    Acceptance, ActivateReleaseRequest, Area, AreaCode, AreaKind, AreaSpec, BoundaryUpload, CreateReleaseRequest,
    Datum, FindingKind, ImportAreasRequest, ImportAreasResponse, LocateRequest, Location, Point, Release,
    UploadBoundariesRequest, ValidateReleaseRequest,
};
use base::{AreaPath, Clock, Error, Kind, ManualClock, PrincipalId, Result, Time};
use futures_util::future::{BoxFuture, ready};
use rpc::Link;
use rpc::access::Post;
use rpc::contract::Contract;
use rpc::identity::{Authority, Identity};
use rpc::metrics::Metrics;
use rpc::stack::Stack;
use rpc::status::from_status;
use store::Store;

use crate::{Grids, Options, SCHEMA};

type Client = GridServiceClient<Link>;

/// A running service with a clock that stands still.
struct House {
    store: Store,
    grids: Grids,
    clock: Arc<ManualClock>,
    stack: Stack,
    _running: tokio::sync::watch::Sender<bool>,
}

/// Believes every token of the form `administrator@/1/2`.
struct Believing(HashMap<&'static str, Post>);

impl Authority for Believing {
    fn cached(&self, token: &str, _: Time) -> Option<Arc<Identity>> {
        let (post, path) = token.split_once('@')?;
        let bindings = vec![(*self.0.get(post)?, path.parse::<AreaPath>().ok()?)];
        Some(Arc::new(Identity { id: PrincipalId::from_bytes([7; 16]), display_name: token.to_owned(), bindings }))
    }

    fn identify<'a>(&'a self, _: &'a str, _: Time) -> BoxFuture<'a, Result<Arc<Identity>>> {
        Box::pin(ready(Err(Error::new(Kind::Unauthenticated, "TOKEN_UNKNOWN", "nobody has this token"))))
    }
}

impl House {
    fn open() -> Self {
        let clock = Arc::new(ManualClock::at(Time::parse("2026-09-22 08:00").unwrap()));
        Self::open_on(Store::open("grids", SCHEMA, store::Options::memory()).unwrap(), clock)
    }

    fn open_on(store: Store, clock: Arc<ManualClock>) -> Self {
        let contract = Contract::load().unwrap();
        let metrics = Arc::new(Metrics::new(&contract));
        let (running, stopping) = tokio::sync::watch::channel(false);
        let posts = HashMap::from([("administrator", Post::Administrator), ("worker", Post::GridWorker)]);
        let authority = Arc::new(Believing(posts));
        let stack = Stack::new(contract, authority, clock.clone() as Arc<dyn Clock>, metrics, stopping);
        let grids = Grids::new(store.clone(), Options::default(), clock.clone()).unwrap();
        Self { store, grids, clock, stack, _running: running }
    }

    /// The same store under a service that has just started.
    fn restarted(&self) -> Self {
        Self::open_on(self.store.clone(), self.clock.clone())
    }

    fn client(&self) -> Client {
        let link = Link::local(self.grids.clone().into_routes(), &self.stack);
        Client::new(link).max_decoding_message_size(64 << 20)
    }

    async fn import(&self, areas: Vec<AreaSpec>) -> Result<ImportAreasResponse> {
        let request = ImportAreasRequest { areas, ..ImportAreasRequest::default() };
        told(self.client().import_areas(admin(request)).await)
    }

    async fn draft(&self, roots: &[&str]) -> Release {
        let roots = roots.iter().map(|&root| root.to_owned()).collect();
        let release = Release { roots, ..Release::default() };
        let request = CreateReleaseRequest { release: Some(release), request_id: String::new() };
        told(self.client().create_release(admin(request)).await).unwrap()
    }

    async fn upload(&self, release: &str, boundaries: Vec<BoundaryUpload>) -> Result<Release> {
        let datum = Datum::Wgs84.into();
        let message = UploadBoundariesRequest { release: release.to_owned(), datum, boundaries };
        let answer = self.client().upload_boundaries(admin(tokio_stream::iter(vec![message]))).await;
        told(answer).map(|answer| answer.release.unwrap())
    }

    async fn validate(&self, release: &str) -> Result<Release> {
        told(
            self.client()
                .validate_release(admin(ValidateReleaseRequest { name: release.to_owned(), activate_time: None }))
                .await,
        )
    }

    async fn activate(&self, release: &str, accepted: &[FindingKind], from: Option<Time>) -> Result<Release> {
        let acceptances = accepted.iter().map(|&kind| Acceptance { kind: kind.into(), area_m2_max: 0.0 }).collect();
        let request = ActivateReleaseRequest {
            name: release.to_owned(),
            acceptances,
            activate_time: from.map(rpc::time::to_proto),
            ..ActivateReleaseRequest::default()
        };
        told(self.client().activate_release(admin(request)).await)
    }

    /// Drafts, fills, validates and activates a release at once.
    async fn release(&self, roots: &[&str], boundaries: Vec<BoundaryUpload>, accepted: &[FindingKind]) -> Release {
        let draft = self.draft(roots).await;
        self.upload(&draft.name, boundaries).await.unwrap();
        self.validate(&draft.name).await.unwrap();
        self.activate(&draft.name, accepted, None).await.unwrap()
    }

    async fn locate(&self, longitude_deg: f64, latitude_deg: f64, as_of: Option<Time>) -> Location {
        let request = LocateRequest {
            point: Some(point(longitude_deg, latitude_deg)),
            as_of: as_of.map(rpc::time::to_proto),
            ..Default::default()
        };
        told(self.client().locate(admin(request)).await).unwrap()
    }

    /// The display name of the finest area at a point; empty outside.
    async fn named(&self, longitude_deg: f64, latitude_deg: f64, as_of: Option<Time>) -> String {
        let location = self.locate(longitude_deg, latitude_deg, as_of).await;
        location.chain.last().map_or_else(String::new, |area| area.display_name.clone())
    }

    /// A subdistrict "S" with one community "C" and two micro-grids "M1" and "M2" in it; answers them in this order.
    async fn subdistrict(&self) -> Vec<Area> {
        let specs = vec![
            spec(AreaKind::Subdistrict, "S", ""),
            spec(AreaKind::Community, "C", "S"),
            spec(AreaKind::MicroGrid, "M1", "C"),
            spec(AreaKind::MicroGrid, "M2", "C"),
        ];
        self.import(specs).await.unwrap().areas
    }
}

/// A request of the administrator of everything.
fn admin<T>(message: T) -> tonic::Request<T> {
    bearing("administrator@/", message)
}

fn bearing<T>(token: &str, message: T) -> tonic::Request<T> {
    let mut request = tonic::Request::new(message);
    request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
    request
}

fn told<T>(answer: Result<tonic::Response<T>, tonic::Status>) -> Result<T> {
    answer.map(tonic::Response::into_inner).map_err(from_status)
}

fn code(text: &str) -> AreaCode {
    AreaCode { scheme: "local".to_owned(), code: text.to_owned(), ..AreaCode::default() }
}

/// An area that is called like its code.
fn spec(kind: AreaKind, name: &str, parent_code: &str) -> AreaSpec {
    AreaSpec {
        kind: kind.into(),
        codes: vec![code(name)],
        display_name: name.to_owned(),
        parent_code: parent_code.to_owned(),
        ..AreaSpec::default()
    }
}

fn point(longitude_deg: f64, latitude_deg: f64) -> Point {
    Point { longitude_deg, latitude_deg, datum: Datum::Wgs84.into() }
}

/// The boundary of the area with a code: a box.
fn boxed(code: &str, west: f64, south: f64, east: f64, north: f64) -> BoundaryUpload {
    let geojson = format!(
        r#"{{"type":"Polygon","coordinates":[[[{west},{south}],[{east},{south}],[{east},{north}],[{west},{north}],[{west},{south}]]]}}"#
    );
    BoundaryUpload { area: String::new(), code: code.to_owned(), geojson }
}

/// The two micro-grids of [`House::subdistrict`] side by side, meeting at a longitude.
fn halves(meeting: f64) -> Vec<BoundaryUpload> {
    vec![boxed("M1", 117.0, 34.0, meeting, 34.01), boxed("M2", meeting, 34.0, 117.02, 34.01)]
}
