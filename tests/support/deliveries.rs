//! Persons, and whole deliveries of them through `ImportPersons`.

use api::options::v1::SourceKind;
use api::population::v1::import_persons_request::Step;
use api::population::v1::import_persons_response::Told;
use api::population::v1::{
    CreatePersonRequest, ExportPersonsRequest, ImportPersonsRequest, Person, PersonChunk, PersonRow,
    SearchPersonsRequest,
};
use api::registry::v1::{FinishRun, OpenRun, RowHead, Run, RunCounts, RunMode};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};

use crate::{Caller, done, request_id};

/// A stream to which chunks are sent.
pub struct Delivery {
    /// The run as it was opened.
    pub run: Run,
    requests: mpsc::Sender<ImportPersonsRequest>,
    answers: Streaming<api::population::v1::ImportPersonsResponse>,
}

/// How the police open a run of all they have.
pub fn open_run(sequence: i64, area: &str) -> OpenRun {
    OpenRun {
        source: "police".to_owned(),
        source_kind: SourceKind::Police.into(),
        mode: RunMode::Full.into(),
        sequence,
        area: area.to_owned(),
        mapping: "police/1".to_owned(),
        dry_run: false,
    }
}

/// Opens a run.
pub async fn delivery(caller: &Caller, open: OpenRun) -> Result<Delivery, Status> {
    let (requests, received) = mpsc::channel(4);
    let step = Some(Step::Open(open));
    requests.send(ImportPersonsRequest { step }).await.expect("the channel is open");
    let mut population = caller.population();
    let mut answers = population.import_persons(ReceiverStream::new(received)).await?.into_inner();
    match answers.message().await?.and_then(|answer| answer.told) {
        Some(Told::Run(run)) => Ok(Delivery { run, requests, answers }),
        other => panic!("an import begins with its run, not with {other:?}"),
    }
}

impl Delivery {
    /// Sends a chunk and waits until it is durable.
    pub async fn chunk(&mut self, number: i64, rows: &[PersonRow]) -> Result<RunCounts, Status> {
        self.send(number, rows).await;
        match self.answers.message().await?.and_then(|answer| answer.told) {
            Some(Told::Chunk(chunk)) => {
                assert_eq!(chunk.number, number);
                Ok(chunk.counts.unwrap_or_default())
            }
            other => panic!("a chunk is answered by its number, not by {other:?}"),
        }
    }

    /// Sends a chunk and waits for nothing.
    pub async fn send(&mut self, number: i64, rows: &[PersonRow]) {
        let chunk = PersonChunk { number, rows: rows.to_vec() };
        // A server that has ended the stream says why in its answer.
        let _ = self.requests.send(ImportPersonsRequest { step: Some(Step::Chunk(chunk)) }).await;
    }

    /// Sends the chunks that are not there yet.
    pub async fn rest(&mut self, chunks: &[Vec<PersonRow>]) -> Result<(), Status> {
        let there = self.run.last_chunk;
        for (number, rows) in (1..).zip(chunks).filter(|(number, _)| *number > there) {
            self.chunk(number, rows).await?;
        }
        Ok(())
    }

    /// Finishes the run; answers its report.
    pub async fn finish(mut self, end_share_max: f64) -> Result<Run, Status> {
        let step = Some(Step::Finish(FinishRun { end_share_max }));
        let _ = self.requests.send(ImportPersonsRequest { step }).await;
        match self.answers.message().await?.and_then(|answer| answer.told) {
            Some(Told::Run(run)) => Ok(run),
            other => panic!("a run ends with its report, not with {other:?}"),
        }
    }
}

/// A citizen's number with a right check digit; `serial` makes it different from others.
pub fn citizen_number(serial: u32) -> String {
    const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let (day, sequence) = (serial / 1_000 % 28 + 1, serial % 1_000);
    let body = format!("370404{}{:02}{day:02}{sequence:03}", 1940 + serial / 28_000 % 80, serial / 336_000 % 12 + 1);
    let sum: u32 = body.bytes().zip(WEIGHTS).map(|(digit, weight)| u32::from(digit - b'0') * weight).sum();
    let check = b"10X98765432"[usize::try_from(sum % 11).expect("small")];
    format!("{body}{}", char::from(check))
}

/// A person of an area.
pub fn person(display_name: &str, area: &str, serial: u32) -> Person {
    Person {
        display_name: display_name.to_owned(),
        area: area.to_owned(),
        identity_number: citizen_number(serial),
        phone: format!("138{:08}", 10_000_000 + serial),
        ..Default::default()
    }
}

/// What the police say of a person.
pub fn row(source_key: &str, person: Person) -> PersonRow {
    let head = RowHead { source_key: source_key.to_owned(), ..Default::default() };
    PersonRow { head: Some(head), person: Some(person) }
}

/// `rows` in chunks of so many.
pub fn chunks_of(rows: &[PersonRow], size: usize) -> Vec<Vec<PersonRow>> {
    rows.chunks(size).map(<[PersonRow]>::to_vec).collect()
}

/// Enters a person.
pub async fn create(caller: &Caller, person: Person) -> Person {
    let request = CreatePersonRequest { person: Some(person), request_id: request_id(), ..Default::default() };
    done(caller.population().create_person(request).await)
}

/// Everybody the caller may export.
pub async fn export(caller: &Caller) -> Vec<Person> {
    let request = ExportPersonsRequest::default();
    let mut stream = done(caller.population().export_persons(request).await);
    let mut persons = Vec::new();
    while let Some(message) = stream.message().await.expect("an export that goes through") {
        persons.extend(message.persons);
    }
    persons
}

/// The names of the persons that a query finds, all pages of it.
pub async fn search(caller: &Caller, query: &str, page_size: i32) -> Vec<String> {
    let mut names = Vec::new();
    let mut request = SearchPersonsRequest { query: query.to_owned(), page_size, ..Default::default() };
    loop {
        let page = done(caller.population().search_persons(request.clone()).await);
        names.extend(page.persons.into_iter().map(|person| person.display_name));
        request.page_token = page.next_page_token;
        if request.page_token.is_empty() {
            return names;
        }
    }
}
