//! The rules of a residence: from a day to a day, and who lived somewhere on one.

use api::population::v1::{Dwelling, Residence};
use base::Day;
use registry::{Faults, Fields, Rules};

use super::household::check_person;
use super::{date, past_date};

/// See [`Rules`].
pub(crate) struct ResidenceRules;

impl Rules for ResidenceRules {
    fn check(&self, said: &mut Fields, today: Day, faults: &mut Faults) {
        let Ok(mut residence) = said.decode::<Residence>() else {
            faults.add("MALFORMED_ELEMENT", "", "cannot be read as a residence");
            return;
        };
        check_person("person", &residence.person, faults);
        let start = past_date("start_date", "入住日期", &mut residence.start_date, today, faults);
        let end = date("end_date", "搬离日期", &mut residence.end_date, faults);
        if start.zip(end).is_some_and(|(start, end)| end < start) {
            faults.add("DATES_CONTRADICT", "end_date", "搬离日期 lies before 入住日期");
        }
        if Dwelling::try_from(residence.dwelling).is_err() {
            faults.add("UNKNOWN_VALUE", "dwelling", "is no kind of dwelling that this version knows");
        }
        *said = Fields::of(&residence);
    }
}

/// Whether somebody lived there on a day: from the first day up to the day before the last.
pub(crate) fn holds_on(residence: &Residence, day: Day) -> bool {
    let began = Day::parse(&residence.start_date).is_ok_and(|start| start <= day);
    // Without a last day it still holds.
    let ended = Day::parse(&residence.end_date).is_ok_and(|end| end <= day);
    began && !ended
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_residence_holds_from_its_first_day_to_the_day_before_its_last() {
        let day = |text: &str| Day::parse(text).unwrap();
        let text = |text: &str| text.to_owned();
        let residence =
            Residence { start_date: text("2026-01-01"), end_date: text("2026-03-01"), ..Default::default() };
        let on = |on: &str| holds_on(&residence, day(on));
        assert_eq!(
            [on("2025-12-31"), on("2026-01-01"), on("2026-02-28"), on("2026-03-01")],
            [false, true, true, false]
        );
        let still = Residence { end_date: String::new(), ..residence.clone() };
        assert!(holds_on(&still, day("2030-01-01")));
    }
}
