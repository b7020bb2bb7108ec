//! Calls through the stack and over links: who gets in, what crosses, and how watching ends.

#![allow(clippy::unwrap_used)] // The helpers of a test may fail it.

use std::sync::Arc;
use std::time::Duration;

use api::events::v1::WatchEventsResponse;
use api::operations::v1::operations_service_client::OperationsServiceClient;
use api::operations::v1::operations_service_server::{OperationsService, OperationsServiceServer};
use api::operations::v1::{BackupChunk, BackupRequest, GetStatusRequest, ScrubReport, ScrubRequest, Status as Answer};
use base::{AreaPath, Clock, Error, Kind, ManualClock, PrincipalId, Result, Time};
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use rpc::access::Post;
use rpc::contract::Contract;
use rpc::identity::{Authority, Identity};
use rpc::metrics::Metrics;
use rpc::stack::{REPEATED_AUTHORIZATION, Stack};
use rpc::status::from_status;
use rpc::{Caller, Link, cursor, watch};
use store::{Key, Origin, Store, Table};
use tokio::sync::watch as signal;
use tonic::{Code, Request, Response, Status};

const NOW: Time = Time::from_micros(1_790_000_000_000_000);

/// Knows three tokens; `revoked` is known to nobody.
struct Tokens;

impl Authority for Tokens {
    fn cached(&self, _: &str, _: Time) -> Option<Arc<Identity>> {
        None
    }

    fn identify<'a>(&'a self, token: &'a str, _: Time) -> BoxFuture<'a, Result<Arc<Identity>>> {
        let street: AreaPath = "/1/2".parse().unwrap();
        let bindings = match token {
            "root" => vec![(Post::Administrator, AreaPath::ROOT)],
            "street" => vec![(Post::Administrator, street)],
            "worker" => vec![(Post::GridWorker, street)],
            _ => {
                return Box::pin(async { Err(Error::new(Kind::Unauthenticated, "TOKEN_UNKNOWN", "unknown token")) });
            }
        };
        let id = PrincipalId::generate(NOW);
        Box::pin(async move { Ok(Arc::new(Identity { id, display_name: "somebody".to_owned(), bindings })) })
    }
}

/// What a test asks of the service, told by metadata because the requests are empty.
#[derive(Clone)]
struct Service(Option<Store>);

/// Something a caller could try to plant into a call.
#[derive(Clone)]
struct Planted;

#[tonic::async_trait]
impl OperationsService for Service {
    type BackupStream = futures_util::stream::BoxStream<'static, Result<BackupChunk, Status>>;

    async fn get_status(&self, request: Request<GetStatusRequest>) -> Result<Response<Answer>, Status> {
        assert!(request.extensions().get::<Planted>().is_none(), "an extension crossed the link");
        match request.metadata().get("do").map(|value| value.to_str().unwrap()) {
            Some("panic") => panic!("the words of a panic"),
            Some("sleep") => tokio::time::sleep(Duration::from_secs(60)).await,
            _ => {}
        }
        let caller = Caller::of(&request).unwrap();
        Ok(Response::new(Answer { version: caller.scope().paths()[0].to_string(), ..Default::default() }))
    }

    async fn backup(&self, request: Request<BackupRequest>) -> Result<Response<Self::BackupStream>, Status> {
        let store = self.0.clone().unwrap();
        let translate = {
            let store = store.clone();
            move |entry: &store::Entry| Ok(vec![BackupChunk { data: cursor::write(&store, entry.sequence).into() }])
        };
        let heartbeat = |_| BackupChunk::default();
        let caller = Caller::of(&request).unwrap();
        Ok(Response::new(watch::stream(caller, store, 0, translate, heartbeat)))
    }

    async fn scrub(&self, _: Request<ScrubRequest>) -> Result<Response<ScrubReport>, Status> {
        Ok(Response::new(ScrubReport::default()))
    }
}

struct House {
    client: OperationsServiceClient<Link>,
    stop: signal::Sender<bool>,
    metrics: Arc<Metrics>,
}

fn house(store: Option<Store>) -> House {
    let contract = Contract::load().unwrap();
    let metrics = Arc::new(Metrics::new(&contract));
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::at(NOW));
    let (stop, stopping) = signal::channel(false);
    let stack = Stack::new(contract, Arc::new(Tokens), clock, metrics.clone(), stopping);
    let routes = tonic::service::Routes::new(OperationsServiceServer::new(Service(store)));
    House { client: OperationsServiceClient::new(Link::local(routes, &stack)), stop, metrics }
}

fn bearing<M>(token: &str, message: M) -> Request<M> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
    request
}

async fn status(token: &str) -> Result<Answer, Status> {
    house(None).client.get_status(bearing(token, GetStatusRequest {})).await.map(Response::into_inner)
}

#[tokio::test]
async fn nobody_gets_in_without_a_token_that_somebody_stands_for() {
    let missing = house(None).client.get_status(GetStatusRequest {}).await.unwrap_err();
    assert_eq!((missing.code(), from_status(missing).reason()), (Code::Unauthenticated, "TOKEN_MISSING"));
    assert_eq!(status("revoked").await.unwrap_err().code(), Code::Unauthenticated);
    assert_eq!(status("root").await.unwrap().version, "/");
}

#[tokio::test]
async fn a_token_is_also_read_where_connections_remember_it() {
    let mut request = Request::new(GetStatusRequest {});
    request.metadata_mut().insert(REPEATED_AUTHORIZATION, "Bearer root".parse().unwrap());
    assert_eq!(house(None).client.get_status(request).await.unwrap().into_inner().version, "/");
    let mut both = bearing("revoked", GetStatusRequest {});
    both.metadata_mut().insert(REPEATED_AUTHORIZATION, "Bearer root".parse().unwrap());
    let refused = house(None).client.get_status(both).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unauthenticated, "`authorization` decides when both are sent");
}

#[tokio::test]
async fn an_action_needs_a_post_that_allows_it_and_the_whole_process_needs_the_root() {
    let worker = from_status(status("worker").await.unwrap_err());
    assert_eq!((worker.kind(), worker.reason()), (Kind::Forbidden, "ACTION_NOT_ALLOWED"));
    assert_eq!(status("street").await.unwrap_err().code(), Code::PermissionDenied);
}

#[tokio::test]
async fn a_panic_is_an_internal_error_without_its_words() {
    let mut request = bearing("root", GetStatusRequest {});
    request.metadata_mut().insert("do", "panic".parse().unwrap());
    let status = house(None).client.get_status(request).await.unwrap_err();
    assert_eq!(status.code(), Code::Internal);
    assert!(!status.message().contains("words of a panic"));
}

#[tokio::test]
async fn the_deadline_of_a_call_is_kept_inside_the_process() {
    let mut request = bearing("root", GetStatusRequest {});
    request.metadata_mut().insert("do", "sleep".parse().unwrap());
    request.set_timeout(Duration::from_millis(30));
    let status = house(None).client.get_status(request).await.unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded);
}

#[tokio::test]
async fn extensions_do_not_cross_a_link() {
    let mut request = bearing("root", GetStatusRequest {});
    request.extensions_mut().insert(Planted);
    house(None).client.get_status(request).await.unwrap();
}

#[tokio::test]
async fn calls_are_counted_with_how_they_ended() {
    let mut house = house(None);
    house.client.get_status(bearing("root", GetStatusRequest {})).await.unwrap();
    house.client.get_status(bearing("worker", GetStatusRequest {})).await.unwrap_err();
    let text = house.metrics.render();
    assert!(text.contains("GetStatus\",code=\"Ok\"} 1") && text.contains("code=\"PermissionDenied\"} 1"), "{text}");
}

static MESSAGES: Table<WatchEventsResponse> =
    Table::new(1, "messages", |message| Key::new().text(&message.cursor), &[], &[]);
static SCHEMA: store::Schema = &[&MESSAGES];

fn store() -> Store {
    Store::open("watched", SCHEMA, store::Options::memory()).unwrap()
}

async fn put(store: &Store, text: &str) -> u64 {
    let message = WatchEventsResponse { cursor: text.to_owned(), ..Default::default() };
    let origin = Origin { principal: "principals/test".to_owned(), method: "test", time: NOW };
    store.write(origin, move |transaction| MESSAGES.put(transaction, &message)).await.unwrap().sequence
}

#[tokio::test]
async fn a_watch_tells_every_change_in_order_and_ends_with_a_reason_when_the_server_stops() {
    let store = store();
    let before = put(&store, "before").await;
    let mut house = house(Some(store.clone()));
    let mut stream = house.client.backup(bearing("root", BackupRequest {})).await.unwrap().into_inner();
    assert!(stream.next().await.unwrap().unwrap().data.is_empty(), "the first message tells where the watch begins");
    let mut told = Vec::new();
    while told.last().is_none_or(|last| *last < before) {
        let cursor = String::from_utf8(stream.next().await.unwrap().unwrap().data.to_vec()).unwrap();
        told.push(cursor::read(&cursor, &store).unwrap());
    }
    let after = put(&store, "after").await;
    let cursor = String::from_utf8(stream.next().await.unwrap().unwrap().data.to_vec()).unwrap();
    told.push(cursor::read(&cursor, &store).unwrap());
    assert_eq!(told, (1..=after).collect::<Vec<_>>());

    house.stop.send(true).unwrap();
    let end = from_status(stream.next().await.unwrap().unwrap_err());
    assert_eq!((end.kind(), end.reason()), (Kind::Unavailable, "STOPPING"));
    assert!(stream.next().await.is_none());
}

#[tokio::test]
async fn a_cursor_of_another_store_is_refused() {
    let (one, other) = (store(), store());
    put(&one, "x").await;
    let error = cursor::read(&cursor::write(&one, one.head()), &other).unwrap_err();
    assert_eq!((error.kind(), error.reason()), (Kind::Invalid, "FOREIGN_CURSOR"));
    assert!(cursor::read("nonsense", &one).is_err());
    assert_eq!(cursor::read(&cursor::write(&one, one.head()), &one).unwrap(), one.head());
}
