//! Points to areas over the wire: unary calls against an empty echo in alternating rounds, then batches.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::rc::Rc;
use std::time::{Duration, Instant};

use api::grids::v1::{Datum, LocateManyRequest, LocateRequest, Location, Point};
use tokio::task::LocalSet;
use tonic::client::Grpc;
use tonic::transport::{Channel, Endpoint};
use tonic_prost::ProstCodec;

use crate::drive::{self, Round};
use crate::echo;
use crate::server::{Caller, Server, processor_time};

/// Connections that the 64 callers share, as in `geometry.md`.
const CONNECTIONS: usize = 2;
/// Points of one LocateMany message.
const BATCH: usize = 8_192;

/// Prints calls per second of both and their ratio, the processor time of either server for a call, and points per second of batches.
pub(crate) async fn measure(server: &Server, rounds: usize, seconds: u64) {
    server.import_tainan();
    let points = Rc::new(points());
    let mut callers = Vec::new();
    for _ in 0..CONNECTIONS {
        callers.push(server.administrator().await);
    }
    let callers = Rc::new(callers);
    let mut echo_server = Command::new(std::env::current_exe().expect("this program has a path"))
        .arg("echo-server")
        .stdout(Stdio::piped())
        .spawn()
        .expect("the echo starts");
    let mut address = String::new();
    let stdout = echo_server.stdout.take().expect("stdout is piped");
    BufReader::new(stdout).read_line(&mut address).expect("the echo says where it is");
    let mut channels = Vec::new();
    for _ in 0..CONNECTIONS {
        let endpoint = Endpoint::from_shared(address.trim().to_owned()).expect("an address").tcp_nodelay(true);
        channels.push(endpoint.connect().await.expect("the echo can be reached"));
    }
    let channels = Rc::new(channels);
    LocalSet::new()
        .run_until(async {
            let mut ratios = Vec::new();
            println!("round      echo/s  p50 ms  p99 ms  cpu us    locate/s  p50 ms  p99 ms  cpu us   ratio");
            for number in 1..=rounds {
                let before = processor_time(echo_server.id());
                let mut echoed = echo_round(channels.clone(), points.clone(), seconds).await;
                let echo_time = processor_time(echo_server.id()) - before;
                let before = server.processor_time();
                let mut located = locate_round(callers.clone(), points.clone(), seconds).await;
                let locate_time = server.processor_time() - before;
                let ratio = located.per_second() / echoed.per_second();
                ratios.push(ratio);
                let (echo, locate) = (columns(&mut echoed, echo_time), columns(&mut located, locate_time));
                println!("{number:5} {echo} {locate}  {ratio:6.3}");
            }
            ratios.sort_by(f64::total_cmp);
            println!("median ratio {:.3} (at least 0.85 is wanted)", ratios[ratios.len() / 2]);
            batches(&callers[0], &points, seconds).await;
        })
        .await;
    // Its work is done; it holds nothing.
    let _ = echo_server.kill();
    let _ = echo_server.wait();
    let (holds, most) = server.memory_mib();
    println!("server memory: {holds} MiB now, {most} MiB at most");
}

/// The real orders' points: some lie outside every village, as in life.
fn points() -> Vec<(f64, f64)> {
    tests::tainan_orders().iter().map(|order| (order.longitude_deg, order.latitude_deg)).collect()
}

fn request((longitude_deg, latitude_deg): (f64, f64)) -> LocateRequest {
    LocateRequest { point: Some(Point { longitude_deg, latitude_deg, datum: Datum::Wgs84.into() }), as_of: None }
}

async fn echo_round(channels: Rc<Vec<Channel>>, points: Rc<Vec<(f64, f64)>>, seconds: u64) -> Round {
    drive::round(seconds, usize::MAX, move |number| {
        let mut grpc = Grpc::new(channels[number % channels.len()].clone());
        let message = request(points[number % points.len()]);
        async move {
            grpc.ready().await.expect("the echo is ready");
            let codec = ProstCodec::<LocateRequest, Location>::default();
            let path = http::uri::PathAndQuery::from_static(echo::PATH);
            grpc.unary(tonic::Request::new(message), path, codec).await.expect("the echo answers");
        }
    })
    .await
}

async fn locate_round(callers: Rc<Vec<Caller>>, points: Rc<Vec<(f64, f64)>>, seconds: u64) -> Round {
    drive::round(seconds, usize::MAX, move |number| {
        let caller = &callers[number % callers.len()];
        let mut grids = caller.grids();
        let request = caller.request(request(points[number % points.len()]));
        async move {
            grids.locate(request).await.expect("locate answers");
        }
    })
    .await
}

/// Calls per second, latencies, and the server's processor time a call.
fn columns(round: &mut Round, time: Duration) -> String {
    let per_call_us = time.as_secs_f64() * 1e6 / round.calls.max(1) as f64;
    let (p50, p99) = (round.percentile_ms(50), round.percentile_ms(99));
    format!("{:11.0} {p50:7.2} {p99:7.2} {per_call_us:7.1}", round.per_second())
}

async fn batches(caller: &Caller, points: &[(f64, f64)], seconds: u64) {
    for include_border in [false, true] {
        let batch: Vec<(f64, f64)> = points.iter().cycle().take(BATCH).copied().collect();
        let message = LocateManyRequest {
            datum: Datum::Wgs84.into(),
            longitude_deg: batch.iter().map(|point| point.0).collect(),
            latitude_deg: batch.iter().map(|point| point.1).collect(),
            include_border,
            as_of: None,
        };
        let end = Instant::now() + Duration::from_secs(seconds);
        let messages = futures_util::stream::unfold(message, move |message| async move {
            (Instant::now() < end).then(|| (message.clone(), message))
        });
        let began = Instant::now();
        let stream = caller.grids().locate_many(caller.request(messages)).await.expect("locate_many answers");
        let mut answers = stream.into_inner();
        let mut located = 0;
        while let Some(answer) = answers.message().await.expect("locate_many goes on") {
            located += answer.area_number.len();
        }
        let per_second = located as f64 / began.elapsed().as_secs_f64();
        println!(
            "LocateMany, borders {include_border}: {per_second:.0} points/s (1,000,000 without borders is wanted)"
        );
    }
}
