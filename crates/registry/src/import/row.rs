//! One row: judged by itself first, then, inside the chunk's transaction, against the registry.

use api::registry::v1::{ChangeKind, RowHead};
use api::stored::registry::v1 as bytes;
use base::{Result, Time, Violations};
use bytes::{Record, SourceKey};
use prost::Message;
use rpc::time::from_proto;
use sha2::{Digest, Sha256};
use store::{Scan, Transaction, View};

use crate::import::{Row, Session};
use crate::kind::ElementId;
use crate::rules::Faults;
use crate::tables::{BY_SOURCE, RECORDS, is_deleted, path, source_key};
use crate::writing::{Outcome, Prepared, Writer};

/// What a row comes to, as far as it can be said without the registry.
#[derive(Clone)]
pub(crate) enum Judged {
    /// The source said exactly this last time, of this element.
    Unchanged(Vec<u8>),
    /// It cannot be taken.
    Faulty(Faults),
    /// The source no longer has the element.
    Ended,
    /// It says something about an element, for which this id is free if it is new.
    Said { prepared: Prepared, confirmed: Option<Time>, id: [u8; 16] },
}

/// A row on its way into the registry.
#[derive(Clone)]
pub(crate) struct Candidate {
    pub(crate) row: Row,
    pub(crate) hash: Vec<u8>,
    pub(crate) judged: Judged,
}

/// What became of a row.
pub(crate) enum Came {
    Created,
    Updated,
    Unchanged,
    Ended,
}

/// The element that a source knows by a key.
pub(crate) fn known(view: &dyn View, kind: u32, source: &str, key: &str) -> Result<Option<Record>> {
    let scan = Scan::prefix(source_key(kind, source).text(key)).limit(1);
    Ok(RECORDS.page_by(view, &BY_SOURCE, &scan)?.records.into_iter().next())
}

/// What the source said last of this element; empty when it no longer has it.
fn last_hash<'a>(record: &'a Record, source: &str, key: &str) -> &'a [u8] {
    let known = record.source_keys.iter().find(|known| known.source == source && known.key == key);
    known.map_or(&[], |known| &known.row_hash)
}

/// Sixteen bytes that are equal for rows that say the same.
pub(crate) fn hash_of(row: &Row) -> Vec<u8> {
    let head = RowHead { original: String::new(), ..row.head.clone() };
    let digest = Sha256::new().chain_update(head.encode_to_vec()).chain_update([0]).chain_update(row.element.wire());
    digest.finalize()[..16].to_vec()
}

impl Session {
    /// Judges a row by itself, and finds out whether the source says anything new.
    pub(super) async fn judge(&self, row: Row, is_repeated: bool) -> Result<Candidate> {
        let hash = hash_of(&row);
        let mut faults = Faults::default();
        if row.head.source_key.is_empty() {
            faults.add("MISSING_KEY", "source_key", "must be the source's key of the element");
        }
        if is_repeated {
            faults.add("DUPLICATE_KEY", "source_key", "stands twice in one chunk; a source has one row of an element");
        }
        if !faults.is_empty() {
            return Ok(Candidate { row, hash, judged: Judged::Faulty(faults) });
        }
        let (kind, source) = (self.collection.kind.number, &self.run.source);
        let store = &self.collection.inner.store;
        let record = store.read(|view| known(view, kind, source, &row.head.source_key))?;
        if let Some(record) = record.filter(|record| last_hash(record, source, &row.head.source_key) == hash) {
            return Ok(Candidate { row, hash, judged: Judged::Unchanged(record.id.to_vec()) });
        }
        if row.head.ended {
            return Ok(Candidate { row, hash, judged: Judged::Ended });
        }
        let judged = self.collection.judge_row(&self.caller, &row).await?;
        Ok(Candidate { row, hash, judged })
    }
}

impl crate::Collection {
    /// Judges what a row says, without the registry.
    pub(crate) async fn judge_row(&self, caller: &rpc::Caller, row: &Row) -> Result<Judged> {
        let mut faults = Faults::default();
        let mut violations = Violations::new();
        let confirmed = row.head.confirmed_time.as_ref();
        let confirmed = confirmed.and_then(|time| from_proto(time, "confirmed_time", &mut violations));
        if !violations.is_empty() {
            faults.add("BAD_TIME", "confirmed_time", "is no time");
        }
        if confirmed.is_some_and(|time| time > self.inner.now()) {
            faults.add("FUTURE_TIME", "confirmed_time", "lies in the future; it would win over every later word");
        }
        let mask = row.head.update_mask.as_ref();
        let prepared = self.prepare(caller, row.element.clone(), mask, &mut faults).await?;
        if !faults.is_empty() {
            return Ok(Judged::Faulty(faults));
        }
        Ok(Judged::Said { prepared, confirmed, id: ElementId::generate(self.inner.now()).bytes() })
    }
}

impl Candidate {
    /// Brings the row into the registry; answers what became of it, of which element, and how many values it claims.
    pub(crate) fn enter(&self, tx: &mut Transaction<'_>, writer: &Writer) -> Outcome<(Came, Option<Vec<u8>>, i64)> {
        let key = &self.row.head.source_key;
        let known = || known(tx, writer.kind.number, &writer.by.source, key);
        match &self.judged {
            Judged::Unchanged(id) => Ok(Ok((Came::Unchanged, Some(id.clone()), 0))),
            Judged::Faulty(faults) => Ok(Err(faults.clone())),
            Judged::Ended => match known()? {
                Some(record) => {
                    let id = record.id.to_vec();
                    Ok(writer
                        .end_for(tx, record, Some(key))?
                        .map(|ended| (if ended { Came::Ended } else { Came::Unchanged }, Some(id), 0)))
                }
                None => Ok(Ok((Came::Unchanged, None, 0))),
            },
            Judged::Said { prepared, confirmed, id } => {
                let mut writer = writer.clone();
                if let Some(time) = confirmed {
                    writer.by.confirmed_time_us = time.micros();
                }
                let known = known()?;
                self.say(tx, &writer, known, (prepared, confirmed.is_some(), id))
            }
        }
    }

    fn say(
        &self,
        tx: &mut Transaction<'_>,
        writer: &Writer,
        known: Option<Record>,
        (prepared, confirms, id): (&Prepared, bool, &[u8; 16]),
    ) -> Outcome<(Came, Option<Vec<u8>>, i64)> {
        let said_by = SourceKey {
            source: writer.by.source.clone(),
            key: self.row.head.source_key.clone(),
            row_hash: self.hash.clone().into(),
        };
        let known_id = known.as_ref().map_or(&[][..], |record| &record.id);
        let mut twins = writer.same_identity(tx, prepared, known_id)?;
        let mut record = match (known, twins.is_empty()) {
            (Some(record), true) => record,
            (None, true) => {
                let written = writer.create(tx, id, prepared, vec![said_by], "")?;
                return Ok(written.map(|written| (Came::Created, Some(id.to_vec()), written.claimed)));
            }
            (Some(_), false) => return Ok(Err(writer.taken(&twins[0]))),
            // Another source, or somebody by hand, has entered the same person.
            (None, false) => twins.swap_remove(0),
        };
        if !writer.scope.covers(&path(&record)) {
            let mut faults = Faults::default();
            faults.add("ELEMENT_ELSEWHERE", "", "is known outside the area of the run");
            return Ok(Err(faults));
        }
        let mut change = ChangeKind::Updated;
        if is_deleted(&record) {
            if record.ended_by != writer.by.source {
                let mut faults = Faults::default();
                faults.add("ELEMENT_DELETED", "", "was deleted here, with a reason; restore it, or discard the row");
                return Ok(Err(faults));
            }
            (record.delete_time_us, record.ended_by) = (0, String::new());
            change = ChangeKind::Restored;
        }
        let same = |known: &SourceKey| known.source == said_by.source && known.key == said_by.key;
        record.source_keys.retain(|known| !same(known));
        record.source_keys.push(said_by);
        record.source_keys.sort_by(|one, other| (&one.source, &one.key).cmp(&(&other.source, &other.key)));
        let id = record.id.to_vec();
        let written = writer.apply(tx, record, prepared, confirms, change, "")?;
        let came = |changed| if changed { Came::Updated } else { Came::Unchanged };
        Ok(written.map(|written| (came(written.changed), Some(id), written.claimed)))
    }
}

impl Writer {
    /// The author's source no longer has an element, under one key or under any. It ends with the last of its
    /// sources; whether it did.
    pub(crate) fn end_for(&self, tx: &mut Transaction<'_>, mut record: Record, key: Option<&str>) -> Outcome<bool> {
        for known in &mut record.source_keys {
            if known.source == self.by.source && key.is_none_or(|key| known.key == key) {
                known.row_hash = ::bytes::Bytes::new();
            }
        }
        if !self.scope.covers(&path(&record)) {
            let mut faults = Faults::default();
            faults.add("ELEMENT_ELSEWHERE", "", "is known outside the area of the run");
            return Ok(Err(faults));
        }
        if is_deleted(&record) || record.source_keys.iter().any(|known| !known.row_hash.is_empty()) {
            self.put(tx, &mut record, None)?;
            return Ok(Ok(false));
        }
        Ok(self.end(tx, record, ChangeKind::Ended, "")?.map(|_| true))
    }
}
