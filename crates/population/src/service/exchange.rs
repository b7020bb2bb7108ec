//! Deliveries of other systems, what was set aside of them, and exports.

use api::population::v1 as pb;
use api::population::v1::import_persons_request::Step as Asked;
use api::population::v1::import_persons_response::Told as Answer;
use api::population::v1::{ImportPersonsRequest, ImportPersonsResponse, Person, PersonRow};
use api::registry::v1::Run;
use base::Result;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use registry::{Fields, Row, Step, Told};
use rpc::Caller;
use tonic::{Request, Status, Streaming};

use crate::Population;
use registry::serving::{by_hand, part};

impl Population {
    pub(super) fn import_persons(
        &self,
        request: Request<Streaming<ImportPersonsRequest>>,
    ) -> Result<BoxStream<'static, Result<ImportPersonsResponse, Status>>> {
        let caller = Caller::of(&request)?;
        let steps = request.into_inner().map(|message| message.and_then(step));
        let told = self.persons.import(&caller, steps.boxed());
        let answer = |told| match told {
            Told::Run(run) => Answer::Run(*run),
            Told::Chunk(chunk) => Answer::Chunk(chunk),
        };
        Ok(told.map(move |told| told.map(|told| ImportPersonsResponse { told: Some(answer(told)) })).boxed())
    }

    pub(super) async fn list_person_runs(
        &self,
        request: Request<pb::ListPersonRunsRequest>,
    ) -> Result<pb::ListPersonRunsResponse> {
        let caller = Caller::of(&request)?;
        let mut request = request.into_inner();
        let page = (std::mem::take(&mut request.page_size), std::mem::take(&mut request.page_token));
        let (query, part) = part("ListPersonRuns", &request, caller.scope(), (page.0, &page.1))?;
        let page = self.persons.list_runs(&caller, &request.source, &part).await?;
        Ok(pb::ListPersonRunsResponse { runs: page.records, next_page_token: query.token(page.next) })
    }

    pub(super) fn get_person_run(&self, request: &Request<pb::GetPersonRunRequest>) -> Result<Run> {
        self.persons.get_run(&Caller::of(request)?, &request.get_ref().name)
    }

    pub(super) async fn abandon_person_run(&self, request: Request<pb::AbandonPersonRunRequest>) -> Result<Run> {
        let caller = Caller::of(&request)?;
        self.persons.abandon_run(&caller, &request.get_ref().name).await
    }

    pub(super) async fn list_quarantined_persons(
        &self,
        request: Request<pb::ListQuarantinedPersonsRequest>,
    ) -> Result<pb::ListQuarantinedPersonsResponse> {
        let caller = Caller::of(&request)?;
        let mut request = request.into_inner();
        let page = (std::mem::take(&mut request.page_size), std::mem::take(&mut request.page_token));
        let (query, part) = part("ListQuarantinedPersons", &request, caller.scope(), (page.0, &page.1))?;
        let page = self.persons.quarantined::<Person>(&caller, &request.parent, &part).await?;
        let person = |(row, person)| pb::QuarantinedPerson { row: Some(row), person: Some(person) };
        let persons = page.records.into_iter().map(person).collect();
        Ok(pb::ListQuarantinedPersonsResponse { persons, next_page_token: query.token(page.next) })
    }

    pub(super) async fn retry_quarantined_person(
        &self,
        request: Request<pb::RetryQuarantinedPersonRequest>,
    ) -> Result<Person> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let by_hand = by_hand("RetryQuarantinedPerson", &request, &request.request_id, 0, &request.reason)?;
        let record = self.persons.retry(&caller, &request.name, request.mended.map(row), by_hand).await?;
        self.persons.show(&record, &caller)
    }

    pub(super) async fn discard_quarantined_person(
        &self,
        request: Request<pb::DiscardQuarantinedPersonRequest>,
    ) -> Result<pb::DiscardQuarantinedPersonResponse> {
        let caller = Caller::of(&request)?;
        self.persons.discard(&caller, &request.get_ref().name).await?;
        Ok(pb::DiscardQuarantinedPersonResponse {})
    }

    pub(super) async fn export_persons(
        &self,
        request: Request<pb::ExportPersonsRequest>,
    ) -> Result<BoxStream<'static, Result<pb::ExportPersonsResponse, Status>>> {
        let caller = Caller::of(&request)?;
        let scope = self.persons.scope(&caller, &request.get_ref().area).await?;
        Ok(self.persons.export(&caller, scope, |persons| pb::ExportPersonsResponse { persons }))
    }
}

fn row(row: PersonRow) -> Row {
    let element = row.person.as_ref().map(Fields::of).unwrap_or_default();
    Row { head: row.head.unwrap_or_default(), element }
}

fn step(message: ImportPersonsRequest) -> Result<Step, Status> {
    match message.step {
        Some(Asked::Open(open)) => Ok(Step::Open(open)),
        Some(Asked::Chunk(chunk)) => {
            Ok(Step::Chunk { number: chunk.number, rows: chunk.rows.into_iter().map(row).collect() })
        }
        Some(Asked::Finish(finish)) => Ok(Step::Finish(finish)),
        None => Err(Status::invalid_argument("a message of an import is one of open, chunk, finish")),
    }
}
