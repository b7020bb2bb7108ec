//! Buildings: enter, change, find, count, watch, and decide what sources claim. A building that moves takes its units and
//! rooms along.

use api::buildings::v1 as pb;
use api::buildings::v1::{Building, watch_buildings_response::Change};
use base::{Error, Result};
use futures_util::stream::BoxStream;
use registry::serving::{self, by_hand, given, part};
use registry::{ClaimEntry, Entry, Watched};
use rpc::Caller;
use tonic::{Request, Status};

use super::placing::said_place;
use crate::Buildings;

impl Buildings {
    pub(super) async fn list_buildings(
        &self,
        request: Request<pb::ListBuildingsRequest>,
    ) -> Result<pb::ListBuildingsResponse> {
        let caller = Caller::of(&request)?;
        let mut request = request.into_inner();
        let page = (std::mem::take(&mut request.page_size), std::mem::take(&mut request.page_token));
        // Taken before the data is read: who watches from here is told again of a change in between, and misses none.
        let cursor = self.buildings.cursor();
        let asked = (request.area.as_str(), request.show_deleted);
        let (method, page) = (("ListBuildings", &request), (page.0, page.1.as_str()));
        let (buildings, next_page_token) = serving::list(&self.buildings, &caller, method, asked, page).await?;
        Ok(pb::ListBuildingsResponse { buildings, next_page_token, cursor })
    }

    pub(super) async fn create_building(&self, request: Request<pb::CreateBuildingRequest>) -> Result<Building> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let (source, reason) = (request.source_kind, &request.reason);
        let by_hand = by_hand("CreateBuilding", &request, &request.request_id, source, reason)?;
        let mut building = given("building", request.building)?;
        self.place_building(&caller, &mut building, None).await?;
        serving::create(&self.buildings, &caller, &building, by_hand).await
    }

    pub(super) async fn update_building(&self, request: Request<pb::UpdateBuildingRequest>) -> Result<Building> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let (source, reason) = (request.source_kind, &request.reason);
        let by_hand = by_hand("UpdateBuilding", &request, &request.request_id, source, reason)?;
        let (mut building, mut mask) = (given("building", request.building)?, request.update_mask);
        self.place_building(&caller, &mut building, mask.as_mut()).await?;
        let moved = said_place(&building, mask.as_ref());
        let seen = (building.name.as_str(), building.etag.as_str());
        let changed: Building =
            serving::update(&self.buildings, &caller, (&building, mask.as_ref()), seen, by_hand).await?;
        if moved {
            self.take_along(&caller, &changed).await?;
        }
        Ok(changed)
    }

    pub(super) async fn delete_building(&self, request: Request<pb::DeleteBuildingRequest>) -> Result<Building> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let by_hand = by_hand("DeleteBuilding", &request, &request.request_id, 0, &request.reason)?;
        serving::delete(&self.buildings, &caller, (&request.name, &request.etag), by_hand).await
    }

    pub(super) async fn restore_building(&self, request: Request<pb::RestoreBuildingRequest>) -> Result<Building> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let by_hand = by_hand("RestoreBuilding", &request, &request.request_id, 0, &request.reason)?;
        serving::restore(&self.buildings, &caller, &request.name, by_hand).await
    }

    pub(super) async fn list_building_changes(
        &self,
        request: Request<pb::ListBuildingChangesRequest>,
    ) -> Result<pb::ListBuildingChangesResponse> {
        let caller = Caller::of(&request)?;
        let mut request = request.into_inner();
        let page = (std::mem::take(&mut request.page_size), std::mem::take(&mut request.page_token));
        let (method, page) = (("ListBuildingChanges", &request), (page.0, page.1.as_str()));
        let (entries, next_page_token) =
            serving::changes(&self.buildings, &caller, method, &request.parent, page).await?;
        let change = |entry: Entry<Building>| pb::BuildingChange {
            change: Some(entry.change),
            before: Some(entry.before),
            after: Some(entry.after),
        };
        Ok(pb::ListBuildingChangesResponse { changes: entries.into_iter().map(change).collect(), next_page_token })
    }

    pub(super) async fn search_buildings(
        &self,
        request: Request<pb::SearchBuildingsRequest>,
    ) -> Result<pb::SearchBuildingsResponse> {
        let caller = Caller::of(&request)?;
        let mut request = request.into_inner();
        let page = (std::mem::take(&mut request.page_size), std::mem::take(&mut request.page_token));
        let scope = self.buildings.scope(&caller, &request.area).await?;
        let (query, part) = part("SearchBuildings", &request, caller.scope(), (page.0, &page.1))?;
        let page = self.buildings.search(&caller, &request.query, &scope, &part).await?;
        let shown = page.records.iter().map(|record| self.buildings.show(record, &caller));
        Ok(pb::SearchBuildingsResponse {
            buildings: shown.collect::<Result<_>>()?,
            next_page_token: query.token(page.next),
        })
    }

    pub(super) async fn count_buildings(
        &self,
        request: Request<pb::CountBuildingsRequest>,
    ) -> Result<pb::CountBuildingsResponse> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let scope = self.buildings.scope(&caller, &request.area).await?;
        let mut below = None;
        if request.by_area_below {
            if request.area.is_empty() {
                return Err(Error::invalid("area", "must be given to count by the areas below it"));
            }
            let place = self.buildings.place(&caller, &request.area).await?;
            // A part of the areas below would look like all of them.
            caller.require(&place)?;
            below = Some(place);
        }
        let counts = self.buildings.count(&caller, &scope, &request.dimension, below).await?;
        Ok(pb::CountBuildingsResponse { counts })
    }

    pub(super) async fn watch_buildings(
        &self,
        request: Request<pb::WatchBuildingsRequest>,
    ) -> Result<BoxStream<'static, Result<pb::WatchBuildingsResponse, Status>>> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let scope = self.buildings.scope(&caller, &request.area).await?;
        self.buildings.watch(&caller, scope, &request.cursor, |cursor, change| {
            let change = change.map(|change| match change {
                Watched::Element(building) => Change::Building(building),
                Watched::Removed(name) => Change::Removed(name),
            });
            pb::WatchBuildingsResponse { cursor, change }
        })
    }

    pub(super) async fn list_building_claims(
        &self,
        request: Request<pb::ListBuildingClaimsRequest>,
    ) -> Result<pb::ListBuildingClaimsResponse> {
        let caller = Caller::of(&request)?;
        let mut request = request.into_inner();
        let page = (std::mem::take(&mut request.page_size), std::mem::take(&mut request.page_token));
        let scope = self.buildings.scope(&caller, &request.area).await?;
        let (query, part) = part("ListBuildingClaims", &request, caller.scope(), (page.0, &page.1))?;
        let page = self.buildings.claimed(&scope, &part).await?;
        let mut claims = Vec::new();
        for record in &page.records {
            let claim =
                |entry: ClaimEntry<Building>| pb::BuildingClaim { claim: Some(entry.claim), value: Some(entry.value) };
            claims.extend(self.buildings.claims(record, &caller)?.into_iter().map(claim));
        }
        Ok(pb::ListBuildingClaimsResponse { claims, next_page_token: query.token(page.next) })
    }

    pub(super) async fn decide_building_claim(
        &self,
        request: Request<pb::DecideBuildingClaimRequest>,
    ) -> Result<Building> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let by_hand = by_hand("DecideBuildingClaim", &request, &request.request_id, 0, &request.reason)?;
        let meant = (request.name.as_str(), request.field.as_str(), request.source.as_str());
        let record = self.buildings.decide(&caller, meant, request.accept, by_hand).await?;
        let building: Building = self.buildings.show(&record, &caller)?;
        if request.accept && matches!(request.field.as_str(), "area" | "grid_parts") {
            self.take_along(&caller, &building).await?;
        }
        Ok(building)
    }
}
