//! Counts: for every filter the number of events that its list has, by the cheapest way that is exact.
//!
//! Area, states and category are counted from totals that every write keeps; time bounds from index entries; what else
//! is asked for from the records themselves. Lateness needs a clock only while there is no result: late results have
//! shelves of their own.

use std::collections::BTreeMap;

use api::events::v1::{EventState, GroupBy};
use base::{AreaPath, Result, Time, limits};
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

    /// Adds events to the total, and to a group if they belong to one.
    fn add(&mut self, group: Option<Group>, count: u64) {
        self.counts.total += count;
        if let Some(group) = group.filter(|_| count > 0) {
            *self.counts.groups.entry(group).or_default() += count;
        }
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
            self.add(group, count);
            return Ok(());
        }
        if self.grouping.by == GroupBy::Category {
            return self.each_total(&prefix, &mut |counter, rest, count| {
                let category = KeyReader::new(rest).text()?;
                counter.add(Some(Group::Category(category)), count);
                Ok(())
            });
        }
        let count = as_count(COUNTS.sum(self.view, &prefix)?);
        let group = self.group_of(area, shelf.state, "");
        self.add(group, count);
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
        let base = *area;
        self.each_total(&prefix, &mut |counter, rest, count| {
            let mut key = KeyReader::new(rest);
            let child = base.child(key.u16()?)?;
            key.u16()?;
            let shelf = read_shelf(&mut key)?;
            let category = key.text()?;
            let wanted = counter.filter.category.as_ref().is_none_or(|wanted| *wanted == category);
            if wanted && shelves.contains(&shelf) {
                *counter.counts.groups.entry(Group::Child(child)).or_default() += count;
            }
            Ok(())
        })
    }

    /// Hands every total whose key begins with `prefix` to `each`, with the rest of its key.
    fn each_total(&mut self, prefix: &Key, each: &mut dyn FnMut(&mut Self, &[u8], u64) -> Result<()>) -> Result<()> {
        let mut after: Option<Vec<u8>> = None;
        loop {
            let totals = COUNTS.page(self.view, prefix, after.as_deref(), limits::PAGE_SIZE_MAX)?;
            for (rest, total) in &totals {
                each(self, rest, as_count(*total))?;
            }
            if totals.len() < limits::PAGE_SIZE_MAX {
                return Ok(());
            }
            after = totals.into_iter().last().map(|(rest, _)| rest);
        }
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
                self.add(Some(group), count);
            }
        }
        Ok(())
    }

    /// Adds the events on these shelves by looking at each record.
    fn add_records(&mut self, shelves: &[Shelf], now: Time) -> Result<()> {
        let mut after = None;
        loop {
            let page =
                list::stored_page(self.view, self.filter, shelves, true, limits::PAGE_SIZE_MAX, after.take(), now)?;
            for event in &page.records {
                let group = self.group_of_record(&facts(event));
                self.add(group, 1);
            }
            after = page.next;
            if after.is_none() {
                return Ok(());
            }
        }
    }

    fn group_of_record(&self, facts: &Facts<'_>) -> Option<Group> {
        self.group_of(&facts.path, facts.state, facts.category)
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
