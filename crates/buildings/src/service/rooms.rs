//! Rooms: enter, change, find, count, watch, and decide what sources claim.

use api::buildings::v1 as pb;
use api::buildings::v1::{Room, watch_rooms_response::Change};
use base::{Error, Result};
use futures_util::stream::BoxStream;
use registry::serving::{self, by_hand, given, part};
use registry::{ClaimEntry, Entry, Watched};
use rpc::Caller;
use tonic::{Request, Status};

use crate::Buildings;

impl Buildings {
    pub(super) async fn list_rooms(&self, request: Request<pb::ListRoomsRequest>) -> Result<pb::ListRoomsResponse> {
        let caller = Caller::of(&request)?;
        let mut request = request.into_inner();
        let page = (std::mem::take(&mut request.page_size), std::mem::take(&mut request.page_token));
        // Taken before the data is read: who watches from here is told again of a change in between, and misses none.
        let cursor = self.rooms.cursor();
        let asked = (request.area.as_str(), request.show_deleted);
        let (method, page) = (("ListRooms", &request), (page.0, page.1.as_str()));
        let (rooms, next_page_token) = serving::list(&self.rooms, &caller, method, asked, page).await?;
        Ok(pb::ListRoomsResponse { rooms, next_page_token, cursor })
    }

    pub(super) async fn create_room(&self, request: Request<pb::CreateRoomRequest>) -> Result<Room> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let (source, reason) = (request.source_kind, &request.reason);
        let by_hand = by_hand("CreateRoom", &request, &request.request_id, source, reason)?;
        let mut room = given("room", request.room)?;
        self.place_room(&caller, &mut room, None).await?;
        serving::create(&self.rooms, &caller, &room, by_hand).await
    }

    pub(super) async fn update_room(&self, request: Request<pb::UpdateRoomRequest>) -> Result<Room> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let (source, reason) = (request.source_kind, &request.reason);
        let by_hand = by_hand("UpdateRoom", &request, &request.request_id, source, reason)?;
        let (mut room, mut mask) = (given("room", request.room)?, request.update_mask);
        self.place_room(&caller, &mut room, mask.as_mut()).await?;
        let seen = (room.name.as_str(), room.etag.as_str());
        serving::update(&self.rooms, &caller, (&room, mask.as_ref()), seen, by_hand).await
    }

    pub(super) async fn delete_room(&self, request: Request<pb::DeleteRoomRequest>) -> Result<Room> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let by_hand = by_hand("DeleteRoom", &request, &request.request_id, 0, &request.reason)?;
        serving::delete(&self.rooms, &caller, (&request.name, &request.etag), by_hand).await
    }

    pub(super) async fn restore_room(&self, request: Request<pb::RestoreRoomRequest>) -> Result<Room> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let by_hand = by_hand("RestoreRoom", &request, &request.request_id, 0, &request.reason)?;
        serving::restore(&self.rooms, &caller, &request.name, by_hand).await
    }

    pub(super) async fn list_room_changes(
        &self,
        request: Request<pb::ListRoomChangesRequest>,
    ) -> Result<pb::ListRoomChangesResponse> {
        let caller = Caller::of(&request)?;
        let mut request = request.into_inner();
        let page = (std::mem::take(&mut request.page_size), std::mem::take(&mut request.page_token));
        let (method, page) = (("ListRoomChanges", &request), (page.0, page.1.as_str()));
        let (entries, next_page_token) = serving::changes(&self.rooms, &caller, method, &request.parent, page).await?;
        let change = |entry: Entry<Room>| pb::RoomChange {
            change: Some(entry.change),
            before: Some(entry.before),
            after: Some(entry.after),
        };
        Ok(pb::ListRoomChangesResponse { changes: entries.into_iter().map(change).collect(), next_page_token })
    }

    pub(super) async fn search_rooms(
        &self,
        request: Request<pb::SearchRoomsRequest>,
    ) -> Result<pb::SearchRoomsResponse> {
        let caller = Caller::of(&request)?;
        let mut request = request.into_inner();
        let page = (std::mem::take(&mut request.page_size), std::mem::take(&mut request.page_token));
        let scope = self.rooms.scope(&caller, &request.area).await?;
        let (query, part) = part("SearchRooms", &request, caller.scope(), (page.0, &page.1))?;
        let page = self.rooms.search(&caller, &request.query, &scope, &part).await?;
        let shown = page.records.iter().map(|record| self.rooms.show(record, &caller));
        Ok(pb::SearchRoomsResponse { rooms: shown.collect::<Result<_>>()?, next_page_token: query.token(page.next) })
    }

    pub(super) async fn count_rooms(&self, request: Request<pb::CountRoomsRequest>) -> Result<pb::CountRoomsResponse> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let scope = self.rooms.scope(&caller, &request.area).await?;
        let mut below = None;
        if request.by_area_below {
            if request.area.is_empty() {
                return Err(Error::invalid("area", "must be given to count by the areas below it"));
            }
            let place = self.rooms.place(&caller, &request.area).await?;
            // A part of the areas below would look like all of them.
            caller.require(&place)?;
            below = Some(place);
        }
        let counts = self.rooms.count(&caller, &scope, &request.dimension, below).await?;
        Ok(pb::CountRoomsResponse { counts })
    }

    pub(super) async fn watch_rooms(
        &self,
        request: Request<pb::WatchRoomsRequest>,
    ) -> Result<BoxStream<'static, Result<pb::WatchRoomsResponse, Status>>> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let scope = self.rooms.scope(&caller, &request.area).await?;
        self.rooms.watch(&caller, scope, &request.cursor, |cursor, change| {
            let change = change.map(|change| match change {
                Watched::Element(room) => Change::Room(room),
                Watched::Removed(name) => Change::Removed(name),
            });
            pb::WatchRoomsResponse { cursor, change }
        })
    }

    pub(super) async fn list_room_claims(
        &self,
        request: Request<pb::ListRoomClaimsRequest>,
    ) -> Result<pb::ListRoomClaimsResponse> {
        let caller = Caller::of(&request)?;
        let mut request = request.into_inner();
        let page = (std::mem::take(&mut request.page_size), std::mem::take(&mut request.page_token));
        let scope = self.rooms.scope(&caller, &request.area).await?;
        let (query, part) = part("ListRoomClaims", &request, caller.scope(), (page.0, &page.1))?;
        let page = self.rooms.claimed(&scope, &part).await?;
        let mut claims = Vec::new();
        for record in &page.records {
            let claim = |entry: ClaimEntry<Room>| pb::RoomClaim { claim: Some(entry.claim), value: Some(entry.value) };
            claims.extend(self.rooms.claims(record, &caller)?.into_iter().map(claim));
        }
        Ok(pb::ListRoomClaimsResponse { claims, next_page_token: query.token(page.next) })
    }

    pub(super) async fn decide_room_claim(&self, request: Request<pb::DecideRoomClaimRequest>) -> Result<Room> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let by_hand = by_hand("DecideRoomClaim", &request, &request.request_id, 0, &request.reason)?;
        let meant = (request.name.as_str(), request.field.as_str(), request.source.as_str());
        let record = self.rooms.decide(&caller, meant, request.accept, by_hand).await?;
        self.rooms.show(&record, &caller)
    }
}
