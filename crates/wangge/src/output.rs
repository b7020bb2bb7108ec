//! What a command says: lines for a person, or JSON for a program (`--json`), and how an error is shown.
//!
//! JSON is the canonical form of the contract's messages (proto3 JSON), one value per line, so that a script sees the
//! same names as a gRPC client. What is not here: progress bars (`progress`) and logs (`telemetry`).

use std::io::{self, ErrorKind, Write};

use base::{Error, Kind, Result};
use prost::Message;
use prost_reflect::DynamicMessage;
use serde_json::{Value, json};

use crate::words;

/// The reason of an error that only says that nobody reads any more (`wangge … | head`).
pub const OUTPUT_CLOSED: &str = "OUTPUT_CLOSED";
/// The reason of an error in the command line that the parser could not see.
pub const USAGE: &str = "USAGE";

/// tonic's only words for a connection that breaks, also when one side encrypts and the other does not: which of them
/// depends on whether the other side's refusal comes before the connection ends.
const BROKEN_CONNECTION: [&str; 2] = ["transport error", "h2 protocol error"];

/// Where a command writes its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Output {
    /// For a program instead of a person.
    pub json: bool,
}

impl Output {
    /// Writes a line for a person; nothing when a program reads.
    pub fn line(&self, text: impl AsRef<str>) -> Result<()> {
        if self.json { Ok(()) } else { write_line(text.as_ref()) }
    }

    /// Says that a list goes on after so many entries: below them for a person, on standard error for a program, whose
    /// answer holds nothing but entries.
    pub fn more(&self, limit: usize) -> Result<()> {
        if self.json {
            eprintln!("{}", json!({ "more": true, "limit": limit }));
            return Ok(());
        }
        write_line(&format!("… and more: --limit {}", limit.saturating_mul(2)))
    }

    /// Writes a message of the contract: as JSON for a program, as `text` for a person. `name` is the full name of the
    /// message, such as `wangge.events.v1.Event`.
    pub fn message(&self, name: &str, message: &impl Message, text: impl FnOnce() -> String) -> Result<()> {
        if self.json { write_line(&message_json(name, message)?.to_string()) } else { write_line(&text()) }
    }

    /// Writes a value that is no message of the contract.
    pub fn value(&self, value: &Value, text: impl FnOnce() -> String) -> Result<()> {
        if self.json { write_line(&value.to_string()) } else { write_line(&text()) }
    }
}

/// The canonical JSON of a message of the contract.
pub fn message_json(name: &str, message: &impl Message) -> Result<Value> {
    let unreadable = |cause: String| Error::internal("a message cannot be written as JSON").caused_by(cause);
    let descriptor = words::contract().get_message_by_name(name).ok_or_else(|| unreadable(name.to_owned()))?;
    let dynamic = DynamicMessage::decode(descriptor, message.encode_to_vec().as_slice())
        .map_err(|cause| unreadable(cause.to_string()))?;
    serde_json::to_value(&dynamic).map_err(|cause| unreadable(cause.to_string()))
}

/// Rows in columns that stand below each other, also where Chinese characters take two places. Rows with nothing in
/// their last cells end early.
pub fn table<const COLUMNS: usize>(rows: impl IntoIterator<Item = [String; COLUMNS]>) -> String {
    let rows: Vec<[String; COLUMNS]> = rows.into_iter().collect();
    let mut widths = [0; COLUMNS];
    for row in &rows {
        for (cell, width) in row.iter().zip(&mut widths) {
            *width = (*width).max(display_width(cell));
        }
    }
    let line = |row: &[String; COLUMNS]| {
        let cells = row.iter().zip(widths).map(|(cell, width)| cell.clone() + &" ".repeat(width - display_width(cell)));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// Places a text takes in a terminal: wide characters (CJK, full-width forms) take two.
fn display_width(text: &str) -> usize {
    let is_wide = |letter: char| {
        matches!(letter, '\u{1100}'..='\u{115f}' | '\u{2e80}'..='\u{a4cf}' | '\u{ac00}'..='\u{d7a3}'
        | '\u{f900}'..='\u{faff}' | '\u{fe30}'..='\u{fe6f}' | '\u{ff00}'..='\u{ff60}' | '\u{ffe0}'..='\u{ffe6}' | '\u{20000}'..='\u{3fffd}')
    };
    text.chars().map(|letter| if is_wide(letter) { 2 } else { 1 }).sum()
}

/// A mistake in the command line that the parser cannot see. Ends the program with code 2.
pub fn usage(message: impl Into<String>) -> Error {
    Error::new(Kind::Invalid, USAGE, message.into())
}

/// Shows an error on standard error: what is wrong, every wrong field, and what to try.
pub fn show_error(error: &Error, json: bool) {
    let mut standard_error = io::stderr().lock();
    // There is nowhere left to complain when standard error is closed.
    let _ = if json {
        writeln!(standard_error, "{}", error_json(error))
    } else {
        write!(standard_error, "{}", error_text(error))
    };
}

fn error_text(error: &Error) -> String {
    let mut text = format!("error: {}\n", error.message());
    for violation in error.violations() {
        text.push_str(&format!("  {}: {}\n", violation.field, violation.description));
    }
    // The source is for the log of a server; a person at a terminal is the one who must mend it, so it is shown.
    if let Some(cause) = std::error::Error::source(error) {
        text.push_str(&format!("  because {cause}\n"));
    }
    if let Some(hint) = hint(error) {
        text.push_str(&format!("hint: {hint}\n"));
    }
    text
}

fn error_json(error: &Error) -> Value {
    let violations: Vec<Value> = error
        .violations()
        .iter()
        .map(|violation| json!({ "field": violation.field, "description": violation.description }))
        .collect();
    let metadata: serde_json::Map<String, Value> =
        error.metadata().iter().map(|(key, value)| (key.to_string(), Value::from(value.clone()))).collect();
    let kind = format!("{:?}", error.kind());
    let cause = std::error::Error::source(error).map(ToString::to_string);
    json!({ "error": {
        "kind": kind, "reason": error.reason(), "message": error.message(),
        "violations": violations, "metadata": metadata, "cause": cause, "hint": hint(error),
    }})
}

/// What somebody who sees this error should try, where the message alone does not say it.
fn hint(error: &Error) -> Option<&'static str> {
    if BROKEN_CONNECTION.iter().any(|words| error.message().starts_with(words)) {
        return Some(
            "does the server still run, and does it take https:// rather than http:// (or the other way round)?",
        );
    }
    match error.kind() {
        Kind::Unauthenticated => Some(
            "the server writes DIR/admin.token at its first start; name it with --token-file or WANGGE_TOKEN_FILE.\n      \
             On the server's machine `wangge token issue --data DIR` makes a new one while the server is stopped.",
        ),
        Kind::Forbidden => Some("`wangge token whoami` shows your posts"),
        Kind::Conflict => Some("read it again and repeat the change on what you then see"),
        Kind::Internal => Some("the server's log has the details"),
        _ => None,
    }
}

fn write_line(text: &str) -> Result<()> {
    let mut standard_output = io::stdout().lock();
    writeln!(standard_output, "{text}").and_then(|()| standard_output.flush()).map_err(|cause| match cause.kind() {
        ErrorKind::BrokenPipe => Error::new(Kind::Internal, OUTPUT_CLOSED, "nobody reads the output any more"),
        _ => Error::new(Kind::Internal, "OUTPUT_FAILED", "the output cannot be written").caused_by(cause),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use api::events::v1::{Event, EventState};

    #[test]
    fn a_program_reads_the_names_of_the_contract() {
        let event = Event { name: "events/1".to_owned(), ..Default::default() };
        let event = Event { state: EventState::InProgress as i32, ..event };
        let json = message_json("wangge.events.v1.Event", &event).unwrap();
        assert_eq!(json, json!({ "name": "events/1", "state": "EVENT_STATE_IN_PROGRESS" }));
    }

    #[test]
    fn columns_stand_below_each_other_also_in_chinese() {
        let rows = [["东山社区".to_owned(), "1".to_owned()], ["x".to_owned(), "2".to_owned()]];
        assert_eq!(table(rows), "东山社区  1\nx         2");
    }

    #[test]
    fn a_person_sees_every_wrong_field() {
        let error = Error::invalid("point.datum", "must be set");
        assert_eq!(error_text(&error), "error: the request has wrong fields\n  point.datum: must be set\n");
        assert_eq!(error_json(&error)["error"]["violations"][0]["field"], "point.datum");
    }

    #[test]
    fn a_connection_that_breaks_makes_one_think_of_encryption_whatever_its_words() {
        for (kind, words) in
            [(Kind::Unavailable, "transport error"), (Kind::Internal, "h2 protocol error: http2 error")]
        {
            assert!(hint(&Error::new(kind, "PEER", words)).unwrap().contains("https://"), "{words}");
        }
        assert!(hint(&Error::internal("a fault")).unwrap().contains("log"));
    }

    #[test]
    fn a_program_is_told_the_cause_and_the_hint_like_a_person() {
        let error = Error::new(Kind::Unauthenticated, "TOKEN_FILE", "no token was named").caused_by("nobody said so");
        let (text, json) = (error_text(&error), error_json(&error));
        assert!(text.contains("because nobody said so") && text.contains("hint: the server writes"), "{text}");
        assert_eq!(json["error"]["cause"], "nobody said so");
        assert!(json["error"]["hint"].as_str().unwrap().contains("--token-file"), "{json}");
    }
}
