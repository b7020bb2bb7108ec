//! The generated trait, thin: the caller → the registry → what the caller may see.

mod exchange;
mod households;
mod persons;
mod residences;

use api::population::v1 as pb;
use api::population::v1::population_service_server::PopulationService;
use api::registry::v1::Run;
use base::Result;
use futures_util::stream::BoxStream;
use registry::serving;
use rpc::Caller;
use rpc::status::{answer, to_status};
use tonic::{Request, Response, Status, Streaming};

use crate::Population;

/// The answer of a unary method.
type Answer<T> = Result<Response<T>, Status>;
/// The answer of a method that streams.
type Stream<T> = BoxStream<'static, Result<T, Status>>;

#[tonic::async_trait]
impl PopulationService for Population {
    type WatchPersonsStream = Stream<pb::WatchPersonsResponse>;
    type ImportPersonsStream = Stream<pb::ImportPersonsResponse>;
    type ExportPersonsStream = Stream<pb::ExportPersonsResponse>;

    async fn get_person(&self, request: Request<pb::GetPersonRequest>) -> Answer<pb::Person> {
        let caller = Caller::of(&request).map_err(to_status)?;
        answer(serving::get(&self.persons, &caller, &request.get_ref().name))
    }

    async fn list_persons(&self, request: Request<pb::ListPersonsRequest>) -> Answer<pb::ListPersonsResponse> {
        answer(self.list_persons(request).await)
    }

    async fn create_person(&self, request: Request<pb::CreatePersonRequest>) -> Answer<pb::Person> {
        answer(self.create_person(request).await)
    }

    async fn update_person(&self, request: Request<pb::UpdatePersonRequest>) -> Answer<pb::Person> {
        answer(self.update_person(request).await)
    }

    async fn delete_person(&self, request: Request<pb::DeletePersonRequest>) -> Answer<pb::Person> {
        answer(self.delete_person(request).await)
    }

    async fn restore_person(&self, request: Request<pb::RestorePersonRequest>) -> Answer<pb::Person> {
        answer(self.restore_person(request).await)
    }

    async fn list_person_changes(
        &self,
        request: Request<pb::ListPersonChangesRequest>,
    ) -> Answer<pb::ListPersonChangesResponse> {
        answer(self.list_person_changes(request).await)
    }

    async fn get_person_provenance(
        &self,
        request: Request<pb::GetPersonProvenanceRequest>,
    ) -> Answer<pb::GetPersonProvenanceResponse> {
        answer(self.get_person_provenance(&request))
    }

    async fn batch_get_persons(
        &self,
        request: Request<pb::BatchGetPersonsRequest>,
    ) -> Answer<pb::BatchGetPersonsResponse> {
        answer(self.batch_get_persons(&request))
    }

    async fn search_persons(&self, request: Request<pb::SearchPersonsRequest>) -> Answer<pb::SearchPersonsResponse> {
        answer(self.search_persons(request).await)
    }

    async fn list_similar_persons(
        &self,
        request: Request<pb::ListSimilarPersonsRequest>,
    ) -> Answer<pb::ListSimilarPersonsResponse> {
        answer(self.list_similar_persons(request).await)
    }

    async fn count_persons(&self, request: Request<pb::CountPersonsRequest>) -> Answer<pb::CountPersonsResponse> {
        answer(self.count_persons(request).await)
    }

    async fn watch_persons(&self, request: Request<pb::WatchPersonsRequest>) -> Answer<Self::WatchPersonsStream> {
        self.watch_persons(request).await.map(Response::new).map_err(to_status)
    }

    async fn list_person_claims(
        &self,
        request: Request<pb::ListPersonClaimsRequest>,
    ) -> Answer<pb::ListPersonClaimsResponse> {
        answer(self.list_person_claims(request).await)
    }

    async fn decide_person_claim(&self, request: Request<pb::DecidePersonClaimRequest>) -> Answer<pb::Person> {
        answer(self.decide_person_claim(request).await)
    }

    async fn import_persons(
        &self,
        request: Request<Streaming<pb::ImportPersonsRequest>>,
    ) -> Answer<Self::ImportPersonsStream> {
        self.import_persons(request).map(Response::new).map_err(to_status)
    }

    async fn list_person_runs(
        &self,
        request: Request<pb::ListPersonRunsRequest>,
    ) -> Answer<pb::ListPersonRunsResponse> {
        answer(self.list_person_runs(request).await)
    }

    async fn get_person_run(&self, request: Request<pb::GetPersonRunRequest>) -> Answer<Run> {
        answer(self.get_person_run(&request))
    }

    async fn abandon_person_run(&self, request: Request<pb::AbandonPersonRunRequest>) -> Answer<Run> {
        answer(self.abandon_person_run(request).await)
    }

    async fn list_quarantined_persons(
        &self,
        request: Request<pb::ListQuarantinedPersonsRequest>,
    ) -> Answer<pb::ListQuarantinedPersonsResponse> {
        answer(self.list_quarantined_persons(request).await)
    }

    async fn retry_quarantined_person(
        &self,
        request: Request<pb::RetryQuarantinedPersonRequest>,
    ) -> Answer<pb::Person> {
        answer(self.retry_quarantined_person(request).await)
    }

    async fn discard_quarantined_person(
        &self,
        request: Request<pb::DiscardQuarantinedPersonRequest>,
    ) -> Answer<pb::DiscardQuarantinedPersonResponse> {
        answer(self.discard_quarantined_person(request).await)
    }

    async fn export_persons(&self, request: Request<pb::ExportPersonsRequest>) -> Answer<Self::ExportPersonsStream> {
        self.export_persons(request).await.map(Response::new).map_err(to_status)
    }

    async fn get_household(&self, request: Request<pb::GetHouseholdRequest>) -> Answer<pb::Household> {
        let caller = Caller::of(&request).map_err(to_status)?;
        answer(serving::get(&self.households, &caller, &request.get_ref().name))
    }

    async fn list_households(&self, request: Request<pb::ListHouseholdsRequest>) -> Answer<pb::ListHouseholdsResponse> {
        answer(self.list_households(request).await)
    }

    async fn create_household(&self, request: Request<pb::CreateHouseholdRequest>) -> Answer<pb::Household> {
        answer(self.create_household(request).await)
    }

    async fn update_household(&self, request: Request<pb::UpdateHouseholdRequest>) -> Answer<pb::Household> {
        answer(self.update_household(request).await)
    }

    async fn delete_household(&self, request: Request<pb::DeleteHouseholdRequest>) -> Answer<pb::Household> {
        answer(self.delete_household(request).await)
    }

    async fn restore_household(&self, request: Request<pb::RestoreHouseholdRequest>) -> Answer<pb::Household> {
        answer(self.restore_household(request).await)
    }

    async fn list_household_changes(
        &self,
        request: Request<pb::ListHouseholdChangesRequest>,
    ) -> Answer<pb::ListHouseholdChangesResponse> {
        answer(self.list_household_changes(request).await)
    }

    async fn get_residence(&self, request: Request<pb::GetResidenceRequest>) -> Answer<pb::Residence> {
        let caller = Caller::of(&request).map_err(to_status)?;
        answer(serving::get(&self.residences, &caller, &request.get_ref().name))
    }

    async fn list_residences(&self, request: Request<pb::ListResidencesRequest>) -> Answer<pb::ListResidencesResponse> {
        answer(self.list_residences(request).await)
    }

    async fn create_residence(&self, request: Request<pb::CreateResidenceRequest>) -> Answer<pb::Residence> {
        answer(self.create_residence(request).await)
    }

    async fn update_residence(&self, request: Request<pb::UpdateResidenceRequest>) -> Answer<pb::Residence> {
        answer(self.update_residence(request).await)
    }

    async fn delete_residence(&self, request: Request<pb::DeleteResidenceRequest>) -> Answer<pb::Residence> {
        answer(self.delete_residence(request).await)
    }

    async fn restore_residence(&self, request: Request<pb::RestoreResidenceRequest>) -> Answer<pb::Residence> {
        answer(self.restore_residence(request).await)
    }

    async fn list_residence_changes(
        &self,
        request: Request<pb::ListResidenceChangesRequest>,
    ) -> Answer<pb::ListResidenceChangesResponse> {
        answer(self.list_residence_changes(request).await)
    }

    async fn list_residents(&self, request: Request<pb::ListResidentsRequest>) -> Answer<pb::ListResidentsResponse> {
        answer(self.list_residents(request).await)
    }
}
