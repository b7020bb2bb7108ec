//! Stand-ins for `grids` and `staff` that answer what the service asks of them, from the tables of the world. Every
//! other method refuses.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use api::grids::v1::grid_service_server::GridService;
use api::grids::v1::{self as grids, AreaKind, AreaRef, DecidedBy, GetAreaRequest, Location};
use api::staff::v1::staff_service_server::StaffService;
use api::staff::v1::{self as staff, FindInChargeRequest, FindInChargeResponse};
use base::{AreaPath, PrincipalId, ReleaseId};
use futures_util::stream::BoxStream;
use tonic::{Request, Response, Status, Streaming};

use super::{AREAS, CHARGES, MICRO_GRIDS, WEST, area, identities, path, principal};

type Answer<T> = Result<Response<T>, Status>;

fn unused<T>() -> Answer<T> {
    Err(Status::unimplemented("the events service does not ask this"))
}

/// Areas as the world has them.
#[derive(Clone, Default)]
pub(crate) struct GridsStandIn {
    /// While true, every point lies in nowhere, far from everything.
    pub(crate) washed_away: Arc<AtomicBool>,
}

/// The boundary release that decides.
pub(crate) const RELEASE: ReleaseId = ReleaseId::from_bytes([77; 16]);

fn kind_and_code(place: &str) -> (AreaKind, &'static str) {
    let (_, kind, code) = AREAS.iter().find(|(known, ..)| *known == place).unwrap();
    (*kind, code)
}

fn area_ref(place: &str) -> AreaRef {
    let (kind, code) = kind_and_code(place);
    let name = area(place).name();
    AreaRef { name, kind: kind.into(), code: code.to_owned(), display_name: code.to_owned(), path: place.to_owned() }
}

#[tonic::async_trait]
impl GridService for GridsStandIn {
    type WatchAreasStream = BoxStream<'static, Result<grids::WatchAreasResponse, Status>>;
    type LocateManyStream = BoxStream<'static, Result<grids::LocateManyResponse, Status>>;

    async fn get_area(&self, request: Request<GetAreaRequest>) -> Answer<grids::Area> {
        let name = &request.get_ref().name;
        let found = AREAS.iter().find(|(place, ..)| area(place).name() == *name);
        let (place, kind, code) = found.ok_or_else(|| rpc::status::to_status(base::Error::not_found(name)))?;
        let parent = path(place).parent().filter(|parent| *parent != AreaPath::ROOT);
        let codes = vec![grids::AreaCode { code: (*code).to_owned(), ..Default::default() }];
        Ok(Response::new(grids::Area {
            name: name.clone(),
            kind: (*kind).into(),
            display_name: (*code).to_owned(),
            codes,
            parent: parent.map(|parent| area(&parent.to_string()).name()).unwrap_or_default(),
            path: (*place).to_owned(),
            ..Default::default()
        }))
    }

    async fn locate(&self, request: Request<grids::LocateRequest>) -> Answer<Location> {
        let point = request.into_inner().point.unwrap();
        let east = point.longitude_deg - WEST;
        let wgs84 = Some(point);
        let outside = DecidedBy::NearestOutside.into();
        if self.washed_away.load(Ordering::SeqCst) {
            return Ok(Response::new(Location { decided_by: outside, wgs84, ..Default::default() }));
        }
        #[allow(clippy::cast_possible_truncation)] // Few degrees.
        let inside = usize::try_from(east.floor() as i64).ok().and_then(|number| MICRO_GRIDS.get(number));
        let location = match inside {
            Some(place) => Location {
                chain: path(place).lineage().map(|above| area_ref(&above.to_string())).collect(),
                decided_by: DecidedBy::Inside.into(),
                release: RELEASE.name(),
                border_distance_m: (east - east.floor()).min(east.ceil() - east) * 1_000.0,
                runner_up: Some(area_ref(MICRO_GRIDS[1])),
                wgs84,
            },
            None => {
                let (nearest, degrees) =
                    if east < 0.0 { (MICRO_GRIDS[0], -east) } else { (MICRO_GRIDS[4], east - 5.0) };
                let border_distance_m = degrees * 1_000.0;
                let (release, runner_up) = (RELEASE.name(), Some(area_ref(nearest)));
                Location { decided_by: outside, release, border_distance_m, runner_up, wgs84, ..Default::default() }
            }
        };
        Ok(Response::new(location))
    }

    async fn list_areas(&self, _: Request<grids::ListAreasRequest>) -> Answer<grids::ListAreasResponse> {
        unused()
    }
    async fn import_areas(&self, _: Request<grids::ImportAreasRequest>) -> Answer<grids::ImportAreasResponse> {
        unused()
    }
    async fn update_area(&self, _: Request<grids::UpdateAreaRequest>) -> Answer<grids::Area> {
        unused()
    }
    async fn retire_area(&self, _: Request<grids::RetireAreaRequest>) -> Answer<grids::Area> {
        unused()
    }
    async fn watch_areas(&self, _: Request<grids::WatchAreasRequest>) -> Answer<Self::WatchAreasStream> {
        unused()
    }
    async fn create_release(&self, _: Request<grids::CreateReleaseRequest>) -> Answer<grids::Release> {
        unused()
    }
    async fn upload_boundaries(
        &self,
        _: Request<Streaming<grids::UploadBoundariesRequest>>,
    ) -> Answer<grids::UploadBoundariesResponse> {
        unused()
    }
    async fn validate_release(&self, _: Request<grids::ValidateReleaseRequest>) -> Answer<grids::Release> {
        unused()
    }
    async fn list_findings(&self, _: Request<grids::ListFindingsRequest>) -> Answer<grids::ListFindingsResponse> {
        unused()
    }
    async fn activate_release(&self, _: Request<grids::ActivateReleaseRequest>) -> Answer<grids::Release> {
        unused()
    }
    async fn cancel_activation(&self, _: Request<grids::CancelActivationRequest>) -> Answer<grids::Release> {
        unused()
    }
    async fn delete_release(&self, _: Request<grids::DeleteReleaseRequest>) -> Answer<()> {
        unused()
    }
    async fn get_release(&self, _: Request<grids::GetReleaseRequest>) -> Answer<grids::Release> {
        unused()
    }
    async fn list_releases(&self, _: Request<grids::ListReleasesRequest>) -> Answer<grids::ListReleasesResponse> {
        unused()
    }
    async fn locate_many(&self, _: Request<Streaming<grids::LocateManyRequest>>) -> Answer<Self::LocateManyStream> {
        unused()
    }
    async fn nearby(&self, _: Request<grids::NearbyRequest>) -> Answer<grids::NearbyResponse> {
        unused()
    }
    async fn get_boundary(&self, _: Request<grids::GetBoundaryRequest>) -> Answer<grids::Boundary> {
        unused()
    }
}

/// People as the world has them.
#[derive(Clone, Default)]
pub(crate) struct StaffStandIn {
    /// Who handles nothing any more.
    pub(crate) suspended: Arc<Mutex<Vec<PrincipalId>>>,
}

#[tonic::async_trait]
impl StaffService for StaffStandIn {
    async fn find_in_charge(&self, request: Request<FindInChargeRequest>) -> Answer<FindInChargeResponse> {
        let place = request.into_inner().path;
        let found = CHARGES.iter().find(|(charge, _)| *charge == place);
        let (_, worker) = found.ok_or_else(|| rpc::status::to_status(base::Error::not_found("a worker in charge")))?;
        Ok(Response::new(FindInChargeResponse {
            worker: principal(worker).name(),
            worker_display_name: (*worker).to_owned(),
            standing_in: false,
            path: place,
        }))
    }

    async fn list_handlers(&self, request: Request<staff::ListHandlersRequest>) -> Answer<staff::ListHandlersResponse> {
        let request = request.into_inner();
        let place = path(&request.path);
        let identity = identities().into_values().find(|identity| identity.id.name() == request.principal);
        let may_handle = |(post, root): &(staff::Post, AreaPath)| {
            !matches!(post, staff::Post::Unspecified | staff::Post::Auditor) && place.is_within(root)
        };
        let fit = identity.filter(|identity| {
            !self.suspended.lock().unwrap().contains(&identity.id) && identity.bindings.iter().any(may_handle)
        });
        let handlers = fit.map(|_| staff::Handler { principal: request.principal, ..Default::default() });
        Ok(Response::new(staff::ListHandlersResponse {
            handlers: handlers.into_iter().collect(),
            ..Default::default()
        }))
    }

    async fn get_principal(&self, _: Request<staff::GetPrincipalRequest>) -> Answer<staff::Principal> {
        unused()
    }
    async fn who_am_i(&self, _: Request<staff::WhoAmIRequest>) -> Answer<staff::Principal> {
        unused()
    }
    async fn list_principals(&self, _: Request<staff::ListPrincipalsRequest>) -> Answer<staff::ListPrincipalsResponse> {
        unused()
    }
    async fn create_principal(&self, _: Request<staff::CreatePrincipalRequest>) -> Answer<staff::Principal> {
        unused()
    }
    async fn update_principal(&self, _: Request<staff::UpdatePrincipalRequest>) -> Answer<staff::Principal> {
        unused()
    }
    async fn assign_charge(&self, _: Request<staff::AssignChargeRequest>) -> Answer<staff::Charge> {
        unused()
    }
    async fn end_charge(&self, _: Request<staff::EndChargeRequest>) -> Answer<()> {
        unused()
    }
    async fn list_charges(&self, _: Request<staff::ListChargesRequest>) -> Answer<staff::ListChargesResponse> {
        unused()
    }
    async fn issue_token(&self, _: Request<staff::IssueTokenRequest>) -> Answer<staff::IssueTokenResponse> {
        unused()
    }
    async fn revoke_tokens(&self, _: Request<staff::RevokeTokensRequest>) -> Answer<()> {
        unused()
    }
    async fn rotate_key(&self, _: Request<staff::RotateKeyRequest>) -> Answer<staff::RotateKeyResponse> {
        unused()
    }
}
