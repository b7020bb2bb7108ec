//! One error type for all rooms: a kind for the program, a reason for the client, words for the person.
//!
//! The kind is for control flow and becomes the gRPC code (`rpc::status` holds the only table). The reason is an
//! UPPER_SNAKE word that clients may match on. The message is read by a stranger: it says what is wrong and what to
//! do. The source is for logs only and never leaves the process.

use std::borrow::Cow;
use std::fmt;

/// The result of everything that can fail in Wangge.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What sort of failure this is; each maps to exactly one gRPC code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The request is wrong in itself and will never succeed: INVALID_ARGUMENT.
    Invalid,
    /// Nobody knows who is calling: UNAUTHENTICATED.
    Unauthenticated,
    /// The caller is known and may not do this: PERMISSION_DENIED.
    Forbidden,
    /// The thing named does not exist, or not for this caller: NOT_FOUND.
    NotFound,
    /// The thing to be made exists already: ALREADY_EXISTS.
    AlreadyExists,
    /// The thing is not in the state this needs: FAILED_PRECONDITION.
    Precondition,
    /// Somebody else changed it in between (stale etag): ABORTED.
    Conflict,
    /// A cursor points before what is kept: OUT_OF_RANGE.
    Expired,
    /// A limit is reached (quota, disk, queue): RESOURCE_EXHAUSTED.
    Exhausted,
    /// The caller's deadline passed: DEADLINE_EXCEEDED.
    Deadline,
    /// A part is not reachable or is stopping; the call may be tried again: UNAVAILABLE.
    Unavailable,
    /// A fault of ours: INTERNAL.
    Internal,
    /// Stored data is damaged: DATA_LOSS.
    Corrupt,
}

/// One wrong field: where it is, and what is wrong with it and would be right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Path of the field in the request, as in the proto: `point.longitude_deg`, `areas[2].code`.
    pub field: String,
    /// What is wrong and what would be right, in one sentence.
    pub description: String,
}

/// An error with its kind, reason, message, facts and wrong fields.
pub struct Error(Box<Inner>);

struct Inner {
    kind: Kind,
    reason: Cow<'static, str>,
    message: Cow<'static, str>,
    metadata: Vec<(Cow<'static, str>, String)>,
    violations: Vec<Violation>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// Makes an error. `reason` is UPPER_SNAKE and at most 63 characters; `message` is a sentence for a stranger
    /// that holds no secret, because it reaches the client.
    pub fn new(kind: Kind, reason: impl Into<Cow<'static, str>>, message: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Inner {
            kind,
            reason: reason.into(),
            message: message.into(),
            metadata: Vec::new(),
            violations: Vec::new(),
            source: None,
        }))
    }

    /// A request with exactly one wrong field.
    pub fn invalid(field: impl Into<String>, description: impl Into<String>) -> Self {
        let mut violations = Violations::new();
        violations.add(field, description);
        violations.into_error()
    }

    /// The thing named does not exist (or not for this caller, who must not learn the difference).
    pub fn not_found(name: impl fmt::Display) -> Self {
        Self::new(Kind::NotFound, "NOT_FOUND", format!("{name} does not exist")).with("name", name)
    }

    /// A fault of ours; the words are for the log, the client is told to look there.
    pub fn internal(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Kind::Internal, "INTERNAL", message)
    }

    /// Adds a fact that a program may read, such as the value found.
    #[must_use]
    pub fn with(mut self, key: impl Into<Cow<'static, str>>, value: impl fmt::Display) -> Self {
        self.0.metadata.push((key.into(), value.to_string()));
        self
    }

    /// Adds the error below, for the log.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// Says it in other words, for somebody who sees it from elsewhere; everything else stays.
    #[must_use]
    pub fn saying(mut self, message: impl Into<Cow<'static, str>>) -> Self {
        self.0.message = message.into();
        self
    }

    /// Adds one wrong field.
    #[must_use]
    pub fn with_violation(mut self, violation: Violation) -> Self {
        self.0.violations.push(violation);
        self
    }

    /// What sort of failure this is.
    pub fn kind(&self) -> Kind {
        self.0.kind
    }
    /// The UPPER_SNAKE reason.
    pub fn reason(&self) -> &str {
        &self.0.reason
    }
    /// The sentence for the person.
    pub fn message(&self) -> &str {
        &self.0.message
    }
    /// Facts a program may read, in the order they were added.
    pub fn metadata(&self) -> &[(Cow<'static, str>, String)] {
        &self.0.metadata
    }
    /// Every wrong field.
    pub fn violations(&self) -> &[Violation] {
        &self.0.violations
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.message)?;
        for violation in &self.0.violations {
            write!(f, "; {}: {}", violation.field, violation.description)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {}: {self}", self.0.kind, self.0.reason)?;
        for (key, value) in &self.0.metadata {
            write!(f, " {key}={value:?}")?;
        }
        if let Some(source) = &self.0.source {
            write!(f, " because {source}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

/// Collects every wrong field of a request, so that the caller hears of all of them at once.
#[derive(Debug, Default)]
pub struct Violations(Vec<Violation>);

impl Violations {
    /// No wrong field yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Notes a wrong field.
    pub fn add(&mut self, field: impl Into<String>, description: impl Into<String>) {
        self.0.push(Violation { field: field.into(), description: description.into() });
    }

    /// Takes the value of a field, or notes why there is none.
    pub fn take<T>(&mut self, field: &str, parsed: Result<T, impl fmt::Display>) -> Option<T> {
        parsed.map_err(|wrong| self.add(field, wrong.to_string())).ok()
    }

    /// Whether no field was wrong so far.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Ends the collecting: an error if any field was wrong.
    pub fn check(self) -> Result<()> {
        if self.0.is_empty() { Ok(()) } else { Err(self.into_error()) }
    }

    fn into_error(self) -> Error {
        let mut error = Error::new(Kind::Invalid, "INVALID_FIELDS", "the request has wrong fields");
        error.0.violations = self.0;
        error
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_words_change_nothing_else() {
        let error = Error::invalid("a", "is wrong").with("key", 1).caused_by("the disk").saying("so");
        assert_eq!((error.kind(), error.reason(), error.message()), (Kind::Invalid, "INVALID_FIELDS", "so"));
        assert_eq!((error.metadata().len(), error.violations().len()), (1, 1));
        assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "the disk");
    }

    #[test]
    fn every_wrong_field_is_reported_at_once() {
        let mut violations = Violations::new();
        violations.add("point.longitude_deg", "must lie in -180..180");
        violations.add("datum", "must be set");
        let error = violations.check().unwrap_err();
        assert_eq!(error.kind(), Kind::Invalid);
        assert_eq!(error.violations().len(), 2);
        assert!(error.to_string().contains("point.longitude_deg: must lie in -180..180"));
    }

    #[test]
    fn the_source_is_for_the_log_and_not_for_the_client() {
        let error = Error::internal("something broke").caused_by("the secret cause");
        assert!(!error.to_string().contains("secret"));
        assert!(format!("{error:?}").contains("secret"));
    }
}
