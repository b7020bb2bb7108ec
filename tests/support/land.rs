//! Small maps. Coordinates are cells: cell (x, y) is a square of 0.01° (about 1 km) whose south-west corner lies x
//! cells east and y cells north of 117.50° E, 34.70° N. Equal cells give equal coordinates to the last bit, so that
//! neighbours share their vertices exactly.

use std::collections::BTreeMap;

use api::grids::v1::{
    Acceptance, ActivateReleaseRequest, Area, AreaCode, AreaKind, AreaSpec, BoundaryUpload, CreateReleaseRequest,
    Datum, FindingKind, ImportAreasRequest, Point, Release, UploadBoundariesRequest, ValidateReleaseRequest,
};

use crate::{Caller, done};

/// One area of a map, with its boundary.
#[derive(Clone, Debug)]
pub struct Plot {
    /// What it is.
    pub kind: AreaKind,
    /// Its code in the scheme `local`.
    pub code: String,
    /// The code of the area it lies in; empty for the root.
    pub parent_code: String,
    /// GeoJSON geometry; empty for none.
    pub geojson: String,
}

/// Areas as the server knows them, by code.
#[derive(Clone, Debug, Default)]
pub struct Land {
    areas: BTreeMap<String, Area>,
}

/// The degrees of a place in cells.
pub fn ground(x: f64, y: f64) -> (f64, f64) {
    (117.5 + x * 0.01, 34.7 + y * 0.01)
}

/// A point in WGS-84.
pub fn point(x: f64, y: f64) -> Option<Point> {
    let (longitude_deg, latitude_deg) = ground(x, y);
    Some(Point { longitude_deg, latitude_deg, datum: Datum::Wgs84.into() })
}

/// A polygon without holes; the ring is closed here.
pub fn polygon(corners: &[(f64, f64)]) -> String {
    format!(r#"{{"type":"Polygon","coordinates":[{}]}}"#, ring(corners))
}

/// A rectangle.
pub fn rectangle(west: f64, south: f64, east: f64, north: f64) -> String {
    polygon(&corners(west, south, east, north))
}

/// A rectangle with a rectangular hole.
pub fn with_hole(outer: (f64, f64, f64, f64), hole: (f64, f64, f64, f64)) -> String {
    let outer = ring(&corners(outer.0, outer.1, outer.2, outer.3));
    let mut hole = corners(hole.0, hole.1, hole.2, hole.3);
    hole.reverse();
    format!(r#"{{"type":"Polygon","coordinates":[{outer},{}]}}"#, ring(&hole))
}

fn corners(west: f64, south: f64, east: f64, north: f64) -> [(f64, f64); 4] {
    [(west, south), (east, south), (east, north), (west, north)]
}

fn ring(corners: &[(f64, f64)]) -> String {
    let closed = corners.iter().chain(corners.first());
    let positions: Vec<String> = closed
        .map(|&(x, y)| {
            let (longitude, latitude) = ground(x, y);
            format!("[{longitude},{latitude}]")
        })
        .collect();
    format!("[{}]", positions.join(","))
}

impl Plot {
    /// An area with a boundary.
    pub fn new(kind: AreaKind, code: &str, parent_code: &str, geojson: String) -> Self {
        Self { kind, code: code.to_owned(), parent_code: parent_code.to_owned(), geojson }
    }

    /// The row that makes it.
    pub fn spec(&self) -> AreaSpec {
        AreaSpec {
            kind: self.kind.into(),
            codes: vec![AreaCode { scheme: "local".to_owned(), code: self.code.clone(), ..Default::default() }],
            display_name: format!("区域{}", self.code),
            parent_code: self.parent_code.clone(),
            ..Default::default()
        }
    }

    fn upload(&self) -> BoundaryUpload {
        BoundaryUpload { code: self.code.clone(), geojson: self.geojson.clone(), ..Default::default() }
    }
}

impl Land {
    /// A subdistrict `S` of 4 by 4 cells; its communities `A` (south-west), `B` (south-east), `C` (north-west), `D`
    /// (north-east) of 2 by 2 cells; in each four micro-grids of one cell, `A1` to `A4` in the same order.
    pub fn squares() -> Vec<Plot> {
        let mut plots = vec![Plot::new(AreaKind::Subdistrict, "S", "", rectangle(0.0, 0.0, 4.0, 4.0))];
        for (letter, x, y) in [("A", 0.0, 0.0), ("B", 2.0, 0.0), ("C", 0.0, 2.0), ("D", 2.0, 2.0)] {
            plots.push(Plot::new(AreaKind::Community, letter, "S", rectangle(x, y, x + 2.0, y + 2.0)));
            for (number, dx, dy) in [(1, 0.0, 0.0), (2, 1.0, 0.0), (3, 0.0, 1.0), (4, 1.0, 1.0)] {
                let (west, south) = (x + dx, y + dy);
                let square = rectangle(west, south, west + 1.0, south + 1.0);
                plots.push(Plot::new(AreaKind::MicroGrid, &format!("{letter}{number}"), letter, square));
            }
        }
        plots
    }

    /// Makes the areas, and brings their boundaries into force.
    pub async fn install(administrator: &Caller, plots: &[Plot]) -> Self {
        let land = Self::import(administrator, plots).await;
        let release = land.draft(administrator, plots).await;
        activate(administrator, &release, &[]).await;
        land
    }

    /// Makes the areas only.
    pub async fn import(administrator: &Caller, plots: &[Plot]) -> Self {
        let mut land = Self::default();
        for rows in plots.chunks(1_000) {
            let areas = rows.iter().map(Plot::spec).collect();
            let request = ImportAreasRequest { areas, ..Default::default() };
            let answer = done(administrator.grids().import_areas(request).await);
            let codes = rows.iter().map(|plot| plot.code.clone());
            land.areas.extend(codes.zip(answer.areas));
        }
        land
    }

    /// A release of all plots, uploaded and validated.
    pub async fn draft(&self, administrator: &Caller, plots: &[Plot]) -> Release {
        let roots = plots.iter().filter(|plot| plot.parent_code.is_empty());
        let roots = roots.map(|plot| self.name(&plot.code)).collect();
        let release = Release { roots, display_name: "test".to_owned(), ..Default::default() };
        let draft = CreateReleaseRequest { release: Some(release), ..Default::default() };
        let mut grids = administrator.grids();
        let release = done(grids.create_release(draft).await);
        let boundaries: Vec<BoundaryUpload> =
            plots.iter().filter(|plot| !plot.geojson.is_empty()).map(Plot::upload).collect();
        upload(administrator, &release.name, boundaries).await;
        done(grids.validate_release(ValidateReleaseRequest { name: release.name, activate_time: None }).await)
    }

    /// The name of the area with this code.
    pub fn name(&self, code: &str) -> String {
        self.area(code).name.clone()
    }

    /// The place in the tree of the area with this code.
    pub fn path(&self, code: &str) -> String {
        self.area(code).path.clone()
    }

    /// The area with this code, as it was made.
    pub fn area(&self, code: &str) -> &Area {
        self.areas.get(code).unwrap_or_else(|| panic!("the map has no area {code}"))
    }

    /// All codes.
    pub fn codes(&self) -> impl Iterator<Item = &str> {
        self.areas.keys().map(String::as_str)
    }

    /// The code of the area with this name.
    pub fn code_of(&self, name: &str) -> &str {
        let found = self.areas.iter().find(|(_, area)| area.name == name);
        found.map_or_else(|| panic!("the map has no area named {name}"), |(code, _)| code)
    }
}

/// Puts boundaries in WGS-84 into a release, in messages of about 2 MiB.
pub async fn upload(administrator: &Caller, release: &str, boundaries: Vec<BoundaryUpload>) -> u32 {
    let mut messages: Vec<UploadBoundariesRequest> = Vec::new();
    let mut bytes = usize::MAX;
    for boundary in boundaries {
        if bytes > 2 << 20 {
            let (release, datum) = (release.to_owned(), Datum::Wgs84.into());
            messages.push(UploadBoundariesRequest { release, datum, ..Default::default() });
            bytes = 0;
        }
        bytes += boundary.geojson.len();
        messages.last_mut().expect("a message was begun").boundaries.push(boundary);
    }
    done(administrator.grids().upload_boundaries(tokio_stream::iter(messages)).await).stored_count
}

/// Brings a validated release into force now.
pub async fn activate(administrator: &Caller, release: &Release, accepted: &[FindingKind]) -> Release {
    let accept = |kind: &FindingKind| Acceptance { kind: (*kind).into(), area_m2_max: 0.0 };
    let acceptances = accepted.iter().map(accept).collect();
    let name = release.name.clone();
    let request = ActivateReleaseRequest { name, acceptances, ..Default::default() };
    done(administrator.grids().activate_release(request).await)
}
