//! `wangge release`: boundary releases and what validation found in them.

use api::grids::v1::{
    Acceptance, ActivateReleaseRequest, CancelActivationRequest, DeleteReleaseRequest, GetReleaseRequest,
    ListFindingsRequest, ListReleasesRequest, Release, ValidateReleaseRequest,
};
use base::{Result, Time};
use clap::{Args, Subcommand};
use rpc::status::from_status;

use super::import::{acceptance, report};
use super::page_size;
use crate::cli;
use crate::client::Clients;
use crate::output::{Output, table};
use crate::words;

/// The full name of the message that most of these commands answer.
const RELEASE: &str = "wangge.grids.v1.Release";

/// What is done with releases.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List releases, newest first
    List(ListArguments),
    /// Show one release
    Get(ReleaseArgument),
    /// Check a release once more, with the boundaries in force around it
    Validate(ValidateArguments),
    /// List what validation found, worst first
    Findings(FindingsArguments),
    /// Bring a validated release into force
    Activate(ActivateArguments),
    /// Take back an activation that lies ahead
    Cancel(CancelArgument),
    /// Delete a release that was never in force
    Delete(ReleaseArgument),
}

/// Arguments of `release list`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  wangge release list")]
pub struct ListArguments {
    /// At most so many
    #[arg(long, default_value_t = 50, value_name = "N", value_parser = cli::limit)]
    limit: usize,
}

/// Names one release.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  wangge release get releases/0198b1c2-7a3e-7cc1-9c7e-2f6d3a1b4c5d")]
pub struct ReleaseArgument {
    /// releases/… name
    release: String,
}

/// Arguments of `release validate`.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  wangge release validate releases/0198b1c2-7a3e-7cc1-9c7e-2f6d3a1b4c5d --at 2027-01-01

An import validates what it uploads. Do it again when the server asks for it: after areas were made or retired where the \
release is, or boundaries around it changed.")]
pub struct ValidateArguments {
    /// releases/… name
    release: String,
    /// When it is to come into force, if not now: what will be in force around it then is looked at
    #[arg(long, value_name = "TIME", value_parser = cli::time)]
    at: Option<Time>,
}

/// Names the release whose activation is taken back.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  wangge release cancel releases/0198b1c2-7a3e-7cc1-9c7e-2f6d3a1b4c5d

Works until five seconds before the release comes into force. It can then be activated for another time, or deleted. A \
release that is in force is undone by another release of the same ground.")]
pub struct CancelArgument {
    /// releases/… name
    release: String,
}

/// Arguments of `release findings`.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  wangge release findings releases/0198b1c2-7a3e-7cc1-9c7e-2f6d3a1b4c5d --kind overlap"
)]
pub struct FindingsArguments {
    /// releases/… name
    release: String,
    /// Only this kind, such as overlap or gap
    #[arg(long, value_parser = kind)]
    kind: Option<i32>,
    /// At most so many
    #[arg(long, default_value_t = 200, value_name = "N", value_parser = cli::limit)]
    limit: usize,
}

/// Arguments of `release activate`.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  wangge release activate releases/0198b1c2-7a3e-7cc1-9c7e-2f6d3a1b4c5d --accept overlap:500 --at 2027-01-01"
)]
pub struct ActivateArguments {
    /// releases/… name
    release: String,
    /// Kinds of faults to accept, such as invalid,overlap; KIND:M2 accepts up to so many square metres each
    #[arg(long, value_delimiter = ',', value_name = "KIND[:M2],…", value_parser = acceptance)]
    accept: Vec<Acceptance>,
    /// From when on; otherwise now
    #[arg(long, value_name = "TIME", value_parser = cli::time)]
    at: Option<Time>,
}

fn kind(word: &str) -> Result<i32, String> {
    words::FINDING.parse(word)
}

/// Runs a command.
pub(super) async fn run(clients: &Clients, command: Command, output: Output) -> Result<()> {
    match command {
        Command::List(arguments) => list(clients, &arguments, output).await,
        Command::Get(ReleaseArgument { release: name }) => {
            let release = clients.grids().get_release(GetReleaseRequest { name }).await.map_err(from_status)?;
            let release = release.into_inner();
            output.message(RELEASE, &release, || in_full(&release))
        }
        Command::Findings(arguments) => findings(clients, arguments, output).await,
        Command::Activate(arguments) => {
            let request = ActivateReleaseRequest {
                name: arguments.release,
                activate_time: arguments.at.map(rpc::time::to_proto),
                acceptances: arguments.accept,
                ..Default::default()
            };
            let release = clients.grids().activate_release(request).await.map_err(from_status)?.into_inner();
            output.message(RELEASE, &release, || in_full(&release))
        }
        Command::Validate(ValidateArguments { release: name, at }) => {
            let request = ValidateReleaseRequest { name, activate_time: at.map(rpc::time::to_proto) };
            let release = clients.grids().validate_release(request).await.map_err(from_status)?.into_inner();
            output.message(RELEASE, &release, || in_full(&release))
        }
        Command::Cancel(CancelArgument { release: name }) => {
            let request = CancelActivationRequest { name, ..Default::default() };
            let release = clients.grids().cancel_activation(request).await.map_err(from_status)?.into_inner();
            output.message(RELEASE, &release, || in_full(&release))
        }
        Command::Delete(ReleaseArgument { release: name }) => {
            let request = DeleteReleaseRequest { name: name.clone(), ..Default::default() };
            clients.grids().delete_release(request).await.map_err(from_status)?;
            output.line(format!("{name} is deleted"))
        }
    }
}

async fn list(clients: &Clients, arguments: &ListArguments, output: Output) -> Result<()> {
    let mut request = ListReleasesRequest::default();
    let mut rows = Vec::new();
    while rows.len() < arguments.limit {
        request.page_size = page_size(arguments.limit - rows.len());
        let page = clients.grids().list_releases(request.clone()).await.map_err(from_status)?.into_inner();
        for release in &page.releases {
            if output.json {
                output.message(RELEASE, release, String::new)?;
            }
            rows.push([
                release.name.clone(),
                words::RELEASE_STATE.label(release.state),
                release.boundary_count.to_string(),
                super::time(release.activate_time.as_ref().or(release.create_time.as_ref())),
                release.display_name.clone(),
            ]);
        }
        request.page_token = page.next_page_token;
        if request.page_token.is_empty() {
            break;
        }
    }
    output.line(table(rows))?;
    if request.page_token.is_empty() { Ok(()) } else { output.more(arguments.limit) }
}

async fn findings(clients: &Clients, arguments: FindingsArguments, output: Output) -> Result<()> {
    let mut request = ListFindingsRequest {
        parent: arguments.release,
        kind: arguments.kind.unwrap_or_default(),
        ..Default::default()
    };
    let mut missing = arguments.limit;
    loop {
        request.page_size = page_size(missing);
        let page = clients.grids().list_findings(request.clone()).await.map_err(from_status)?.into_inner();
        for finding in &page.findings {
            output.message("wangge.grids.v1.Finding", finding, || report::finding(finding))?;
        }
        missing = missing.saturating_sub(page.findings.len());
        request.page_token = page.next_page_token;
        if request.page_token.is_empty() {
            return Ok(());
        }
        if missing == 0 {
            return output.more(arguments.limit);
        }
    }
}

fn in_full(release: &Release) -> String {
    let state = release.state;
    let mut rows = vec![
        ["name".to_owned(), release.name.clone()],
        ["called".to_owned(), release.display_name.clone()],
        ["state".to_owned(), format!("{} {}", words::RELEASE_STATE.say(state), words::RELEASE_STATE.label(state))],
        ["boundaries".to_owned(), release.boundary_count.to_string()],
        ["roots".to_owned(), release.roots.len().to_string()],
        ["validated".to_owned(), super::time(release.validate_time.as_ref())],
        ["in force from".to_owned(), super::time(release.activate_time.as_ref())],
        ["replaced from".to_owned(), super::time(release.retire_time.as_ref())],
    ];
    rows.retain(|[_, value]| !value.is_empty());
    let mut text = table(rows);
    if release.validate_time.is_some() {
        text.push('\n');
        text.push_str(&report::counts(&release.findings));
    }
    text
}
