//! Between the model and the bytes at rest (`wangge.stored.grids.v1`).
//!
//! Reading fails with `Corrupt` when a record is not what this service writes. Not here: keys and indexes (`tables`).

use api::grids::v1::{AreaKind, FindingKind, ReleaseState};
use api::stored::grids::v1 as stored;
use base::{AreaId, AreaPath, Day, Error, Kind, ReleaseId, Result, Time};
use geometry::Bounds;

use crate::model::area::{Area, Code};
use crate::model::import::Imported;
use crate::model::release::{Acceptance, Counted, Finding, Release, Root, Stage, Vicinity};

pub(crate) fn write_area(area: &Area) -> stored::Area {
    stored::Area {
        id: area.id.bytes().to_vec().into(),
        path: area.path.bytes().into(),
        parent_id: area.parent.map_or_else(Vec::new, |parent| parent.bytes().to_vec()).into(),
        kind: area.kind.into(),
        display_name: area.display_name.clone(),
        codes: area.codes.iter().map(write_code).collect(),
        household_count: area.household_count,
        next_child_ordinal: area.next_child_ordinal.into(),
        child_count: area.child_count,
        retire_time_us: write_time(area.retire_time),
        create_time_us: area.create_time.micros(),
        update_time_us: area.update_time.micros(),
        revision: area.revision,
    }
}

pub(crate) fn read_area(area: stored::Area) -> Result<Area> {
    Ok(Area {
        id: AreaId::from_slice(&area.id)?,
        path: AreaPath::from_bytes(&area.path)?,
        parent: if area.parent_id.is_empty() { None } else { Some(AreaId::from_slice(&area.parent_id)?) },
        kind: AreaKind::try_from(area.kind).map_err(|_| malformed("area", "kind"))?,
        display_name: area.display_name,
        codes: area.codes.into_iter().map(read_code).collect(),
        household_count: area.household_count,
        next_child_ordinal: read_ordinal(area.next_child_ordinal)?,
        child_count: area.child_count,
        retire_time: read_time(area.retire_time_us),
        create_time: Time::from_micros(area.create_time_us),
        update_time: Time::from_micros(area.update_time_us),
        revision: area.revision,
    })
}

pub(crate) fn write_imported(imported: &Imported) -> stored::Imported {
    stored::Imported {
        areas: imported.areas.iter().map(write_area).collect(),
        created_count: imported.created_count,
        updated_count: imported.updated_count,
        unchanged_count: imported.unchanged_count,
    }
}

pub(crate) fn read_imported(imported: stored::Imported) -> Result<Imported> {
    Ok(Imported {
        areas: imported.areas.into_iter().map(read_area).collect::<Result<_>>()?,
        created_count: imported.created_count,
        updated_count: imported.updated_count,
        unchanged_count: imported.unchanged_count,
    })
}

/// Reads the next ordinal of a record; ordinals begin at 1, and 0 is what an absent record holds.
pub(crate) fn read_ordinal(ordinal: u32) -> Result<u16> {
    u16::try_from(ordinal.max(1)).map_err(|_| malformed("area", "next_child_ordinal"))
}

fn write_code(code: &Code) -> stored::AreaCode {
    stored::AreaCode {
        scheme: code.scheme.clone(),
        code: code.code.clone(),
        valid_from_day: code.from.map(Day::days),
        valid_to_day: code.to.map(Day::days),
    }
}

fn read_code(code: stored::AreaCode) -> Code {
    Code {
        scheme: code.scheme,
        code: code.code,
        from: code.valid_from_day.map(Day::from_days),
        to: code.valid_to_day.map(Day::from_days),
    }
}

pub(crate) fn write_release(release: &Release) -> stored::Release {
    stored::Release {
        id: release.id.bytes().to_vec().into(),
        display_name: release.display_name.clone(),
        root_ids: release.roots.iter().map(|root| root.id.bytes().to_vec().into()).collect(),
        root_paths: release.roots.iter().map(|root| root.path.bytes().into()).collect(),
        state: match release.stage {
            Stage::Draft => ReleaseState::Draft,
            Stage::Validated => ReleaseState::Validated,
            Stage::Activated => ReleaseState::Active,
        }
        .into(),
        boundary_count: release.boundary_count,
        findings: release.findings.iter().map(write_counted).collect(),
        acceptances: release.acceptances.iter().map(write_acceptance).collect(),
        tolerance_m2: release.tolerance_m2,
        create_time_us: release.create_time.micros(),
        validate_time_us: write_time(release.validate_time),
        activate_time_us: write_time(release.activate_time),
        retire_time_us: write_time(release.retire_time),
        revision: release.revision,
        activation_ordinal: release.activation_ordinal,
        vicinity: release.vicinity.as_ref().map(write_vicinity),
    }
}

pub(crate) fn read_release(release: &stored::Release) -> Result<Release> {
    let roots = release.root_ids.iter().zip(&release.root_paths);
    Ok(Release {
        id: ReleaseId::from_slice(&release.id)?,
        display_name: release.display_name.clone(),
        roots: roots
            .map(|(id, path)| Ok(Root { id: AreaId::from_slice(id)?, path: AreaPath::from_bytes(path)? }))
            .collect::<Result<_>>()?,
        stage: match ReleaseState::try_from(release.state) {
            Ok(ReleaseState::Draft) => Stage::Draft,
            Ok(ReleaseState::Validated) => Stage::Validated,
            Ok(ReleaseState::Active) => Stage::Activated,
            Ok(ReleaseState::Unspecified | ReleaseState::Retired) | Err(_) => {
                return Err(malformed("release", "state"));
            }
        },
        boundary_count: release.boundary_count,
        findings: release.findings.iter().map(read_counted).collect::<Result<_>>()?,
        acceptances: release.acceptances.iter().map(read_acceptance).collect::<Result<_>>()?,
        tolerance_m2: release.tolerance_m2,
        create_time: Time::from_micros(release.create_time_us),
        validate_time: read_time(release.validate_time_us),
        vicinity: release.vicinity.as_ref().map(read_vicinity).transpose()?,
        activate_time: read_time(release.activate_time_us),
        activation_ordinal: release.activation_ordinal,
        retire_time: read_time(release.retire_time_us),
        revision: release.revision,
    })
}

fn write_vicinity(vicinity: &Vicinity) -> stored::Vicinity {
    let Bounds { low: [west_deg, south_deg], high: [east_deg, north_deg] } = vicinity.window;
    stored::Vicinity { west_deg, south_deg, east_deg, north_deg, mark: vicinity.mark.to_vec().into() }
}

fn read_vicinity(vicinity: &stored::Vicinity) -> Result<Vicinity> {
    let window = Bounds { low: [vicinity.west_deg, vicinity.south_deg], high: [vicinity.east_deg, vicinity.north_deg] };
    let mark = vicinity.mark.as_ref().try_into().map_err(|_| malformed("release", "mark of its vicinity"))?;
    Ok(Vicinity { window, mark })
}

fn write_counted(counted: &Counted) -> stored::FindingCount {
    stored::FindingCount {
        kind: counted.kind.into(),
        count: counted.count,
        area_m2: counted.area_m2,
        blocking_count: counted.blocking_count,
        largest_m2: counted.largest_m2,
    }
}

fn read_counted(counted: &stored::FindingCount) -> Result<Counted> {
    Ok(Counted {
        kind: read_finding_kind(counted.kind)?,
        count: counted.count,
        area_m2: counted.area_m2,
        blocking_count: counted.blocking_count,
        largest_m2: counted.largest_m2,
    })
}

fn write_acceptance(acceptance: &Acceptance) -> stored::Acceptance {
    stored::Acceptance { kind: acceptance.kind.into(), area_m2_max: acceptance.area_m2_max }
}

fn read_acceptance(acceptance: &stored::Acceptance) -> Result<Acceptance> {
    Ok(Acceptance { kind: read_finding_kind(acceptance.kind)?, area_m2_max: acceptance.area_m2_max })
}

pub(crate) fn write_finding(release: ReleaseId, ordinal: u32, finding: &Finding) -> stored::Finding {
    stored::Finding {
        release_id: release.bytes().to_vec().into(),
        ordinal,
        kind: finding.kind.into(),
        warning: finding.warning,
        area_ids: finding.areas.iter().map(|id| id.bytes().to_vec().into()).collect(),
        area_m2: finding.area_m2,
        longitude_deg: finding.place.map(|(longitude, _)| longitude),
        latitude_deg: finding.place.map(|(_, latitude)| latitude),
        description: finding.description.clone(),
    }
}

pub(crate) fn read_finding(finding: stored::Finding) -> Result<Finding> {
    Ok(Finding {
        kind: read_finding_kind(finding.kind)?,
        warning: finding.warning,
        areas: finding.area_ids.iter().map(|id| AreaId::from_slice(id)).collect::<Result<_>>()?,
        area_m2: finding.area_m2,
        place: finding.longitude_deg.zip(finding.latitude_deg),
        description: finding.description,
    })
}

fn read_finding_kind(kind: i32) -> Result<FindingKind> {
    FindingKind::try_from(kind).map_err(|_| malformed("finding", "kind"))
}

fn write_time(time: Option<Time>) -> i64 {
    time.map_or(0, Time::micros)
}

fn read_time(micros: i64) -> Option<Time> {
    (micros != 0).then(|| Time::from_micros(micros))
}

fn malformed(record: &str, field: &str) -> Error {
    Error::new(Kind::Corrupt, "MALFORMED_RECORD", format!("a stored {record} has a {field} that is never written"))
}
