//! The land as it is answered for: which boundaries are in force when, and what the areas are called.
//!
//! Grounds are built before the change that needs them is acknowledged, and swapped as a whole: a reader holds one
//! ground and never sees a mixture. A ground of the future is prepared when its release is activated and comes into
//! force by comparing times on each read; there is no timer. Grounds of the past are built when somebody asks, and a
//! few are kept. Not here: how boundaries come in and are checked (`service`).

pub(crate) mod directory;
pub(crate) mod ground;
pub(crate) mod surroundings;

use std::sync::Arc;

use base::{Error, Kind, ReleaseId, Result, Time};
use parking_lot::{Mutex, RwLock, RwLockReadGuard};
use store::Store;

use crate::land::directory::Directory;
use crate::land::ground::{Drawn, Ground, in_force};
use crate::model::area::Area;
use crate::model::release::Release;
use crate::tables;

/// Grounds of the past that are kept.
const PAST_KEPT: usize = 2;

/// What all callers share.
pub(crate) struct Land {
    directory: RwLock<Directory>,
    timeline: RwLock<Timeline>,
    /// Grounds of the past, the last used last.
    past: Mutex<Vec<Named>>,
}

/// A ground with the releases that make it.
#[derive(Clone)]
pub(crate) struct Named {
    releases: Vec<ReleaseId>,
    ground: Arc<Ground>,
}

/// The grounds from some time on, each until the next begins.
#[derive(Clone, Default)]
pub(crate) struct Timeline {
    steps: Vec<Step>,
}

#[derive(Clone)]
struct Step {
    from: Time,
    named: Named,
}

impl Timeline {
    /// The ground in force at a time; none when that is before this timeline begins.
    fn at(&self, time: Time) -> Option<&Arc<Ground>> {
        self.steps.iter().rev().find(|step| step.from <= time).map(|step| &step.named.ground)
    }

    /// Fails when an area would be in force that is no longer used.
    pub(crate) fn require_areas_in_use(&self, directory: &Directory) -> Result<()> {
        let mut slots = self.steps.iter().flat_map(|step| step.named.ground.slots());
        let Some(retired) = slots.find(|slot| directory.card(*slot).retired) else { return Ok(()) };
        Err(Error::new(
            Kind::Precondition,
            "AREA_RETIRED",
            "an area that would come into force has been retired; draft a release of its ground without it",
        )
        .with("area", &directory.card(retired).reference.name))
    }
}

impl Land {
    /// Reads the store and builds what is in force now and what will be.
    pub(crate) fn open(store: &Store, now: Time) -> Result<Self> {
        let land = Self {
            directory: RwLock::new(store.read(|view| Directory::load(view, now))?),
            timeline: RwLock::new(Timeline::default()),
            past: Mutex::new(Vec::new()),
        };
        let timeline = land.plan(store, &store.read(tables::activated_releases)?, now, None)?;
        land.install(timeline);
        Ok(land)
    }

    /// The ground in force at a time, if it is the present one or one to come. Costs a lock that nobody holds for long.
    pub(crate) fn at(&self, time: Time) -> Option<Arc<Ground>> {
        self.timeline.read().at(time).cloned()
    }

    /// The ground that was in force at a time, built if need be: seconds for a large city.
    pub(crate) fn recall(&self, store: &Store, time: Time) -> Result<Arc<Ground>> {
        if let Some(ground) = self.at(time) {
            return Ok(ground);
        }
        let activated = store.read(tables::activated_releases)?;
        let named = self.named(store, &activated, in_force(&activated, time))?;
        let mut past = self.past.lock();
        past.retain(|kept| kept.releases != named.releases);
        past.push(named.clone());
        if past.len() > PAST_KEPT {
            past.remove(0);
        }
        Ok(named.ground)
    }

    /// Plans the grounds from `now` on, building those that are neither in memory nor in an earlier plan. Nothing
    /// changes for readers.
    pub(crate) fn plan(
        &self,
        store: &Store,
        activated: &[Release],
        now: Time,
        earlier: Option<&Timeline>,
    ) -> Result<Timeline> {
        let times = activated.iter().filter_map(|release| release.activate_time);
        // The present ground began with the last release that is in force already, or has always been.
        let began = times.clone().filter(|&time| time <= now).max().unwrap_or(Time::from_micros(i64::MIN));
        let mut starts: Vec<Time> = times.filter(|&time| time > now).chain([began]).collect();
        starts.sort_unstable();
        starts.dedup();
        let mut timeline = Timeline::default();
        for from in starts {
            let releases = in_force(activated, from);
            let mut planned = timeline.steps.iter().chain(earlier.iter().flat_map(|earlier| &earlier.steps));
            let named = match planned.find(|step| step.named.releases == releases) {
                Some(step) => step.named.clone(),
                None => self.named(store, activated, releases)?,
            };
            timeline.steps.push(Step { from, named });
        }
        Ok(timeline)
    }

    /// Makes a plan what readers see.
    pub(crate) fn install(&self, timeline: Timeline) {
        *self.timeline.write() = timeline;
    }

    /// Every ground that is or will be in force from a time on, as far as is known today.
    pub(crate) fn present_and_future(&self, now: Time) -> Vec<Arc<Ground>> {
        let timeline = self.timeline.read();
        let present = timeline.steps.iter().rposition(|step| step.from <= now).unwrap_or(0);
        timeline.steps.iter().skip(present).map(|step| step.named.ground.clone()).collect()
    }

    /// What areas are called today. Not to be held across an await.
    pub(crate) fn directory(&self, now: Time) -> RwLockReadGuard<'_, Directory> {
        let today = now.civil_day();
        let directory = self.directory.read();
        if !directory.is_of_another_day(today) {
            return directory;
        }
        drop(directory);
        self.directory.write().turn_to(today);
        self.directory.read()
    }

    /// Takes note of changed areas.
    pub(crate) fn note(&self, areas: &[Area]) {
        let mut directory = self.directory.write();
        areas.iter().for_each(|area| directory.put(area));
    }

    fn named(&self, store: &Store, activated: &[Release], releases: Vec<ReleaseId>) -> Result<Named> {
        let known =
            self.timeline.read().steps.iter().map(|step| &step.named).find(|named| named.releases == releases).cloned();
        let known = known.or_else(|| self.past.lock().iter().find(|named| named.releases == releases).cloned());
        if let Some(named) = known {
            return Ok(named);
        }
        let drawn = store.read(|view| Drawn::read(view, &self.directory, activated, &releases))?;
        Ok(Named { releases, ground: Arc::new(Ground::build(drawn)?) })
    }
}
