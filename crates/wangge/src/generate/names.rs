//! Made-up people: names as they are heard in southern Shandong, and phone numbers that ring nowhere.
//!
//! Nobody here exists. Not here: what the people do.

use std::collections::BTreeSet;

use super::chance::Chance;

/// Surnames with how many of a thousand people bear them, leaning to those of Zaozhuang (孙, 褚, 孔, 颜, 种 …).
const SURNAMES: &[(&str, u32)] = &[
    ("王", 82),
    ("张", 76),
    ("李", 74),
    ("刘", 62),
    ("孙", 44),
    ("陈", 34),
    ("杨", 30),
    ("赵", 28),
    ("徐", 26),
    ("马", 18),
    ("朱", 17),
    ("宋", 16),
    ("郭", 15),
    ("韩", 14),
    ("高", 14),
    ("周", 13),
    ("吴", 13),
    ("胡", 12),
    ("褚", 12),
    ("任", 11),
    ("邵", 11),
    ("侯", 11),
    ("岳", 10),
    ("孔", 10),
    ("曹", 10),
    ("贾", 9),
    ("田", 9),
    ("梁", 9),
    ("颜", 8),
    ("谢", 8),
    ("董", 8),
    ("程", 8),
    ("鲍", 7),
    ("魏", 7),
    ("冯", 7),
    ("潘", 6),
    ("种", 5),
    ("满", 5),
    ("甘", 4),
    ("靳", 4),
    ("龙", 3),
    ("晁", 2),
];

/// First characters of women's given names, and second ones.
const WOMEN: (&[&str], &[&str]) = (
    &["秀", "桂", "玉", "爱", "淑", "晓", "丽", "海", "雪", "春", "红", "文", "梦", "雅", "思", "慧", "凤", "兴"],
    &["英", "兰", "珍", "华", "霞", "梅", "娟", "芹", "燕", "敏", "萍", "玲", "琳", "洁", "婷", "荣", "侠", "云"],
);

/// First characters of men's given names, and second ones.
const MEN: (&[&str], &[&str]) = (
    &["建", "志", "文", "德", "永", "国", "长", "广", "士", "学", "明", "海", "家", "庆", "晓", "宗", "传", "开"],
    &["军", "强", "民", "华", "平", "伟", "勇", "峰", "涛", "亮", "刚", "林", "忠", "斌", "成", "友", "启", "龙"],
);

/// Given names of one character, for anybody.
const SINGLE: &[&str] =
    &["敏", "静", "伟", "磊", "倩", "鹏", "洋", "娜", "超", "凯", "杰", "欣", "宁", "帅", "丹", "峰"];

/// Gives out names and phone numbers, each once.
pub(crate) struct People {
    chance: Chance,
    names: BTreeSet<String>,
    phones: BTreeSet<String>,
}

impl People {
    /// The people of a seed; `subject` keeps several crowds apart.
    pub(crate) fn new(seed: u64, subject: &str) -> Self {
        Self { chance: Chance::new(seed, subject), names: BTreeSet::new(), phones: BTreeSet::new() }
    }

    /// A name that this crowd has not had yet.
    pub(crate) fn name(&mut self) -> String {
        loop {
            let name = format!("{}{}", surname(&mut self.chance), given_name(&mut self.chance, 56.0));
            if self.names.insert(name.clone()) {
                return name;
            }
        }
    }

    /// A mobile number that this crowd has not had yet.
    ///
    /// China sets no numbers aside for fiction. Of the prefixes that no operator has been given (142, 143, 154, 161,
    /// 164, 194 as of 2026) this takes 154: such a number is well-formed and rings nowhere.
    pub(crate) fn phone(&mut self) -> String {
        loop {
            let phone = format!("154{:04}{:04}", self.chance.between(0, 9_999), self.chance.between(0, 9_999));
            if self.phones.insert(phone.clone()) {
                return phone;
            }
        }
    }
}

/// A surname, as often as it is heard.
pub(crate) fn surname(chance: &mut Chance) -> &'static str {
    SURNAMES[chance.weighted(SURNAMES.iter().map(|(_, weight)| *weight))].0
}

/// A given name; that of a woman so many times out of a hundred.
pub(crate) fn given_name(chance: &mut Chance, women_percent: f64) -> String {
    if chance.percent(22.0) {
        return chance.pick(SINGLE).to_owned();
    }
    let (first, second) = if chance.percent(women_percent) { WOMEN } else { MEN };
    format!("{}{}", chance.pick(first), chance.pick(second))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_shares_a_name_or_a_number() {
        let mut people = People::new(1, "staff");
        let names: BTreeSet<String> = (0..700).map(|_| people.name()).collect();
        let phones: BTreeSet<String> = (0..700).map(|_| people.phone()).collect();
        assert_eq!((names.len(), phones.len()), (700, 700));
        assert!(names.iter().all(|name| (2..=3).contains(&name.chars().count())));
    }

    #[test]
    fn phone_numbers_are_well_formed_and_belong_to_no_operator() {
        let mut people = People::new(2, "staff");
        for _ in 0..200 {
            let phone = people.phone();
            assert!(phone.len() == 11 && phone.starts_with("154") && phone.bytes().all(|byte| byte.is_ascii_digit()));
        }
    }
}
