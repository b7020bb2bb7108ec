//! Estates, buildings, units and rooms through the front door, and the addresses that mean them.

use api::buildings::v1::{
    AddressAspect, AddressVerdict, Building, CountRoomsRequest, CreateBuildingRequest, CreateEstateRequest,
    CreateRoomRequest, CreateUnitRequest, DeleteBuildingRequest, DeleteRoomRequest, Estate, GetRoomRequest, GridPart,
    ListBuildingChangesRequest, ListRoomsRequest, MatchAddressRequest, MatchAddressResponse, RestoreRoomRequest, Room,
    SearchRoomsRequest, Unit, UpdateBuildingRequest, UpdateRoomRequest, WatchRoomsRequest, watch_rooms_response,
};
use api::grids::v1::{Datum, Point};
use prost_types::FieldMask;
use tests::{Caller, Town, done, point, refused};
use tonic::Code;

fn mask(paths: &[&str]) -> Option<FieldMask> {
    Some(FieldMask { paths: paths.iter().map(|path| (*path).to_owned()).collect() })
}

async fn create_estate(caller: &Caller, estate: Estate) -> Estate {
    done(caller.buildings().create_estate(CreateEstateRequest { estate: Some(estate), ..Default::default() }).await)
}

async fn create_building(caller: &Caller, building: Building) -> Building {
    let request = CreateBuildingRequest { building: Some(building), ..Default::default() };
    done(caller.buildings().create_building(request).await)
}

async fn create_unit(caller: &Caller, building: &Building, number: &str) -> Unit {
    let unit = Unit { building: building.name.clone(), number: number.to_owned(), ..Default::default() };
    done(caller.buildings().create_unit(CreateUnitRequest { unit: Some(unit), ..Default::default() }).await)
}

async fn create_room(caller: &Caller, room: Room) -> Room {
    done(caller.buildings().create_room(CreateRoomRequest { room: Some(room), ..Default::default() }).await)
}

async fn room(caller: &Caller, name: &str) -> Room {
    done(caller.buildings().get_room(GetRoomRequest { name: name.to_owned() }).await)
}

async fn update_building(caller: &Caller, building: Building, paths: &[&str]) -> Building {
    let request = UpdateBuildingRequest { building: Some(building), update_mask: mask(paths), ..Default::default() };
    done(caller.buildings().update_building(request).await)
}

async fn ask(caller: &Caller, text: &str) -> MatchAddressResponse {
    done(caller.buildings().match_address(MatchAddressRequest { text: text.to_owned(), ..Default::default() }).await)
}

/// 阳光花园 in A with building 3 in A1, its units 1 and 2, and room 501 in each.
struct Sunshine {
    estate: Estate,
    building: Building,
    rooms: Vec<Room>,
}

impl Sunshine {
    async fn build(town: &Town) -> Self {
        let desk = &town.people.desk;
        let estate = Estate {
            area: town.land.name("A"),
            display_name: "阳光花园".to_owned(),
            addresses: vec!["中山路120号".to_owned()],
            ..Default::default()
        };
        let estate = create_estate(desk, estate).await;
        let building = Building {
            estate: estate.name.clone(),
            number: "３号楼".to_owned(),
            point: point(0.5, 0.5),
            head_name: "王楼长".to_owned(),
            ..Default::default()
        };
        let building = create_building(desk, building).await;
        let mut rooms = Vec::new();
        for number in ["1", "2"] {
            let unit = create_unit(desk, &building, number).await;
            assert_eq!(unit.area, building.area);
            let room = Room {
                building: building.name.clone(),
                unit: unit.name,
                number: "501室".to_owned(),
                owner_name: "张三".to_owned(),
                owner_phone: "13812345678".to_owned(),
                ..Default::default()
            };
            rooms.push(create_room(desk, room).await);
        }
        Self { estate, building, rooms }
    }
}

#[tokio::test]
async fn an_address_leads_to_the_room_and_its_micro_grid() {
    let town = Town::start().await;
    let sunshine = Sunshine::build(&town).await;
    for text in
        ["阳光花园三号楼二单元501", "中山路120号阳光花园3-2-501", "陽光花園３號樓２單元５０１室", "阳光花圆3栋2单元501"]
    {
        let answer = ask(&town.people.desk, text).await;
        let first = &answer.candidates[0];
        assert_eq!((&first.name, first.confident), (&sunshine.rooms[1].name, true), "{text}: {answer:?}");
        assert_eq!(
            (first.area.clone(), first.display_address.as_str()),
            (town.land.name("A1"), "阳光花园3号楼2单元501")
        );
    }
    let answer = ask(&town.people.desk, "阳光花园7号楼").await;
    let evidence = &answer.candidates[0].evidence;
    assert!(!answer.candidates[0].confident && answer.candidates[0].name == sunshine.estate.name);
    assert!(evidence.iter().any(|of| {
        of.aspect() == AddressAspect::Building && of.verdict() == AddressVerdict::Contradicts && of.words == "7"
    }));
    assert!(ask(&town.people.desk, "翡翠公馆3号楼").await.candidates.is_empty());
    assert!(ask(&town.people.desk_b, "阳光花园3号楼2单元501").await.candidates.is_empty(), "not in its area");
    let empty = MatchAddressRequest { text: " ".to_owned(), limit: -1, ..Default::default() };
    refused(town.people.desk.buildings().match_address(empty).await).expect_fields(&["text"]);
}

#[tokio::test]
async fn what_is_written_is_matched_by_the_next_call_and_what_is_deleted_is_not() {
    let town = Town::start().await;
    let sunshine = Sunshine::build(&town).await;
    let desk = &town.people.desk;
    let renamed = Room { name: sunshine.rooms[0].name.clone(), number: "502".to_owned(), ..Default::default() };
    let request = UpdateRoomRequest { room: Some(renamed), update_mask: mask(&["number"]), ..Default::default() };
    done(desk.buildings().update_room(request).await);
    let first = |text: &'static str| async move { ask(desk, text).await.candidates[0].clone() };
    assert_eq!(first("阳光花园3号楼1单元502").await.name, sunshine.rooms[0].name);
    let name = sunshine.rooms[0].name.clone();
    let delete = DeleteRoomRequest { name: name.clone(), reason: "拆除".to_owned(), ..Default::default() };
    done(desk.buildings().delete_room(delete).await);
    assert!(!first("阳光花园3号楼1单元502").await.name.starts_with("rooms/"));
    done(desk.buildings().restore_room(RestoreRoomRequest { name: name.clone(), ..Default::default() }).await);
    assert_eq!(first("阳光花园3号楼1单元502").await.name, name);
}

#[tokio::test]
async fn a_building_comes_to_the_micro_grid_of_its_point_or_outline_and_takes_its_rooms_along() {
    let town = Town::start().await;
    let Sunshine { building, rooms, .. } = Sunshine::build(&town).await;
    let desk = &town.people.desk;
    assert_eq!((&building.area, building.number.as_str()), (&town.land.name("A1"), "3"));
    assert_eq!(rooms[0].area, building.area);

    // One room is given to another micro-grid and stays there.
    let own = Room { name: rooms[0].name.clone(), area: town.land.name("A4"), ..Default::default() };
    let request = UpdateRoomRequest { room: Some(own), update_mask: mask(&["area"]), ..Default::default() };
    assert!(done(desk.buildings().update_room(request).await).own_area);
    let moved = Building { name: building.name.clone(), point: point(1.5, 0.5), ..Default::default() };
    let moved = update_building(desk, moved, &["point"]).await;
    assert_eq!(moved.area, town.land.name("A2"));
    assert_eq!(room(desk, &rooms[1].name).await.area, town.land.name("A2"));
    assert_eq!(room(desk, &rooms[0].name).await.area, town.land.name("A4"));

    let corner = |(x, y)| point(x, y).unwrap();
    let footprint = [(0.2, 1.2), (0.4, 1.2), (0.4, 1.4)].map(corner).to_vec();
    let drawn = Building { name: building.name.clone(), footprint, ..Default::default() };
    assert_eq!(update_building(desk, drawn, &["footprint", "point"]).await.area, town.land.name("A3"));
    let nowhere = Point { datum: Datum::Unspecified.into(), ..corner((0.5, 0.5)) };
    let building = Building { name: building.name, point: Some(nowhere), ..Default::default() };
    let request =
        UpdateBuildingRequest { building: Some(building), update_mask: mask(&["point"]), ..Default::default() };
    refused(desk.buildings().update_building(request).await).expect_fields(&["building.point.datum"]);
}

#[tokio::test]
async fn a_part_of_a_building_belongs_to_another_micro_grid_by_unit_or_floor() {
    let town = Town::start().await;
    let Sunshine { building, rooms, .. } = Sunshine::build(&town).await;
    let desk = &town.people.desk;
    let part = |units: &[&str], floors: (i32, i32), code: &str| GridPart {
        units: units.iter().map(|unit| (*unit).to_owned()).collect(),
        first_floor: floors.0,
        last_floor: floors.1,
        area: town.land.name(code),
    };
    let grid_parts = vec![part(&["2"], (0, 0), "A2"), part(&[], (1, 1), "A3")];
    let cut = Building { name: building.name.clone(), grid_parts, ..Default::default() };
    update_building(desk, cut, &["grid_parts"]).await;
    assert_eq!(room(desk, &rooms[0].name).await.area, town.land.name("A1"));
    assert_eq!(room(desk, &rooms[1].name).await.area, town.land.name("A2"));
    let shop = Room { building: building.name.clone(), number: "101".to_owned(), ..Default::default() };
    assert_eq!(create_room(desk, shop).await.area, town.land.name("A3"));
    assert_eq!(ask(desk, "阳光花园3号楼2单元501").await.candidates[0].area, town.land.name("A2"));

    let foreign = Building { name: building.name, grid_parts: vec![part(&[], (0, 0), "B1")], ..Default::default() };
    let request =
        UpdateBuildingRequest { building: Some(foreign), update_mask: mask(&["grid_parts"]), ..Default::default() };
    let refusal = refused(town.people.desk_a.buildings().update_building(request).await);
    refusal.expect_fields(&["building.grid_parts[0].area"]);
}

#[tokio::test]
async fn buildings_are_kept_by_the_rules_of_a_register() {
    let town = Town::start().await;
    let Sunshine { estate, building, rooms } = Sunshine::build(&town).await;
    let desk = &town.people.desk;
    // What something lies in is not deleted.
    let delete =
        DeleteBuildingRequest { name: building.name.clone(), reason: "拆除".to_owned(), ..Default::default() };
    refused(desk.buildings().delete_building(delete).await).expect(Code::FailedPrecondition, "STILL_LINKED");
    // A link never dangles.
    let lost = Building {
        estate: estate.name.replace(|sign: char| sign.is_ascii_digit(), "0"),
        area: town.land.name("A1"),
        ..Default::default()
    };
    let request = CreateBuildingRequest { building: Some(lost), ..Default::default() };
    let refusal = refused(desk.buildings().create_building(request).await);
    assert_eq!(refusal.expect_fields(&["building"]).metadata["reasons"], "DANGLING_LINK");
    // A worker of B sees nothing of A, an auditor sees no names.
    let get = GetRoomRequest { name: rooms[0].name.clone() };
    assert_eq!(refused(town.people.worker_b.buildings().get_room(get.clone()).await).code, Code::NotFound);
    let masked = done(town.people.auditor.buildings().get_room(get).await);
    assert_eq!((masked.number.as_str(), masked.owner_name.contains('三')), ("501", false));
    // A stale etag is told.
    let stale = Room { name: rooms[0].name.clone(), etag: "\"9\"".to_owned(), ..Default::default() };
    let request = UpdateRoomRequest { room: Some(stale), update_mask: mask(&["note"]), ..Default::default() };
    refused(desk.buildings().update_room(request).await).expect(Code::Aborted, "ETAG_MISMATCH");
    // Every change is in the history with what was before.
    let higher = Building { name: building.name.clone(), storeys_above: 18, ..Default::default() };
    update_building(desk, higher, &["storeys_above"]).await;
    let list = ListBuildingChangesRequest { parent: building.name, ..Default::default() };
    let changes = done(desk.buildings().list_building_changes(list).await).changes;
    assert_eq!(changes[0].change.as_ref().unwrap().fields, ["storeys_above"]);
    assert_eq!(changes[0].after.as_ref().unwrap().storeys_above, 18);
}

#[tokio::test]
async fn rooms_are_found_counted_and_watched() {
    let town = Town::start().await;
    let Sunshine { rooms, .. } = Sunshine::build(&town).await;
    let desk = &town.people.desk;
    let list = done(desk.buildings().list_rooms(ListRoomsRequest::default()).await);
    assert_eq!(list.rooms.len(), 2);
    let watch = WatchRoomsRequest { cursor: list.cursor, ..Default::default() };
    let mut watch = done(desk.buildings().watch_rooms(watch).await);
    let rented = Room { name: rooms[0].name.clone(), rented: true, ..Default::default() };
    let request = UpdateRoomRequest { room: Some(rented), update_mask: mask(&["rented"]), ..Default::default() };
    done(desk.buildings().update_room(request).await);
    let seen = loop {
        if let Some(change) = watch.message().await.unwrap().unwrap().change {
            break change;
        }
    };
    assert!(matches!(seen, watch_rooms_response::Change::Room(room) if room.rented && room.name == rooms[0].name));
    let count = |dimension: &str| CountRoomsRequest { dimension: dimension.to_owned(), ..Default::default() };
    assert_eq!(done(desk.buildings().count_rooms(count("")).await).counts[0].count, 2);
    let counts = done(desk.buildings().count_rooms(count("rented")).await).counts;
    assert_eq!(counts.iter().map(|count| count.count).collect::<Vec<_>>(), [1]);
    for query in ["张三", "zs", "5678"] {
        let search = SearchRoomsRequest { query: query.to_owned(), ..Default::default() };
        assert_eq!(done(desk.buildings().search_rooms(search).await).rooms.len(), 2, "{query}");
    }
}
