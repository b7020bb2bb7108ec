//! The words of the contract's enums on the command line: `AREA_KIND_MICRO_GRID` is said and read as `micro-grid`.
//!
//! Words, like Chinese labels, are read from the descriptors, so a value added to the contract is spoken here at once.

use std::sync::LazyLock;

use prost_reflect::{DescriptorPool, EnumDescriptor, EnumValueDescriptor};

/// Which enum of the contract is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Words {
    /// The full name of the enum.
    name: &'static str,
    /// What its values are, in the singular, for error texts.
    noun: &'static str,
}

/// Geodetic datums.
pub const DATUM: Words = Words { name: "wangge.grids.v1.Datum", noun: "datum" };
/// Kinds of areas.
pub const AREA_KIND: Words = Words { name: "wangge.grids.v1.AreaKind", noun: "kind of area" };
/// How the area of a point was decided.
pub const DECIDED_BY: Words = Words { name: "wangge.grids.v1.DecidedBy", noun: "decision" };
/// Faults of a boundary release.
pub const FINDING: Words = Words { name: "wangge.grids.v1.FindingKind", noun: "kind of fault" };
/// Where a boundary release is in its life.
pub const RELEASE_STATE: Words = Words { name: "wangge.grids.v1.ReleaseState", noun: "release state" };
/// Where an event is in its life.
pub const EVENT_STATE: Words = Words { name: "wangge.events.v1.EventState", noun: "event state" };
/// Through which channel an event came.
pub const CHANNEL: Words = Words { name: "wangge.events.v1.Channel", noun: "channel" };
/// How urgent an event is.
pub const URGENCY: Words = Words { name: "wangge.events.v1.Urgency", noun: "urgency" };
/// Steps of an event's life.
pub const STEP: Words = Words { name: "wangge.events.v1.Step", noun: "step" };
/// By what events are counted.
pub const GROUP_BY: Words = Words { name: "wangge.events.v1.GroupBy", noun: "grouping" };
/// Posts of principals.
pub const POST: Words = Words { name: "wangge.staff.v1.Post", noun: "post" };
/// What sort of source says something about an element of a registry.
pub const SOURCE_KIND: Words = Words { name: "wangge.options.v1.SourceKind", noun: "kind of source" };
/// What the rows of a delivery are.
pub const RUN_MODE: Words = Words { name: "wangge.registry.v1.RunMode", noun: "mode of a delivery" };
/// Where a delivery is in its life.
pub const RUN_STATE: Words = Words { name: "wangge.registry.v1.RunState", noun: "state of a delivery" };

// The descriptors are compiled in and decoded by the server and the tests too; a failure here cannot depend on input.
#[allow(clippy::expect_used)]
static CONTRACT: LazyLock<DescriptorPool> =
    LazyLock::new(|| DescriptorPool::decode(api::DESCRIPTORS).expect("the compiled contract is readable"));

/// The descriptors of the contract.
pub fn contract() -> &'static DescriptorPool {
    &CONTRACT
}

impl Words {
    /// The number of the value that this word stands for. A word may be shortened while only one value begins so. The
    /// error lists what would be right.
    pub fn parse(self, word: &str) -> Result<i32, String> {
        let word = word.trim().to_lowercase();
        let values = self.values();
        let exact = values.iter().find(|(spoken, _)| *spoken == word);
        let mut beginning = values.iter().filter(|(spoken, _)| !word.is_empty() && spoken.starts_with(&word));
        let found = exact.or_else(|| beginning.next().filter(|_| beginning.next().is_none()));
        found
            .map(|(_, number)| *number)
            .ok_or_else(|| format!("{word:?} is no {}; write {}", self.noun, self.choices()))
    }

    /// The word for a value. A number that this program does not know, because the server is newer, is said as it is.
    pub fn say(self, number: i32) -> String {
        let values = self.values();
        values.into_iter().find(|(_, known)| *known == number).map_or_else(|| number.to_string(), |(word, _)| word)
    }

    /// The Chinese label of a value; empty when there is none, and for the value that means "not stated".
    pub fn label(self, number: i32) -> String {
        let label_option = CONTRACT.get_extension_by_name("wangge.options.v1.label_zh");
        let value = self.descriptor().and_then(|known| known.get_value(number)).filter(|_| number != 0);
        match (value, label_option) {
            (Some(value), Some(option)) => {
                value.options().get_extension(&option).as_str().unwrap_or_default().to_owned()
            }
            _ => String::new(),
        }
    }

    /// Every word, as a sentence part: `wgs84, cgcs2000, gcj02 or bd09`.
    pub fn choices(self) -> String {
        let words: Vec<String> = self.values().into_iter().map(|(word, _)| word).collect();
        match words.split_last() {
            Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
            _ => words.join(""),
        }
    }

    /// Words with their numbers, in the order of the contract, without the one that means "not stated".
    fn values(self) -> Vec<(String, i32)> {
        let Some(known) = self.descriptor() else { return Vec::new() };
        let nothing = known.default_value();
        let prefix = nothing.name().trim_end_matches("UNSPECIFIED");
        let word = |value: &EnumValueDescriptor| {
            value.name().strip_prefix(prefix).unwrap_or(value.name()).to_lowercase().replace('_', "-")
        };
        known.values().filter(|value| value.number() != 0).map(|value| (word(&value), value.number())).collect()
    }

    fn descriptor(self) -> Option<EnumDescriptor> {
        CONTRACT.get_enum_by_name(self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use api::grids::v1::{AreaKind, FindingKind};

    const ALL: [Words; 14] = [
        DATUM,
        AREA_KIND,
        DECIDED_BY,
        FINDING,
        RELEASE_STATE,
        EVENT_STATE,
        CHANNEL,
        URGENCY,
        STEP,
        GROUP_BY,
        POST,
        SOURCE_KIND,
        RUN_MODE,
        RUN_STATE,
    ];

    #[test]
    fn every_word_is_read_as_it_is_said_and_has_a_label() {
        for words in ALL {
            assert!(!words.values().is_empty(), "{words:?}");
            for (word, number) in words.values() {
                assert_eq!((words.parse(&word), words.say(number)), (Ok(number), word));
                assert!(!words.label(number).is_empty());
            }
        }
        assert_eq!(AREA_KIND.say(AreaKind::MicroGrid as i32), "micro-grid");
    }

    #[test]
    fn a_word_may_be_shortened_while_it_is_unique() {
        assert_eq!(FINDING.parse("invalid"), Ok(FindingKind::InvalidRing as i32));
        assert_eq!(FINDING.parse("Overlap"), Ok(FindingKind::Overlap as i32));
        assert!(AREA_KIND.parse("co").is_err(), "county and community both begin so");
        assert!(DATUM.parse("").is_err());
    }

    #[test]
    fn a_wrong_word_is_answered_with_the_right_ones() {
        let wrong = DATUM.parse("epsg4326").unwrap_err();
        assert_eq!(wrong, "\"epsg4326\" is no datum; write wgs84, cgcs2000, gcj02 or bd09");
    }

    #[test]
    fn a_number_of_a_newer_server_is_said_as_it_is() {
        assert_eq!(EVENT_STATE.say(4_711), "4711");
        assert_eq!(EVENT_STATE.label(4_711), "");
    }
}
