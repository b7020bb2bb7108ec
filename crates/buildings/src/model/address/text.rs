//! The text of an address, written one way: half-width, simplified, numbers in digits; and where each sign came from.

use std::ops::Range;

use super::characters::{folded, is_han};
use super::numerals::{digits, is_numeral};

/// Signs of a text beyond this many are not read: an address has fewer, and a letter to the mayor is none.
pub const SIGNS_MAX: usize = 200;

/// A text written one way, with the way back to how it was written.
///
/// Full-width signs become half-width, letters upper case, traditional characters simplified, numerals digits (三 is
/// 3, 二十一 is 21, 五零一 is 501), every dash `-`, every comma `,`; 之 between numbers is a dash. Spaces are dropped,
/// except that one between two numbers becomes a comma. At most [`SIGNS_MAX`] signs are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text {
    written: String,
    signs: Vec<char>,
    /// For each sign the bytes of `written` it came from.
    origin: Vec<(u32, u32)>,
}

/// One sign and the bytes it came from.
type Sign = (char, (u32, u32));

impl Text {
    /// Normalises a text. Never fails: what no rule knows stays as it is.
    pub fn read(written: &str) -> Self {
        let at = |byte: usize| u32::try_from(byte).unwrap_or(u32::MAX);
        let signs = written
            .char_indices()
            .take(2 * SIGNS_MAX)
            .filter_map(|(byte, sign)| Some((folded(sign)?, (at(byte), at(byte + sign.len_utf8())))));
        let signs = numbers(&without_spaces(&signs.collect::<Vec<_>>()));
        let (signs, origin) = signs.into_iter().take(SIGNS_MAX).unzip();
        Self { written: written.to_owned(), signs, origin }
    }

    /// The normalised signs.
    pub fn signs(&self) -> &[char] {
        &self.signs
    }

    /// The normalised text of a range of signs.
    pub fn words(&self, range: &Range<usize>) -> String {
        self.signs[range.clone()].iter().collect()
    }

    /// A range of signs as it was written.
    pub fn as_written(&self, range: &Range<usize>) -> &str {
        let Some(origin) = self.origin.get(range.clone()).filter(|origin| !origin.is_empty()) else {
            return "";
        };
        let (first, last) = (origin[0].0 as usize, origin[origin.len() - 1].1 as usize);
        self.written.get(first..last).unwrap_or_default().trim()
    }
}

fn is_numeric(sign: char) -> bool {
    sign.is_ascii_alphanumeric() || is_numeral(sign)
}

/// Drops spaces; one that keeps two numbers apart becomes a comma.
fn without_spaces(signs: &[Sign]) -> Vec<Sign> {
    let mut kept: Vec<Sign> = Vec::with_capacity(signs.len());
    let mut space = None;
    for &(sign, origin) in signs {
        if sign == ' ' {
            space.get_or_insert(origin);
            continue;
        }
        if let (Some(space), Some((before, _))) = (space.take(), kept.last())
            && is_numeric(*before)
            && is_numeric(sign)
        {
            kept.push((',', space));
        }
        kept.push((sign, origin));
    }
    kept
}

/// Writes numerals in digits, and the dashes between numbers as dashes.
fn numbers(signs: &[Sign]) -> Vec<Sign> {
    let mut out: Vec<Sign> = Vec::with_capacity(signs.len());
    let mut at = 0;
    while at < signs.len() {
        let (sign, origin) = signs[at];
        let before = out.last().map_or(' ', |(before, _)| *before);
        let after = signs.get(at + 1).map_or(' ', |(after, _)| *after);
        if before.is_ascii_digit() && is_numeric(after) && (sign == '之' || sign == '一' && after.is_ascii_digit()) {
            out.push(('-', origin));
            at += 1;
        } else if sign == '两' && "单号栋幢层楼室座".contains(after) {
            out.push(('2', origin));
            at += 1;
        } else if is_numeral(sign) {
            let length = signs[at..].iter().take_while(|(sign, _)| is_numeral(*sign)).count();
            let run: Vec<char> = signs[at..at + length].iter().map(|(sign, _)| *sign).collect();
            let whole = (origin.0, signs[at + length - 1].1.1);
            let crossroads = run == ['十'] && after == '字';
            match digits(&run).filter(|_| !crossroads) {
                Some(value) => out.extend(value.chars().map(|digit| (digit, whole))),
                None => out.extend_from_slice(&signs[at..at + length]),
            }
            at += length;
        } else {
            out.push((sign, origin));
            at += 1;
        }
    }
    out
}

/// Whether a sign belongs to a word: a Chinese character, a letter or a digit.
pub(super) fn is_word(sign: char) -> bool {
    is_han(sign) || sign.is_alphanumeric()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normal(written: &str) -> String {
        Text::read(written).signs().iter().collect()
    }

    #[test]
    fn one_address_has_one_way_of_writing() {
        for written in ["３號樓２單元５０１", "三号楼二单元五零一", "3号楼 2单元 501", "叁号楼两单元五〇一"]
        {
            assert_eq!(normal(written), "3号楼2单元501", "{written}");
        }
        for written in ["128之1號", "128－1号", "128—1号", "128一1号", "一百二十八之一号"] {
            assert_eq!(normal(written), "128-1号", "{written}");
        }
    }

    #[test]
    fn words_that_hold_a_numeral_stay_words() {
        assert_eq!(normal("百货大楼十字路口"), "百货大楼十字路口");
        assert_eq!(normal("之江路33 35 号"), "之江路33,35号");
    }

    #[test]
    fn a_part_is_shown_as_it_was_written() {
        let text = Text::read("臺南市 中華路二十一號");
        assert_eq!(text.words(&(3..8)), "中华路21");
        assert_eq!(text.as_written(&(3..9)), "中華路二十一號");
        assert_eq!(text.as_written(&(3..6)), "中華路");
        assert_eq!(text.as_written(&(2..2)), "");
    }

    #[test]
    fn a_text_of_a_megabyte_is_cut() {
        assert_eq!(Text::read(&"路".repeat(400_000)).signs().len(), SIGNS_MAX);
    }
}
