//! Cuts a normalised text into pieces: known names, numbers with the word that says what they number, and the words
//! between them. What the pieces mean together is decided by `parse`.

use std::ops::Range;

use super::text::is_word;
use super::words::{self, Counter, Mark};
use super::{Label, Relation};

/// A name a register knows, found in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// Which signs of the text.
    pub span: Range<usize>,
    /// What it names.
    pub sort: Sort,
}

/// What a name names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    /// An area: a town, a community, a village.
    Division,
    /// A road with or without its section.
    Road,
    /// An estate, a building or a landmark.
    Place,
}

/// One piece of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// A name; `known` says that a register knows it.
    Name { sort: Sort, span: Range<usize>, known: bool },
    /// A number and what it numbers.
    Number { labels: Vec<Label>, counter: Counter },
    /// 对面, 附近 and the like.
    Relation(Relation),
    /// A sign or word between roads: a corner, a stretch, or only a pause.
    Mark(Mark),
}

/// Cuts `signs` into pieces; `known` are names that were found in it, apart from one another.
pub(super) fn pieces(signs: &[char], known: &[Known]) -> Vec<Piece> {
    let mut lexer = Lexer { signs, known, at: postcode(signs), pieces: Vec::new() };
    while lexer.at < signs.len() {
        lexer.step();
    }
    lexer.pieces
}

/// The length of the post code the text begins with.
fn postcode(signs: &[char]) -> usize {
    let digits = signs.iter().take_while(|sign| sign.is_ascii_digit()).count();
    let word = signs.get(digits).is_some_and(|&sign| is_word(sign) && words::counter(&signs[digits..]).is_none());
    if word && matches!(digits, 3 | 5 | 6) && signs.len() > digits + 3 { digits } else { 0 }
}

struct Lexer<'a> {
    signs: &'a [char],
    known: &'a [Known],
    at: usize,
    pieces: Vec<Piece>,
}

impl Lexer<'_> {
    fn step(&mut self) {
        let rest = &self.signs[self.at..];
        if let Some(known) = self.known.iter().find(|known| known.span.start == self.at) {
            let mut span = known.span.clone();
            if known.sort == Sort::Road {
                span.end += words::section(&self.signs[span.end..]);
            }
            self.at = span.end;
            self.pieces.push(Piece::Name { sort: known.sort, span, known: true });
        } else if let Some((labels, counter, length)) = self.number(self.at) {
            self.at += length;
            self.pieces.push(Piece::Number { labels, counter });
        } else if let Some((mark, length)) = words::mark(rest, self.after_road(), self.after_name()) {
            self.at += length;
            self.pieces.push(Piece::Mark(mark));
        } else if let Some((relation, length)) = words::relation(rest).filter(|_| !self.pieces.is_empty()) {
            self.at += length;
            self.pieces.push(Piece::Relation(relation));
        } else if is_word(rest[0]) {
            let end = self.run_end();
            self.words(end);
        } else {
            self.at += 1;
            self.pieces.push(Piece::Mark(Mark::Pause));
        }
    }

    /// Whether what was read last is a road or something on it.
    fn after_road(&self) -> bool {
        let last = self.pieces.iter().rev().find(|piece| !matches!(piece, Piece::Relation(_)));
        match last {
            Some(Piece::Name { sort, .. }) => *sort == Sort::Road,
            Some(Piece::Number { counter, .. }) => *counter == Counter::Lane,
            _ => false,
        }
    }

    /// Whether anything was named or numbered yet.
    fn after_name(&self) -> bool {
        self.pieces.iter().any(|piece| matches!(piece, Piece::Name { .. } | Piece::Number { .. }))
    }

    /// Whether anything but divisions was read yet.
    fn begun(&self) -> bool {
        let before =
            |piece: &Piece| matches!(piece, Piece::Name { sort: Sort::Division, .. } | Piece::Mark(Mark::Pause));
        !self.pieces.iter().all(before)
    }

    /// A number that begins here, with what it numbers. Digits within a word, as in 中华1路 or 第3中学, are none.
    fn number(&self, at: usize) -> Option<(Vec<Label>, Counter, usize)> {
        let limit = self.known.iter().map(|known| known.span.start).filter(|&start| start > at).min();
        let signs = &self.signs[at..limit.unwrap_or(self.signs.len())];
        if let Some((label, counter, length)) = words::lettered(signs) {
            return Some((vec![label], counter, length));
        }
        let mut length = 0;
        let mut labels = Vec::new();
        loop {
            let group = &signs[length..];
            let letters = group.iter().take_while(|sign| sign.is_ascii_alphanumeric()).count();
            // 15甲号 is a door of its own.
            let letters =
                letters + usize::from(letters > 0 && group.get(letters).is_some_and(|&stem| "甲乙丙丁".contains(stem)));
            if letters == 0 || !group[..letters].iter().any(char::is_ascii_digit) && labels.is_empty() {
                break;
            }
            labels.push(Label::read(&group[..letters])?);
            length += letters;
            if signs.get(length) != Some(&'-') || !signs.get(length + 1).is_some_and(char::is_ascii_alphanumeric) {
                break;
            }
            length += 1;
        }
        if labels.is_empty() {
            return None;
        }
        let after = &signs[length..];
        if words::begins_name(after) && labels.len() == 1 {
            return None;
        }
        if let Some((counter, more)) = words::counter(after) {
            return Some((labels, counter, length + more));
        }
        let listed = after.first().is_some_and(|&sign| "及和与跟到至".contains(sign));
        // 水岸公馆12山东省: who writes the divisions last puts them behind the number.
        let divided = self.begun() && words::division(after, &[], false).is_some();
        let ends =
            listed || divided || !after.first().is_some_and(|&sign| is_word(sign)) || words::relation(after).is_some();
        (ends || labels.len() > 1).then_some((labels, Counter::Bare, length))
    }

    /// Where the run of words that begins here ends: at a known name, a number, a relation, or no word.
    fn run_end(&self) -> usize {
        let mut end = self.at + 1;
        while end < self.signs.len() && is_word(self.signs[end]) {
            let known = self.known.iter().any(|known| known.span.start == end);
            let digit = self.signs[end].is_ascii_alphanumeric() && !self.signs[end - 1].is_ascii_alphanumeric();
            let word = words::relation(&self.signs[end..]).is_some_and(|(_, length)| length > 1 || end > self.at + 1);
            if known || word || words::lettered(&self.signs[end..]).is_some() || digit && self.number(end).is_some() {
                break;
            }
            end += 1;
        }
        end
    }

    /// Reads one name from the run of words that ends at `end`.
    fn words(&mut self, end: usize) {
        let run = &self.signs[self.at..end];
        let follows = &self.signs[end..];
        if let Some(length) = words::joint(run).filter(|_| self.after_road()) {
            self.at += length;
            self.pieces.push(Piece::Mark(Mark::Join));
            return;
        }
        let divided = self.pieces.iter().any(|piece| matches!(piece, Piece::Name { sort: Sort::Division, .. }));
        let division = words::division(run, follows, divided).filter(|_| !self.begun() || run.len() > 2);
        let road = words::road(run);
        // 开发区南路 is a road: what is left of a road without its division must still be a name.
        let left = |length: usize| words::road(&run[length..]).is_none_or(|rest| rest.start > 0 || rest.end > 2);
        let division = division.filter(|&length| road.as_ref().is_none_or(|road| road.end > length) && left(length));
        let (sort, length) = match (division, road) {
            (Some(length), _) => (Sort::Division, length),
            (None, Some(road)) if road.start == 0 => (Sort::Road, road.end),
            (None, Some(road)) => (Sort::Place, road.start),
            (None, None) => (Sort::Place, run.len()),
        };
        let mut span = self.at..self.at + length;
        if sort == Sort::Road {
            span.end += words::section(&self.signs[span.end..]);
        }
        self.at = span.end;
        if sort != Sort::Place || !words::says_nothing(&self.signs[span.clone()]) {
            self.pieces.push(Piece::Name { sort, span, known: false });
        }
    }
}
