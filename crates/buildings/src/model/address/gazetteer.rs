//! The places a subdistrict knows: a tree of divisions, estates, buildings, units and rooms, and the roads with the
//! doors on them; in memory, compact, and looked up by name and by exact number.

use std::collections::{BTreeSet, HashMap};

use base::AreaPath;

use super::names::Names;
use super::{Address, Label, Text};

/// What a place is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// An area with a name: a district, a subdistrict, a community.
    Division,
    /// An estate, a compound or a natural village.
    Estate,
    /// A building or a house.
    Building,
    /// A unit (staircase) of a building.
    Unit,
    /// A room or flat.
    Room,
    /// Anything with a name and a place that has no rooms: a school gate, a bus stop, a bridge.
    Landmark,
    /// A road with its section.
    Road,
    /// A lane or alley off a road.
    Lane,
}

/// A place in one gazetteer; it stays the same while the place is put again and again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Handle(u32);

impl Handle {
    pub(super) fn of(index: usize) -> Self {
        Self(u32::try_from(index).expect("fewer places than 2^32"))
    }

    pub(super) fn index(self) -> usize {
        self.0 as usize
    }
}

/// What is told of a place when it is put into a gazetteer.
#[derive(Clone, Debug)]
pub struct Entry<'a> {
    /// The id of its record.
    pub id: [u8; 16],
    /// What it is; roads and lanes come by themselves with `doors`.
    pub kind: Kind,
    /// The estate of a building, the building of a unit, the unit or building of a room.
    pub parent: Option<Handle>,
    /// Its number among its neighbours: 3 of 3号楼.
    pub label: Option<Label>,
    /// What it is called; the first is its name, the others are names it also goes by.
    pub names: &'a [&'a str],
    /// The area it lies in; of a division, its own.
    pub area: AreaPath,
    /// Its addresses on roads, such as `中山路120号` or `和平路25巷3号`.
    pub doors: &'a [&'a str],
}

/// What one place is to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Role {
    /// A building of an estate.
    Building,
    /// A unit of a building.
    Unit,
    /// A room of a unit or of a building.
    Room,
    /// A lane off a road or lane.
    Lane,
    /// What has this number on a road or lane.
    Door,
    /// The road or lane on which something has this number.
    Doorway,
}

#[derive(Clone)]
pub(super) struct Place {
    pub(super) id: [u8; 16],
    pub(super) kind: Kind,
    pub(super) label: Label,
    pub(super) parent: Option<Handle>,
    area: u32,
    live: bool,
}

/// The places of a subdistrict, for finding which of them an address means.
///
/// A place costs some 60 bytes and each number it is found by 24: 97,000 buildings with 300,000 rooms are about 50 MB.
#[derive(Default)]
pub struct Gazetteer {
    places: Vec<Place>,
    by_id: HashMap<[u8; 16], Handle>,
    areas: Vec<AreaPath>,
    area_numbers: HashMap<AreaPath, u32>,
    roads: HashMap<String, Handle>,
    live: usize,
    /// (of whom, what to it, with which number, who).
    relatives: BTreeSet<(Handle, Role, Label, Handle)>,
    pub(super) names: Names,
}

impl Gazetteer {
    /// Puts a place, or puts it anew when its id is known; its handle stays the same.
    pub fn put(&mut self, entry: &Entry<'_>) -> Handle {
        let area = self.area_number(entry.area);
        let label = entry.label.unwrap_or(Label::NONE);
        let place = Place { id: entry.id, kind: entry.kind, label, parent: entry.parent, area, live: true };
        let handle = match self.by_id.get(&entry.id) {
            Some(&handle) => {
                self.unlink(handle);
                self.live += usize::from(!self.place(handle).live);
                self.places[handle.index()] = place;
                handle
            }
            None => {
                let handle = self.add(place);
                self.by_id.insert(entry.id, handle);
                handle
            }
        };
        self.link(handle);
        for (number, name) in entry.names.iter().enumerate() {
            self.name(handle, entry.kind, name, number == 0);
        }
        for door in entry.doors {
            self.door(handle, door);
        }
        handle
    }

    /// Takes a place out; what lies in it stays, and is still found by other ways. False if there is none.
    pub fn remove(&mut self, id: [u8; 16]) -> bool {
        let Some(&handle) = self.by_id.get(&id).filter(|handle| self.place(**handle).live) else {
            return false;
        };
        self.unlink(handle);
        self.places[handle.index()].live = false;
        self.live -= 1;
        true
    }

    /// Where the record with this id was put.
    pub fn handle(&self, id: [u8; 16]) -> Option<Handle> {
        self.by_id.get(&id).copied().filter(|handle| self.place(*handle).live)
    }

    /// How many places there are, roads and lanes among them.
    pub fn len(&self) -> usize {
        self.live
    }

    /// Whether there is no place.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn place(&self, handle: Handle) -> &Place {
        &self.places[handle.index()]
    }

    /// The area a place lies in.
    pub fn area(&self, handle: Handle) -> &AreaPath {
        &self.areas[self.place(handle).area as usize]
    }

    /// What a place is and lies in, from itself outwards, with the ids of their records.
    pub fn lineage(&self, handle: Handle) -> Vec<(Kind, [u8; 16])> {
        let chain = self.chain(handle).map(|link| self.place(link));
        chain.filter(|place| place.live).map(|place| (place.kind, place.id)).collect()
    }

    /// The units of a building, and the rooms of it and of them, with the ids of their records.
    pub fn inside(&self, building: Handle) -> Vec<(Kind, [u8; 16])> {
        let units: Vec<Handle> = self.all_relatives(building, Role::Unit).map(|(_, unit)| unit).collect();
        let holders = std::iter::once(building).chain(units.iter().copied());
        let rooms: Vec<Handle> =
            holders.flat_map(|holder| self.all_relatives(holder, Role::Room)).map(|(_, room)| room).collect();
        let all = units.into_iter().chain(rooms).map(|handle| self.place(handle));
        all.map(|place| (place.kind, place.id)).collect()
    }

    /// Who is this to a place under this number.
    pub(super) fn relatives(&self, of: Handle, role: Role, label: Label) -> impl Iterator<Item = Handle> + '_ {
        let range = (of, role, label, Handle(0))..=(of, role, label, Handle(u32::MAX));
        self.relatives.range(range).map(|(_, _, _, who)| *who)
    }

    /// Everyone who is this to a place, with the numbers.
    pub(super) fn all_relatives(&self, of: Handle, role: Role) -> impl Iterator<Item = (Label, Handle)> + '_ {
        let from = (of, role, Label::NONE, Handle(0));
        let own = self.relatives.range(from..).take_while(move |(who, what, ..)| (*who, *what) == (of, role));
        own.map(|(_, _, label, who)| (*label, *who))
    }

    /// A place and what it lies in, from itself outwards.
    pub(super) fn chain(&self, handle: Handle) -> impl Iterator<Item = Handle> + '_ {
        std::iter::successors(Some(handle), |handle| self.place(*handle).parent).take(8)
    }

    fn area_number(&mut self, area: AreaPath) -> u32 {
        let next = u32::try_from(self.areas.len()).expect("fewer areas than 2^32");
        let number = *self.area_numbers.entry(area).or_insert(next);
        if number == next {
            self.areas.push(area);
        }
        number
    }

    fn add(&mut self, place: Place) -> Handle {
        self.places.push(place);
        self.live += 1;
        Handle::of(self.places.len() - 1)
    }

    fn link(&mut self, handle: Handle) {
        let place = self.place(handle).clone();
        let role = match place.kind {
            Kind::Building => Role::Building,
            Kind::Unit => Role::Unit,
            Kind::Room => Role::Room,
            _ => return,
        };
        if let Some(parent) = place.parent.filter(|_| place.label != Label::NONE) {
            self.relatives.insert((parent, role, place.label, handle));
        }
    }

    fn unlink(&mut self, handle: Handle) {
        let place = self.place(handle).clone();
        for role in [Role::Building, Role::Unit, Role::Room] {
            if let Some(parent) = place.parent {
                self.relatives.remove(&(parent, role, place.label, handle));
            }
        }
        let doorways: Vec<(Label, Handle)> = self.all_relatives(handle, Role::Doorway).collect();
        for (number, road) in doorways {
            self.relatives.remove(&(handle, Role::Doorway, number, road));
            self.relatives.remove(&(road, Role::Door, number, handle));
        }
        self.names.remove(handle);
    }

    /// Adds the ways of writing a name: the whole, and what people leave away from it.
    fn name(&mut self, handle: Handle, kind: Kind, name: &str, first: bool) {
        let text = Text::read(name);
        for (length, weight) in super::forms::of(kind, text.signs()) {
            let weight = if first { weight } else { weight.min(97) };
            self.names.insert(&text.signs()[..length], handle, weight);
        }
    }

    /// Notes that a place has this address on a road; what names no road and number is no door.
    fn door(&mut self, handle: Handle, door: &str) {
        let address = Address::parse(door);
        let Some(road) = address.roads.first().filter(|road| !road.numbers.is_empty()) else {
            return;
        };
        let area = self.place(handle).area;
        let mut way = self.road(&address.text.words(&road.span), area);
        for &lane in &road.lanes {
            let known = self.relatives(way, Role::Lane, lane).next();
            way = known.unwrap_or_else(|| {
                let place = Place { id: [0; 16], kind: Kind::Lane, label: lane, parent: Some(way), area, live: true };
                let new = self.add(place);
                self.relatives.insert((way, Role::Lane, lane, new));
                new
            });
        }
        for &number in &road.numbers {
            self.relatives.insert((way, Role::Door, number, handle));
            self.relatives.insert((handle, Role::Doorway, number, way));
        }
    }

    /// The road of this name, made when it is new.
    fn road(&mut self, name: &str, area: u32) -> Handle {
        if let Some(&road) = self.roads.get(name) {
            return road;
        }
        let place = Place { id: [0; 16], kind: Kind::Road, label: Label::NONE, parent: None, area, live: true };
        let road = self.add(place);
        self.roads.insert(name.to_owned(), road);
        self.name(road, Kind::Road, name, true);
        road
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry<'a>(id: u8, kind: Kind, parent: Option<Handle>, label: &str, names: &'a [&'a str]) -> Entry<'a> {
        let label = Label::parse(label);
        Entry { id: [id; 16], kind, parent, label, names, area: AreaPath::ROOT, doors: &[] }
    }

    #[test]
    fn a_place_that_is_put_again_is_found_by_its_new_number_only() {
        let mut gazetteer = Gazetteer::default();
        let estate = gazetteer.put(&entry(1, Kind::Estate, None, "", &["阳光花园"]));
        let three = gazetteer.put(&entry(2, Kind::Building, Some(estate), "3", &[]));
        let five = gazetteer.put(&entry(2, Kind::Building, Some(estate), "5", &[]));
        assert_eq!(three, five);
        let find = |label: &str| gazetteer.relatives(estate, Role::Building, Label::parse(label).unwrap()).next();
        assert_eq!((find("3"), find("5")), (None, Some(five)));
    }

    #[test]
    fn a_removed_place_leaves_no_name_number_or_door() {
        let mut gazetteer = Gazetteer::default();
        let mut tower = entry(1, Kind::Building, None, "", &["科技大厦"]);
        tower.doors = &["中山路25巷3号"];
        let tower = gazetteer.put(&tower);
        let lane = gazetteer.all_relatives(tower, Role::Doorway).next().unwrap().1;
        assert!(gazetteer.remove([1; 16]));
        assert!(!gazetteer.remove([1; 16]));
        assert_eq!(gazetteer.all_relatives(lane, Role::Door).count(), 0);
        assert!(gazetteer.names.find(&"科技大厦".chars().collect::<Vec<_>>()).is_empty());
        assert_eq!(gazetteer.handle([1; 16]), None);
        assert_eq!(gazetteer.len(), 2, "the road and its lane stay");
    }
}
