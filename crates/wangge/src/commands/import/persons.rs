//! `wangge import persons`: one delivery of another system, from the file to its report.

use std::path::PathBuf;

use api::population::v1::import_persons_request::Step;
use api::population::v1::import_persons_response::Told;
use api::population::v1::{
    AbandonPersonRunRequest, ImportPersonsRequest, ImportPersonsResponse, ListQuarantinedPersonsRequest, PersonChunk,
};
use api::registry::v1::{FinishRun, OpenRun, QuarantinedRow, Run, RunCounts, RunMode, RunState};
use base::{Error, Kind, Result};
use indicatif::ProgressBar;
use rpc::status::from_status;
use serde_json::json;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::charset::Charset;
use super::delivery::{Checked, Delivery};
use super::report;
use crate::client::{Clients, Connection};
use crate::output::{Output, message_json};
use crate::progress::{self, Unit};
use crate::stores::blocking;
use crate::words;

/// Chunks that wait to be sent.
const CHUNKS_WAITING_MAX: usize = 2;
/// Rows set aside that are told one by one.
const LISTED_MAX: i32 = 20;

/// Arguments of `import persons`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  wangge import persons residents.csv --charset gb18030 --source police-residents --source-kind police \\
         --area 370303008 --mode full --sequence 20260301 --dry-run

The file is CSV with a line of heads, or NDJSON: a JSON object in each line. Columns are called as the contract calls \
the fields of a person, in English or in Chinese: display_name or 姓名, identity_number or 证件号码, area or 所在网格 (a code), \
sex or 性别, phone or 联系方式, … A column that is not known is refused with the list of those that are. Values of code \
tables are written as their label (男) or their code in the national standard (1). An empty cell says nothing. What has \
parts or several values, such as special_groups, can only be delivered as NDJSON.

Besides the person, a row may say:
  source_key      来源主键  the source's own key of the person, which must not change; required
  confirmed_time  核实时间  when the source last knew this to be so
  ended           已注销    是: the source no longer has the person
  update_mask     更新字段  fields that the row speaks of, with commas; an empty one of them is cleared

The whole file is read before anything is sent. Then it is sent in chunks, each of which is kept when the server has \
acknowledged it: after a break, the same command goes on behind the last one. A row that breaks a rule is set aside on \
the server with every reason, and stops nothing. The same sequence again changes nothing.

Exit code: 0 when every row was taken; 1 when rows were set aside or could not be read, or the delivery was refused.")]
pub struct Arguments {
    /// The delivery: .csv, .ndjson or .jsonl
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The source system's own name, always the same
    #[arg(long, value_name = "NAME")]
    source: String,
    /// What sort of source it is, which decides whose word counts: police, civil-affairs, field, …
    #[arg(long, value_name = "KIND", value_parser = source_kind)]
    source_kind: i32,
    /// Code (or areas/… name) of the area in which every row must lie
    #[arg(long, value_name = "CODE")]
    area: String,
    /// full: all that the source has, so whoever is missing has ended; delta: only what changed
    #[arg(long, value_parser = mode)]
    mode: i32,
    /// Number of the delivery, larger than all before it from this source, such as the day: 20260301
    #[arg(long, value_name = "NUMBER")]
    sequence: i64,
    /// The column with the source's own key of each row; it may be a field, such as 证件号码
    #[arg(long, value_name = "COLUMN", default_value = "source_key")]
    key: String,
    /// Columns to leave out
    #[arg(long, value_delimiter = ',', value_name = "COLUMN,…")]
    ignore: Vec<String>,
    /// Encoding of the text; a byte order mark does no harm
    #[arg(long, value_enum, default_value = "utf-8")]
    charset: Charset,
    /// A full delivery that would end a larger share of the source's persons is refused
    #[arg(long, value_name = "SHARE", default_value_t = 0.05)]
    end_share_max: f64,
    /// Let the server check and count everything, and write nothing
    #[arg(long)]
    dry_run: bool,
}

/// Arguments of `import abandon-persons`.
#[derive(Debug, clap::Args)]
pub struct AbandonArguments {
    /// Name of the delivery: runs/…
    #[arg(value_name = "RUN")]
    run: String,
}

fn source_kind(word: &str) -> Result<i32, String> {
    words::SOURCE_KIND.parse(word)
}

fn mode(word: &str) -> Result<i32, String> {
    words::RUN_MODE.parse(word)
}

/// Delivers a file.
pub(in crate::commands) async fn run(connection: &Connection, arguments: &Arguments, output: Output) -> Result<()> {
    let delivery = Delivery {
        file: arguments.file.clone(),
        charset: arguments.charset,
        key: arguments.key.clone(),
        ignored: arguments.ignore.clone(),
    };
    let is_full = arguments.mode == RunMode::Full as i32;
    let size = std::fs::metadata(&arguments.file).map_or(0, |metadata| metadata.len());
    let bar = progress::bar("reading", Unit::Bytes, size);
    let (reading, shown) = (delivery.clone(), bar.clone());
    let checked = blocking(move || reading.check(is_full, &shown)).await;
    bar.finish_and_clear();
    let checked = checked?;
    output.line(report::file(&arguments.file, &checked))?;
    for (row, wrong) in &checked.named {
        eprintln!("row {row}: {wrong}");
    }
    if is_full {
        checked.require_all()?;
    }
    let clients = connection.connect().await?;
    let sending = Sending { clients: &clients, arguments, delivery: &delivery, checked: &checked };
    let run = sending.run().await?;
    sending.print(&run, output).await
}

/// Gives a delivery up.
pub(in crate::commands) async fn abandon(clients: &Clients, arguments: AbandonArguments, output: Output) -> Result<()> {
    let request = AbandonPersonRunRequest { name: arguments.run };
    let run = clients.population().abandon_person_run(request).await.map_err(from_status)?.into_inner();
    output.message("wangge.registry.v1.Run", &run, || format!("{} is given up; what it has written stays", run.name))
}

/// A file on its way to the server.
struct Sending<'a> {
    clients: &'a Clients,
    arguments: &'a Arguments,
    delivery: &'a Delivery,
    checked: &'a Checked,
}

impl Sending<'_> {
    /// Opens the run or goes on with it; answers its report.
    async fn run(&self) -> Result<Run> {
        let (steps, to_send) = mpsc::channel(CHUNKS_WAITING_MAX);
        // The channel is empty and its other end is at hand, so this cannot fail.
        let _ = steps.try_send(message(Step::Open(self.open())));
        let answer = self.clients.population().import_persons(ReceiverStream::new(to_send)).await;
        let mut answers = answer.map_err(|status| self.explained(from_status(status)))?.into_inner();
        let opened = answers.message().await.map_err(|status| self.explained(from_status(status)))?;
        let Some(ImportPersonsResponse { told: Some(Told::Run(opened)) }) = opened else { return Err(broken_off()) };
        self.require_same(&opened)?;
        if opened.state() != RunState::Open {
            return Ok(opened);
        }
        let bar = progress::bar("delivering", Unit::Things, self.checked.rows - self.checked.unreadable);
        bar.set_position(rows_of(opened.counts.as_ref()));
        let (delivery, last, end_share_max) = (self.delivery.clone(), opened.last_chunk, self.arguments.end_share_max);
        let sending = blocking(move || send(&delivery, last, end_share_max, &steps));
        let (heard, sent) = tokio::join!(hear(answers, &bar), sending);
        bar.finish_and_clear();
        // The server's own reason comes first: the sender only notices that nobody listens any more.
        let report = heard.map_err(|error| self.explained(error))?;
        sent?;
        report.ok_or_else(broken_off)
    }

    fn open(&self) -> OpenRun {
        OpenRun {
            source: self.arguments.source.clone(),
            source_kind: self.arguments.source_kind,
            mode: self.arguments.mode,
            sequence: self.arguments.sequence,
            area: match self.arguments.area.contains('/') {
                true => self.arguments.area.clone(),
                false => format!("codes/{}", self.arguments.area),
            },
            mapping: format!("wangge import persons, key {}, sha256 {}", self.arguments.key, self.checked.digest),
            dry_run: self.arguments.dry_run,
        }
    }

    /// Refuses to take the report of another delivery for one of this file, and to go on with another file's chunks.
    fn require_same(&self, run: &Run) -> Result<()> {
        let opened = run.opened.clone().unwrap_or_default();
        let (asked, source) = (self.arguments.sequence, &self.arguments.source);
        if opened.sequence != asked {
            let message = format!(
                "{source} has delivered {} already ({}); a delivery needs a larger --sequence than all before it",
                opened.sequence, run.name
            );
            return Err(Error::new(Kind::Precondition, "SEQUENCE_PASSED", message));
        }
        if opened.mapping == self.open().mapping {
            return Ok(());
        }
        let message = match run.state() {
            RunState::Open => format!(
                "{} was begun with another file or another --key; go on with that one, or give it up: wangge import \
                 abandon-persons {}",
                run.name, run.name
            ),
            _ => format!("{} had another file under --sequence {asked}; deliver this one under a larger one", run.name),
        };
        Err(Error::new(Kind::Precondition, "FILE_DIFFERS", message))
    }

    /// A refusal of the server in the words of the command line.
    fn explained(&self, error: Error) -> Error {
        let fact = |name: &str| {
            let found = error.metadata().iter().find(|(key, _)| key == name);
            found.map_or_else(String::new, |(_, fact)| fact.clone())
        };
        let message = match error.reason() {
            "END_SHARE_EXCEEDED" => format!(
                "the file lacks {} of the {} persons that {} has here. Everything else is done; if they are really gone, \
                 run the same command with a larger --end-share-max",
                fact("missing"),
                fact("held"),
                self.arguments.source
            ),
            "RUN_IN_PROGRESS" => format!(
                "{} has an open delivery, {} (--sequence {}, by {}): finish it with its own file, or give it up: wangge \
                 import abandon-persons {}",
                self.arguments.source,
                fact("run"),
                fact("sequence"),
                fact("principal"),
                fact("run")
            ),
            _ => return error,
        };
        Error::new(error.kind(), error.reason().to_owned(), message)
    }

    /// Prints the report. Fails when not every row was taken.
    async fn print(&self, run: &Run, output: Output) -> Result<()> {
        // What could not end stands in no row; its name stands there instead.
        let places = run.reasons.iter().map(|reason| &reason.first_row).filter(|place| !place.contains('/'));
        let places: Vec<String> = places.cloned().collect();
        let delivery = self.delivery.clone();
        let found = blocking(move || delivery.find(&places)).await?;
        let aside = self.set_aside(run).await?;
        let value = json!({
            "run": message_json("wangge.registry.v1.Run", run)?,
            "rows": self.checked.rows,
            "unreadable": self.checked.unreadable,
            "quarantined": aside.iter().map(|row| message_json("wangge.registry.v1.QuarantinedRow", row)).collect::<Result<Vec<_>>>()?,
        });
        output.value(&value, || report::delivered(run, &found, &aside))?;
        let quarantined = run.counts.unwrap_or_default().quarantined;
        if run.reasons.is_empty() && quarantined == 0 && self.checked.unreadable == 0 {
            return Ok(());
        }
        let unreadable = self.checked.unreadable;
        let message = format!("not all was taken: {quarantined} rows were set aside, {unreadable} could not be read");
        Err(Error::new(Kind::Invalid, "ROWS_NOT_TAKEN", message))
    }

    /// The first rows that the server keeps aside; a dry run leaves none there.
    async fn set_aside(&self, run: &Run) -> Result<Vec<QuarantinedRow>> {
        if run.name.is_empty() || run.counts.unwrap_or_default().quarantined == 0 {
            return Ok(Vec::new());
        }
        let request =
            ListQuarantinedPersonsRequest { parent: run.name.clone(), page_size: LISTED_MAX, ..Default::default() };
        let page = self.clients.population().list_quarantined_persons(request).await.map_err(from_status)?;
        Ok(page.into_inner().persons.into_iter().filter_map(|person| person.row).collect())
    }
}

/// Sends the chunks behind the last one that the server has, and the finish. Ends quietly when the server has refused:
/// it says why itself.
fn send(delivery: &Delivery, last: i64, end_share_max: f64, steps: &mpsc::Sender<ImportPersonsRequest>) -> Result<()> {
    let mut chunks = delivery.chunks()?;
    while let Some(chunk) = chunks.next()? {
        let step = Step::Chunk(PersonChunk { number: chunk.number, rows: chunk.rows });
        if chunk.number > last && steps.blocking_send(message(step)).is_err() {
            return Ok(());
        }
    }
    let _ = steps.blocking_send(message(Step::Finish(FinishRun { end_share_max })));
    Ok(())
}

/// Follows the acknowledgements up to the report.
async fn hear(mut answers: tonic::Streaming<ImportPersonsResponse>, bar: &ProgressBar) -> Result<Option<Run>> {
    let mut report = None;
    while let Some(answer) = answers.message().await.map_err(from_status)? {
        match answer.told {
            Some(Told::Chunk(chunk)) => bar.inc(rows_of(chunk.counts.as_ref())),
            Some(Told::Run(run)) => report = Some(run),
            None => {}
        }
    }
    Ok(report)
}

/// Rows that these counts speak of. What a full run ends at its finish has no row.
fn rows_of(counts: Option<&RunCounts>) -> u64 {
    let counts = counts.copied().unwrap_or_default();
    let rows = counts.created + counts.updated + counts.unchanged + counts.ended + counts.quarantined;
    u64::try_from(rows).unwrap_or_default()
}

fn message(step: Step) -> ImportPersonsRequest {
    ImportPersonsRequest { step: Some(step) }
}

fn broken_off() -> Error {
    let message = "the server ended the delivery without a report; the same command goes on with it";
    Error::new(Kind::Unavailable, "DELIVERY_BROKEN_OFF", message)
}
