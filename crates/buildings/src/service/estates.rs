//! Estates: enter, change, find, count, watch, and decide what sources claim.

use api::buildings::v1 as pb;
use api::buildings::v1::{Estate, watch_estates_response::Change};
use base::{Error, Result};
use futures_util::stream::BoxStream;
use registry::serving::{self, by_hand, given, part};
use registry::{ClaimEntry, Entry, Watched};
use rpc::Caller;
use tonic::{Request, Status};

use crate::Buildings;

impl Buildings {
    pub(super) async fn list_estates(
        &self,
        request: Request<pb::ListEstatesRequest>,
    ) -> Result<pb::ListEstatesResponse> {
        let caller = Caller::of(&request)?;
        let mut request = request.into_inner();
        let page = (std::mem::take(&mut request.page_size), std::mem::take(&mut request.page_token));
        // Taken before the data is read: who watches from here is told again of a change in between, and misses none.
        let cursor = self.estates.cursor();
        let asked = (request.area.as_str(), request.show_deleted);
        let (method, page) = (("ListEstates", &request), (page.0, page.1.as_str()));
        let (estates, next_page_token) = serving::list(&self.estates, &caller, method, asked, page).await?;
        Ok(pb::ListEstatesResponse { estates, next_page_token, cursor })
    }

    pub(super) async fn create_estate(&self, request: Request<pb::CreateEstateRequest>) -> Result<Estate> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let (source, reason) = (request.source_kind, &request.reason);
        let by_hand = by_hand("CreateEstate", &request, &request.request_id, source, reason)?;
        let mut estate = given("estate", request.estate)?;
        self.place_estate(&caller, &mut estate, None).await?;
        serving::create(&self.estates, &caller, &estate, by_hand).await
    }

    pub(super) async fn update_estate(&self, request: Request<pb::UpdateEstateRequest>) -> Result<Estate> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let (source, reason) = (request.source_kind, &request.reason);
        let by_hand = by_hand("UpdateEstate", &request, &request.request_id, source, reason)?;
        let (mut estate, mut mask) = (given("estate", request.estate)?, request.update_mask);
        self.place_estate(&caller, &mut estate, mask.as_mut()).await?;
        let seen = (estate.name.as_str(), estate.etag.as_str());
        serving::update(&self.estates, &caller, (&estate, mask.as_ref()), seen, by_hand).await
    }

    pub(super) async fn delete_estate(&self, request: Request<pb::DeleteEstateRequest>) -> Result<Estate> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let by_hand = by_hand("DeleteEstate", &request, &request.request_id, 0, &request.reason)?;
        serving::delete(&self.estates, &caller, (&request.name, &request.etag), by_hand).await
    }

    pub(super) async fn restore_estate(&self, request: Request<pb::RestoreEstateRequest>) -> Result<Estate> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let by_hand = by_hand("RestoreEstate", &request, &request.request_id, 0, &request.reason)?;
        serving::restore(&self.estates, &caller, &request.name, by_hand).await
    }

    pub(super) async fn list_estate_changes(
        &self,
        request: Request<pb::ListEstateChangesRequest>,
    ) -> Result<pb::ListEstateChangesResponse> {
        let caller = Caller::of(&request)?;
        let mut request = request.into_inner();
        let page = (std::mem::take(&mut request.page_size), std::mem::take(&mut request.page_token));
        let (method, page) = (("ListEstateChanges", &request), (page.0, page.1.as_str()));
        let (entries, next_page_token) =
            serving::changes(&self.estates, &caller, method, &request.parent, page).await?;
        let change = |entry: Entry<Estate>| pb::EstateChange {
            change: Some(entry.change),
            before: Some(entry.before),
            after: Some(entry.after),
        };
        Ok(pb::ListEstateChangesResponse { changes: entries.into_iter().map(change).collect(), next_page_token })
    }

    pub(super) async fn search_estates(
        &self,
        request: Request<pb::SearchEstatesRequest>,
    ) -> Result<pb::SearchEstatesResponse> {
        let caller = Caller::of(&request)?;
        let mut request = request.into_inner();
        let page = (std::mem::take(&mut request.page_size), std::mem::take(&mut request.page_token));
        let scope = self.estates.scope(&caller, &request.area).await?;
        let (query, part) = part("SearchEstates", &request, caller.scope(), (page.0, &page.1))?;
        let page = self.estates.search(&caller, &request.query, &scope, &part).await?;
        let shown = page.records.iter().map(|record| self.estates.show(record, &caller));
        Ok(pb::SearchEstatesResponse {
            estates: shown.collect::<Result<_>>()?,
            next_page_token: query.token(page.next),
        })
    }

    pub(super) async fn count_estates(
        &self,
        request: Request<pb::CountEstatesRequest>,
    ) -> Result<pb::CountEstatesResponse> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let scope = self.estates.scope(&caller, &request.area).await?;
        let mut below = None;
        if request.by_area_below {
            if request.area.is_empty() {
                return Err(Error::invalid("area", "must be given to count by the areas below it"));
            }
            let place = self.estates.place(&caller, &request.area).await?;
            // A part of the areas below would look like all of them.
            caller.require(&place)?;
            below = Some(place);
        }
        let counts = self.estates.count(&caller, &scope, &request.dimension, below).await?;
        Ok(pb::CountEstatesResponse { counts })
    }

    pub(super) async fn watch_estates(
        &self,
        request: Request<pb::WatchEstatesRequest>,
    ) -> Result<BoxStream<'static, Result<pb::WatchEstatesResponse, Status>>> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let scope = self.estates.scope(&caller, &request.area).await?;
        self.estates.watch(&caller, scope, &request.cursor, |cursor, change| {
            let change = change.map(|change| match change {
                Watched::Element(estate) => Change::Estate(estate),
                Watched::Removed(name) => Change::Removed(name),
            });
            pb::WatchEstatesResponse { cursor, change }
        })
    }

    pub(super) async fn list_estate_claims(
        &self,
        request: Request<pb::ListEstateClaimsRequest>,
    ) -> Result<pb::ListEstateClaimsResponse> {
        let caller = Caller::of(&request)?;
        let mut request = request.into_inner();
        let page = (std::mem::take(&mut request.page_size), std::mem::take(&mut request.page_token));
        let scope = self.estates.scope(&caller, &request.area).await?;
        let (query, part) = part("ListEstateClaims", &request, caller.scope(), (page.0, &page.1))?;
        let page = self.estates.claimed(&scope, &part).await?;
        let mut claims = Vec::new();
        for record in &page.records {
            let claim =
                |entry: ClaimEntry<Estate>| pb::EstateClaim { claim: Some(entry.claim), value: Some(entry.value) };
            claims.extend(self.estates.claims(record, &caller)?.into_iter().map(claim));
        }
        Ok(pb::ListEstateClaimsResponse { claims, next_page_token: query.token(page.next) })
    }

    pub(super) async fn decide_estate_claim(&self, request: Request<pb::DecideEstateClaimRequest>) -> Result<Estate> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let by_hand = by_hand("DecideEstateClaim", &request, &request.request_id, 0, &request.reason)?;
        let meant = (request.name.as_str(), request.field.as_str(), request.source.as_str());
        let record = self.estates.decide(&caller, meant, request.accept, by_hand).await?;
        self.estates.show(&record, &caller)
    }
}
