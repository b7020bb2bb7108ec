//! Changing an element inside a transaction: merge, check what needs the whole registry, derive, store, remember.
//!
//! Everything that can be refused is refused before the first write, so that a refused row leaves nothing behind in a
//! transaction that goes on with the next one.

use std::sync::Arc;

use api::registry::v1::ChangeKind;
use api::stored::registry::v1 as bytes;
use base::{AreaPath, Result, Time};
use bytes::{FieldBefore, Provenance, Record};
use rpc::Scope;
use store::{Key, Scan, Transaction, View};

use crate::kind::Kind;
use crate::merge::{self, Said};
use crate::registry::Inner;
use crate::rules::Faults;
use crate::tables::{BY_LINK, HISTORY, RECORDS, WORDS, is_deleted, path, record_key, word_key};
use crate::words::{WordKind, words_of};

/// How many elements an error names.
const NAMED_MAX: usize = 3;

/// One kind of element in the hands of one author.
#[derive(Clone)]
pub(crate) struct Writer {
    pub(crate) inner: Arc<Inner>,
    pub(crate) kind: Arc<Kind>,
    /// Where the author may write.
    pub(crate) scope: Scope,
    /// Resource name of the author.
    pub(crate) principal: String,
    /// Whose word it is.
    pub(crate) by: Provenance,
    pub(crate) now: Time,
}

/// A statement about an element that has passed all checks which need nothing but itself.
#[derive(Clone, Debug, Default)]
pub(crate) struct Prepared {
    /// Fields with their wire form; an empty one clears.
    pub(crate) values: Vec<(u32, ::bytes::Bytes)>,
    /// The place of the area that it names, if it names one.
    pub(crate) path: Option<AreaPath>,
}

/// What became of a statement.
pub(crate) struct Written {
    pub(crate) record: Record,
    /// Whether a value changed, and not only who confirmed it.
    pub(crate) changed: bool,
    /// New claims.
    pub(crate) claimed: i64,
}

/// A change, or why it is refused.
pub(crate) type Outcome<T> = Result<std::result::Result<T, Faults>>;

impl Writer {
    /// The element with this id.
    pub(crate) fn get(&self, view: &dyn View, id: &[u8]) -> Result<Option<Record>> {
        RECORDS.get(view, &record_key(self.kind.number, id))
    }

    /// The living elements of this kind that have one of the identity numbers of this one, itself left out.
    pub(crate) fn same_identity(&self, view: &dyn View, said: &Prepared, id: &[u8]) -> Result<Vec<Record>> {
        let fields = said.values.iter().cloned().collect();
        let mut found = Vec::new();
        for word in words_of(&self.kind.shape, &fields, &self.inner.secret) {
            if word.kind == WordKind::Identity {
                let prefix = word_key(self.kind.number, word.kind).bytes(&word.text);
                found.extend(RECORDS.page_by(view, &WORDS, &Scan::prefix(prefix).limit(NAMED_MAX))?.records);
            }
        }
        found.retain(|record| record.id != id);
        Ok(found)
    }

    /// Enters a new element.
    pub(crate) fn create(
        &self,
        tx: &mut Transaction<'_>,
        id: &[u8],
        said: &Prepared,
        source_keys: Vec<bytes::SourceKey>,
        reason: &str,
    ) -> Outcome<Written> {
        if let Some(known) = self.same_identity(tx, said, id)?.first() {
            return Ok(Err(self.taken(known)));
        }
        let record = Record {
            kind: self.kind.number,
            id: id.to_vec().into(),
            create_time_us: self.now.micros(),
            source_keys,
            ..Default::default()
        };
        self.apply(tx, record, said, true, ChangeKind::Created, reason)
    }

    /// Lets a statement meet an element, new or known, and stores what comes of it.
    pub(crate) fn apply(
        &self,
        tx: &mut Transaction<'_>,
        mut record: Record,
        said: &Prepared,
        confirms: bool,
        change: ChangeKind,
        reason: &str,
    ) -> Outcome<Written> {
        let stored = self.get(tx, &record.id)?;
        let merged =
            merge::merge(&self.kind.shape, &mut record, &Said { values: &said.values, by: &self.by, confirms });
        if let Some(path) = said.path {
            let named = said.values.iter().find(|(number, _)| *number == self.kind.area_number());
            let held = merge::fields(&record);
            if named.is_some_and(|(number, value)| held.get(*number) == Some(value)) {
                record.path = path.bytes().into();
            }
        }
        let mut faults = Faults::default();
        self.check_place(&record, stored.as_ref(), &mut faults);
        self.check_whole(&record, &merged.before, &mut faults);
        self.kind.derive(&mut record, &self.inner.kinds, &self.inner.secret);
        self.check_links(tx, &record, &mut faults)?;
        if !faults.is_empty() {
            return Ok(Err(faults));
        }
        let changed = !merged.before.is_empty() || change != ChangeKind::Updated;
        if stored.as_ref() == Some(&record) && !changed {
            return Ok(Ok(Written { record, changed: false, claimed: 0 }));
        }
        let before = if change == ChangeKind::Created { Vec::new() } else { merged.before };
        self.put(tx, &mut record, changed.then_some((change, reason, before)))?;
        Ok(Ok(Written { record, changed, claimed: merged.claimed }))
    }

    /// Stores an element. With a change it gets its next revision and a place in the history; without one, only who
    /// confirmed it, or what is claimed about it, is different.
    pub(crate) fn put(
        &self,
        tx: &mut Transaction<'_>,
        record: &mut Record,
        change: Option<(ChangeKind, &str, Vec<FieldBefore>)>,
    ) -> Result<()> {
        if let Some((kind, reason, before)) = change {
            record.revision += 1;
            record.update_time_us = self.now.micros();
            let change = bytes::Change {
                kind: record.kind,
                id: record.id.clone(),
                revision: record.revision,
                time_us: self.now.micros(),
                principal: self.principal.clone(),
                change_kind: kind.into(),
                reason: reason.to_owned(),
                provenance: Some(self.by.clone()),
                before,
            };
            HISTORY.put(tx, &change)?;
        }
        RECORDS.put(tx, record)
    }

    /// Takes an element out of the registry, unless another one names it.
    pub(crate) fn end(
        &self,
        tx: &mut Transaction<'_>,
        mut record: Record,
        change: ChangeKind,
        reason: &str,
    ) -> Outcome<Record> {
        let linked =
            RECORDS.page_by(tx, &BY_LINK, &Scan::prefix(record_key(record.kind, &record.id)).limit(NAMED_MAX))?;
        if !linked.records.is_empty() {
            let names: Vec<String> = linked.records.iter().map(|record| self.name_of(record)).collect();
            let mut faults = Faults::default();
            faults.add("STILL_LINKED", "", format!("is named by {}; change these first", names.join(", ")));
            return Ok(Err(faults));
        }
        record.delete_time_us = self.now.micros();
        record.ended_by = if change == ChangeKind::Ended { self.by.source.clone() } else { String::new() };
        self.put(tx, &mut record, Some((change, reason, Vec::new())))?;
        Ok(Ok(record))
    }

    fn name_of(&self, record: &Record) -> String {
        let kind = self.inner.kinds.iter().find(|kind| kind.number == record.kind);
        kind.map_or_else(String::new, |kind| kind.name(&record.id))
    }

    /// An element is moved only by somebody who may write where it was and where it comes to.
    fn check_place(&self, record: &Record, stored: Option<&Record>, faults: &mut Faults) {
        let places = [Some(record), stored].into_iter().flatten().map(path);
        if places.into_iter().any(|path| !self.scope.covers(&path)) {
            faults.add("OUT_OF_SCOPE", "area", "lies outside the area in which this may be done");
        }
    }

    fn check_whole(&self, record: &Record, before: &[FieldBefore], faults: &mut Faults) {
        let element = merge::fields(record);
        for field in self.kind.shape.fields() {
            if field.required && element.get(field.number).is_none() {
                faults.add("REQUIRED_FIELD", &field.name, format!("{} must be given", field.label()));
            }
            let changes = |before: &FieldBefore| before.number == field.number && !before.value.is_empty();
            if field.immutable && before.iter().any(changes) {
                faults.add("IMMUTABLE_FIELD", &field.name, format!("{} never changes", field.label()));
            }
        }
    }

    fn check_links(&self, view: &dyn View, record: &Record, faults: &mut Faults) -> Result<()> {
        for link in &record.links {
            let found = RECORDS.get(view, &Key::new().raw(record_key(link.kind, &link.id).as_bytes()))?;
            if found.is_none_or(|found| is_deleted(&found)) {
                let kind = self.inner.kinds.iter().find(|kind| kind.number == link.kind);
                let name = kind.map_or_else(String::new, |kind| kind.name(&link.id));
                faults.add("DANGLING_LINK", "", format!("{name} does not exist"));
            }
        }
        Ok(())
    }
}
