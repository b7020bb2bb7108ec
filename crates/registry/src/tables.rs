//! What is kept of every registry, and under which keys: one schema for all, because a kind of element is a number in
//! front of its keys. Records are the messages of `wangge.stored.registry.v1`.
//!
//! ```text
//! records    (kind, id)
//! history    (kind, id, revision)                 the changes of one element are one range
//! runs       (id)
//! seen       (run, chunk)                         which elements a full run has named so far
//! quarantine (run, chunk, row)
//!
//! by_area    (kind, deleted, path, id)            a subtree is one range
//! by_source  (kind, source, key)
//! words      (kind, sort of word, word, path, id) a word inside a subtree is one range; a beginning is one range
//! by_claim   (kind, path, id)
//! by_link    (kind linked to, id linked to, id)
//! runs_by_source (kind, source, sequence), open_runs (kind, source)
//! counts     (kind, dimension, depth, path, value) → how many, for the root and every area of the chain
//! ```
//! Records are keyed by id and not by area: who moves keeps the keys of all indexes but those that name the area.

use api::registry::v1::RunState;
use api::stored::registry::v1 as bytes;
use base::AreaPath;
use store::{Aggregate, Index, Key, Schema, Table};

use crate::words::WordKind;

/// Every table of a registry. A service with tables of its own lists these first and gives its own numbers from 100.
pub const SCHEMA: Schema = &[&RECORDS, &HISTORY, &RUNS, &SEEN, &QUARANTINE, &SECRETS];

/// The elements.
pub static RECORDS: Table<bytes::Record> = Table::new(
    1,
    "records",
    |record| record_key(record.kind, &record.id),
    &[&BY_AREA, &BY_SOURCE, &WORDS, &BY_CLAIM, &BY_LINK],
    &[&COUNTS],
);

/// Their changes.
pub static HISTORY: Table<bytes::Change> =
    Table::new(2, "history", |change| record_key(change.kind, &change.id).u64(change.revision), &[], &[]);

/// Deliveries of sources.
pub static RUNS: Table<bytes::Run> =
    Table::new(3, "runs", |run| Key::new().raw(&run.id), &[&RUNS_BY_SOURCE, &OPEN_RUNS], &[]);

/// What full runs have named so far.
pub static SEEN: Table<bytes::Seen> =
    Table::new(4, "seen", |seen| Key::new().raw(&seen.run_id).i64(seen.chunk), &[], &[]);

/// Rows that were set aside.
pub static QUARANTINE: Table<bytes::QuarantinedRow> =
    Table::new(5, "quarantine", |row| Key::new().raw(&row.run_id).i64(row.chunk).u32(row.row), &[], &[]);

/// The service's own keys.
pub static SECRETS: Table<bytes::Secret> = Table::new(6, "secrets", |secret| Key::new().text(&secret.name), &[], &[]);

pub(crate) static BY_AREA: Index<bytes::Record> = Index::new(1, "by_area", |record, entries| {
    entries.push(area_key(record.kind, is_deleted(record)).path(&path(record)));
});

pub(crate) static BY_SOURCE: Index<bytes::Record> = Index::new(2, "by_source", |record, entries| {
    entries.extend(record.source_keys.iter().map(|known| source_key(record.kind, &known.source).text(&known.key)));
});

pub(crate) static WORDS: Index<bytes::Record> = Index::new(3, "words", |record, entries| {
    let words = record.words.iter().filter(|_| !is_deleted(record));
    let sort = |kind: u32| u8::try_from(kind).unwrap_or(u8::MAX);
    entries.extend(words.map(|word| kind_key(record.kind).u8(sort(word.kind)).bytes(&word.text).path(&path(record))));
});

pub(crate) static BY_CLAIM: Index<bytes::Record> = Index::new(4, "by_claim", |record, entries| {
    if !record.claims.is_empty() && !is_deleted(record) {
        entries.push(kind_key(record.kind).path(&path(record)));
    }
});

pub(crate) static BY_LINK: Index<bytes::Record> = Index::new(5, "by_link", |record, entries| {
    if !is_deleted(record) {
        entries.extend(record.links.iter().map(|link| record_key(link.kind, &link.id)));
    }
});

pub(crate) static RUNS_BY_SOURCE: Index<bytes::Run> = Index::new(6, "runs_by_source", |run, entries| {
    entries.push(source_key(run.kind, &run.source).i64(run.sequence));
});

pub(crate) static OPEN_RUNS: Index<bytes::Run> = Index::new(7, "open_runs", |run, entries| {
    if run.state == RunState::Open as i32 {
        entries.push(source_key(run.kind, &run.source));
    }
});

pub(crate) static COUNTS: Aggregate<bytes::Record> = Aggregate::new(1, "counts", |record, amounts| {
    if is_deleted(record) {
        return;
    }
    let path = path(record);
    for area in std::iter::once(AreaPath::ROOT).chain(path.lineage()) {
        amounts.push((count_key(record.kind, 0, area.depth()).path(&area).text(""), 1));
        for dimension in &record.dimensions {
            let group = count_key(record.kind, dimension.number, area.depth()).path(&area);
            amounts.push((group.text(&dimension.value), 1));
        }
    }
});

/// The keys of one kind of element.
pub(crate) fn kind_key(kind: u32) -> Key {
    Key::new().u8(u8::try_from(kind).unwrap_or(u8::MAX))
}

/// The key of one element.
pub(crate) fn record_key(kind: u32, id: &[u8]) -> Key {
    kind_key(kind).raw(id)
}

/// The elements of a kind, by area; a path follows.
pub(crate) fn area_key(kind: u32, deleted: bool) -> Key {
    kind_key(kind).u8(u8::from(deleted))
}

/// What one source has; a key or a sequence follows.
pub(crate) fn source_key(kind: u32, source: &str) -> Key {
    kind_key(kind).text(source)
}

/// A sort of word; a word and a path follow.
pub(crate) fn word_key(kind: u32, sort: WordKind) -> Key {
    kind_key(kind).u8(sort as u8)
}

/// The counts by a dimension (0: all) of the areas so deep in the tree; a path and a value follow.
pub(crate) fn count_key(kind: u32, dimension: u32, depth: usize) -> Key {
    // At most base::path::DEPTH_MAX.
    kind_key(kind).u32(dimension).u8(u8::try_from(depth).unwrap_or(u8::MAX))
}

/// Where an element is. Indexes are derived from records that this room wrote, so it is well-formed; if it is not, the
/// element is found under the root, and reading it says what is wrong.
pub(crate) fn path(record: &bytes::Record) -> AreaPath {
    AreaPath::from_bytes(&record.path).unwrap_or_default()
}

/// Whether an element is out of the registry.
pub(crate) fn is_deleted(record: &bytes::Record) -> bool {
    record.delete_time_us != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_of_keys_stay_as_they_are_on_disk() {
        let area: AreaPath = "/1/2".parse().unwrap();
        assert_eq!(area_key(1, true).path(&area).as_bytes(), [1, 1, 0, 1, 0, 2, 0, 0]);
        assert_eq!(word_key(1, WordKind::Phone).bytes(b"5678").as_bytes(), b"\x01\x045678\x00\x01");
        assert_eq!(source_key(2, "p").i64(1).as_bytes(), [2, b'p', 0, 1, 128, 0, 0, 0, 0, 0, 0, 1]);
        assert_eq!(count_key(1, 7, 2).path(&area).as_bytes(), [1, 0, 0, 0, 7, 2, 0, 1, 0, 2, 0, 0]);
    }
}
