//! The gazetteer of the store: read from the records at start, and brought up to date from the feed before each
//! question, so that whatever was written, by whomever, is found by the next call.

use std::sync::{Arc, PoisonError, RwLock};

use api::buildings::v1::{Building, Estate, Room, Unit};
use base::{AreaPath, Error, Id, Kind as Failure, Resource, Result};
use registry::{Fields, RECORDS, Record};
use store::{Scan, Sequence, Store};

use crate::model::address::{Entry, Gazetteer, Handle, Kind, Label};
use crate::{BUILDING, ESTATE, ROOM, UNIT};

/// Records or transactions read at once.
const PART: usize = 1_000;

/// The gazetteer and the store it is of.
pub(crate) struct Index {
    store: Store,
    state: RwLock<State>,
}

#[derive(Default)]
struct State {
    gazetteer: Gazetteer,
    /// The last transaction that is in the gazetteer; none before the records were read.
    read_to: Option<Sequence>,
}

impl Index {
    /// The index of a store. Begins to read it on a thread of its own.
    pub(crate) fn start(store: Store) -> Result<Arc<Self>> {
        let index = Arc::new(Self { store, state: RwLock::default() });
        let reader = index.clone();
        let begun = std::thread::Builder::new().name("gazetteer".to_owned()).spawn(move || {
            // What goes wrong here goes wrong again, and is told, when somebody asks.
            drop(reader.catch_up());
        });
        begun.map_err(|error| Error::internal("the gazetteer has no thread").caused_by(error))?;
        Ok(index)
    }

    /// Asks the gazetteer, with all that is committed in it. On a thread where it may read files.
    pub(crate) async fn ask<T: Send + 'static>(
        self: &Arc<Self>,
        question: impl FnOnce(&Gazetteer) -> T + Send + 'static,
    ) -> Result<T> {
        let this = self.clone();
        let asked = tokio::task::spawn_blocking(move || {
            this.catch_up()?;
            Ok(question(&this.state.read().unwrap_or_else(PoisonError::into_inner).gazetteer))
        });
        asked.await.unwrap_or_else(|panic| Err(Error::internal("matching an address panicked").caused_by(panic)))
    }

    fn catch_up(&self) -> Result<()> {
        let head = self.store.head();
        if self.state.read().unwrap_or_else(PoisonError::into_inner).read_to >= Some(head) {
            return Ok(());
        }
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        loop {
            let Some(after) = state.read_to else {
                *state = read_all(&self.store)?;
                continue;
            };
            let entries = match self.store.feed(after, PART) {
                // The feed was cut before this one: all is read again.
                Err(error) if error.kind() == Failure::Expired => {
                    state.read_to = None;
                    continue;
                }
                entries => entries?,
            };
            let Some(last) = entries.last().map(|entry| entry.sequence) else {
                return Ok(());
            };
            for change in entries.iter().flat_map(|entry| &entry.changes) {
                if let Some((_, Some(record))) = RECORDS.decode_change(change)? {
                    put(&mut state.gazetteer, &record)?;
                }
            }
            state.read_to = Some(last);
            if last >= head {
                return Ok(());
            }
        }
    }
}

/// Reads every record. What is written meanwhile may be in it already, and is put again from the feed.
fn read_all(store: &Store) -> Result<State> {
    let mut state = State { read_to: Some(store.head()), ..State::default() };
    let mut after = None;
    loop {
        // By kind, so that what others lie in comes before them.
        let page = store.read(|view| RECORDS.page(view, &Scan::all().limit(PART).after(after.take())))?;
        for record in &page.records {
            put(&mut state.gazetteer, record)?;
        }
        after = page.next;
        if after.is_none() {
            return Ok(state);
        }
    }
}

struct Estates;
impl Resource for Estates {
    const COLLECTION: &'static str = "estates";
}
struct BuildingsNamed;
impl Resource for BuildingsNamed {
    const COLLECTION: &'static str = "buildings";
}
struct Units;
impl Resource for Units {
    const COLLECTION: &'static str = "units";
}

/// Brings one record into the gazetteer, or takes it out when it is deleted.
fn put(gazetteer: &mut Gazetteer, record: &Record) -> Result<()> {
    let id: [u8; 16] =
        record.id.as_ref().try_into().map_err(|_| Error::internal("an element's id has not 16 bytes"))?;
    if record.delete_time_us != 0 {
        gazetteer.remove(id);
        return Ok(());
    }
    let fields: Fields = record.fields.iter().map(|field| (field.number, field.value.clone())).collect();
    let area = AreaPath::from_bytes(&record.path)?;
    let put = |gazetteer: &mut Gazetteer, kind, parent, number: &str, names: &[&str], doors: &[&str]| {
        gazetteer.put(&Entry { id, kind, parent, label: Label::parse(number), names, area, doors });
    };
    match record.kind {
        ESTATE => {
            let estate: Estate = fields.decode()?;
            let names = names(&estate.display_name, &estate.other_names);
            put(gazetteer, Kind::Estate, None, "", &names, &borrowed(&estate.addresses));
        }
        BUILDING => {
            let building: Building = fields.decode()?;
            let names = names(&building.display_name, &building.other_names);
            let estate = parent::<Estates>(gazetteer, &building.estate);
            put(gazetteer, Kind::Building, estate, &building.number, &names, &borrowed(&building.addresses));
        }
        UNIT => {
            let unit: Unit = fields.decode()?;
            let building = parent::<BuildingsNamed>(gazetteer, &unit.building);
            put(gazetteer, Kind::Unit, building, &unit.number, &[], &[]);
        }
        ROOM => {
            let room: Room = fields.decode()?;
            let unit = parent::<Units>(gazetteer, &room.unit);
            let building = unit.or_else(|| parent::<BuildingsNamed>(gazetteer, &room.building));
            put(gazetteer, Kind::Room, building, &room.number, &[], &[]);
        }
        _ => {}
    }
    Ok(())
}

/// Where the element of this name is in the gazetteer.
fn parent<R: Resource>(gazetteer: &Gazetteer, name: &str) -> Option<Handle> {
    gazetteer.handle(Id::<R>::parse_name(name).ok()?.bytes())
}

fn borrowed(texts: &[String]) -> Vec<&str> {
    texts.iter().map(String::as_str).collect()
}

/// The name and the other names, as far as there are any.
fn names<'a>(name: &'a str, others: &'a [String]) -> Vec<&'a str> {
    std::iter::once(name).chain(others.iter().map(String::as_str)).filter(|name| !name.is_empty()).collect()
}
