//! Scrubbing: computing every index and aggregate again from the records, and comparing.
//!
//! It needs no second copy of anything: an entry is missing when a record asks for it and it is not there, dangling
//! when it is there and no record asks for it.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use base::{Error, Kind, Result};
use bytes::Bytes;

use crate::engine::Visit;
use crate::key::prefix_end;
use crate::keyspace::{self, HEADER};
use crate::progress::{Progress, Step};
use crate::schema::{AnyTable, Schema};
use crate::shared::Shared;
use crate::store::Store;
use crate::view::View;

/// How many faults are described in words.
const EXAMPLES_MAX: usize = 20;
/// How often progress is told, in records.
const TELL_EVERY: u64 = 10_000;
/// How often a scrub looks whether it is in the way, in keys.
const LOOK_EVERY: u64 = 1_000;

/// What a scrub found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScrubReport {
    /// Records read.
    pub records: u64,
    /// Index entries found.
    pub entries: u64,
    /// Groups of aggregates found.
    pub groups: u64,
    /// Records that cannot be read, or lie under another key than their own.
    pub unreadable: u64,
    /// Index entries that a record asks for and that are not there.
    pub missing: u64,
    /// Index entries that no record asks for.
    pub dangling: u64,
    /// Groups whose total is not what the records add up to.
    pub wrong_totals: u64,
    /// The first faults, in words.
    pub examples: Vec<String>,
}

impl ScrubReport {
    /// Whether nothing is wrong.
    pub const fn is_clean(&self) -> bool {
        self.unreadable == 0 && self.missing == 0 && self.dangling == 0 && self.wrong_totals == 0
    }

    fn example(&mut self, words: impl FnOnce() -> String) {
        if self.examples.len() < EXAMPLES_MAX {
            self.examples.push(words());
        }
    }
}

impl Store {
    /// Computes every index and aggregate again and compares, at one moment, while others go on writing. Blocks;
    /// reads everything. As long as it reads, changes gather in memory; it gives way before writers would have to wait:
    /// `Unavailable`, `SCRUB_GAVE_WAY`.
    pub fn scrub(&self, progress: Progress<'_>) -> Result<ScrubReport> {
        let shared = self.shared();
        self.read(|view| scrub(&Yielding { view, shared }, shared.schema, progress))
    }
}

/// A view for long work, which ends when it keeps too much from being written to the engine.
struct Yielding<'a> {
    view: &'a dyn View,
    shared: &'a Shared,
}

impl View for Yielding<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>> {
        self.view.get(key)
    }

    fn range(&self, start: &[u8], end: &[u8], reverse: bool, visit: Visit<'_>) -> Result<()> {
        let mut visited = 0_u64;
        self.view.range(start, end, reverse, &mut |key, value| {
            visited += 1;
            if visited.is_multiple_of(LOOK_EVERY) && self.shared.is_crowded() {
                let message = "so much was written meanwhile that the scrub gave way; try again at a calmer time";
                return Err(Error::new(Kind::Unavailable, "SCRUB_GAVE_WAY", message));
            }
            visit(key, value)
        })
    }
}

/// Scrubs all tables of a view.
pub(crate) fn scrub(view: &dyn View, schema: Schema, progress: Progress<'_>) -> Result<ScrubReport> {
    let mut report = ScrubReport::default();
    for table in schema {
        scrub_table(view, *table, &mut report, progress)?;
    }
    Ok(report)
}

/// What the records of a table ask for.
#[derive(Default)]
struct Expected {
    entries: BTreeMap<u16, u64>,
    totals: BTreeMap<(u16, Vec<u8>), i64>,
}

fn scrub_table(view: &dyn View, table: &dyn AnyTable, report: &mut ScrubReport, progress: Progress<'_>) -> Result<()> {
    let mut expected = Expected::default();
    walk(view, &keyspace::record(table.number(), &[]), &mut |key, value| {
        report.records += 1;
        if report.records.is_multiple_of(TELL_EVERY) {
            progress(Step { what: "scrub", done: report.records, total: None });
        }
        scrub_record(view, table, (key, value), &mut expected, report)
    })?;
    for (number, name) in table.indexes() {
        let found = count(view, &keyspace::index(number, &[]))?;
        report.entries += found;
        // As many as asked for, and none missing: then none can be dangling.
        if found != expected.entries.get(&number).copied().unwrap_or(0) || report.missing > 0 {
            find_dangling(view, table, number, name, report)?;
        }
    }
    for (number, name) in table.aggregates() {
        scrub_aggregate(view, table, (number, name), &mut expected.totals, report)?;
    }
    Ok(())
}

fn scrub_record(
    view: &dyn View,
    table: &dyn AnyTable,
    (key, value): (&[u8], &[u8]),
    expected: &mut Expected,
    report: &mut ScrubReport,
) -> Result<()> {
    let derivation = match table.derive(value) {
        Ok(derivation) if derivation.primary == key[HEADER..] => derivation,
        wrong => {
            report.unreadable += 1;
            let why = wrong.err().map_or_else(|| "it belongs under another key".to_owned(), |error| error.to_string());
            report.example(|| format!("record {} of {}: {why}", readable(&key[HEADER..]), table.name()));
            return Ok(());
        }
    };
    for (number, entry, value) in derivation.entries {
        *expected.entries.entry(number).or_default() += 1;
        if view.get(&entry)?.as_deref() != Some(&value[..]) {
            report.missing += 1;
            report.example(|| {
                let key = readable(&key[HEADER..]);
                format!("index {number} of {} lacks an entry of record {key}", table.name())
            });
        }
    }
    for (number, group, amount) in derivation.amounts {
        let total = expected.totals.entry((number, group)).or_default();
        *total = total.wrapping_add(amount);
    }
    Ok(())
}

fn find_dangling(
    view: &dyn View,
    table: &dyn AnyTable,
    number: u16,
    name: &str,
    report: &mut ScrubReport,
) -> Result<()> {
    walk(view, &keyspace::index(number, &[]), &mut |entry, value| {
        let primary = keyspace::primary_of(&entry[HEADER..], value);
        let record = primary.and_then(|primary| view.get(&keyspace::record(table.number(), primary)));
        let derived = match record {
            Ok(Some(record)) => table.derive(&record).map(|derivation| derivation.entries).unwrap_or_default(),
            _ => Vec::new(),
        };
        if !derived.iter().any(|(_, wanted, _)| wanted == entry) {
            report.dangling += 1;
            let table = table.name();
            report.example(|| format!("index {name} of {table} has an entry without its record: {}", readable(entry)));
        }
        Ok(())
    })
}

fn scrub_aggregate(
    view: &dyn View,
    table: &dyn AnyTable,
    (number, name): (u16, &str),
    totals: &mut BTreeMap<(u16, Vec<u8>), i64>,
    report: &mut ScrubReport,
) -> Result<()> {
    let mut wrong = Vec::new();
    walk(view, &keyspace::aggregate(number, &[]), &mut |key, value| {
        report.groups += 1;
        let group = key[HEADER..].to_vec();
        let found = keyspace::total(value).ok();
        let expected = totals.remove(&(number, group.clone())).unwrap_or(0);
        if found != Some(expected) || expected == 0 {
            wrong.push((group, found.unwrap_or(0), expected));
        }
        Ok(())
    })?;
    let rest = totals.iter().filter(|((found, _), total)| *found == number && **total != 0);
    wrong.extend(rest.map(|((_, group), total)| (group.clone(), 0, *total)));
    for (group, found, expected) in wrong {
        report.wrong_totals += 1;
        let (table, group) = (table.name(), readable(&group));
        report.example(|| format!("aggregate {name} of {table}: group {group} is {found} and should be {expected}"));
    }
    Ok(())
}

type VisitAll<'a> = &'a mut dyn FnMut(&[u8], &[u8]) -> Result<()>;

fn walk(view: &dyn View, space: &[u8], visit: VisitAll<'_>) -> Result<()> {
    view.range(space, &prefix_end(space).unwrap_or_default(), false, &mut |key, value| {
        visit(key, value).map(ControlFlow::Continue)
    })
}

fn count(view: &dyn View, space: &[u8]) -> Result<u64> {
    let mut count = 0;
    walk(view, space, &mut |_, _| {
        count += 1;
        Ok(())
    })?;
    Ok(count)
}

fn readable(key: &[u8]) -> String {
    key.escape_ascii().to_string()
}
