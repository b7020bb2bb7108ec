//! Between our time and protobuf's Timestamp.

use base::{Time, Violations};
use prost_types::Timestamp;

/// The Timestamp of a time.
pub fn to_proto(time: Time) -> Timestamp {
    let (seconds, nanos) = time.seconds_and_nanos();
    Timestamp { seconds, nanos }
}

/// The Timestamp of stored microseconds, where 0 stands for never.
pub fn to_proto_unless_zero(micros: i64) -> Option<Timestamp> {
    (micros != 0).then(|| to_proto(Time::from_micros(micros)))
}

/// The time of a Timestamp; notes when it is out of protobuf's range (years 1 to 9999).
pub fn from_proto(timestamp: &Timestamp, field: &str, violations: &mut Violations) -> Option<Time> {
    const FIRST: i64 = -62_135_596_800;
    const LAST: i64 = 253_402_300_799;
    if !(FIRST..=LAST).contains(&timestamp.seconds) || !(0..1_000_000_000).contains(&timestamp.nanos) {
        violations.add(field, "must lie in the years 1 to 9999, with nanos from 0 to 999,999,999");
        return None;
    }
    Some(Time::from_seconds_and_nanos(timestamp.seconds, timestamp.nanos))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_go_there_and_back_and_nonsense_is_refused() {
        let mut violations = Violations::new();
        let time = Time::from_micros(1_758_500_000_123_456);
        assert_eq!(from_proto(&to_proto(time), "at", &mut violations), Some(time));
        assert!(violations.is_empty());
        assert_eq!(from_proto(&Timestamp { seconds: i64::MAX, nanos: 0 }, "at", &mut violations), None);
        assert_eq!(from_proto(&Timestamp { seconds: 0, nanos: -1 }, "at", &mut violations), None);
        assert!(!violations.is_empty());
    }
}
