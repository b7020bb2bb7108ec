//! From the pieces of a text to an address: which number belongs to which name, and the ways to read what is left.

use std::ops::Range;

use super::lexer::{Known, Piece, Sort, pieces};
use super::parts::{Address, Junction, Part, Premises, Relation, Road};
use super::words::{Counter, Mark};
use super::{Label, Text};

/// At most this many ways to read the inside of a place are kept.
const READINGS_MAX: usize = 4;

impl Address {
    /// Takes a text apart by its own words alone, without any register.
    pub fn parse(text: &str) -> Self {
        Self::parse_knowing(Text::read(text), &[])
    }

    /// Takes a text apart, given where names that a register knows stand in it; they must not overlap.
    pub fn parse_knowing(text: Text, known: &[Known]) -> Self {
        let pieces = pieces(text.signs(), known);
        let mut reader = Reader { address: Self { text, ..Self::default() }, ..Reader::default() };
        for piece in &pieces {
            reader.read(piece);
        }
        reader.finish(&pieces)
    }
}

/// What the numbers that follow belong to.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Anchor {
    /// Nothing was named yet.
    #[default]
    Nothing,
    /// The last road.
    Road,
    /// The last place, or the inside of a numbered one.
    Place,
}

#[derive(Default)]
struct Reader {
    address: Address,
    anchor: Anchor,
    /// A number with 号 that came before any name: it belongs to the first name or building that follows.
    waiting: Option<Label>,
    /// Whether the last number on a road had no 号: then another may follow (143,125号).
    listing: bool,
}

impl Reader {
    fn read(&mut self, piece: &Piece) {
        match piece {
            Piece::Name { sort, span, known } => self.name(*sort, span.clone(), *known),
            Piece::Number { labels, counter } => self.number(labels, *counter),
            Piece::Relation(relation) => self.address.relation = self.address.relation.max(*relation),
            Piece::Mark(_) => {}
        }
    }

    fn name(&mut self, sort: Sort, span: Range<usize>, known: bool) {
        let waiting = self.waiting.take();
        match sort {
            Sort::Division => self.address.divisions.push(Part { span, known }),
            Sort::Place => self.address.places.push(Part { span, known }),
            Sort::Road => {
                let numbers = waiting.into_iter().collect();
                self.address.roads.push(Road { span, known, lanes: Vec::new(), numbers });
            }
        }
        if sort != Sort::Road
            && let Some(label) = waiting
        {
            self.house_or_room(label);
        }
        self.anchor = match sort {
            Sort::Road => Anchor::Road,
            // A division between a road and its number (大同路 三里 5号) is rare; a village with a number is not.
            Sort::Division | Sort::Place => Anchor::Place,
        };
    }

    fn number(&mut self, labels: &[Label], counter: Counter) {
        let Some(&first) = labels.first() else {
            return;
        };
        if let (Counter::Building, Some(room)) = (counter, self.waiting) {
            // 501号2单元3号楼: what came before the building is a room of it.
            self.waiting = None;
            self.inside(|premises| vec![Premises { room: Some(room), ..premises }]);
        }
        let joined = labels[1..].iter().try_fold(first, |label, &sub| label.with_sub(sub));
        match counter {
            Counter::Other => {}
            Counter::Lane => {
                if let Some(road) = self.address.roads.last_mut().filter(|road| road.numbers.is_empty()) {
                    road.lanes.push(first);
                    self.anchor = Anchor::Road;
                }
            }
            Counter::Door => self.door(labels, joined),
            Counter::Building => self.inside(|premises| building(premises, first)),
            Counter::BuildingOrFloor => {
                let numbered = self.address.roads.iter().any(|road| !road.numbers.is_empty());
                self.inside(|premises| match (premises.building, numbered) {
                    (None, false) => {
                        vec![
                            Premises { building: Some(first), ..premises },
                            Premises { floor: Some(first), ..premises },
                        ]
                    }
                    _ => vec![Premises { floor: Some(first), ..premises }],
                });
            }
            Counter::Unit | Counter::Gate => self.inside(|premises| vec![Premises { unit: Some(first), ..premises }]),
            Counter::Floor => self.inside(|premises| vec![Premises { floor: Some(first), ..premises }]),
            Counter::Room => {
                let parts = labels.to_vec();
                self.inside(|premises| bare(premises, &parts, true));
            }
            Counter::Bare => self.bare(labels, joined),
        }
    }

    /// A number with 号.
    fn door(&mut self, labels: &[Label], joined: Option<Label>) {
        let building_known = self.address.premises.iter().any(|premises| premises.building.is_some());
        match self.anchor {
            Anchor::Road if !building_known => {
                self.road_number(joined);
                self.listing = false;
            }
            Anchor::Nothing if self.address.premises.is_empty() => self.waiting = joined,
            _ if labels.len() > 2 => self.inside(|premises| bare(premises, labels, false)),
            _ => self.inside(|premises| match (premises.building, joined) {
                // A house of an estate or a village; 1-31号 may also be room 31 of building 1.
                (None, Some(joined)) => {
                    let mut readings = vec![Premises { building: Some(joined), ..premises }];
                    if labels.len() == 2 {
                        readings.extend(bare(premises, labels, false));
                    }
                    readings
                }
                _ => bare(premises, labels, true),
            }),
        }
    }

    /// A number with 号 that came first: the room of a building that was told since, else a house.
    fn house_or_room(&mut self, label: Label) {
        self.inside(|premises| match premises.building {
            Some(_) => vec![Premises { room: Some(label), ..premises }],
            None => vec![Premises { building: Some(label), ..premises }],
        });
    }

    /// A number on the last road.
    fn road_number(&mut self, label: Option<Label>) {
        if let (Some(road), Some(label)) = (self.address.roads.last_mut(), label) {
            road.numbers.push(label);
        }
    }

    /// Numbers without a word for what they number.
    fn bare(&mut self, labels: &[Label], joined: Option<Label>) {
        let building_known = self.address.premises.iter().any(|premises| premises.building.is_some());
        let numbered = self.address.roads.last().is_some_and(|road| !road.numbers.is_empty());
        match self.anchor {
            Anchor::Road if !building_known && !numbered && labels.len() < 3 => {
                self.road_number(joined);
                self.listing = true;
            }
            Anchor::Road if !building_known && !numbered => {
                self.road_number(Some(labels[0]));
                self.inside(|premises| bare(premises, &labels[1..], false));
            }
            // 143,125号: another number on the same road.
            Anchor::Road if !building_known && labels.len() == 1 && self.listing => self.road_number(joined),
            _ => self.inside(|premises| bare(premises, labels, false)),
        }
    }

    /// Extends every way to read the inside; a way that contradicts what it already holds is given up unless all do.
    fn inside(&mut self, extend: impl Fn(Premises) -> Vec<Premises>) {
        let before = std::mem::take(&mut self.address.premises);
        let before = if before.is_empty() { vec![Premises::default()] } else { before };
        let mut readings: Vec<Premises> = Vec::new();
        for reading in before.iter().flat_map(|&premises| extend(premises)) {
            if !readings.contains(&reading) {
                readings.push(reading);
            }
        }
        readings.truncate(READINGS_MAX);
        self.address.premises = if readings.is_empty() { before } else { readings };
        if self.anchor != Anchor::Nothing {
            self.anchor = Anchor::Place;
        }
    }

    fn finish(mut self, pieces: &[Piece]) -> Address {
        if let Some(label) = self.waiting.take() {
            self.house_or_room(label);
        }
        self.address.junction = junction(pieces, &self.address);
        self.address
    }
}

/// A building named after another is a part of it: 3号楼A座.
fn building(premises: Premises, label: Label) -> Vec<Premises> {
    match premises {
        Premises { building: None, .. } => vec![Premises { building: Some(label), ..premises }],
        Premises { unit: None, .. } => vec![Premises { unit: Some(label), ..premises }],
        _ => Vec::new(),
    }
}

/// The ways to read `3-2-501`, `3-501`, `501` inside a place; `room` says that a word for a room followed.
fn bare(premises: Premises, labels: &[Label], room: bool) -> Vec<Premises> {
    let long = |label: Label| label.signs().len() >= 3;
    let place = |building: Option<Label>, unit: Option<Label>, floor: Option<Label>, room: Option<Label>| Premises {
        building: premises.building.or(building),
        unit: premises.unit.or(unit),
        floor: premises.floor.or(floor),
        room: room.or(premises.room),
    };
    let no = None;
    match (labels, premises.building, premises.unit) {
        (&[a], _, _) if room => split_room(premises, a),
        (&[a], Some(_), Some(_)) => vec![place(no, no, no, Some(a))],
        (&[a], Some(_), None) if long(a) => split_room(premises, a),
        (&[a], Some(_), None) => vec![place(no, Some(a), no, no), place(no, no, no, Some(a))],
        (&[a], None, _) if premises.room.is_some() || !long(a) => vec![place(Some(a), no, no, no)],
        (&[a], None, _) => {
            let lettered = lettered_room(a).map(|(building, room)| place(Some(building), no, no, Some(room)));
            lettered.into_iter().chain([place(Some(a), no, no, no), place(no, no, no, Some(a))]).collect()
        }
        (&[a, b], None, _) => {
            let (in_room, in_unit) = (place(Some(a), no, no, Some(b)), place(Some(a), Some(b), no, no));
            if room || long(b) { vec![in_room] } else { vec![in_unit, in_room] }
        }
        (&[a, b], Some(_), None) => vec![place(no, Some(a), no, Some(b)), place(no, no, Some(a), Some(b))],
        (&[a, b], Some(_), Some(_)) => vec![place(no, no, Some(a), Some(b))],
        (&[a, b, c], None, _) => vec![place(Some(a), Some(b), no, Some(c)), place(Some(a), no, Some(b), Some(c))],
        (&[a, b, c], Some(_), _) => vec![place(no, Some(a), Some(b), Some(c))],
        (&[a, b, c, d, ..], _, _) => vec![place(Some(a), Some(b), Some(c), Some(d))],
        (&[], _, _) => vec![premises],
    }
}

/// Room 2501 of a building may also be room 501 of its unit 2.
fn split_room(premises: Premises, label: Label) -> Vec<Premises> {
    let mut readings = vec![Premises { room: Some(label), ..premises }];
    if premises.unit.is_none() && premises.building.is_some() && label.digits() == Some(4) {
        let signs = label.signs();
        readings.push(Premises { unit: Label::read(&signs[..1]), room: Label::read(&signs[1..]), ..premises });
    }
    readings
}

/// A1203 is room 1203 of building A.
fn lettered_room(label: Label) -> Option<(Label, Label)> {
    let signs = label.signs();
    let rest = signs.get(1..).filter(|rest| signs[0].is_ascii_uppercase() && rest.len() >= 3)?;
    Some((Label::read(&signs[..1])?, Label::read(rest)?))
}

/// Whether the roads of an address meet, or bound a stretch of one.
fn junction(pieces: &[Piece], address: &Address) -> Junction {
    let has = |mark: Mark| pieces.contains(&Piece::Mark(mark));
    let lanes = address.roads.iter().any(|road| !road.lanes.is_empty());
    if address.roads.is_empty() {
        Junction::None
    } else if has(Mark::Until) {
        Junction::Stretch
    } else if address.roads.len() > 1 && (has(Mark::Corner) || has(Mark::Join)) || lanes && has(Mark::Corner) {
        Junction::Corner
    } else {
        Junction::None
    }
}

/// The names as they were written, and the first reading of the inside: `<张店区> [阳光花园] 3/2/·/501`.
impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut parts: Vec<String> = Vec::new();
        parts.extend(self.divisions.iter().map(|part| format!("<{}>", self.text.as_written(&part.span))));
        parts.extend(self.places.iter().map(|part| format!("[{}]", self.text.as_written(&part.span))));
        for road in &self.roads {
            let lanes: String = road.lanes.iter().map(|lane| format!(" {lane}巷")).collect();
            let numbers: String = road.numbers.iter().map(|number| format!(" {number}号")).collect();
            parts.push(format!("{}{lanes}{numbers}", self.text.as_written(&road.span)));
        }
        let inside = |label: Option<Label>| label.map_or("·".to_owned(), |label| label.to_string());
        for premises in self.premises.iter().take(1) {
            let labels = [premises.building, premises.unit, premises.floor, premises.room];
            parts.push(labels.map(inside).join("/"));
        }
        if self.relation != Relation::At {
            parts.push(format!("{:?}", self.relation));
        }
        if self.junction != Junction::None {
            parts.push(format!("{:?}", self.junction));
        }
        f.write_str(&parts.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_write_is_taken_apart() {
        for (written, read) in [
            ("张店区四宝山街道南营社区阳光花园3号楼2单元501", "<张店区> <四宝山街道> <南营社区> [阳光花园] 3/2/·/501"),
            ("阳光花园三栋二单元五零一室", "[阳光花园] 3/2/·/501"),
            ("阳光花园3-2-501", "[阳光花园] 3/2/·/501"),
            ("阳光花园3#2-501", "[阳光花园] 3/2/·/501"),
            ("阳光花园 3-501", "[阳光花园] 3/·/·/501"),
            ("阳光花园3号楼东单元西户", "[阳光花园] 3/东/·/西"),
            ("阳光花园B座1203", "[阳光花园] B/·/·/1203"),
            ("阳光花园A1203", "[阳光花园] A/·/·/1203"),
            ("501室2单元3号楼阳光花园", "[阳光花园] 3/2/·/501"),
            ("中华路二段25巷12弄8之1号3楼", "中华路二段 25巷 12巷 8-1号 ·/·/3/·"),
            ("中山路120号3号楼2单元501", "中山路 120号 3/2/·/501"),
            ("中山路120号院3号楼", "中山路 120号 3/·/·/·"),
            ("崂山路100弄5号301室", "崂山路 100巷 5号 ·/·/·/301"),
            ("902号1单元4号楼阳光花园", "[阳光花园] 4/1/·/902"),
            ("120号中山路", "中山路 120号"),
            ("开发区南路68号18", "开发区南路 68号 18/·/·/·"),
            ("中山路120号3-2-501", "中山路 120号 3/2/·/501"),
            ("北马庄村120号", "<北马庄村> 120/·/·/·"),
            ("四宝山卫生院对面", "[四宝山卫生院] Opposite"),
            ("中山路120号旁", "中山路 120号 Beside"),
            ("人民路与中山路交叉口", "人民路 中山路 Corner"),
            ("大兴街和贤北街口", "大兴街 贤北街 Corner"),
            ("和平路和纬路", "和平路 和纬路"),
            ("永康区中正路(中正六街到新行街)", "<永康区> 中正路 中正六街 新行街 Stretch"),
            ("701台湾台南市東區林森路二段192巷", "<台湾> <台南市> <東區> 林森路二段 192巷"),
            ("新市区环东路一段", "<新市区> 环东路一段"),
            ("中山路143號.125號.166號", "中山路 143号 125号 166号"),
            ("", ""),
        ] {
            assert_eq!(Address::parse(written).to_string(), read, "{written}");
        }
    }

    #[test]
    fn a_floor_and_a_building_are_both_readings_of_the_same_word() {
        let address = Address::parse("阳光花园3楼");
        let three = Label::parse("3");
        assert_eq!(address.premises[0].building, three);
        assert_eq!(address.premises[1].floor, three);
    }
}
