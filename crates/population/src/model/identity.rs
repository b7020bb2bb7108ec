//! Numbers that identify a person, above all the citizen's number (公民身份号码, GB 11643).
//!
//! ```text
//! 11010519491231002X
//! ├────┘├──────┘├─┘└ check: ISO 7064 MOD 11-2
//! │     │       └ sequence: odd is male, even is female
//! │     └ birth date
//! └ division at first issue: it may have been abolished long ago, so it is never checked against a list
//! ```
//! Residence permits of people from Hong Kong (81…), Macau (82…) and Taiwan (83…) and foreigners' permanent residence
//! cards (9…, since 2023) have the same form. Numbers of 15 digits from before 1999 still stand in old files.

use api::population::v1::{IdentityKind, Sex};
use base::Day;

/// What a citizen's number says of its bearer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bearer {
    pub(crate) birth: Day,
    pub(crate) sex: Sex,
}

/// Why a number is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wrong {
    pub(crate) reason: &'static str,
    pub(crate) description: String,
}

impl Wrong {
    fn new(reason: &'static str, description: impl Into<String>) -> Self {
        Self { reason, description: description.into() }
    }
}

/// The number in its one written form: half width, capitals, without blanks, with 18 digits where it has that form.
pub(crate) fn normalised(kind: IdentityKind, number: &str) -> String {
    let number: String = super::half_width(number).chars().filter(|character| !character.is_whitespace()).collect();
    let number = number.to_uppercase();
    let may_be_citizen = matches!(kind, IdentityKind::Unspecified | IdentityKind::Resident);
    if may_be_citizen && number.len() == 15 && number.bytes().all(|byte| byte.is_ascii_digit()) {
        let body = format!("{}19{}", &number[..6], &number[6..]);
        let check = check_character(body.as_bytes());
        return format!("{body}{check}");
    }
    number
}

/// Whether a number has the form of a citizen's.
fn has_citizen_form(number: &str) -> bool {
    let bytes = number.as_bytes();
    bytes.len() == 18 && bytes[..17].iter().all(u8::is_ascii_digit) && (bytes[17].is_ascii_digit() || bytes[17] == b'X')
}

/// The kind that a number has by its form, when nobody said it.
pub(crate) fn kind_of(kind: IdentityKind, number: &str) -> IdentityKind {
    match kind {
        IdentityKind::Unspecified if has_citizen_form(number) => IdentityKind::Resident,
        other => other,
    }
}

/// Checks a normalised number; answers what it says of its bearer, if its kind says anything.
pub(crate) fn check(kind: IdentityKind, number: &str, today: Day) -> Result<Option<Bearer>, Wrong> {
    let form = |fits: bool, wanted: &str| match fits {
        true => Ok(None),
        false => Err(Wrong::new("IDENTITY_FORM", format!("must be {wanted}"))),
    };
    match kind {
        IdentityKind::Resident => citizen(number, today).map(Some),
        // Since 2023 it has the form of a citizen's number; before it was three letters and twelve digits.
        IdentityKind::ForeignerResidence if has_citizen_form(number) => citizen(number, today).map(Some),
        IdentityKind::ForeignerResidence => {
            form(is_letters_then_digits(number, 3, &[12]), "18 digits beginning with 9, or 3 letters and 12 digits")
        }
        IdentityKind::HongKongMacauPermit => {
            let begins = number.starts_with(['H', 'M']);
            form(begins && is_letters_then_digits(number, 1, &[8, 10]), "H or M and 8 or 10 digits")
        }
        IdentityKind::TaiwanPermit => form(is_taiwan_permit(number), "8 digits, or 10 digits and a letter"),
        IdentityKind::Passport => {
            let fits = (5..=17).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_alphanumeric());
            form(fits, "5 to 17 letters and digits")
        }
        _ => form((1..=40).contains(&number.chars().count()), "1 to 40 characters"),
    }
}

fn is_letters_then_digits(number: &str, letters: usize, digits: &[usize]) -> bool {
    let Some((head, tail)) = number.as_bytes().split_at_checked(letters) else { return false };
    let fits = head.iter().all(u8::is_ascii_uppercase) && tail.iter().all(u8::is_ascii_digit);
    fits && digits.contains(&tail.len())
}

fn is_taiwan_permit(number: &str) -> bool {
    // Older ones write the letter in brackets.
    let plain: String = number.chars().filter(|character| !"()".contains(*character)).collect();
    let digits = plain.trim_end_matches(|character: char| character.is_ascii_uppercase());
    let letters = plain.len() - digits.len();
    digits.bytes().all(|byte| byte.is_ascii_digit()) && matches!((digits.len(), letters), (8, 0) | (10, 0 | 1))
}

fn citizen(number: &str, today: Day) -> Result<Bearer, Wrong> {
    if !has_citizen_form(number) {
        let wanted = "must have 15 digits, or 17 digits and a check digit or X";
        return Err(Wrong::new("IDENTITY_FORM", wanted));
    }
    let check = check_character(&number.as_bytes()[..17]);
    if !number.ends_with(check) {
        let wrong = "its last digit does not fit the others: a digit is mistyped";
        return Err(Wrong::new("IDENTITY_CHECK_DIGIT", wrong));
    }
    let birth = Day::parse(&number[6..14]).ok().filter(|birth| *birth <= today);
    let birth = birth
        .ok_or_else(|| Wrong::new("IDENTITY_BIRTH_DATE", "its digits 7 to 14 are not a date of birth up to today"))?;
    let is_male = number.as_bytes()[16] % 2 == 1;
    Ok(Bearer { birth, sex: if is_male { Sex::Male } else { Sex::Female } })
}

/// The check digit of 17 digits: ISO 7064 MOD 11-2.
fn check_character(digits: &[u8]) -> char {
    const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    const CHECKS: &[u8; 11] = b"10X98765432";
    let sum: u32 = digits.iter().zip(WEIGHTS).map(|(digit, weight)| u32::from(digit - b'0') * weight).sum();
    char::from(CHECKS[usize::try_from(sum % 11).unwrap_or(0)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn today() -> Day {
        Day::parse("2026-09-22").unwrap()
    }

    fn read(kind: IdentityKind, number: &str) -> Result<Option<Bearer>, &'static str> {
        let number = normalised(kind, number);
        check(kind_of(kind, &number), &number, today()).map_err(|wrong| wrong.reason)
    }

    #[test]
    fn a_citizens_number_says_when_its_bearer_was_born_and_of_which_sex() {
        let birth = |text| Day::parse(text).unwrap();
        let woman = Bearer { birth: birth("1949-12-31"), sex: Sex::Female };
        assert_eq!(read(IdentityKind::Resident, "11010519491231002X"), Ok(Some(woman)));
        assert_eq!(read(IdentityKind::Unspecified, " １１０１０５１９４９１２３１００２ｘ "), Ok(Some(woman)));
        let man = Bearer { birth: birth("1880-01-01"), sex: Sex::Male };
        assert_eq!(read(IdentityKind::Resident, "440524188001010014"), Ok(Some(man)));
    }

    #[test]
    fn fifteen_digits_become_eighteen() {
        assert_eq!(normalised(IdentityKind::Unspecified, "110105491231002"), "11010519491231002X");
        assert_eq!(normalised(IdentityKind::Passport, "110105491231002"), "110105491231002");
    }

    #[test]
    fn a_division_that_no_longer_exists_is_no_fault() {
        let body = "37041119900101123";
        let number = format!("{body}{}", check_character(body.as_bytes()));
        assert!(read(IdentityKind::Resident, &number).unwrap().is_some());
        // Residence permits of Hong Kong, Macau and Taiwan.
        for division in ["810000", "820000", "830000"] {
            let body = format!("{division}19900101123");
            assert!(read(IdentityKind::Resident, &format!("{body}{}", check_character(body.as_bytes()))).is_ok());
        }
    }

    #[test]
    fn what_is_no_number_says_why() {
        assert_eq!(read(IdentityKind::Resident, "11010519491231002"), Err("IDENTITY_FORM"));
        assert_eq!(read(IdentityKind::Resident, "110105194912310021"), Err("IDENTITY_CHECK_DIGIT"));
        let impossible = |body: &str| format!("{body}{}", check_character(body.as_bytes()));
        assert_eq!(read(IdentityKind::Resident, &impossible("11010519490231002")), Err("IDENTITY_BIRTH_DATE"));
        assert_eq!(read(IdentityKind::Resident, &impossible("11010520270101002")), Err("IDENTITY_BIRTH_DATE"));
    }

    #[test]
    fn other_documents_have_their_own_forms() {
        for (kind, number) in [
            (IdentityKind::HongKongMacauPermit, "H12345678"),
            (IdentityKind::HongKongMacauPermit, "M1234567801"),
            (IdentityKind::TaiwanPermit, "12345678"),
            (IdentityKind::TaiwanPermit, "1234567890(B)"),
            (IdentityKind::Passport, "e12345678"),
            (IdentityKind::ForeignerResidence, "CAN110101010101"),
            (IdentityKind::Officer, "军字第1234567号"),
        ] {
            assert_eq!(read(kind, number), Ok(None), "{number}");
        }
        assert_eq!(read(IdentityKind::HongKongMacauPermit, "A12345678"), Err("IDENTITY_FORM"));
        assert_eq!(read(IdentityKind::TaiwanPermit, "123"), Err("IDENTITY_FORM"));
        assert_eq!(read(IdentityKind::Passport, "E-1"), Err("IDENTITY_FORM"));
    }

    proptest! {
        #[test]
        fn one_mistyped_or_two_swapped_digits_are_always_found(
            division in 110_000_u32..660_000, days in 0_i32..20_000, sequence in 0_u32..1_000,
            at in 0_usize..17, other in 1_u8..10,
        ) {
            let body = format!("{division:06}{}{sequence:03}", Day::from_days(days).compact());
            let number = format!("{body}{}", check_character(body.as_bytes()));
            prop_assert!(check(IdentityKind::Resident, &number, today()).is_ok());
            let mut mistyped = number.clone().into_bytes();
            mistyped[at] = b'0' + (mistyped[at] - b'0' + other) % 10;
            let mistyped = String::from_utf8(mistyped).unwrap();
            prop_assert!(check(IdentityKind::Resident, &mistyped, today()).is_err());
            let mut swapped = number.clone().into_bytes();
            if at < 16 && swapped[at] != swapped[at + 1] {
                swapped.swap(at, at + 1);
                let swapped = String::from_utf8(swapped).unwrap();
                prop_assert!(check(IdentityKind::Resident, &swapped, today()).is_err());
            }
        }
    }
}
