//! Units: enter, change, delete, restore.

use api::buildings::v1 as pb;
use api::buildings::v1::Unit;
use base::Result;

use registry::Entry;
use registry::serving::{self, by_hand, given};
use rpc::Caller;
use tonic::Request;

use crate::Buildings;

impl Buildings {
    pub(super) async fn list_units(&self, request: Request<pb::ListUnitsRequest>) -> Result<pb::ListUnitsResponse> {
        let caller = Caller::of(&request)?;
        let mut request = request.into_inner();
        let page = (std::mem::take(&mut request.page_size), std::mem::take(&mut request.page_token));
        let asked = (request.area.as_str(), request.show_deleted);
        let (method, page) = (("ListUnits", &request), (page.0, page.1.as_str()));
        let (units, next_page_token) = serving::list(&self.units, &caller, method, asked, page).await?;
        Ok(pb::ListUnitsResponse { units, next_page_token })
    }

    pub(super) async fn create_unit(&self, request: Request<pb::CreateUnitRequest>) -> Result<Unit> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let (source, reason) = (request.source_kind, &request.reason);
        let by_hand = by_hand("CreateUnit", &request, &request.request_id, source, reason)?;
        let mut unit = given("unit", request.unit)?;
        self.place_unit(&caller, &mut unit, None).await?;
        serving::create(&self.units, &caller, &unit, by_hand).await
    }

    pub(super) async fn update_unit(&self, request: Request<pb::UpdateUnitRequest>) -> Result<Unit> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let (source, reason) = (request.source_kind, &request.reason);
        let by_hand = by_hand("UpdateUnit", &request, &request.request_id, source, reason)?;
        let (mut unit, mut mask) = (given("unit", request.unit)?, request.update_mask);
        self.place_unit(&caller, &mut unit, mask.as_mut()).await?;
        let seen = (unit.name.as_str(), unit.etag.as_str());
        serving::update(&self.units, &caller, (&unit, mask.as_ref()), seen, by_hand).await
    }

    pub(super) async fn delete_unit(&self, request: Request<pb::DeleteUnitRequest>) -> Result<Unit> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let by_hand = by_hand("DeleteUnit", &request, &request.request_id, 0, &request.reason)?;
        serving::delete(&self.units, &caller, (&request.name, &request.etag), by_hand).await
    }

    pub(super) async fn restore_unit(&self, request: Request<pb::RestoreUnitRequest>) -> Result<Unit> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let by_hand = by_hand("RestoreUnit", &request, &request.request_id, 0, &request.reason)?;
        serving::restore(&self.units, &caller, &request.name, by_hand).await
    }

    pub(super) async fn list_unit_changes(
        &self,
        request: Request<pb::ListUnitChangesRequest>,
    ) -> Result<pb::ListUnitChangesResponse> {
        let caller = Caller::of(&request)?;
        let mut request = request.into_inner();
        let page = (std::mem::take(&mut request.page_size), std::mem::take(&mut request.page_token));
        let (method, page) = (("ListUnitChanges", &request), (page.0, page.1.as_str()));
        let (entries, next_page_token) = serving::changes(&self.units, &caller, method, &request.parent, page).await?;
        let change = |entry: Entry<Unit>| pb::UnitChange {
            change: Some(entry.change),
            before: Some(entry.before),
            after: Some(entry.after),
        };
        Ok(pb::ListUnitChangesResponse { changes: entries.into_iter().map(change).collect(), next_page_token })
    }
}
