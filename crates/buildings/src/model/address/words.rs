//! The words of addresses: what follows a number, what ends the name of a road or a division, and what says how one
//! thing lies to another.

use super::{Label, Relation};

/// What a number numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Counter {
    /// 号: a door, a building or a room, by where it stands.
    Door,
    /// 号楼, 栋, 幢, 座, #.
    Building,
    /// 楼: a building where none is named yet, else a floor.
    BuildingOrFloor,
    /// 单元, 梯.
    Unit,
    /// 门: a unit.
    Gate,
    /// 层, F.
    Floor,
    /// 室, 户, 号房.
    Room,
    /// 巷, 弄.
    Lane,
    /// Nothing: `3-2-501`.
    Bare,
    /// 公里, 号线, 路公交 and the like: no part of an address.
    Other,
}

/// What stands between roads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// 与, 和, `*`, `/` between two roads, or 路口 after one.
    Join,
    /// 交叉口, 路口.
    Corner,
    /// 到, 至, `~`.
    Until,
    /// A comma, a bracket.
    Pause,
}

const COUNTERS: &[(&str, Counter)] = &[
    ("号线", Counter::Other),
    ("公里", Counter::Other),
    ("路公交", Counter::Other),
    ("号楼", Counter::Building),
    ("号院", Counter::Door),
    ("号公馆", Counter::Other),
    ("号房", Counter::Room),
    ("号室", Counter::Room),
    ("号门", Counter::Gate),
    ("号单元", Counter::Unit),
    ("号", Counter::Door),
    ("#楼", Counter::Building),
    ("#", Counter::Building),
    ("栋楼", Counter::Building),
    ("栋", Counter::Building),
    ("幢楼", Counter::Building),
    ("幢", Counter::Building),
    ("座", Counter::Building),
    ("单元", Counter::Unit),
    ("梯", Counter::Unit),
    ("门", Counter::Gate),
    ("楼", Counter::BuildingOrFloor),
    ("层", Counter::Floor),
    ("F", Counter::Floor),
    ("室", Counter::Room),
    ("户", Counter::Room),
    ("房", Counter::Room),
    ("巷", Counter::Lane),
    ("支弄", Counter::Lane),
    ("弄", Counter::Lane),
];

/// What the signs after a number make of it, and how many of them do.
pub(super) fn counter(signs: &[char]) -> Option<(Counter, usize)> {
    let (word, counter) = COUNTERS.iter().find(|(word, _)| begins(signs, word))?;
    let length = word.chars().count();
    // 3号门口 is door 3, and 2门诊 is no gate.
    let gate = *counter == Counter::Gate && signs.get(length).is_some_and(|&sign| "口前诊市".contains(sign));
    match gate {
        true if *word == "号门" => Some((Counter::Door, 1)),
        true => None,
        false => Some((*counter, length)),
    }
}

/// A label that is a letter or a side, which only its counter makes one: A座, 东单元, 甲栋, 西户.
pub(super) fn lettered(signs: &[char]) -> Option<(Label, Counter, usize)> {
    let first = *signs.first()?;
    if !(first.is_ascii_uppercase() || "甲乙丙丁戊东西南北中".contains(first)) {
        return None;
    }
    let (counter, length) = counter(&signs[1..])?;
    let sided = matches!(counter, Counter::Unit | Counter::Building | Counter::Room);
    (sided && !begins(&signs[1..], "房")).then(|| Some((Label::read(&[first])?, counter, 1 + length)))?
}

/// Whether the signs after a number make it the beginning or middle of a name: 3马路, 10路, 2街坊, 3中学.
pub(super) fn begins_name(signs: &[char]) -> bool {
    ["路", "街", "大道", "道", "马路", "纬路", "经路", "条", "环", "村", "里", "线"]
        .iter()
        .any(|word| begins(signs, word))
        && !begins(signs, "路公交")
        && !begins(signs, "里处")
}

/// How many signs are the section of a road: `2段`.
pub(super) fn section(signs: &[char]) -> usize {
    let digits = signs.iter().take_while(|sign| sign.is_ascii_digit()).count();
    if (1..=2).contains(&digits) && signs.get(digits) == Some(&'段') { digits + 1 } else { 0 }
}

const RELATIONS: &[(&str, Relation)] = &[
    ("斜对面", Relation::Opposite),
    ("正对面", Relation::Opposite),
    ("对面", Relation::Opposite),
    ("对过", Relation::Opposite),
    ("旁边", Relation::Beside),
    ("隔壁", Relation::Beside),
    ("边上", Relation::Beside),
    ("门口", Relation::Front),
    ("门前", Relation::Front),
    ("大门", Relation::Front),
    ("正门", Relation::Front),
    ("前面", Relation::Front),
    ("前方", Relation::Front),
    ("后面", Relation::Behind),
    ("后方", Relation::Behind),
    ("附近", Relation::Near),
    ("周边", Relation::Near),
    ("周围", Relation::Near),
    ("一带", Relation::Near),
    ("沿线", Relation::Near),
    ("两侧", Relation::Near),
    ("旁", Relation::Beside),
    ("前", Relation::Front),
    ("后", Relation::Behind),
];

/// The relation that begins here. 前, 后 and 旁 are one only where no word goes on with them.
pub(super) fn relation(signs: &[char]) -> Option<(Relation, usize)> {
    let (word, relation) = RELATIONS.iter().find(|(word, _)| begins(signs, word))?;
    let length = word.chars().count();
    let goes_on = signs.get(length).is_some_and(|&sign| super::text::is_word(sign) && sign != '的');
    (length > 1 || !goes_on).then_some((*relation, length))
}

/// The mark that begins here; some words are one only after a road, or after any name.
pub(super) fn mark(signs: &[char], after_road: bool, after_name: bool) -> Option<(Mark, usize)> {
    let words: &[(&str, Mark)] = &[
        ("交叉路口", Mark::Corner),
        ("交叉口", Mark::Corner),
        ("交叉处", Mark::Corner),
        ("交接口", Mark::Corner),
        ("交接处", Mark::Corner),
        ("交界处", Mark::Corner),
        ("交界", Mark::Corner),
        ("交会处", Mark::Corner),
        ("交会口", Mark::Corner),
        ("交汇处", Mark::Corner),
        ("交口", Mark::Corner),
        ("路口", Mark::Corner),
        ("街口", Mark::Corner),
        ("转角", Mark::Corner),
        ("拐角", Mark::Corner),
        ("口", Mark::Corner),
    ];
    let untils = ["到", "至", "~"];
    let joins = ["*", "/", "+", "\\", "&", "^", "^^", "×"];
    let found = words.iter().filter(|_| after_road).find(|(word, _)| begins(signs, word));
    let found = found.map(|(word, mark)| (*mark, word.chars().count()));
    let until = untils.iter().find(|word| begins(signs, word)).map(|_| (Mark::Until, 1));
    found
        .or(until.filter(|_| after_name))
        .or_else(|| joins.iter().rev().find(|sign| begins(signs, sign)).map(|sign| (Mark::Join, sign.len())))
}

/// How many signs at the beginning of a run, after a road, join it to another road: 与, 和 and the like.
///
/// 和 and 近 begin names too (和平路): they join only where what follows is still the name of a road.
pub(super) fn joint(run: &[char]) -> Option<usize> {
    for word in ["与", "跟", "及", "靠近", "接近", "上近", "交"] {
        if begins(run, word) {
            return Some(word.chars().count());
        }
    }
    let first = *run.first()?;
    let road = road(&run[1..]).is_some_and(|road| road.start == 0 && road.end > 2);
    ("和近靠往的上".contains(first) && road).then_some(1)
}

/// Words that end a name before a road begins, when at least one sign stands before them.
const PLACE_ENDS: &[&str] = &[
    "医院",
    "学校",
    "国小",
    "国中",
    "小学",
    "中学",
    "大学",
    "公园",
    "市场",
    "广场",
    "大厦",
    "车站",
    "加油站",
    "银行",
    "小区",
    "新村",
    "公寓",
    "花园",
    "家园",
    "的",
    "在",
];

/// Which signs of a run are the name of its first road; what stands before it is another name.
pub(super) fn road(run: &[char]) -> Option<std::ops::Range<usize>> {
    let ends = |at: usize| -> Option<usize> {
        let (before, sign, rest) = (&run[..at], run[at], &run[at + 1..]);
        let stands = match sign {
            '路' => at > 0 && !(at == 1 && rest.first().is_some_and(|&next| "灯面边段政况树牌标".contains(next))),
            '街' => at > 0 && !rest.first().is_some_and(|&next| "道坊".contains(next)),
            '道' => at > 1 && rest.first() != Some(&'路') && !"下隧车行铁轨管水渠频街同".contains(run[at - 1]),
            '同' => before.ends_with(&['胡']) && at > 1,
            '线' => at > 1 && run[at - 1].is_ascii_digit() && !before.contains(&'号'),
            _ => false,
        };
        stands.then_some(at + 1)
    };
    let end = (0..run.len()).find_map(ends)?;
    let mut start = 0;
    for word in PLACE_ENDS {
        let length = word.chars().count();
        // The name of a road is two signs at least, and a place is named before the word for what it is.
        let cut = (1..end.saturating_sub(length + 2)).rev().find(|&at| begins(&run[at..], word));
        start = start.max(cut.map_or(0, |at| at + length));
    }
    let length = end - start;
    // Longer names than seven signs are a place and a road that nothing keeps apart: the road is the last three.
    Some(if length > 8 { end - 3..end } else { start..end })
}

/// How many signs at the beginning of a run are a division; `follows` is what comes after the run, `divided` whether a
/// division was read before.
pub(super) fn division(run: &[char], follows: &[char], divided: bool) -> Option<usize> {
    if begins(run, "台湾") && run.len() > 4 {
        return Some(2);
    }
    (1..run.len().min(10)).find_map(|at| {
        let before = run[at - 1];
        let next = run.get(at + 1).or(follows.first()).copied().unwrap_or(' ');
        let ends = match run[at] {
            '省' => at >= 2 && !"道级".contains(next),
            '市' => (2..=5).contains(&at) && !"场政民区容集标".contains(next),
            '区' => {
                at <= 6
                    && !"小社校厂库景街片住".contains(before)
                    && !before.is_ascii_alphanumeric()
                    && !"间域政委".contains(next)
                    && !begins(&run[at + 1..], "公所")
            }
            '县' => at <= 5 && !"城政委医".contains(next),
            '镇' | '乡' => at <= 4 && !"政海村里公路街中小医".contains(next),
            '道' => before == '街' && at >= 3,
            '里' => divided && at <= 3 && !"区面程头仁弄河桥路街".contains(next) && !before.is_ascii_digit(),
            '村' => at <= 5 && before != '新' && !before.is_ascii_digit() && !"路街道口小中".contains(next),
            _ => false,
        };
        // 社区 and 办事处 belong to the name before them.
        let community = run[at] == '区' && before == '社' && at >= 2;
        (ends || community).then(|| at + 1 + tail(&run[at + 1..]))
    })
}

/// How many signs after a division only say what sort of division it is.
fn tail(run: &[char]) -> usize {
    let words = ["办事处", "街道办", "居民委员会", "村民委员会", "居委会", "村委会", "居委", "委会", "内"];
    words.iter().find(|word| begins(run, word)).map_or(0, |word| word.chars().count())
}

/// Whether a rest of words names nothing.
pub(super) fn says_nothing(words: &[char]) -> bool {
    const NOTHING: &[&str] = &[
        "的", "上", "内", "里", "处", "口", "边", "侧", "段", "号", "之", "间", "中间", "靠", "近", "往", "方向",
        "整条", "巷内", "到", "至", "和", "与", "及", "路段", "路边", "楼", "楼下", "楼上", "尾", "巷口", "巷尾", "底",
        "在", "位于", "住", "地址", "一楼", "中国", "路灯",
    ];
    NOTHING.iter().any(|nothing| words.len() == nothing.chars().count() && begins(words, nothing))
}

/// Whether the signs begin with a word.
fn begins(signs: &[char], word: &str) -> bool {
    let mut signs = signs.iter();
    word.chars().all(|sign| signs.next() == Some(&sign))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signs(text: &str) -> Vec<char> {
        text.chars().collect()
    }

    fn road_of(text: &str) -> Option<String> {
        let signs = signs(text);
        road(&signs).map(|range| signs[range].iter().collect())
    }

    #[test]
    fn a_road_ends_where_its_word_does_and_begins_after_a_place() {
        for (text, found) in [
            ("中华东路", "中华东路"),
            ("世纪大道", "世纪大道"),
            ("奇美医院中华路", "中华路"),
            ("公园北路", "公园北路"),
            ("民治路路灯", "民治路"),
            ("甘石胡同", "甘石胡同"),
        ] {
            assert_eq!(road_of(text).as_deref(), Some(found), "{text}");
        }
        for text in ["人行道", "地下道", "路灯", "街道办"] {
            assert_eq!(road_of(text), None, "{text}");
        }
    }

    #[test]
    fn a_division_is_told_from_an_estate_and_a_market() {
        for (text, length) in [("张店区中华路", 3), ("四宝山街道办事处", 8), ("宝山社区居委会", 7), ("北马庄村", 4)]
        {
            assert_eq!(division(&signs(text), &[], false), Some(length), "{text}");
        }
        for text in ["阳光小区", "农贸市场", "曹杨新村", "乡里人家"] {
            assert_eq!(division(&signs(text), &[], false), None, "{text}");
        }
    }

    #[test]
    fn and_joins_two_roads_unless_it_begins_the_second() {
        assert_eq!(joint(&signs("和贤北街")), Some(1));
        assert_eq!(joint(&signs("和平路")), None);
        assert_eq!(joint(&signs("与和平路")), Some(1));
    }
}
