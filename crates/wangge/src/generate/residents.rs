//! Made-up residents: households whose ages and names fit together, as the delivery of persons that `wangge import
//! persons` takes.
//!
//! Nobody here exists. Their identity numbers begin with 390404: they are well-formed and their check digits are right,
//! but 39 is the code of no province (GB/T 2260 has 37 and then 41), so no such number was ever issued, with whatever
//! date and sequence. Their phone numbers ring nowhere (see `names`). The codes of communities are real.
//!
//! Not here: households and residences as elements of their own, which no delivery takes yet.

use std::collections::HashSet;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use api::grids::v1::AreaKind;
use api::population::v1::{CareGroup, Education, MaritalStatus, PoliticalStatus, ResidenceKind};
use base::{Day, Result};
use serde_json::{Value, json};

use super::areas::{Area, BUILDINGS_EACH};
use super::chance::Chance;
use super::files::unwritable;
use super::names::{self, People};
use super::{day, places};

/// Where numbers of nobody are issued.
const DIVISION: &str = "390404";
/// Where people from elsewhere are registered: districts and counties around.
const ELSEWHERE: [&str; 6] = ["370402", "370481", "370826", "370983", "320382", "341302"];
/// Ethnic groups (GB/T 3304) with how many of a thousand households are theirs.
const ETHNIC_GROUPS: [(&str, u32); 6] = [("01", 988), ("03", 8), ("11", 1), ("10", 1), ("02", 1), ("15", 1)];
/// What people of working age do.
const OCCUPATIONS: [&str; 10] =
    ["工人", "个体经营", "务农", "教师", "公司职员", "司机", "医护人员", "快递员", "建筑工", "营业员"];

/// How people live together.
#[derive(Clone, Copy)]
enum Form {
    YoungAlone,
    OldAlone,
    Couple,
    OldCouple,
    OneParent,
    Family,
    ThreeGenerations,
}

/// Forms with how many of a hundred households have them.
const FORMS: [(Form, u32); 7] = [
    (Form::YoungAlone, 10),
    (Form::OldAlone, 8),
    (Form::Couple, 17),
    (Form::OldCouple, 14),
    (Form::OneParent, 4),
    (Form::Family, 32),
    (Form::ThreeGenerations, 15),
];

/// Somebody of a household, before there are numbers and phones.
#[derive(Clone, Debug, PartialEq)]
struct Member {
    is_man: bool,
    age: u32,
    surname: &'static str,
    marital_status: MaritalStatus,
    care_group: CareGroup,
}

/// What the members of a household share.
struct Home {
    area: String,
    address: String,
    ethnicity: &'static str,
    residence_kind: ResidenceKind,
    registered_division: &'static str,
}

/// The crowd while it grows.
struct Crowd {
    chance: Chance,
    phones: People,
    /// Numbers that have been given out.
    numbers: HashSet<String>,
    today: Day,
}

/// Writes so many residents, household by household, one JSON object in a line. The same seed writes the same bytes.
///
/// Errors: `GENERATE_OUTPUT` when the file cannot be written.
pub(super) fn write(path: &Path, areas: &[Area], count: u32, seed: u64) -> Result<()> {
    let file = File::create(path).map_err(|cause| unwritable(path, cause))?;
    let mut file = BufWriter::new(file);
    let micro_grids: Vec<&Area> = areas.iter().filter(|area| area.kind == AreaKind::MicroGrid).collect();
    let mut crowd = Crowd::new(seed);
    let mut left = count;
    for household in 1.. {
        if left == 0 {
            break;
        }
        let home = crowd.home(&micro_grids);
        for (number, member) in (1..).zip(crowd.household()).take(left.try_into().unwrap_or(usize::MAX)) {
            let person = crowd.person(&format!("{household:06}-{number}"), &home, &member);
            writeln!(file, "{person}").map_err(|cause| unwritable(path, cause))?;
            left -= 1;
        }
    }
    file.flush().map_err(|cause| unwritable(path, cause))
}

impl Crowd {
    fn new(seed: u64) -> Self {
        Self {
            chance: Chance::new(seed, "residents"),
            phones: People::new(seed, "residents' phones"),
            numbers: HashSet::new(),
            today: Day::parse(day::DAY).unwrap_or(Day::from_days(0)),
        }
    }

    /// A dwelling in one of the micro-grids, of which each is as likely as its households are many.
    fn home(&mut self, micro_grids: &[&Area]) -> Home {
        let chance = &mut self.chance;
        let area = micro_grids[chance.weighted(micro_grids.iter().map(|area| area.households))];
        let (estate, first) = area.estate.clone().unwrap_or_else(|| (area.name.clone(), 1));
        let building = first + chance.between(0, BUILDINGS_EACH - 1);
        let (unit, floor, door) = (chance.between(1, 3), chance.between(1, 11), chance.between(1, 2));
        let is_floating = chance.percent(14.0);
        Home {
            area: area.code.clone(),
            address: format!("{estate}{building}号楼{unit}单元{floor}{door:02}室"),
            ethnicity: ETHNIC_GROUPS[chance.weighted(ETHNIC_GROUPS.iter().map(|(_, weight)| *weight))].0,
            residence_kind: if is_floating { ResidenceKind::Floating } else { ResidenceKind::Registered },
            registered_division: if is_floating { chance.pick(&ELSEWHERE) } else { places::DIVISIONS_ABOVE[2].0 },
        }
    }

    /// Who lives together, parents before children before grandparents.
    fn household(&mut self) -> Vec<Member> {
        let form = FORMS[self.chance.weighted(FORMS.iter().map(|(_, weight)| *weight))].0;
        match form {
            Form::YoungAlone => {
                let (is_man, age) = (self.chance.percent(55.0), self.chance.between(20, 34));
                vec![self.single(is_man, age, MaritalStatus::Unmarried, CareGroup::Unspecified)]
            }
            Form::OldAlone => {
                let (is_man, age) = (self.chance.percent(35.0), self.chance.between(65, 92));
                vec![self.single(is_man, age, MaritalStatus::Widowed, CareGroup::ElderlyAlone)]
            }
            Form::Couple => self.couple(24, 59, CareGroup::Unspecified),
            Form::OldCouple => self.couple(60, 84, CareGroup::EmptyNest),
            Form::OneParent => {
                let age = self.chance.between(26, 46);
                let mother = self.single(false, age, MaritalStatus::Divorced, CareGroup::Unspecified);
                let surname = names::surname(&mut self.chance);
                let mut members = vec![mother];
                self.add_children(&mut members, age, surname);
                members
            }
            Form::Family => self.family(),
            Form::ThreeGenerations => {
                let mut members = self.family();
                self.add_grandparents(&mut members);
                members
            }
        }
    }

    fn single(&mut self, is_man: bool, age: u32, marital_status: MaritalStatus, care_group: CareGroup) -> Member {
        Member { is_man, age, surname: names::surname(&mut self.chance), marital_status, care_group }
    }

    /// Husband and wife, each with a surname of their own; she is of an age between the two.
    fn couple(&mut self, youngest: u32, oldest: u32, care_group: CareGroup) -> Vec<Member> {
        let hers = self.chance.between(youngest, oldest);
        let his = (hers + self.chance.between(0, 6)).saturating_sub(2).max(22);
        let husband = self.single(true, his, MaritalStatus::Married, care_group);
        vec![husband, self.single(false, hers, MaritalStatus::Married, care_group)]
    }

    fn family(&mut self) -> Vec<Member> {
        let mut members = self.couple(25, 46, CareGroup::Unspecified);
        let (surname, mothers_age) = (members[0].surname, members[1].age);
        self.add_children(&mut members, mothers_age, surname);
        members
    }

    /// One to three children, whom their mother bore between 22 and 36.
    fn add_children(&mut self, members: &mut Vec<Member>, mothers_age: u32, surname: &'static str) {
        let mut borne_at = self.chance.between(22, mothers_age.min(30));
        for more in [40.0, 6.0, 0.0] {
            let (is_man, age) = (self.chance.percent(53.0), mothers_age - borne_at);
            let (marital_status, care_group) = (MaritalStatus::Unmarried, CareGroup::Unspecified);
            members.push(Member { is_man, age, surname, marital_status, care_group });
            borne_at += self.chance.between(1, 5);
            if borne_at > mothers_age.min(36) || !self.chance.percent(more) {
                break;
            }
        }
    }

    /// The father's parents, as far as they live.
    fn add_grandparents(&mut self, members: &mut Vec<Member>) {
        let father = members[0].clone();
        let his = father.age + self.chance.between(24, 32);
        let hers = his - self.chance.between(0, 3);
        let (is_he_alive, is_she_alive) = (self.chance.percent(75.0), self.chance.percent(88.0));
        let status = if is_he_alive && is_she_alive { MaritalStatus::Married } else { MaritalStatus::Widowed };
        if is_he_alive {
            let grandfather = self.single(true, his, status, CareGroup::Unspecified);
            members.push(Member { surname: father.surname, ..grandfather });
        }
        if is_she_alive {
            members.push(self.single(false, hers, status, CareGroup::Unspecified));
        }
    }

    /// A row of the delivery.
    fn person(&mut self, key: &str, home: &Home, member: &Member) -> Value {
        let days = i32::try_from(member.age * 1_461 / 4 + self.chance.between(1, 360)).unwrap_or_default();
        let women = if member.is_man { 0.0 } else { 100.0 };
        let given_name = names::given_name(&mut self.chance, women);
        let mut row = json!({
            "source_key": key,
            "area": home.area,
            "display_name": format!("{}{given_name}", member.surname),
            "identity_number": self.number(self.today.plus(-days), member.is_man),
            "ethnicity": home.ethnicity,
            "nationality": "CHN",
            "marital_status": member.marital_status.as_str_name(),
            "political_status": self.political_status(member.age).as_str_name(),
            "education": self.education(member.age).as_str_name(),
            "registered_division": home.registered_division,
            "address": home.address,
            "residence_kind": home.residence_kind.as_str_name(),
        });
        if self.chance.percent(match member.age {
            0..12 => 0.0,
            12..75 => 94.0,
            _ => 60.0,
        }) {
            row["phone"] = json!(self.phones.phone());
        }
        if (24..60).contains(&member.age) {
            row["occupation"] = json!(self.chance.pick(&OCCUPATIONS));
        }
        let mut care_groups = vec![member.care_group];
        if self.chance.percent(2.0) {
            care_groups.push(CareGroup::Disabled);
        }
        care_groups.retain(|group| *group != CareGroup::Unspecified);
        if !care_groups.is_empty() {
            row["care_groups"] = care_groups.iter().map(CareGroup::as_str_name).collect();
        }
        row
    }

    /// A number of nobody that has not been given out: odd sequences are men's, even ones women's.
    fn number(&mut self, birth: Day, is_man: bool) -> String {
        loop {
            let sequence = 2 * self.chance.between(0, 499) + u32::from(is_man);
            let body = format!("{DIVISION}{}{sequence:03}", birth.compact());
            let number = format!("{body}{}", check_character(&body));
            if self.numbers.insert(number.clone()) {
                return number;
            }
        }
    }

    fn political_status(&mut self, age: u32) -> PoliticalStatus {
        match age {
            0..14 => PoliticalStatus::Unspecified,
            14..28 if self.chance.percent(35.0) => PoliticalStatus::YouthLeague,
            22.. if self.chance.percent(8.0) => PoliticalStatus::PartyMember,
            _ => PoliticalStatus::Masses,
        }
    }

    /// What somebody of this age has finished: the younger, the longer they went to school.
    fn education(&mut self, age: u32) -> Education {
        let reached = match age {
            0..12 => return Education::Unspecified,
            12..15 => [0, 0, 0, 0, 0, 100],
            15..18 => [0, 0, 0, 0, 100, 0],
            18..22 => [0, 0, 20, 70, 10, 0],
            22..40 => [6, 32, 26, 14, 21, 1],
            40..60 => [2, 11, 14, 18, 45, 10],
            _ => [0, 3, 5, 12, 35, 45],
        };
        const LEVELS: [Education; 6] = [
            Education::Graduate,
            Education::Bachelor,
            Education::College,
            Education::Senior,
            Education::Junior,
            Education::Primary,
        ];
        LEVELS[self.chance.weighted(reached.into_iter())]
    }
}

/// The last character of a citizen's number: ISO 7064 MOD 11-2 over the seventeen digits before it (GB 11643).
fn check_character(digits: &str) -> char {
    // Each digit weighs twice as much, modulo 11, as the one behind it; the check character itself weighs 1.
    let sum = digits.bytes().fold(0, |sum, digit| (sum + u32::from(digit - b'0')) * 2 % 11);
    match (12 - sum) % 11 {
        10 => 'X',
        check => char::from_digit(check, 10).unwrap_or('X'),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::generate::areas;

    fn written(count: u32, seed: u64) -> Vec<u8> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("persons.ndjson");
        write(&path, &areas::areas(1).unwrap(), count, seed).unwrap();
        std::fs::read(path).unwrap()
    }

    #[test]
    fn the_same_seed_writes_the_same_bytes_and_as_many_people_as_were_asked_for() {
        let bytes = written(1_000, 7);
        assert_eq!(bytes, written(1_000, 7));
        assert_ne!(bytes, written(1_000, 8));
        assert_eq!(bytes.iter().filter(|byte| **byte == b'\n').count(), 1_000);
        assert!(bytes.starts_with(&written(1, 7)));
    }

    #[test]
    fn the_check_character_is_that_of_the_standards_own_examples() {
        assert_eq!(check_character("11010519491231002"), 'X');
        assert_eq!(check_character("44052418800101001"), '4');
    }

    #[test]
    fn nobody_shares_a_number_and_every_number_lies_where_none_was_issued() {
        let text = String::from_utf8(written(5_000, 1)).unwrap();
        let rows: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let numbers: HashSet<&str> = rows.iter().map(|row| row["identity_number"].as_str().unwrap()).collect();
        assert!(numbers.len() == 5_000 && numbers.iter().all(|number| number.starts_with("39")));
        let phones: Vec<&str> = rows.iter().filter_map(|row| row["phone"].as_str()).collect();
        assert!(phones.len() > 3_500 && phones.iter().all(|phone| phone.starts_with("154")));
    }

    #[test]
    fn households_are_of_a_believable_size_and_age() {
        let mut crowd = Crowd::new(1);
        let households: Vec<Vec<Member>> = (0..5_000).map(|_| crowd.household()).collect();
        let members: Vec<&Member> = households.iter().flatten().collect();
        let share = |wanted: &dyn Fn(&Member) -> bool| {
            members.iter().filter(|member| wanted(member)).count() * 100 / members.len()
        };
        // The census of 2020: 2.6 people a household; 18 % below 15 years, 19 % of 60 years or more; 51 % men.
        assert!((11_500..14_500).contains(&members.len()), "{}", members.len());
        assert!((12..=26).contains(&share(&|member| member.age < 15)), "{}", share(&|member| member.age < 15));
        assert!((14..=27).contains(&share(&|member| member.age >= 60)), "{}", share(&|member| member.age >= 60));
        assert!((46..=54).contains(&share(&|member| member.is_man)), "{}", share(&|member| member.is_man));
        assert!(members.iter().all(|member| member.age < 100));
    }

    #[test]
    fn children_bear_their_fathers_name_and_are_born_when_their_mother_was_grown() {
        let mut crowd = Crowd::new(2);
        let mut sizes = BTreeMap::new();
        for _ in 0..2_000 {
            let family = crowd.family();
            *sizes.entry(family.len()).or_insert(0) += 1;
            for child in &family[2..] {
                assert_eq!(child.surname, family[0].surname);
                assert!((22..=36).contains(&(family[1].age - child.age)), "{family:?}");
            }
        }
        assert_eq!(sizes.keys().copied().collect::<Vec<_>>(), [3, 4, 5]);
        assert!(sizes[&3] > sizes[&4] && sizes[&4] > sizes[&5], "{sizes:?}");
    }
}
