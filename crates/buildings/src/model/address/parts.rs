//! What an address says, once read: divisions, roads with their numbers, places, and what lies inside a building.

use std::ops::Range;

use super::{Label, Text};

/// An address taken apart. Nothing in it is guessed from a register: only what the text says, and where.
#[derive(Clone, Debug, Default)]
pub struct Address {
    /// The text, normalised, with the way back to how it was written.
    pub text: Text,
    /// Province, city, district, subdistrict, community and village, in the order of the text.
    pub divisions: Vec<Part>,
    /// The roads, in the order of the text.
    pub roads: Vec<Road>,
    /// Estates, landmarks and other names, in the order of the text.
    pub places: Vec<Part>,
    /// The ways to read what is said of building, unit, floor and room, the likeliest first; empty when nothing is.
    pub premises: Vec<Premises>,
    /// How the thing meant lies to the place named.
    pub relation: Relation,
    /// How several roads belong together.
    pub junction: Junction,
}

/// A name in the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Which signs of the text it is.
    pub span: Range<usize>,
    /// Whether the reader was told that a register knows this name.
    pub known: bool,
}

/// A road and what is said to lie on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Road {
    /// Which signs of the text are its name, with its section (`中华路2段`).
    pub span: Range<usize>,
    /// Whether the reader was told that a register knows this name.
    pub known: bool,
    /// Lanes and alleys off it, from the road inwards: 25巷 and 12弄.
    pub lanes: Vec<Label>,
    /// The door numbers on it (or on its last lane), in the order of the text.
    pub numbers: Vec<Label>,
}

/// One way to read what is said of the inside of a place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Premises {
    /// 3 of 3号楼.
    pub building: Option<Label>,
    /// 2 of 2单元.
    pub unit: Option<Label>,
    /// 5 of 5层.
    pub floor: Option<Label>,
    /// 501 of 501室.
    pub room: Option<Label>,
}

/// How the thing meant lies to the place named: an incident 对面 (across the street) is not at the place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Relation {
    /// At the place itself.
    #[default]
    At,
    /// Before its gate or front: 门口, 门前, 前.
    Front,
    /// Beside it: 旁, 隔壁.
    Beside,
    /// Behind it: 后面.
    Behind,
    /// Across the street: 对面.
    Opposite,
    /// Somewhere around: 附近, 周边, 沿线.
    Near,
}

/// How the roads of an address belong together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Junction {
    /// They do not, or there is at most one.
    #[default]
    None,
    /// The corner of two: A路与B路交叉口.
    Corner,
    /// The stretch of one between others: A路(B路到C路).
    Stretch,
}

/// What an address is good for, by what it names: the classes the share of understood addresses is told in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shape {
    /// A road and a number on it.
    RoadAndNumber,
    /// A place (estate, village) and a number in it, and no road.
    PlaceAndNumber,
    /// The corner of two roads.
    Corner,
    /// A stretch of a road.
    Stretch,
    /// A lane of a road, without a number.
    Lane,
    /// A road and nothing on it.
    RoadOnly,
    /// A name and nothing else: a landmark, an estate, a village.
    PlaceOnly,
    /// A number or a room of nothing that is named.
    NumberOnly,
    /// Nothing that could be read, or divisions alone.
    Nothing,
}

impl Address {
    /// What the address is good for.
    pub fn shape(&self) -> Shape {
        let inside = !self.premises.is_empty();
        let named = !self.places.is_empty() || !self.divisions.is_empty();
        match () {
            () if self.roads.iter().any(|road| !road.numbers.is_empty()) => Shape::RoadAndNumber,
            () if self.junction == Junction::Corner => Shape::Corner,
            () if self.junction == Junction::Stretch => Shape::Stretch,
            () if self.roads.iter().any(|road| !road.lanes.is_empty()) => Shape::Lane,
            () if inside && named => Shape::PlaceAndNumber,
            () if !self.roads.is_empty() => Shape::RoadOnly,
            () if !self.places.is_empty() => Shape::PlaceOnly,
            () if inside => Shape::NumberOnly,
            () => Shape::Nothing,
        }
    }
}
