//! Households: who is registered together.

use api::population::v1::{
    CreateHouseholdRequest, DeleteHouseholdRequest, Household, HouseholdChange, ListHouseholdChangesRequest,
    ListHouseholdChangesResponse, ListHouseholdsRequest, ListHouseholdsResponse, RestoreHouseholdRequest,
    UpdateHouseholdRequest,
};
use base::Result;
use registry::Entry;
use rpc::Caller;
use tonic::Request;

use crate::Population;
use registry::serving::{self, by_hand, given};

impl Population {
    pub(super) async fn list_households(
        &self,
        request: Request<ListHouseholdsRequest>,
    ) -> Result<ListHouseholdsResponse> {
        let caller = Caller::of(&request)?;
        let mut request = request.into_inner();
        let page = (std::mem::take(&mut request.page_size), std::mem::take(&mut request.page_token));
        let asked = (request.area.as_str(), request.show_deleted);
        let (method, page) = (("ListHouseholds", &request), (page.0, page.1.as_str()));
        let (households, next_page_token) = serving::list(&self.households, &caller, method, asked, page).await?;
        Ok(ListHouseholdsResponse { households, next_page_token })
    }

    pub(super) async fn create_household(&self, request: Request<CreateHouseholdRequest>) -> Result<Household> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let (source, reason) = (request.source_kind, &request.reason);
        let by_hand = by_hand("CreateHousehold", &request, &request.request_id, source, reason)?;
        serving::create(&self.households, &caller, &given("household", request.household)?, by_hand).await
    }

    pub(super) async fn update_household(&self, request: Request<UpdateHouseholdRequest>) -> Result<Household> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let (source, reason) = (request.source_kind, &request.reason);
        let by_hand = by_hand("UpdateHousehold", &request, &request.request_id, source, reason)?;
        let household = given("household", request.household)?;
        let said = (&household, request.update_mask.as_ref());
        serving::update(&self.households, &caller, said, (&household.name, &household.etag), by_hand).await
    }

    pub(super) async fn delete_household(&self, request: Request<DeleteHouseholdRequest>) -> Result<Household> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let by_hand = by_hand("DeleteHousehold", &request, &request.request_id, 0, &request.reason)?;
        serving::delete(&self.households, &caller, (&request.name, &request.etag), by_hand).await
    }

    pub(super) async fn restore_household(&self, request: Request<RestoreHouseholdRequest>) -> Result<Household> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let by_hand = by_hand("RestoreHousehold", &request, &request.request_id, 0, &request.reason)?;
        serving::restore(&self.households, &caller, &request.name, by_hand).await
    }

    pub(super) async fn list_household_changes(
        &self,
        request: Request<ListHouseholdChangesRequest>,
    ) -> Result<ListHouseholdChangesResponse> {
        let caller = Caller::of(&request)?;
        let mut request = request.into_inner();
        let page = (std::mem::take(&mut request.page_size), std::mem::take(&mut request.page_token));
        let (method, page) = (("ListHouseholdChanges", &request), (page.0, page.1.as_str()));
        let (entries, next_page_token) =
            serving::changes(&self.households, &caller, method, &request.parent, page).await?;
        let change = |entry: Entry<Household>| HouseholdChange {
            change: Some(entry.change),
            before: Some(entry.before),
            after: Some(entry.after),
        };
        Ok(ListHouseholdChangesResponse { changes: entries.into_iter().map(change).collect(), next_page_token })
    }
}
