//! Lists of areas: children of one, a whole subtree, the roots of a scope, or the bearers of a code.

use api::grids::v1::{ListAreasRequest, ListAreasResponse};
use api::stored::grids::v1 as stored;
use base::{AreaId, AreaPath, Day, Error, Result};
use rpc::paging::{PageRequest, Query};
use rpc::{Caller, Scope, cursor};
use store::{Key, Page, Scan, View};
use tonic::Request;

use crate::convert::area::Wanted;
use crate::model::area::Area;
use crate::tables::{AREAS, AREAS_BY_CODE, AREAS_BY_PARENT};
use crate::{Grids, convert, records, tables};

impl Grids {
    pub(super) async fn areas(&self, request: Request<ListAreasRequest>) -> Result<ListAreasResponse> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let bare = ListAreasRequest { page_size: 0, page_token: String::new(), ..request.clone() };
        let query = Query::of("ListAreas", &bare, caller.scope());
        let (wanted, page) = convert::read(|violations| {
            let wanted = convert::area::read_list(&request, violations);
            wanted.zip(PageRequest::parse(request.page_size, &request.page_token, &query, violations))
        })?;
        let scope = match wanted.parent {
            None => caller.scope().clone(),
            Some(parent) => self.visible_below(&caller, parent)?,
        };
        let parent = match wanted.parent {
            None => AreaPath::ROOT,
            Some(parent) => self.visible_area(&caller, parent)?.path,
        };
        // Taken before the page is read, so that a change in between is told twice rather than never.
        let cursor = cursor::write(&self.0.store, self.0.store.head());
        let today = self.now().civil_day();
        let listing = Listing { wanted, parent, scope, today };
        let found = self.0.store.scan(move |view| listing.page(view, &page)).await?;
        let areas = found.records.into_iter().map(records::read_area).collect::<Result<Vec<Area>>>()?;
        Ok(ListAreasResponse {
            areas: areas.iter().map(convert::area::write_area).collect(),
            next_page_token: query.token(found.next),
            cursor,
        })
    }

    /// The part of the caller's scope below an area, which may itself lie above the scope.
    fn visible_below(&self, caller: &Caller, parent: AreaId) -> Result<Scope> {
        let scope = caller.scope().narrow(&self.visible_area(caller, parent)?.path);
        if scope.is_empty() { Err(Error::not_found(parent.name())) } else { Ok(scope) }
    }
}

/// One list, ready to be read.
struct Listing {
    wanted: Wanted,
    parent: AreaPath,
    /// What of the caller's scope lies in the parent's subtree.
    scope: Scope,
    today: Day,
}

impl Listing {
    /// Reads a page by the way that walks the fewest records.
    fn page(&self, view: &dyn View, page: &PageRequest) -> Result<Page<stored::Area>> {
        let wanted = &|area: &stored::Area| self.wants(area);
        let scan = |prefix: Key| Scan::prefix(prefix).limit(page.limit).after(page.after.clone());
        if let Some(code) = &self.wanted.code {
            return AREAS.page_by_where(view, &AREAS_BY_CODE, &scan(Key::new().text(code)), wanted);
        }
        if self.wanted.recursive {
            return self.subtrees(view, page);
        }
        if self.wanted.parent.is_some() || self.scope.covers(&AreaPath::ROOT) {
            let children = scan(Key::new().path(&self.parent));
            return AREAS.page_by_where(view, &AREAS_BY_PARENT, &children, wanted);
        }
        self.roots(view, page)
    }

    /// Whether an area belongs into the list.
    fn wants(&self, area: &stored::Area) -> bool {
        // A damaged path is found by scrub; a list does not fail over one record it would not show.
        let Ok(path) = AreaPath::from_bytes(&area.path) else { return false };
        let in_place = match (self.wanted.parent, self.wanted.recursive, &self.wanted.code) {
            // All bearers of a code in the whole scope.
            (None, _, Some(_)) => true,
            (None, true, None) => true,
            (Some(_), true, _) => path != self.parent,
            (_, false, _) => path.parent() == Some(self.parent),
        };
        let kind = self.wanted.kind.is_none_or(|kind| area.kind == i32::from(kind));
        let in_use = self.wanted.show_retired || area.retire_time_us == 0;
        in_place && kind && in_use && self.scope.covers(&path) && self.bears_code(area)
    }

    fn bears_code(&self, area: &stored::Area) -> bool {
        let Some(wanted) = &self.wanted.code else { return true };
        let begun = |day: Option<i32>| day.is_none_or(|from| from <= self.today.days());
        let ended = |day: Option<i32>| day.is_some_and(|to| to <= self.today.days());
        area.codes.iter().any(|code| code.code == *wanted && begun(code.valid_from_day) && !ended(code.valid_to_day))
    }

    /// A page over the subtrees of the scope, one after another; they stand in the order of the tree.
    fn subtrees(&self, view: &dyn View, page: &PageRequest) -> Result<Page<stored::Area>> {
        let paths = self.scope.paths();
        let mut found = Page { records: Vec::new(), next: None };
        for (number, root) in paths.iter().enumerate() {
            // A position is the whole key of the last area, so that it says in which subtree to go on.
            let prefix = Key::new().subtree(root);
            let after = match page.after.as_deref() {
                Some(after) if after.starts_with(prefix.as_bytes()) => Some(after[prefix.as_bytes().len()..].to_vec()),
                Some(after) if after > prefix.as_bytes() => continue,
                _ => None,
            };
            let scan = Scan::prefix(prefix.clone()).limit(page.limit - found.records.len()).after(after);
            let part = AREAS.page_where(view, &scan, &|area| self.wants(area))?;
            found.records.extend(part.records);
            found.next = part.next.map(|next| [prefix.as_bytes(), &next].concat());
            if found.next.is_some() || found.records.len() == page.limit {
                if found.next.is_none() && number + 1 < paths.len() {
                    // The page is full at the end of this subtree: go on after everything in it.
                    found.next = Some([prefix.as_bytes(), &[0xFF; 2]].concat());
                }
                break;
            }
        }
        Ok(found)
    }

    /// A page of the roots of a scope that is not the whole tree.
    fn roots(&self, view: &dyn View, page: &PageRequest) -> Result<Page<stored::Area>> {
        let mut found = Page { records: Vec::new(), next: None };
        let position = |path: &AreaPath| Key::new().path(path).into_bytes();
        let mut paths = self.scope.paths().iter().filter(|path| page.after.as_ref() < Some(&position(path))).peekable();
        while let Some(path) = paths.next() {
            let area = tables::area_at(view, path)?.map(|area| records::write_area(&area));
            found.records.extend(area.filter(|area| self.wants_root(area)));
            if found.records.len() == page.limit {
                found.next = paths.peek().map(|_| position(path));
                break;
            }
        }
        Ok(found)
    }

    fn wants_root(&self, area: &stored::Area) -> bool {
        let kind = self.wanted.kind.is_none_or(|kind| area.kind == i32::from(kind));
        kind && (self.wanted.show_retired || area.retire_time_us == 0)
    }
}
