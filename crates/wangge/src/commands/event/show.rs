//! An incident as a person reads it: in full, or in one line of a list.

use api::events::v1::{Event, Placement};
use api::grids::v1::AreaRef;

use crate::commands::time;
use crate::output::table;
use crate::words;

/// Everything about one incident.
pub(super) fn in_full(event: &Event) -> String {
    let mut rows = vec![
        row("number", &event.number),
        row("name", &event.name),
        row("state", &state(event)),
        row("category", &event.category),
        row("text", &event.text),
        row("channel", &words::CHANNEL.label(event.channel)),
        row("urgency", &words::URGENCY.label(event.urgency)),
        row("area", &chain(&event.chain)),
        row("decided", &event.placement.as_ref().map_or_else(String::new, decided)),
        row("worker", &worker(event)),
        row("reported", &time(event.create_time.as_ref())),
        row("due", &due(event)),
    ];
    let reporter = event.reporter.clone().unwrap_or_default();
    rows.push(row("reporter", format!("{} {}", reporter.display_name, reporter.phone).trim()));
    rows.push(row("address", &event.address));
    rows.push(row("handler", &event.handler));
    rows.push(row("result", &event.result));
    rows.retain(|[_, value]| !value.is_empty());
    table(rows)
}

/// The cells of one line of a list.
pub(super) fn cells(event: &Event) -> [String; 7] {
    [
        event.number.clone(),
        words::EVENT_STATE.label(event.state),
        event.category.clone(),
        event.chain.last().map_or_else(String::new, |area| area.display_name.clone()),
        if event.worker_display_name.is_empty() { "—".to_owned() } else { event.worker_display_name.clone() },
        due(event),
        event.name.clone(),
    ]
}

fn row(name: &str, value: &str) -> [String; 2] {
    [name.to_owned(), value.to_owned()]
}

fn state(event: &Event) -> String {
    format!("{} {}", words::EVENT_STATE.say(event.state), words::EVENT_STATE.label(event.state))
}

/// The areas from the coarsest to the finest, the finest with its code.
fn chain(areas: &[AreaRef]) -> String {
    let names: Vec<&str> = areas.iter().map(|area| area.display_name.as_str()).collect();
    let code = areas.last().map_or_else(String::new, |area| format!(" ({})", area.code));
    names.join(" › ") + &code
}

/// Why it came to its area.
fn decided(placement: &Placement) -> String {
    let how = placement.decided_by;
    let mut text = format!("{} {}", words::DECIDED_BY.say(how), words::DECIDED_BY.label(how));
    if placement.given.is_some() {
        text.push_str(&format!(", {:.1} m from the border", placement.border_distance_m));
    }
    if let Some(next) = &placement.runner_up {
        text.push_str(&format!("; next would be {} {}", next.display_name, next.code));
    }
    text
}

fn worker(event: &Event) -> String {
    if event.worker.is_empty() {
        "nobody is in charge".to_owned()
    } else {
        format!("{} ({})", event.worker_display_name, event.worker)
    }
}

fn due(event: &Event) -> String {
    let provisional = if event.due_provisional { " provisional" } else { "" };
    let overdue = if event.overdue { " OVERDUE" } else { "" };
    format!("{}{provisional}{overdue}", time(event.due_time.as_ref()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use api::events::v1::EventState;

    #[test]
    fn what_is_not_there_takes_no_line() {
        let area = |name: &str, code: &str| AreaRef {
            display_name: name.to_owned(),
            code: code.to_owned(),
            ..Default::default()
        };
        let event = Event {
            number: "370404001-20260922-0042".to_owned(),
            state: EventState::Reported.into(),
            chain: vec![area("坛山街道", "370404001"), area("东山", "1")],
            ..Default::default()
        };
        let text = in_full(&event);
        assert!(text.contains("state   reported 待受理"), "{text}");
        assert!(
            text.contains("坛山街道 › 东山 (1)") && text.contains("nobody is in charge") && !text.contains("address")
        );
    }
}
