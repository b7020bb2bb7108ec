//! Importing areas: rows that make areas, or bring existing ones up to date, all or none.
//!
//! The first code of a row finds an existing area of the same kind. A row may lie in an area that an earlier row makes.
//! Every row is checked, and every fault is reported with its row, before anything is written.

use api::grids::v1::AreaKind;
use base::{AreaId, AreaPath, Day, Result, Time, Violations};

use crate::model::area::{Amendment, Area, Code, kind_words, may_contain};
use crate::model::tree::Tree;

/// One row.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    /// The id of the area, if this row makes one.
    pub(crate) new_id: AreaId,
    pub(crate) kind: AreaKind,
    pub(crate) display_name: String,
    /// At least one.
    pub(crate) codes: Vec<Code>,
    pub(crate) parent: Parent,
    /// 0: not known, keep what there is.
    pub(crate) household_count: u32,
}

/// What a row lies in.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Parent {
    /// Nothing: it is a root of the tree.
    Root,
    /// The area with this id.
    Named(AreaId),
    /// The area of a coarser kind that bears this code today.
    Coded(String),
}

/// What became of the rows.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Imported {
    /// In the order of the rows.
    pub(crate) areas: Vec<Area>,
    pub(crate) created_count: u32,
    pub(crate) updated_count: u32,
    pub(crate) unchanged_count: u32,
}

/// Plans all rows on the tree. `may_edit` answers whether the caller may change the area (or root) at a path.
///
/// Errors: `INVALID_FIELDS` with every fault as `areas[row].field`; what `may_edit` says.
pub(crate) fn plan(
    tree: &mut Tree<'_>,
    rows: &[Row],
    now: Time,
    may_edit: &dyn Fn(&AreaPath) -> Result<()>,
) -> Result<Imported> {
    let mut import = Import { now, today: now.civil_day(), may_edit, violations: Violations::new() };
    let mut imported = Imported::default();
    for (number, row) in rows.iter().enumerate() {
        import.row(tree, row, &format!("areas[{number}]"), &mut imported)?;
    }
    import.violations.check()?;
    // A later row may have given an area of an earlier one a child.
    for area in &mut imported.areas {
        *area = tree.require(area.id)?;
    }
    Ok(imported)
}

struct Import<'a> {
    now: Time,
    today: Day,
    may_edit: &'a dyn Fn(&AreaPath) -> Result<()>,
    violations: Violations,
}

impl Import<'_> {
    fn row(&mut self, tree: &mut Tree<'_>, row: &Row, field: &str, imported: &mut Imported) -> Result<()> {
        let Some(parent) = self.parent(tree, row, field)? else { return Ok(()) };
        let existing = match row.codes.first() {
            Some(first) => tree.of_kind_bearing(row.kind, first, self.today)?,
            None => None,
        };
        let area = match existing {
            Some(existing) => {
                (self.may_edit)(&existing.path)?;
                if imported.areas.iter().any(|earlier| earlier.id == existing.id) {
                    self.violations.add(format!("{field}.codes[0].code"), "an earlier row has the same kind and code");
                    return Ok(());
                }
                self.update(tree, row, &existing, parent.as_ref(), field, imported)
            }
            None => {
                (self.may_edit)(&parent.as_ref().map_or(AreaPath::ROOT, |parent| parent.path))?;
                self.create(tree, row, parent.as_ref(), field, imported)?
            }
        };
        let Some(area) = area else { return Ok(()) };
        check_codes(tree, &area, &format!("{field}.codes"), &mut self.violations)?;
        imported.areas.push(area);
        Ok(())
    }

    /// The parent a row asks for: `None` when there is a fault, `Some(None)` for a root.
    fn parent(&mut self, tree: &Tree<'_>, row: &Row, field: &str) -> Result<Option<Option<Area>>> {
        let (found, field) = match &row.parent {
            Parent::Root => return Ok(Some(None)),
            Parent::Named(id) => (tree.area(*id)?.into_iter().collect(), format!("{field}.parent")),
            Parent::Coded(code) => {
                let mut found = tree.bearing(code, self.today)?;
                found.retain(|area| may_contain(area.kind, row.kind));
                // Of several kinds that share a code the finest is meant: it is the one directly above.
                if let Some(finest) = found.iter().map(|area| area.kind).max() {
                    found.retain(|area| area.kind == finest);
                }
                (found, format!("{field}.parent_code"))
            }
        };
        let kind = kind_words(row.kind);
        match <[Area; 1]>::try_from(found) {
            Err(none) if none.is_empty() => self.violations.add(
                field,
                format!("no area in use bears this that could hold a {kind}; parents come before children"),
            ),
            Err(several) => self
                .violations
                .add(field, format!("{} areas bear this code; give the `parent` as areas/… instead", several.len())),
            Ok([parent]) if parent.retire_time.is_some() => {
                self.violations.add(field, "the area is retired; nothing new can lie in it");
            }
            Ok([parent]) if !may_contain(parent.kind, row.kind) => self.violations.add(
                field,
                format!("a {kind} cannot lie in a {}; the order is province … micro-grid", kind_words(parent.kind)),
            ),
            Ok([parent]) => return Ok(Some(Some(parent))),
        }
        Ok(None)
    }

    fn create(
        &mut self,
        tree: &mut Tree<'_>,
        row: &Row,
        parent: Option<&Area>,
        field: &str,
        imported: &mut Imported,
    ) -> Result<Option<Area>> {
        let path = match tree.next_child(parent) {
            Ok(path) => path,
            Err(full) => {
                self.violations.add(format!("{field}.parent"), full.to_string());
                return Ok(None);
            }
        };
        let area = Area {
            id: row.new_id,
            path,
            parent: parent.map(|parent| parent.id),
            kind: row.kind,
            display_name: row.display_name.clone(),
            codes: row.codes.clone(),
            household_count: row.household_count,
            next_child_ordinal: 1,
            child_count: 0,
            retire_time: None,
            create_time: self.now,
            update_time: self.now,
            revision: 1,
        };
        tree.put(area.clone());
        imported.created_count += 1;
        Ok(Some(area))
    }

    fn update(
        &mut self,
        tree: &mut Tree<'_>,
        row: &Row,
        existing: &Area,
        parent: Option<&Area>,
        field: &str,
        imported: &mut Imported,
    ) -> Option<Area> {
        if existing.parent != parent.map(|parent| parent.id) {
            let place = existing.parent.map_or_else(|| "is a root".to_owned(), |id| format!("lies in {}", id.name()));
            self.violations.add(
                format!("{field}.parent"),
                format!("the area with this code exists and {place}; an area cannot be moved"),
            );
            return None;
        }
        let amendment = Amendment {
            display_name: Some(row.display_name.clone()),
            codes: Some(merged(&existing.codes, &row.codes)),
            household_count: (row.household_count > 0).then_some(row.household_count),
        };
        let area = existing.amended(&amendment, self.now);
        if area == *existing {
            imported.unchanged_count += 1;
            return Some(area);
        }
        tree.put(area.clone());
        imported.updated_count += 1;
        Some(area)
    }
}

/// Codes of the row take the place of the same ones, or come after those there are.
fn merged(existing: &[Code], given: &[Code]) -> Vec<Code> {
    let mut codes = existing.to_vec();
    for code in given {
        match codes.iter_mut().find(|own| own.is_same_as(code) && own.shares_a_day_with(code)) {
            Some(own) => own.clone_from(code),
            None => codes.push(code.clone()),
        }
    }
    codes
}

/// Notes each code that another area of the same kind bears on a day on which this one does.
pub(crate) fn check_codes(tree: &Tree<'_>, area: &Area, field: &str, violations: &mut Violations) -> Result<()> {
    for (number, code) in area.codes.iter().enumerate() {
        if let Some(rival) = tree.rival(area, code)? {
            violations.add(
                format!("{field}[{number}].code"),
                format!(
                    "{} {} is borne by {} ({}) on a day on which this area would bear it; give both their days",
                    code.scheme,
                    code.code,
                    rival.id.name(),
                    rival.display_name
                ),
            );
        }
    }
    Ok(())
}
