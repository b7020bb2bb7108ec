//! What people make of an address: parts left away, in another order, with slips of the pen, in other numerals, wide
//! or traditional characters.
//!
//! This file knows the town and how people write. It was written without regard to how the matcher reads, and has its
//! own lists of what is confused with what, so that the two do not share their mistakes.

use fastrand::Rng;

use super::town::{DISTRICT, Estate, Home, SUBDISTRICT, Town};

/// A written address with what it should lead to.
#[derive(Debug)]
pub(crate) struct Noisy {
    pub(crate) text: String,
    /// Any of these is right; none when nothing may be answered with confidence.
    pub(crate) right: Vec<[u8; 16]>,
}

/// Characters that slip in for one another when people type by sound or copy by eye.
const SLIPS: &[&str] = &[
    "阳杨扬",
    "园圆元",
    "锦金",
    "景锦",
    "翠脆",
    "泰太",
    "华花",
    "嘉佳家",
    "和合河",
    "御玉",
    "丽利",
    "福富",
    "荣容",
    "城成诚",
    "苑院",
    "郡君",
    "馆管",
    "瑞端",
    "海每",
    "世市",
    "纪记",
    "绿录",
    "东冬",
    "书舒",
    "香乡",
    "紫子",
    "颐怡",
    "润闰",
    "龙尤",
    "恒桓",
    "兰蓝",
    "庭廷",
    "凤风",
    "凰皇",
    "碧璧",
    "桂挂",
    "祥样",
    "康糠",
    "建健",
    "豪毫",
    "雅稚",
    "村材",
    "营菅",
    "马码",
    "石右",
    "魏巍",
    "榆愉",
    "尚商",
];
/// Simplified and traditional, for writers from overseas and old signboards.
const TRADITIONAL: &str = "号號楼樓单單园園区區阳陽华華东東书書兰蘭龙龍丽麗张張宝寶庄莊义義乡鄉镇鎮门門对對马馬锦錦凤鳳绿綠纪紀润潤荣榮馆館栋棟层層户戶";
/// Characters with which people mistype without any reason.
const STRAY: &str = "的一是在了有大这主人来我们为地个用工时要";

fn chinese(number: u32, by_place: bool) -> String {
    let digits = ["零", "一", "二", "三", "四", "五", "六", "七", "八", "九"];
    let by_sign = || number.to_string().chars().map(|digit| digits[digit.to_digit(10).unwrap() as usize]).collect();
    match number {
        10 => "十".to_owned(),
        11..20 => format!("十{}", digits[number as usize % 10]),
        20..100 if number.is_multiple_of(10) => format!("{}十", digits[number as usize / 10]),
        20..100 => format!("{}十{}", digits[number as usize / 10], digits[number as usize % 10]),
        100.. if by_place && number.is_multiple_of(100) => format!("{}百", digits[number as usize / 100]),
        _ => by_sign(),
    }
}

/// One writer's habits.
struct Hand<'a> {
    rng: &'a mut Rng,
    chinese_numerals: bool,
}

impl Hand<'_> {
    fn chance(&mut self, percent: u32) -> bool {
        self.rng.u32(..100) < percent
    }

    fn number(&mut self, number: u32) -> String {
        if self.chinese_numerals { chinese(number, false) } else { number.to_string() }
    }

    fn one_of(&mut self, choices: &[&str]) -> String {
        (*self.rng.choice(choices).unwrap()).to_owned()
    }

    /// Building, unit and room, as far as they are told.
    fn inside(&mut self, building: u32, unit: Option<u32>, room: Option<u32>) -> Vec<String> {
        if self.chance(30) && !self.chinese_numerals {
            let dash = self.one_of(&["-", "-", "—", "－", "－"]);
            let numbers = [Some(building), unit, room].into_iter().flatten().map(|number| number.to_string());
            return vec![numbers.collect::<Vec<_>>().join(&dash)];
        }
        let building_word = if self.chinese_numerals {
            &["号楼", "栋", "幢"][..]
        } else {
            &["号楼", "号楼", "栋", "幢", "#", "#楼", "座"][..]
        };
        let mut parts = vec![self.number(building) + &self.one_of(building_word)];
        if let Some(unit) = unit {
            parts.push(self.number(unit) + &self.one_of(&["单元", "单元", "单元", "门"]));
        }
        if let Some(room) = room {
            parts.push(self.number(room) + &self.one_of(&["", "室", "室", "户", "号"]));
        }
        parts
    }

    /// The name with at most one slip; a slip that makes it another name of the town is not made.
    fn name(&mut self, town: &Town, name: &str, slips_percent: u32) -> String {
        if !self.chance(slips_percent) {
            return name.to_owned();
        }
        let mut signs: Vec<char> = name.chars().collect();
        let at = self.rng.usize(..signs.len());
        let group = SLIPS.iter().find(|group| group.contains(signs[at]));
        match (group, self.rng.u32(..10)) {
            (Some(group), 0..8) => {
                let others: Vec<char> = group.chars().filter(|&sign| sign != signs[at]).collect();
                signs[at] = *self.rng.choice(&others).unwrap();
            }
            (_, 8) if signs.len() > 3 && at > 0 => signs.swap(at - 1, at),
            (_, 9) if signs.len() > 3 => signs[at] = STRAY.chars().nth(self.rng.usize(..20)).unwrap(),
            _ => {}
        }
        let slipped: String = signs.into_iter().collect();
        let taken = town.estates.iter().any(|estate| estate.name == slipped) || town.strangers.contains(&slipped);
        if taken { name.to_owned() } else { slipped }
    }

    /// What stands before the name: district, subdistrict, community, each left away more often than not.
    fn prefix(&mut self, town: &Town, estate: &Estate) -> String {
        let mut prefix = String::new();
        if self.chance(10) {
            prefix += "山东省淄博市";
        }
        if self.chance(35) {
            prefix += DISTRICT;
        }
        if self.chance(25) {
            prefix += SUBDISTRICT;
        }
        if self.chance(15) && !estate.is_village {
            prefix += town.communities[estate.community];
        }
        prefix
    }

    /// The last touches: spaces, wide characters, traditional characters.
    fn finish(&mut self, text: &str) -> String {
        let (wide, traditional) = (self.chance(8), self.chance(8));
        let pairs: Vec<char> = TRADITIONAL.chars().collect();
        text.chars()
            .map(|sign| match sign {
                '0'..='9' | '-' | '#' if wide => char::from_u32(u32::from(sign) + 0xfee0).unwrap(),
                _ if traditional => pairs.chunks(2).find(|pair| pair[0] == sign).map_or(sign, |pair| pair[1]),
                _ => sign,
            })
            .collect()
    }
}

/// How a home of the town might be written, and what is then meant.
fn home(town: &Town, rng: &mut Rng) -> Noisy {
    let home = rng.choice(&town.homes).unwrap();
    let estate = &town.estates[home.owner];
    let chinese_numerals = rng.u32(..100) < 18;
    let mut hand = Hand { rng, chinese_numerals };
    if estate.is_village { house(town, &mut hand, estate, home) } else { flat(town, &mut hand, estate, home) }
}

fn house(town: &Town, hand: &mut Hand<'_>, estate: &Estate, home: &Home) -> Noisy {
    let name = hand.name(town, &estate.name, 8);
    let name = if hand.chance(15) { name.trim_end_matches('村').to_owned() + "村" } else { name };
    let number = hand.number(home.number);
    let suffix = hand.one_of(&["号", "号", "号", "号院", "#"]);
    let text = format!("{}{name}{number}{suffix}", hand.prefix(town, estate));
    Noisy { text: hand.finish(&text), right: vec![home.building_id] }
}

fn flat(town: &Town, hand: &mut Hand<'_>, estate: &Estate, home: &Home) -> Noisy {
    let room = if hand.chance(80) { hand.rng.choice(&home.rooms).copied() } else { None };
    let told_unit = room.map(|(unit, ..)| unit).filter(|_| !(hand.chance(12) || home.units == 1 && hand.chance(50)));
    let parts = hand.inside(home.number, told_unit, room.map(|(_, number, _)| number));
    let right = match (room, told_unit) {
        (None, _) => vec![home.building_id],
        (Some((.., id)), Some(_)) => vec![id],
        // Without the unit the room may be any of that number; the building is then as right.
        (Some((_, number, _)), None) => {
            let same = home.rooms.iter().filter(|(_, other, _)| *other == number);
            same.map(|(.., id)| *id).chain([home.building_id]).collect()
        }
    };
    let (road, gate) = estate.gate.as_ref().unwrap();
    let gate = format!("{road}{}号", hand.number(*gate));
    let mut name = hand.name(town, &estate.name, 16);
    let first: String = estate.name.chars().take(2).collect();
    let alone = town.estates.iter().filter(|other| other.name.starts_with(&first)).count() == 1;
    if hand.chance(10) && alone && !town.strangers.iter().any(|other| other.starts_with(&first)) {
        name = first;
    }
    let prefix = hand.prefix(town, estate);
    let pause = hand.one_of(&["", "", "", " ", "，"]);
    let text = match hand.rng.u32(..100) {
        // Only the gate, where no other estate has it.
        0..8 if town.estates.iter().filter(|other| other.gate == estate.gate).count() == 1 => {
            // `120号3-2-501` needs a word for the estate or none; people write it both ways.
            format!("{prefix}{gate}{}", parts.join(&pause))
        }
        8..28 => format!("{prefix}{gate}{pause}{name}{}", parts.join("")),
        28..33 => format!("{prefix}{name}({gate}){}", parts.join("")),
        33..38 if parts.len() > 1 => {
            let mut turned = parts.clone();
            turned.reverse();
            // Numbers that run into one another are no address: who writes backwards leaves a space.
            format!("{} {prefix}{name}", turned.join(" "))
        }
        38..42 => format!("{name}{pause}{}{pause}{prefix}", parts.join("")),
        _ => format!("{prefix}{name}{pause}{}", parts.join("")),
    };
    Noisy { text: hand.finish(&text), right }
}

fn landmark(town: &Town, rng: &mut Rng) -> Noisy {
    let landmark = rng.choice(&town.landmarks).unwrap();
    let mut hand = Hand { rng, chinese_numerals: false };
    let name = hand.name(town, &landmark.name, 12);
    let door = landmark
        .door
        .as_ref()
        .filter(|_| hand.chance(40))
        .map_or(String::new(), |(road, number)| format!("{road}{number}号"));
    let where_to = hand.one_of(&["", "", "门口", "对面", "旁边", "附近", "旁", "东侧"]);
    let prefix = if hand.chance(30) { DISTRICT } else { "" };
    let text = format!("{prefix}{door}{name}{where_to}");
    Noisy { text: hand.finish(&text), right: vec![landmark.id] }
}

/// An address that is nobody's here: an estate that does not exist, or a building that an estate does not have.
fn nowhere(town: &Town, rng: &mut Rng) -> Noisy {
    let mut hand = Hand { rng, chinese_numerals: false };
    let (building, unit, room) =
        (hand.rng.u32(1..20), hand.rng.u32(1..4), hand.rng.u32(1..10) * 100 + hand.rng.u32(1..3));
    let text = if hand.chance(50) {
        let name = hand.rng.choice(&town.strangers).unwrap().clone();
        format!("{name}{}", hand.inside(building, Some(unit), Some(room)).concat())
    } else {
        let estate = town.estates.iter().filter(|estate| !estate.is_village);
        let estate = hand.rng.choice(estate.collect::<Vec<_>>()).unwrap();
        format!("{}{}", estate.name, hand.inside(building + 30, Some(unit), Some(room)).concat())
    };
    Noisy { text: hand.finish(&text), right: Vec::new() }
}

/// The next written address.
pub(crate) fn next(town: &Town, rng: &mut Rng) -> Noisy {
    match rng.u32(..100) {
        0..80 => home(town, rng),
        80..90 => landmark(town, rng),
        _ => nowhere(town, rng),
    }
}
