//! Releases: drafts, uploads, acceptances as they come in; releases and findings as they go out.

use api::grids::v1::{self, FindingKind};
use base::{AreaId, Time, Violations, limits};
use rpc::time::to_proto;

use crate::convert::fields;
use crate::model::area;
use crate::model::release::{Acceptance, Counted, Finding, Release};

/// Square metres below which an overlap or gap is noise, when the draft says nothing.
const TOLERANCE_M2_DEFAULT: f64 = 1.0;
/// Largest noise limit: a football field is no noise.
const TOLERANCE_M2_MAX: f64 = 10_000.0;

const FINDING_ADVICE: &str = "choose a FindingKind such as FINDING_KIND_OVERLAP";

/// A draft as it is asked for; its roots are looked up later.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    pub(crate) display_name: String,
    pub(crate) roots: Vec<AreaId>,
    pub(crate) tolerance_m2: f64,
}

/// Reads a draft.
pub(crate) fn read_draft(request: &v1::CreateReleaseRequest, violations: &mut Violations) -> Option<Draft> {
    let Some(release) = &request.release else {
        violations.add("release", "must be set, with the `roots` of the subtrees it describes");
        return None;
    };
    let display_name =
        fields::text_or_empty(&release.display_name, "release.display_name", limits::NAME_CHARS_MAX, violations);
    let count = release.roots.len();
    if count == 0 || count > limits::RELEASE_ROOTS_MAX {
        let most = limits::RELEASE_ROOTS_MAX;
        violations.add("release.roots", format!("has {count} areas, but must have 1 to {most}"));
    }
    let roots = release.roots.iter().enumerate();
    let roots: Vec<Option<AreaId>> =
        roots.map(|(number, root)| fields::name(root, &format!("release.roots[{number}]"), violations)).collect();
    let tolerance_m2 = if release.tolerance_m2 == 0.0 { TOLERANCE_M2_DEFAULT } else { release.tolerance_m2 };
    // Written so that NaN is refused too.
    let tolerance_fits = tolerance_m2 > 0.0 && tolerance_m2 <= TOLERANCE_M2_MAX;
    if !tolerance_fits {
        violations.add(
            "release.tolerance_m2",
            format!("is {tolerance_m2}, but must be more than 0 and at most {TOLERANCE_M2_MAX}"),
        );
    }
    Some(Draft {
        display_name: display_name?,
        roots: roots.into_iter().collect::<Option<_>>()?,
        tolerance_m2: tolerance_fits.then_some(tolerance_m2)?,
    })
}

/// Reads the fault kinds that somebody takes upon themselves.
pub(crate) fn read_acceptances(given: &[v1::Acceptance], violations: &mut Violations) -> Option<Vec<Acceptance>> {
    let read: Vec<Option<Acceptance>> = given
        .iter()
        .enumerate()
        .map(|(number, acceptance)| {
            let kind = required_kind(acceptance.kind, &format!("acceptances[{number}].kind"), violations);
            let area_m2_max = acceptance.area_m2_max;
            let fits = area_m2_max >= 0.0 && area_m2_max.is_finite();
            if !fits {
                violations.add(
                    format!("acceptances[{number}].area_m2_max"),
                    format!("is {area_m2_max}, but must be 0 (any size) or more"),
                );
            }
            Some(Acceptance { kind: kind?, area_m2_max: fits.then_some(area_m2_max)? })
        })
        .collect();
    read.into_iter().collect()
}

/// Reads the kind a list of findings is narrowed to: `Some(None)` for all.
pub(crate) fn read_finding_filter(kind: i32, violations: &mut Violations) -> Option<Option<FindingKind>> {
    if kind == 0 { Some(None) } else { required_kind(kind, "kind", violations).map(Some) }
}

fn required_kind(kind: i32, field: &str, violations: &mut Violations) -> Option<FindingKind> {
    let known = FindingKind::try_from(kind);
    fields::required_enum(kind, known, &FindingKind::Unspecified, field, FINDING_ADVICE, violations)
}

/// A release as clients see it at a time.
pub(crate) fn write_release(release: &Release, now: Time) -> v1::Release {
    v1::Release {
        name: release.id.name(),
        display_name: release.display_name.clone(),
        roots: release.roots.iter().map(|root| root.id.name()).collect(),
        state: release.state(now).into(),
        boundary_count: release.boundary_count,
        findings: release.findings.iter().map(write_counted).collect(),
        acceptances: release.acceptances.iter().map(write_acceptance).collect(),
        tolerance_m2: release.tolerance_m2,
        create_time: Some(to_proto(release.create_time)),
        validate_time: release.validate_time.map(to_proto),
        activate_time: release.activate_time.map(to_proto),
        retire_time: release.retire_time.map(to_proto),
        etag: area::etag(release.revision),
    }
}

fn write_counted(counted: &Counted) -> v1::FindingCount {
    v1::FindingCount {
        kind: counted.kind.into(),
        count: counted.count,
        area_m2: counted.area_m2,
        blocking_count: counted.blocking_count,
    }
}

fn write_acceptance(acceptance: &Acceptance) -> v1::Acceptance {
    v1::Acceptance { kind: acceptance.kind.into(), area_m2_max: acceptance.area_m2_max }
}

/// A finding as clients see it; `areas` are its areas as they are called today.
pub(crate) fn write_finding(finding: &Finding, areas: Vec<v1::AreaRef>) -> v1::Finding {
    v1::Finding {
        kind: finding.kind.into(),
        warning: finding.warning,
        areas,
        area_m2: finding.area_m2,
        place: finding.place.map(|(longitude_deg, latitude_deg)| v1::Point {
            longitude_deg,
            latitude_deg,
            datum: v1::Datum::Wgs84.into(),
        }),
        description: finding.description.clone(),
    }
}
