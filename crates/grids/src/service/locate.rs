//! Where a point lies: one by one, in batches, and what lies around it.
//!
//! One by one is the hot path: no store, no other thread, nothing allocated but the answer.

use std::sync::Arc;

use api::grids::v1::{
    AreaRef, LocateManyRequest, LocateManyResponse, LocateRequest, Location, LocationView, NearbyArea, NearbyRequest,
    NearbyResponse,
};
use base::{Error, Result, Time};
use futures_util::{StreamExt, TryStreamExt, stream};
use geometry::{Explanation, Position};
use rpc::status::to_status;
use tonic::{Request, Status, Streaming};

use super::Stream;
use crate::land::Land;
use crate::land::directory::Directory;
use crate::land::ground::Ground;
use crate::{Grids, convert};

/// Points of one message that are located right where it arrives; more of them would keep other calls waiting.
const POINTS_INLINE_MAX: usize = 2_048;
/// Areas named in one message of a stream: with the longest names and codes still less than a message may hold.
const AREAS_NAMED_MAX: usize = 5_000;

impl Grids {
    pub(super) async fn location(&self, request: Request<LocateRequest>) -> Result<Location> {
        let request = request.get_ref();
        let ((position, as_of), view) = convert::read(|violations| {
            let position = convert::place::read_point(request.point.as_ref(), violations);
            let as_of = convert::place::read_as_of(request.as_of.as_ref(), violations);
            let view = convert::place::read_view(request.view, violations);
            position.zip(as_of).zip(view)
        })?;
        let ground = self.ground(as_of).await?;
        Ok(describe(&ground, &self.0.land.directory(self.now()), position, view))
    }

    /// The ground in force at a time, or now.
    pub(super) async fn ground(&self, as_of: Option<Time>) -> Result<Arc<Ground>> {
        let time = as_of.unwrap_or_else(|| self.now());
        if let Some(ground) = self.0.land.at(time) {
            return Ok(ground);
        }
        // One at a time: whoever waits finds it built.
        let _turn = self.0.recall.lock().await;
        let grids = self.clone();
        let recalled = tokio::task::spawn_blocking(move || grids.0.land.recall(&grids.0.store, time));
        recalled.await.unwrap_or_else(|panic| Err(Error::internal("recalling a ground panicked").caused_by(panic)))
    }

    pub(super) fn locations(&self, requests: Streaming<LocateManyRequest>) -> Stream<LocateManyResponse> {
        let begun = Batches { grids: self.clone(), requests, ground: None, told: Told::default() };
        stream::try_unfold(begun, |mut batches| async move {
            let Some(request) = batches.requests.message().await? else { return Ok::<_, Status>(None) };
            let (response, batches) = batches.answer(request).await.map_err(to_status)?;
            Ok(Some((stream::iter(in_messages(response).into_iter().map(Ok)), batches)))
        })
        .try_flatten()
        .boxed()
    }

    pub(super) async fn around(&self, request: Request<NearbyRequest>) -> Result<NearbyResponse> {
        let around = convert::read(|violations| convert::place::read_nearby(request.get_ref(), violations))?;
        let ground = self.ground(None).await?;
        let grids = self.clone();
        let search = tokio::task::spawn_blocking(move || {
            // The directory is asked area by area: a long search that held it would keep a rename waiting, and behind
            // the rename every other caller.
            let reference = |slot: u32| grids.0.land.directory(grids.now()).card(slot).reference.clone();
            let wanted = |slot: u32| around.kind.is_none_or(|wanted| wanted == reference(slot).kind());
            let near = ground.nearby(around.position, around.radius_m, around.limit, &wanted);
            let area = |(slot, distance_m)| NearbyArea { area: Some(reference(slot)), distance_m };
            near.into_iter().map(area).collect()
        });
        let areas =
            search.await.map_err(|panic| Error::internal("a search around a point panicked").caused_by(panic))?;
        Ok(NearbyResponse { areas })
    }
}

/// Says where a point lies and why.
fn describe(ground: &Ground, directory: &Directory, position: Position, view: LocationView) -> Location {
    let is_full = view == LocationView::Full;
    let coverage = ground.coverage();
    let explanation = if is_full { coverage.explain(position) } else { coverage.measure(position) };
    let Explanation { winner, decided_by, runner_up, border_m, nearest, .. } = explanation;
    let reference = |number: u32| directory.card(ground.slot(number)).reference.clone();
    let chain = |number: u32| if is_full { directory.chain(ground.slot(number)) } else { vec![reference(number)] };
    let nearest_id = nearest.map(|near| near.id);
    Location {
        chain: winner.map_or_else(Vec::new, chain),
        decided_by: convert::place::write_decided_by(decided_by).into(),
        release: winner.or(nearest_id).map_or_else(String::new, |number| ground.release_name(number).to_owned()),
        border_distance_m: border_m.or(nearest.map(|near| near.distance_m)).unwrap_or(0.0),
        runner_up: runner_up.filter(|_| is_full).or(nearest_id).map(reference),
        wgs84: is_full.then(|| convert::place::write_point(position)),
    }
}

/// Splits an answer that names very many areas for the first time: most of them go ahead in messages of their own.
fn in_messages(mut response: LocateManyResponse) -> Vec<LocateManyResponse> {
    let mut messages = Vec::new();
    while response.areas.len() > AREAS_NAMED_MAX {
        let rest = response.areas.split_off(AREAS_NAMED_MAX);
        let areas = std::mem::replace(&mut response.areas, rest);
        messages.push(LocateManyResponse { areas, ..LocateManyResponse::default() });
    }
    messages.push(response);
    messages
}

/// One stream of batches.
struct Batches {
    grids: Grids,
    requests: Streaming<LocateManyRequest>,
    /// The ground that the first message asked for; none for whatever is in force when a message arrives.
    ground: Option<Arc<Ground>>,
    told: Told,
}

impl Batches {
    async fn answer(mut self, request: LocateManyRequest) -> Result<(LocateManyResponse, Self)> {
        let first = !std::mem::replace(&mut self.told.begun, true);
        if first {
            let as_of = convert::read(|violations| convert::place::read_as_of(request.as_of.as_ref(), violations))?;
            if as_of.is_some() {
                self.ground = Some(self.grids.ground(as_of).await?);
            }
        }
        let ground = match &self.ground {
            Some(ground) => ground.clone(),
            None => self.grids.ground(None).await?,
        };
        let now = self.grids.now();
        if request.longitude_deg.len() <= POINTS_INLINE_MAX {
            let response = self.told.answer(&ground, &self.grids.0.land, now, &request)?;
            return Ok((response, self));
        }
        let work = tokio::task::spawn_blocking(move || {
            let response = self.told.answer(&ground, &self.grids.0.land, now, &request)?;
            Ok((response, self))
        });
        work.await.unwrap_or_else(|panic| Err(Error::internal("locating a batch panicked").caused_by(panic)))
    }
}

/// What a stream has told already: the numbers of areas by slot, 0 for those not yet named.
#[derive(Default)]
struct Told {
    begun: bool,
    numbers: Vec<u32>,
    count: u32,
}

impl Told {
    fn answer(
        &mut self,
        ground: &Ground,
        land: &Land,
        now: Time,
        request: &LocateManyRequest,
    ) -> Result<LocateManyResponse> {
        let positions = convert::read(|violations| convert::place::read_batch(request, violations))?;
        let mut response = LocateManyResponse {
            area_number: Vec::with_capacity(positions.len()),
            decided_by: Vec::with_capacity(positions.len()),
            ..LocateManyResponse::default()
        };
        for position in positions {
            let answer = ground.coverage().locate(position);
            let number = answer.winner.map_or(0, |winner| {
                // The directory is asked only for areas that are named for the first time, as in `around`.
                let name = |slot| land.directory(now).card(slot).reference.clone();
                self.number(ground.slot(winner), name, &mut response.areas)
            });
            response.area_number.push(number);
            response.decided_by.push(convert::place::write_decided_by(answer.decided_by).into());
            if request.include_border {
                let explanation = ground.coverage().measure(position);
                let metres = explanation.border_m.or(explanation.nearest.map(|near| near.distance_m)).unwrap_or(0.0);
                // Seven digits of metres are more than any boundary is worth.
                #[allow(clippy::cast_possible_truncation)]
                response.border_distance_m.push(metres as f32);
            }
        }
        Ok(response)
    }

    /// The number of an area on this stream; an area that is named for the first time goes into `areas`.
    fn number(&mut self, slot: u32, name: impl FnOnce(u32) -> AreaRef, areas: &mut Vec<AreaRef>) -> u32 {
        let place = slot as usize;
        if place >= self.numbers.len() {
            self.numbers.resize(place + 1, 0);
        }
        if self.numbers[place] == 0 {
            self.count += 1;
            self.numbers[place] = self.count;
            areas.push(name(slot));
        }
        self.numbers[place]
    }
}
