//! `wangge import`: makes areas and boundaries of files, and brings what other systems deliver into the registries.
//!
//! A delivery of persons goes through `charset` (text), `table` (rows), `columns` (fields), `delivery` (chunks) and
//! `persons` (the call).

mod boundaries;
mod charset;
mod columns;
mod delivery;
mod dry_run;
mod features;
mod levels;
mod persons;
pub(super) mod report;
mod table;

use std::path::PathBuf;

use api::grids::v1::{Acceptance, Datum};
use clap::Subcommand;

pub(super) use boundaries::run as boundaries;
use levels::Level;
pub(super) use persons::{abandon as abandon_persons, run as persons};

use crate::{cli, words};

/// What is imported.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make areas of a GeoJSON file and bring their boundaries into force
    Boundaries(Arguments),
    /// Bring what another system says about persons into the registry
    Persons(persons::Arguments),
    /// Give up a delivery of persons that was not finished; what it has written stays
    AbandonPersons(persons::AbandonArguments),
}

/// Arguments of `import boundaries`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  wangge import boundaries villages.geojson --datum wgs84 \\
         --level county:COUNTYCODE:COUNTYNAME --level subdistrict:TOWNCODE:TOWNNAME --level community:VILLCODE:VILLNAME

Every feature of the file is an area of the last --level, with the feature's geometry as its boundary; the levels \
before it are made from the feature's properties and get no boundary of their own. Areas that exist already (same kind \
and code) are brought up to date. Features that agree in code, name and parent are pieces of one area; features with \
the same code that do not agree are refused.

Steps: make the areas, draft a boundary release, upload, validate, print what was found, activate. Faults that block \
must be accepted by name, or the release stays a draft that answers nothing and can be looked at with \
`wangge release findings`. An accepted overlap may be limited: --accept overlap:500 accepts none of more than 500 m².

--dry-run writes nothing. It reads the whole file and checks levels, codes, names, parents and coordinates here, runs \
the server's own validation of invalid rings, overlaps and gaps on this machine, and asks the server to check the areas \
as an import would (only when they are at most 1,000, because more do not fit into one all-or-nothing request). It \
cannot tell of boundaries that are in force already outside this file, or of what other people change meanwhile.")]
pub struct Arguments {
    /// GeoJSON FeatureCollection (RFC 7946) of polygons and multipolygons
    #[arg(value_name = "FILE.geojson")]
    file: PathBuf,
    /// Datum of the coordinates: wgs84, cgcs2000, gcj02 or bd09
    #[arg(long, value_parser = cli::datum)]
    datum: Datum,
    /// A level of areas, coarsest first: its kind, the property with its code, and the one with its name
    #[arg(long = "level", required = true, value_name = "KIND:CODE_PROPERTY[:NAME_PROPERTY]", value_parser = levels::parse)]
    levels: Vec<Level>,
    /// Code (or areas/… name) of an existing area that the first level lies in
    #[arg(long, value_name = "CODE")]
    under: Option<String>,
    /// The file describes all that lies under --under: boundaries there that are not in the file go
    #[arg(long, requires = "under")]
    replace: bool,
    /// Kinds of faults to accept, such as invalid,overlap; KIND:M2 accepts up to so many square metres each
    #[arg(long, value_delimiter = ',', value_name = "KIND[:M2],…", value_parser = acceptance)]
    accept: Vec<Acceptance>,
    /// Overlaps and gaps of fewer square metres are digitising noise
    #[arg(long, value_name = "M2", default_value_t = 1.0)]
    tolerance: f64,
    /// Scheme of the codes: NBS-12, GB/T 30428.1-15, or a local one
    #[arg(long, value_name = "NAME", default_value = "local")]
    scheme: String,
    /// Name of the boundary release; otherwise the name of the file
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Check everything that can be checked without writing anything (see below)
    #[arg(long)]
    dry_run: bool,
}

/// Reads `overlap` or `overlap:500`.
pub(super) fn acceptance(text: &str) -> Result<Acceptance, String> {
    let (word, area_m2_max) = match text.split_once(':') {
        None => (text, 0.0),
        Some((word, limit)) => {
            let limit = limit.parse::<f64>().ok().filter(|limit| *limit > 0.0 && limit.is_finite());
            (word, limit.ok_or_else(|| format!("{text:?} has no size; write {word}:500 for 500 square metres"))?)
        }
    };
    Ok(Acceptance { kind: words::FINDING.parse(word)?, area_m2_max })
}

/// The same datum as the shapes on this machine know it.
fn geometry_datum(datum: Datum) -> base::Result<geometry::Datum> {
    words::DATUM.say(datum.into()).parse().map_err(|_| base::Error::internal("a datum has no word"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use api::grids::v1::FindingKind;

    #[test]
    fn accepted_faults_are_named_by_word_with_or_without_a_size() {
        let any = Acceptance { kind: FindingKind::InvalidRing.into(), area_m2_max: 0.0 };
        let limited = Acceptance { kind: FindingKind::Overlap.into(), area_m2_max: 500.0 };
        assert_eq!((acceptance("invalid"), acceptance("overlap:500")), (Ok(any), Ok(limited)));
        assert!(acceptance("everything").unwrap_err().contains("invalid-ring, overlap"));
        assert!(acceptance("overlap:0").is_err() && acceptance("overlap:NaN").is_err() && acceptance("gap:").is_err());
    }
}
