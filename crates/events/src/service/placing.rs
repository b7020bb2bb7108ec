//! A report, and how it comes to its area and its worker: the only method that asks both other services.

use api::events::v1 as api_events;
use api::grids::v1::{DecidedBy, GetAreaRequest, LocateRequest};
use api::staff::v1::FindInChargeRequest;
use base::{AreaId, AreaPath, Error, EventId, Kind, Result, Violations};
use rpc::Caller;
use rpc::status::from_status;
use tonic::Request;

use crate::convert::{self, peers};
use crate::model::report::{self, Decided, Place, Report, Series};
use crate::model::{AreaRef, Placement, Point, Worker};
use crate::{Events, tables};

const METHOD: &str = "ReportEvent";

impl Events {
    pub(super) async fn report(&self, request: Request<api_events::ReportEventRequest>) -> Result<api_events::Event> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let now = self.now();
        let mut violations = Violations::new();
        let repeat = convert::steps::repeat(&request.request_id, METHOD, &request, &mut violations);
        let report = convert::reports::report(request, now, violations)?;
        let origin = caller.origin(METHOD, now);
        let (placement, worker) = match self.decide(&report, &caller).await {
            Ok(decided) => decided,
            // What can no longer be decided may have been answered long ago.
            Err(undecided) => return self.first_answer(origin, repeat, &caller, undecided).await,
        };
        let (id, principal) = (EventId::generate(now), caller.id());
        let series = Series::of(&placement, now);
        let service = self.clone();
        let event = self.commit(origin, repeat, move |transaction| {
            let number = tables::next_number(transaction, &series)?;
            let (placement, worker) = (placement.clone(), worker.clone());
            let decided = Decided { id, number, placement, worker, principal, now };
            let (event, step) = report::open(report.clone(), decided, &service.0.deadlines);
            tables::put(transaction, event, step)
        });
        self.answer_change(event.await?, &caller)
    }

    /// The area of a report and who is in charge there. Fails unless the caller may report there.
    async fn decide(&self, report: &Report, caller: &Caller) -> Result<(Placement, Option<Worker>)> {
        let placement = self.place(report.place, caller).await?;
        let path = placement.path();
        caller.require(&path)?;
        let worker = self.in_charge(path, caller).await?;
        Ok((placement, worker))
    }

    async fn place(&self, place: Place, caller: &Caller) -> Result<Placement> {
        let (point, named) = match place {
            Place::Area(area) => return self.place_in(area, None, caller).await,
            Place::Point(point, named) => (point, named),
        };
        let request = caller.forward(LocateRequest {
            point: Some(peers::point_message(&point)),
            as_of: None,
            ..Default::default()
        });
        let location = self.0.grids.clone().locate(request).await.map_err(from_status)?.into_inner();
        let located = peers::placement(location, point)?;
        if !located.chain.is_empty() {
            return Ok(located);
        }
        let near = located.runner_up.clone().filter(|_| located.border_distance_m <= self.0.outside_tolerance_m);
        match (near, named) {
            (Some(nearest), _) => {
                // Asked first, so that nobody learns of an area by reporting beside it.
                caller.require(&nearest.path)?;
                let chain = self.chain(nearest.id, caller).await?;
                Ok(Placement { chain, decided_by: DecidedBy::NearestOutside, runner_up: None, ..located })
            }
            (None, Some(area)) => self.place_in(area, Some((point, located.wgs84)), caller).await,
            (None, None) => Err(self.outside(&located)),
        }
    }

    /// A placement in the area that the reporter named, with the point if one was given too.
    async fn place_in(
        &self,
        area: AreaId,
        point: Option<(Point, Option<Point>)>,
        caller: &Caller,
    ) -> Result<Placement> {
        let (given, wgs84) = point.unzip();
        Ok(Placement {
            chain: self.chain(area, caller).await?,
            decided_by: DecidedBy::Given,
            release: None,
            border_distance_m: 0.0,
            runner_up: None,
            given,
            wgs84: wgs84.flatten(),
        })
    }

    /// The areas from the coarsest down to this one. Fails for a retired area.
    async fn chain(&self, finest: AreaId, caller: &Caller) -> Result<Vec<AreaRef>> {
        let mut chain = Vec::new();
        let mut next = finest.name();
        while !next.is_empty() {
            let request = caller.forward(GetAreaRequest { name: next });
            let area = self.0.grids.clone().get_area(request).await.map_err(from_status)?.into_inner();
            if area.retire_time.is_some() && chain.is_empty() {
                return Err(Error::new(
                    Kind::Precondition,
                    "AREA_RETIRED",
                    "this area is no longer used; name the one that took its place",
                )
                .with("area", area.name));
            }
            next = area.parent.clone();
            chain.push(peers::area(area, self.now().civil_day())?);
            if chain.len() > base::path::DEPTH_MAX {
                return Err(Error::internal("the areas above an area have no end"));
            }
        }
        chain.reverse();
        Ok(chain)
    }

    fn outside(&self, located: &Placement) -> Error {
        let error = |message: String| Error::new(Kind::Precondition, "POINT_OUTSIDE_AREAS", message);
        let Some(nearest) = &located.runner_up else {
            return error("the point lies in no area and none is near; check its datum, or name the area".to_owned());
        };
        let distance = located.border_distance_m;
        error(format!(
            "the point lies in no area; the nearest is {} {}, {distance:.0} m away; check the datum, or name the area",
            nearest.code, nearest.display_name,
        ))
        .with("nearest_area", nearest.id.name())
        .with("nearest_code", &nearest.code)
        .with("distance_m", format!("{distance:.1}"))
        .with("tolerance_m", self.0.outside_tolerance_m)
    }

    /// Who is in charge at a place; nobody is an answer too.
    async fn in_charge(&self, path: AreaPath, caller: &Caller) -> Result<Option<Worker>> {
        let request = caller.forward(FindInChargeRequest { area: String::new(), path: path.to_string() });
        match self.0.staff.clone().find_in_charge(request).await.map_err(from_status) {
            Ok(found) => peers::worker(found.into_inner()).map(Some),
            Err(nobody) if nobody.kind() == Kind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}
