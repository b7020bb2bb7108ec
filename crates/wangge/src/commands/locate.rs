//! `wangge locate`: one point, or every row of a CSV file.

mod rows;

use std::path::PathBuf;

use api::grids::v1::{AreaRef, Datum, LocateRequest, Location};
use base::{Result, Time};
use rpc::status::from_status;

use crate::cli::{self, Degrees};
use crate::client::Clients;
use crate::output::{Output, table};
use crate::words;

/// Arguments of `locate`.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("what").required(true).args(["longitude", "csv"]))]
#[command(after_help = "\
Examples:
  wangge locate 120.2871 22.9601 --datum wgs84
  wangge locate 117.5876 34.7741 --datum gcj02 --as-of 2026-03-01
  wangge locate --csv calls.csv --out located.csv --datum bd09

The CSV file has a header with the columns lon and lat. All columns are carried through in their order, and \
area_code, area_name, decided_by and border_m are added. A row whose lon or lat cannot be used is told on standard error \
with its row number (the header is row 1), carried through with empty answers, and makes the command end with code 1. Memory does not grow with \
the file.")]
pub struct Arguments {
    /// Degrees east
    #[arg(value_name = "LON", allow_negative_numbers = true, requires = "latitude")]
    longitude: Option<f64>,
    /// Degrees north
    #[arg(value_name = "LAT", allow_negative_numbers = true)]
    latitude: Option<f64>,
    /// File with the columns lon and lat; - is standard input
    #[arg(long, value_name = "IN.csv")]
    csv: Option<PathBuf>,
    /// File to write; without it standard output
    #[arg(long, value_name = "OUT.csv", requires = "csv")]
    out: Option<PathBuf>,
    /// Datum of the points: wgs84, cgcs2000, gcj02 or bd09
    #[arg(long, value_parser = cli::datum)]
    datum: Datum,
    /// Answer with the boundaries that were in force then, such as 2026-03-01 or "2026-03-01 08:00"
    #[arg(long, value_name = "TIME", value_parser = cli::time)]
    as_of: Option<Time>,
}

/// Locates.
pub(super) async fn run(clients: &Clients, arguments: Arguments, output: Output) -> Result<()> {
    if let Some(input) = arguments.csv {
        let files = rows::Files { input, output: arguments.out };
        return rows::run(clients, files, arguments.datum, arguments.as_of).await;
    }
    // The parser has made sure that both are there when there is no file.
    let degrees = Degrees {
        longitude: arguments.longitude.unwrap_or(f64::NAN),
        latitude: arguments.latitude.unwrap_or(f64::NAN),
    };
    let request = LocateRequest {
        point: Some(degrees.point(arguments.datum)),
        as_of: arguments.as_of.map(rpc::time::to_proto),
        ..Default::default()
    };
    let location = clients.grids().locate(request).await.map_err(from_status)?.into_inner();
    output.message("wangge.grids.v1.Location", &location, || in_words(&location))
}

fn in_words(location: &Location) -> String {
    let level = |area: &AreaRef| {
        [words::AREA_KIND.label(area.kind), area.display_name.clone(), area.code.clone(), area.name.clone()]
    };
    let decided = location.decided_by;
    let mut text = match location.chain.is_empty() {
        true => "in no area".to_owned(),
        false => table(location.chain.iter().map(level)),
    };
    text.push_str(&format!("\ndecided by {} {}", words::DECIDED_BY.say(decided), words::DECIDED_BY.label(decided)));
    if !location.release.is_empty() {
        text.push_str(&format!(", {:.1} m from the nearest border", location.border_distance_m));
    }
    if let Some(next) = &location.runner_up {
        text.push_str(&format!("\nnext would be {} {}", next.display_name, next.code));
    }
    if !location.release.is_empty() {
        text.push_str(&format!("\nby {}", location.release));
    }
    text
}
