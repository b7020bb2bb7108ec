//! The generated trait, thin: the caller → the registry → what the caller may see.

mod addresses;
mod buildings;
mod estates;
mod placing;
mod rooms;
mod units;

use api::buildings::v1 as pb;
use api::buildings::v1::building_service_server::BuildingService;
use base::Result;
use futures_util::stream::BoxStream;
use registry::serving;
use rpc::Caller;
use rpc::status::{answer, to_status};
use tonic::{Request, Response, Status};

use crate::Buildings;

/// The answer of a unary method.
type Answer<T> = Result<Response<T>, Status>;
/// The answer of a method that streams.
type Stream<T> = BoxStream<'static, Result<T, Status>>;

#[tonic::async_trait]
impl BuildingService for Buildings {
    type WatchEstatesStream = Stream<pb::WatchEstatesResponse>;
    type WatchBuildingsStream = Stream<pb::WatchBuildingsResponse>;
    type WatchRoomsStream = Stream<pb::WatchRoomsResponse>;

    async fn match_address(&self, request: Request<pb::MatchAddressRequest>) -> Answer<pb::MatchAddressResponse> {
        answer(self.match_address(request).await)
    }

    async fn get_estate(&self, request: Request<pb::GetEstateRequest>) -> Answer<pb::Estate> {
        let caller = Caller::of(&request).map_err(to_status)?;
        answer(serving::get(&self.estates, &caller, &request.get_ref().name))
    }

    async fn list_estates(&self, request: Request<pb::ListEstatesRequest>) -> Answer<pb::ListEstatesResponse> {
        answer(self.list_estates(request).await)
    }

    async fn create_estate(&self, request: Request<pb::CreateEstateRequest>) -> Answer<pb::Estate> {
        answer(self.create_estate(request).await)
    }

    async fn update_estate(&self, request: Request<pb::UpdateEstateRequest>) -> Answer<pb::Estate> {
        answer(self.update_estate(request).await)
    }

    async fn delete_estate(&self, request: Request<pb::DeleteEstateRequest>) -> Answer<pb::Estate> {
        answer(self.delete_estate(request).await)
    }

    async fn restore_estate(&self, request: Request<pb::RestoreEstateRequest>) -> Answer<pb::Estate> {
        answer(self.restore_estate(request).await)
    }

    async fn list_estate_changes(
        &self,
        request: Request<pb::ListEstateChangesRequest>,
    ) -> Answer<pb::ListEstateChangesResponse> {
        answer(self.list_estate_changes(request).await)
    }

    async fn search_estates(&self, request: Request<pb::SearchEstatesRequest>) -> Answer<pb::SearchEstatesResponse> {
        answer(self.search_estates(request).await)
    }

    async fn count_estates(&self, request: Request<pb::CountEstatesRequest>) -> Answer<pb::CountEstatesResponse> {
        answer(self.count_estates(request).await)
    }

    async fn watch_estates(&self, request: Request<pb::WatchEstatesRequest>) -> Answer<Self::WatchEstatesStream> {
        self.watch_estates(request).await.map(Response::new).map_err(to_status)
    }

    async fn list_estate_claims(
        &self,
        request: Request<pb::ListEstateClaimsRequest>,
    ) -> Answer<pb::ListEstateClaimsResponse> {
        answer(self.list_estate_claims(request).await)
    }

    async fn decide_estate_claim(&self, request: Request<pb::DecideEstateClaimRequest>) -> Answer<pb::Estate> {
        answer(self.decide_estate_claim(request).await)
    }

    async fn get_building(&self, request: Request<pb::GetBuildingRequest>) -> Answer<pb::Building> {
        let caller = Caller::of(&request).map_err(to_status)?;
        answer(serving::get(&self.buildings, &caller, &request.get_ref().name))
    }

    async fn list_buildings(&self, request: Request<pb::ListBuildingsRequest>) -> Answer<pb::ListBuildingsResponse> {
        answer(self.list_buildings(request).await)
    }

    async fn create_building(&self, request: Request<pb::CreateBuildingRequest>) -> Answer<pb::Building> {
        answer(self.create_building(request).await)
    }

    async fn update_building(&self, request: Request<pb::UpdateBuildingRequest>) -> Answer<pb::Building> {
        answer(self.update_building(request).await)
    }

    async fn delete_building(&self, request: Request<pb::DeleteBuildingRequest>) -> Answer<pb::Building> {
        answer(self.delete_building(request).await)
    }

    async fn restore_building(&self, request: Request<pb::RestoreBuildingRequest>) -> Answer<pb::Building> {
        answer(self.restore_building(request).await)
    }

    async fn list_building_changes(
        &self,
        request: Request<pb::ListBuildingChangesRequest>,
    ) -> Answer<pb::ListBuildingChangesResponse> {
        answer(self.list_building_changes(request).await)
    }

    async fn search_buildings(
        &self,
        request: Request<pb::SearchBuildingsRequest>,
    ) -> Answer<pb::SearchBuildingsResponse> {
        answer(self.search_buildings(request).await)
    }

    async fn count_buildings(&self, request: Request<pb::CountBuildingsRequest>) -> Answer<pb::CountBuildingsResponse> {
        answer(self.count_buildings(request).await)
    }

    async fn watch_buildings(&self, request: Request<pb::WatchBuildingsRequest>) -> Answer<Self::WatchBuildingsStream> {
        self.watch_buildings(request).await.map(Response::new).map_err(to_status)
    }

    async fn list_building_claims(
        &self,
        request: Request<pb::ListBuildingClaimsRequest>,
    ) -> Answer<pb::ListBuildingClaimsResponse> {
        answer(self.list_building_claims(request).await)
    }

    async fn decide_building_claim(&self, request: Request<pb::DecideBuildingClaimRequest>) -> Answer<pb::Building> {
        answer(self.decide_building_claim(request).await)
    }

    async fn get_unit(&self, request: Request<pb::GetUnitRequest>) -> Answer<pb::Unit> {
        let caller = Caller::of(&request).map_err(to_status)?;
        answer(serving::get(&self.units, &caller, &request.get_ref().name))
    }

    async fn list_units(&self, request: Request<pb::ListUnitsRequest>) -> Answer<pb::ListUnitsResponse> {
        answer(self.list_units(request).await)
    }

    async fn create_unit(&self, request: Request<pb::CreateUnitRequest>) -> Answer<pb::Unit> {
        answer(self.create_unit(request).await)
    }

    async fn update_unit(&self, request: Request<pb::UpdateUnitRequest>) -> Answer<pb::Unit> {
        answer(self.update_unit(request).await)
    }

    async fn delete_unit(&self, request: Request<pb::DeleteUnitRequest>) -> Answer<pb::Unit> {
        answer(self.delete_unit(request).await)
    }

    async fn restore_unit(&self, request: Request<pb::RestoreUnitRequest>) -> Answer<pb::Unit> {
        answer(self.restore_unit(request).await)
    }

    async fn list_unit_changes(
        &self,
        request: Request<pb::ListUnitChangesRequest>,
    ) -> Answer<pb::ListUnitChangesResponse> {
        answer(self.list_unit_changes(request).await)
    }

    async fn get_room(&self, request: Request<pb::GetRoomRequest>) -> Answer<pb::Room> {
        let caller = Caller::of(&request).map_err(to_status)?;
        answer(serving::get(&self.rooms, &caller, &request.get_ref().name))
    }

    async fn list_rooms(&self, request: Request<pb::ListRoomsRequest>) -> Answer<pb::ListRoomsResponse> {
        answer(self.list_rooms(request).await)
    }

    async fn create_room(&self, request: Request<pb::CreateRoomRequest>) -> Answer<pb::Room> {
        answer(self.create_room(request).await)
    }

    async fn update_room(&self, request: Request<pb::UpdateRoomRequest>) -> Answer<pb::Room> {
        answer(self.update_room(request).await)
    }

    async fn delete_room(&self, request: Request<pb::DeleteRoomRequest>) -> Answer<pb::Room> {
        answer(self.delete_room(request).await)
    }

    async fn restore_room(&self, request: Request<pb::RestoreRoomRequest>) -> Answer<pb::Room> {
        answer(self.restore_room(request).await)
    }

    async fn list_room_changes(
        &self,
        request: Request<pb::ListRoomChangesRequest>,
    ) -> Answer<pb::ListRoomChangesResponse> {
        answer(self.list_room_changes(request).await)
    }

    async fn search_rooms(&self, request: Request<pb::SearchRoomsRequest>) -> Answer<pb::SearchRoomsResponse> {
        answer(self.search_rooms(request).await)
    }

    async fn count_rooms(&self, request: Request<pb::CountRoomsRequest>) -> Answer<pb::CountRoomsResponse> {
        answer(self.count_rooms(request).await)
    }

    async fn watch_rooms(&self, request: Request<pb::WatchRoomsRequest>) -> Answer<Self::WatchRoomsStream> {
        self.watch_rooms(request).await.map(Response::new).map_err(to_status)
    }

    async fn list_room_claims(
        &self,
        request: Request<pb::ListRoomClaimsRequest>,
    ) -> Answer<pb::ListRoomClaimsResponse> {
        answer(self.list_room_claims(request).await)
    }

    async fn decide_room_claim(&self, request: Request<pb::DecideRoomClaimRequest>) -> Answer<pb::Room> {
        answer(self.decide_room_claim(request).await)
    }
}
