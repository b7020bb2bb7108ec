//! The command line: what every command shares, and how values are read from words.
//!
//! Each command has its arguments in its own file below [`crate::commands`]. Scripts rely on the command lines that the
//! tests below spell out.

use api::grids::v1::{AreaKind, Datum, Point};
use base::Time;
use clap::Parser;

use crate::client::Connection;
use crate::commands::Command;
use crate::output::Output;
use crate::words;

/// The whole command line.
#[derive(Debug, Parser)]
#[command(
    name = "wangge",
    version,
    about = "Wangge 网格: from a point on the map to its micro-grid, its worker and its closing",
    long_about = "Wangge 网格 runs the grid management of a subdistrict: areas and their boundaries, the people in \
                  charge, and incidents from the report to the closing.",
    after_help = "Begin with:\n  wangge demo                            watch a day in a made-up subdistrict\n  \
                  wangge serve --data DIR                start a server; DIR/admin.token appears\n  \
                  export WANGGE_TOKEN_FILE=DIR/admin.token\n  \
                  wangge import boundaries FILE.geojson --datum wgs84 --level community:CODE:NAME\n  \
                  wangge locate 120.2871 22.9601 --datum wgs84\n\n\
                  Exit codes: 0 done, 1 failed, 2 the command line is wrong."
)]
pub struct Cli {
    /// Which server, and by whom.
    #[command(flatten)]
    pub connection: Connection,
    /// Answer in JSON, one value per line, for programs
    #[arg(long, global = true)]
    pub json: bool,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

impl Cli {
    /// Where the command writes its answer.
    pub fn output(&self) -> Output {
        Output { json: self.json }
    }
}

/// Reads a datum.
pub(crate) fn datum(word: &str) -> Result<Datum, String> {
    words::DATUM.parse(word).map(|number| Datum::try_from(number).unwrap_or_default())
}

/// Reads a kind of area.
pub(crate) fn area_kind(word: &str) -> Result<AreaKind, String> {
    words::AREA_KIND.parse(word).map(|number| AreaKind::try_from(number).unwrap_or_default())
}

/// Reads a time: RFC 3339, or civil time in Beijing.
pub(crate) fn time(text: &str) -> Result<Time, String> {
    Time::parse(text)
}

/// Longitude and latitude as they were written, in degrees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Degrees {
    /// Degrees east.
    pub(crate) longitude: f64,
    /// Degrees north.
    pub(crate) latitude: f64,
}

impl Degrees {
    /// The point in a datum.
    pub(crate) fn point(self, datum: Datum) -> Point {
        Point { longitude_deg: self.longitude, latitude_deg: self.latitude, datum: datum.into() }
    }
}

/// Reads `LON,LAT`. Whether the numbers lie on the map is for the server to say.
pub(crate) fn degrees(text: &str) -> Result<Degrees, String> {
    let wrong = || format!("{text:?} is no point; write LON,LAT such as 117.5876,34.7741");
    let (longitude, latitude) = text.split_once(',').ok_or_else(wrong)?;
    let number = |text: &str| text.trim().parse::<f64>().map_err(|_| wrong());
    Ok(Degrees { longitude: number(longitude)?, latitude: number(latitude)? })
}

/// Reads at most how many entries are asked for.
pub(crate) fn limit(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|limit| *limit > 0).ok_or_else(|| format!("{text:?} is no limit; write 1 or more"))
}

/// Reads how long something lasts, in seconds: `90s`, `30m`, `12h`, `366d`.
pub(crate) fn seconds(text: &str) -> Result<i64, String> {
    let wrong = || format!("{text:?} is no duration; write 90s, 30m, 12h or 366d");
    let unit = text.chars().last().ok_or_else(wrong)?;
    let factor = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return Err(wrong()),
    };
    let amount: i64 = text[..text.len() - 1].parse().map_err(|_| wrong())?;
    amount.checked_mul(factor).filter(|seconds| *seconds > 0).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn reads(line: &str) -> Cli {
        Cli::try_parse_from(line.split(' ')).unwrap_or_else(|error| panic!("{line}: {error}"))
    }

    fn refuses(line: &str) -> clap::Error {
        Cli::try_parse_from(line.split(' ')).map(|cli| format!("{cli:?}")).unwrap_err()
    }

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_lines_that_scripts_rely_on_are_read() {
        reads("wangge serve --data DIR --listen 127.0.0.1:50051");
        reads("wangge serve grids staff --data DIR --link events=https://host:1");
        reads("wangge serve buildings --link grids=https://host:1");
        reads("wangge --server http://127.0.0.1:50051 --token-file DIR/admin.token token whoami");
        reads(
            "wangge import boundaries F.geojson --datum wgs84 --level community:TOWNCODE:TOWNNAME --level micro-grid:V:N",
        );
        reads(
            "wangge import boundaries F --datum wgs84 --level micro-grid:V --under 370404001 --accept invalid,overlap --dry-run",
        );
        reads(
            "wangge import persons F.csv --source police --source-kind police --area 370303008 --mode full --sequence 7",
        );
        reads(
            "wangge import persons F.ndjson --source s --source-kind field --area areas/1 --mode delta --sequence 8 \
             --key 证件号码 --ignore 备用,序号 --charset gb18030 --end-share-max 0.1 --dry-run",
        );
        reads("wangge import abandon-persons runs/1");
        reads("wangge generate --out DIR --seed 1 --people 169000");
        reads("wangge locate 120.2 22.9 --datum wgs84");
        reads("wangge locate -118.2 34.0 --datum wgs84 --as-of 2026-09-22");
        reads("wangge locate --csv IN.csv --out OUT.csv --datum wgs84");
        reads("wangge event report --at 117.58,34.77 --datum wgs84 --category 占道经营 --text 摊位");
        reads("wangge event report --at -118.2,34.0 --datum gcj02 --category c --text t");
        reads("wangge area boundary 370404001 --datum gcj02 --as-of 2026-09-22");
        refuses("wangge area boundary 370404001");
        reads("wangge release validate releases/1 --at 2027-01-01");
        reads("wangge release cancel releases/1");
        reads("wangge token issue --data DIR");
        reads("wangge backup --out FILE");
        reads("wangge restore FILE --data DIR");
        reads("wangge verify --data DIR");
        reads("wangge rebuild --data DIR --engine fjall");
        reads("wangge compact --data DIR");
        reads("wangge config");
        for step in ["accept", "dispatch", "start", "verify", "close"] {
            reads(&format!("wangge event {step} events/1"));
        }
        for reasoned in ["refuse", "return", "reopen"] {
            reads(&format!("wangge event {reasoned} events/1 --note why"));
            refuses(&format!("wangge event {reasoned} events/1"));
        }
        reads("wangge event resolve events/1 --result done");
    }

    #[test]
    fn server_and_token_may_stand_before_or_behind_the_command() {
        let before = reads("wangge --server http://h:1 --token-file T locate 1 2 --datum wgs84");
        let behind = reads("wangge locate 1 2 --datum wgs84 --server http://h:1 --token-file T");
        assert_eq!(before.connection.server, behind.connection.server);
        assert_eq!(before.connection.token_file, behind.connection.token_file);
    }

    #[test]
    fn a_point_without_its_datum_is_refused() {
        let error = refuses("wangge locate 120.2 22.9").to_string();
        assert!(error.contains("--datum"), "{error}");
        assert_eq!(refuses("wangge locate 120.2 22.9 --datum epsg4326").exit_code(), 2);
        refuses("wangge locate --datum wgs84");
        refuses("wangge locate 1 2 --csv IN --datum wgs84");
        refuses("wangge event report --at 1,2 --category c --text t");
    }

    #[test]
    fn durations_and_points_are_read_or_answered_with_the_right_form() {
        assert_eq!((seconds("90s"), seconds("12h"), seconds("366d")), (Ok(90), Ok(43_200), Ok(31_622_400)));
        assert!(seconds("12").is_err() && seconds("").is_err() && seconds("-1d").is_err() && seconds("5小").is_err());
        assert_eq!(degrees("117.5, 34.7").unwrap().latitude, 34.7);
        assert!(degrees("117.5").unwrap_err().contains("LON,LAT"));
        assert!(limit("7") == Ok(7) && limit("0").is_err() && limit("many").unwrap_err().contains("1 or more"));
    }
}
