//! Residences: who lives where, and who lived in an area on a day.

use api::population::v1::{
    CreateResidenceRequest, DeleteResidenceRequest, ListResidenceChangesRequest, ListResidenceChangesResponse,
    ListResidencesRequest, ListResidencesResponse, ListResidentsRequest, ListResidentsResponse, Residence,
    ResidenceChange, RestoreResidenceRequest, UpdateResidenceRequest,
};
use base::{Day, Error, Result};
use registry::{Entry, Fields};
use rpc::Caller;
use tonic::Request;

use crate::Population;
use crate::model::residence::holds_on;
use registry::serving::{self, by_hand, given, part};

impl Population {
    pub(super) async fn list_residences(
        &self,
        request: Request<ListResidencesRequest>,
    ) -> Result<ListResidencesResponse> {
        let caller = Caller::of(&request)?;
        let mut request = request.into_inner();
        let page = (std::mem::take(&mut request.page_size), std::mem::take(&mut request.page_token));
        let asked = (request.area.as_str(), request.show_deleted);
        let (method, page) = (("ListResidences", &request), (page.0, page.1.as_str()));
        let (residences, next_page_token) = serving::list(&self.residences, &caller, method, asked, page).await?;
        Ok(ListResidencesResponse { residences, next_page_token })
    }

    pub(super) async fn create_residence(&self, request: Request<CreateResidenceRequest>) -> Result<Residence> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let (source, reason) = (request.source_kind, &request.reason);
        let by_hand = by_hand("CreateResidence", &request, &request.request_id, source, reason)?;
        serving::create(&self.residences, &caller, &given("residence", request.residence)?, by_hand).await
    }

    pub(super) async fn update_residence(&self, request: Request<UpdateResidenceRequest>) -> Result<Residence> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let (source, reason) = (request.source_kind, &request.reason);
        let by_hand = by_hand("UpdateResidence", &request, &request.request_id, source, reason)?;
        let residence = given("residence", request.residence)?;
        let said = (&residence, request.update_mask.as_ref());
        serving::update(&self.residences, &caller, said, (&residence.name, &residence.etag), by_hand).await
    }

    pub(super) async fn delete_residence(&self, request: Request<DeleteResidenceRequest>) -> Result<Residence> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let by_hand = by_hand("DeleteResidence", &request, &request.request_id, 0, &request.reason)?;
        serving::delete(&self.residences, &caller, (&request.name, &request.etag), by_hand).await
    }

    pub(super) async fn restore_residence(&self, request: Request<RestoreResidenceRequest>) -> Result<Residence> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let by_hand = by_hand("RestoreResidence", &request, &request.request_id, 0, &request.reason)?;
        serving::restore(&self.residences, &caller, &request.name, by_hand).await
    }

    pub(super) async fn list_residence_changes(
        &self,
        request: Request<ListResidenceChangesRequest>,
    ) -> Result<ListResidenceChangesResponse> {
        let caller = Caller::of(&request)?;
        let mut request = request.into_inner();
        let page = (std::mem::take(&mut request.page_size), std::mem::take(&mut request.page_token));
        let (method, page) = (("ListResidenceChanges", &request), (page.0, page.1.as_str()));
        let (entries, next_page_token) =
            serving::changes(&self.residences, &caller, method, &request.parent, page).await?;
        let change = |entry: Entry<Residence>| ResidenceChange {
            change: Some(entry.change),
            before: Some(entry.before),
            after: Some(entry.after),
        };
        Ok(ListResidenceChangesResponse { changes: entries.into_iter().map(change).collect(), next_page_token })
    }

    pub(super) async fn list_residents(&self, request: Request<ListResidentsRequest>) -> Result<ListResidentsResponse> {
        let caller = Caller::of(&request)?;
        let mut request = request.into_inner();
        let page = (std::mem::take(&mut request.page_size), std::mem::take(&mut request.page_token));
        let day = match request.day.as_str() {
            "" => self.clock.now().civil_day(),
            day => Day::parse(day).map_err(|wrong| Error::invalid("day", wrong))?,
        };
        let scope = self.residences.scope(&caller, &request.area).await?;
        let (query, part) = part("ListResidents", &request, caller.scope(), (page.0, &page.1))?;
        let holds = move |fields: &Fields| fields.decode().is_ok_and(|residence| holds_on(&residence, day));
        let page = self.residences.list_where(&scope, false, &part, holds).await?;
        let shown = page.records.iter().map(|record| self.residences.show(record, &caller));
        let residences = shown.collect::<Result<_>>()?;
        Ok(ListResidentsResponse { residences, next_page_token: query.token(page.next) })
    }
}
