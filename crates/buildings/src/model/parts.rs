//! The parts of a building that belong to other micro-grids than itself: which one a unit or a room is in.

use api::buildings::v1::{Building, GridPart, Room};

use super::address::Label;

/// The micro-grid of a unit (and floor; 0 when it is not known) of a building: that of the first part that holds it,
/// else the building's.
///
/// A part of some floors does not hold a unit as a whole, and a part of some units does not hold a room whose unit is
/// not known.
pub(crate) fn area_of<'a>(building: &'a Building, unit: &str, floor: i32) -> &'a str {
    let part = building.grid_parts.iter().find(|part| holds(part, unit, floor));
    part.map_or(building.area.as_str(), |part| part.area.as_str())
}

fn holds(part: &GridPart, unit: &str, floor: i32) -> bool {
    let all_floors = part.first_floor == 0 && part.last_floor == 0;
    let on_floor = floor != 0 && (part.first_floor..=part.last_floor).contains(&floor);
    let unit = Label::parse(unit);
    let in_unit = part.units.is_empty() || unit.is_some() && part.units.iter().any(|own| Label::parse(own) == unit);
    in_unit && (all_floors || on_floor)
}

/// The floor of a room: what it says, else what its number tells (501 and 1203 are on 5 and 12); 0 if neither does.
pub(crate) fn floor_of(room: &Room) -> i32 {
    let digits = room.number.chars().all(|sign| sign.is_ascii_digit()) && matches!(room.number.len(), 3 | 4);
    match room.floor {
        0 if digits => room.number[..room.number.len() - 2].parse().unwrap_or(0),
        floor => floor,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn building() -> Building {
        let part = |units: &[&str], first_floor, last_floor, area: &str| GridPart {
            units: units.iter().map(|unit| (*unit).to_owned()).collect(),
            first_floor,
            last_floor,
            area: area.to_owned(),
        };
        Building {
            area: "areas/own".to_owned(),
            grid_parts: vec![part(&["2", "东"], 0, 0, "areas/east"), part(&[], 1, 2, "areas/shops")],
            ..Default::default()
        }
    }

    #[test]
    fn the_first_part_that_holds_a_room_decides() {
        let building = building();
        for (unit, floor, area) in [
            ("1", 5, "areas/own"),
            ("2", 5, "areas/east"),
            ("02", 1, "areas/east"),
            ("东", 0, "areas/east"),
            ("1", 2, "areas/shops"),
            ("", 1, "areas/shops"),
            ("", 0, "areas/own"),
            ("1", 0, "areas/own"),
        ] {
            assert_eq!(area_of(&building, unit, floor), area, "unit {unit:?}, floor {floor}");
        }
    }

    #[test]
    fn the_number_of_a_room_tells_its_floor_unless_it_is_said() {
        let room = |number: &str, floor| Room { number: number.to_owned(), floor, ..Default::default() };
        for (number, said, floor) in [("501", 0, 5), ("1203", 0, 12), ("501", 6, 6), ("东", 0, 0), ("12", 0, 0)] {
            assert_eq!(floor_of(&room(number, said)), floor, "{number}");
        }
    }
}
