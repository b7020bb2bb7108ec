//! One kind of element as a service serves it: get, list, create, update, delete, restore, and showing.
//!
//! What is deliberately not here: the generated messages of a service. It hands in fields and shows records.

use std::sync::Arc;

use api::options::v1::SourceKind;
use api::registry::v1::{ChangeKind, FieldProvenance};
use api::stored::registry::v1 as bytes;
use base::{AreaPath, Error, Kind as Failure, Result, Violations, limits};
use bytes::{Provenance, Record};
use prost::Message;
use prost_types::FieldMask;
use rpc::paging::PageRequest;
use rpc::{Caller, Scope};
use store::{Committed, Page, Scan, Transaction};

use crate::answers;
use crate::fields::Fields;
use crate::kind::{ElementId, Kind, etag};
use crate::merge;
use crate::registry::Inner;
use crate::rules::Faults;
use crate::show::{Clearance, show};
use crate::tables::{BY_AREA, RECORDS, area_key, is_deleted, path, record_key};
use crate::writing::{Outcome, Prepared, Writer};

/// The elements of one kind. Cloning is cheap.
#[derive(Clone)]
pub struct Collection {
    pub(crate) inner: Arc<Inner>,
    pub(crate) kind: Arc<Kind>,
}

/// What a change by hand comes with.
pub struct ByHand {
    /// The method, such as `CreatePerson`, for the journal.
    pub method: &'static str,
    /// From [`rpc::repeat::request`].
    pub request: store::Request,
    /// Whose word the caller brings; unspecified: what was seen in the field.
    pub source: SourceKind,
    /// Why, as the caller said.
    pub reason: String,
}

impl Collection {
    /// The kind of element.
    pub fn kind(&self) -> &Kind {
        &self.kind
    }

    /// An element as the caller may see it.
    pub fn show<M: Message + Default>(&self, record: &Record, caller: &Caller) -> Result<M> {
        show(&self.kind, &self.kind.shown(record), Clearance::of(caller, &path(record)))
    }

    /// An element with nothing masked: to decide by, never to answer with.
    pub fn clear<M: Message + Default>(&self, record: &Record) -> Result<M> {
        self.kind.shown(record).decode()
    }

    /// Who said each of its values.
    pub fn provenance(&self, record: &Record) -> Vec<FieldProvenance> {
        let said = record.fields.iter().filter_map(|field| {
            let name = self.kind.shape.field(field.number)?.name.clone();
            let by = answers::provenance(&merge::provenance(record, field));
            Some(FieldProvenance { field: name, provenance: Some(by) })
        });
        said.collect()
    }

    /// The element of this name, deleted ones included. `NotFound` outside the caller's scope.
    pub fn get(&self, caller: &Caller, name: &str) -> Result<Record> {
        let id = self.id(name)?;
        let found = self.inner.store.read(|view| RECORDS.get(view, &record_key(self.kind.number, &id.bytes())))?;
        let record = found.ok_or_else(|| Error::not_found(name))?;
        self.require(caller, &path(&record), name)?;
        Ok(record)
    }

    /// The elements of these names, in their order. Fails with the first that does not exist for the caller.
    pub fn batch_get(&self, caller: &Caller, names: &[String]) -> Result<Vec<Record>> {
        let limit = limits::BATCH_GET_MAX;
        if names.len() > limit {
            return Err(Error::invalid("names", format!("must be at most {limit}")));
        }
        names.iter().map(|name| self.get(caller, name)).collect()
    }

    /// The living (or the deleted) elements of the scope, by area and then in the order in which they were entered.
    pub async fn list(&self, scope: &Scope, deleted: bool, part: &PageRequest) -> Result<Page<Record>> {
        self.list_where(scope, deleted, part, |_| true).await
    }

    /// The same with only those whose values pass a filter. A page may then be short although more follow.
    pub async fn list_where(
        &self,
        scope: &Scope,
        deleted: bool,
        part: &PageRequest,
        filter: impl Fn(&Fields) -> bool + Send + 'static,
    ) -> Result<Page<Record>> {
        let prefix = |path: &AreaPath| area_key(self.kind.number, deleted).subtree(path);
        let scan = |path| Scan::prefix(prefix(path)).limit(part.limit).after(part.after.clone());
        let scans: Vec<Scan> = scope.paths().iter().map(scan).collect();
        let wanted = move |record: &Record| filter(&merge::fields(record));
        self.inner.store.scan(move |view| RECORDS.page_merged(view, &BY_AREA, &scans, &wanted)).await
    }

    /// The caller's scope inside an area; all of it for an empty text. Fails where nothing is left of it.
    pub async fn scope(&self, caller: &Caller, area: &str) -> Result<Scope> {
        if area.is_empty() {
            return Ok(caller.scope().clone());
        }
        let found = self.inner.areas.find(caller, area, &*self.inner.clock).await?;
        let (_, path) = found.map_err(|wrong| Error::invalid("area", wrong))?;
        let scope = caller.scope().narrow(&path);
        if scope.is_empty() {
            caller.require(&path)?;
        }
        Ok(scope)
    }

    /// Enters a new element. Errors: every fault of the fields, `IDENTITY_TAKEN`, `OUT_OF_SCOPE`.
    pub async fn create(&self, caller: &Caller, said: Fields, by_hand: ByHand) -> Result<Record> {
        self.check_source(caller, by_hand.source)?;
        let (writer, said) = (self.writer(caller, &by_hand), self.prepared(caller, said, None).await?);
        let id = ElementId::generate(self.inner.now()).bytes();
        let reason = by_hand.reason.clone();
        self.write(caller, by_hand, move |tx| {
            Ok(writer.create(tx, &id, &said, Vec::new(), &reason)?.map(|written| written.record))
        })
        .await
    }

    /// Changes the fields that a mask names, or without one those that have a value. A value that a stronger source
    /// holds is not changed: what was said then waits as a claim. Errors: as `create`; `ETAG_MISMATCH`; `DELETED`.
    pub async fn update(
        &self,
        caller: &Caller,
        (said, mask): (Fields, Option<&FieldMask>),
        (name, expected): (&str, &str),
        by_hand: ByHand,
    ) -> Result<Record> {
        self.check_source(caller, by_hand.source)?;
        let id = self.get(caller, name)?.id;
        let (writer, said) = (self.writer(caller, &by_hand), self.prepared(caller, said, mask).await?);
        let (name, expected, reason) = (name.to_owned(), expected.to_owned(), by_hand.reason.clone());
        self.write(caller, by_hand, move |tx| {
            let record = writer.living(tx, &id, &name, &expected)?;
            if let Some(other) = writer.same_identity(tx, &said, &id)?.first() {
                return Ok(Err(writer.taken(other)));
            }
            let written = writer.apply(tx, record, &said, true, ChangeKind::Updated, &reason)?;
            Ok(written.map(|written| written.record))
        })
        .await
    }

    /// Takes an element out of lists, counts and searches. It can be read by name, and restored.
    pub async fn delete(&self, caller: &Caller, (name, expected): (&str, &str), by_hand: ByHand) -> Result<Record> {
        let id = self.get(caller, name)?.id;
        let writer = self.writer(caller, &by_hand);
        let (name, expected, reason) = (name.to_owned(), expected.to_owned(), by_hand.reason.clone());
        if reason.trim().is_empty() {
            return Err(Error::invalid("reason", "must say why the element is deleted"));
        }
        self.write(caller, by_hand, move |tx| {
            let record = writer.living(tx, &id, &name, &expected)?;
            writer.end(tx, record, ChangeKind::Deleted, &reason)
        })
        .await
    }

    /// Takes a deleted element back. Errors: `NOT_DELETED`; `IDENTITY_TAKEN`; `DANGLING_LINK`.
    pub async fn restore(&self, caller: &Caller, name: &str, by_hand: ByHand) -> Result<Record> {
        let id = self.get(caller, name)?.id;
        let (writer, reason, name) = (self.writer(caller, &by_hand), by_hand.reason.clone(), name.to_owned());
        self.write(caller, by_hand, move |tx| {
            let mut record = writer.get(tx, &id)?.ok_or_else(|| Error::not_found(&name))?;
            if !is_deleted(&record) {
                let message = "the element is not deleted";
                return Err(Error::new(Failure::Precondition, "NOT_DELETED", message).with("name", &name));
            }
            let values = merge::fields(&record).iter().map(|(number, value)| (number, value.clone())).collect();
            let said = Prepared { values, path: None };
            if let Some(other) = writer.same_identity(tx, &said, &id)?.first() {
                return Ok(Err(writer.taken(other)));
            }
            (record.delete_time_us, record.ended_by) = (0, String::new());
            let nothing = Prepared::default();
            let written = writer.apply(tx, record, &nothing, false, ChangeKind::Restored, &reason)?;
            Ok(written.map(|written| written.record))
        })
        .await
    }

    /// Fails unless the caller may do at `path` what the method does. To those who may not even read there, `name`
    /// does not exist.
    pub(crate) fn require(&self, caller: &Caller, path: &AreaPath, name: &str) -> Result<()> {
        let reads = |post| rpc::access::allows(post, self.inner.read_action);
        let may_read = || caller.bindings().iter().any(|(post, root)| reads(*post) && path.is_within(root));
        caller.require(path).map_err(|refused| if may_read() { refused } else { Error::not_found(name) })
    }

    pub(crate) fn id(&self, name: &str) -> Result<ElementId> {
        let mut violations = Violations::new();
        let id = violations.take("name", self.kind.parse(name));
        violations.check()?;
        id.ok_or_else(|| Error::internal("a name that could not be read passed the check"))
    }

    /// Fails unless the caller may bring this word: a stronger source's is only for those who may decide everywhere
    /// that they may write.
    fn check_source(&self, caller: &Caller, source: SourceKind) -> Result<()> {
        if matches!(source, SourceKind::Unspecified | SourceKind::Field | SourceKind::Declared) {
            return Ok(());
        }
        let decides = |post| rpc::access::allows(post, &self.inner.decide_action);
        let may_decide =
            |path: &AreaPath| caller.bindings().iter().any(|(post, root)| decides(*post) && path.is_within(root));
        if caller.scope().paths().iter().all(may_decide) {
            return Ok(());
        }
        let message = "your posts let you bring what you saw or were told, not the word of another source";
        Err(Error::new(Failure::Forbidden, "SOURCE_NOT_ALLOWED", message).with("source_kind", source.as_str_name()))
    }

    pub(crate) fn writer(&self, caller: &Caller, by_hand: &ByHand) -> Writer {
        let now = self.inner.now();
        let kind = if by_hand.source == SourceKind::Unspecified { SourceKind::Field } else { by_hand.source };
        let source = caller.id().name();
        let by = Provenance { kind: kind.into(), source, confirmed_time_us: now.micros(), ..Default::default() };
        Writer {
            inner: self.inner.clone(),
            kind: self.kind.clone(),
            scope: caller.scope().clone(),
            principal: caller.id().name(),
            by,
            now,
        }
    }

    /// A statement by hand, checked; fails with every fault.
    async fn prepared(&self, caller: &Caller, said: Fields, mask: Option<&FieldMask>) -> Result<Prepared> {
        let mut faults = Faults::default();
        let prepared = self.prepare(caller, said, mask, &mut faults).await?;
        faults.check(self.parent())?;
        Ok(prepared)
    }

    /// Checks everything about a statement that needs nothing but itself, and finds its area.
    pub(crate) async fn prepare(
        &self,
        caller: &Caller,
        mut said: Fields,
        mask: Option<&FieldMask>,
        faults: &mut Faults,
    ) -> Result<Prepared> {
        self.kind.keep_settable(&mut said);
        let cleared = self.kind.restrict(&mut said, mask, faults);
        self.kind.check_texts(&said, faults);
        self.kind.rules.check(&mut said, self.inner.now().civil_day(), faults);
        let mut place = None;
        let area = self.kind.area(&said);
        if !area.is_empty() {
            match self.inner.areas.find(caller, &area, &*self.inner.clock).await? {
                Ok((name, path)) => {
                    self.kind.set_area(&mut said, &name);
                    place = Some(path);
                }
                Err(wrong) => faults.add("UNKNOWN_AREA", "area", wrong),
            }
        }
        let mut values: Vec<_> = said.iter().map(|(number, value)| (number, value.clone())).collect();
        let unsaid = cleared.into_iter().filter(|number| said.get(*number).is_none());
        values.extend(unsaid.map(|number| (number, ::bytes::Bytes::new())));
        values.sort_by_key(|(number, _)| *number);
        Ok(Prepared { values, path: place })
    }

    /// What the element is called in requests: `person` of `persons`.
    pub(crate) fn parent(&self) -> &str {
        self.kind.collection.strip_suffix('s').unwrap_or(self.kind.collection)
    }

    pub(crate) async fn write(
        &self,
        caller: &Caller,
        by_hand: ByHand,
        work: impl Fn(&mut Transaction<'_>) -> Outcome<Record> + Send + 'static,
    ) -> Result<Record> {
        let parent = self.parent().to_owned();
        let origin = caller.origin(by_hand.method, self.inner.now());
        let written: Committed<Vec<u8>> = self
            .inner
            .store
            .write_once(origin, by_hand.request, move |tx| match work(tx)? {
                Ok(record) => Ok(record.encode_to_vec()),
                Err(faults) => Err(refusal(&faults, &parent)),
            })
            .await?;
        let wrong = |error| Error::internal("the answer to a request cannot be read").caused_by(error);
        Record::decode(written.value.as_slice()).map_err(wrong)
    }
}

/// Why a change by hand is refused, with the kind of error that fits.
fn refusal(faults: &Faults, parent: &str) -> Error {
    let [only] = faults.list() else {
        return faults.check(parent).err().unwrap_or_else(|| Error::internal("a change was refused for no reason"));
    };
    let failure = match only.reason {
        "IDENTITY_TAKEN" => Failure::AlreadyExists,
        "OUT_OF_SCOPE" => Failure::Forbidden,
        "STILL_LINKED" => Failure::Precondition,
        _ => return faults.check(parent).err().unwrap_or_else(|| Error::internal("a fault was none")),
    };
    Error::new(failure, only.reason, format!("the element {}", only.description))
}

impl Writer {
    /// The element, if it is there, not deleted, and as its author saw it.
    pub(crate) fn living(&self, tx: &Transaction<'_>, id: &[u8], name: &str, expected: &str) -> Result<Record> {
        let record = self.get(tx, id)?.ok_or_else(|| Error::not_found(name))?;
        if is_deleted(&record) {
            let message = "the element is deleted; restore it first";
            return Err(Error::new(Failure::Precondition, "DELETED", message).with("name", name));
        }
        if !expected.is_empty() && expected != etag(&record) {
            let message = "the element was changed in between; read it again";
            return Err(Error::new(Failure::Conflict, "ETAG_MISMATCH", message).with("etag", etag(&record)));
        }
        Ok(record)
    }

    /// The fault of an identity number that another element has.
    pub(crate) fn taken(&self, other: &Record) -> Faults {
        let seen = self.scope.covers(&path(other));
        let name = self.kind.name(&other.id);
        let whose = if seen { name.as_str() } else { "an element outside your area" };
        let mut faults = Faults::default();
        faults.add("IDENTITY_TAKEN", "", format!("has the identity number of {whose}"));
        faults
    }
}
