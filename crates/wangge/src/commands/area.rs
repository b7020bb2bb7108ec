//! `wangge area`: looking at areas.

use api::grids::v1::{Area, AreaKind, Boundary, Datum, GetAreaRequest, GetBoundaryRequest, ListAreasRequest};
use base::{AreaId, Error, Kind, Result, Time};
use clap::Subcommand;
use rpc::status::from_status;

use super::import::report::square_metres;
use crate::cli;
use crate::client::Clients;
use crate::output::{Output, table};
use crate::words;

/// What is done with areas.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the areas directly below one, or all below it
    List(ListArguments),
    /// Show one area
    Get(GetArguments),
    /// Show the boundary of an area: its own, or the ground of the areas below it
    Boundary(BoundaryArguments),
}

/// Arguments of `area list`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  wangge area list\n  wangge area list 370404001 --recursive --kind micro-grid --limit 1000"
)]
pub struct ListArguments {
    /// Code or areas/… name of the area above; none: the roots you may see
    #[arg(value_name = "AREA")]
    parent: Option<String>,
    /// All areas below, not only those directly below
    #[arg(long)]
    recursive: bool,
    /// Only this kind, such as community or micro-grid
    #[arg(long, value_parser = cli::area_kind)]
    kind: Option<AreaKind>,
    /// Also retired areas
    #[arg(long)]
    retired: bool,
    /// At most so many
    #[arg(long, default_value_t = 200, value_name = "N", value_parser = cli::limit)]
    limit: usize,
}

/// Arguments of `area get`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  wangge area get 370404001001")]
pub struct GetArguments {
    /// Code or areas/… name
    area: String,
}

/// Arguments of `area boundary`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  wangge area boundary 370404001001 --datum gcj02
  wangge area boundary 370404001001 --datum wgs84 --as-of 2026-03-01 --json | jq -r .geojson > boundary.geojson

An area that nobody has drawn is answered with the ground of the areas below it, and said to be derived from them.")]
pub struct BoundaryArguments {
    /// Code or areas/… name
    area: String,
    /// Datum of the coordinates in --json: wgs84, cgcs2000, gcj02 or bd09
    #[arg(long, value_parser = cli::datum)]
    datum: Datum,
    /// The boundary that was in force then, such as 2026-03-01 or "2026-03-01 08:00"
    #[arg(long, value_name = "TIME", value_parser = cli::time)]
    as_of: Option<Time>,
}

/// Runs a command.
pub(super) async fn run(clients: &Clients, command: Command, output: Output) -> Result<()> {
    match command {
        Command::List(arguments) => list(clients, arguments, output).await,
        Command::Get(arguments) => {
            let name = resolve(clients, &arguments.area).await?;
            let area = clients.grids().get_area(GetAreaRequest { name }).await.map_err(from_status)?.into_inner();
            output.message("wangge.grids.v1.Area", &area, || in_full(&area))
        }
        Command::Boundary(arguments) => boundary(clients, arguments, output).await,
    }
}

async fn boundary(clients: &Clients, arguments: BoundaryArguments, output: Output) -> Result<()> {
    let request = GetBoundaryRequest {
        name: resolve(clients, &arguments.area).await?,
        as_of: arguments.as_of.map(rpc::time::to_proto),
        datum: arguments.datum.into(),
    };
    let boundary = clients.grids().get_boundary(request).await.map_err(from_status)?.into_inner();
    output.message("wangge.grids.v1.Boundary", &boundary, || in_short(&boundary))
}

/// What a person wants to know of a boundary; the coordinates are for programs.
fn in_short(boundary: &Boundary) -> String {
    let area = boundary.area.clone().unwrap_or_default();
    let drawn = if boundary.derived { "derived from the areas below, none of its own is drawn" } else { "its own" };
    table([
        ["area".to_owned(), format!("{} {} {}", area.name, area.code, area.display_name)],
        ["boundary".to_owned(), drawn.to_owned()],
        ["ground".to_owned(), square_metres(boundary.area_m2)],
        ["release".to_owned(), boundary.release.clone()],
    ])
}

async fn list(clients: &Clients, arguments: ListArguments, output: Output) -> Result<()> {
    let parent = match &arguments.parent {
        None => String::new(),
        Some(parent) => resolve(clients, parent).await?,
    };
    let mut request = ListAreasRequest {
        parent,
        recursive: arguments.recursive,
        kind: arguments.kind.unwrap_or_default().into(),
        show_retired: arguments.retired,
        ..Default::default()
    };
    let mut areas = Vec::new();
    loop {
        request.page_size = super::page_size(arguments.limit.saturating_sub(areas.len()));
        let page = clients.grids().list_areas(request.clone()).await.map_err(from_status)?.into_inner();
        areas.extend(page.areas);
        request.page_token = page.next_page_token;
        if areas.len() >= arguments.limit || request.page_token.is_empty() {
            break;
        }
    }
    for area in areas.iter().filter(|_| output.json) {
        output.message("wangge.grids.v1.Area", area, String::new)?;
    }
    let rows = areas.iter().map(|area| {
        let kind = words::AREA_KIND.label(area.kind);
        [area.path.clone(), kind, main_code(area), area.display_name.clone(), area.name.clone()]
    });
    output.line(table(rows))?;
    if request.page_token.is_empty() { Ok(()) } else { output.more(arguments.limit) }
}

fn main_code(area: &Area) -> String {
    area.codes.first().map(|code| code.code.clone()).unwrap_or_default()
}

fn in_full(area: &Area) -> String {
    let codes: Vec<String> = area.codes.iter().map(|code| format!("{} ({})", code.code, code.scheme)).collect();
    let mut rows = vec![
        ["name".to_owned(), area.name.clone()],
        ["kind".to_owned(), format!("{} {}", words::AREA_KIND.say(area.kind), words::AREA_KIND.label(area.kind))],
        ["called".to_owned(), area.display_name.clone()],
        ["codes".to_owned(), codes.join(", ")],
        ["place".to_owned(), area.path.clone()],
        ["below".to_owned(), format!("{} areas", area.child_count)],
    ];
    if area.household_count > 0 {
        rows.push(["households".to_owned(), area.household_count.to_string()]);
    }
    if area.retire_time.is_some() {
        rows.push(["retired".to_owned(), super::time(area.retire_time.as_ref())]);
    }
    table(rows)
}

/// The name of the area that a person calls by its code or its name. `-` is the root above all areas.
///
/// Errors: `NOT_FOUND` for an unknown code, `AMBIGUOUS_CODE` when several areas bear it.
pub(super) async fn resolve(clients: &Clients, called: &str) -> Result<String> {
    if AreaId::parse_name(called).is_ok() || called == "areas/-" {
        return Ok(called.to_owned());
    }
    if called == "-" {
        return Ok("areas/-".to_owned());
    }
    let request = ListAreasRequest { code: called.to_owned(), recursive: true, ..Default::default() };
    let found = clients.grids().list_areas(request).await.map_err(from_status)?.into_inner().areas;
    match found.as_slice() {
        [] => {
            let message =
                format!("no area in use bears the code {called}; `wangge area list` shows areas with their codes");
            Err(Error::new(Kind::NotFound, "NOT_FOUND", message))
        }
        [one] => Ok(one.name.clone()),
        several => {
            let choices: Vec<String> = several
                .iter()
                .map(|area| format!("{} {} {}", area.name, words::AREA_KIND.say(area.kind), area.display_name))
                .collect();
            let message =
                format!("several areas bear the code {called}; name one of them:\n  {}", choices.join("\n  "));
            Err(Error::new(Kind::Invalid, "AMBIGUOUS_CODE", message))
        }
    }
}
