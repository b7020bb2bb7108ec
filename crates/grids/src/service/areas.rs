//! Single areas: read, import, update, retire.

use api::grids::v1::{
    Area, GetAreaRequest, ImportAreasRequest, ImportAreasResponse, RetireAreaRequest, UpdateAreaRequest,
};
use api::stored::grids::v1 as stored;
use base::{AreaId, AreaPath, Error, Kind, Result, Time, Violations};
use prost::Message;
use rpc::{Caller, repeat};
use store::Transaction;
use tonic::Request;

use crate::model::area::require_etag;
use crate::model::import::{self, Imported};
use crate::model::release::{Release, Stage};
use crate::model::tree::Tree;
use crate::{Grids, convert, model, records, tables};

impl Grids {
    pub(super) fn area(&self, request: &Request<GetAreaRequest>) -> Result<Area> {
        let caller = Caller::of(request)?;
        let id = convert::read(|violations| convert::fields::name(&request.get_ref().name, "name", violations))?;
        let area = self.visible_area(&caller, id)?;
        Ok(convert::area::write_area(&area))
    }

    /// An area that the caller may read: in the scope, or above it, so that a chain can be shown.
    pub(super) fn visible_area(&self, caller: &Caller, id: AreaId) -> Result<model::area::Area> {
        let area = self.0.store.read(|view| tables::area(view, id))?;
        area.filter(|area| !caller.scope().narrow(&area.path).is_empty()).ok_or_else(|| Error::not_found(id.name()))
    }

    pub(super) async fn import(&self, request: Request<ImportAreasRequest>) -> Result<ImportAreasResponse> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let now = self.now();
        let (rows, once) = convert::read(|violations| {
            let rows = convert::area::read_rows(&request, now, violations);
            let once = repeat::request(&request.request_id, "ImportAreas", &request, violations);
            rows.zip(once)
        })?;
        let origin = caller.origin("ImportAreas", now);
        let may_edit = move |path: &base::AreaPath| caller.require(path);
        if request.validate_only {
            let plan = move |view: &dyn store::View| import::plan(&mut Tree::new(view), &rows, now, &may_edit);
            return Ok(convert::area::write_imported(&self.0.store.scan(plan).await?));
        }
        let written = self.0.store.write_once(origin, once, move |transaction| {
            let mut tree = Tree::new(transaction);
            let imported = import::plan(&mut tree, &rows, now, &may_edit)?;
            tree.changes().write(transaction)?;
            if imported.created_count > 0 {
                let made = imported.areas.iter().filter(|area| area.create_time == now);
                outdate_releases(transaction, &made.map(|area| area.path).collect::<Vec<_>>(), now)?;
            }
            Ok(records::write_imported(&imported).encode_to_vec())
        });
        let imported = decode::<stored::Imported, Imported>(&written.await?.value, records::read_imported)?;
        self.0.land.note(&imported.areas);
        Ok(convert::area::write_imported(&imported))
    }

    pub(super) async fn update(&self, request: Request<UpdateAreaRequest>) -> Result<Area> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let (update, once) = convert::read(|violations| {
            let update = convert::area::read_update(&request, violations);
            let once = repeat::request(&request.request_id, "UpdateArea", &request, violations);
            update.zip(once)
        })?;
        let now = self.now();
        let written = self.0.store.write_once(caller.origin("UpdateArea", now), once, move |transaction| {
            let mut tree = Tree::new(transaction);
            let area = tree.require(update.id)?;
            caller.require(&area.path)?;
            require_etag(&update.etag, area.revision)?;
            area.require_in_use()?;
            let amended = area.amended(&update.amendment, now);
            let mut violations = Violations::new();
            import::check_codes(&tree, &amended, "area.codes", &mut violations)?;
            violations.check()?;
            tree.put(amended.clone());
            tree.changes().write(transaction)?;
            Ok(records::write_area(&amended).encode_to_vec())
        });
        self.answer_area(&written.await?.value)
    }

    pub(super) async fn retire(&self, request: Request<RetireAreaRequest>) -> Result<Area> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let (id, once) = convert::read(|violations| {
            let id = convert::fields::name(&request.name, "name", violations);
            id.zip(repeat::request(&request.request_id, "RetireArea", &request, violations))
        })?;
        // While the area is retired no release may bring a boundary of it into force.
        let _turn = self.0.change.lock().await;
        let now = self.now();
        let area = self.0.store.read(|view| tables::area(view, id))?;
        // Who may not retire it learns nothing of releases; the write says so.
        if area.is_some_and(|area| caller.require(&area.path).is_ok()) {
            self.require_no_boundary(id)?;
        }
        let written = self.0.store.write_once(caller.origin("RetireArea", now), once, move |transaction| {
            let mut tree = Tree::new(transaction);
            let area = tree.require(id)?;
            caller.require(&area.path)?;
            require_etag(&request.etag, area.revision)?;
            area.require_in_use()?;
            let retired = tree.retire(area, now)?;
            tree.changes().write(transaction)?;
            outdate_releases(transaction, &[retired.path], now)?;
            Ok(records::write_area(&retired).encode_to_vec())
        });
        self.answer_area(&written.await?.value)
    }

    /// Fails while a boundary of the area is in force, or will be: points in it would lie nowhere.
    fn require_no_boundary(&self, id: AreaId) -> Result<()> {
        let now = self.now();
        let Some(slot) = self.0.land.directory(now).slot(id) else { return Ok(()) };
        let grounds = self.0.land.present_and_future(now);
        let drawn = grounds.iter().find_map(|ground| ground.number(slot).map(|number| ground.release_name(number)));
        let Some(release) = drawn else { return Ok(()) };
        Err(Error::new(
            Kind::Precondition,
            "BOUNDARY_IN_FORCE",
            "a boundary of this area is in force or will be; activate a release of its ground without it first",
        )
        .with("area", id.name())
        .with("release", release))
    }

    /// Takes note of the area that a write answered, and answers it.
    fn answer_area(&self, bytes: &[u8]) -> Result<Area> {
        let area = decode::<stored::Area, model::area::Area>(bytes, records::read_area)?;
        self.0.land.note(std::slice::from_ref(&area));
        Ok(convert::area::write_area(&area))
    }
}

/// Notes in every release that is not in force yet that areas came or went in its subtrees.
fn outdate_releases(transaction: &mut Transaction<'_>, changed: &[AreaPath], now: Time) -> Result<()> {
    let lies_ahead = |release: &Release| release.activate_time.is_none_or(|start| start > now);
    let concerned = |release: &Release| lies_ahead(release) && changed.iter().any(|path| release.describes(path));
    for mut release in tables::releases(transaction)?.into_iter().filter(concerned) {
        release.outdate();
        if release.stage == Stage::Draft {
            tables::delete_findings(transaction, release.id)?;
        }
        tables::put_release(transaction, &release)?;
    }
    Ok(())
}

/// Reads the answer that a write left in the store.
pub(super) fn decode<S: Message + Default, M>(bytes: &[u8], read: fn(S) -> Result<M>) -> Result<M> {
    let stored = S::decode(bytes).map_err(|wrong| {
        Error::new(Kind::Corrupt, "MALFORMED_ANSWER", "a stored answer cannot be read").caused_by(wrong)
    })?;
    read(stored)
}
