//! Five thousand real hotline orders of Tainan, reported through gRPC and compared with the town the clerk wrote down.
//!
//! Another library finds 4,706 of the 5,000 labels equal as written (its points outside every village count against
//! it, as they do here). The rest are bad geocodes and a few mistyped labels; all of them are written to
//! `target/tmp/tainan_disagreements.csv` with their distances.

use std::collections::BTreeMap;
use std::path::Path;

use api::events::v1::{Channel, Event, EventFilter, ReportEventRequest};
use api::grids::v1::{
    AreaKind, AreaRef, Datum, DecidedBy, FindingKind, ListAreasRequest, LocateRequest, NearbyRequest, Point,
};
use futures_util::StreamExt;
use tests::{Caller, Order, Wangge, count, done, import_tainan, tainan_orders};

/// What another library gets.
const AGREEMENT_MIN: usize = 4_706;
/// Calls in flight.
const CALLERS: usize = 64;
/// A label whose town lies nearer than this to the point may simply be on the other side of a street.
const NEAR_M: f64 = 200.0;

/// An order whose label is not what the server decided.
struct Disagreement {
    order: Order,
    decided: String,
    why: Why,
    border_m: f64,
    label_m: Option<f64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Why {
    /// The label is no town of this city, but is one when spaces are left out.
    Mistyped,
    /// The label is no town of this city at all.
    Unknown,
    /// The point lies in no village.
    Outside,
    /// The town of the label is at most `NEAR_M` away.
    NearBorder,
    /// The town of the label is farther away: the point or the label is wrong.
    FarAway,
}

fn point(order: &Order) -> Option<Point> {
    let (longitude_deg, latitude_deg) = (order.longitude_deg, order.latitude_deg);
    Some(Point { longitude_deg, latitude_deg, datum: Datum::Wgs84.into() })
}

fn report(order: &Order) -> ReportEventRequest {
    ReportEventRequest {
        point: point(order),
        // A few orders have none.
        category: if order.category.is_empty() { "其他".to_owned() } else { order.category.clone() },
        text: if order.text.is_empty() { "无".to_owned() } else { order.text.chars().take(2_000).collect() },
        channel: Channel::Hotline12345.into(),
        channel_number: order.number.clone(),
        address: order.address.clone(),
        ..Default::default()
    }
}

fn town_of(chain: &[AreaRef]) -> String {
    let town = chain.iter().find(|area| area.kind() == AreaKind::Subdistrict);
    town.map(|town| town.display_name.clone()).unwrap_or_default()
}

/// The event of an order; none when its point lies too far outside to be placed.
async fn reported(caller: &Caller, order: &Order) -> Option<Event> {
    match caller.events().report_event(report(order)).await {
        Ok(event) => Some(event.into_inner()),
        Err(status) => {
            let refusal = tests::Refusal::of(&status);
            assert_eq!(refusal.reason, "POINT_OUTSIDE_AREAS", "{}: {refusal:?}", order.number);
            None
        }
    }
}

/// Metres from the point of an order to the town of its label; none beyond 20 km.
async fn distance_to_label(caller: &Caller, order: &Order, town: &str) -> Option<f64> {
    let request =
        NearbyRequest { point: point(order), radius_m: 20_000.0, kind: AreaKind::Community.into(), limit: 1_000 };
    let near = done(caller.grids().nearby(request).await).areas;
    let below = format!("{town}/");
    near.into_iter()
        .find(|near| near.area.as_ref().is_some_and(|area| area.path.starts_with(&below)))
        .map(|near| near.distance_m)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_thousand_real_orders_reach_the_town_their_clerks_wrote_down() {
    let orders = tainan_orders();
    if orders.is_empty() {
        return;
    }
    let server = Wangge::start().await;
    let administrator = &server.administrator;
    let release = import_tainan(administrator).await.expect("where the orders are, the villages are");
    for (kind, wanted) in [(FindingKind::InvalidRing, 1), (FindingKind::Overlap, 1)] {
        let found = release.findings.iter().find(|found| found.kind() == kind).map_or(0, |found| found.count);
        assert_eq!(found, wanted, "{kind:?} in the real file: {:?}", release.findings);
    }
    let towns = ListAreasRequest {
        recursive: true,
        kind: AreaKind::Subdistrict.into(),
        page_size: 1_000,
        ..Default::default()
    };
    let towns = done(administrator.grids().list_areas(towns).await).areas;
    let towns: BTreeMap<String, String> = towns.into_iter().map(|town| (town.display_name, town.path)).collect();
    assert_eq!(towns.len(), 37, "districts of Tainan");

    let events: Vec<Option<Event>> = futures_util::stream::iter(&orders)
        .map(|order| reported(administrator, order))
        .buffered(CALLERS)
        .collect()
        .await;
    let mut disagreements = Vec::new();
    let mut tolerated = 0;
    for (order, event) in orders.iter().zip(&events) {
        let decided = event.as_ref().map(|event| town_of(&event.chain)).unwrap_or_default();
        let placement = event.as_ref().and_then(|event| event.placement.clone()).unwrap_or_default();
        let outside = event.is_none() || placement.decided_by() == DecidedBy::NearestOutside;
        if decided == order.town && outside {
            tolerated += 1;
        }
        if decided == order.town && !outside {
            continue;
        }
        let border_m = match event {
            Some(_) => placement.border_distance_m,
            None => {
                let request = LocateRequest { point: point(order), as_of: None, ..Default::default() };
                done(administrator.grids().locate(request).await).border_distance_m
            }
        };
        let label_m = match towns.get(&order.town) {
            Some(path) => distance_to_label(administrator, order, path).await,
            None => None,
        };
        let without_spaces: String = order.town.split_whitespace().collect();
        let why = match (towns.contains_key(&order.town), label_m) {
            (false, _) if towns.contains_key(&without_spaces) => Why::Mistyped,
            (false, _) => Why::Unknown,
            (true, _) if outside => Why::Outside,
            (true, Some(label_m)) if label_m <= NEAR_M => Why::NearBorder,
            (true, _) => Why::FarAway,
        };
        disagreements.push(Disagreement { order: order.clone(), decided, why, border_m, label_m });
    }
    print(&orders, &disagreements, tolerated);
    let placed = events.iter().flatten().count() as u64;
    assert_eq!(count(administrator, &EventFilter::default()).await, placed, "every answered report is there");
    let agreement = orders.len() - disagreements.len();
    assert!(agreement >= AGREEMENT_MIN, "{agreement} of {} agree, {AGREEMENT_MIN} are wanted", orders.len());
}

/// Prints the summary and writes the list.
fn print(orders: &[Order], disagreements: &[Disagreement], tolerated: usize) {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("tainan_disagreements.csv");
    let mut file = csv::Writer::from_path(&path).expect("the list can be written");
    file.write_record(["id", "label", "decided", "why", "border_m", "label_town_m", "lon", "lat", "address"]).unwrap();
    let mut classes: BTreeMap<Why, usize> = BTreeMap::new();
    for one in disagreements {
        *classes.entry(one.why).or_default() += 1;
        let order = &one.order;
        let label_m = one.label_m.map(|metres| format!("{metres:.0}")).unwrap_or_default();
        file.write_record([
            order.number.as_str(),
            order.town.as_str(),
            one.decided.as_str(),
            &format!("{:?}", one.why),
            &format!("{:.1}", one.border_m),
            &label_m,
            &order.longitude_deg.to_string(),
            &order.latitude_deg.to_string(),
            order.address.as_str(),
        ])
        .unwrap();
    }
    file.flush().unwrap();
    let agreement = orders.len() - disagreements.len();
    println!("Tainan replay: {agreement} of {} labels equal as written; disagreements by class:", orders.len());
    for (why, number) in classes {
        println!("  {why:?}: {number}");
    }
    let only_spaces = disagreements.iter().filter(|one| {
        let label: String = one.order.town.split_whitespace().collect();
        one.why == Why::Mistyped && label == one.decided
    });
    println!("  {} of the mistyped agree when spaces are left out", only_spaces.count());
    println!("  {tolerated} of those outside were placed in the labelled town, being near enough to it");
    println!("  the list: {}", path.display());
}
