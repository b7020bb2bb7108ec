//! The server as a whole, over TCP: starting, refusing, answering every kind of client, stopping. What the services
//! answer is tested in the package `tests`.

// clippy takes only the test functions themselves for tests, not what they share.
#![allow(clippy::unwrap_used)]

mod deliveries;
mod deployed;
mod encrypted;
mod process;
mod releases;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use api::events::v1::WatchEventsRequest;
use api::operations::v1::{GetStatusRequest, ScrubRequest};
use api::staff::v1::WhoAmIRequest;
use base::SystemClock;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_stream::StreamExt;
use tonic::{Code, Status, Streaming};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;
use tonic_reflection::pb::v1::{ServerReflectionRequest, ServerReflectionResponse};
use wangge::client::{Clients, Connection};
use wangge::config::Config;
use wangge::serve::Server;

fn config(data: &Path) -> Config {
    let listen = "127.0.0.1:0".parse().unwrap();
    Config { data: data.to_owned(), listen, stop_seconds: 5, ..Default::default() }
}

async fn start(config: Config) -> Server {
    Server::start(config, Arc::new(SystemClock)).await.unwrap()
}

/// The next message of a stream; a stream that says nothing fails instead of hanging.
async fn next<M>(stream: &mut Streaming<M>) -> Result<Option<M>, Status> {
    let told = tokio::time::timeout(process::PATIENCE, stream.message()).await;
    told.unwrap_or_else(|_| panic!("the stream says nothing for {} s", process::PATIENCE.as_secs()))
}

async fn connect(server: &Server, data: &Path) -> Clients {
    let token_file = Some(data.join("admin.token"));
    Connection { server: server.url(), token_file, ca: None }.connect().await.unwrap()
}

#[tokio::test]
async fn the_first_start_makes_an_administrator_and_later_ones_know_the_token() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("new");
    let server = start(config(&data)).await;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&data), mode(&data.join("admin.token"))), (0o700, 0o600));
    }
    let token = std::fs::read(data.join("admin.token")).unwrap();
    let first = connect(&server, &data).await.staff().who_am_i(WhoAmIRequest {}).await.unwrap().into_inner();
    server.stop().await.unwrap();

    let server = start(config(&data)).await;
    assert_eq!(std::fs::read(data.join("admin.token")).unwrap(), token, "a restart makes no other token");
    let again = connect(&server, &data).await.staff().who_am_i(WhoAmIRequest {}).await.unwrap().into_inner();
    assert_eq!(first, again);
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_second_server_on_the_same_directory_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(config(folder.path())).await;
    let error = Server::start(config(folder.path()), Arc::new(SystemClock)).await.map(|_| ()).unwrap_err();
    assert_eq!(error.reason(), "DATA_IN_USE");
    assert!(error.message().contains("only one server at a time"), "{error}");
    server.stop().await.unwrap();
}

#[tokio::test]
async fn an_address_that_is_taken_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(config(&folder.path().join("one"))).await;
    let second = Config { listen: server.address(), ..config(&folder.path().join("two")) };
    let error = Server::start(second, Arc::new(SystemClock)).await.map(|_| ()).unwrap_err();
    assert_eq!(error.reason(), "LISTEN");
    assert!(error.message().contains(&server.address().to_string()));
    assert!(!folder.path().join("two").exists(), "nothing is made for a server that cannot run");
    server.stop().await.unwrap();
}

#[tokio::test]
async fn stopping_ends_watches_with_a_reason_and_takes_little_time() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(config(folder.path())).await;
    let clients = connect(&server, folder.path()).await;
    let mut watch = clients.events().watch_events(WatchEventsRequest::default()).await.unwrap().into_inner();
    let heartbeat = next(&mut watch).await.unwrap().unwrap();
    assert!(!heartbeat.cursor.is_empty() && heartbeat.change.is_none());
    let begun = Instant::now();
    let (stopped, ended) = tokio::join!(server.stop(), next(&mut watch));
    stopped.unwrap();
    let reason = ended.unwrap_err();
    assert_eq!(reason.code(), Code::Unavailable);
    assert!(reason.message().contains("stopping"), "{reason}");
    assert!(begun.elapsed() < Duration::from_secs(4), "the idle connection held it back");
    let error = clients.staff().who_am_i(WhoAmIRequest {}).await.unwrap_err();
    assert_eq!(error.code(), Code::Unavailable, "{error}");
}

#[tokio::test]
async fn whoever_watches_the_health_hears_of_the_stop_and_does_not_hold_it_back() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(config(folder.path())).await;
    let channel = tonic::transport::Endpoint::from_shared(server.url()).unwrap().connect().await.unwrap();
    let mut watches = Vec::new();
    for service in ["", "wangge.events.v1.EventService"] {
        let request = HealthCheckRequest { service: service.to_owned() };
        let mut watch = HealthClient::new(channel.clone()).watch(request).await.unwrap().into_inner();
        assert_eq!(next(&mut watch).await.unwrap().unwrap().status(), ServingStatus::Serving);
        watches.push(watch);
    }
    let begun = Instant::now();
    let stopping = tokio::spawn(server.stop());
    for mut watch in watches {
        assert_eq!(next(&mut watch).await.unwrap().unwrap().status(), ServingStatus::NotServing);
        assert_eq!(next(&mut watch).await.unwrap(), None);
    }
    stopping.await.unwrap().unwrap();
    assert!(begun.elapsed() < Duration::from_secs(4), "the watch held it back");
}

#[tokio::test]
async fn whoever_keeps_reflection_open_hears_why_it_ends_and_does_not_hold_the_stop_back() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(config(folder.path())).await;
    let channel = tonic::transport::Endpoint::from_shared(server.url()).unwrap().connect().await.unwrap();
    let request = ServerReflectionRequest {
        message_request: Some(MessageRequest::ListServices(String::new())),
        ..Default::default()
    };
    // One question, and then silence: the client neither asks more nor closes.
    let questions = tokio_stream::iter([request]).chain(tokio_stream::pending());
    let mut answers =
        ServerReflectionClient::new(channel).server_reflection_info(questions).await.unwrap().into_inner();
    assert!(next(&mut answers).await.unwrap().unwrap().message_response.is_some());
    let begun = Instant::now();
    let (stopped, ended) = tokio::join!(server.stop(), next(&mut answers));
    stopped.unwrap();
    let reason = ended.unwrap_err();
    assert_eq!(reason.code(), Code::Unavailable);
    assert!(reason.message().contains("stopping"), "{reason}");
    assert!(begun.elapsed() < Duration::from_secs(4), "the open stream held it back");
}

#[tokio::test]
async fn a_token_that_cannot_be_written_is_told_with_its_place_and_a_way_out() {
    let folder = tempfile::tempdir().unwrap();
    let taken = folder.path().join("admin.token");
    std::fs::create_dir(&taken).unwrap();
    let error = Server::start(config(folder.path()), Arc::new(SystemClock)).await.map(|_| ()).unwrap_err();
    assert_eq!(error.reason(), "TOKEN_FILE_REFUSED");
    let message = error.message();
    assert!(message.contains(taken.to_str().unwrap()) && message.contains("wangge token issue --data"), "{message}");
}

#[tokio::test]
async fn health_and_reflection_answer_without_a_token_and_nothing_else_does() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(config(folder.path())).await;
    let endpoint = tonic::transport::Endpoint::from_shared(server.url()).unwrap();
    let channel = endpoint.connect().await.unwrap();
    for service in ["", "wangge.grids.v1.GridService", "wangge.events.v1.EventService"] {
        let request = HealthCheckRequest { service: service.to_owned() };
        let health = HealthClient::new(channel.clone()).check(request).await.unwrap().into_inner();
        assert_eq!(health.status(), ServingStatus::Serving, "{service}");
    }
    let request = ServerReflectionRequest {
        message_request: Some(MessageRequest::ListServices(String::new())),
        ..Default::default()
    };
    let mut answers = ServerReflectionClient::new(channel.clone())
        .server_reflection_info(tokio_stream::iter([request]))
        .await
        .unwrap()
        .into_inner();
    let ServerReflectionResponse { message_response, .. } = next(&mut answers).await.unwrap().unwrap();
    let Some(MessageResponse::ListServicesResponse(services)) = message_response else {
        panic!("{message_response:?}")
    };
    let names: Vec<&str> = services.service.iter().map(|service| service.name.as_str()).collect();
    assert!(
        names.contains(&"wangge.staff.v1.StaffService") && names.contains(&"wangge.operations.v1.OperationsService")
    );

    let mut staff = api::staff::v1::staff_service_client::StaffServiceClient::new(channel);
    let refused = staff.who_am_i(WhoAmIRequest {}).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unauthenticated);
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_service_that_runs_elsewhere_is_reached_by_its_link_and_not_offered_here() {
    let folder = tempfile::tempdir().unwrap();
    let (low, high) = (folder.path().join("low"), folder.path().join("high"));
    let below = ["grids", "staff"].map(str::to_owned).to_vec();
    let lower = start(Config { services: below.clone(), ..config(&low) }).await;
    let links = below.into_iter().map(|service| (service, lower.url())).collect();
    let upper = start(Config { services: vec!["events".to_owned()], links, ..config(&high) }).await;
    assert!(!high.join("admin.token").exists(), "only the process with the staff service makes an administrator");

    let clients = connect(&upper, &low).await;
    let status = clients.operations().get_status(GetStatusRequest {}).await.unwrap().into_inner();
    assert_eq!(status.services, ["events"]);
    let scrub = clients.operations().scrub(ScrubRequest::default()).await.unwrap().into_inner();
    assert_eq!((scrub.stores.len(), scrub.stores[0].faults.len()), (1, 0));
    let error = clients.staff().who_am_i(WhoAmIRequest {}).await.unwrap_err();
    assert_eq!(error.code(), Code::Unimplemented);
    upper.stop().await.unwrap();
    lower.stop().await.unwrap();
}

#[tokio::test]
async fn a_browser_calls_over_http_1_and_an_operator_reads_metrics() {
    let folder = tempfile::tempdir().unwrap();
    let metrics_listen = Some("127.0.0.1:0".parse().unwrap());
    let server = start(Config { metrics_listen, ..config(folder.path()) }).await;
    let token = std::fs::read_to_string(folder.path().join("admin.token")).unwrap();
    // An empty message in gRPC-Web framing: no compression, length 0.
    let request = format!(
        "POST /wangge.staff.v1.StaffService/WhoAmI HTTP/1.1\r\nhost: wangge\r\ncontent-type: application/grpc-web+proto\r\n\
         authorization: Bearer {}\r\ncontent-length: 5\r\nconnection: close\r\n\r\n\0\0\0\0\0",
        token.trim()
    );
    let answer = exchange(server.address(), &request).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains("principals/") && answer.contains("grpc-status:0"), "{answer}");

    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nhost: wangge\r\nconnection: close\r\n\r\n");
    let operators = server.metrics_address().unwrap();
    let metrics = exchange(operators, &get("/metrics")).await;
    let counted = "wangge_calls_total{method=\"/wangge.staff.v1.StaffService/WhoAmI\",code=\"Ok\"} 1";
    assert!(metrics.contains(counted) && metrics.contains("wangge_store_head_sequence{store=\"grids\"}"), "{metrics}");
    for path in ["/live", "/ready"] {
        let answer = exchange(operators, &get(path)).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{path}: {answer}");
    }
    server.stop().await.unwrap();
}

/// Sends a request and reads until the server closes the connection.
async fn exchange(address: std::net::SocketAddr, request: &str) -> String {
    let mut connection = TcpStream::connect(address).await.unwrap();
    connection.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    connection.read_to_end(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}
