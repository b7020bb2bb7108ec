//! When an event must be resolved: rules that a deployment may change, on the legal working calendar.
//!
//! The deadline is computed when an event is reported and when it is reopened, and at no other time. What is not here:
//! pausing, extending and escalating.

use std::collections::BTreeMap;

use api::events::v1::Urgency;
use base::{Calendar, Day, Deadline, Due, Time, Violations};
use serde::{Deserialize, Serialize};

/// How long something may take, as configuration writes it: `{ working_days = 5 }` or `{ clock_hours = 24 }`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Allowance {
    /// Working days (工作日); the day after the report is the first, and the end of the last one is due.
    WorkingDays(u32),
    /// Hours of the clock (紧急工作时), nights and holidays included.
    ClockHours(u32),
}

/// How long events may take, by urgency, with exceptions by category.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DeadlineRules {
    /// Ordinary events. 5 working days: 山东省政务服务热线管理办法 (2020), 办结 ≤ 5 工作日.
    pub ordinary: Allowance,
    /// Urgent events. 24 hours: no national rule was found; a deployment sets its own.
    pub urgent: Allowance,
    /// Most urgent events. 2 hours: no national rule was found; a deployment sets its own.
    pub critical: Allowance,
    /// Exceptions by category, by the exact name of the category.
    pub categories: BTreeMap<String, CategoryRules>,
}

/// How long events of one category may take; what is not set follows the general rule.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CategoryRules {
    /// Ordinary events of the category.
    pub ordinary: Option<Allowance>,
    /// Urgent events of the category.
    pub urgent: Option<Allowance>,
    /// Most urgent events of the category.
    pub critical: Option<Allowance>,
}

/// Days of a notice of the State Council that came after this program was built.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CalendarDays {
    /// Days off that would be working days: `2027-01-01`.
    pub holidays: Vec<String>,
    /// Make-up working days on weekends (调休).
    pub working_days: Vec<String>,
}

impl Default for DeadlineRules {
    fn default() -> Self {
        Self {
            ordinary: Allowance::WorkingDays(5),
            urgent: Allowance::ClockHours(24),
            critical: Allowance::ClockHours(2),
            categories: BTreeMap::new(),
        }
    }
}

/// More than any rule that was found (20 working days, 15 days), and a guard against a slip of the finger.
const DAYS_MAX: u32 = 366;

impl Allowance {
    fn deadline(self) -> Deadline {
        match self {
            Self::WorkingDays(days) => Deadline::WorkingDays(days),
            Self::ClockHours(hours) => Deadline::ClockHours(hours),
        }
    }

    fn is_sensible(self) -> bool {
        match self {
            Self::WorkingDays(days) => (1..=DAYS_MAX).contains(&days),
            Self::ClockHours(hours) => (1..=DAYS_MAX * 24).contains(&hours),
        }
    }
}

/// The rules together with the calendar they run on.
#[derive(Clone, Debug)]
pub(crate) struct Deadlines {
    rules: DeadlineRules,
    calendar: Calendar,
}

impl Deadlines {
    /// Checks the rules and adds `days` to the national calendar; notes every wrong setting.
    pub(crate) fn new(rules: DeadlineRules, days: &CalendarDays, violations: &mut Violations) -> Self {
        let general = [("ordinary", rules.ordinary), ("urgent", rules.urgent), ("critical", rules.critical)];
        let general = general.map(|(urgency, allowance)| (format!("deadlines.{urgency}"), Some(allowance)));
        let special = rules.categories.iter().flat_map(|(category, rules)| {
            [("ordinary", rules.ordinary), ("urgent", rules.urgent), ("critical", rules.critical)]
                .map(|(urgency, allowance)| (format!("deadlines.categories.{category}.{urgency}"), allowance))
        });
        for (setting, allowance) in general.into_iter().chain(special) {
            if allowance.is_some_and(|allowance| !allowance.is_sensible()) {
                violations.add(setting, format!("must be at least 1 and at most {DAYS_MAX} days"));
            }
        }
        let mut calendar = Calendar::national();
        for (setting, listed, working) in
            [("calendar.holidays", &days.holidays, false), ("calendar.working_days", &days.working_days, true)]
        {
            for day in listed {
                if let Some(day) = violations.take(setting, Day::parse(day)) {
                    calendar.set(day, working);
                }
            }
        }
        for day in days.working_days.iter().filter(|day| days.holidays.contains(day)) {
            violations.add("calendar.working_days", format!("{day} stands among the holidays too; keep one of them"));
        }
        Self { rules, calendar }
    }

    /// When an event that was received at `received` must be resolved.
    pub(crate) fn due(&self, urgency: Urgency, category: &str, received: Time) -> Due {
        let special = self.rules.categories.get(category);
        let allowance = match urgency {
            Urgency::Unspecified | Urgency::Ordinary => {
                special.and_then(|rules| rules.ordinary).unwrap_or(self.rules.ordinary)
            }
            Urgency::Urgent => special.and_then(|rules| rules.urgent).unwrap_or(self.rules.urgent),
            Urgency::Critical => special.and_then(|rules| rules.critical).unwrap_or(self.rules.critical),
        };
        self.calendar.due(received, allowance.deadline())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Time {
        Time::parse(text).unwrap()
    }

    fn deadlines(rules: DeadlineRules) -> Deadlines {
        Deadlines::new(rules, &CalendarDays::default(), &mut Violations::new())
    }

    #[test]
    fn an_ordinary_event_has_five_working_days_over_the_holidays() {
        let due = deadlines(DeadlineRules::default()).due(Urgency::Unspecified, "暴露垃圾", at("2026-09-30 10:00"));
        assert_eq!(due.time, at("2026-10-13 23:59:59"));
    }

    #[test]
    fn urgent_events_run_on_the_clock() {
        let deadlines = deadlines(DeadlineRules::default());
        assert_eq!(deadlines.due(Urgency::Urgent, "x", at("2026-10-01 10:00")).time, at("2026-10-02 10:00"));
        assert_eq!(deadlines.due(Urgency::Critical, "x", at("2026-10-01 10:00")).time, at("2026-10-01 12:00"));
    }

    #[test]
    fn a_category_overrides_only_what_it_sets() {
        let garbage = CategoryRules { ordinary: Some(Allowance::ClockHours(4)), ..Default::default() };
        let rules = DeadlineRules {
            categories: BTreeMap::from([("暴露垃圾".to_owned(), garbage)]),
            ..DeadlineRules::default()
        };
        let deadlines = deadlines(rules);
        assert_eq!(deadlines.due(Urgency::Ordinary, "暴露垃圾", at("2026-10-01 10:00")).time, at("2026-10-01 14:00"));
        assert_eq!(deadlines.due(Urgency::Urgent, "暴露垃圾", at("2026-10-01 10:00")).time, at("2026-10-02 10:00"));
    }

    #[test]
    fn a_later_notice_moves_deadlines_and_makes_its_year_known() {
        let days = CalendarDays { holidays: vec!["2027-01-01".to_owned()], working_days: Vec::new() };
        let with = Deadlines::new(DeadlineRules::default(), &days, &mut Violations::new());
        let without = deadlines(DeadlineRules::default());
        let received = at("2026-12-29 10:00");
        assert!(without.due(Urgency::Ordinary, "x", received).provisional);
        let due = with.due(Urgency::Ordinary, "x", received);
        assert!(!due.provisional);
        assert_eq!(due.time.civil_day().to_string(), "2027-01-06");
    }

    #[test]
    fn every_wrong_rule_is_reported_at_once() {
        let rules = DeadlineRules {
            ordinary: Allowance::WorkingDays(0),
            urgent: Allowance::ClockHours(1_000_000),
            ..DeadlineRules::default()
        };
        let days = CalendarDays {
            holidays: vec!["new year".to_owned(), "2027-02-06".to_owned()],
            working_days: vec!["2027-02-06".to_owned()],
        };
        let mut violations = Violations::new();
        Deadlines::new(rules, &days, &mut violations);
        let error = violations.check().unwrap_err();
        let fields: Vec<&str> = error.violations().iter().map(|violation| violation.field.as_str()).collect();
        assert_eq!(fields, ["deadlines.ordinary", "deadlines.urgent", "calendar.holidays", "calendar.working_days"]);
    }
}
