//! The rules of estates, buildings, units and rooms: what a value must be, and its one written form.

use api::buildings::v1::{
    Building, BuildingUse, Estate, EstateKind, GridPart, Hazard, RentalUse, Room, Structure, Unit,
};
use base::{AreaId, Day};
use registry::{Faults, Fields, Rules};

use super::address::{Address, Label, Premises};

/// No building is older, and a year before it is a slip.
const YEAR_MIN: i32 = 1_000;
/// More storeys than any building has.
const STOREYS_MAX: i32 = 200;
/// More square metres than any building has.
const AREA_M2_MAX: f64 = 5_000_000.0;
/// Corners of an outline.
const CORNERS_MAX: usize = 1_000;

/// See [`Rules`].
pub(crate) struct EstateRules;
/// See [`Rules`].
pub(crate) struct BuildingRules;
/// See [`Rules`].
pub(crate) struct UnitRules;
/// See [`Rules`].
pub(crate) struct RoomRules;

impl Rules for EstateRules {
    fn check(&self, said: &mut Fields, today: Day, faults: &mut Faults) {
        let Ok(mut estate) = said.decode::<Estate>() else { return malformed(faults) };
        texts([&mut estate.display_name, &mut estate.property_company, &mut estate.note]);
        lists([&mut estate.other_names, &mut estate.addresses]);
        known("kind", EstateKind::try_from(estate.kind).is_ok(), faults);
        year("built_year", estate.built_year, today, faults);
        *said = Fields::of(&estate);
    }
}

impl Rules for BuildingRules {
    fn check(&self, said: &mut Fields, today: Day, faults: &mut Faults) {
        let Ok(mut building) = said.decode::<Building>() else { return malformed(faults) };
        texts([&mut building.display_name, &mut building.owner_name, &mut building.head_name, &mut building.note]);
        lists([&mut building.other_names, &mut building.addresses]);
        number(&mut building.number, "3 or A, as in 3号楼 and A座", |read| read.building, faults);
        known("use", BuildingUse::try_from(building.r#use).is_ok(), faults);
        known("structure", Structure::try_from(building.structure).is_ok(), faults);
        hazards(&building.hazards, faults);
        for (field, storeys) in [("storeys_above", building.storeys_above), ("storeys_below", building.storeys_below)] {
            if !(0..=STOREYS_MAX).contains(&storeys) {
                faults.add("OUT_OF_RANGE", field, format!("must lie in 0..{STOREYS_MAX}"));
            }
        }
        square_metres(building.area_m2, faults);
        year("built_year", building.built_year, today, faults);
        let corners = building.footprint.len();
        if corners != 0 && !(3..=CORNERS_MAX).contains(&corners) {
            faults.add("OUT_OF_RANGE", "footprint", format!("must have 3 to {CORNERS_MAX} corners"));
        }
        for (at, part) in building.grid_parts.iter_mut().enumerate() {
            grid_part(at, part, faults);
        }
        *said = Fields::of(&building);
    }
}

impl Rules for UnitRules {
    fn check(&self, said: &mut Fields, _today: Day, faults: &mut Faults) {
        let Ok(mut unit) = said.decode::<Unit>() else { return malformed(faults) };
        texts([&mut unit.note]);
        number(&mut unit.number, "1 or 东, as in 1单元 and 东单元", |read| read.unit, faults);
        if unit.lifts < 0 {
            faults.add("OUT_OF_RANGE", "lifts", "must not be negative");
        }
        *said = Fields::of(&unit);
    }
}

impl Rules for RoomRules {
    fn check(&self, said: &mut Fields, _today: Day, faults: &mut Faults) {
        let Ok(mut room) = said.decode::<Room>() else { return malformed(faults) };
        texts([&mut room.owner_name, &mut room.owner_address, &mut room.tenant_name, &mut room.note]);
        number(&mut room.number, "501 or 东, as in 501室 and 东户", |read| read.room, faults);
        known("use", BuildingUse::try_from(room.r#use).is_ok(), faults);
        known("rental_use", RentalUse::try_from(room.rental_use).is_ok(), faults);
        hazards(&room.hazards, faults);
        square_metres(room.area_m2, faults);
        if !(-STOREYS_MAX..=STOREYS_MAX).contains(&room.floor) {
            faults.add("OUT_OF_RANGE", "floor", format!("must lie in -{STOREYS_MAX}..{STOREYS_MAX}"));
        }
        *said = Fields::of(&room);
    }
}

fn malformed(faults: &mut Faults) {
    faults.add("MALFORMED_ELEMENT", "", "cannot be read");
}

fn texts<const N: usize>(texts: [&mut String; N]) {
    for text in texts {
        *text = text.trim().to_owned();
    }
}

/// Texts of a list lose their outer spaces; empty ones and repeats go.
fn lists<const N: usize>(lists: [&mut Vec<String>; N]) {
    for list in lists {
        let mut kept: Vec<String> = Vec::new();
        for text in list.iter().map(|text| text.trim()).filter(|text| !text.is_empty()) {
            if !kept.iter().any(|other| other == text) {
                kept.push(text.to_owned());
            }
        }
        *list = kept;
    }
}

/// Brings a number into the form it is found by: 3号楼 and ３ are 3.
fn number(number: &mut String, right: &str, of: impl Fn(&Premises) -> Option<Label>, faults: &mut Faults) {
    if number.trim().is_empty() {
        number.clear();
        return;
    }
    let inside = || Address::parse(number).premises.iter().find_map(&of);
    match Label::parse(number).or_else(inside) {
        Some(label) => *number = label.to_string(),
        None => {
            let right = format!("must be a number like {right}, of at most 10 signs");
            faults.add("NUMBER_UNREADABLE", "number", right);
        }
    }
}

fn known(field: &str, is_known: bool, faults: &mut Faults) {
    if !is_known {
        faults.add("UNKNOWN_VALUE", field, "is no value that this version knows");
    }
}

fn hazards(hazards: &[i32], faults: &mut Faults) {
    known("hazards", hazards.iter().all(|hazard| Hazard::try_from(*hazard).is_ok()), faults);
    if hazards.len() > 1 && hazards.contains(&Hazard::None.into()) {
        faults.add("CONTRADICTION", "hazards", "names 无 beside a hazard; leave one of them out");
    }
}

fn square_metres(area_m2: f64, faults: &mut Faults) {
    if !(0.0..=AREA_M2_MAX).contains(&area_m2) {
        faults.add("OUT_OF_RANGE", "area_m2", format!("must lie in 0..{AREA_M2_MAX} square metres"));
    }
}

fn year(field: &str, year: i32, today: Day, faults: &mut Faults) {
    let this_year = today.to_string().get(..4).and_then(|year| year.parse().ok()).unwrap_or(i32::MAX);
    if year != 0 && !(YEAR_MIN..=this_year).contains(&year) {
        faults.add("OUT_OF_RANGE", field, format!("must be a year from {YEAR_MIN} to {this_year}, or 0"));
    }
}

fn grid_part(at: usize, part: &mut GridPart, faults: &mut Faults) {
    lists([&mut part.units]);
    if let Err(wrong) = AreaId::parse_name(&part.area) {
        faults.add("UNKNOWN_AREA", format!("grid_parts[{at}].area"), wrong);
    }
    if part.units.iter().any(|unit| Label::parse(unit).is_none()) {
        faults.add("NUMBER_UNREADABLE", format!("grid_parts[{at}].units"), "must be numbers like 1 or 东");
    }
    let floors = part.first_floor..=part.last_floor;
    if floors.is_empty() || (part.first_floor == 0) != (part.last_floor == 0) {
        let right = "first_floor must not be above last_floor; both 0 for all floors";
        faults.add("OUT_OF_RANGE", format!("grid_parts[{at}].first_floor"), right);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(rules: &dyn Rules, element: &impl prost::Message) -> (Fields, Vec<String>) {
        let (mut said, mut faults) = (Fields::of(element), Faults::default());
        rules.check(&mut said, Day::parse("2026-11-22").unwrap(), &mut faults);
        let names = faults.list().iter().map(|fault| format!("{} {}", fault.reason, fault.field)).collect();
        (said, names)
    }

    #[test]
    fn numbers_are_kept_in_the_form_they_are_found_by() {
        for (written, kept) in [("３号楼", "3"), ("A座", "A"), ("十二栋", "12"), ("03", "3"), (" ", "")] {
            let building = Building { number: written.to_owned(), ..Default::default() };
            let (said, faults) = check(&BuildingRules, &building);
            assert_eq!((said.decode::<Building>().unwrap().number.as_str(), faults.len()), (kept, 0), "{written}");
        }
        for (written, kept) in [("五零一室", "501"), ("东户", "东"), ("0501", "501")] {
            let room = Room { number: written.to_owned(), ..Default::default() };
            assert_eq!(check(&RoomRules, &room).0.decode::<Room>().unwrap().number, kept, "{written}");
        }
    }

    #[test]
    fn every_fault_of_a_building_is_told_at_once() {
        let building = Building {
            number: "那栋红色的房子后面".to_owned(),
            r#use: 77,
            storeys_above: -1,
            area_m2: f64::NAN,
            built_year: 2027,
            hazards: vec![Hazard::None.into(), Hazard::Fire.into()],
            footprint: vec![api::grids::v1::Point::default()],
            grid_parts: vec![GridPart { first_floor: 3, last_floor: 1, ..Default::default() }],
            ..Default::default()
        };
        let (_, faults) = check(&BuildingRules, &building);
        assert_eq!(
            faults,
            [
                "NUMBER_UNREADABLE number",
                "UNKNOWN_VALUE use",
                "CONTRADICTION hazards",
                "OUT_OF_RANGE storeys_above",
                "OUT_OF_RANGE area_m2",
                "OUT_OF_RANGE built_year",
                "OUT_OF_RANGE footprint",
                "UNKNOWN_AREA grid_parts[0].area",
                "OUT_OF_RANGE grid_parts[0].first_floor",
            ]
        );
    }

    #[test]
    fn a_right_element_is_taken_as_it_is() {
        let names = vec!["阳光小区".to_owned(), " ".to_owned(), "阳光小区 ".to_owned()];
        let estate = Estate { display_name: " 阳光花园 ".to_owned(), other_names: names, ..Default::default() };
        let (said, faults) = check(&EstateRules, &estate);
        let estate: Estate = said.decode().unwrap();
        assert_eq!((estate.display_name.as_str(), estate.other_names.len(), faults.len()), ("阳光花园", 1, 0));
    }
}
