//! What every area is called, in memory, ready to be put into answers.
//!
//! A location names a chain of areas; looking them up in the store would cost more than finding the point. Each area
//! has a slot that never changes while the process lives, so that other structures refer to it by number. After every
//! change the service puts the changed areas in before it answers.

use std::collections::HashMap;

use api::grids::v1::AreaRef;
use base::{AreaId, AreaPath, Day, Result, Time};
use store::View;

use crate::convert;
use crate::model::area::{Area, Code, main_code};
use crate::tables;

/// All areas, by slot and by id.
pub(crate) struct Directory {
    cards: Vec<Card>,
    slots: HashMap<AreaId, u32>,
    /// The day for which all codes are chosen.
    today: Day,
}

/// One area.
pub(crate) struct Card {
    pub(crate) path: AreaPath,
    /// As answers name it today.
    pub(crate) reference: AreaRef,
    pub(crate) retired: bool,
    parent: Option<AreaId>,
    revision: u64,
    /// Its codes, kept when the main one may change with the day.
    dated: Option<Box<[Code]>>,
}

impl Directory {
    /// Everything the store holds.
    pub(crate) fn load(view: &dyn View, now: Time) -> Result<Self> {
        let mut directory = Self { cards: Vec::new(), slots: HashMap::new(), today: now.civil_day() };
        tables::each_area(view, &AreaPath::ROOT, &mut |area| {
            directory.put(&area);
            Ok(())
        })?;
        Ok(directory)
    }

    /// Puts a changed area in, unless a newer state of it is known already: two changes may arrive in another order
    /// than they were made.
    pub(crate) fn put(&mut self, area: &Area) {
        let known = self.slots.get(&area.id).copied();
        if known.is_some_and(|slot| self.cards[slot as usize].revision > area.revision) {
            return;
        }
        let dated = area.codes.iter().any(|code| code.from.is_some() || code.to.is_some());
        let card = Card {
            path: area.path,
            reference: convert::area::write_reference(area, self.today),
            retired: area.retire_time.is_some(),
            parent: area.parent,
            revision: area.revision,
            dated: dated.then(|| area.codes.clone().into_boxed_slice()),
        };
        match known {
            Some(slot) => self.cards[slot as usize] = card,
            None => {
                // Paths allow fewer areas than u32 has numbers long before memory ends.
                let slot = u32::try_from(self.cards.len()).unwrap_or(u32::MAX);
                self.slots.insert(area.id, slot);
                self.cards.push(card);
            }
        }
    }

    /// Whether the main codes were chosen for another day than today.
    pub(crate) fn is_of_another_day(&self, today: Day) -> bool {
        self.today != today
    }

    /// Chooses the main codes anew for a day.
    pub(crate) fn turn_to(&mut self, today: Day) {
        for card in &mut self.cards {
            if let Some(codes) = &card.dated {
                main_code(codes, today).clone_into(&mut card.reference.code);
            }
        }
        self.today = today;
    }

    /// The slot of an area.
    pub(crate) fn slot(&self, id: AreaId) -> Option<u32> {
        self.slots.get(&id).copied()
    }

    /// The area in a slot that this directory gave out.
    pub(crate) fn card(&self, slot: u32) -> &Card {
        &self.cards[slot as usize]
    }

    /// The area in a slot and all it lies in, from the coarsest to itself.
    pub(crate) fn chain(&self, slot: u32) -> Vec<AreaRef> {
        let mut chain = Vec::with_capacity(self.card(slot).path.depth());
        let mut next = Some(slot);
        while let Some(slot) = next {
            let card = self.card(slot);
            chain.push(card.reference.clone());
            next = card.parent.and_then(|parent| self.slot(parent));
        }
        chain.reverse();
        chain
    }
}
