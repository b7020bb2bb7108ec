//! Where the records lie: key layout, indexes, and the few reads that know them.
//!
//! ```text
//! 1 areas       path                     in the order of the tree: a subtree is one range
//!     1 by_id       id:16                → path
//!     2 by_parent   path of the parent   → children in their order, without walking through grandchildren
//!     3 by_code     code                 → areas that bear or bore the code, in any scheme
//! 2 ground      (empty)                  the one record about the root above all areas
//! 3 releases    id:16                    in the order they were made
//! 4 boundaries  release:16 area:16       one shape each
//! 5 findings    release:16 ordinal:u32   worst first
//! ```
//! Not here: what the records mean (`model`), how they are written in bytes (`records`).

use api::stored::grids::v1 as stored;
use base::{AreaId, AreaPath, ReleaseId, Result};
use store::{Index, Key, Page, Scan, Schema, Table, Transaction, View};

use crate::model::area::Area;
use crate::model::release::{self, Finding, Release};
use crate::records;

/// Every table of the service; `verify` and `restore` read it too.
pub static SCHEMA: Schema = &[&AREAS, &GROUND, &RELEASES, &BOUNDARIES, &FINDINGS];

pub(crate) static AREAS: Table<stored::Area> =
    Table::new(1, "areas", |area| path_key(&area.path), &[&AREAS_BY_ID, &AREAS_BY_PARENT, &AREAS_BY_CODE], &[]);

static AREAS_BY_ID: Index<stored::Area> = Index::new(1, "by_id", |area, out| out.push(Key::new().raw(&area.id)));

pub(crate) static AREAS_BY_PARENT: Index<stored::Area> = Index::new(2, "by_parent", |area, out| {
    // The path of the parent is all but the last ordinal, which has two bytes.
    out.push(path_key(&area.path[..area.path.len().saturating_sub(2)]));
});

pub(crate) static AREAS_BY_CODE: Index<stored::Area> =
    Index::new(3, "by_code", |area, out| out.extend(area.codes.iter().map(|code| Key::new().text(&code.code))));

static GROUND: Table<stored::Ground> = Table::new(2, "ground", |_| Key::new(), &[], &[]);

pub(crate) static RELEASES: Table<stored::Release> =
    Table::new(3, "releases", |release| Key::new().raw(&release.id), &[], &[]);

pub(crate) static BOUNDARIES: Table<stored::Boundary> =
    Table::new(4, "boundaries", |boundary| Key::new().raw(&boundary.release_id).raw(&boundary.area_id), &[], &[]);

pub(crate) static FINDINGS: Table<stored::Finding> =
    Table::new(5, "findings", |finding| Key::new().raw(&finding.release_id).u32(finding.ordinal), &[], &[]);

/// Records read at once when all of a range is wanted.
const PORTION: usize = 1_000;

/// [`Key::path`] of bytes that are a path already.
fn path_key(path: &[u8]) -> Key {
    Key::new().raw(path).raw(&[0, 0])
}

/// The area with this id.
pub(crate) fn area(view: &dyn View, id: AreaId) -> Result<Option<Area>> {
    let found = AREAS.page_by(view, &AREAS_BY_ID, &Scan::prefix(Key::new().id(id)).limit(1))?;
    found.records.into_iter().next().map(records::read_area).transpose()
}

/// The area at this place.
pub(crate) fn area_at(view: &dyn View, path: &AreaPath) -> Result<Option<Area>> {
    AREAS.get(view, &Key::new().path(path))?.map(records::read_area).transpose()
}

/// Every area that bears or ever bore a code.
pub(crate) fn areas_with_code(view: &dyn View, code: &str) -> Result<Vec<Area>> {
    let mut found = Vec::new();
    each(&|scan| AREAS.page_by(view, &AREAS_BY_CODE, scan), Key::new().text(code), &mut |area| {
        found.push(records::read_area(area)?);
        Ok(())
    })?;
    Ok(found)
}

/// Visits every area of a subtree, its root included, in the order of the tree.
pub(crate) fn each_area(view: &dyn View, root: &AreaPath, visit: &mut dyn FnMut(Area) -> Result<()>) -> Result<()> {
    each(&|scan| AREAS.page(view, scan), Key::new().subtree(root), &mut |area| visit(records::read_area(area)?))
}

/// Writes an area.
pub(crate) fn put_area(transaction: &mut Transaction<'_>, area: &Area) -> Result<()> {
    AREAS.put(transaction, &records::write_area(area))
}

/// The next ordinal of a root of the tree.
pub(crate) fn next_root_ordinal(view: &dyn View) -> Result<u16> {
    records::read_ordinal(GROUND.get(view, &Key::new())?.unwrap_or_default().next_child_ordinal)
}

/// Writes the next ordinal of a root of the tree.
pub(crate) fn put_next_root_ordinal(transaction: &mut Transaction<'_>, ordinal: u16) -> Result<()> {
    GROUND.put(transaction, &stored::Ground { next_child_ordinal: ordinal.into() })
}

/// The release with this id.
pub(crate) fn release(view: &dyn View, id: ReleaseId) -> Result<Option<Release>> {
    RELEASES.get(view, &Key::new().id(id))?.as_ref().map(records::read_release).transpose()
}

/// Writes a release.
pub(crate) fn put_release(transaction: &mut Transaction<'_>, release: &Release) -> Result<()> {
    RELEASES.put(transaction, &records::write_release(release))
}

/// All activated releases, in the order in which newer ones mask older ones.
pub(crate) fn activated_releases(view: &dyn View) -> Result<Vec<Release>> {
    Ok(release::in_order(releases(view)?))
}

/// All releases, in the order in which they were made.
pub(crate) fn releases(view: &dyn View) -> Result<Vec<Release>> {
    let mut releases = Vec::new();
    each(&|scan| RELEASES.page(view, scan), Key::new(), &mut |release| {
        releases.push(records::read_release(&release)?);
        Ok(())
    })?;
    Ok(releases)
}

/// The stored shape of an area in a release.
pub(crate) fn boundary(view: &dyn View, release: ReleaseId, area: AreaId) -> Result<Option<stored::Boundary>> {
    BOUNDARIES.get(view, &Key::new().id(release).id(area))
}

/// Visits every boundary of a release, in the order of the areas' ids.
pub(crate) fn each_boundary(
    view: &dyn View,
    release: ReleaseId,
    visit: &mut dyn FnMut(stored::Boundary) -> Result<()>,
) -> Result<()> {
    each(&|scan| BOUNDARIES.page(view, scan), Key::new().id(release), visit)
}

/// Replaces the findings of a release; they are given worst first.
pub(crate) fn put_findings(transaction: &mut Transaction<'_>, release: ReleaseId, findings: &[Finding]) -> Result<()> {
    delete_findings(transaction, release)?;
    for (ordinal, finding) in (0..).zip(findings) {
        FINDINGS.put(transaction, &records::write_finding(release, ordinal, finding))?;
    }
    Ok(())
}

/// Deletes the findings of a release.
pub(crate) fn delete_findings(transaction: &mut Transaction<'_>, release: ReleaseId) -> Result<()> {
    let mut ordinals = Vec::new();
    each(&|scan| FINDINGS.page(transaction, scan), Key::new().id(release), &mut |finding| {
        ordinals.push(finding.ordinal);
        Ok(())
    })?;
    ordinals
        .into_iter()
        .try_for_each(|ordinal| FINDINGS.delete(transaction, &Key::new().id(release).u32(ordinal)).map(|_| ()))
}

/// Deletes up to so many boundaries of a release; answers how many there were.
pub(crate) fn delete_boundaries(transaction: &mut Transaction<'_>, release: ReleaseId, most: usize) -> Result<usize> {
    let page = BOUNDARIES.page(transaction, &Scan::prefix(Key::new().id(release)).limit(most))?;
    for boundary in &page.records {
        BOUNDARIES.delete(transaction, &Key::new().raw(&boundary.release_id).raw(&boundary.area_id))?;
    }
    Ok(page.records.len())
}

/// The releases that boundaries name, each once.
pub(crate) fn releases_with_boundaries(view: &dyn View) -> Result<Vec<ReleaseId>> {
    let mut releases = Vec::new();
    let mut from = None;
    loop {
        let page = BOUNDARIES.page(view, &Scan { from, limit: 1, ..Scan::default() })?;
        let Some(first) = page.records.first() else { return Ok(releases) };
        let release = ReleaseId::from_slice(&first.release_id)?;
        releases.push(release);
        // No area's id is greater than sixteen bytes of ones, so this goes on with the next release.
        from = Some(Key::new().id(release).raw(&[0xFF; 17]));
    }
}

/// Visits every record of a range, portion by portion.
fn each<M>(page: &dyn Fn(&Scan) -> Result<Page<M>>, prefix: Key, visit: &mut dyn FnMut(M) -> Result<()>) -> Result<()> {
    let mut scan = Scan::prefix(prefix).limit(PORTION);
    loop {
        let Page { records, next } = page(&scan)?;
        records.into_iter().try_for_each(&mut *visit)?;
        if next.is_none() {
            return Ok(());
        }
        scan.after = next;
    }
}
