//! Personal fields: in clear for those who handle the case, masked for auditors and departments, never written back.

use api::events::v1::{Event, EventFilter, GetEventRequest, ReportEventRequest, Reporter};
use tests::{Caller, Town, Watch, count, done, list_all, refused, report_at};

fn personal_report() -> ReportEventRequest {
    ReportEventRequest {
        reporter: Some(Reporter { display_name: "张三".to_owned(), phone: "13812341234".to_owned() }),
        address: "坛山街道光明路12号".to_owned(),
        ..report_at(0.5, 0.5)
    }
}

/// What a caller sees of an event: by get, list and watch, which must agree.
async fn seen_by(caller: &Caller, event: &Event, before: &str) -> (String, String, String) {
    let got = done(caller.events().get_event(GetEventRequest { name: event.name.clone() }).await);
    let (listed, _) = list_all(caller, &EventFilter::default(), 0).await;
    assert_eq!(listed, std::slice::from_ref(&got), "list = get");
    let mut watch = Watch::begin(caller, &EventFilter::default(), before, Vec::new()).await;
    watch.until(|state| state.len() == 1).await;
    assert_eq!(watch.state.get(&event.name), Some(&got), "watch = get");
    let reporter = got.reporter.unwrap_or_default();
    (reporter.display_name, reporter.phone, got.address)
}

#[tokio::test]
async fn everyone_sees_a_report_as_their_post_allows_by_get_list_and_watch() {
    let town = Town::start().await;
    let (_, before) = list_all(&town.people.desk, &EventFilter::default(), 0).await;
    let event = done(town.people.worker_a.events().report_event(personal_report()).await);
    let clear = ("张三".to_owned(), "13812341234".to_owned(), "坛山街道光明路12号".to_owned());
    let masked = ("张*".to_owned(), "138****1234".to_owned(), "***".to_owned());
    for (who, caller) in town.people.all() {
        let wanted = match who {
            "desk_b" | "worker_b" => continue,
            "auditor" | "department" => &masked,
            _ => &clear,
        };
        assert_eq!(seen_by(caller, &event, &before).await, *wanted, "{who}");
    }
}

#[tokio::test]
async fn a_masked_value_is_never_taken_in() {
    let town = Town::start().await;
    done(town.people.worker_a.events().report_event(personal_report()).await);
    let (seen, _) = list_all(&town.people.auditor, &EventFilter::default(), 0).await;
    let masked = ReportEventRequest {
        reporter: seen[0].reporter.clone(),
        address: seen[0].address.clone(),
        ..report_at(0.5, 0.5)
    };
    let refusal = refused(town.people.worker_a.events().report_event(masked).await);
    refusal.expect_fields(&["reporter.display_name", "reporter.phone", "address"]);
    let full_width = Reporter { display_name: String::new(), phone: "138＊＊＊＊1234".to_owned() };
    let masked = ReportEventRequest { reporter: Some(full_width), ..report_at(0.5, 0.5) };
    refused(town.people.worker_a.events().report_event(masked).await).expect_fields(&["reporter.phone"]);
    assert_eq!(count(&town.people.desk, &EventFilter::default()).await, 1);
}

#[tokio::test]
async fn an_anonymous_report_has_nothing_to_mask() {
    let town = Town::start().await;
    let event = done(town.people.worker_a.events().report_event(report_at(0.5, 0.5)).await);
    let seen = done(town.people.auditor.events().get_event(GetEventRequest { name: event.name }).await);
    assert_eq!((seen.reporter, seen.address.as_str()), (None, ""));
}

#[tokio::test]
async fn an_address_at_the_corner_of_two_streets_is_no_mask() {
    let town = Town::start().await;
    // As clerks of the Tainan hotline really write it.
    let address = "永康區中華路*中正南路".to_owned();
    let report = ReportEventRequest { address: address.clone(), ..report_at(0.5, 0.5) };
    assert_eq!(done(town.people.worker_a.events().report_event(report).await).address, address);
}
