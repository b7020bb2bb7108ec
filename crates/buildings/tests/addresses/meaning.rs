//! What a match promises: contradictions are told and never confident, ambiguity is not resolved by guessing, and what
//! the asker may not see is not there.

use base::AreaPath;
use buildings::model::address::{
    Answer, Aspect, Confidence, Entry, Gazetteer, Handle, Kind, Label, Question, Relation, Verdict,
};

/// A gazetteer that gives ids by itself: the number of the place put.
#[derive(Default)]
struct Small {
    gazetteer: Gazetteer,
    count: u8,
}

impl Small {
    fn put(&mut self, kind: Kind, parent: Option<Handle>, label: &str, name: &str, area: u16, door: &str) -> Handle {
        self.count += 1;
        let one = |text: &'static str| -> &[&str] { if text.is_empty() { &[] } else { Box::leak(Box::new([text])) } };
        let [name, door] = [name, door].map(|text| one(Box::leak(text.to_owned().into_boxed_str())));
        let area = AreaPath::ROOT.child(area).unwrap();
        let label = Label::parse(label);
        self.gazetteer.put(&Entry { id: [self.count; 16], kind, parent, label, names: name, area, doors: door })
    }

    fn ask(&self, text: &str) -> Answer {
        self.ask_within(text, AreaPath::ROOT)
    }

    fn ask_within(&self, text: &str, area: AreaPath) -> Answer {
        let visible = move |path: &AreaPath| path.is_within(&area);
        self.gazetteer.find(&Question { text, visible: &visible, confidence: Confidence::default(), limit: 10 })
    }
}

/// 阳光花园 at 中山路120号 with buildings 3 and 5; of building 3 units 1 and 2 with rooms 101 and 102 each; 书香苑
/// at 中山路88号 without any; 第三中学 on the other side.
fn town() -> Small {
    let mut small = Small::default();
    small.put(Kind::Division, None, "", "南营社区居委会", 1, "");
    let estate = small.put(Kind::Estate, None, "", "阳光花园", 1, "中山路120号");
    let three = small.put(Kind::Building, Some(estate), "3", "", 1, "");
    small.put(Kind::Building, Some(estate), "5", "", 1, "");
    for unit in ["1", "2"] {
        let unit = small.put(Kind::Unit, Some(three), unit, "", 1, "");
        for room in ["101", "102"] {
            small.put(Kind::Room, Some(unit), room, "", 1, "");
        }
    }
    small.put(Kind::Estate, None, "", "书香苑", 2, "中山路88号");
    small.put(Kind::Landmark, None, "", "第三中学", 2, "");
    small
}

fn verdict_of(answer: &Answer, aspect: Aspect) -> Option<Verdict> {
    answer
        .candidates
        .first()?
        .evidence
        .iter()
        .find(|evidence| evidence.aspect == aspect)
        .map(|evidence| evidence.verdict)
}

#[test]
fn every_way_of_writing_one_room_leads_to_it() {
    let town = town();
    let room = town.ask("阳光花园3号楼2单元101室").candidates[0].clone();
    assert_eq!((room.kind, room.confident), (Kind::Room, true));
    for text in [
        "阳光花园3-2-101",
        "阳光花园三栋二单元一零一",
        "陽光花園３號樓２單元１０１",
        "中山路120号阳光花园3#2-101",
        "中山路120号3-2-101",
        "南营社区阳光花园3幢2门101",
        "101室2单元3号楼阳光花园",
        "阳光花圆3号楼2单元101",
        "阳光花园3号楼2101",
        "阳光花园3号楼2单元101山东省淄博市",
    ] {
        let answer = town.ask(text);
        assert_eq!(answer.candidates[0].id, room.id, "{text}: {answer:?}");
        assert!(answer.candidates[0].confident, "{text}: {answer:?}");
    }
}

#[test]
fn a_building_that_the_estate_does_not_have_is_a_contradiction_and_never_confident() {
    let town = town();
    for (text, aspect) in [
        ("阳光花园7号楼", Aspect::Building),
        ("阳光花园3号楼9单元", Aspect::Unit),
        ("阳光花园3号楼2单元901", Aspect::Room),
        ("中山路88号阳光花园3号楼", Aspect::Name),
    ] {
        let answer = town.ask(text);
        assert_eq!(verdict_of(&answer, aspect), Some(Verdict::Contradicts), "{text}: {answer:?}");
        assert!(!answer.candidates[0].confident, "{text}");
    }
}

#[test]
fn what_the_register_does_not_say_is_no_contradiction() {
    let answer = town().ask("阳光花园5号楼1单元101");
    assert_eq!(verdict_of(&answer, Aspect::Building), Some(Verdict::Agrees(100)));
    assert_eq!(verdict_of(&answer, Aspect::Unit), Some(Verdict::Unregistered));
}

#[test]
fn a_room_number_that_several_units_have_leads_to_the_building() {
    let answer = town().ask("阳光花园3号楼101");
    assert_eq!((answer.candidates[0].kind, answer.candidates[0].confident), (Kind::Building, true));
}

#[test]
fn two_estates_of_one_name_are_both_told_and_neither_is_sure() {
    let mut town = town();
    let other = town.put(Kind::Estate, None, "", "阳光花园", 2, "");
    town.put(Kind::Building, Some(other), "3", "", 2, "");
    let answer = town.ask("阳光花园3号楼");
    assert!(answer.candidates.iter().filter(|candidate| candidate.kind == Kind::Building).count() == 2);
    assert!(answer.candidates.iter().all(|candidate| !candidate.confident));
    assert!(town.ask("南营社区阳光花园3号楼").candidates[0].confident, "the community tells them apart");
    assert!(town.ask("中山路120号阳光花园3号楼").candidates[0].confident, "and so does the gate");
}

#[test]
fn what_lies_across_the_street_is_told_and_not_sure() {
    let town = town();
    assert!(town.ask("第三中学门口").candidates[0].confident);
    for text in ["第三中学对面", "三中学附近"] {
        let answer = town.ask(text);
        assert_eq!(answer.candidates[0].kind, Kind::Landmark, "{text}");
        assert!(!answer.candidates[0].confident && answer.address.relation >= Relation::Opposite, "{text}");
    }
}

#[test]
fn an_estate_that_nobody_knows_is_not_guessed() {
    let town = town();
    for text in ["阳光新城3号楼2单元101", "翡翠公馆3-2-101", "3号楼2单元101", "中山路", "漏水了", ""]
    {
        let answer = town.ask(text);
        assert!(answer.candidates.iter().all(|candidate| !candidate.confident), "{text}: {answer:?}");
    }
    assert!(town.ask("翡翠公馆3-2-101").candidates.is_empty());
}

#[test]
fn what_the_asker_may_not_see_is_not_there() {
    let town = town();
    let second = AreaPath::ROOT.child(2).unwrap();
    assert!(town.ask_within("阳光花园3号楼", second).candidates.is_empty());
    assert_eq!(town.ask_within("书香苑", second).candidates.len(), 1);
}

#[test]
fn a_removed_or_renumbered_building_is_found_no_more() {
    let mut town = town();
    let before = town.ask("阳光花园5号楼").candidates[0].clone();
    assert!(before.confident && town.gazetteer.remove(before.id));
    assert_eq!(verdict_of(&town.ask("阳光花园5号楼"), Aspect::Building), Some(Verdict::Contradicts));
}
