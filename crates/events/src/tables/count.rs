//! Counts: for every filter the number of events that its list has, by the cheapest way that is exact.
//!
//! Area, states and category are counted from totals that every write keeps; time bounds from index entries; what else
//! is asked for from the records themselves. Lateness needs a clock only while there is no result: late results have
//! shelves of their own.

use std::collections::BTreeMap;

use api::events::v1::{EventState, GroupBy};
use base::{AreaPath, Result, Time, limits};
use rpc::paging::PageRequest;
use store::{Key, KeyReader, View};

use super::{COUNTS, count_key, depth_key, facts, list, read_shelf};
use crate::model::filter::{Facts, Filter, Shelf};

/// What a count is asked for.
#[derive(Clone, Debug)]
pub(crate) struct Grouping {
    pub(crate) by: GroupBy,
    /// The area whose children are the groups; none: each root of the scope.
    pub(crate) base: Option<AreaPath>,
}

/// One group of a count. The order is the order of the answer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Group {
    All,
    State(EventState),
    Category(String),
    Child(AreaPath),
}

/// How many, by group; groups of zero are absent. An event that lies in the base area itself belongs to no child, so
/// the groups may sum up to less than the total.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) groups: BTreeMap<Group, u64>,
    pub(crate) total: u64,
}

impl Counts {
    /// Adds events to the total, and to a group if they belong to one.
    fn add(&mut self, group: Option<Group>, count: u64) {
        self.total += count;
        if let Some(group) = group {
            self.add_to_group(group, count);
        }
    }

    /// Adds events to a group that are in the total already.
    fn add_to_group(&mut self, group: Group, count: u64) {
        if count > 0 {
            *self.groups.entry(group).or_default() += count;
        }
    }
}

/// Counts the events that a filter means, at the moment `now`.
pub(crate) fn count(view: &dyn View, filter: &Filter, grouping: &Grouping, now: Time) -> Result<Counts> {
    let mut counter = Counter { view, filter, grouping, counts: Counts::default() };
    let bounded = filter.from.is_some() || filter.to.is_some();
    // An open event is overdue by the clock, so its record has to be looked at.
    let (by_clock, by_shelf): (Vec<Shelf>, Vec<Shelf>) =
        filter.shelves().into_iter().partition(|shelf| filter.overdue && !shelf.late);
    if filter.worker.is_some() || (bounded && !counter.entries_suffice()) {
        counter.add_records(&filter.shelves(), now)?;
        return Ok(counter.counts);
    }
    if bounded {
        counter.add_entries(&by_shelf)?;
    } else {
        counter.add_totals(&by_shelf)?;
    }
    if !by_clock.is_empty() {
        counter.add_records(&by_clock, now)?;
    }
    Ok(counter.counts)
}

struct Counter<'a> {
    view: &'a dyn View,
    filter: &'a Filter,
    grouping: &'a Grouping,
    counts: Counts,
}

impl Counter<'_> {
    /// Whether index entries tell enough: the state is in the key, but neither category nor child area is, and time
    /// only to the millisecond.
    fn entries_suffice(&self) -> bool {
        let whole = |bound: Option<Time>| bound.is_none_or(|time| time.micros() % 1_000 == 0);
        matches!(self.grouping.by, GroupBy::Unspecified | GroupBy::State)
            && self.filter.category.is_none()
            && whole(self.filter.from)
            && whole(self.filter.to)
    }

    /// Adds the events on these shelves by the totals that writes keep.
    fn add_totals(&mut self, shelves: &[Shelf]) -> Result<()> {
        for area in self.filter.scope.paths() {
            for &shelf in shelves {
                self.add_total(area, shelf)?;
            }
            if self.grouping.by == GroupBy::ChildArea && self.base_of(area) == *area {
                self.add_children(area, shelves)?;
            }
        }
        Ok(())
    }

    /// Adds the total of one piece of the scope on one shelf.
    fn add_total(&mut self, area: &AreaPath, shelf: Shelf) -> Result<()> {
        let prefix = count_key(area, shelf);
        if let Some(category) = &self.filter.category {
            let count = as_count(COUNTS.get(self.view, &prefix.text(category))?);
            let group = self.group_of(area, shelf.state, category);
            self.counts.add(group, count);
            return Ok(());
        }
        if self.grouping.by == GroupBy::Category {
            return each_total(self.view, &prefix, &mut |rest, count| {
                let category = KeyReader::new(rest).text()?;
                self.counts.add(Some(Group::Category(category)), count);
                Ok(())
            });
        }
        let count = as_count(COUNTS.sum(self.view, &prefix)?);
        let group = self.group_of(area, shelf.state, "");
        self.counts.add(group, count);
        Ok(())
    }

    /// The group of events in a piece of the scope; a piece that is the base itself is split by [`Self::add_children`].
    fn group_of(&self, area: &AreaPath, state: EventState, category: &str) -> Option<Group> {
        match self.grouping.by {
            GroupBy::Unspecified => Some(Group::All),
            GroupBy::State => Some(Group::State(state)),
            GroupBy::Category => Some(Group::Category(category.to_owned())),
            GroupBy::ChildArea => child_below(&self.base_of(area), area).map(Group::Child),
        }
    }

    /// The area whose children are the groups, for something at `path`.
    fn base_of(&self, path: &AreaPath) -> AreaPath {
        let piece = || self.filter.scope.paths().iter().find(|area| path.is_within(area)).copied();
        self.grouping.base.or_else(piece).unwrap_or_default()
    }

    /// Puts what lies below a piece of the scope into groups by the area directly below; the total has it already.
    fn add_children(&mut self, area: &AreaPath, shelves: &[Shelf]) -> Result<()> {
        let prefix = depth_key(area.depth() + 1).subtree(area);
        each_total(self.view, &prefix, &mut |rest, count| {
            // The ordinal of the child and the end of its path stand before the rest of the key.
            let mut key = KeyReader::new(rest);
            let child = area.child(key.u16()?)?;
            key.u16()?;
            let shelf = read_shelf(&mut key)?;
            let category = key.text()?;
            let wanted = self.filter.category.as_ref().is_none_or(|wanted| *wanted == category);
            if wanted && shelves.contains(&shelf) {
                self.counts.add_to_group(Group::Child(child), count);
            }
            Ok(())
        })
    }

    /// Adds the events on these shelves by their index entries.
    fn add_entries(&mut self, shelves: &[Shelf]) -> Result<()> {
        for &shelf in shelves {
            let (index, scans) = list::candidates(self.filter, &[shelf]);
            for scan in &scans {
                let count = index.count(self.view, scan)?;
                let group = match self.grouping.by {
                    GroupBy::State => Group::State(shelf.state),
                    _ => Group::All,
                };
                self.counts.add(Some(group), count);
            }
        }
        Ok(())
    }

    /// Adds the events on these shelves by looking at each record.
    fn add_records(&mut self, shelves: &[Shelf], now: Time) -> Result<()> {
        let mut part = PageRequest { limit: limits::PAGE_SIZE_MAX, after: None };
        loop {
            let page = list::stored_page(self.view, self.filter, shelves, true, &part, now)?;
            for event in &page.records {
                let group = self.group_of_record(&facts(event));
                self.counts.add(group, 1);
            }
            if page.next.is_none() {
                return Ok(());
            }
            part.after = page.next;
        }
    }

    fn group_of_record(&self, facts: &Facts<'_>) -> Option<Group> {
        self.group_of(&facts.path, facts.state, facts.category)
    }
}

/// Hands every total whose key begins with `prefix` to `each`, with the rest of its key.
fn each_total(view: &dyn View, prefix: &Key, each: &mut dyn FnMut(&[u8], u64) -> Result<()>) -> Result<()> {
    let mut after: Option<Vec<u8>> = None;
    loop {
        let totals = COUNTS.page(view, prefix, after.as_deref(), limits::PAGE_SIZE_MAX)?;
        for (rest, total) in &totals {
            each(rest, as_count(*total))?;
        }
        if totals.len() < limits::PAGE_SIZE_MAX {
            return Ok(());
        }
        after = totals.into_iter().last().map(|(rest, _)| rest);
    }
}

/// The area directly below `base` in which `path` lies; none for `base` itself.
fn child_below(base: &AreaPath, path: &AreaPath) -> Option<AreaPath> {
    (path.depth() > base.depth()).then(|| path.ancestor(base.depth() + 1))
}

/// Counts are sums of ones, so never negative.
fn as_count(total: i64) -> u64 {
    total.try_into().unwrap_or(0)
}
