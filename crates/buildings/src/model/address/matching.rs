//! From an address to the places it may mean: what its names and numbers lead to, ranked, with what agrees and what
//! contradicts.

use std::collections::BTreeMap;

use base::AreaPath;

use super::gazetteer::{Gazetteer, Handle, Kind, Role};
use super::parts::{Address, Premises, Relation, Road};
use super::score::{Aspect, Evidence, Trial, Verdict};
use super::sighting::{Sighting, sightings};
use super::{Label, Text};

/// When a candidate is sure enough to be used without asking a person. Data of the deployment: the defaults are those
/// at which, on the noisy addresses of the tests, fewer than one in two hundred is sure and wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Confidence {
    /// The least score, 0 to 1.
    pub score_min: f32,
    /// How far the next candidate that is not part of the same place must be behind.
    pub lead_min: f32,
    /// The loosest relation to the place named: an incident across the street may be in another micro-grid.
    pub relation_max: Relation,
}

impl Default for Confidence {
    fn default() -> Self {
        Self { score_min: 0.86, lead_min: 0.06, relation_max: Relation::Beside }
    }
}

/// What is asked of a gazetteer.
#[derive(Clone, Copy)]
pub struct Question<'a> {
    /// The address as it was written.
    pub text: &'a str,
    /// Which areas the asker may see: places in others are as if they were not there.
    pub visible: &'a dyn Fn(&AreaPath) -> bool,
    /// When a candidate is sure.
    pub confidence: Confidence,
    /// At most this many candidates are answered.
    pub limit: usize,
}

/// What an address may mean.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The address taken apart around the names that were found.
    pub address: Address,
    /// The best first. Empty when nothing named is known: then nobody should guess.
    pub candidates: Vec<Candidate>,
}

/// A place an address may mean.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// Where it is in the gazetteer.
    pub handle: Handle,
    /// The id of its record; zero for roads and lanes, which have none.
    pub id: [u8; 16],
    /// What it is.
    pub kind: Kind,
    /// How well it explains the address, 0 to 1.
    pub score: f32,
    /// What of the address agrees with it, contradicts it, or is not in the register.
    pub evidence: Vec<Evidence>,
    /// Whether it may be used without asking a person; at most the first candidate is.
    pub confident: bool,
}

impl Gazetteer {
    /// Finds what an address may mean.
    ///
    /// Looks at the names that occur in the text and at what hangs from them by exact number, never at all places. A
    /// candidate whose register contradicts the address (there is no building 7) is answered, and is never confident.
    pub fn find(&self, question: &Question<'_>) -> Answer {
        let text = Text::read(question.text);
        let sightings = sightings(self, self.names.find(text.signs()));
        let known: Vec<_> = sightings.iter().map(Sighting::known).collect();
        let address = Address::parse_knowing(text, &known);
        let mut search =
            Search { gazetteer: self, question, address: &address, sightings: &sightings, found: BTreeMap::new() };
        search.run();
        let candidates = search.ranked();
        Answer { address, candidates }
    }
}

/// One way to read the inside, and how many are likelier.
#[derive(Clone, Copy, Default)]
struct Reading {
    premises: Premises,
    rank: u8,
}

struct Search<'a> {
    gazetteer: &'a Gazetteer,
    question: &'a Question<'a>,
    address: &'a Address,
    sightings: &'a [Sighting],
    /// The best trial of each place.
    found: BTreeMap<Handle, Trial>,
}

impl Search<'_> {
    fn run(&mut self) {
        let readings = match self.address.premises.as_slice() {
            [] => vec![Reading::default()],
            readings => readings.iter().zip(0..).map(|(&premises, rank)| Reading { premises, rank }).collect(),
        };
        for &(owner, _) in self.sightings.iter().flat_map(|sighting| &sighting.owners) {
            if matches!(self.gazetteer.place(owner).kind, Kind::Estate | Kind::Building | Kind::Landmark) {
                for reading in &readings {
                    self.descend(owner, reading, Vec::new());
                }
            }
        }
        for road in &self.address.roads {
            self.doors(road, &readings);
        }
    }

    /// The places with the numbers of a road.
    fn doors(&mut self, road: &Road, readings: &[Reading]) {
        let Some(sighting) = self.sightings.iter().find(|sighting| sighting.span.start == road.span.start) else {
            return;
        };
        for &(owner, _) in &sighting.owners {
            if self.gazetteer.place(owner).kind != Kind::Road {
                continue;
            }
            let inwards = |way: Handle, lane: &Label| self.gazetteer.relatives(way, Role::Lane, *lane).next();
            let way = road.lanes.iter().try_fold(owner, inwards);
            let mut behind: Vec<Handle> = Vec::new();
            for &number in road.numbers.iter().filter(|_| way.is_some()) {
                for label in [number, number.main()] {
                    behind.extend(way.into_iter().flat_map(|way| self.gazetteer.relatives(way, Role::Door, label)));
                }
            }
            behind.sort_unstable();
            behind.dedup();
            if behind.is_empty() {
                self.keep(way.unwrap_or(owner), Vec::new(), 0);
            }
            for place in behind {
                for reading in readings {
                    self.descend(place, reading, Vec::new());
                }
            }
        }
    }

    /// Goes into a place as far as the reading and the register lead, and keeps what it comes to.
    fn descend(&mut self, place: Handle, reading: &Reading, evidence: Vec<Evidence>) {
        if let Some(building) = reading.premises.building {
            let without = Reading { premises: Premises { building: None, ..reading.premises }, ..*reading };
            let told =
                |verdict| [evidence.clone(), vec![Evidence::label(Aspect::Building, building, verdict)]].concat();
            if self.gazetteer.place(place).kind == Kind::Building {
                let own = self.gazetteer.place(place).label;
                let verdict =
                    if own == building { Verdict::Agrees(100) } else { Verdict::of_missing(own != Label::NONE) };
                return self.descend(place, &without, told(verdict));
            }
            let exact: Vec<Handle> = self.gazetteer.relatives(place, Role::Building, building).collect();
            let main: Vec<Handle> = self.gazetteer.relatives(place, Role::Building, building.main()).collect();
            for &found in &exact {
                self.descend(found, &without, told(Verdict::Agrees(100)));
            }
            for &found in main.iter().filter(|_| exact.is_empty()) {
                self.descend(found, &without, told(Verdict::Agrees(60)));
            }
            if exact.is_empty() && main.is_empty() {
                let others = self.gazetteer.all_relatives(place, Role::Building).next().is_some();
                self.keep(place, told(Verdict::of_missing(others)), reading.rank);
            }
            return;
        }
        self.enter(place, reading, evidence);
    }

    /// Goes to the unit and the room of a building.
    fn enter(&mut self, building: Handle, reading: &Reading, mut evidence: Vec<Evidence>) {
        let mut place = building;
        if let Some(unit) = reading.premises.unit {
            let found = self.gazetteer.relatives(building, Role::Unit, unit).next();
            let others = self.gazetteer.all_relatives(building, Role::Unit).next().is_some();
            let verdict = if found.is_some() { Verdict::Agrees(100) } else { Verdict::of_missing(others) };
            evidence.push(Evidence::label(Aspect::Unit, unit, verdict));
            place = found.unwrap_or(building);
        }
        let Some(room) = reading.premises.room else {
            return self.keep(place, evidence, reading.rank);
        };
        let units: Vec<Handle> = match place == building {
            true => self.gazetteer.all_relatives(building, Role::Unit).map(|(_, unit)| unit).collect(),
            false => Vec::new(),
        };
        let holders = || [place, building].into_iter().chain(units.iter().copied());
        let mut rooms: Vec<Handle> =
            holders().flat_map(|holder| self.gazetteer.relatives(holder, Role::Room, room)).collect();
        rooms.sort_unstable();
        rooms.dedup();
        let verdict = match rooms.len() {
            0 => Verdict::of_missing(
                holders().any(|holder| self.gazetteer.all_relatives(holder, Role::Room).next().is_some()),
            ),
            // Where several units have the room, the building is what is sure.
            _ => Verdict::Agrees(100),
        };
        evidence.push(Evidence::label(Aspect::Room, room, verdict));
        match rooms.as_slice() {
            &[only] => self.keep(only, evidence, reading.rank),
            _ => self.keep(place, evidence, reading.rank),
        }
    }

    /// Adds what the names of the address say of a place, and keeps the best trial of each place.
    fn keep(&mut self, place: Handle, mut evidence: Vec<Evidence>, reading: u8) {
        if !(self.question.visible)(self.gazetteer.area(place)) {
            return;
        }
        let chain: Vec<Handle> = self.gazetteer.chain(place).collect();
        for sighting in self.sightings {
            evidence.extend(self.weigh(sighting, place, &chain));
        }
        let strangers = self.strangers(&chain);
        let trial = Trial::new(self.gazetteer.place(place).kind, evidence, strangers, reading);
        let better = self.found.get(&place).is_none_or(|known| trial.score > known.score);
        if better {
            self.found.insert(place, trial);
        }
    }

    /// What one name of the address says of a place.
    fn weigh(&self, sighting: &Sighting, place: Handle, chain: &[Handle]) -> Vec<Evidence> {
        let of_name = |aspect, verdict| Evidence {
            aspect,
            words: self.address.text.as_written(&sighting.span).to_owned(),
            verdict,
        };
        let own = chain.iter().filter_map(|link| sighting.similarity(*link)).max();
        if let (Some(similarity), true) = (own, self.gazetteer.place(place).kind != Kind::Road) {
            return vec![of_name(Aspect::Name, Verdict::Agrees(similarity))];
        }
        if let Some(road) = self.address.roads.iter().find(|road| road.span.start == sighting.span.start) {
            return self.weigh_road(sighting, road, chain);
        }
        let areas = sighting.owners.iter().filter(|(owner, _)| self.gazetteer.place(*owner).kind == Kind::Division);
        let areas: Vec<_> = areas.collect();
        if let Some(best) = areas.first() {
            let area = self.gazetteer.area(place);
            let within = areas.iter().filter(|(owner, _)| area.is_within(self.gazetteer.area(*owner)));
            let verdict = match within.map(|(_, similarity)| *similarity).max() {
                Some(similarity) => Verdict::Agrees(similarity),
                None => Verdict::of_missing(best.1 >= 90),
            };
            return vec![of_name(Aspect::Division, verdict)];
        }
        // The address names something else than this place: a neighbour to go by, or the place that was meant.
        let landmark = |(owner, _): &(Handle, u32)| self.gazetteer.place(*owner).kind == Kind::Landmark;
        let verdict = Verdict::of_missing(!sighting.owners.iter().any(landmark));
        vec![of_name(Aspect::Name, verdict)]
    }

    /// What a road of the address says of a place.
    fn weigh_road(&self, sighting: &Sighting, road: &Road, chain: &[Handle]) -> Vec<Evidence> {
        let words = self.address.text.as_written(&sighting.span).to_owned();
        let doorways = chain.iter().flat_map(|link| self.gazetteer.all_relatives(*link, Role::Doorway));
        let doorways: Vec<(Label, Vec<Handle>)> =
            doorways.map(|(number, way)| (number, self.gazetteer.chain(way).collect())).collect();
        let itself = [(Label::NONE, chain.to_vec())];
        let ways = if doorways.is_empty() { itself.as_slice() } else { doorways.as_slice() };
        let on_road = ways.iter().filter_map(|(number, way)| Some((number, way, sighting.similarity(*way.last()?)?)));
        let on_road: Vec<_> = on_road.collect();
        let Some(similarity) = on_road.iter().map(|(.., similarity)| *similarity).max() else {
            // People write the road of the gate they know; a place may have a gate that the register does not.
            let verdict = Verdict::of_missing(!doorways.is_empty() && !road.numbers.is_empty());
            let number =
                road.numbers.first().map(|number| Evidence::label(Aspect::Door, *number, Verdict::Unregistered));
            return [Evidence { aspect: Aspect::Road, words, verdict }].into_iter().chain(number).collect();
        };
        let mut evidence = vec![Evidence { aspect: Aspect::Road, words, verdict: Verdict::Agrees(similarity) }];
        let lanes = |way: &[Handle]| {
            let own = way.iter().rev().skip(1).map(|lane| self.gazetteer.place(*lane).label);
            own.collect::<Vec<_>>() == road.lanes
        };
        if let Some(&first) = road.numbers.first() {
            let agrees = |said: Label| on_road.iter().any(|(number, way, _)| **number == said && lanes(way));
            let verdict = match () {
                () if road.numbers.iter().any(|&number| agrees(number)) => Verdict::Agrees(100),
                () if road.numbers.iter().any(|number| agrees(number.main())) => Verdict::Agrees(60),
                () => Verdict::of_missing(!doorways.is_empty()),
            };
            evidence.push(Evidence::label(Aspect::Door, first, verdict));
        }
        evidence
    }

    /// How many names the address holds that nothing known explains and that may be part of the name that was meant.
    fn strangers(&self, chain: &[Handle]) -> u8 {
        let signs = self.address.text.signs();
        let explained =
            self.sightings.iter().filter(|sighting| chain.iter().any(|link| sighting.similarity(*link).is_some()));
        let explained: Vec<_> = explained.map(|sighting| &sighting.span).collect();
        let names = || {
            self.address
                .places
                .iter()
                .chain(&self.address.divisions)
                .map(|part| &part.span)
                .chain(self.address.roads.iter().map(|road| &road.span))
        };
        let number = (0..signs.len()).find(|at| signs[*at].is_ascii_digit() && !names().any(|span| span.contains(at)));
        let stranger = |span: &std::ops::Range<usize>| {
            let touches = explained.iter().any(|known| known.end == span.start || span.end == known.start);
            let before_numbers = number.is_none_or(|number| span.start < number);
            (touches || before_numbers || explained.is_empty()) && !super::words::says_nothing(&signs[span.clone()])
        };
        let unknown = self.address.places.iter().filter(|part| !part.known && stranger(&part.span)).count();
        // A known name that is only somewhat like the text, right beside one that explains it, is a part of it: 新村 of
        // 阳光新村 beside 阳光, though there is a 新村路.
        let weak = self.sightings.iter().filter(|sighting| {
            let best = sighting.owners.first().map_or(0, |(_, similarity)| *similarity);
            let touches =
                explained.iter().any(|known| known.end == sighting.span.start || sighting.span.end == known.start);
            best < 85 && touches && !explained.contains(&&sighting.span)
        });
        u8::try_from(unknown + weak.count()).unwrap_or(u8::MAX)
    }

    /// The candidates, the best first, the first marked if it is sure.
    fn ranked(&self) -> Vec<Candidate> {
        let mut candidates: Vec<Candidate> = self
            .found
            .iter()
            .map(|(&handle, trial)| {
                let place = self.gazetteer.place(handle);
                let evidence = trial.evidence.clone();
                Candidate { handle, id: place.id, kind: place.kind, score: trial.score, evidence, confident: false }
            })
            .collect();
        candidates.sort_by(|a, b| b.score.total_cmp(&a.score).then(b.kind.cmp(&a.kind)).then(a.handle.cmp(&b.handle)));
        let sure = candidates.first().is_some_and(|first| self.is_sure(first, &candidates[1..]));
        candidates.truncate(self.question.limit);
        if let Some(first) = candidates.first_mut() {
            first.confident = sure;
        }
        candidates
    }

    fn is_sure(&self, first: &Candidate, others: &[Candidate]) -> bool {
        let confidence = &self.question.confidence;
        let related = |other: &Candidate| {
            self.gazetteer.chain(first.handle).any(|link| link == other.handle)
                || self.gazetteer.chain(other.handle).any(|link| link == first.handle)
        };
        let next = others.iter().find(|other| !related(other)).map_or(0.0, |other| other.score);
        first.score >= confidence.score_min
            && first.score - next >= confidence.lead_min
            && self.address.relation <= confidence.relation_max
            && !matches!(first.kind, Kind::Road | Kind::Lane | Kind::Division)
            && !first.evidence.iter().any(|evidence| evidence.verdict == Verdict::Contradicts)
    }
}
