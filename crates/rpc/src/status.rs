//! The only table between our errors and gRPC's, in both directions.
//!
//! Every error that leaves carries `google.rpc.ErrorInfo` (reason, domain `wangge`, metadata), and bad input carries
//! `google.rpc.BadRequest` with every wrong field. Causes stay in the log.

use std::collections::HashMap;

use base::{Error, Kind, Result, Violation};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

/// The domain of our ErrorInfo.
pub const DOMAIN: &str = "wangge";

const TABLE: [(Kind, Code); 13] = [
    (Kind::Invalid, Code::InvalidArgument),
    (Kind::Unauthenticated, Code::Unauthenticated),
    (Kind::Forbidden, Code::PermissionDenied),
    (Kind::NotFound, Code::NotFound),
    (Kind::AlreadyExists, Code::AlreadyExists),
    (Kind::Precondition, Code::FailedPrecondition),
    (Kind::Conflict, Code::Aborted),
    (Kind::Expired, Code::OutOfRange),
    (Kind::Exhausted, Code::ResourceExhausted),
    (Kind::Deadline, Code::DeadlineExceeded),
    (Kind::Unavailable, Code::Unavailable),
    (Kind::Internal, Code::Internal),
    (Kind::Corrupt, Code::DataLoss),
];

/// Wrong fields that an answer lists; HTTP/2 peers refuse heads of more than 8 to 16 KiB.
const VIOLATIONS_MAX: usize = 20;

/// The gRPC status of an error. Faults of ours are logged here, once, and told without their inner words.
#[allow(clippy::needless_pass_by_value)] // It is the last owner: `map_err(to_status)` ends an error's life.
pub fn to_status(error: Error) -> Status {
    let kind = error.kind();
    let code = TABLE.iter().find(|(ours, _)| *ours == kind).map_or(Code::Unknown, |(_, code)| *code);
    if kind == Kind::Internal {
        tracing::error!(?error, "internal fault");
        let details = ErrorDetails::with_error_info(error.reason(), DOMAIN, HashMap::new());
        return Status::with_error_details(code, "an internal fault, which the server's log describes", details);
    }
    if kind == Kind::Corrupt {
        tracing::error!(?error, "stored data is damaged");
    }
    let metadata: HashMap<String, String> =
        error.metadata().iter().map(|(key, value)| (key.to_string(), value.clone())).collect();
    let mut details = ErrorDetails::with_error_info(error.reason(), DOMAIN, metadata);
    for violation in error.violations().iter().take(VIOLATIONS_MAX) {
        details.add_bad_request_violation(&violation.field, &violation.description);
    }
    if let Some(more) = error.violations().len().checked_sub(VIOLATIONS_MAX).filter(|more| *more > 0) {
        details.add_bad_request_violation("…", format!("and {more} more"));
    }
    Status::with_error_details(code, headline(&error), details)
}

/// The message and the first wrong field; the details list them all.
fn headline(error: &Error) -> String {
    match error.violations() {
        [] => error.message().to_owned(),
        [only] => format!("{}; {}: {}", error.message(), only.field, only.description),
        [first, rest @ ..] => {
            format!("{}; {}: {}; and {} more", error.message(), first.field, first.description, rest.len())
        }
    }
}

/// The error that another service answered.
#[allow(clippy::needless_pass_by_value)] // The mirror of `to_status`: used as `map_err(from_status)`.
pub fn from_status(status: Status) -> Error {
    let kind = match status.code() {
        // A caller that went away, or a peer that is older or newer than we are.
        Code::Ok | Code::Cancelled | Code::Unknown => Kind::Unavailable,
        Code::Unimplemented => Kind::Internal,
        code => TABLE.iter().find(|(_, theirs)| *theirs == code).map_or(Kind::Internal, |(ours, _)| *ours),
    };
    let details = status.get_error_details();
    let reason = details.error_info().map_or_else(|| "PEER".to_owned(), |info| info.reason.clone());
    let violations = details.bad_request().map(|bad| bad.field_violations.clone()).unwrap_or_default();
    // The headline repeats the first wrong field behind the message; it is added again below.
    let message = match violations.first() {
        None => status.message(),
        Some(first) => status.message().split(&format!("; {}: ", first.field)).next().unwrap_or_default(),
    };
    let mut error = Error::new(kind, reason, message.to_owned());
    for (key, value) in details.error_info().map(|info| info.metadata.clone()).unwrap_or_default() {
        error = error.with(key, value);
    }
    for violation in violations {
        error = error.with_violation(Violation { field: violation.field, description: violation.description });
    }
    error
}

/// What a method of a service returns.
pub fn answer<T>(result: Result<T>) -> Result<tonic::Response<T>, Status> {
    result.map(tonic::Response::new).map_err(to_status)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_survives_the_way_over_the_wire() {
        for (kind, _) in TABLE.iter().filter(|(kind, _)| *kind != Kind::Internal) {
            let error = Error::new(*kind, "SOME_REASON", "something is so").with("path", "/1/2");
            let back = from_status(to_status(error));
            assert_eq!((back.kind(), back.reason(), back.message()), (*kind, "SOME_REASON", "something is so"));
            assert_eq!(back.metadata(), [("path".into(), "/1/2".to_owned())]);
        }
    }

    #[test]
    fn every_wrong_field_survives_the_way_over_the_wire() {
        let error = Error::invalid("point.datum", "must be set");
        let back = from_status(to_status(error));
        assert_eq!(back.violations()[0].field, "point.datum");
        assert_eq!(back.to_string(), "the request has wrong fields; point.datum: must be set");
    }

    #[test]
    fn very_many_wrong_fields_still_fit_into_the_head_of_an_answer() {
        let mut violations = base::Violations::new();
        for number in 0..1_000 {
            violations.add(format!("areas[{number}].code"), "must not be empty");
        }
        let back = from_status(to_status(violations.check().unwrap_err()));
        assert_eq!(back.violations().len(), VIOLATIONS_MAX + 1);
        assert_eq!(back.violations()[VIOLATIONS_MAX].description, "and 980 more");
        assert_eq!(back.message(), "the request has wrong fields");
    }

    #[test]
    fn the_words_of_an_internal_fault_stay_inside() {
        let status = to_status(Error::internal("secret path /var/lib/wangge").with("path", "secret"));
        assert_eq!(status.code(), Code::Internal);
        assert!(!status.message().contains("secret"));
        assert!(!status.details().windows(6).any(|bytes| bytes == b"secret"));
    }
}
