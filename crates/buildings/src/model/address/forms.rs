//! What people leave away from the name of a place, and how sure the rest still means it.

use super::gazetteer::Kind;

/// The endings that people leave away, with what the rest is worth in hundredths. A rest that means only one place is
/// still told from a whole name, because 阳光 may be short for an estate that the register does not know.
fn endings(kind: Kind) -> &'static [(&'static str, u32)] {
    match kind {
        Kind::Division => &[
            ("社区居民委员会", 95),
            ("居民委员会", 95),
            ("村民委员会", 95),
            ("社区居委会", 95),
            ("居委会", 98),
            ("村委会", 95),
            ("居委", 98),
            ("街道办事处", 95),
            ("街道", 95),
            ("社区", 95),
            ("镇", 90),
            ("乡", 90),
            ("村", 90),
            ("区", 85),
            ("市", 85),
        ],
        Kind::Estate => &[
            ("小区", 97),
            ("住宅区", 97),
            ("家属院", 95),
            ("宿舍", 92),
            ("花园", 90),
            ("家园", 90),
            ("新城", 90),
            ("新村", 90),
            ("公寓", 90),
            ("山庄", 90),
            ("广场", 90),
            ("花苑", 90),
            ("村", 90),
        ],
        Kind::Building | Kind::Landmark => &[("大厦", 88), ("大楼", 88), ("广场", 88), ("有限公司", 95), ("店", 90)],
        Kind::Road | Kind::Lane | Kind::Unit | Kind::Room => &[],
    }
}

/// The forms of a name: how many of its first signs, and what they are worth.
pub(super) fn of(kind: Kind, name: &[char]) -> Vec<(usize, u32)> {
    let mut forms = vec![(name.len(), 100)];
    for (ending, weight) in endings(kind) {
        let ending: Vec<char> = ending.chars().collect();
        let rest = name.len().saturating_sub(ending.len());
        if name.ends_with(&ending) && rest >= 2 && !forms.iter().any(|(length, _)| *length == rest) {
            forms.push((rest, *weight));
        }
    }
    if kind == Kind::Road && name.last() == Some(&'段') {
        // 海安路2段 is often only 海安路: it then may be any of its sections.
        let digits = name[..name.len() - 1].iter().rev().take_while(|sign| sign.is_ascii_digit()).count();
        forms.push((name.len() - 1 - digits, 80));
    }
    forms
}
