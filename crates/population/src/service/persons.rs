//! Persons: enter, change, find, count, watch, and decide what sources claim.

use api::population::v1 as pb;
use api::population::v1::watch_persons_response::Change;
use api::population::v1::{
    CreatePersonRequest, DeletePersonRequest, ListPersonChangesRequest, ListPersonChangesResponse, ListPersonsRequest,
    ListPersonsResponse, Person, PersonChange, RestorePersonRequest, UpdatePersonRequest, WatchPersonsResponse,
};
use base::{Error, Result};
use futures_util::stream::BoxStream;
use registry::{ClaimEntry, Entry, Watched, WordKind};
use rpc::Caller;
use tonic::{Request, Status};

use crate::Population;
use crate::model::person::similarity;
use registry::serving::{self, by_hand, given, part};

impl Population {
    pub(super) async fn list_persons(&self, request: Request<ListPersonsRequest>) -> Result<ListPersonsResponse> {
        let caller = Caller::of(&request)?;
        let mut request = request.into_inner();
        let page = (std::mem::take(&mut request.page_size), std::mem::take(&mut request.page_token));
        // Taken before the data is read: who watches from here is told again of a change in between, and misses none.
        let cursor = self.persons.cursor();
        let asked = (request.area.as_str(), request.show_deleted);
        let (method, page) = (("ListPersons", &request), (page.0, page.1.as_str()));
        let (persons, next_page_token) = serving::list(&self.persons, &caller, method, asked, page).await?;
        Ok(ListPersonsResponse { persons, next_page_token, cursor })
    }

    pub(super) async fn create_person(&self, request: Request<CreatePersonRequest>) -> Result<Person> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let (source, reason) = (request.source_kind, &request.reason);
        let by_hand = by_hand("CreatePerson", &request, &request.request_id, source, reason)?;
        serving::create(&self.persons, &caller, &given("person", request.person)?, by_hand).await
    }

    pub(super) async fn update_person(&self, request: Request<UpdatePersonRequest>) -> Result<Person> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let (source, reason) = (request.source_kind, &request.reason);
        let by_hand = by_hand("UpdatePerson", &request, &request.request_id, source, reason)?;
        let person = given("person", request.person)?;
        let said = (&person, request.update_mask.as_ref());
        serving::update(&self.persons, &caller, said, (&person.name, &person.etag), by_hand).await
    }

    pub(super) async fn delete_person(&self, request: Request<DeletePersonRequest>) -> Result<Person> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let by_hand = by_hand("DeletePerson", &request, &request.request_id, 0, &request.reason)?;
        serving::delete(&self.persons, &caller, (&request.name, &request.etag), by_hand).await
    }

    pub(super) async fn restore_person(&self, request: Request<RestorePersonRequest>) -> Result<Person> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let by_hand = by_hand("RestorePerson", &request, &request.request_id, 0, &request.reason)?;
        serving::restore(&self.persons, &caller, &request.name, by_hand).await
    }

    pub(super) async fn list_person_changes(
        &self,
        request: Request<ListPersonChangesRequest>,
    ) -> Result<ListPersonChangesResponse> {
        let caller = Caller::of(&request)?;
        let mut request = request.into_inner();
        let page = (std::mem::take(&mut request.page_size), std::mem::take(&mut request.page_token));
        let (method, page) = (("ListPersonChanges", &request), (page.0, page.1.as_str()));
        let (entries, next_page_token) =
            serving::changes(&self.persons, &caller, method, &request.parent, page).await?;
        let change = |entry: Entry<Person>| PersonChange {
            change: Some(entry.change),
            before: Some(entry.before),
            after: Some(entry.after),
        };
        Ok(ListPersonChangesResponse { changes: entries.into_iter().map(change).collect(), next_page_token })
    }

    pub(super) fn get_person_provenance(
        &self,
        request: &Request<pb::GetPersonProvenanceRequest>,
    ) -> Result<pb::GetPersonProvenanceResponse> {
        let record = self.persons.get(&Caller::of(request)?, &request.get_ref().name)?;
        Ok(pb::GetPersonProvenanceResponse { fields: self.persons.provenance(&record) })
    }

    pub(super) fn batch_get_persons(
        &self,
        request: &Request<pb::BatchGetPersonsRequest>,
    ) -> Result<pb::BatchGetPersonsResponse> {
        let caller = Caller::of(request)?;
        let records = self.persons.batch_get(&caller, &request.get_ref().names)?;
        let shown = records.iter().map(|record| self.persons.show(record, &caller));
        Ok(pb::BatchGetPersonsResponse { persons: shown.collect::<Result<_>>()? })
    }

    pub(super) async fn search_persons(
        &self,
        request: Request<pb::SearchPersonsRequest>,
    ) -> Result<pb::SearchPersonsResponse> {
        let caller = Caller::of(&request)?;
        let mut request = request.into_inner();
        let page = (std::mem::take(&mut request.page_size), std::mem::take(&mut request.page_token));
        let scope = self.persons.scope(&caller, &request.area).await?;
        let (query, part) = part("SearchPersons", &request, caller.scope(), (page.0, &page.1))?;
        let page = self.persons.search(&caller, &request.query, &scope, &part).await?;
        let shown = page.records.iter().map(|record| self.persons.show(record, &caller));
        let persons = shown.collect::<Result<_>>()?;
        Ok(pb::SearchPersonsResponse { persons, next_page_token: query.token(page.next) })
    }

    pub(super) async fn list_similar_persons(
        &self,
        request: Request<pb::ListSimilarPersonsRequest>,
    ) -> Result<pb::ListSimilarPersonsResponse> {
        let caller = Caller::of(&request)?;
        let record = self.persons.get(&caller, &request.get_ref().parent)?;
        let one: Person = self.persons.clear(&record)?;
        let sorts = [WordKind::Name, WordKind::Phone];
        let mut persons = Vec::new();
        for other in self.persons.sharing(&caller, &record, &sorts).await? {
            let fields = similarity(&one, &self.persons.clear(&other)?);
            if !fields.is_empty() {
                let person = Some(self.persons.show(&other, &caller)?);
                persons.push(pb::SimilarPerson { person, fields });
            }
        }
        persons.sort_by_key(|similar| std::cmp::Reverse(similar.fields.len()));
        Ok(pb::ListSimilarPersonsResponse { persons })
    }

    pub(super) async fn count_persons(
        &self,
        request: Request<pb::CountPersonsRequest>,
    ) -> Result<pb::CountPersonsResponse> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let scope = self.persons.scope(&caller, &request.area).await?;
        let mut below = None;
        if request.by_area_below {
            if request.area.is_empty() {
                return Err(Error::invalid("area", "must be given to count by the areas below it"));
            }
            let place = self.persons.place(&caller, &request.area).await?;
            // A part of the areas below would look like all of them.
            caller.require(&place)?;
            below = Some(place);
        }
        let counts = self.persons.count(&caller, &scope, &request.dimension, below).await?;
        Ok(pb::CountPersonsResponse { counts })
    }

    pub(super) async fn watch_persons(
        &self,
        request: Request<pb::WatchPersonsRequest>,
    ) -> Result<BoxStream<'static, Result<WatchPersonsResponse, Status>>> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let scope = self.persons.scope(&caller, &request.area).await?;
        self.persons.watch(&caller, scope, &request.cursor, |cursor, change| {
            let change = change.map(|change| match change {
                Watched::Element(person) => Change::Person(person),
                Watched::Removed(name) => Change::Removed(name),
            });
            WatchPersonsResponse { cursor, change }
        })
    }

    pub(super) async fn list_person_claims(
        &self,
        request: Request<pb::ListPersonClaimsRequest>,
    ) -> Result<pb::ListPersonClaimsResponse> {
        let caller = Caller::of(&request)?;
        let mut request = request.into_inner();
        let page = (std::mem::take(&mut request.page_size), std::mem::take(&mut request.page_token));
        let scope = self.persons.scope(&caller, &request.area).await?;
        let (query, part) = part("ListPersonClaims", &request, caller.scope(), (page.0, &page.1))?;
        let page = self.persons.claimed(&scope, &part).await?;
        let mut claims = Vec::new();
        for record in &page.records {
            let claim =
                |entry: ClaimEntry<Person>| pb::PersonClaim { claim: Some(entry.claim), value: Some(entry.value) };
            claims.extend(self.persons.claims(record, &caller)?.into_iter().map(claim));
        }
        Ok(pb::ListPersonClaimsResponse { claims, next_page_token: query.token(page.next) })
    }

    pub(super) async fn decide_person_claim(&self, request: Request<pb::DecidePersonClaimRequest>) -> Result<Person> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let by_hand = by_hand("DecidePersonClaim", &request, &request.request_id, 0, &request.reason)?;
        let meant = (request.name.as_str(), request.field.as_str(), request.source.as_str());
        let record = self.persons.decide(&caller, meant, request.accept, by_hand).await?;
        self.persons.show(&record, &caller)
    }
}
