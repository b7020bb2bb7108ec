//! Single fields that several messages have: names, texts, days, times, masks.

use base::{Day, Id, Resource, Time, Violations};
use prost_types::Timestamp;

/// Reads a resource name that must be there.
pub(crate) fn name<R: Resource>(name: &str, field: &str, violations: &mut Violations) -> Option<Id<R>> {
    violations.take(field, Id::parse_name(name))
}

/// Reads a resource name that may be empty: `Some(None)` then.
pub(crate) fn name_or_empty<R: Resource>(
    text: &str,
    field: &str,
    violations: &mut Violations,
) -> Option<Option<Id<R>>> {
    if text.is_empty() { Some(None) } else { name(text, field, violations).map(Some) }
}

/// Reads a text that must not be empty; spaces around it do not count.
pub(crate) fn text(text: &str, field: &str, chars_max: usize, violations: &mut Violations) -> Option<String> {
    if text.trim().is_empty() {
        violations.add(field, format!("must be set, to 1 to {chars_max} characters"));
        return None;
    }
    text_or_empty(text, field, chars_max, violations)
}

/// Reads a text that may be empty.
pub(crate) fn text_or_empty(text: &str, field: &str, chars_max: usize, violations: &mut Violations) -> Option<String> {
    let text = text.trim();
    let length = text.chars().count();
    if length > chars_max {
        violations.add(field, format!("has {length} characters, but may have at most {chars_max}"));
        return None;
    }
    if text.chars().any(char::is_control) {
        violations.add(field, "must be one line without control characters");
        return None;
    }
    Some(text.to_owned())
}

/// Reads a day that may be open: `Some(None)` when the text is empty.
pub(crate) fn day(text: &str, field: &str, violations: &mut Violations) -> Option<Option<Day>> {
    if text.is_empty() { Some(None) } else { violations.take(field, Day::parse(text)).map(Some) }
}

/// Reads a time that may be absent: `Some(None)` then.
pub(crate) fn time(timestamp: Option<&Timestamp>, field: &str, violations: &mut Violations) -> Option<Option<Time>> {
    match timestamp {
        None => Some(None),
        Some(timestamp) => rpc::time::from_proto(timestamp, field, violations).map(Some),
    }
}

/// Reads an enum that must be set. `known` is the generated `try_from`; `first` its unspecified value.
pub(crate) fn required_enum<E: PartialEq>(
    number: i32,
    known: Result<E, prost::UnknownEnumValue>,
    unspecified: &E,
    field: &str,
    advice: &str,
    violations: &mut Violations,
) -> Option<E> {
    match known {
        Err(_) => violations.add(field, format!("is {number}, which this server does not know; {advice}")),
        Ok(value) if value == *unspecified => violations.add(field, format!("must be set; {advice}")),
        Ok(value) => return Some(value),
    }
    None
}
