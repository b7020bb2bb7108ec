//! The legal working calendar: which days are working days, and when a deadline falls.
//!
//! The State Council publishes holidays and make-up working days (调休) year by year, so they are data that a
//! deployment extends, never arithmetic on weekends. The years shipped here are those whose notice was read; a
//! deadline that falls into a year without a notice is computed on weekends alone and says that it is provisional.

use std::collections::{BTreeMap, BTreeSet};

use crate::{Day, Time};

/// Holidays and make-up working days, by day.
#[derive(Clone, Debug)]
pub struct Calendar {
    exceptions: BTreeMap<Day, bool>,
    years: BTreeSet<i16>,
}

/// How long something may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deadline {
    /// So many hours of the clock (紧急工作时), nights and holidays included.
    ClockHours(u32),
    /// So many working days (工作日); the day after receipt counts as the first, and the end of the last one is due.
    WorkingDays(u32),
}

/// When something is due, and whether a later notice of the State Council may still move it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// The moment by which it must be done.
    pub time: Time,
    /// True when the deadline crosses into a year whose holiday notice is not in the calendar yet.
    pub provisional: bool,
}

// 国务院办公厅 notice for 2026 (gov.cn 202511/content_7047091), read in standards.md §7.
const OFF_2026: &[(&str, &str)] = &[
    ("2026-01-01", "2026-01-03"),
    ("2026-02-15", "2026-02-23"),
    ("2026-04-04", "2026-04-06"),
    ("2026-05-01", "2026-05-05"),
    ("2026-06-19", "2026-06-21"),
    ("2026-09-25", "2026-09-27"),
    ("2026-10-01", "2026-10-07"),
];
const MAKE_UP_2026: &[&str] = &["2026-01-04", "2026-02-14", "2026-02-28", "2026-05-09", "2026-09-20", "2026-10-10"];

impl Calendar {
    /// Weekends only: every year is provisional.
    pub fn weekends_only() -> Self {
        Self { exceptions: BTreeMap::new(), years: BTreeSet::new() }
    }

    /// The years whose notice was read: 2026.
    pub fn national() -> Self {
        let mut calendar = Self::weekends_only();
        let day = |text| Day::parse(text).unwrap_or(Day::from_days(0));
        for (from, to) in OFF_2026 {
            for days in day(from).days()..=day(to).days() {
                calendar.set(Day::from_days(days), false);
            }
        }
        for make_up in MAKE_UP_2026 {
            calendar.set(day(make_up), true);
        }
        calendar
    }

    /// Adds one day of a notice: a holiday (`working` false) or a make-up working day (true). Its year counts as
    /// published from then on.
    pub fn set(&mut self, day: Day, working: bool) {
        self.exceptions.insert(day, working);
        self.years.insert(day.year());
    }

    /// Whether people work on this day.
    pub fn is_working_day(&self, day: Day) -> bool {
        self.exceptions.get(&day).copied().unwrap_or(day.weekday() <= 5)
    }

    /// When something received at `received` is due.
    pub fn due(&self, received: Time, deadline: Deadline) -> Due {
        match deadline {
            Deadline::ClockHours(hours) => {
                Due { time: received.plus_seconds(i64::from(hours) * 3_600), provisional: false }
            }
            Deadline::WorkingDays(days) => {
                let last = self.working_day_after(received.civil_day(), days);
                let provisional = !self.years.contains(&last.year());
                Due { time: last.plus(1).start().plus_seconds(-1), provisional }
            }
        }
    }

    fn working_day_after(&self, day: Day, count: u32) -> Day {
        let mut last = day;
        for _ in 0..count {
            last = last.plus(1);
            while !self.is_working_day(last) {
                last = last.plus(1);
            }
        }
        last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_working_days_follow_the_notice_of_the_state_council() {
        let calendar = Calendar::national();
        // standards.md §7, "+5 工作日, day after receipt counts as 1".
        for (received, due) in [
            ("2026-02-12 10:00", "2026-02-26"),
            ("2026-04-30 10:00", "2026-05-11"),
            ("2026-09-17 10:00", "2026-09-23"),
            ("2026-09-30 10:00", "2026-10-13"),
            ("2026-10-08 10:00", "2026-10-14"),
        ] {
            let due_at = calendar.due(Time::parse(received).unwrap(), Deadline::WorkingDays(5));
            assert_eq!(due_at.time.civil_day().to_string(), due, "received {received}");
            assert!(!due_at.provisional);
        }
    }

    #[test]
    fn the_year_2026_has_248_working_days() {
        let calendar = Calendar::national();
        let first = Day::parse("2026-01-01").unwrap().days();
        let working = (first..first + 365).filter(|&day| calendar.is_working_day(Day::from_days(day))).count();
        assert_eq!(working, 248);
    }

    #[test]
    fn a_deadline_into_a_year_without_a_notice_is_provisional() {
        let due = Calendar::national().due(Time::parse("2026-12-30 10:00").unwrap(), Deadline::WorkingDays(5));
        assert!(due.provisional);
    }

    #[test]
    fn clock_hours_run_through_the_night() {
        let due = Calendar::national().due(Time::parse("2026-10-01 23:00").unwrap(), Deadline::ClockHours(2));
        assert_eq!(due.time, Time::parse("2026-10-02 01:00").unwrap());
    }
}
