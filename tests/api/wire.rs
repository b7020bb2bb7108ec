//! What only the network shows: reflection, health, gRPC-Web over HTTP/1.1, metrics, deadlines, and services in two
//! processes.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use api::grids::v1::{LocateRequest, Location};
use prost::Message;
use tests::{Caller, Land, People, Town, Wangge, done, live, point, report_at};
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;

const SERVICES: [&str; 5] = [
    "wangge.buildings.v1.BuildingService",
    "wangge.events.v1.EventService",
    "wangge.grids.v1.GridService",
    "wangge.operations.v1.OperationsService",
    "wangge.staff.v1.StaffService",
];

async fn channel(server: &Wangge) -> Channel {
    Endpoint::from_shared(server.url()).unwrap().connect().await.unwrap()
}

async fn reflect(channel: &Channel, asked: MessageRequest) -> MessageResponse {
    let request = ServerReflectionRequest { host: String::new(), message_request: Some(asked) };
    let mut client = ServerReflectionClient::new(channel.clone());
    let mut answers = client.server_reflection_info(tokio_stream::iter([request])).await.unwrap().into_inner();
    answers.message().await.unwrap().unwrap().message_response.unwrap()
}

#[tokio::test]
async fn reflection_lists_the_services_and_tells_their_options_without_a_token() {
    let server = Wangge::start().await;
    let channel = channel(&server).await;
    let MessageResponse::ListServicesResponse(list) =
        reflect(&channel, MessageRequest::ListServices(String::new())).await
    else {
        panic!("a list was asked for")
    };
    let names: BTreeSet<String> = list.service.into_iter().map(|service| service.name).collect();
    for service in SERVICES {
        assert!(names.contains(service), "{service} in {names:?}");
        let symbol = MessageRequest::FileContainingSymbol(service.to_owned());
        let MessageResponse::FileDescriptorResponse(files) = reflect(&channel, symbol).await else {
            panic!("{service} has a file")
        };
        // The option with the action of each method is in the bytes: a client can read who may call what.
        let action = format!("{}.", service.split('.').nth(1).unwrap());
        let told = files
            .file_descriptor_proto
            .iter()
            .any(|file| file.windows(action.len()).any(|bytes| bytes == action.as_bytes()));
        assert!(told, "{service} tells its actions");
    }
    assert!(!names.iter().any(|name| name.contains("stored")), "{names:?}");
}

#[tokio::test]
async fn health_says_serving_for_every_service() {
    let server = Wangge::start().await;
    let mut client = HealthClient::new(channel(&server).await);
    for service in SERVICES.into_iter().chain([""]) {
        let check = HealthCheckRequest { service: service.to_owned() };
        let status = client.check(check).await.unwrap().into_inner().status();
        assert_eq!(status, ServingStatus::Serving, "{service:?}");
    }
    let unknown = HealthCheckRequest { service: "wangge.bakery.v1.Bakery".to_owned() };
    assert_eq!(client.check(unknown).await.unwrap_err().code(), Code::NotFound);
}

/// Sends bytes and reads everything until the other side closes.
async fn exchange(address: SocketAddr, request: Vec<u8>) -> Vec<u8> {
    let exchanged = tokio::task::spawn_blocking(move || {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream.write_all(&request).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        answer
    });
    exchanged.await.unwrap()
}

fn address(server: &Wangge) -> SocketAddr {
    server.url().trim_start_matches("http://").parse().unwrap()
}

#[tokio::test]
async fn grpc_web_is_answered_over_http_1_1() {
    let town = Town::start().await;
    let token = town.server.administrator_token();
    let message = LocateRequest { point: point(0.5, 0.5), as_of: None, ..Default::default() }.encode_to_vec();
    let mut body = vec![0];
    body.extend(u32::try_from(message.len()).unwrap().to_be_bytes());
    body.extend(message);
    let mut request = format!(
        "POST /wangge.grids.v1.GridService/Locate HTTP/1.1\r\nhost: localhost\r\ncontent-type: \
         application/grpc-web+proto\r\nx-grpc-web: 1\r\nauthorization: Bearer {token}\r\ncontent-length: {}\r\n\
         connection: close\r\n\r\n",
        body.len()
    )
    .into_bytes();
    request.extend(body);
    let answer = exchange(address(&town.server), request).await;
    let text = String::from_utf8_lossy(&answer);
    assert!(text.starts_with("HTTP/1.1 200"), "{text}");
    assert!(text.contains("application/grpc-web+proto"), "{text}");
    assert!(text.contains("grpc-status:0") || text.contains("grpc-status: 0"), "trailers come in the body: {text}");
    // The first data frame holds the message: flag 0, length, bytes.
    let name = town.land.name("A1");
    assert!(text.contains(&name), "the answer names {name}");
    let begin = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap() + 4;
    let found = (begin..answer.len() - 5).find_map(|at| {
        let length = u32::from_be_bytes(answer[at + 1..at + 5].try_into().unwrap()) as usize;
        let message = answer.get(at + 5..at + 5 + length).filter(|_| answer[at] == 0 && length > 50)?;
        Location::decode(message).ok()
    });
    assert_eq!(found.expect("a location").chain.len(), 3);
}

#[tokio::test]
async fn metrics_count_calls_by_method_and_code() {
    let server = Wangge::start_with(|config| config.metrics_listen = Some(([127, 0, 0, 1], 0).into())).await;
    let land = Land::install(&server.administrator, &Land::squares()).await;
    let people = People::hire(&server.administrator, &land).await;
    for _ in 0..5 {
        live(&people.desk, report_at(0.5, 0.5), &[]).await;
    }
    let request = b"GET /metrics HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n".to_vec();
    let answer = exchange(server.metrics_address().expect("metrics are served"), request).await;
    let text = String::from_utf8_lossy(&answer);
    assert!(text.starts_with("HTTP/1.1 200"), "{text}");
    let line = text.lines().find(|line| line.contains("ReportEvent") && line.trim_end().ends_with(" 5"));
    assert!(line.is_some(), "five reports are counted: {text}");
    let token = server.administrator_token();
    assert!(!text.contains(&token[..20]), "no secret in metrics");
}

#[tokio::test]
async fn a_deadline_of_the_caller_is_kept() {
    let town = Town::start().await;
    let mut request = Request::new(LocateRequest { point: point(0.5, 0.5), as_of: None, ..Default::default() });
    request.set_timeout(Duration::from_nanos(1));
    let status = town.people.desk.grids().locate(request).await.unwrap_err();
    assert!(matches!(status.code(), Code::Cancelled | Code::DeadlineExceeded), "{status:?}");
}

#[tokio::test]
async fn an_unknown_method_is_unimplemented_and_not_a_crash() {
    let town = Town::start().await;
    let mut client = tonic::client::Grpc::new(channel(&town.server).await);
    client.ready().await.unwrap();
    let path = "/wangge.grids.v1.GridService/Demolish".parse().unwrap();
    let codec = tonic_prost::ProstCodec::<LocateRequest, Location>::default();
    let status = client.unary(Request::new(LocateRequest::default()), path, codec).await.unwrap_err();
    assert_eq!(status.code(), Code::Unimplemented);
}

fn free_port() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

#[tokio::test]
async fn services_in_two_processes_are_one_house() {
    let (lower, upper) = (free_port(), free_port());
    let grids = Wangge::start_with(|config| {
        config.listen = lower;
        config.services = vec!["grids".to_owned()];
        config.links.insert("staff".to_owned(), format!("http://{upper}"));
    });
    let others = Wangge::start_with(|config| {
        config.listen = upper;
        config.services = vec!["staff".to_owned(), "events".to_owned()];
        config.links.insert("grids".to_owned(), format!("http://{lower}"));
    });
    let (grids, others) = tokio::join!(grids, others);
    let token = others.administrator_token();
    let at_grids: Caller = grids.connect(&token).await;
    let land = Land::install(&at_grids, &Land::squares()).await;
    let people = People::hire(&others.administrator, &land).await;
    let event = live(&people.desk, report_at(0.5, 0.5), &tests::WHOLE_LIFE).await;
    assert_eq!((event.chain.last().unwrap().code.as_str(), &event.worker), ("A1", &people.micro_a1.name));
    let desk = Caller::clone(&at_grids).with_token("", "");
    let refusal = tests::refused(
        desk.grids().locate(LocateRequest { point: point(0.5, 0.5), as_of: None, ..Default::default() }).await,
    );
    refusal.expect(Code::Unauthenticated, "TOKEN_MISSING");
    done(at_grids.grids().locate(LocateRequest { point: point(0.5, 0.5), as_of: None, ..Default::default() }).await);
}
