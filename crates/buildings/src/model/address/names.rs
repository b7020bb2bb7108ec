//! The names a gazetteer knows, found in a text although a character is wrong, missing, or in its neighbour's place.
//!
//! Every name is indexed by its pairs of neighbouring sounds and by its pairs of sounds with one between them, so
//! that a slip that sounds right costs nothing to find, and any other single slip leaves some pair whole. Names that share
//! enough pairs with the text are laid along it, and the best place is kept.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;

use super::characters::Sign;
use super::gazetteer::Handle;

/// Names with less of them in the text than this, in hundredths, are not told.
const SIMILARITY_MIN: u32 = 60;
/// Share of a name's pairs that must occur in the text before it is looked at, in hundredths.
const PAIRS_MIN: u32 = 20;
/// At most this many names are laid along a text: those that share most pairs with it.
const LAID_MAX: usize = 96;
/// Longest name that is kept, in signs.
const SIGNS_MAX: usize = 24;
/// What two signs in each other's place cost, in hundredths of a wrong character.
const SWAPPED: u32 = 50;

/// One way of writing the name of something.
struct Form {
    signs: Box<[Sign]>,
    owner: Handle,
    /// How sure this way of writing means its owner, in hundredths: 100 for the whole name, less for a part of it.
    weight: u32,
}

/// A name found in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hit {
    /// Whose name.
    pub(super) owner: Handle,
    /// Which signs of the text.
    pub(super) span: Range<usize>,
    /// How like the name the text is, times the weight of the form, in hundredths.
    pub(super) similarity: u32,
}

/// All names, by their pairs of sounds.
#[derive(Default)]
pub(super) struct Names {
    forms: Vec<Option<Form>>,
    pairs: HashMap<u64, Vec<u32>>,
    of_owner: BTreeSet<(Handle, u32)>,
}

impl Names {
    /// Adds a way of writing an owner's name; names of one sign or of too many are not kept.
    pub(super) fn insert(&mut self, signs: &[char], owner: Handle, weight: u32) {
        if !(2..=SIGNS_MAX).contains(&signs.len()) {
            return;
        }
        let number = u32::try_from(self.forms.len()).expect("fewer names than 2^32");
        let signs: Box<[Sign]> = signs.iter().copied().map(Sign::of).collect();
        for pair in pairs(&signs) {
            self.pairs.entry(pair).or_default().push(number);
        }
        self.of_owner.insert((owner, number));
        self.forms.push(Some(Form { signs, owner, weight }));
    }

    /// Removes all names of an owner.
    pub(super) fn remove(&mut self, owner: Handle) {
        let own: Vec<u32> = self.of_owner.range((owner, 0)..=(owner, u32::MAX)).map(|(_, number)| *number).collect();
        for number in own {
            self.of_owner.remove(&(owner, number));
            let form = self.forms[number as usize].take().expect("an owner's name is kept until it is removed");
            for pair in pairs(&form.signs) {
                if let Some(numbers) = self.pairs.get_mut(&pair) {
                    numbers.retain(|&other| other != number);
                }
            }
        }
    }

    /// The names found in a text, in no order; one form of a name may be among them several times with its others.
    pub(super) fn find(&self, signs: &[char]) -> Vec<Hit> {
        let signs: Vec<Sign> = signs.iter().copied().map(Sign::of).collect();
        let mut shared: HashMap<u32, u32> = HashMap::new();
        for pair in pairs(&signs) {
            for &number in self.pairs.get(&pair).into_iter().flatten() {
                *shared.entry(number).or_default() += 1;
            }
        }
        let share = |(number, count): (u32, u32)| {
            let form = self.forms[number as usize].as_ref()?;
            let all = u32::try_from(2 * form.signs.len() - 3).unwrap_or(u32::MAX);
            let share = 100 * count.min(all) / all;
            (share >= PAIRS_MIN).then_some((share, number, form))
        };
        let mut promising: Vec<(u32, u32, &Form)> = shared.into_iter().filter_map(share).collect();
        promising
            .sort_unstable_by_key(|&(share, number, form)| (u32::MAX - share, usize::MAX - form.signs.len(), number));
        promising.truncate(LAID_MAX);
        promising.into_iter().filter_map(|(_, _, form)| form.lay(&signs)).collect()
    }
}

/// The pairs of sounds of a text, each once: neighbours, and those with one between them.
fn pairs(signs: &[Sign]) -> BTreeSet<u64> {
    let sounds: Vec<u64> = signs.iter().map(|sign| u64::from(sign.sound)).collect();
    // Without order, so that two signs in each other's place are still the same pair.
    let near = sounds.windows(2).map(|pair| pair[0].min(pair[1]) << 32 ^ pair[0].max(pair[1]));
    // Turned, so that a pair with one between is never taken for neighbours.
    let wide = sounds.windows(3).map(|three| (three[0] << 32 ^ three[2]).rotate_left(17));
    near.chain(wide).collect()
}

impl Form {
    /// Lays the name along the text where it costs least: Sellers' algorithm with neighbours exchanged (an optimal
    /// string alignment whose beginning and end in the text are free).
    fn lay(&self, text: &[Sign]) -> Option<Hit> {
        // Each cell: the cost of the name so far, ending here, and where in the text it began.
        let mut before_last: Vec<(u32, usize)> = Vec::new();
        let mut last: Vec<(u32, usize)> = (0..=text.len()).map(|at| (0, at)).collect();
        for (row, &meant) in self.signs.iter().enumerate() {
            let mut line = Vec::with_capacity(last.len());
            line.push((last[0].0 + meant.alone(), 0));
            for at in 0..text.len() {
                let replaced = (last[at].0 + text[at].from(meant), last[at].1);
                let left_out = (last[at + 1].0 + meant.alone(), last[at + 1].1);
                let added = (line[at].0 + text[at].alone(), line[at].1);
                let mut best = replaced;
                for other in [left_out, added] {
                    if other.0 < best.0 {
                        best = other;
                    }
                }
                if row > 0 && at > 0 && text[at] == self.signs[row - 1] && text[at - 1] == meant && text[at] != meant {
                    let swapped = (before_last[at - 1].0 + SWAPPED, before_last[at - 1].1);
                    best = if swapped.0 < best.0 { swapped } else { best };
                }
                line.push(best);
            }
            before_last = std::mem::replace(&mut last, line);
        }
        let length = u32::try_from(self.signs.len()).unwrap_or(u32::MAX);
        let (end, &(cost, start)) = last.iter().enumerate().min_by_key(|(_, cell)| cell.0)?;
        let similarity = (100 * length).saturating_sub(cost) * self.weight / (100 * length);
        (similarity >= SIMILARITY_MIN && end > start).then_some(Hit { owner: self.owner, span: start..end, similarity })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(names: &[&str], text: &str) -> Vec<(usize, Range<usize>, u32)> {
        let mut all = Names::default();
        for (number, name) in names.iter().enumerate() {
            all.insert(&name.chars().collect::<Vec<_>>(), Handle::of(number), 100);
        }
        let mut hits: Vec<_> = all
            .find(&text.chars().collect::<Vec<_>>())
            .into_iter()
            .map(|hit| (hit.owner.index(), hit.span, hit.similarity))
            .collect();
        hits.sort_by_key(|hit| hit.0);
        hits
    }

    #[test]
    fn a_name_is_found_where_it_stands() {
        assert_eq!(find(&["阳光花园", "中山路"], "南营阳光花园3号楼"), [(0, 2..6, 100)]);
    }

    #[test]
    fn a_slip_of_the_pen_is_found_and_costs_what_it_is() {
        for (text, similarity) in
            [("阳光花圆", 93), ("阳光话园", 93), ("阳光园花", 87), ("阳光花", 75), ("阳关花园", 93)]
        {
            let found = find(&["阳光花园"], text);
            assert_eq!(found.first().map(|hit| hit.2), Some(similarity), "{text}");
        }
        assert_eq!(find(&["中山路"], "中衫路5号"), [(0, 0..3, 91)]);
    }

    #[test]
    fn neighbours_that_one_sign_tells_apart_are_not_taken_for_each_other() {
        assert_eq!(find(&["浦东南路", "浦东北路"], "浦东北路7号"), [(0, 0..4, 62), (1, 0..4, 100)]);
        assert_eq!(find(&["崂山3村", "崂山2村"], "崂山3村5号"), [(0, 0..4, 100), (1, 0..4, 62)]);
    }

    #[test]
    fn a_removed_name_is_not_found() {
        let mut names = Names::default();
        let signs: Vec<char> = "阳光花园".chars().collect();
        names.insert(&signs, Handle::of(0), 100);
        names.insert(&signs, Handle::of(1), 100);
        names.remove(Handle::of(0));
        let owners: Vec<usize> = names.find(&signs).iter().map(|hit| hit.owner.index()).collect();
        assert_eq!(owners, [1]);
    }
}
