//! Between the API and the model: the one place that validates what comes in. It collects every wrong field.

pub(crate) mod area;
pub(crate) mod fields;
pub(crate) mod place;
pub(crate) mod release;

use base::{Error, Result, Violations};

/// Runs a reader of a request; all wrong fields that it noted become one error.
pub(crate) fn read<T>(reader: impl FnOnce(&mut Violations) -> Option<T>) -> Result<T> {
    let mut violations = Violations::new();
    let read = reader(&mut violations);
    violations.check()?;
    read.ok_or_else(|| Error::internal("a request was refused without a reason"))
}
