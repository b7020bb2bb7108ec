//! The tree of areas as one change sees it: what is stored, under what the change has made of it so far.
//!
//! A change is planned on a [`Tree`] and written only when all of it is right, so that a check without writing
//! (`validate_only`) is the same plan, not written. Not here: what may be asked for (`convert`), who may ask.

use std::collections::{BTreeMap, HashMap};

use api::grids::v1::AreaKind;
use base::{AreaId, AreaPath, Day, Error, Kind, Result, Time, limits};
use store::{Transaction, View};

use crate::model::area::{Area, Code, kind_words};
use crate::tables;

/// The stored tree under the changes planned so far.
pub(crate) struct Tree<'a> {
    view: &'a dyn View,
    changed: BTreeMap<AreaPath, Area>,
    /// Where changed areas are, by id and by each code they bear.
    paths: HashMap<AreaId, AreaPath>,
    by_code: HashMap<String, Vec<AreaId>>,
    next_root_ordinal: Option<u16>,
}

/// What a plan comes to.
#[derive(Default)]
pub(crate) struct Changes {
    areas: Vec<Area>,
    next_root_ordinal: Option<u16>,
}

impl<'a> Tree<'a> {
    pub(crate) fn new(view: &'a dyn View) -> Self {
        Self { view, changed: BTreeMap::new(), paths: HashMap::new(), by_code: HashMap::new(), next_root_ordinal: None }
    }

    /// The area with this id.
    pub(crate) fn area(&self, id: AreaId) -> Result<Option<Area>> {
        match self.paths.get(&id).and_then(|path| self.changed.get(path)) {
            Some(area) => Ok(Some(area.clone())),
            None => tables::area(self.view, id),
        }
    }

    /// The area with this id, or an error that it does not exist.
    pub(crate) fn require(&self, id: AreaId) -> Result<Area> {
        self.area(id)?.ok_or_else(|| Error::not_found(id.name()))
    }

    /// Every area that bears or ever bore a code, in any scheme.
    fn with_code(&self, code: &str) -> Result<Vec<Area>> {
        let mut found = tables::areas_with_code(self.view, code)?;
        found.retain(|area| !self.paths.contains_key(&area.id));
        let planned = self.by_code.get(code).into_iter().flatten();
        found.extend(planned.filter_map(|id| self.paths.get(id)).filter_map(|path| self.changed.get(path)).cloned());
        found.retain(|area| area.codes.iter().any(|own| own.code == code));
        Ok(found)
    }

    /// The areas that bear a code on a day, in any scheme.
    pub(crate) fn bearing(&self, code: &str, day: Day) -> Result<Vec<Area>> {
        let mut found = self.with_code(code)?;
        found.retain(|area| area.bears(code, day));
        Ok(found)
    }

    /// The area of a kind that bears a code in its scheme on a day.
    pub(crate) fn of_kind_bearing(&self, kind: AreaKind, code: &Code, day: Day) -> Result<Option<Area>> {
        let bears = |area: &Area| {
            let same = area.codes.iter().any(|own| own.is_same_as(code) && own.valid_on(day));
            area.kind == kind && area.retire_time.is_none() && same
        };
        Ok(self.with_code(&code.code)?.into_iter().find(bears))
    }

    /// Another area of the same kind that bears this code on a day on which `area` does.
    pub(crate) fn rival(&self, area: &Area, code: &Code) -> Result<Option<Area>> {
        let claims = |other: &Area| {
            let mut codes = other.codes_until_retired();
            codes.any(|theirs| theirs.is_same_as(code) && theirs.shares_a_day_with(code))
        };
        let mut others = self.with_code(&code.code)?.into_iter();
        Ok(others.find(|other| other.id != area.id && other.kind == area.kind && claims(other)))
    }

    /// Gives out the next place below `parent`, or below the root above all areas.
    ///
    /// Errors: `TOO_MANY_CHILDREN` when all ordinals are used up; `INVALID_FIELDS` when the tree would be too deep.
    pub(crate) fn next_child(&mut self, parent: Option<&Area>) -> Result<AreaPath> {
        let Some(parent) = parent else {
            let ordinal = match self.next_root_ordinal {
                Some(ordinal) => ordinal,
                None => tables::next_root_ordinal(self.view)?,
            };
            let path = AreaPath::ROOT.child(usable(ordinal)?)?;
            self.next_root_ordinal = Some(ordinal + 1);
            return Ok(path);
        };
        let path = parent.path.child(usable(parent.next_child_ordinal)?)?;
        let mut parent = parent.clone();
        parent.next_child_ordinal += 1;
        parent.child_count += 1;
        self.put(parent);
        Ok(path)
    }

    /// Plans an area as it shall be.
    pub(crate) fn put(&mut self, area: Area) {
        for code in &area.codes {
            let bearers = self.by_code.entry(code.code.clone()).or_default();
            if !bearers.contains(&area.id) {
                bearers.push(area.id);
            }
        }
        self.paths.insert(area.id, area.path);
        self.changed.insert(area.path, area);
    }

    /// Plans the retirement of an area that has no child in use.
    pub(crate) fn retire(&mut self, mut area: Area, now: Time) -> Result<Area> {
        if area.child_count > 0 {
            return Err(Error::new(
                Kind::Precondition,
                "AREA_HAS_CHILDREN",
                format!("the {} still has areas in use below it; retire them first", kind_words(area.kind)),
            )
            .with("area", area.id.name())
            .with("child_count", area.child_count));
        }
        if let Some(mut parent) = area.parent.map(|parent| self.require(parent)).transpose()? {
            parent.child_count = parent.child_count.saturating_sub(1);
            self.put(parent);
        }
        area.retire_time = Some(now);
        area.update_time = now;
        area.revision += 1;
        self.put(area.clone());
        Ok(area)
    }

    /// Ends the planning.
    pub(crate) fn changes(self) -> Changes {
        Changes { areas: self.changed.into_values().collect(), next_root_ordinal: self.next_root_ordinal }
    }
}

impl Changes {
    /// Writes the plan.
    pub(crate) fn write(&self, transaction: &mut Transaction<'_>) -> Result<()> {
        if let Some(ordinal) = self.next_root_ordinal {
            tables::put_next_root_ordinal(transaction, ordinal)?;
        }
        self.areas.iter().try_for_each(|area| tables::put_area(transaction, area))
    }
}

/// An ordinal, if it can still be given out.
fn usable(ordinal: u16) -> Result<u16> {
    if usize::from(ordinal) > limits::AREA_CHILDREN_MAX {
        return Err(Error::new(
            Kind::Exhausted,
            "TOO_MANY_CHILDREN",
            format!("an area can have at most {} children over all time", limits::AREA_CHILDREN_MAX),
        ));
    }
    Ok(ordinal)
}
