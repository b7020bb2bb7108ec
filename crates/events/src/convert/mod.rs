//! Between the contract and the model: the one place that validates, and the one place that masks.
//!
//! What is wrong with a request is collected and told at once. What comes out of here is checked; what a caller may
//! not see in clear leaves here masked.

pub(crate) mod answers;
pub(crate) mod filters;
pub(crate) mod peers;
pub(crate) mod reports;
pub(crate) mod steps;

use base::{Id, Resource, Violations};

/// Reads a resource name that must be there.
pub(crate) fn name<R: Resource>(field: &'static str, name: &str, violations: &mut Violations) -> Option<Id<R>> {
    violations.take(field, Id::parse_name(name))
}

/// Reads a resource name that may be absent.
fn optional_name<R: Resource>(field: &'static str, text: &str, violations: &mut Violations) -> Option<Id<R>> {
    if text.is_empty() { None } else { name(field, text, violations) }
}

/// Checks the length of a text in characters; `required` ones must say something.
fn text(field: &'static str, value: &str, required: bool, chars_max: usize, violations: &mut Violations) {
    if required && value.trim().is_empty() {
        violations.add(field, format!("must be given, 1 to {chars_max} characters"));
    }
    // No character is longer than four bytes, so most texts need not be counted.
    if value.len() > chars_max && value.chars().count() > chars_max {
        violations.add(field, format!("must have at most {chars_max} characters"));
    }
}

/// Reads a value of an enum; a number that this version does not know is an error, never a guess.
fn value<E: TryFrom<i32>>(field: impl Into<String>, number: i32, violations: &mut Violations) -> Option<E> {
    let known = E::try_from(number).ok();
    if known.is_none() {
        violations.add(field, format!("{number} is not a value that this version knows"));
    }
    known
}
