//! Events over the wire: durable reports, and whole lives with few and with many events in the store.

use std::rc::Rc;

use api::events::v1::{
    AcceptEventRequest, Channel, CloseEventRequest, CountEventsRequest, DispatchEventRequest, Event, GetEventRequest,
    ReportEventRequest, ResolveEventRequest, StartEventRequest, VerifyEventRequest,
};
use api::grids::v1::{Datum, LocateRequest, Point};
use tokio::task::LocalSet;

use crate::drive::{self, Round};
use crate::server::{Caller, Server, thread_times};

/// Connections that the 64 callers share.
const CONNECTIONS: usize = 4;

/// Reports for some seconds from 64 callers; fails when an acknowledged report is not counted afterwards.
pub(crate) async fn measure_reports(server: &Server, seconds: u64) {
    let load = prepare(server).await;
    LocalSet::new()
        .run_until(async {
            let mut round = report_round(&load, seconds, usize::MAX).await;
            print_round("reports", &mut round);
            assert_eq!(count(&load.callers[0]).await, round.calls as u64, "an acknowledged report is missing");
            println!("all {} acknowledged reports are counted; disk {} MiB", round.calls, server.disk_mib());
        })
        .await;
}

/// Lives for some seconds with an empty store, then with `events` events in it, then the ratio.
pub(crate) async fn measure_lives(server: &Server, seconds: u64, events: usize) {
    let load = prepare(server).await;
    LocalSet::new()
        .run_until(async {
            // The first seconds of a process are not those that are asked about.
            life_round(&load, 3).await;
            let few = measured_lives(server, &load, seconds, "lives, store nearly empty").await;
            let mut filling = report_round(&load, 3_600, events).await;
            print_round("filling the store", &mut filling);
            let what = format!("lives, {} events in the store", count(&load.callers[0]).await);
            let many = measured_lives(server, &load, seconds, &what).await;
            println!("ratio {:.3} (at least 0.9 is wanted)", many.per_second() / few.per_second());
            let (holds, most) = server.memory_mib();
            println!("server memory: {holds} MiB now, {most} MiB at most; disk {} MiB", server.disk_mib());
        })
        .await;
}

/// A round of lives, with the processor time that the server's threads took for one.
async fn measured_lives(server: &Server, load: &Rc<Load>, seconds: u64, what: &str) -> Round {
    let before = thread_times(server.id());
    let mut round = life_round(load, seconds).await;
    let after = thread_times(server.id());
    print_round(what, &mut round);
    let lives = round.calls.max(1) as f64;
    for (thread, time) in after {
        let used = time.saturating_sub(before.get(&thread).copied().unwrap_or_default());
        let used_us = used.as_secs_f64() * 1e6 / lives;
        if used_us >= 1.0 {
            println!("    {used_us:6.0} us of processor time a life in {thread}");
        }
    }
    round
}

/// Callers on a server with villages and a worker in charge, and what they report.
struct Load {
    callers: Vec<Caller>,
    orders: Vec<ReportEventRequest>,
}

async fn prepare(server: &Server) -> Rc<Load> {
    server.import_tainan();
    let mut callers = Vec::new();
    for _ in 0..CONNECTIONS {
        callers.push(server.administrator().await);
    }
    server.put_in_charge(&callers[0]).await;
    let orders = inside(&callers[0]).await;
    Rc::new(Load { callers, orders })
}

impl Load {
    fn caller(&self, number: usize) -> &Caller {
        &self.callers[number % self.callers.len()]
    }

    fn order(&self, number: usize) -> ReportEventRequest {
        self.orders[number % self.orders.len()].clone()
    }
}

async fn report_round(load: &Rc<Load>, seconds: u64, most: usize) -> Round {
    let load = load.clone();
    drive::round(seconds, most, move |number| {
        let load = load.clone();
        async move {
            report(load.caller(number), load.order(number)).await;
        }
    })
    .await
}

async fn life_round(load: &Rc<Load>, seconds: u64) -> Round {
    let load = load.clone();
    drive::round(seconds, usize::MAX, move |number| {
        let load = load.clone();
        async move {
            live(load.caller(number), load.order(number)).await;
        }
    })
    .await
}

/// The real orders whose points lie in a village, as reports.
async fn inside(caller: &Caller) -> Vec<ReportEventRequest> {
    let mut reports = Vec::new();
    // A few clerks left category or text empty; a report must have both.
    for order in tests::tainan_orders().into_iter().filter(|order| !order.category.is_empty() && !order.text.is_empty())
    {
        let (longitude_deg, latitude_deg) = (order.longitude_deg, order.latitude_deg);
        let point = Some(Point { longitude_deg, latitude_deg, datum: Datum::Wgs84.into() });
        let locate = caller.request(LocateRequest { point, as_of: None, ..Default::default() });
        let location = caller.grids().locate(locate).await.expect("located").into_inner();
        if !location.chain.is_empty() {
            reports.push(ReportEventRequest {
                point,
                category: order.category,
                text: order.text,
                channel: Channel::Hotline12345.into(),
                channel_number: order.number,
                address: order.address,
                ..Default::default()
            });
        }
    }
    reports
}

async fn report(caller: &Caller, report: ReportEventRequest) -> Event {
    caller.events().report_event(caller.request(report)).await.expect("a report is taken").into_inner()
}

async fn live(caller: &Caller, order: ReportEventRequest) {
    let name = report(caller, order).await.name;
    let mut events = caller.events();
    let accept = AcceptEventRequest { name: name.clone(), ..Default::default() };
    events.accept_event(caller.request(accept)).await.expect("accepted");
    let dispatch = DispatchEventRequest { name: name.clone(), ..Default::default() };
    events.dispatch_event(caller.request(dispatch)).await.expect("dispatched");
    let start = StartEventRequest { name: name.clone(), ..Default::default() };
    events.start_event(caller.request(start)).await.expect("started");
    let resolve = ResolveEventRequest { name: name.clone(), result: "已处理".to_owned(), ..Default::default() };
    events.resolve_event(caller.request(resolve)).await.expect("resolved");
    let verify = VerifyEventRequest { name: name.clone(), ..Default::default() };
    events.verify_event(caller.request(verify)).await.expect("verified");
    let close = CloseEventRequest { name: name.clone(), ..Default::default() };
    events.close_event(caller.request(close)).await.expect("closed");
    events.get_event(caller.request(GetEventRequest { name })).await.expect("read");
}

async fn count(caller: &Caller) -> u64 {
    let request = caller.request(CountEventsRequest::default());
    caller.events().count_events(request).await.expect("counted").into_inner().total_count
}

fn print_round(what: &str, round: &mut Round) {
    let (p50, p99) = (round.percentile_ms(50), round.percentile_ms(99));
    println!(
        "{what}: {} in {:.1} s, {:.0}/s, p50 {p50:.1} ms, p99 {p99:.1} ms",
        round.calls,
        round.took.as_secs_f64(),
        round.per_second()
    );
}
