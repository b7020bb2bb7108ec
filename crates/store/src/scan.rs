//! Listing: which range of keys, in which direction, from where, how many; and the page that comes of it.

use std::collections::VecDeque;
use std::ops::ControlFlow;

use base::{Result, limits};
use bytes::Bytes;

use crate::key::{Key, prefix_end};
use crate::view::View;

/// Which keys to list. `from`, `to` and `after` are relative to the prefix.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scan {
    /// What every key begins with.
    pub prefix: Key,
    /// Where to begin, inclusive.
    pub from: Option<Key>,
    /// Where to end, exclusive.
    pub to: Option<Key>,
    /// A position from [`Page::next`]: only what comes after it, in the scan's direction.
    pub after: Option<Vec<u8>>,
    /// Downwards.
    pub reverse: bool,
    /// At most so many records; zero stands for [`limits::PAGE_SIZE_DEFAULT`].
    pub limit: usize,
}

impl Scan {
    /// Everything that begins with a prefix.
    pub fn prefix(prefix: Key) -> Self {
        Self { prefix, ..Self::default() }
    }

    /// Everything.
    pub fn all() -> Self {
        Self::default()
    }

    /// At most so many records.
    #[must_use]
    pub fn limit(self, limit: usize) -> Self {
        Self { limit, ..self }
    }

    /// Only what comes after a position from [`Page::next`].
    #[must_use]
    pub fn after(self, after: Option<Vec<u8>>) -> Self {
        Self { after, ..self }
    }

    /// Downwards when true.
    #[must_use]
    pub fn reverse(self, reverse: bool) -> Self {
        Self { reverse, ..self }
    }
}

/// Some records of a list.
#[derive(Clone, Debug, PartialEq)]
pub struct Page<M> {
    /// The records, in the order of the scan.
    pub records: Vec<M>,
    /// Where the next page goes on; none at the end of the list.
    pub next: Option<Vec<u8>>,
}

/// Which records of a list are wanted.
pub type Filter<'a, M> = &'a dyn Fn(&M) -> bool;

/// One range of keys that is read in portions.
pub(crate) struct Source {
    start: Vec<u8>,
    end: Vec<u8>,
    reverse: bool,
    /// Bytes before the part of a key that positions speak of.
    skipped: usize,
    /// Bytes before the part of a key that a table or index defines.
    header: usize,
    waiting: VecDeque<(Vec<u8>, Bytes)>,
    exhausted: bool,
}

impl Source {
    /// The range of a scan over the keys that begin with `space`.
    pub(crate) fn new(space: &[u8], scan: &Scan) -> Self {
        let prefix = [space, scan.prefix.as_bytes()].concat();
        let relative = |rest: &[u8]| [&prefix, rest].concat();
        let mut start = scan.from.as_ref().map_or_else(|| prefix.clone(), |from| relative(from.as_bytes()));
        let mut end = match &scan.to {
            Some(to) => relative(to.as_bytes()),
            // A keyspace number is never 255, so there is always a key after a prefix.
            None => prefix_end(&prefix).unwrap_or_default(),
        };
        if let Some(after) = &scan.after {
            let position = relative(after);
            if scan.reverse {
                end = end.min(position);
            } else {
                start = start.max([position, vec![0]].concat());
            }
        }
        Self {
            start,
            end,
            reverse: scan.reverse,
            skipped: prefix.len(),
            header: space.len(),
            waiting: VecDeque::new(),
            exhausted: false,
        }
    }

    pub(crate) fn start(&self) -> &[u8] {
        &self.start
    }

    pub(crate) fn end(&self) -> &[u8] {
        &self.end
    }

    /// Reads the next portion when none is waiting.
    fn fill(&mut self, view: &dyn View, portion: usize) -> Result<()> {
        if self.exhausted || !self.waiting.is_empty() {
            return Ok(());
        }
        let waiting = &mut self.waiting;
        view.range(&self.start, &self.end, self.reverse, &mut |key, value| {
            waiting.push_back((key.to_vec(), Bytes::copy_from_slice(value)));
            Ok(if waiting.len() < portion { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
        })?;
        self.exhausted = self.waiting.len() < portion;
        if let Some((last, _)) = self.waiting.back() {
            if self.reverse {
                self.end.clone_from(last);
            } else {
                self.start.clone_from(last);
                self.start.push(0);
            }
        }
        Ok(())
    }

    /// The position of the key that waits.
    fn position(&self) -> Option<&[u8]> {
        self.waiting.front().map(|(key, _)| &key[self.skipped..])
    }
}

/// Makes a record of a key (without its keyspace) and its value.
pub(crate) type Load<'a, M> = &'a dyn Fn(&[u8], &[u8]) -> Result<M>;

/// Fills a page from several ranges, merged by position. A position that several ranges have is loaded once.
pub(crate) fn collect<M>(
    view: &dyn View,
    mut sources: Vec<Source>,
    scan: &Scan,
    load: Load<'_, M>,
    filter: Filter<'_, M>,
) -> Result<Page<M>> {
    let limit = if scan.limit == 0 { limits::PAGE_SIZE_DEFAULT } else { scan.limit };
    // One more than the page, to know whether anything follows it; a filter makes several portions necessary.
    let portion = limit.saturating_add(1).min(limits::PAGE_SIZE_MAX + 1);
    let mut page = Page { records: Vec::new(), next: None };
    let mut last: Option<Vec<u8>> = None;
    for examined in 0.. {
        for source in &mut sources {
            source.fill(view, portion)?;
        }
        let waiting = sources.iter().enumerate().filter_map(|(place, source)| Some((source.position()?, place)));
        let Some((position, place)) = (if scan.reverse { waiting.max() } else { waiting.min() }) else {
            return Ok(page);
        };
        if last.as_deref() == Some(position) {
            sources[place].waiting.pop_front();
            continue;
        }
        if page.records.len() == limit || examined == limits::PAGE_EXAMINED_MAX {
            page.next = last;
            return Ok(page);
        }
        let source = &mut sources[place];
        let Some((key, value)) = source.waiting.pop_front() else { return Ok(page) };
        let record = load(&key[source.header..], &value)?;
        last = Some(key[source.skipped..].to_vec());
        if filter(&record) {
            page.records.push(record);
        }
    }
    Ok(page)
}
