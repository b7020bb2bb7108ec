//! What an import prints: counts, faults by kind with their size, and the worst of them with names and places.

use std::fmt::Write;
use std::path::Path;

use api::grids::v1::{Finding, FindingCount, FindingKind, Point};
use api::registry::v1::{QuarantinedRow, Run};

use super::delivery::Checked;
use super::features::Described;
use crate::words;

/// Findings that are listed one by one.
pub(super) const LISTED_MAX: i32 = 20;

/// Square metres as a person reads them.
pub(in crate::commands) fn square_metres(area_m2: f64) -> String {
    if area_m2 >= 1e6 { format!("{:.2} km²", area_m2 / 1e6) } else { format!("{area_m2:.1} m²") }
}

/// The faults by kind. Writing to a String cannot fail, so the results of `writeln!` are not looked at.
pub(in crate::commands) fn counts(counts: &[FindingCount]) -> String {
    if counts.is_empty() {
        return "validation found nothing wrong".to_owned();
    }
    let mut text = String::from("validation found:");
    for counted in counts {
        let (word, label) = (words::FINDING.say(counted.kind), words::FINDING.label(counted.kind));
        let size = if counted.area_m2 > 0.0 {
            format!(", {} together", square_metres(counted.area_m2))
        } else {
            String::new()
        };
        let blocking = match counted.blocking_count {
            0 => "warning only".to_owned(),
            blocking => format!("{blocking} to be accepted"),
        };
        let _ = write!(text, "\n  {:>6} {word} {label}{size} ({blocking})", counted.count);
    }
    text
}

/// One finding in a line.
pub(in crate::commands) fn finding(finding: &Finding) -> String {
    let areas: Vec<String> = finding.areas.iter().map(|area| format!("{} {}", area.display_name, area.code)).collect();
    let size = if finding.area_m2 > 0.0 { format!(" {}", square_metres(finding.area_m2)) } else { String::new() };
    let place = finding.place.as_ref().map_or_else(String::new, |place| format!(" at {}", position(place)));
    let word = words::FINDING.say(finding.kind);
    let warning = if finding.warning { " (warning)" } else { "" };
    let description = detail(finding.kind, &finding.description);
    format!("  {word}{warning} {}{size}{place}{description}", areas.join(" / "))
}

/// One finding of a file that was checked on this machine; `areas` are those it numbers.
pub(super) fn local_finding(finding: &geometry::Finding, areas: &[Described]) -> String {
    let area = |id: &u32| areas.get(*id as usize).map(|area| format!("{} {}", area.name, area.code));
    let areas: Vec<String> = finding.ids.iter().filter_map(area).collect();
    let size = if finding.area_m2 > 0.0 { format!(" {}", square_metres(finding.area_m2)) } else { String::new() };
    let place = |place: geometry::Position| format!(" at {:.6},{:.6}", place.longitude_deg(), place.latitude_deg());
    let place = finding.place.map_or_else(String::new, place);
    let kind = super::dry_run::finding_kind(finding).into();
    let (word, detail) = (words::FINDING.say(kind), detail(kind, &finding.detail));
    let warning = if finding.severity == geometry::Severity::Warning { " (warning)" } else { "" };
    format!("  {word}{warning} {}{size}{place}{detail}", areas.join(" / "))
}

/// What the words add to names, size and place; of an overlap or a gap that is nothing.
fn detail(kind: i32, description: &str) -> String {
    let is_told = [FindingKind::Overlap, FindingKind::Gap].map(i32::from).contains(&kind);
    if is_told || description.is_empty() { String::new() } else { format!(": {description}") }
}

/// A place as maps take it.
fn position(place: &Point) -> String {
    format!("{:.6},{:.6}", place.longitude_deg, place.latitude_deg)
}

/// What a delivered file holds.
pub(super) fn file(file: &Path, checked: &Checked) -> String {
    let mut text = format!("{}: {} rows", file.display(), checked.rows);
    if checked.unreadable > 0 {
        let _ = write!(text, ", {} of which cannot be read", checked.unreadable);
    }
    if !checked.left_out.is_empty() {
        let _ = write!(text, "\nnot sent, because the server makes them: {}", checked.left_out.join(", "));
    }
    if !checked.missing.is_empty() {
        let missing = checked.missing.join(", ");
        let _ = write!(text, "\nwithout {missing}: rows of persons who are new will be set aside");
    }
    text
}

/// What became of a delivery: `first_rows` says where the first row of a reason stands in the file.
pub(super) fn delivered(run: &Run, first_rows: &[(String, u64)], set_aside: &[QuarantinedRow]) -> String {
    let opened = run.opened.clone().unwrap_or_default();
    let counts = run.counts.unwrap_or_default();
    let name = if opened.dry_run { "a dry run, nothing was written" } else { &run.name };
    let state = words::RUN_STATE.say(run.state);
    let mut text = format!(
        "{} {} ({name}), {state}: {} created, {} updated, {} unchanged, {} ended, {} set aside",
        opened.source,
        opened.sequence,
        counts.created,
        counts.updated,
        counts.unchanged,
        counts.ended,
        counts.quarantined
    );
    if counts.claimed > 0 {
        let _ = write!(text, "\n{} values lost against stronger or newer ones and wait as claims", counts.claimed);
    }
    for reason in &run.reasons {
        let row = first_rows.iter().find(|(place, _)| *place == reason.first_row);
        let row = row.map_or_else(|| reason.first_row.clone(), |(_, number)| format!("row {number}"));
        let _ = write!(text, "\n  {:>6} {}, first in {row}", reason.rows, reason.reason);
    }
    for row in set_aside {
        let key = row.head.as_ref().map_or("", |head| &head.source_key);
        let faults = row.faults.iter().map(|fault| format!("{} {}", fault.field, fault.description).trim().to_owned());
        let _ = write!(text, "\n  {key}: {}", faults.collect::<Vec<_>>().join("; "));
    }
    let listed = i64::try_from(set_aside.len()).unwrap_or(i64::MAX);
    if listed > 0 && counts.quarantined > listed {
        let _ = write!(text, "\n  … and {} more: ListQuarantinedPersons", counts.quarantined - listed);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use api::grids::v1::AreaRef;

    #[test]
    fn faults_are_told_with_their_size_names_and_place() {
        let overlap = FindingKind::Overlap.into();
        let counted = FindingCount { kind: overlap, count: 2, area_m2: 2_500_000.0, blocking_count: 2 };
        assert_eq!(
            counts(&[counted]),
            "validation found:\n       2 overlap 重叠, 2.50 km² together (2 to be accepted)"
        );
        let area = |name: &str| AreaRef { display_name: name.to_owned(), code: "1".to_owned(), ..Default::default() };
        let place = Point { longitude_deg: 120.5, latitude_deg: 23.25, datum: 1 };
        let found = Finding {
            kind: overlap,
            areas: vec![area("甲"), area("乙")],
            area_m2: 12.0,
            place: Some(place),
            ..Default::default()
        };
        assert_eq!(finding(&found), "  overlap 甲 1 / 乙 1 12.0 m² at 120.500000,23.250000");
    }
}
