//! Finding elements: by words, by counts, and by watching.

use std::collections::{BTreeMap, HashSet};

use api::registry::v1::Count;
use base::{AreaPath, Error, Kind as Failure, Result, limits};
use futures_util::stream::BoxStream;
use prost::Message;
use rpc::paging::PageRequest;
use rpc::{Caller, Scope, cursor};
use store::{KeyReader, Page, Scan, View};
use tonic::Status;

use crate::Record;
use crate::collection::Collection;
use crate::shape::Field;
use crate::tables::{COUNTS, RECORDS, WORDS, count_key, is_deleted, path, word_key};
use crate::words::{WordKind, identity_word, phone_word};

/// Last digits of a phone that somebody must know to find whose it is.
const PHONE_DIGITS_MIN: usize = 4;
/// Elements that share a word with one.
const SHARING_MAX: usize = 100;
/// Values of one dimension in one area.
const VALUES_MAX: usize = 10_000;

/// What a watcher is told of one element.
pub enum Watched<M> {
    /// It is new or changed.
    Element(M),
    /// It was deleted, or left what is watched: its name.
    Removed(String),
}

/// One way to understand a query, best first: all words of a sort that are, or begin with, a text.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Tier {
    kind: WordKind,
    text: Vec<u8>,
    whole: bool,
}

impl Tier {
    fn matches(&self, record: &Record) -> bool {
        record.words.iter().any(|word| {
            let same = if self.whole { word.text == self.text } else { word.text.starts_with(&self.text) };
            word.kind == self.kind as u32 && same
        })
    }

    /// Whether a hit tells something personal to somebody who tries numbers out.
    const fn is_personal(&self) -> bool {
        matches!(self.kind, WordKind::Phone | WordKind::Identity)
    }
}

impl Collection {
    /// The living elements of the scope that a query means: names before pinyin before initials, whole ones
    /// before beginnings, and in each of these by word and place. A page may be short although more follow; only a missing
    /// `next` is the end.
    pub async fn search(
        &self,
        caller: &Caller,
        query: &str,
        scope: &Scope,
        part: &PageRequest,
    ) -> Result<Page<Record>> {
        let limit = limits::QUERY_CHARS_MAX;
        if query.trim().is_empty() || query.chars().count() > limit {
            let wrong = format!("must have 1 to {limit} characters: a name, pinyin, initials, a number");
            return Err(Error::invalid("query", wrong));
        }
        let tiers = self.tiers(query);
        let (this, caller, scope, part) = (self.clone(), caller.clone(), scope.clone(), part.clone());
        self.inner.store.scan(move |view| this.hits(view, &tiers, &caller, &scope, &part)).await
    }

    /// Other living elements of the caller's scope that share a word of one of these sorts with an element, in the
    /// order in which they were entered: it may have been entered twice. At most 100.
    pub async fn sharing(&self, caller: &Caller, record: &Record, sorts: &[WordKind]) -> Result<Vec<Record>> {
        let shared = record.words.iter().filter(|word| sorts.iter().any(|sort| *sort as u32 == word.kind));
        let mut scans = Vec::new();
        for (word, place) in shared.flat_map(|word| caller.scope().paths().iter().map(move |place| (word, place))) {
            let sort = sorts.iter().find(|sort| **sort as u32 == word.kind);
            let prefix = sort.map(|sort| word_key(self.kind.number, *sort).bytes(&word.text).subtree(place));
            scans.extend(prefix.map(|prefix| Scan::prefix(prefix).limit(SHARING_MAX)));
        }
        let id = record.id.clone();
        let found = self.inner.store.scan(move |view| {
            let mut found = BTreeMap::new();
            for scan in &scans {
                let page = RECORDS.page_by_where(view, &WORDS, scan, &|other| other.id != id)?;
                found.extend(page.records.into_iter().map(|record| (record.id.clone(), record)));
            }
            Ok(found)
        });
        Ok(found.await?.into_values().take(SHARING_MAX).collect())
    }

    fn tiers(&self, query: &str) -> Vec<Tier> {
        let text: String = query.chars().filter(|character| !character.is_whitespace()).collect();
        let lower = text.to_lowercase();
        let mut tiers = Vec::new();
        let mut add = |kind, text: &[u8], whole| tiers.push(Tier { kind, text: text.to_vec(), whole });
        let digits = lower.bytes().filter(u8::is_ascii_digit).count();
        if text.len() >= 8 && text.is_ascii() && digits + 3 >= text.len() {
            add(WordKind::Identity, &identity_word(&text, &self.inner.secret).text, true);
        }
        if text.is_ascii() && digits == text.len() && digits >= PHONE_DIGITS_MIN {
            add(WordKind::Phone, &phone_word(&text).text, false);
        }
        let (pinyin, code) = (lower.as_bytes(), text.to_uppercase());
        let ascii = [(WordKind::Pinyin, pinyin), (WordKind::Initials, pinyin), (WordKind::Code, code.as_bytes())];
        let names = [(WordKind::Name, lower.as_bytes()), (WordKind::Ending, lower.as_bytes())];
        let ascii = ascii.into_iter().filter(|_| text.is_ascii()).map(|sort| vec![sort]);
        let sorts = std::iter::once(names.to_vec()).chain(ascii).chain([vec![(WordKind::Text, lower.as_bytes())]]);
        for (sorts, whole) in sorts.flat_map(|sorts| [(sorts.clone(), true), (sorts, false)]) {
            sorts.into_iter().for_each(|(kind, text)| add(kind, text, whole));
        }
        tiers
    }

    /// A position is the tier, and the position in its range.
    fn hits(
        &self,
        view: &dyn View,
        tiers: &[Tier],
        caller: &Caller,
        scope: &Scope,
        part: &PageRequest,
    ) -> Result<Page<Record>> {
        let (mut at, mut after) = match part.after.as_deref().and_then(<[u8]>::split_first) {
            Some((tier, rest)) => (usize::from(*tier), Some(rest.to_vec()).filter(|rest| !rest.is_empty())),
            None => (0, None),
        };
        let mut records: Vec<Record> = Vec::new();
        let mut found = HashSet::new();
        while let Some(tier) = tiers.get(at) {
            let wanted = |record: &Record| {
                let place = path(record);
                let may = !tier.is_personal() || caller.sees_personal(&place);
                may && scope.covers(&place) && !tiers[..at].iter().any(|earlier| earlier.matches(record))
            };
            let prefix = word_key(self.kind.number, tier.kind);
            let limit = part.limit - records.len();
            let scan = |prefix| Scan::prefix(prefix).limit(limit).after(after.clone());
            let scans: Vec<Scan> = if tier.whole {
                let places = scope.paths().iter();
                places.map(|place| scan(prefix.clone().bytes(&tier.text).subtree(place))).collect()
            } else {
                vec![scan(prefix.raw(&tier.text))]
            };
            let page = RECORDS.page_merged(view, &WORDS, &scans, &wanted)?;
            // One element may have several words that begin alike.
            records.extend(page.records.into_iter().filter(|record| found.insert(record.id.clone())));
            if let Some(next) = page.next {
                let next = [vec![u8::try_from(at).unwrap_or(u8::MAX)], next].concat();
                return Ok(Page { records, next: Some(next) });
            }
            (at, after) = (at + 1, None);
            if records.len() >= part.limit && at < tiers.len() {
                return Ok(Page { records, next: Some(vec![u8::try_from(at).unwrap_or(u8::MAX)]) });
            }
        }
        Ok(Page { records, next: None })
    }

    /// How many living elements the scope has, by the values of a dimension (`sex`, `special_groups.kind`), or in all
    /// when it is empty. An element with several values counts with each; one without a value with none.
    ///
    /// With `below`, by the areas directly below an area, which the scope must cover.
    pub async fn count(
        &self,
        caller: &Caller,
        scope: &Scope,
        dimension: &str,
        below: Option<AreaPath>,
    ) -> Result<Vec<Count>> {
        let number = match dimension {
            "" => 0,
            named => match self.kind.dimension(named) {
                Some((number, _)) => number,
                None => return Err(Error::invalid("dimension", self.dimensions())),
            },
        };
        if self.kind.is_sensitive(dimension) && !scope.paths().iter().all(|path| caller.sees_sensitive(path)) {
            let message = "your posts do not show this field, so they do not count by it either";
            return Err(Error::new(Failure::Forbidden, "SENSITIVE_DIMENSION", message));
        }
        let kind = self.kind.number;
        let places = scope.paths().to_vec();
        let totals = self.inner.store.scan(move |view| match below {
            Some(area) => totals_below(view, kind, number, &area),
            None => totals(view, kind, number, &places),
        });
        let field = self.kind.dimension(dimension).map(|(_, field)| field);
        let count = |((area, value), count): ((String, String), i64)| Count {
            label_zh: label(field, &value),
            value,
            count,
            area_path: area,
        };
        Ok(totals.await?.into_iter().map(count).collect())
    }

    /// The place of an area that the caller names.
    pub async fn place(&self, caller: &Caller, area: &str) -> Result<AreaPath> {
        let found = self.inner.areas.find(caller, area, &*self.inner.clock).await?;
        found.map(|(_, path)| path).map_err(|wrong| Error::invalid("area", wrong))
    }

    fn dimensions(&self) -> String {
        let mut names = Vec::new();
        for field in self.kind.shape.fields() {
            let inner = field.inner.iter().flat_map(crate::shape::Shape::fields).filter(|inner| inner.dimension);
            names.extend(inner.map(|inner| format!("{}.{}", field.name, inner.name)));
            names.extend(field.dimension.then(|| field.name.clone()));
        }
        format!("must be empty or one of {}", names.join(", "))
    }

    /// Where a list or watch of now begins: a cursor to watch from.
    pub fn cursor(&self) -> String {
        cursor::write(&self.inner.store, self.inner.store.head())
    }

    /// What becomes of the living elements of a scope after a cursor (empty: from now on). `message` makes a message
    /// of a cursor and a change, or of a cursor alone.
    pub fn watch<M, R>(
        &self,
        caller: &Caller,
        scope: Scope,
        from: &str,
        message: impl Fn(String, Option<Watched<M>>) -> R + Clone + Send + Sync + 'static,
    ) -> Result<BoxStream<'static, Result<R, Status>>>
    where
        M: Message + Default,
        R: Send + 'static,
    {
        let store = self.inner.store.clone();
        let after = if from.is_empty() { store.head() } else { cursor::read(from, &store)? };
        let (this, watcher, feed, idle) = (self.clone(), caller.clone(), store.clone(), message.clone());
        let translate = move |entry: &store::Entry| {
            let mut messages = Vec::new();
            for change in &entry.changes {
                let Some((before, after)) = RECORDS.decode_change(change)? else { continue };
                let within = |record: &Record| {
                    record.kind == this.kind.number && !is_deleted(record) && scope.covers(&path(record))
                };
                let watched = match (before.filter(&within), after.filter(&within)) {
                    (_, Some(record)) => Watched::Element(this.show(&record, &watcher)?),
                    (Some(record), None) => Watched::Removed(this.kind.name(&record.id)),
                    (None, None) => continue,
                };
                messages.push(message(cursor::write(&feed, entry.sequence), Some(watched)));
            }
            Ok(messages)
        };
        Ok(rpc::watch::stream(caller.clone(), store, after, translate, move |cursor| idle(cursor, None)))
    }
}

type Totals = BTreeMap<(String, String), i64>;

fn totals(view: &dyn View, kind: u32, dimension: u32, places: &[AreaPath]) -> Result<Totals> {
    let mut totals = Totals::new();
    for place in places {
        let prefix = count_key(kind, dimension, place.depth()).path(place);
        for (group, total) in COUNTS.page(view, &prefix, None, VALUES_MAX)? {
            let value = KeyReader::new(&group).text()?;
            *totals.entry((String::new(), value)).or_default() += total;
        }
    }
    Ok(totals)
}

fn totals_below(view: &dyn View, kind: u32, dimension: u32, area: &AreaPath) -> Result<Totals> {
    let prefix = count_key(kind, dimension, area.depth() + 1).subtree(area);
    let mut totals = Totals::new();
    for (group, total) in COUNTS.page(view, &prefix, None, VALUES_MAX)? {
        let mut group = KeyReader::new(&group);
        let child = area.child(group.u16()?)?;
        // The end of the path.
        group.u16()?;
        totals.insert((child.to_string(), group.text()?), total);
    }
    Ok(totals)
}

/// What a value is called: its enum's label, or itself.
fn label(field: Option<&Field>, value: &str) -> String {
    let named = field.and_then(|field| value.parse().ok().and_then(|number| field.labels.get(&number)));
    named.map_or_else(|| value.to_owned(), Clone::clone)
}
