//! Places where something happens: a point inside a micro-grid, with the address that people would give.
//!
//! The streets are bands across the box of the subdistrict; they exist nowhere else. Not here: which datum a caller
//! uses, and what happens there.

use api::grids::v1::AreaKind;
use base::{Error, Result};
use geometry::{Bounds, Position, Shape, distance};

use super::Subdistrict;
use super::areas::BUILDINGS_EACH;
use super::chance::Chance;
use super::places::{BOX, SHOPS, STREETS_NORTH_SOUTH, STREETS_WEST_EAST};
use super::storms::Storm;
use super::themes::Setting;

/// One place.
pub(super) struct Spot {
    pub(super) area: usize,
    pub(super) position: Position,
    street: &'static str,
    cross: &'static str,
    estate: String,
    house: String,
    shop: &'static str,
    /// The exclusive grid it lies in.
    exclusive: Option<String>,
}

impl Spot {
    /// The words with the names of this place in them.
    pub(super) fn fill(&self, words: &str) -> String {
        let street = match &self.exclusive {
            Some(site) => format!("{site}({})", self.street),
            None => self.street.to_owned(),
        };
        words
            .replace("{street}", &street)
            .replace("{cross}", &format!("与{}交叉口", self.cross))
            .replace("{estate}", &self.estate)
            .replace("{house}", &self.house)
            .replace("{shop}", self.shop)
    }

    /// The address as it would be said.
    pub(super) fn address(&self, setting: Setting) -> String {
        match (setting, &self.exclusive) {
            (Setting::Street, Some(site)) => format!("{}{site}", self.street),
            (Setting::Street, None) => format!("{}与{}交叉口", self.street, self.cross),
            (Setting::Shop, _) => format!("{}{}", self.street, self.shop),
            (Setting::Home, _) => format!("{}{}", self.estate, self.house),
        }
    }
}

/// Finds places in a subdistrict.
pub(super) struct Spots<'a> {
    subdistrict: &'a Subdistrict,
    micro_grids: Vec<usize>,
    exclusive_grids: Vec<usize>,
}

impl<'a> Spots<'a> {
    pub(super) fn new(subdistrict: &'a Subdistrict) -> Self {
        let of = |kind| {
            let areas = subdistrict.areas.iter().enumerate();
            areas.filter(|(_, area)| area.kind == kind).map(|(index, _)| index).collect()
        };
        Self { subdistrict, micro_grids: of(AreaKind::MicroGrid), exclusive_grids: of(AreaKind::ExclusiveGrid) }
    }

    /// Somewhere people live: micro-grids by their households.
    pub(super) fn anywhere(&self, chance: &mut Chance) -> Result<Spot> {
        let households = self.micro_grids.iter().map(|index| self.subdistrict.areas[*index].households);
        let area = self.micro_grids[chance.weighted(households)];
        self.in_area(area, chance)
    }

    /// Somewhere in a school, a market, a station.
    pub(super) fn on_exclusive_ground(&self, chance: &mut Chance) -> Result<Spot> {
        if self.exclusive_grids.is_empty() {
            return self.anywhere(chance);
        }
        let area = chance.pick(&self.exclusive_grids);
        self.in_area(area, chance)
    }

    /// Somewhere in this area; in a micro-grid, not on the ground of an exclusive grid that cuts it.
    pub(super) fn in_area(&self, area: usize, chance: &mut Chance) -> Result<Spot> {
        let known = &self.subdistrict.areas[area];
        let borderless = || Error::internal(format!("{} has no border to find a place in", known.name));
        let shape = known.shape.as_ref().ok_or_else(borderless)?;
        let position = self.point_in(shape, known.kind == AreaKind::ExclusiveGrid, chance).ok_or_else(borderless)?;
        let (estate, first) = known.estate.clone().unwrap_or_else(|| (known.name.clone(), 1));
        let building = chance.between(first, first + BUILDINGS_EACH - 1);
        Ok(Spot {
            area,
            position,
            street: nearest(&STREETS_WEST_EAST, BOX[3], BOX[1], position.latitude_deg()),
            cross: nearest(&STREETS_NORTH_SOUTH, BOX[0], BOX[2], position.longitude_deg()),
            estate,
            house: format!("{building}号楼{}单元", chance.between(1, 4)),
            shop: chance.pick(&SHOPS),
            exclusive: (known.kind == AreaKind::ExclusiveGrid).then(|| known.name.clone()),
        })
    }

    /// The micro-grids that a hot spot strikes: one, and its nearest neighbours.
    pub(super) fn of_storm(&self, storm: &Storm, chance: &mut Chance) -> Vec<usize> {
        let centre = |index: usize| self.subdistrict.areas[index].shape.as_ref().and_then(Shape::inner_position);
        let first = chance.pick(&self.micro_grids);
        let from_first = |index: usize| match (centre(first), centre(index)) {
            (Some(from), Some(to)) => distance::distance_m(from, to),
            _ => f64::INFINITY,
        };
        let mut struck = self.micro_grids.clone();
        struck.sort_by(|a, b| from_first(*a).total_cmp(&from_first(*b)));
        struck.truncate(storm.micro_grids);
        struck
    }

    /// Draws until the point lies inside; a shape so thin that a thousand draws miss it has some point all the same.
    fn point_in(&self, shape: &Shape, is_exclusive: bool, chance: &mut Chance) -> Option<Position> {
        let Bounds { low, high } = shape.bounds();
        let drawn =
            (0..1_000).filter_map(|_| Position::new(chance.span(low[0], high[0]), chance.span(low[1], high[1])).ok());
        let mut inside = drawn.filter(|at| shape.covers(*at) && (is_exclusive || !self.on_exclusive(*at)));
        inside.next().or_else(|| shape.inner_position())
    }

    fn on_exclusive(&self, position: Position) -> bool {
        let shapes = self.exclusive_grids.iter().filter_map(|index| self.subdistrict.areas[*index].shape.as_ref());
        shapes.into_iter().any(|shape| shape.covers(position))
    }
}

/// The street nearest to a coordinate, when the streets lie evenly from `first` to `last`.
fn nearest(streets: &[&'static str], first: f64, last: f64, at: f64) -> &'static str {
    let steps = f64::from(u32::try_from(streets.len()).unwrap_or(u32::MAX)) - 1.0;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to the list")]
    let index = ((at - first) / (last - first) * steps).round().clamp(0.0, steps) as usize;
    streets[index]
}
