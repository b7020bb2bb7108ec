//! Events, their history and their counts, from the model to the contract, masked for those without clearance.

use api::events::v1 as api_events;
use api::grids::v1 as api_grids;
use base::Time;
use rpc::{Caller, mask, time};

use super::peers::point_message;
use super::steps::etag;
use crate::model::{AreaRef, Event, HistoryStep, Placement, Reporter};
use crate::tables::count::{Counts, Group};

/// An event as `caller` may see it, at the moment `now`.
pub(crate) fn event(event: Event, caller: &Caller, now: Time) -> api_events::Event {
    let in_clear = caller.sees_personal(&event.placement.path());
    let overdue = event.is_overdue(now);
    let (worker, worker_display_name) =
        event.worker.map(|worker| (worker.id.name(), worker.display_name)).unwrap_or_default();
    let (chain, placement) = placement(event.placement);
    api_events::Event {
        name: event.id.name(),
        number: event.number,
        state: event.state.into(),
        category: event.category,
        text: event.text,
        channel: event.channel.into(),
        channel_number: event.channel_number,
        urgency: event.urgency.into(),
        reporter: reporter(event.reporter, in_clear),
        address: if in_clear { event.address } else { mask::text(&event.address) },
        occur_time: Some(time::to_proto(event.occur_time)),
        create_time: Some(time::to_proto(event.create_time)),
        update_time: Some(time::to_proto(event.update_time)),
        due_time: Some(time::to_proto(event.due.time)),
        due_provisional: event.due.provisional,
        overdue,
        resolve_time: event.resolve_time.map(time::to_proto),
        close_time: event.close_time.map(time::to_proto),
        chain,
        placement: Some(placement),
        worker,
        worker_display_name,
        handler: event.handler.map(|handler| handler.name()).unwrap_or_default(),
        result: event.result,
        return_count: event.return_count,
        reopen_count: event.reopen_count,
        etag: etag(event.revision),
    }
}

/// Absent for an anonymous report.
fn reporter(reporter: Reporter, in_clear: bool) -> Option<api_events::Reporter> {
    if reporter == Reporter::default() {
        return None;
    }
    let Reporter { display_name, phone } = reporter;
    Some(if in_clear {
        api_events::Reporter { display_name, phone }
    } else {
        api_events::Reporter { display_name: mask::name(&display_name), phone: mask::phone(&phone) }
    })
}

fn placement(placement: Placement) -> (Vec<api_grids::AreaRef>, api_events::Placement) {
    let chain = placement.chain.into_iter().map(area).collect();
    let answer = api_events::Placement {
        decided_by: placement.decided_by.into(),
        release: placement.release.map(|release| release.name()).unwrap_or_default(),
        border_distance_m: placement.border_distance_m,
        runner_up: placement.runner_up.map(area),
        given: placement.given.as_ref().map(point_message),
        wgs84: placement.wgs84.as_ref().map(point_message),
    };
    (chain, answer)
}

fn area(area: AreaRef) -> api_grids::AreaRef {
    api_grids::AreaRef {
        name: area.id.name(),
        kind: area.kind.into(),
        code: area.code,
        display_name: area.display_name,
        path: area.path.to_string(),
    }
}

/// One entry of a history.
pub(crate) fn step(step: HistoryStep) -> api_events::EventStep {
    api_events::EventStep {
        sequence: step.sequence,
        step: step.step.into(),
        from_state: step.from.into(),
        to_state: step.to.into(),
        principal: step.principal.name(),
        time: Some(time::to_proto(step.time)),
        note: step.note,
        handler: step.handler.map(|handler| handler.name()).unwrap_or_default(),
    }
}

/// Counts with the cursor of the data they were taken from.
pub(crate) fn counts(counts: Counts, cursor: String) -> api_events::CountEventsResponse {
    let groups = counts.groups.into_iter().map(|(group, count)| {
        let answer = api_events::EventCount { count, ..Default::default() };
        match group {
            Group::All => answer,
            Group::State(state) => api_events::EventCount { state: state.into(), ..answer },
            Group::Category(category) => api_events::EventCount { category, ..answer },
            Group::Child(path) => api_events::EventCount { path: path.to_string(), ..answer },
        }
    });
    api_events::CountEventsResponse { groups: groups.collect(), total_count: counts.total, cursor }
}
