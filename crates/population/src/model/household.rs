//! The rules of a household: one head, each member once.

use std::collections::HashSet;

use api::population::v1::{Household, Relation};
use base::{Day, limits};
use registry::{Faults, Fields, Rules};

use super::half_width;

/// Members of one household.
const MEMBERS_MAX: usize = 100;

/// See [`Rules`].
pub(crate) struct HouseholdRules;

impl Rules for HouseholdRules {
    fn check(&self, said: &mut Fields, _today: Day, faults: &mut Faults) {
        let Ok(mut household) = said.decode::<Household>() else {
            faults.add("MALFORMED_ELEMENT", "", "cannot be read as a household");
            return;
        };
        household.number = half_width(&household.number);
        if household.number.chars().count() > limits::CODE_CHARS_MAX {
            let limit = limits::CODE_CHARS_MAX;
            faults.add("TOO_LONG", "number", format!("户号 must have at most {limit} characters"));
        }
        if household.members.len() > MEMBERS_MAX {
            faults.add("TOO_MANY", "members", format!("户成员 must be at most {MEMBERS_MAX}"));
        }
        check_person("head", &household.head, faults);
        let mut named = HashSet::from([household.head.as_str()]);
        for member in &household.members {
            check_person("members.person", &member.person, faults);
            if member.person.is_empty() {
                faults.add("REQUIRED_FIELD", "members.person", "成员 must be given");
            } else if !named.insert(&member.person) {
                faults.add("MEMBER_TWICE", "members", "each person is once in a household; the head is no member");
            }
            match Relation::try_from(member.relation) {
                Ok(Relation::Head) => faults.add("SECOND_HEAD", "members.relation", "the head stands in `head`"),
                Ok(_) => {}
                Err(_) => faults.add("UNKNOWN_VALUE", "members.relation", "is no relation that this version knows"),
            }
        }
        *said = Fields::of(&household);
    }
}

/// Notes a name that is none of a person. That the person exists is checked where it can be seen.
pub(super) fn check_person(field: &str, name: &str, faults: &mut Faults) {
    if !name.is_empty() && !registry::is_name("persons", name) {
        faults.add("BAD_NAME", field, "must be a name like persons/0198b1c2-7a3e-7cc1-9c7e-2f6d3a1b4c5d");
    }
}
