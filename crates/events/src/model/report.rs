//! A report: what somebody says happened, and the event it becomes.

use api::events::v1::{Channel, EventState, Step, Urgency};
use api::grids::v1::AreaKind;
use base::{AreaId, Day, EventId, PrincipalId, Time};

use super::deadline::Deadlines;
use super::{Event, HistoryStep, Placement, Point, Reporter, Worker};

/// A report as it was checked, before it has a place.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Report {
    pub(crate) place: Place,
    pub(crate) category: String,
    pub(crate) text: String,
    pub(crate) channel: Channel,
    pub(crate) channel_number: String,
    pub(crate) urgency: Urgency,
    pub(crate) reporter: Reporter,
    pub(crate) address: String,
    /// None: now.
    pub(crate) occur_time: Option<Time>,
}

/// Where the reporter says it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Place {
    /// In this area.
    Area(AreaId),
    /// At this point; if no area has the point, in this area.
    Point(Point, Option<AreaId>),
}

/// The series a human number is counted in: what stands in the number before it. Not the area itself, because a code can
/// pass to another area in the middle of a day, and the number must be unique as people say it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Series {
    /// The code of the subdistrict, or of the coarsest area of a chain that has none.
    pub(crate) code: String,
    pub(crate) day: Day,
}

impl Series {
    /// The series of an event placed like this and reported at `now`.
    pub(crate) fn of(placement: &Placement, now: Time) -> Self {
        let chain = &placement.chain;
        let subdistrict = chain.iter().find(|area| area.kind == AreaKind::Subdistrict);
        let code = subdistrict.or(chain.first()).map_or_else(String::new, |area| area.code.clone());
        Self { code, day: now.civil_day() }
    }

    /// The running number `running` of this series as people say it: `370404001-20260922-0042`.
    pub(crate) fn number(&self, running: u32) -> String {
        format!("{}-{}-{running:04}", self.code, self.day.compact())
    }
}

/// What the server found out and decided about a report.
#[derive(Clone, Debug)]
pub(crate) struct Decided {
    pub(crate) id: EventId,
    pub(crate) number: String,
    pub(crate) placement: Placement,
    pub(crate) worker: Option<Worker>,
    /// Who reports.
    pub(crate) principal: PrincipalId,
    pub(crate) now: Time,
}

/// The event that a report becomes, and the first step of its history.
pub(crate) fn open(report: Report, decided: Decided, deadlines: &Deadlines) -> (Event, HistoryStep) {
    let Decided { id, number, placement, worker, principal, now } = decided;
    let due = deadlines.due(report.urgency, &report.category, now);
    let event = Event {
        id,
        number,
        state: EventState::Reported,
        category: report.category,
        text: report.text,
        channel: report.channel,
        channel_number: report.channel_number,
        urgency: report.urgency,
        reporter: report.reporter,
        address: report.address,
        occur_time: report.occur_time.unwrap_or(now),
        create_time: now,
        update_time: now,
        due,
        resolve_time: None,
        resolver: None,
        close_time: None,
        placement,
        worker,
        handler: None,
        result: String::new(),
        return_count: 0,
        reopen_count: 0,
        revision: 1,
    };
    let step = HistoryStep {
        event: id,
        sequence: 1,
        step: Step::Report,
        from: EventState::Unspecified,
        to: EventState::Reported,
        principal,
        time: now,
        note: String::new(),
        handler: None,
    };
    (event, step)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::AreaRef;
    use api::grids::v1::DecidedBy;

    fn area(kind: AreaKind, code: &str, path: &str) -> AreaRef {
        AreaRef {
            id: AreaId::generate(Time::from_micros(0)),
            kind,
            code: code.to_owned(),
            display_name: String::new(),
            path: path.parse().unwrap(),
        }
    }

    fn placed(chain: Vec<AreaRef>) -> Placement {
        Placement {
            chain,
            decided_by: DecidedBy::Given,
            release: None,
            border_distance_m: 0.0,
            runner_up: None,
            given: None,
            wgs84: None,
        }
    }

    #[test]
    fn a_number_is_counted_in_the_subdistrict_and_the_civil_day() {
        let county = area(AreaKind::County, "370404", "/1");
        let subdistrict = area(AreaKind::Subdistrict, "370404001", "/1/2");
        let community = area(AreaKind::Community, "370404001203", "/1/2/3");
        // Half past midnight in Shanghai is still the day before in UTC.
        let now = Time::parse("2026-09-22 00:30").unwrap();
        let series = Series::of(&placed(vec![county.clone(), subdistrict, community.clone()]), now);
        assert_eq!(series.number(42), "370404001-20260922-0042");
        assert_eq!(series.number(123_456), "370404001-20260922-123456");
        let without = Series::of(&placed(vec![county, community]), now);
        assert_eq!(without.number(1), "370404-20260922-0001");
    }

    #[test]
    fn a_code_that_passes_to_another_area_takes_its_series_along() {
        let now = Time::parse("2026-09-22 12:00").unwrap();
        let series = |path| Series::of(&placed(vec![area(AreaKind::Subdistrict, "370404001", path)]), now);
        assert_eq!(series("/1/2"), series("/1/9"), "or both would give 370404001-20260922-0001");
    }
}
