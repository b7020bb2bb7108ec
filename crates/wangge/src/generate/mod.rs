//! `wangge generate`: a made-up subdistrict shaped like the pilot, and a day of incidents in it.
//!
//! Real are the names and codes of 坛山街道 (370404001) and its 20 communities. Everything else is invented: borders,
//! grids, people, phone numbers, incidents. The same seed makes the same files to the byte. Read on in this order:
//! `places` and `areas`, `names` and `staff`, `themes`, `day` and `course`; `residents` is the register of people.
//!
//! Not here: loading it into a server, which the demo does through the public API like everybody else.

pub(crate) mod areas;
mod chance;
pub(crate) mod course;
pub(crate) mod day;
mod files;
mod names;
pub(crate) mod places;
mod residents;
mod spots;
pub(crate) mod staff;
mod storms;
pub(crate) mod themes;

use std::path::PathBuf;

use api::grids::v1::AreaKind;
use base::Result;
use serde_json::json;

use crate::output::Output;
use areas::{Area, SUBDISTRICT};
use day::Incident;
use staff::Staff;

/// Makes a made-up subdistrict with a day of incidents, as files.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "\
Writes boundaries.geojson (the micro-grids), exclusive-grids.geojson, base-grids.geojson, communities.geojson, areas.csv,
staff.csv and events.ndjson. To load the borders into a server:
  wangge import boundaries DIR/boundaries.geojson --datum wgs84 \\
         --level province:province_code:province_name --level city:city_code:city_name \\
         --level county:county_code:county_name --level subdistrict:subdistrict_code:subdistrict_name \\
         --level community:community_code:community_name --level base-grid:base_grid_code:base_grid_name \\
         --level micro-grid:micro_grid_code:micro_grid_name

With --people it writes persons.ndjson too, a full delivery of so many residents. When the borders are loaded:
  wangge import persons DIR/persons.ndjson --source made-up --source-kind police --area 370404001 \\
         --mode full --sequence 1

Names and codes of 坛山街道 (370404001) and its communities are real; borders, people and incidents are made up. Identity
numbers begin with 390404, because 39 is no province: nobody has such a number. Phone numbers begin with 154, which no
operator has.")]
pub struct Arguments {
    /// Directory for the files; made when missing
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// The same seed makes the same files to the byte
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub seed: u64,
    /// Write so many residents in households too, up to 1,000,000
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub people: Option<u32>,
}

/// A subdistrict with its areas and everyone who works there.
pub(crate) struct Subdistrict {
    /// The tree, parents before children.
    pub(crate) areas: Vec<Area>,
    /// Who works there.
    pub(crate) staff: Staff,
}

impl Subdistrict {
    /// The subdistrict of a seed.
    pub(crate) fn generate(seed: u64) -> Result<Self> {
        let areas = areas::areas(seed)?;
        let staff = Staff::of(&areas, seed);
        Ok(Self { areas, staff })
    }

    /// A day of incidents here.
    pub(crate) fn day(&self, seed: u64) -> Result<Vec<Incident>> {
        day::day(self, seed)
    }

    /// The community that an area lies in; for areas above, the subdistrict.
    pub(crate) fn community_of(&self, area: usize) -> usize {
        let above = std::iter::successors(Some(area), |index| self.areas[*index].parent);
        above.into_iter().find(|index| self.areas[*index].kind == AreaKind::Community).unwrap_or(SUBDISTRICT)
    }

    /// How many areas of a kind there are.
    pub(crate) fn count(&self, kind: AreaKind) -> usize {
        self.areas.iter().filter(|area| area.kind == kind).count()
    }
}

/// Writes the files and says what they hold.
///
/// Errors: `GENERATE_OUTPUT` when a file cannot be written.
pub fn run(arguments: &Arguments, output: Output) -> Result<()> {
    let subdistrict = Subdistrict::generate(arguments.seed)?;
    let incidents = subdistrict.day(arguments.seed)?;
    files::write(&arguments.out, &subdistrict, &incidents)?;
    let residents = arguments.people.unwrap_or_default();
    if residents > 0 {
        residents::write(&arguments.out.join("persons.ndjson"), &subdistrict.areas, residents, arguments.seed)?;
    }
    let (base_grids, micro_grids) = (subdistrict.count(AreaKind::BaseGrid), subdistrict.count(AreaKind::MicroGrid));
    let (exclusive_grids, people) = (subdistrict.count(AreaKind::ExclusiveGrid), subdistrict.staff.people.len());
    let households = subdistrict.areas[SUBDISTRICT].households;
    let value = json!({
        "directory": arguments.out, "seed": arguments.seed, "communities": subdistrict.count(AreaKind::Community),
        "base_grids": base_grids, "micro_grids": micro_grids, "exclusive_grids": exclusive_grids,
        "households": households, "staff": people, "incidents": incidents.len(),
        "residents": residents,
    });
    let persons = match residents {
        0 => String::new(),
        _ => format!("\n{}/persons.ndjson          {residents} residents", arguments.out.display()),
    };
    output.value(&value, || {
        format!(
            "坛山街道 (370404001), seed {}: names and codes of the communities are real, everything else is made up\n\
             {out}/boundaries.geojson       {micro_grids} micro-grids (WGS-84); `wangge generate --help` says how to \
             load them\n\
             {out}/exclusive-grids.geojson  {exclusive_grids} exclusive grids; base-grids.geojson and \
             communities.geojson beside them\n\
             {out}/areas.csv                {} areas, {base_grids} of them base grids, {households} households\n\
             {out}/staff.csv                {people} people, departments and programs with posts and charges\n\
             {out}/events.ndjson            {} incidents of {}{persons}",
            arguments.seed,
            subdistrict.areas.len(),
            incidents.len(),
            day::DAY,
            out = arguments.out.display(),
        )
    })
}
