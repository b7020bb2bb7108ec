//! Words: by what an element is found, and which words a query asks for.
//!
//! A name is found whole, by each of its endings (a given name without the surname), by its pinyin and by the initials
//! of that; a phone by any number of its last digits; an identity number only through a keyed hash, so that no index shows one.

use api::options::v1::{FieldClass, SearchKind};
use pinyin::ToPinyin;

use crate::fields::{Fields, Value, each};
use crate::secret::Secret;
use crate::shape::Shape;

/// Characters of a name or word whose endings are found.
const ENDINGS_CHARS_MAX: usize = 24;
/// Surnames that are read otherwise than the character usually is. Order: longest first.
const SURNAMES: &[(&str, &[&str])] = &[
    ("尉迟", &["yu", "chi"]),
    ("长孙", &["zhang", "sun"]),
    ("万俟", &["mo", "qi"]),
    ("澹台", &["tan", "tai"]),
    ("单于", &["chan", "yu"]),
    ("单", &["shan"]),
    ("曾", &["zeng"]),
    ("仇", &["qiu"]),
    ("解", &["xie"]),
    ("区", &["ou"]),
    ("查", &["zha"]),
    ("盖", &["ge"]),
    ("朴", &["piao"]),
    ("冼", &["xian"]),
    ("缪", &["miao"]),
    ("乐", &["yue"]),
    ("员", &["yun"]),
    ("秘", &["bi"]),
    ("种", &["chong"]),
    ("覃", &["qin"]),
    ("召", &["shao"]),
    ("折", &["she"]),
    ("逄", &["pang"]),
    ("隗", &["wei"]),
    ("翟", &["zhai"]),
    ("柏", &["bai"]),
    ("宓", &["mi"]),
    ("任", &["ren"]),
    ("华", &["hua"]),
    ("洗", &["xian"]),
    ("黑", &["he"]),
    ("繁", &["po"]),
];

/// What sort of word; on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum WordKind {
    /// A whole name.
    Name = 1,
    /// The pinyin of a name, without tones or spaces.
    Pinyin = 2,
    /// The initials of the pinyin of a name.
    Initials = 3,
    /// The digits of a phone number from the last to the first: whoever knows the last four finds a beginning.
    Phone = 4,
    /// Keyed hash of an identity number.
    Identity = 5,
    /// A code, in capitals.
    Code = 6,
    /// A word of a text, or an ending of one.
    Text = 7,
    /// An ending of a name: a given name without its surname, or a part of a long one.
    Ending = 8,
}

/// A word by which an element is found.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Word {
    /// What sort of word.
    pub kind: WordKind,
    /// UTF-8, or the bytes of a hash.
    pub text: Vec<u8>,
}

impl Word {
    /// A word.
    pub fn new(kind: WordKind, text: impl Into<Vec<u8>>) -> Self {
        Self { kind, text: text.into() }
    }
}

/// The words of the fields marked `search`, of messages inside too.
pub(crate) fn words_of(shape: &Shape, element: &Fields, secret: &Secret) -> Vec<Word> {
    let mut words = Vec::new();
    for (_, wire) in element.iter() {
        gather(shape, wire, secret, &mut words);
    }
    words.sort_unstable();
    words.dedup();
    words
}

fn gather(shape: &Shape, wire: &[u8], secret: &Secret, words: &mut Vec<Word>) {
    let read = each(wire, &mut |number, value, _| {
        let (Some(field), Value::Bytes(bytes)) = (shape.field(number), value) else { return };
        if let Some(inner) = &field.inner {
            gather(inner, bytes, secret, words);
        } else if field.is_text {
            let text = String::from_utf8_lossy(bytes);
            match field.search {
                SearchKind::Unspecified => {}
                SearchKind::Name => name_words(&text, field.class != FieldClass::Unspecified, words),
                SearchKind::Phone => words.push(phone_word(&text)),
                SearchKind::Identity => words.push(identity_word(&text, secret)),
                SearchKind::Code => words.push(Word::new(WordKind::Code, text.to_uppercase())),
                SearchKind::Words => text_words(&text, words),
            }
        }
    });
    // What cannot be read has no words; decoding the element says what is wrong with it.
    drop(read);
}

/// The words of a name; of a person's, the surname has its own reading.
pub fn name_words(name: &str, is_person: bool, words: &mut Vec<Word>) {
    let name: String = name.chars().filter(|character| !character.is_whitespace() && *character != '·').collect();
    let Some(second) = name.chars().next().map(char::len_utf8) else { return };
    words.push(Word::new(WordKind::Name, name.to_lowercase()));
    endings(&name[second..], WordKind::Ending, words);
    let syllables = syllables(&name, is_person);
    if syllables.is_empty() {
        return;
    }
    words.push(Word::new(WordKind::Pinyin, syllables.concat()));
    let initials: String = syllables.iter().filter_map(|syllable| syllable.chars().next()).collect();
    words.push(Word::new(WordKind::Initials, initials));
}

/// The text itself and its endings, each of two characters or more.
fn endings(text: &str, kind: WordKind, words: &mut Vec<Word>) {
    let starts: Vec<usize> = text.char_indices().map(|(at, _)| at).take(ENDINGS_CHARS_MAX).collect();
    let long = starts.into_iter().filter(|at| text[*at..].chars().nth(1).is_some());
    words.extend(long.map(|at| Word::new(kind, text[at..].to_lowercase())));
}

/// The syllables of a name; latin letters and digits stand for themselves.
fn syllables(name: &str, is_person: bool) -> Vec<String> {
    let surname = SURNAMES.iter().find(|(surname, _)| is_person && name.starts_with(surname));
    let (mut syllables, rest): (Vec<String>, &str) = match surname {
        Some((surname, read)) => (read.iter().map(|&syllable| syllable.to_owned()).collect(), &name[surname.len()..]),
        None => (Vec::new(), name),
    };
    for character in rest.chars().take(ENDINGS_CHARS_MAX) {
        match character.to_pinyin() {
            Some(pinyin) => syllables.push(pinyin.plain().replace('ü', "v")),
            None if character.is_ascii_alphanumeric() => syllables.push(character.to_ascii_lowercase().to_string()),
            None => {}
        }
    }
    syllables
}

/// The word of a phone number, and of the last digits of one.
pub(crate) fn phone_word(phone: &str) -> Word {
    let digits = phone.bytes().filter(u8::is_ascii_digit).rev();
    Word::new(WordKind::Phone, digits.collect::<Vec<u8>>())
}

/// The word of an identity number.
pub(crate) fn identity_word(number: &str, secret: &Secret) -> Word {
    Word::new(WordKind::Identity, secret.hash(number.trim().to_uppercase().as_bytes()))
}

fn text_words(text: &str, words: &mut Vec<Word>) {
    let breaks = |character: char| !character.is_alphanumeric();
    text.split(breaks).filter(|word| !word.is_empty()).for_each(|word| endings(word, WordKind::Text, words));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_name(name: &str) -> Vec<(WordKind, String)> {
        let mut words = Vec::new();
        name_words(name, true, &mut words);
        words.into_iter().map(|word| (word.kind, String::from_utf8(word.text).unwrap())).collect()
    }

    #[test]
    fn a_name_is_found_whole_by_its_endings_by_pinyin_and_by_initials() {
        let wanted = [
            (WordKind::Name, "张三丰"),
            (WordKind::Ending, "三丰"),
            (WordKind::Pinyin, "zhangsanfeng"),
            (WordKind::Initials, "zsf"),
        ];
        assert_eq!(of_name("张 三丰"), wanted.map(|(kind, text)| (kind, text.to_owned())));
    }

    #[test]
    fn surnames_are_read_as_surnames_and_given_names_as_words() {
        let pinyin = |name| of_name(name).into_iter().find(|(kind, _)| *kind == WordKind::Pinyin).unwrap().1;
        assert_eq!(pinyin("单雄信"), "shanxiongxin");
        assert_eq!(pinyin("曾国藩"), "zengguofan");
        assert_eq!(pinyin("仇英"), "qiuying");
        assert_eq!(pinyin("尉迟恭"), "yuchigong");
        assert_eq!(pinyin("吕布"), "lvbu");
        assert_eq!(pinyin("阿卜杜拉·买买提"), pinyin("阿卜杜拉买买提"));
    }

    #[test]
    fn a_phone_is_found_by_any_last_digits() {
        let phone = phone_word("138 1234-5678");
        for last in ["5678", "12345678", "13812345678"] {
            assert!(phone.text.starts_with(&phone_word(last).text), "{last}");
        }
        assert!(!phone.text.starts_with(&phone_word("1381").text));
    }

    #[test]
    fn an_identity_number_is_nowhere_in_its_word() {
        let secret = Secret::new(vec![7; 32]);
        let word = identity_word("11010519491231002x", &secret);
        assert_eq!(word, identity_word(" 11010519491231002X", &secret));
        assert_ne!(word, identity_word("11010519491231002X", &Secret::new(vec![8; 32])));
        assert_eq!(word.text.len(), 16);
    }
}
