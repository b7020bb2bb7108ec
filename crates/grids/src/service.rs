//! The methods of `wangge.grids.v1.GridService`: read the request, ask whether the caller may, let the model decide,
//! write the answer. One file per part of the contract; this one only connects them to the generated trait.

mod activation;
mod areas;
mod boundary;
mod listing;
mod locate;
mod releases;
mod upload;
mod validation;
mod watching;

use api::grids::v1::grid_service_server::GridService;
use api::grids::v1::{
    ActivateReleaseRequest, Area, Boundary, CancelActivationRequest, CreateReleaseRequest, DeleteReleaseRequest,
    GetAreaRequest, GetBoundaryRequest, GetReleaseRequest, ImportAreasRequest, ImportAreasResponse, ListAreasRequest,
    ListAreasResponse, ListFindingsRequest, ListFindingsResponse, ListReleasesRequest, ListReleasesResponse,
    LocateManyRequest, LocateManyResponse, LocateRequest, Location, NearbyRequest, NearbyResponse, Release,
    RetireAreaRequest, UpdateAreaRequest, UploadBoundariesRequest, UploadBoundariesResponse, ValidateReleaseRequest,
    WatchAreasRequest, WatchAreasResponse,
};
use base::{Error, Result, Time};
use rpc::status::answer;
use tonic::{Request, Response, Status, Streaming};

use crate::Grids;

type Answered<T> = std::result::Result<Response<T>, Status>;
type Stream<T> = futures_util::stream::BoxStream<'static, std::result::Result<T, Status>>;

impl Grids {
    fn now(&self) -> Time {
        self.0.clock.now()
    }
}

/// Runs a change to its end even when the caller goes away in its middle: what is in the store must come into memory.
async fn to_the_end<T: Send + 'static>(change: impl Future<Output = Result<T>> + Send + 'static) -> Answered<T> {
    let ended = tokio::spawn(change).await;
    answer(ended.unwrap_or_else(|panic| Err(Error::internal("a change panicked").caused_by(panic))))
}

#[tonic::async_trait]
impl GridService for Grids {
    type WatchAreasStream = Stream<WatchAreasResponse>;
    type LocateManyStream = Stream<LocateManyResponse>;

    async fn get_area(&self, request: Request<GetAreaRequest>) -> Answered<Area> {
        answer(self.area(&request))
    }

    async fn list_areas(&self, request: Request<ListAreasRequest>) -> Answered<ListAreasResponse> {
        answer(self.areas(request).await)
    }

    async fn import_areas(&self, request: Request<ImportAreasRequest>) -> Answered<ImportAreasResponse> {
        let grids = self.clone();
        to_the_end(async move { grids.import(request).await }).await
    }

    async fn update_area(&self, request: Request<UpdateAreaRequest>) -> Answered<Area> {
        let grids = self.clone();
        to_the_end(async move { grids.update(request).await }).await
    }

    async fn retire_area(&self, request: Request<RetireAreaRequest>) -> Answered<Area> {
        let grids = self.clone();
        to_the_end(async move { grids.retire(request).await }).await
    }

    async fn watch_areas(&self, request: Request<WatchAreasRequest>) -> Answered<Self::WatchAreasStream> {
        answer(self.watch(&request))
    }

    async fn create_release(&self, request: Request<CreateReleaseRequest>) -> Answered<Release> {
        answer(self.draft(request).await)
    }

    async fn upload_boundaries(
        &self,
        request: Request<Streaming<UploadBoundariesRequest>>,
    ) -> Answered<UploadBoundariesResponse> {
        answer(self.upload(request).await)
    }

    async fn validate_release(&self, request: Request<ValidateReleaseRequest>) -> Answered<Release> {
        answer(self.validate(request).await)
    }

    async fn list_findings(&self, request: Request<ListFindingsRequest>) -> Answered<ListFindingsResponse> {
        answer(self.findings(request).await)
    }

    async fn activate_release(&self, request: Request<ActivateReleaseRequest>) -> Answered<Release> {
        let grids = self.clone();
        to_the_end(async move { grids.activate(request).await }).await
    }

    async fn cancel_activation(&self, request: Request<CancelActivationRequest>) -> Answered<Release> {
        let grids = self.clone();
        to_the_end(async move { grids.take_back(request).await }).await
    }

    async fn delete_release(&self, request: Request<DeleteReleaseRequest>) -> Answered<()> {
        answer(self.delete(request).await)
    }

    async fn get_release(&self, request: Request<GetReleaseRequest>) -> Answered<Release> {
        answer(self.release(&request))
    }

    async fn list_releases(&self, request: Request<ListReleasesRequest>) -> Answered<ListReleasesResponse> {
        answer(self.releases(request).await)
    }

    async fn locate(&self, request: Request<LocateRequest>) -> Answered<Location> {
        answer(self.location(request).await)
    }

    async fn locate_many(&self, request: Request<Streaming<LocateManyRequest>>) -> Answered<Self::LocateManyStream> {
        answer(Ok(self.locations(request.into_inner())))
    }

    async fn nearby(&self, request: Request<NearbyRequest>) -> Answered<NearbyResponse> {
        answer(self.around(request).await)
    }

    async fn get_boundary(&self, request: Request<GetBoundaryRequest>) -> Answered<Boundary> {
        answer(self.boundary(request).await)
    }
}
