//! What became of an element: its changes with the values before and after, and its claims.
//!
//! A stored change holds what the fields were before it. What they became is what the next change found, or what they
//! are now: so a history is read backwards from the present, and the first entry needs no copy of the element.

use std::collections::BTreeMap;

use api::registry::v1 as shown;
use api::registry::v1::ChangeKind;
use api::stored::registry::v1 as bytes;
use base::{Error, Kind as Failure, Result};
use bytes::{Claim, FieldBefore, Record};
use prost::Message;
use rpc::paging::PageRequest;
use rpc::time::to_proto_unless_zero;
use rpc::{Caller, Scope};
use store::{Page, Scan};

use crate::answers;
use crate::collection::{ByHand, Collection};
use crate::fields::Fields;
use crate::merge::{claimant, fields, hold, provenance, tidy};
use crate::rules::Faults;
use crate::show::{Clearance, show};
use crate::tables::{BY_CLAIM, HISTORY, RECORDS, kind_key, path, record_key};

/// One change with its values as the caller may see them: only the fields that changed.
pub struct Entry<M> {
    /// Who, when, why.
    pub change: shown::Change,
    /// The values before.
    pub before: M,
    /// The values after.
    pub after: M,
}

/// A claim with its value as the caller may see it.
pub struct ClaimEntry<M> {
    /// Whose word about what.
    pub claim: shown::Claim,
    /// Only the field claimed.
    pub value: M,
}

impl Collection {
    /// The changes of an element, newest first.
    pub async fn history<M: Message + Default>(
        &self,
        caller: &Caller,
        name: &str,
        part: &PageRequest,
    ) -> Result<(Vec<Entry<M>>, Option<Vec<u8>>)> {
        let record = self.get(caller, name)?;
        let clearance = Clearance::of(caller, &path(&record));
        let prefix = record_key(record.kind, &record.id);
        // Everything since is needed to know what a field became; a history is short.
        let changes = self.inner.store.scan(move |view| {
            let mut changes: Vec<bytes::Change> = Vec::new();
            let mut after = None;
            loop {
                let page = HISTORY.page(view, &Scan::prefix(prefix.clone()).limit(1_000).after(after))?;
                changes.extend(page.records);
                after = page.next;
                if after.is_none() {
                    return Ok(changes);
                }
            }
        });
        let mut walk: Vec<(bytes::Change, Fields, Fields)> = Vec::new();
        let mut now = fields(&record);
        for change in changes.await?.into_iter().rev() {
            let (before, after) = step(&mut now, &change);
            walk.push((change, before, after));
        }
        let begin = part.after.as_ref().and_then(|after| after.as_slice().try_into().ok()).map(u64::from_be_bytes);
        let rest: Vec<_> =
            walk.into_iter().skip_while(|(change, ..)| begin.is_some_and(|begin| change.revision >= begin)).collect();
        let next = rest.get(part.limit).is_some();
        let last = rest.get(part.limit.saturating_sub(1)).map(|(change, ..)| change.revision.to_be_bytes().to_vec());
        let entry = |(change, before, after): (bytes::Change, Fields, Fields)| {
            Ok(Entry {
                change: self.change(&change, &before, &after),
                before: show(&self.kind, &before, clearance)?,
                after: show(&self.kind, &after, clearance)?,
            })
        };
        let entries = rest.into_iter().take(part.limit).map(entry).collect::<Result<_>>()?;
        Ok((entries, last.filter(|_| next)))
    }

    fn change(&self, change: &bytes::Change, before: &Fields, after: &Fields) -> shown::Change {
        let mut numbers: Vec<u32> = before.iter().chain(after.iter()).map(|(number, _)| number).collect();
        numbers.sort_unstable();
        numbers.dedup();
        let names = numbers.into_iter().filter_map(|number| self.kind.shape.field(number));
        shown::Change {
            revision: i64::try_from(change.revision).unwrap_or(i64::MAX),
            time: to_proto_unless_zero(change.time_us),
            principal: change.principal.clone(),
            kind: change.change_kind,
            reason: change.reason.clone(),
            provenance: change.provenance.as_ref().map(answers::provenance),
            fields: names.map(|field| field.name.clone()).collect(),
        }
    }

    /// The elements of the scope about which claims wait.
    pub async fn claimed(&self, scope: &Scope, part: &PageRequest) -> Result<Page<Record>> {
        let prefix = |path| kind_key(self.kind.number).subtree(path);
        let scan = |path| Scan::prefix(prefix(path)).limit(part.limit).after(part.after.clone());
        let scans: Vec<Scan> = scope.paths().iter().map(scan).collect();
        self.inner.store.scan(move |view| RECORDS.page_merged(view, &BY_CLAIM, &scans, &|_| true)).await
    }

    /// The claims about an element as the caller may see them.
    pub fn claims<M: Message + Default>(&self, record: &Record, caller: &Caller) -> Result<Vec<ClaimEntry<M>>> {
        let clearance = Clearance::of(caller, &path(record));
        let entry = |claim: &Claim| {
            let field = self.kind.shape.field(claim.number).map(|field| field.name.clone()).unwrap_or_default();
            let by = claim.provenance.as_ref().map(answers::provenance);
            let value: Fields = [(claim.number, claim.value.clone())].into_iter().collect();
            Ok(ClaimEntry {
                claim: shown::Claim { element: self.kind.name(&record.id), field, provenance: by },
                value: show(&self.kind, &value, clearance)?,
            })
        };
        record.claims.iter().map(entry).collect()
    }

    /// Makes a claim the value that counts (`accept`), or drops it. It is named by its field and its source.
    /// `NotFound` when nobody claims that (any more).
    pub async fn decide(
        &self,
        caller: &Caller,
        (name, field, source): (&str, &str, &str),
        accept: bool,
        by_hand: ByHand,
    ) -> Result<Record> {
        let id = self.get(caller, name)?.id;
        let number = self.kind.shape.named(field).map(|field| field.number);
        let number = number.ok_or_else(|| Error::invalid("field", "is no field of the element"))?;
        let (writer, reason) = (self.writer(caller, &by_hand), by_hand.reason.clone());
        let (name, source) = (name.to_owned(), source.to_owned());
        let is_area = number == self.kind.area_number();
        let place = if is_area && accept { self.place_of_claim(caller, &name, &source).await? } else { None };
        self.write(caller, by_hand, move |tx| {
            let mut record = writer.living(tx, &id, &name, "")?;
            let missing = || Error::new(Failure::NotFound, "NO_SUCH_CLAIM", "nobody of that name claims this field");
            let is_meant = |claim: &Claim| claim.number == number && claimant(claim) == source;
            let at = record.claims.iter().position(is_meant).ok_or_else(missing)?;
            let claim = record.claims.remove(at);
            if !accept {
                writer.put(tx, &mut record, Some((ChangeKind::ClaimRejected, &reason, Vec::new())))?;
                return Ok(Ok(record));
            }
            let present = record.fields.iter().find(|field| field.number == number);
            let present = present.map(|field| (field.value.clone(), provenance(&record, field)));
            let before = FieldBefore { number, value: present.unwrap_or_default().0 };
            let mut by = claim.provenance.unwrap_or_default();
            by.confirmed_time_us = writer.now.micros();
            hold(&mut record, number, claim.value, &by);
            tidy(&mut record);
            if let Some(place) = place {
                record.path = place.bytes().into();
            }
            if !writer.scope.covers(&path(&record)) {
                let mut faults = Faults::default();
                faults.add("OUT_OF_SCOPE", "", "would come to lie outside your area");
                return Ok(Err(faults));
            }
            writer.kind.derive(&mut record, &writer.inner.kinds, &writer.inner.secret);
            writer.put(tx, &mut record, Some((ChangeKind::ClaimAccepted, &reason, vec![before])))?;
            Ok(Ok(record))
        })
        .await
    }

    /// The place of the area that a source claims an element to be in.
    async fn place_of_claim(&self, caller: &Caller, name: &str, source: &str) -> Result<Option<base::AreaPath>> {
        let record = self.get(caller, name)?;
        let area = self.kind.area_number();
        let claim = record.claims.iter().find(|claim| claim.number == area && claimant(claim) == source);
        let value: Fields = claim.map(|claim| (area, claim.value.clone())).into_iter().collect();
        let found = self.inner.areas.find(caller, &self.kind.area(&value), &*self.inner.clock).await?;
        Ok(Some(found.map_err(|wrong| Error::invalid("source", wrong))?.1))
    }
}

/// Takes one change back from `now`; answers the changed values before and after it.
fn step(now: &mut Fields, change: &bytes::Change) -> (Fields, Fields) {
    if change.change_kind == ChangeKind::Created as i32 {
        return (Fields::default(), std::mem::take(now));
    }
    let (mut before, mut after) = (BTreeMap::new(), BTreeMap::new());
    for field in &change.before {
        before.insert(field.number, field.value.clone());
        after.insert(field.number, now.get(field.number).cloned().unwrap_or_default());
        now.set(field.number, field.value.clone());
    }
    (before.into_iter().collect(), after.into_iter().collect())
}
