//! What the board shows, as the server tells it to a desk of the subdistrict: counts, and the stream of changes.
//!
//! Nothing here comes from the player's memory. Not here: how it is drawn.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use api::events::v1::watch_events_response::Change;
use api::events::v1::{CountEventsRequest, CountEventsResponse, EventFilter, EventState, GroupBy, WatchEventsRequest};
use api::grids::v1::AreaKind;
use base::{Clock, Kind, Result, Time};
use rpc::status::from_status;

use super::board::{Row, Share, View};
use super::load::Loaded;
use super::meter::Meter;
use super::tally::Tally;
use crate::client::Clients;
use crate::generate::areas::SUBDISTRICT;
use crate::words;

const OPEN: [EventState; 6] = [
    EventState::Reported,
    EventState::Accepted,
    EventState::Dispatched,
    EventState::InProgress,
    EventState::Resolved,
    EventState::Verified,
];
const WITHOUT_RESULT: [EventState; 4] =
    [EventState::Reported, EventState::Accepted, EventState::Dispatched, EventState::InProgress];
const WITH_RESULT: [EventState; 3] = [EventState::Resolved, EventState::Verified, EventState::Closed];

/// Looks at the server as a desk of the subdistrict.
pub(super) struct Eyes {
    pub(super) clients: Clients,
    pub(super) loaded: Arc<Loaded>,
    pub(super) meter: Arc<Meter>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) tally: Mutex<Tally>,
}

impl Eyes {
    /// A cursor of now: a watch from here misses nothing that comes later.
    pub(super) async fn cursor(&self) -> Result<String> {
        Ok(self.count(&[], false, GroupBy::Unspecified).await?.cursor)
    }

    /// Follows the changes for ever; after a break it goes on from where it was.
    pub(super) async fn follow(&self, mut cursor: String) -> Result<()> {
        loop {
            let filter = Some(self.filter(&[], false));
            let request = WatchEventsRequest { filter, cursor: cursor.clone() };
            let mut stream = self.meter.call(self.clients.events().watch_events(request)).await?;
            loop {
                match stream.message().await.map_err(from_status) {
                    Ok(Some(message)) => {
                        cursor = message.cursor;
                        if let Some(Change::Event(event)) = message.change {
                            let channel = words::CHANNEL.label(event.channel);
                            let state = words::EVENT_STATE.label(event.state);
                            self.tally().see(&event, &channel, &state);
                        }
                    }
                    Ok(None) => break,
                    Err(error) if error.kind() == Kind::Unavailable => break,
                    Err(error) => return Err(error),
                }
            }
        }
    }

    /// What was learned from the changes.
    pub(super) fn tally(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Everything the board shows now.
    pub(super) async fn view(&self, note: &str) -> Result<View> {
        let by_state = self.count(&[], false, GroupBy::State).await?;
        let open = self.by_community(&OPEN, false).await?;
        let overdue = self.by_community(&WITHOUT_RESULT, true).await?;
        let closed = self.by_community(&[EventState::Closed], false).await?;
        let with_result = self.count(&WITH_RESULT, false, GroupBy::Unspecified).await?.total_count;
        let late = self.count(&WITH_RESULT, true, GroupBy::Unspecified).await?.total_count;
        let in_state = |wanted: EventState| -> u64 {
            by_state.groups.iter().filter(|group| group.state() == wanted).map(|group| group.count).sum()
        };
        let now = self.clock.now();
        let tally = self.tally();
        Ok(View {
            now,
            note: note.to_owned(),
            reported: by_state.total_count,
            open: OPEN.into_iter().map(in_state).sum(),
            overdue: overdue.values().sum(),
            closed: in_state(EventState::Closed),
            refused: in_state(EventState::Refused),
            accepted_in_time: tally.accepted(),
            resolved_in_time: Share { part: with_result.saturating_sub(late), whole: with_result },
            communities: self.rows(&open, &overdue, &closed),
            hours: tally.hours(),
            changes: tally.changes(),
            hotspot: tally.hotspot(now),
            calls: self.meter.read(),
        })
    }

    /// The time of the demo.
    pub(super) fn now(&self) -> Time {
        self.clock.now()
    }

    fn rows(
        &self,
        open: &BTreeMap<usize, u64>,
        overdue: &BTreeMap<usize, u64>,
        closed: &BTreeMap<usize, u64>,
    ) -> Vec<Row> {
        let of = |counts: &BTreeMap<usize, u64>, area| counts.get(&area).copied().unwrap_or(0);
        let areas = self.loaded.subdistrict.areas.iter().enumerate();
        areas
            .filter(|(_, area)| area.kind == AreaKind::Community)
            .map(|(index, area)| Row {
                name: area.name.clone(),
                open: of(open, index),
                overdue: of(overdue, index),
                closed: of(closed, index),
            })
            .collect()
    }

    async fn by_community(&self, states: &[EventState], overdue: bool) -> Result<BTreeMap<usize, u64>> {
        let counted = self.count(states, overdue, GroupBy::ChildArea).await?;
        let by_area = counted.groups.iter().filter_map(|group| Some((self.loaded.area_at(&group.path)?, group.count)));
        Ok(by_area.collect())
    }

    async fn count(&self, states: &[EventState], overdue: bool, group_by: GroupBy) -> Result<CountEventsResponse> {
        let filter = Some(self.filter(states, overdue));
        let request = CountEventsRequest { filter, group_by: group_by.into() };
        self.meter.call(self.clients.events().count_events(request)).await
    }

    fn filter(&self, states: &[EventState], overdue: bool) -> EventFilter {
        EventFilter {
            area: self.loaded.areas[SUBDISTRICT].clone(),
            states: states.iter().map(|state| *state as i32).collect(),
            overdue,
            ..EventFilter::default()
        }
    }
}
