//! Reports, from the contract to the model.

use api::events::v1::{self as api_events, Channel, ReportEventRequest, Urgency};
use api::grids::v1::{self as api_grids, Datum};
use base::{Result, Time, Violations, limits};
use rpc::mask;

use super::{optional_name, text, value};
use crate::model::report::{Place, Report};
use crate::model::{Point, Reporter};

/// How far in the future an incident may have happened: the clocks of phones are wrong.
const FUTURE_SECONDS_MAX: i64 = 86_400;

/// Checks a report; fails with every wrong field.
pub(crate) fn report(request: ReportEventRequest, now: Time, mut violations: Violations) -> Result<Report> {
    let place = place(&request, &mut violations);
    category(&request.category, &mut violations);
    text("text", &request.text, true, limits::TEXT_CHARS_MAX, &mut violations);
    let channel = value("channel", request.channel, &mut violations).unwrap_or_default();
    if request.channel == i32::from(Channel::Unspecified) {
        violations.add("channel", "must be given; CHANNEL_OTHER where none of the others fits");
    }
    text("channel_number", &request.channel_number, false, limits::CHANNEL_NUMBER_CHARS_MAX, &mut violations);
    let urgency = value("urgency", request.urgency, &mut violations).unwrap_or_default();
    let reporter = reporter(request.reporter.unwrap_or_default(), &mut violations);
    text("address", &request.address, false, limits::ADDRESS_CHARS_MAX, &mut violations);
    if mask::is_masked_text(&request.address) {
        violations.add("address", MASKED);
    }
    let occur_time = request.occur_time.and_then(|time| rpc::time::from_proto(&time, "occur_time", &mut violations));
    if occur_time.is_some_and(|time| time > now.plus_seconds(FUTURE_SECONDS_MAX)) {
        violations.add("occur_time", "must not lie more than one day in the future");
    }
    violations.check()?;
    Ok(Report {
        // Absent only where a violation was noted.
        place: place.ok_or_else(|| base::Error::internal("a report without a place passed the check"))?,
        category: request.category,
        text: request.text,
        channel,
        channel_number: request.channel_number,
        urgency: if urgency == Urgency::Unspecified { Urgency::Ordinary } else { urgency },
        reporter,
        address: request.address,
        occur_time,
    })
}

fn place(request: &ReportEventRequest, violations: &mut Violations) -> Option<Place> {
    let area = optional_name("area", &request.area, violations);
    match &request.point {
        Some(given) => point(given, violations).map(|point| Place::Point(point, area)),
        None if request.area.is_empty() => {
            violations.add("point", "must be given, or `area`");
            None
        }
        None => area.map(Place::Area),
    }
}

fn point(given: &api_grids::Point, violations: &mut Violations) -> Option<Point> {
    let datum = value("point.datum", given.datum, violations);
    if datum == Some(Datum::Unspecified) {
        violations.add(
            "point.datum",
            "must be given: DATUM_WGS84 from GNSS, DATUM_GCJ02 from AMap and WeChat, DATUM_BD09 from Baidu",
        );
    }
    let point = Point {
        longitude_deg: given.longitude_deg,
        latitude_deg: given.latitude_deg,
        datum: datum.unwrap_or_default(),
    };
    // Written so that a NaN fails too.
    let has_longitude = point.longitude_deg.abs() <= 180.0;
    let has_latitude = point.latitude_deg.abs() <= 90.0;
    if !has_longitude {
        violations.add("point.longitude_deg", "must lie in -180..180");
    }
    if !has_latitude {
        violations.add("point.latitude_deg", "must lie in -90..90");
    }
    (has_longitude && has_latitude).then_some(point)
}

/// A category is compared as it is written, so what nobody sees in it is refused.
fn category(category: &str, violations: &mut Violations) {
    text("category", category, true, limits::NAME_CHARS_MAX, violations);
    if category.trim() != category || category.chars().any(char::is_control) {
        violations.add("category", "must not begin or end with a space, nor hold control characters");
    }
}

fn reporter(given: api_events::Reporter, violations: &mut Violations) -> Reporter {
    text("reporter.display_name", &given.display_name, false, limits::NAME_CHARS_MAX, violations);
    not_masked("reporter.display_name", &given.display_name, violations);
    text("reporter.phone", &given.phone, false, limits::PHONE_CHARS_MAX, violations);
    not_masked("reporter.phone", &given.phone, violations);
    let is_dialled = |character: char| character.is_ascii_digit() || "+-() #,;转".contains(character);
    if !mask::is_masked(&given.phone) && !given.phone.chars().all(is_dialled) {
        violations.add("reporter.phone", "must be a number as dialled: digits, and + - ( ) # 转 for an extension");
    }
    Reporter { display_name: given.display_name, phone: given.phone }
}

const MASKED: &str = "is masked (*); give the real value, or leave it empty";

fn not_masked(field: &'static str, value: &str, violations: &mut Violations) {
    if mask::is_masked(value) {
        violations.add(field, MASKED);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Time {
        Time::parse("2026-09-22 08:30").unwrap()
    }

    fn right() -> ReportEventRequest {
        ReportEventRequest {
            point: Some(api_grids::Point { longitude_deg: 117.5, latitude_deg: 34.8, datum: Datum::Wgs84.into() }),
            category: "暴露垃圾".to_owned(),
            text: "垃圾桶满了".to_owned(),
            channel: Channel::Resident.into(),
            ..Default::default()
        }
    }

    fn wrong_fields(request: ReportEventRequest) -> Vec<String> {
        let error = report(request, now(), Violations::new()).unwrap_err();
        error.violations().iter().map(|violation| violation.field.clone()).collect()
    }

    #[test]
    fn a_report_with_what_is_required_is_taken_and_ordinary() {
        let report = report(right(), now(), Violations::new()).unwrap();
        assert_eq!(report.urgency, Urgency::Ordinary);
        assert!(matches!(report.place, Place::Point(_, None)));
        assert_eq!(report.occur_time, None);
    }

    #[test]
    fn everything_that_is_wrong_is_told_at_once() {
        let request = ReportEventRequest {
            point: Some(api_grids::Point { longitude_deg: f64::NAN, latitude_deg: 91.0, datum: 0 }),
            area: "villages/7".to_owned(),
            category: " spaced".to_owned(),
            text: "x".repeat(2_001),
            channel: 77,
            channel_number: "7".repeat(81),
            urgency: 9,
            reporter: Some(api_events::Reporter { display_name: "张*".to_owned(), phone: "138****1234".to_owned() }),
            address: "***".to_owned(),
            occur_time: Some(rpc::time::to_proto(now().plus_seconds(86_401))),
            request_id: String::new(),
        };
        assert_eq!(
            wrong_fields(request),
            [
                "area",
                "point.datum",
                "point.longitude_deg",
                "point.latitude_deg",
                "category",
                "text",
                "channel",
                "channel_number",
                "urgency",
                "reporter.display_name",
                "reporter.phone",
                "address",
                "occur_time",
            ]
        );
        assert_eq!(wrong_fields(ReportEventRequest::default()), ["point", "category", "text", "channel"]);
    }

    #[test]
    fn a_masked_value_never_comes_in() {
        for masked in [mask::phone("13812341234"), mask::phone("12345"), "138＊＊＊＊1234".to_owned()] {
            let reporter = api_events::Reporter { phone: masked, ..Default::default() };
            assert_eq!(wrong_fields(ReportEventRequest { reporter: Some(reporter), ..right() }), ["reporter.phone"]);
        }
        let reporter = api_events::Reporter { display_name: mask::name("张三"), ..Default::default() };
        assert_eq!(wrong_fields(ReportEventRequest { reporter: Some(reporter), ..right() }), ["reporter.display_name"]);
    }

    #[test]
    fn lengths_are_counted_in_characters() {
        let request = ReportEventRequest { text: "网".repeat(2_000), address: "路".repeat(200), ..right() };
        assert!(report(request, now(), Violations::new()).is_ok());
        assert_eq!(wrong_fields(ReportEventRequest { text: "网".repeat(2_001), ..right() }), ["text"]);
    }

    #[test]
    fn the_phone_of_a_caller_is_taken_as_it_was_dialled() {
        for phone in ["13812341234", "+86 138-1234-1234", "0632-5280001转12", ""] {
            let reporter = api_events::Reporter { phone: phone.to_owned(), ..Default::default() };
            let request = ReportEventRequest { reporter: Some(reporter), ..right() };
            assert!(report(request, now(), Violations::new()).is_ok(), "{phone}");
        }
    }
}
