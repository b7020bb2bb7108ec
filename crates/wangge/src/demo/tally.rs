//! What the stream of changes tells: the last changes, what was taken on in time, the hours, and the hot spot.
//!
//! It learns from WatchEvents only, never from the player, and a change that comes twice counts once. Not here: totals
//! by state and community, which CountEvents answers.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use api::events::v1::{Event, EventState};
use api::grids::v1::AreaKind;
use base::Time;

use super::board::{Change, Hotspot, Share};
use crate::generate::day::HOURS;

/// Taken on, or refused, within so many minutes counts as in time.
pub(super) const ACCEPT_MINUTES: i64 = 30;
/// A hot spot is made by reports of this many minutes,
const HOTSPOT_MINUTES: i64 = 60;
/// and has at least so many.
const HOTSPOT_REPORTS: usize = 4;
/// Changes kept for the board.
const CHANGES_KEPT: usize = 16;
/// Hours of the day.
pub(super) const HOUR_COUNT: usize = 15;

/// What was learned so far.
#[derive(Default)]
pub(super) struct Tally {
    seen: BTreeMap<String, Seen>,
    changes: VecDeque<Change>,
    change_count: usize,
    accepted: Share,
    hours: [u32; HOUR_COUNT],
    largest: Option<Hotspot>,
}

struct Seen {
    version: String,
    create_time: Time,
    update_time: Time,
    decided: bool,
    category: String,
    community: String,
    place: String,
    channel: String,
}

impl Tally {
    /// Takes in one change.
    pub(super) fn see(&mut self, event: &Event, channel: &str, state: &str) {
        let create_time = time(event.create_time);
        let update_time = time(event.update_time);
        if !self.seen.contains_key(&event.name) {
            self.count_hour(create_time);
            self.seen.insert(event.name.clone(), seen(event, channel, create_time));
            self.remember_hotspot(create_time);
        }
        let Some(seen) = self.seen.get_mut(&event.name) else { return };
        // After a break the stream may tell again what was told before.
        if seen.version == event.etag || update_time < seen.update_time {
            return;
        }
        (seen.version, seen.update_time) = (event.etag.clone(), update_time);
        if !seen.decided && event.state() != EventState::Reported {
            seen.decided = true;
            self.accepted.whole += 1;
            let waited = update_time.micros() - create_time.micros();
            self.accepted.part += u64::from(waited <= ACCEPT_MINUTES * 60_000_000);
        }
        let change = Change {
            time: update_time,
            number: event.number.rsplit('-').next().unwrap_or_default().to_owned(),
            place: seen.place.clone(),
            worker: event.worker_display_name.clone(),
            channel: channel.to_owned(),
            category: event.category.clone(),
            state: state.to_owned(),
            overdue: event.overdue,
        };
        self.changes.push_front(change);
        self.changes.truncate(CHANGES_KEPT);
        self.change_count += 1;
    }

    /// The last changes, newest first.
    pub(super) fn changes(&self) -> Vec<Change> {
        self.changes.iter().cloned().collect()
    }

    /// How many changes there were.
    pub(super) fn change_count(&self) -> usize {
        self.change_count
    }

    /// How many were taken on, or refused, in time.
    pub(super) fn accepted(&self) -> Share {
        self.accepted
    }

    /// Reports of each hour of the day.
    pub(super) fn hours(&self) -> [u32; HOUR_COUNT] {
        self.hours
    }

    /// Where most alike comes in from one community lately; else the largest such place of the day so far, if any.
    pub(super) fn hotspot(&self, now: Time) -> Option<Hotspot> {
        self.current_hotspot(now).or_else(|| self.largest.clone())
    }

    fn remember_hotspot(&mut self, now: Time) {
        let Some(current) = self.current_hotspot(now) else { return };
        if self.largest.as_ref().is_none_or(|largest| largest.reports <= current.reports) {
            self.largest = Some(Hotspot { is_over: true, ..current });
        }
    }

    fn current_hotspot(&self, now: Time) -> Option<Hotspot> {
        let since = now.plus_seconds(-HOTSPOT_MINUTES * 60);
        let mut groups: BTreeMap<(&str, &str), Vec<&Seen>> = BTreeMap::new();
        for seen in self.seen.values().filter(|seen| seen.create_time > since) {
            groups.entry((&seen.category, &seen.community)).or_default().push(seen);
        }
        let ((category, _), reports) = groups.into_iter().max_by_key(|(_, reports)| reports.len())?;
        let distinct = |of: fn(&Seen) -> &str| -> Vec<String> {
            reports.iter().map(|seen| of(seen).to_owned()).collect::<BTreeSet<_>>().into_iter().collect()
        };
        (reports.len() >= HOTSPOT_REPORTS).then(|| Hotspot {
            category: category.to_owned(),
            reports: reports.len(),
            is_over: false,
            places: distinct(|seen| &seen.place),
            channels: distinct(|seen| &seen.channel),
        })
    }

    fn count_hour(&mut self, at: Time) {
        let hour = usize::try_from(at.second_of_day() / 3_600 - HOURS.0).ok();
        if let Some(count) = hour.and_then(|hour| self.hours.get_mut(hour)) {
            *count += 1;
        }
    }
}

fn seen(event: &Event, channel: &str, create_time: Time) -> Seen {
    let of = |kind: AreaKind| event.chain.iter().find(|area| area.kind() == kind).map(|area| area.display_name.clone());
    Seen {
        version: String::new(),
        create_time,
        update_time: create_time,
        decided: false,
        category: event.category.clone(),
        community: of(AreaKind::Community).unwrap_or_default(),
        place: event.chain.last().map(|area| area.display_name.clone()).unwrap_or_default(),
        channel: channel.to_owned(),
    }
}

fn time(timestamp: Option<prost_types::Timestamp>) -> Time {
    let timestamp = timestamp.unwrap_or_default();
    Time::from_seconds_and_nanos(timestamp.seconds, timestamp.nanos)
}

#[cfg(test)]
mod tests {
    use api::grids::v1::AreaRef;

    use super::*;

    fn at(text: &str) -> Time {
        Time::parse(&format!("2026-06-16 {text}")).unwrap()
    }

    fn event(id: u32, state: EventState, reported: &str, changed: &str, place: &str) -> Event {
        let timestamp = |text: &str| Some(rpc::time::to_proto(at(text)));
        let area = |kind: AreaKind, name: &str| AreaRef {
            kind: kind.into(),
            display_name: name.to_owned(),
            ..AreaRef::default()
        };
        Event {
            name: format!("events/{id}"),
            number: format!("370404001-20260616-{id:04}"),
            state: state.into(),
            category: "供水管道爆裂".to_owned(),
            create_time: timestamp(reported),
            update_time: timestamp(changed),
            chain: vec![area(AreaKind::Community, "徐楼社区"), area(AreaKind::MicroGrid, place)],
            etag: format!("{state:?}"),
            ..Event::default()
        }
    }

    #[test]
    fn a_change_that_comes_twice_counts_once() {
        let mut tally = Tally::default();
        for _ in 0..2 {
            tally.see(&event(1, EventState::Reported, "08:00", "08:00", "徐楼1-1微网格"), "12345热线", "待受理");
            tally.see(&event(1, EventState::Accepted, "08:00", "08:20", "徐楼1-1微网格"), "12345热线", "待派遣");
        }
        assert_eq!(tally.hours()[1], 1);
        assert_eq!(tally.accepted(), Share { part: 1, whole: 1 });
        assert_eq!(tally.changes().iter().filter(|change| change.state == "待派遣").count(), 1);
    }

    #[test]
    fn what_waits_longer_than_half_an_hour_is_not_in_time_and_a_reopening_is_not_a_second_decision() {
        let mut tally = Tally::default();
        tally.see(&event(1, EventState::Reported, "08:00", "08:00", "x"), "c", "待受理");
        tally.see(&event(1, EventState::Accepted, "08:00", "08:31", "x"), "c", "待派遣");
        tally.see(&event(1, EventState::Dispatched, "08:00", "08:40", "x"), "c", "待处置");
        tally.see(&event(1, EventState::Closed, "08:00", "09:40", "x"), "c", "已结案");
        assert_eq!(tally.accepted(), Share { part: 0, whole: 1 });
    }

    #[test]
    fn a_hot_spot_is_many_reports_alike_from_one_community_within_the_hour() {
        let mut tally = Tally::default();
        for id in 0..5 {
            let place = ["徐楼1-1微网格", "徐楼1-2微网格"][id as usize % 2];
            let channel = ["12345热线", "群众上报"][id as usize % 2];
            tally.see(&event(id, EventState::Reported, "08:00", "08:00", place), channel, "待受理");
        }
        let spot = tally.hotspot(at("08:30")).unwrap();
        assert_eq!((spot.reports, spot.places.len(), spot.channels.len()), (5, 2, 2));
        assert!(!spot.is_over);
        // Later it is remembered as the largest of the day.
        assert_eq!(tally.hotspot(at("09:30")), Some(Hotspot { is_over: true, ..spot }));
    }
}
