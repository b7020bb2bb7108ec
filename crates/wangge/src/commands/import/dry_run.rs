//! `wangge import boundaries --dry-run`: everything that can be checked without writing.
//!
//! The areas are checked by the server, as a real import would (`validate_only`). The boundaries are checked here, by
//! the same validation that the server runs on a release.

use api::grids::v1::{FindingCount, FindingKind, ImportAreasRequest};
use base::Result;
use base::limits::IMPORT_ROWS_MAX;
use geometry::{Area, Shape, Tolerances, validate};
use rpc::status::from_status;
use serde_json::json;

use super::boundaries::{Import, name_rows};
use super::{features, geometry_datum, report};
use crate::stores::blocking;

/// Checks the file and prints what was found. Faults in the boundaries are findings, not errors.
pub(super) async fn run(import: Import<'_>) -> Result<()> {
    let areas = check_areas(&import).await?;
    let (arguments, contents) = (import.arguments, import.contents.clone());
    let (file, levels, datum) = (arguments.file.clone(), arguments.levels.clone(), geometry_datum(arguments.datum)?);
    let tolerances = Tolerances { sliver_m2: arguments.tolerance };
    let found = blocking(move || {
        let mut shapes: Vec<Shape> = vec![Shape::new(Vec::new())?; contents.finest().len()];
        features::read_boundaries(&file, &levels, &contents, |place, geojson| {
            shapes[place] = Shape::from_geojson(&geojson, datum)?;
            Ok(())
        })?;
        let areas = contents.finest().iter().zip(shapes).zip(0..);
        let areas = areas.map(|((area, shape), id)| Area { id, code: area.code.clone(), rank: 1, parent: None, shape });
        let mut found = validate(&areas.collect::<Vec<_>>(), &tolerances);
        // As a release does: a vertex given twice changes no answer.
        found.retain(|finding| finding.kind != geometry::FindingKind::RepeatedVertex);
        let is_warning = |finding: &geometry::Finding| finding.severity == geometry::Severity::Warning;
        found.sort_by(|a, b| is_warning(a).cmp(&is_warning(b)).then(b.area_m2.total_cmp(&a.area_m2)));
        Ok(found)
    })
    .await?;
    import.output.line(areas.text)?;
    import.output.line(report::counts(&counted(&found)))?;
    for finding in found.iter().take(usize::try_from(report::LISTED_MAX).unwrap_or(0)) {
        import.output.line(report::local_finding(finding, import.contents.finest()))?;
    }
    let findings: Vec<_> = found
        .iter()
        .map(|finding| {
            json!({
                "kind": finding_kind(finding).as_str_name(), "codes": finding.codes, "areaM2": finding.area_m2,
                "description": finding.detail,
            })
        })
        .collect();
    let value = json!({ "dryRun": true, "areasCheckedByServer": areas.checked, "findings": findings });
    import.output.value(&value, || "nothing was written".to_owned())
}

/// What the server said of the areas.
struct Checked {
    checked: bool,
    text: String,
}

async fn check_areas(import: &Import<'_>) -> Result<Checked> {
    let under = import.under().await?;
    if import.contents.area_count() > IMPORT_ROWS_MAX {
        let text = format!("areas: not checked by the server, because they are more than {IMPORT_ROWS_MAX}");
        return Ok(Checked { checked: false, text });
    }
    let levels = &import.contents.levels;
    let mut specs = Vec::with_capacity(import.contents.area_count());
    for (number, areas) in levels.iter().enumerate() {
        for area in areas {
            let mut spec = import.spec(number, area);
            match area.parent {
                // The parent may not exist yet, so it is named by its code, earlier in the same request.
                Some(place) => spec.parent_code.clone_from(&levels[number - 1][place].code),
                None => spec.parent = under.clone().unwrap_or_default(),
            }
            specs.push(spec);
        }
    }
    let request = ImportAreasRequest { areas: specs, validate_only: true, ..Default::default() };
    let answer = import.clients.grids().import_areas(request).await;
    let name = |status| name_rows(&from_status(status), levels.iter().flatten());
    let answer = answer.map_err(name)?.into_inner();
    let text = format!(
        "areas: {} would be made, {} changed, {} stay as they are",
        answer.created_count, answer.updated_count, answer.unchanged_count
    );
    Ok(Checked { checked: true, text })
}

/// Findings by kind, as a release counts them.
fn counted(findings: &[geometry::Finding]) -> Vec<FindingCount> {
    let mut counts: Vec<FindingCount> = Vec::new();
    for finding in findings {
        let kind = finding_kind(finding).into();
        let place = counts.iter().position(|counted| counted.kind == kind).unwrap_or_else(|| {
            counts.push(FindingCount { kind, ..Default::default() });
            counts.len() - 1
        });
        counts[place].count += 1;
        counts[place].area_m2 += finding.area_m2;
        counts[place].blocking_count += u32::from(finding.severity == geometry::Severity::Error);
    }
    counts.sort_by_key(|counted| counted.kind);
    counts
}

/// The kind under which a release would list it.
pub(super) fn finding_kind(finding: &geometry::Finding) -> FindingKind {
    match finding.kind {
        geometry::FindingKind::Overlap => FindingKind::Overlap,
        geometry::FindingKind::Gap => FindingKind::Gap,
        geometry::FindingKind::OutsideParent => FindingKind::OutsideParent,
        geometry::FindingKind::EmptyShape => FindingKind::NoPolygon,
        geometry::FindingKind::DuplicateCode => FindingKind::DuplicateCode,
        geometry::FindingKind::InvalidRing
        | geometry::FindingKind::RepeatedVertex
        | geometry::FindingKind::Spike
        | geometry::FindingKind::NotChecked => FindingKind::InvalidRing,
    }
}
