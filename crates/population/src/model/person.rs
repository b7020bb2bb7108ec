//! The rules of a person: one written form for names, numbers, phones and dates, and what follows from them.

use api::population::v1::{
    CareGroup, Education, IdentityKind, InflowReason, MaritalStatus, PermitKind, Person, PoliticalStatus, Religion,
    ResidenceKind, Sex, SpecialGroupKind, VisitPurpose,
};
use base::{Day, limits};
use registry::{Faults, Fields, Rules};

use super::{date, half_width, identity, past_date};

/// Elements of one repeated field; nobody has more.
const REPEATED_MAX: usize = 50;

/// See [`Rules`].
pub(crate) struct PersonRules;

impl Rules for PersonRules {
    fn check(&self, said: &mut Fields, today: Day, faults: &mut Faults) {
        let Ok(mut person) = said.decode::<Person>() else {
            faults.add("MALFORMED_ELEMENT", "", "cannot be read as a person");
            return;
        };
        check_names(&mut person, faults);
        check_values(&person, faults);
        let birth = past_date("birth_date", "出生日期", &mut person.birth_date, today, faults);
        let death = past_date("death_date", "死亡日期", &mut person.death_date, today, faults);
        if birth.zip(death).is_some_and(|(birth, death)| death < birth) {
            faults.add("DATES_CONTRADICT", "death_date", "死亡日期 lies before 出生日期");
        }
        check_identity(&mut person, birth, today, faults);
        check_phones(&mut person, faults);
        check_repeated(&mut person, faults);
        check_extensions(&mut person, faults);
        *said = Fields::of(&person);
    }

    fn complete(&self, element: &mut Fields) {
        let Ok(mut person) = element.decode::<Person>() else { return };
        person.birth_year = Day::parse(&person.birth_date).map_or(0, |birth| birth.year().into());
        *element = Fields::of(&person);
    }
}

/// The fields in which two records may be of one person: name and birth date, where neither contradicts, or the phone.
/// None when two identity numbers of one kind, or two birth dates, say that they are two people.
pub(crate) fn similarity(one: &Person, other: &Person) -> Vec<String> {
    let differ = |one: &str, other: &str| !one.is_empty() && !other.is_empty() && one != other;
    let same = |one: &str, other: &str| !one.is_empty() && one == other;
    let two_numbers = one.identity_kind == other.identity_kind && differ(&one.identity_number, &other.identity_number);
    if two_numbers || differ(&one.birth_date, &other.birth_date) {
        return Vec::new();
    }
    let agree = [
        ("display_name", same(&one.display_name, &other.display_name)),
        ("birth_date", same(&one.birth_date, &other.birth_date)),
        ("phone", same(&one.phone, &other.phone)),
    ];
    agree.into_iter().filter(|(_, agree)| *agree).map(|(field, _)| field.to_owned()).collect()
}

fn check_names(person: &mut Person, faults: &mut Faults) {
    let names = [
        ("display_name", "姓名", &mut person.display_name),
        ("former_name", "曾用名", &mut person.former_name),
        ("foreign_name", "外文姓名", &mut person.foreign_name),
    ];
    for (field, label, name) in names {
        // One dot between the parts of a name (阿卜杜拉·买买提), whichever of its many look-alikes was typed.
        *name = half_width(name).replace(['•', '‧', '・', '．', '●'], "·");
        if name.chars().count() > limits::NAME_CHARS_MAX {
            let limit = limits::NAME_CHARS_MAX;
            faults.add("TOO_LONG", field, format!("{label} must have at most {limit} characters"));
        }
    }
}

/// Notes numbers that are no value of their enum in this version.
fn check_values(person: &Person, faults: &mut Faults) {
    let known = [
        ("identity_kind", IdentityKind::try_from(person.identity_kind).is_ok()),
        ("sex", Sex::try_from(person.sex).is_ok()),
        ("marital_status", MaritalStatus::try_from(person.marital_status).is_ok()),
        ("political_status", PoliticalStatus::try_from(person.political_status).is_ok()),
        ("education", Education::try_from(person.education).is_ok()),
        ("religion", Religion::try_from(person.religion).is_ok()),
        ("residence_kind", ResidenceKind::try_from(person.residence_kind).is_ok()),
        ("care_groups", person.care_groups.iter().all(|group| CareGroup::try_from(*group).is_ok())),
        (
            "special_groups",
            person.special_groups.iter().all(|group| {
                SpecialGroupKind::try_from(group.kind).is_ok_and(|kind| kind != SpecialGroupKind::Unspecified)
            }),
        ),
    ];
    for (field, _) in known.into_iter().filter(|(_, known)| !known) {
        faults.add("UNKNOWN_VALUE", field, "has a value that this version does not know");
    }
}

fn check_identity(person: &mut Person, birth: Option<Day>, today: Day, faults: &mut Faults) {
    if person.identity_number.is_empty() || rpc::mask::is_masked(&person.identity_number) {
        return;
    }
    let kind = IdentityKind::try_from(person.identity_kind).unwrap_or_default();
    person.identity_number = identity::normalised(kind, &person.identity_number);
    let kind = identity::kind_of(kind, &person.identity_number);
    person.identity_kind = kind.into();
    match identity::check(kind, &person.identity_number, today) {
        Err(wrong) => faults.add(wrong.reason, "identity_number", wrong.description),
        Ok(None) => {}
        Ok(Some(bearer)) => {
            if birth.is_some_and(|birth| birth != bearer.birth) {
                let wrong = "is not the date of birth in the identity number";
                faults.add("IDENTITY_CONTRADICTS", "birth_date", wrong);
            }
            let stated = !matches!(person.sex(), Sex::Unspecified | Sex::NotStated);
            if stated && person.sex() != bearer.sex {
                faults.add("IDENTITY_CONTRADICTS", "sex", "is not the sex in the identity number");
            }
            person.birth_date = bearer.birth.to_string();
            person.sex = bearer.sex.into();
        }
    }
}

fn check_phones(person: &mut Person, faults: &mut Faults) {
    let Person { phone, other_phones, contacts, .. } = person;
    let contacts = contacts.iter_mut().map(|contact| ("contacts", &mut contact.phone));
    let others = other_phones.iter_mut().map(|phone| ("other_phones", phone));
    for (field, phone) in std::iter::once(("phone", phone)).chain(others).chain(contacts) {
        *phone = normalised_phone(phone);
        let masked = rpc::mask::is_masked(phone);
        if !masked && !phone.is_empty() && !is_phone(phone) {
            let wanted = "must be a mobile number of 11 digits, or a fixed one such as 0632-8012345 or 0632-8012345-12";
            faults.add("BAD_PHONE", field, wanted);
        }
    }
    // A list says nothing with its empty places.
    other_phones.retain(|phone| !phone.is_empty());
}

/// Half width, without blanks, brackets or the country code of China.
fn normalised_phone(phone: &str) -> String {
    let plain: String = half_width(phone).chars().filter(|character| !" ()".contains(*character)).collect();
    let domestic = plain.strip_prefix("+86").or_else(|| plain.strip_prefix("0086")).unwrap_or(&plain);
    domestic.trim_start_matches('-').to_owned()
}

fn is_phone(phone: &str) -> bool {
    let digits = |text: &str, lengths: std::ops::RangeInclusive<usize>| {
        lengths.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
    };
    let mobile = digits(phone, 11..=11) && phone.starts_with('1') && !matches!(phone.as_bytes()[1], b'0'..=b'2');
    let abroad = phone.strip_prefix('+').is_some_and(|number| digits(number, 7..=15));
    // With or without the code of the city, the dash and an extension.
    let mut parts: Vec<&str> = phone.split('-').collect();
    if parts.first().is_some_and(|part| part.starts_with('0') && digits(part, 3..=4)) {
        parts.remove(0);
    }
    let fixed = match parts.as_slice() {
        [number] => digits(number, 7..=8) || number.starts_with('0') && digits(number, 10..=12),
        [number, extension] => digits(number, 7..=8) && digits(extension, 1..=6),
        _ => false,
    };
    mobile || abroad || fixed
}

fn check_repeated(person: &mut Person, faults: &mut Faults) {
    let lengths = [
        ("other_phones", person.other_phones.len()),
        ("special_groups", person.special_groups.len()),
        ("care_groups", person.care_groups.len()),
        ("contacts", person.contacts.len()),
        ("consents", person.consents.len()),
        ("source_codes", person.source_codes.len()),
    ];
    for (field, _) in lengths.into_iter().filter(|(_, length)| *length > REPEATED_MAX) {
        faults.add("TOO_MANY", field, format!("must be at most {REPEATED_MAX}"));
    }
    person.care_groups.sort_unstable();
    person.care_groups.dedup();
    for group in &mut person.special_groups {
        let start = date("special_groups.start_date", "纳入日期", &mut group.start_date, faults);
        let end = date("special_groups.end_date", "解除日期", &mut group.end_date, faults);
        if start.zip(end).is_some_and(|(start, end)| end < start) {
            faults.add("DATES_CONTRADICT", "special_groups.end_date", "解除日期 lies before 纳入日期");
        }
    }
    for consent in &mut person.consents {
        if consent.purpose.trim().is_empty() {
            faults.add("REQUIRED_FIELD", "consents.purpose", "使用目的 must be given");
        }
        date("consents.given_date", "同意日期", &mut consent.given_date, faults);
        date("consents.withdrawn_date", "撤回日期", &mut consent.withdrawn_date, faults);
    }
}

fn check_extensions(person: &mut Person, faults: &mut Faults) {
    if let Some(floating) = &mut person.floating {
        date("floating.register_date", "登记日期", &mut floating.register_date, faults);
        date("floating.expire_date", "证件到期日期", &mut floating.expire_date, faults);
        let known =
            InflowReason::try_from(floating.reason).is_ok() && PermitKind::try_from(floating.permit_kind).is_ok();
        if !known {
            faults.add("UNKNOWN_VALUE", "floating", "has a value that this version does not know");
        }
    }
    if let Some(overseas) = &mut person.overseas {
        date("overseas.document_expire_date", "证件有效期", &mut overseas.document_expire_date, faults);
        let arrival = date("overseas.arrival_date", "抵达日期", &mut overseas.arrival_date, faults);
        let departure = date("overseas.departure_date", "预计离开日期", &mut overseas.departure_date, faults);
        if arrival.zip(departure).is_some_and(|(arrival, departure)| departure < arrival) {
            faults.add("DATES_CONTRADICT", "overseas.departure_date", "预计离开日期 lies before 抵达日期");
        }
        if VisitPurpose::try_from(overseas.purpose).is_err() {
            faults.add("UNKNOWN_VALUE", "overseas.purpose", "has a value that this version does not know");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(person: &Person) -> (Person, Vec<(&'static str, String)>) {
        let (mut fields, mut faults) = (Fields::of(person), Faults::default());
        PersonRules.check(&mut fields, Day::parse("2026-09-22").unwrap(), &mut faults);
        let faults = faults.list().iter().map(|fault| (fault.reason, fault.field.clone())).collect();
        (fields.decode().unwrap(), faults)
    }

    #[test]
    fn birth_date_and_sex_follow_from_the_citizens_number() {
        let number = "11010519491231002x".to_owned();
        let (person, faults) = checked(&Person { identity_number: number, ..Default::default() });
        assert!(faults.is_empty());
        assert_eq!((person.birth_date.as_str(), person.sex()), ("1949-12-31", Sex::Female));
        assert_eq!(person.identity_kind(), IdentityKind::Resident);
    }

    #[test]
    fn what_contradicts_the_number_is_told_with_every_other_fault() {
        let (_, faults) = checked(&Person {
            identity_number: "11010519491231002X".to_owned(),
            birth_date: "19491230".to_owned(),
            sex: Sex::Male.into(),
            phone: "12345".to_owned(),
            death_date: "2999-01-01".to_owned(),
            ..Default::default()
        });
        let reasons: Vec<&str> = faults.iter().map(|(reason, _)| *reason).collect();
        assert_eq!(reasons, ["FUTURE_DATE", "IDENTITY_CONTRADICTS", "IDENTITY_CONTRADICTS", "BAD_PHONE"]);
    }

    #[test]
    fn phones_and_names_have_one_form() {
        for (typed, wanted) in [
            ("+86 138-1234 5678", None),
            ("＋86１３８１２３４５６７８", Some("13812345678")),
            ("(0632)8012345", Some("06328012345")),
            ("0632-8012345-12", Some("0632-8012345-12")),
            ("8012345", Some("8012345")),
            ("+85291234567", Some("+85291234567")),
            ("10086", None),
        ] {
            let (person, faults) = checked(&Person { phone: typed.to_owned(), ..Default::default() });
            assert_eq!(faults.is_empty().then_some(person.phone.as_str()), wanted, "{typed}");
        }
        let name = "阿卜杜拉•买买提 ".to_owned();
        assert_eq!(checked(&Person { display_name: name, ..Default::default() }).0.display_name, "阿卜杜拉·买买提");
    }

    #[test]
    fn the_year_of_birth_follows_from_the_date() {
        let mut element = Fields::of(&Person { birth_date: "1990-05-01".to_owned(), ..Default::default() });
        PersonRules.complete(&mut element);
        assert_eq!(element.decode::<Person>().unwrap().birth_year, 1990);
    }
}
