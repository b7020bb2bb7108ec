//! Points to areas over the wire: unary calls against two echoes in alternating rounds, then batches.

use std::fmt;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::rc::Rc;
use std::time::{Duration, Instant};

use api::grids::v1::{Datum, LocateManyRequest, LocateRequest, Location, LocationView, Point};
use http::uri::PathAndQuery;
use prost::Message;
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

/// Prints calls per second and the server's processor time a call of an empty echo, of an echo that carries what Locate
/// carries (a token there, a location back), and of Locate, with its ratio to either; then points per second of batches.
pub(crate) async fn measure(server: &Server, rounds: usize, seconds: u64) {
    server.import_tainan();
    let points = Rc::new(points());
    let mut callers = Vec::new();
    for _ in 0..CONNECTIONS {
        callers.push(server.administrator().await);
    }
    let callers = Rc::new(callers);
    let first = callers[0].request(request(points[0], LocationView::Full));
    let echo = Echo::start(callers[0].grids().locate(first).await.expect("locate answers").get_ref()).await;
    LocalSet::new()
        .run_until(async {
            let (mut basic_ratios, mut full_ratios, mut same_ratios) = (Vec::new(), Vec::new(), Vec::new());
            println!("each: calls/s, p50 ms, p99 ms, server's processor us a call");
            println!(
                "{:>35}{:>35}{:>35}{:>35}",
                "empty echo", "locate, basic", "locate, full", "echo of the same as full"
            );
            for _ in 0..rounds {
                let located = |view| locate_round(callers.clone(), points.clone(), seconds, view);
                let empty = Measured::of(echo.process.id(), echo.round(&points, seconds, None)).await;
                let basic = Measured::of(server.id(), located(LocationView::Basic)).await;
                let full = Measured::of(server.id(), located(LocationView::Full)).await;
                let same = Measured::of(echo.process.id(), echo.round(&points, seconds, Some(&callers[0]))).await;
                println!("{empty} {basic} {full} {same}");
                basic_ratios.push(basic.per_second / empty.per_second);
                full_ratios.push(full.per_second / empty.per_second);
                same_ratios.push(full.per_second / same.per_second);
            }
            println!("median ratio, basic to empty echo {:.3} (at least 0.85 is wanted)", median(&mut basic_ratios));
            println!("median ratio, full to empty echo {:.3}", median(&mut full_ratios));
            println!("median ratio, full to an echo that carries the same {:.3}", median(&mut same_ratios));
            batches(&callers[0], &points, seconds).await;
        })
        .await;
    let (holds, most) = server.memory_mib();
    println!("server memory: {holds} MiB now, {most} MiB at most");
}

fn median(ratios: &mut [f64]) -> f64 {
    ratios.sort_by(f64::total_cmp);
    ratios[ratios.len() / 2]
}

/// The real orders' points: some lie outside every village, as in life.
fn points() -> Vec<(f64, f64)> {
    tests::tainan_orders().iter().map(|order| (order.longitude_deg, order.latitude_deg)).collect()
}

fn request((longitude_deg, latitude_deg): (f64, f64), view: LocationView) -> LocateRequest {
    LocateRequest {
        point: Some(Point { longitude_deg, latitude_deg, datum: Datum::Wgs84.into() }),
        as_of: None,
        view: view.into(),
    }
}

/// The echo in its process, and the connections to it; it is ended when this is dropped.
struct Echo {
    process: Child,
    channels: Rc<Vec<Channel>>,
}

impl Echo {
    /// Starts it with the answer to give.
    async fn start(answer: &Location) -> Self {
        let mut process = Command::new(std::env::current_exe().expect("this program has a path"))
            .arg("echo-server")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the echo starts");
        let mut stdin = process.stdin.take().expect("stdin is piped");
        stdin.write_all(&answer.encode_to_vec()).expect("the echo reads its answer");
        drop(stdin);
        let mut address = String::new();
        let stdout = process.stdout.take().expect("stdout is piped");
        BufReader::new(stdout).read_line(&mut address).expect("the echo says where it is");
        let mut channels = Vec::new();
        for _ in 0..CONNECTIONS {
            let endpoint = Endpoint::from_shared(address.trim().to_owned()).expect("an address").tcp_nodelay(true);
            channels.push(endpoint.connect().await.expect("the echo can be reached"));
        }
        Self { process, channels: Rc::new(channels) }
    }

    /// Calls for an empty answer, or, with the token of a caller, for the answer it was given.
    async fn round(&self, points: &Rc<Vec<(f64, f64)>>, seconds: u64, caller: Option<&Caller>) -> Round {
        let (channels, points, caller) = (self.channels.clone(), points.clone(), caller.cloned());
        drive::round(seconds, usize::MAX, move |number| {
            let mut grpc = Grpc::new(channels[number % channels.len()].clone());
            let message = request(points[number % points.len()], LocationView::Full);
            let (path, message) = match &caller {
                None => (echo::EMPTY, tonic::Request::new(message)),
                Some(caller) => (echo::GIVEN, caller.request(message)),
            };
            async move {
                grpc.ready().await.expect("the echo is ready");
                let codec = ProstCodec::<LocateRequest, Location>::default();
                grpc.unary(message, PathAndQuery::from_static(path), codec).await.expect("the echo answers");
            }
        })
        .await
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        // A child that has gone already needs no ending.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

async fn locate_round(
    callers: Rc<Vec<Caller>>,
    points: Rc<Vec<(f64, f64)>>,
    seconds: u64,
    view: LocationView,
) -> Round {
    drive::round(seconds, usize::MAX, move |number| {
        let caller = &callers[number % callers.len()];
        let mut grids = caller.grids();
        let request = caller.request(request(points[number % points.len()], view));
        async move {
            grids.locate(request).await.expect("locate answers");
        }
    })
    .await
}

/// What one round showed.
struct Measured {
    per_second: f64,
    p50_ms: f64,
    p99_ms: f64,
    processor_us: f64,
}

impl Measured {
    /// Measures a round that a process answers.
    async fn of(process: u32, round: impl Future<Output = Round>) -> Self {
        let before = processor_time(process);
        let mut round = round.await;
        let time = processor_time(process) - before;
        Self {
            per_second: round.per_second(),
            p50_ms: round.percentile_ms(50),
            p99_ms: round.percentile_ms(99),
            processor_us: time.as_secs_f64() * 1e6 / round.calls.max(1) as f64,
        }
    }
}

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { per_second, p50_ms, p99_ms, processor_us } = self;
        write!(f, "{per_second:11.0} {p50_ms:7.2} {p99_ms:7.2} {processor_us:6.1}")
    }
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
