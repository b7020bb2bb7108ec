//! Points in time, civil days in China, and the clock that is passed in.
//!
//! Time is kept as microseconds of UTC. Civil days and times of day are those of Asia/Shanghai, which has been
//! UTC+08:00 without summer time since 1992-01-01; "today" is always a civil day there, never the last 24 hours.

use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::civil::Date;
use jiff::tz::{Offset, TimeZone};
use jiff::{Timestamp, Zoned};

/// A point in time, in microseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Time(i64);

/// A civil day in Asia/Shanghai, in days since 1970-01-01.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(i32);

const MICROS_PER_SECOND: i64 = 1_000_000;
const MICROS_PER_DAY: i64 = 86_400 * MICROS_PER_SECOND;
const SHANGHAI_OFFSET: i64 = 8 * 3_600 * MICROS_PER_SECOND;

impl Time {
    /// The time this many microseconds after the Unix epoch.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }
    /// Microseconds since the Unix epoch.
    pub const fn micros(self) -> i64 {
        self.0
    }
    /// This time and so many seconds more (or fewer).
    pub const fn plus_seconds(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds.saturating_mul(MICROS_PER_SECOND)))
    }
    /// This time and so many microseconds more (or fewer).
    pub const fn plus_micros(self, micros: i64) -> Self {
        Self(self.0.saturating_add(micros))
    }
    /// Seconds and nanoseconds, as protobuf's Timestamp has them.
    pub fn seconds_and_nanos(self) -> (i64, i32) {
        let nanos = i32::try_from(self.0.rem_euclid(MICROS_PER_SECOND) * 1_000).unwrap_or(0);
        (self.0.div_euclid(MICROS_PER_SECOND), nanos)
    }
    /// The time of a protobuf Timestamp, to the microsecond.
    pub fn from_seconds_and_nanos(seconds: i64, nanos: i32) -> Self {
        Self(seconds.saturating_mul(MICROS_PER_SECOND).saturating_add(i64::from(nanos) / 1_000))
    }
    /// The civil day in Asia/Shanghai on which this time falls.
    pub fn civil_day(self) -> Day {
        let days = (self.0.saturating_add(SHANGHAI_OFFSET)).div_euclid(MICROS_PER_DAY);
        Day(i32::try_from(days).unwrap_or(i32::MAX))
    }
    /// Seconds since midnight in Asia/Shanghai.
    pub fn second_of_day(self) -> i64 {
        (self.0.saturating_add(SHANGHAI_OFFSET)).rem_euclid(MICROS_PER_DAY) / MICROS_PER_SECOND
    }
    /// Reads RFC 3339 (`2026-09-22T08:30:00+08:00`) or, as civil time in Asia/Shanghai, `2026-09-22`,
    /// `2026-09-22 08:30` and `2026-09-22T08:30:00`. The error says what a right one looks like.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if let Ok(timestamp) = text.parse::<Timestamp>() {
            return Ok(Self(timestamp.as_microsecond()));
        }
        let civil = text.parse::<jiff::civil::DateTime>().map_err(|_| {
            format!("{text:?} is not a time; write 2026-09-22T08:30:00+08:00, or 2026-09-22 08:30 for Beijing time")
        })?;
        let zoned = civil.to_zoned(shanghai()).map_err(|_| format!("{text:?} is out of range"))?;
        Ok(Self(zoned.timestamp().as_microsecond()))
    }
    fn zoned(self) -> Zoned {
        Timestamp::from_microsecond(self.0)
            .unwrap_or(if self.0 < 0 { Timestamp::MIN } else { Timestamp::MAX })
            .to_zoned(shanghai())
    }
}

impl fmt::Display for Time {
    /// RFC 3339 with the offset of Asia/Shanghai, to the second: `2026-09-22T08:30:00+08:00`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.zoned().strftime("%Y-%m-%dT%H:%M:%S%:z"))
    }
}

impl Day {
    /// The day this many days after 1970-01-01.
    pub const fn from_days(days: i32) -> Self {
        Self(days)
    }
    /// Days since 1970-01-01.
    pub const fn days(self) -> i32 {
        self.0
    }
    /// The first moment of this day in Asia/Shanghai.
    pub fn start(self) -> Time {
        Time(i64::from(self.0) * MICROS_PER_DAY - SHANGHAI_OFFSET)
    }
    /// The day so many days later (or earlier).
    pub const fn plus(self, days: i32) -> Self {
        Self(self.0.saturating_add(days))
    }
    /// Monday is 1 and Sunday is 7 (ISO 8601).
    pub fn weekday(self) -> u8 {
        // 1970-01-01 was a Thursday.
        u8::try_from((self.0 + 3).rem_euclid(7) + 1).unwrap_or(1)
    }
    /// The calendar year.
    pub fn year(self) -> i16 {
        self.date().year()
    }
    /// Reads `2026-09-22` or `20260922`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let date: Date = text
            .parse()
            .or_else(|_| Date::strptime("%Y%m%d", text))
            .map_err(|_| format!("{text:?} is not a date; write 2026-09-22"))?;
        Ok(Self::from_date(date))
    }
    /// `20260922`, as national standards write dates (GB/T 31000).
    pub fn compact(self) -> String {
        self.date().strftime("%Y%m%d").to_string()
    }
    fn date(self) -> Date {
        self.start().zoned().date()
    }
    fn from_date(date: Date) -> Self {
        let start = date.to_zoned(TimeZone::UTC).map_or(0, |zoned| zoned.timestamp().as_second());
        Self(i32::try_from(start.div_euclid(86_400)).unwrap_or(0))
    }
}

impl fmt::Display for Day {
    /// `2026-09-22`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.date())
    }
}

fn shanghai() -> TimeZone {
    TimeZone::fixed(Offset::constant(8))
}

/// Where the time comes from. It is passed in, so that tests and the demo can move it.
pub trait Clock: Send + Sync {
    /// The time now.
    fn now(&self) -> Time;
}

/// The clock of the machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    // The one place that may ask the machine.
    #[allow(clippy::disallowed_methods)]
    fn now(&self) -> Time {
        let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Time(i64::try_from(since_epoch.as_micros()).unwrap_or(i64::MAX))
    }
}

/// A clock that stands still until it is moved.
#[derive(Debug, Default)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// A clock that shows `now`.
    pub fn at(now: Time) -> Self {
        Self(AtomicI64::new(now.micros()))
    }
    /// Moves the clock to `now`.
    pub fn set(&self, now: Time) {
        self.0.store(now.micros(), Ordering::SeqCst);
    }
    /// Moves the clock forward by so many seconds.
    pub fn advance_seconds(&self, seconds: i64) {
        self.0.fetch_add(seconds * MICROS_PER_SECOND, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Time {
        Time(self.0.load(Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_a_civil_day_in_shanghai() {
        let before_midnight = Time::parse("2026-09-21T23:59:59+08:00").unwrap();
        let midnight = Time::parse("2026-09-21T16:00:00Z").unwrap();
        assert_eq!(before_midnight.civil_day().to_string(), "2026-09-21");
        assert_eq!(midnight.civil_day().to_string(), "2026-09-22");
        assert_eq!(midnight.civil_day().start(), midnight);
        assert_eq!(midnight.civil_day().compact(), "20260922");
        assert_eq!(midnight.civil_day().weekday(), 2);
    }

    #[test]
    fn a_time_without_an_offset_is_beijing_time() {
        assert_eq!(Time::parse("2026-09-22 08:30"), Time::parse("2026-09-22T00:30:00Z"));
        assert_eq!(Time::parse("2026-09-22"), Time::parse("2026-09-22T00:00:00+08:00"));
        assert_eq!(Time::parse("2026-09-22 08:30").unwrap().to_string(), "2026-09-22T08:30:00+08:00");
        assert!(Time::parse("yesterday").unwrap_err().contains("2026-09-22"));
    }

    #[test]
    fn protobuf_timestamps_are_read_back() {
        for micros in [0, 1, -1, 1_758_500_000_123_456, -62_135_596_800_000_000] {
            let (seconds, nanos) = Time::from_micros(micros).seconds_and_nanos();
            assert!((0..1_000_000_000).contains(&nanos));
            assert_eq!(Time::from_seconds_and_nanos(seconds, nanos).micros(), micros);
        }
    }

    #[test]
    fn both_ways_of_writing_a_date_are_read() {
        assert_eq!(Day::parse("2026-09-22"), Day::parse("20260922"));
        assert!(Day::parse("2026-02-30").is_err());
    }
}
