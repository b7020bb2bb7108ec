//! `wangge import boundaries`: areas, then a boundary release from its draft to its activation.

use api::grids::v1::{
    ActivateReleaseRequest, AreaCode, AreaSpec, BoundaryUpload, CreateReleaseRequest, Finding, ImportAreasRequest,
    ListFindingsRequest, Release, UploadBoundariesRequest, ValidateReleaseRequest,
};
use base::{Error, Kind, Result, Violation, limits};
use rpc::status::from_status;
use serde_json::json;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::features::{self, Contents, Described};
use super::{Arguments, levels, report};
use crate::client::{Clients, Connection};
use crate::commands::area::resolve;
use crate::output::{Output, message_json, usage};
use crate::progress::{self, Unit};
use crate::stores::blocking;

/// Bytes of boundaries put into one message: well below what a message may hold, so that what stands around them fits.
const UPLOAD_BYTES: usize = limits::MESSAGE_BYTES_MAX / 4 * 3;
/// Messages of an upload that wait to be sent.
const UPLOADS_WAITING_MAX: usize = 2;

/// What became of the areas.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    created: u32,
    updated: u32,
    unchanged: u32,
}

/// Imports a file.
pub(in crate::commands) async fn run(connection: &Connection, arguments: &Arguments, output: Output) -> Result<()> {
    levels::check_order(&arguments.levels).map_err(usage)?;
    let contents = read(arguments).await?;
    output.line(headline(arguments, &contents))?;
    let clients = connection.connect().await?;
    let import = Import { clients, arguments, contents, output };
    if arguments.dry_run { super::dry_run::run(import).await } else { import.run().await }
}

async fn read(arguments: &Arguments) -> Result<Contents> {
    let size = std::fs::metadata(&arguments.file).map_or(0, |metadata| metadata.len());
    let bar = progress::bar("reading", Unit::Bytes, size);
    let (file, levels, datum, shown) = (arguments.file.clone(), arguments.levels.clone(), arguments.datum, bar.clone());
    let contents = blocking(move || features::read(&file, &levels, super::geometry_datum(datum)?, &shown)).await;
    bar.finish_and_clear();
    contents
}

/// What the file holds, in a line or two.
fn headline(arguments: &Arguments, contents: &Contents) -> String {
    let levels: Vec<String> = arguments
        .levels
        .iter()
        .zip(&contents.levels)
        .map(|(level, areas)| format!("{} {}", areas.len(), crate::words::AREA_KIND.say(level.kind.into())))
        .collect();
    let file = arguments.file.display();
    let mut text = format!("{file}: {} features, areas: {}", contents.feature_count, levels.join(", "));
    let pieces = contents.finest().iter().filter(|area| area.pieces > 1).count();
    if pieces > 0 {
        text.push_str(&format!("\n{pieces} areas come in several features, which are taken as pieces of one"));
    }
    let bare = contents.finest().iter().filter(|area| area.pieces == 0).count();
    if bare > 0 {
        text.push_str(&format!("\n{bare} areas come without a geometry"));
    }
    text
}

/// An import of a file that has been read.
pub(super) struct Import<'a> {
    pub(super) clients: Clients,
    pub(super) arguments: &'a Arguments,
    pub(super) contents: Contents,
    pub(super) output: Output,
}

impl Import<'_> {
    async fn run(self) -> Result<()> {
        let under = self.under().await?;
        self.check_root_count(under.as_deref())?;
        let (names, tally) = self.import_areas(under.as_deref()).await?;
        let Tally { created, updated, unchanged } = tally;
        self.output.line(format!("areas: {created} made, {updated} changed, {unchanged} as they were"))?;
        let roots = match under {
            Some(under) if self.arguments.replace => vec![under],
            _ => names[0].clone(),
        };
        let release = self.create_release(roots).await?;
        let stored = self.upload(&release.name, names.last().map_or(&[], Vec::as_slice)).await?;
        self.output.line(format!("{}: {stored} boundaries uploaded", release.name))?;
        let release = self.validate(&release.name).await?;
        let findings = self.worst_findings(&release.name).await?;
        self.print_findings(&release, &findings)?;
        let active = self.activate(&release).await?;
        self.print_result(&active, tally, &findings)
    }

    /// The name of the area that the first level lies in.
    pub(super) async fn under(&self) -> Result<Option<String>> {
        match &self.arguments.under {
            None => Ok(None),
            Some(under) => Ok(Some(resolve(&self.clients, under).await?)),
        }
    }

    /// A release replaces whole subtrees and names their roots; too many roots are refused before anything is written.
    fn check_root_count(&self, under: Option<&str>) -> Result<()> {
        let count = self.contents.levels[0].len();
        if count <= limits::RELEASE_ROOTS_MAX || (self.arguments.replace && under.is_some()) {
            return Ok(());
        }
        let most = limits::RELEASE_ROOTS_MAX;
        Err(usage(format!(
            "the first level has {count} areas, and one release describes at most {most} subtrees; add a coarser \
             --level, or name the area they all lie in with --under CODE --replace (then boundaries there that are not \
             in the file go)"
        )))
    }

    /// Makes or updates the areas of every level; answers their names in the order of the file.
    async fn import_areas(&self, under: Option<&str>) -> Result<(Vec<Vec<String>>, Tally)> {
        let mut tally = Tally::default();
        let mut names: Vec<Vec<String>> = Vec::new();
        let bar = progress::bar("areas", Unit::Things, self.contents.area_count() as u64);
        for (number, areas) in self.contents.levels.iter().enumerate() {
            let mut of_level = Vec::with_capacity(areas.len());
            for rows in areas.chunks(limits::IMPORT_ROWS_MAX) {
                let specs = rows.iter().map(|area| {
                    let parent = area.parent.map_or(under.unwrap_or_default(), |place| &names[number - 1][place]);
                    AreaSpec { parent: parent.to_owned(), ..self.spec(number, area) }
                });
                let request = ImportAreasRequest { areas: specs.collect(), ..Default::default() };
                let answer = self.clients.grids().import_areas(request).await;
                let answer = answer.map_err(|status| name_rows(&from_status(status), rows))?.into_inner();
                tally.created += answer.created_count;
                tally.updated += answer.updated_count;
                tally.unchanged += answer.unchanged_count;
                bar.inc(rows.len() as u64);
                of_level.extend(answer.areas.into_iter().map(|area| area.name));
            }
            names.push(of_level);
        }
        bar.finish_and_clear();
        Ok((names, tally))
    }

    /// An area as the server is asked for it, without its parent.
    pub(super) fn spec(&self, level: usize, area: &Described) -> AreaSpec {
        let code = AreaCode { scheme: self.arguments.scheme.clone(), code: area.code.clone(), ..Default::default() };
        AreaSpec {
            kind: self.arguments.levels[level].kind.into(),
            codes: vec![code],
            display_name: area.name.clone(),
            ..Default::default()
        }
    }

    async fn create_release(&self, roots: Vec<String>) -> Result<Release> {
        let of_the_file = || {
            let stem = self.arguments.file.file_stem().unwrap_or_default().to_string_lossy();
            // Nobody chose this one as a name; one that somebody chose is refused by the server when it is too long.
            stem.chars().take(limits::NAME_CHARS_MAX).collect()
        };
        let release = Release {
            display_name: self.arguments.name.clone().unwrap_or_else(of_the_file),
            roots,
            tolerance_m2: self.arguments.tolerance,
            ..Default::default()
        };
        let request = CreateReleaseRequest { release: Some(release), ..Default::default() };
        Ok(self.clients.grids().create_release(request).await.map_err(from_status)?.into_inner())
    }

    /// Sends the boundaries; `areas` are the names of the finest areas.
    async fn upload(&self, release: &str, areas: &[String]) -> Result<u32> {
        let (messages, waiting) = mpsc::channel(UPLOADS_WAITING_MAX);
        let bar = progress::bar("boundaries", Unit::Things, areas.len() as u64);
        let shown = bar.clone();
        let mut batch =
            Batch { release: release.to_owned(), datum: self.arguments.datum.into(), ..Batch::new(messages) };
        let (file, levels) = (self.arguments.file.clone(), self.arguments.levels.clone());
        let (contents, areas) = (self.contents.clone(), areas.to_vec());
        let reading = blocking(move || {
            features::read_boundaries(&file, &levels, &contents, |place, geojson| {
                shown.inc(1);
                batch.add(
                    &contents.finest()[place],
                    BoundaryUpload { area: areas[place].clone(), geojson, ..Default::default() },
                )
            })?;
            batch.send()
        });
        let mut grids = self.clients.grids();
        let sending = grids.upload_boundaries(ReceiverStream::new(waiting));
        let (read, sent) = tokio::join!(reading, sending);
        bar.finish_and_clear();
        // The server's answer says more than the broken channel that it leaves to the reader.
        let answer = sent.map_err(from_status)?.into_inner();
        read.map(|()| answer.stored_count)
    }

    async fn validate(&self, release: &str) -> Result<Release> {
        let request = ValidateReleaseRequest { name: release.to_owned(), activate_time: None };
        Ok(self.clients.grids().validate_release(request).await.map_err(from_status)?.into_inner())
    }

    async fn worst_findings(&self, release: &str) -> Result<Vec<Finding>> {
        let request =
            ListFindingsRequest { parent: release.to_owned(), page_size: report::LISTED_MAX, ..Default::default() };
        Ok(self.clients.grids().list_findings(request).await.map_err(from_status)?.into_inner().findings)
    }

    fn print_findings(&self, release: &Release, findings: &[Finding]) -> Result<()> {
        self.output.line(report::counts(&release.findings))?;
        findings.iter().try_for_each(|finding| self.output.line(report::finding(finding)))?;
        let all: usize = release.findings.iter().map(|counted| counted.count as usize).sum();
        if all > findings.len() {
            let more = all - findings.len();
            self.output.line(format!("  … {more} more: wangge release findings {}", release.name))?;
        }
        Ok(())
    }

    async fn activate(&self, release: &Release) -> Result<Release> {
        let request = ActivateReleaseRequest {
            name: release.name.clone(),
            acceptances: self.arguments.accept.clone(),
            etag: release.etag.clone(),
            ..Default::default()
        };
        let answer = self.clients.grids().activate_release(request).await.map_err(from_status);
        answer.map(tonic::Response::into_inner).map_err(|error| {
            if error.reason() != "FINDINGS_NOT_ACCEPTED" {
                return error;
            }
            let kinds = error.metadata().iter().filter_map(|(kind, facts)| {
                let number = api::grids::v1::FindingKind::from_str_name(kind)?;
                Some((crate::words::FINDING.say(number.into()), facts.clone()))
            });
            let kinds: Vec<(String, String)> = kinds.collect();
            let told: Vec<String> = kinds.iter().map(|(word, facts)| format!("{word} ({facts})")).collect();
            let accept: Vec<&str> = kinds.iter().map(|(word, _)| word.as_str()).collect();
            let message = format!(
                "the release is not in force: it has faults that nobody has accepted: {}. Mend the file and import it \
                 again, or accept them: wangge release activate {} --accept {}",
                told.join(", "),
                release.name,
                accept.join(",")
            );
            Error::new(Kind::Precondition, "FINDINGS_NOT_ACCEPTED", message).with("release", &release.name)
        })
    }

    fn print_result(&self, release: &Release, tally: Tally, findings: &[Finding]) -> Result<()> {
        let findings: Vec<_> =
            findings.iter().map(|finding| message_json("wangge.grids.v1.Finding", finding)).collect::<Result<_>>()?;
        let value = json!({
            "release": message_json("wangge.grids.v1.Release", release)?,
            "worst_findings": findings,
            "areas": { "created": tally.created, "updated": tally.updated, "unchanged": tally.unchanged },
        });
        self.output.value(&value, || format!("{} is in force: {} boundaries", release.name, release.boundary_count))
    }
}

/// The server speaks of rows of its request; a person knows names and codes.
pub(super) fn name_rows<'a>(error: &Error, rows: impl IntoIterator<Item = &'a Described>) -> Error {
    let rows: Vec<&Described> = rows.into_iter().collect();
    let named = Error::new(error.kind(), error.reason().to_owned(), error.message().to_owned());
    let named = error.metadata().iter().fold(named, |named, (key, value)| named.with(key.clone(), value));
    error.violations().iter().fold(named, |named, Violation { field, description }| {
        let number = field.strip_prefix("areas[").and_then(|rest| rest.split(']').next()?.parse::<usize>().ok());
        let row = number.and_then(|number| rows.get(number));
        let whose = row.map_or_else(String::new, |area| format!(" ({} {})", area.name, area.code));
        named.with_violation(Violation { field: field.clone(), description: format!("{description}{whose}") })
    })
}

/// Boundaries gathered into one message.
struct Batch {
    messages: mpsc::Sender<UploadBoundariesRequest>,
    release: String,
    datum: i32,
    boundaries: Vec<BoundaryUpload>,
    bytes: usize,
}

impl Batch {
    fn new(messages: mpsc::Sender<UploadBoundariesRequest>) -> Self {
        Self { messages, release: String::new(), datum: 0, boundaries: Vec::new(), bytes: 0 }
    }

    fn add(&mut self, area: &Described, boundary: BoundaryUpload) -> Result<()> {
        let bytes = boundary.geojson.len();
        if bytes > limits::MESSAGE_BYTES_MAX - 1_024 {
            let message = format!(
                "the boundary of {} {} has {bytes} bytes, and a message holds at most {}; simplify it, or write its \
                 coordinates with seven decimals (1 cm)",
                area.name,
                area.code,
                limits::MESSAGE_BYTES_MAX
            );
            return Err(Error::new(Kind::Exhausted, "BOUNDARY_TOO_LARGE", message));
        }
        if self.bytes + bytes > UPLOAD_BYTES && !self.boundaries.is_empty() {
            self.send()?;
        }
        self.bytes += bytes;
        self.boundaries.push(boundary);
        Ok(())
    }

    fn send(&mut self) -> Result<()> {
        self.bytes = 0;
        let boundaries = std::mem::take(&mut self.boundaries);
        let message = UploadBoundariesRequest { release: self.release.clone(), datum: self.datum, boundaries };
        let gone = |_| Error::new(Kind::Unavailable, "UPLOAD_ENDED", "the server ended the upload");
        self.messages.blocking_send(message).map_err(gone)
    }
}
