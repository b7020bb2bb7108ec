//! Watching areas and releases.

use api::grids::v1::{WatchAreasRequest, WatchAreasResponse, watch_areas_response::Change};
use base::{AreaId, Result};
use rpc::{Caller, Scope, cursor};
use store::Entry;
use tonic::Request;

use super::Stream;
use crate::tables::{AREAS, RELEASES};
use crate::{Grids, convert, records};

impl Grids {
    pub(super) fn watch(&self, request: &Request<WatchAreasRequest>) -> Result<Stream<WatchAreasResponse>> {
        let caller = Caller::of(request)?;
        let request = request.get_ref();
        let area: Option<AreaId> =
            convert::read(|violations| convert::fields::name_or_empty(&request.area, "area", violations))?;
        let scope = match area {
            None => caller.scope().clone(),
            Some(area) => caller.scope().narrow(&self.visible_area(&caller, area)?.path),
        };
        let store = self.0.store.clone();
        let after = if request.cursor.is_empty() { store.head() } else { cursor::read(&request.cursor, &store)? };
        let grids = self.clone();
        let translate = move |entry: &Entry| grids.translate(entry, &scope);
        let heartbeat = |cursor| WatchAreasResponse { cursor, change: None };
        Ok(rpc::watch::stream(caller, store, after, translate, heartbeat))
    }

    /// What one transaction means for a watcher of a scope.
    fn translate(&self, entry: &Entry, scope: &Scope) -> Result<Vec<WatchAreasResponse>> {
        let mut changes = Vec::new();
        for change in &entry.changes {
            if let Some((_, Some(area))) = AREAS.decode_change(change)? {
                let area = records::read_area(area)?;
                if scope.covers(&area.path) {
                    changes.push(Change::Area(convert::area::write_area(&area)));
                }
            }
            if let Some((_, Some(release))) = RELEASES.decode_change(change)? {
                let release = records::read_release(&release)?;
                if release.root_paths().any(|root| !scope.narrow(root).is_empty()) {
                    changes.push(Change::Release(convert::release::write_release(&release, self.now())));
                }
            }
        }
        // Only the last message of a transaction moves the cursor past it: whoever breaks off in its middle gets all
        // of it again.
        let last = changes.len().saturating_sub(1);
        let cursor_of = |number| if number == last { entry.sequence } else { entry.sequence.saturating_sub(1) };
        let message = |(number, change)| WatchAreasResponse {
            cursor: cursor::write(&self.0.store, cursor_of(number)),
            change: Some(change),
        };
        Ok(changes.into_iter().enumerate().map(message).collect())
    }
}
