//! The label of a numbered thing: building 3, unit 东, room 501, door 128-1.

use std::fmt;

/// The signs a label may hold, besides digits: letters, the stems, the sides, and the dash of a sub-number.
const SIGNS: &str = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-甲乙丙丁戊己庚辛东西南北中前后左右上下附";

/// At most this many signs make a label.
const LENGTH_MAX: usize = 10;

/// What a numbered thing is called among its neighbours, without the word for what it is: 3 of 3号楼, 东 of 东单元,
/// 128-1 of 128之1号. At most ten signs, packed six bits each into one word, because a subdistrict has half a million.
/// The order is fixed and means nothing else. Leading zeros are no part of it: room 0501 is room 501.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Label(u64);

impl Label {
    /// The label of a thing that needs none: the least of all.
    pub const NONE: Self = Self(0);

    /// Reads a label from signs that [`super::Text`] has normalised; `None` if they hold a sign no label has, are
    /// none, or too many.
    pub fn read(signs: &[char]) -> Option<Self> {
        let mut packed = 0;
        let mut length = 0;
        for (at, &sign) in signs.iter().enumerate() {
            let more = signs.get(at + 1).is_some_and(char::is_ascii_digit);
            if sign == '0' && more && leads(&signs[..at]) {
                continue;
            }
            let code = SIGNS.chars().position(|known| known == sign)?;
            length += 1;
            packed = packed << 6 | (code as u64 + 1);
        }
        (1..=LENGTH_MAX).contains(&length).then_some(Self(packed))
    }

    /// Reads a label from text as people write it, such as `１２８之1` or `东`.
    pub fn parse(text: &str) -> Option<Self> {
        Self::read(super::Text::read(text).signs())
    }

    /// The label without its sub-number: 128 of 128-1; itself when it has none.
    pub fn main(self) -> Self {
        let signs: Vec<char> = self.signs();
        let end = signs.iter().position(|&sign| sign == '-').unwrap_or(signs.len());
        Self::read(&signs[..end]).unwrap_or(self)
    }

    /// This label with a sub-number: 128 and 1 are 128-1. `None` if that is too long.
    pub fn with_sub(self, sub: Self) -> Option<Self> {
        let signs: Vec<char> = self.signs().into_iter().chain(['-']).chain(sub.signs()).collect();
        Self::read(&signs)
    }

    /// How many digits it has if it is nothing but digits.
    pub(super) fn digits(self) -> Option<usize> {
        let signs = self.signs();
        signs.iter().all(char::is_ascii_digit).then_some(signs.len())
    }

    /// The signs it is made of.
    pub(super) fn signs(self) -> Vec<char> {
        let codes = (0..LENGTH_MAX).rev().map(|place| (self.0 >> (6 * place) & 63) as usize);
        codes.filter_map(|code| SIGNS.chars().nth(code.checked_sub(1)?)).collect()
    }
}

/// Whether a zero after these signs still stands before the first other digit of its number.
fn leads(before: &[char]) -> bool {
    before.iter().rev().take_while(|sign| sign.is_ascii_digit()).all(|&sign| sign == '0')
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.signs().into_iter().try_for_each(|sign| write!(f, "{sign}"))
    }
}

impl fmt::Debug for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_read_back_without_leading_zeros() {
        for (written, meant) in [("3", "3"), ("0501", "501"), ("100", "100"), ("000", "0"), ("A座", ""), ("东", "东")]
        {
            let label = Label::parse(written);
            assert_eq!(label.map(|label| label.to_string()).unwrap_or_default(), meant, "{written}");
        }
        assert_eq!(Label::parse("１２８之01").unwrap().to_string(), "128-1");
        assert_eq!(Label::parse("b-10").unwrap().to_string(), "B-10");
    }

    #[test]
    fn a_label_of_eleven_signs_is_none() {
        assert!(Label::parse("1234567890").is_some());
        assert!(Label::parse("12345678901").is_none());
        assert!(Label::parse("").is_none());
    }

    #[test]
    fn the_main_number_is_what_stands_before_the_dash() {
        let door = Label::parse("128-1").unwrap();
        assert_eq!(door.main(), Label::parse("128").unwrap());
        assert_eq!(door.main().with_sub(Label::parse("1").unwrap()), Some(door));
    }
}
