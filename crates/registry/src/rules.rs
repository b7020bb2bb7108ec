//! What a registry adds of its own: the rules of one kind of element.

use base::{Day, Error, Kind, Result, Violation};

use crate::fields::Fields;
use crate::words::Word;

/// The rules of one kind of element. Everything else follows from the contract.
pub trait Rules: Send + Sync + 'static {
    /// Brings what one source said into its one written form, derives what follows from it (a birth date from an
    /// identity number), and notes every fault. It is given what was said, not the whole element, and must give the
    /// same for the same: it is asked again when a row comes again.
    fn check(&self, said: &mut Fields, today: Day, faults: &mut Faults);

    /// Adds the OUTPUT_ONLY fields that follow from the whole element (a year of birth, to be counted by). They are
    /// not kept: they are added whenever an element is shown, searched or counted.
    fn complete(&self, element: &mut Fields) {
        let _ = element;
    }

    /// More words by which the whole element is found, beside those of its fields marked `search`.
    fn words(&self, element: &Fields, words: &mut Vec<Word>) {
        let _ = (element, words);
    }
}

/// One fault: why a value or a whole row cannot be taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// UPPER_SNAKE word by which faults are counted.
    pub reason: &'static str,
    /// The field; empty for the element as a whole.
    pub field: String,
    /// What is wrong and what would be right.
    pub description: String,
}

/// Collects every fault of an element.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Faults(Vec<Fault>);

impl Faults {
    /// Notes a fault.
    pub fn add(&mut self, reason: &'static str, field: impl Into<String>, description: impl Into<String>) {
        self.0.push(Fault { reason, field: field.into(), description: description.into() });
    }

    /// Whether there was none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Every fault, in the order they were found.
    pub fn list(&self) -> &[Fault] {
        &self.0
    }

    /// Fails with all of them, as fields below `parent` (such as `person`).
    pub(crate) fn check(&self, parent: &str) -> Result<()> {
        if self.0.is_empty() {
            return Ok(());
        }
        let reasons: Vec<&str> = self.0.iter().map(|fault| fault.reason).collect();
        let error = Error::new(Kind::Invalid, "INVALID_FIELDS", "the element cannot be taken as it is");
        let error = error.with("reasons", reasons.join(","));
        Err(self.0.iter().fold(error, |error, fault| {
            let field = if fault.field.is_empty() { parent.to_owned() } else { format!("{parent}.{}", fault.field) };
            error.with_violation(Violation { field, description: fault.description.clone() })
        }))
    }
}
