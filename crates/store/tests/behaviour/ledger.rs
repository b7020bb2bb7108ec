//! What crash tests write and check: a ledger in which every write makes a case and pays for it from an account.
//!
//! Account 0 loses what the cases gain, so the sum of all amounts is always zero, unless a write was half applied;
//! and it equals minus the number of cases, unless a write had two effects.

use std::collections::BTreeMap;

use base::Result;
use store::{Committed, Request, Schema, Store};

use crate::cases::*;

/// The id of writer's nth case.
pub(crate) fn id(writer: u64, number: u64) -> u64 {
    1 + writer * 1_000_000 + number
}

/// Makes a case, once.
pub(crate) fn make(store: &Store, writer: u64, number: u64) -> Result<Committed<Vec<u8>>> {
    let id = id(writer, number);
    let mut request = [0; 16];
    request[..8].copy_from_slice(&id.to_be_bytes());
    let request = Request { id: request, fingerprint: [1; 32] };
    store.write_once_blocking(origin(), request, move |tx| {
        let mut account = CASES.get(tx, &key(0))?.unwrap_or_else(|| Case { amount: 0, ..case(0, 0, 0) });
        account.amount -= 1;
        CASES.put(tx, &account)?;
        let area = u32::try_from(id % 7).unwrap();
        CASES.put(tx, &Case { amount: 1, ..case(id, u32::try_from(id % 3).unwrap(), area) })?;
        // Cases move on, so that index entries and totals are made and removed.
        if number > 3 {
            let before = key(id - 3);
            if let Some(older) = CASES.get(tx, &before)? {
                CASES.put(tx, &Case { state: 9, ..older })?;
            }
        }
        Ok(id.to_be_bytes().to_vec())
    })
}

/// Checks everything that must hold after any crash: `acknowledged` says how many cases each writer was told of.
pub(crate) fn check(store: &Store, acknowledged: &BTreeMap<u64, u64>) {
    let cases = all(store);
    let made: i64 = cases.iter().filter(|case| case.id != 0).map(|case| case.amount).sum();
    let paid = cases.iter().find(|case| case.id == 0).map_or(0, |case| case.amount);
    assert_eq!(made + paid, 0, "a write was half applied");
    for (&writer, &count) in acknowledged {
        for number in 0..count {
            let id = id(writer, number);
            let found = cases.binary_search_by_key(&id, |case| case.id).is_ok();
            assert!(found, "case {number} of writer {writer} was acknowledged and is gone ({count} were)");
        }
        let beyond = cases.iter().filter(|case| case.id >= id(writer, count) && case.id < id(writer + 1, 0)).count();
        assert!(beyond <= 1, "writer {writer} has {beyond} cases that were never acknowledged; it waits for each");
    }
    let report = store.scrub(&mut |_| ()).unwrap();
    assert!(report.is_clean(), "{report:?}");
    if store.status().unwrap().journal_start == 1 {
        assert_eq!(replayed(store), cases, "the feed, replayed, is the state");
    }
}

/// The state that the feed alone gives.
fn replayed(store: &Store) -> Vec<Case> {
    let (mut cases, mut cursor) = (BTreeMap::new(), 0);
    loop {
        let entries = store.feed(cursor, 500).unwrap();
        let Some(last) = entries.last() else { return cases.into_values().collect() };
        assert_eq!(last.sequence, cursor + entries.len() as u64, "the feed has no gaps");
        cursor = last.sequence;
        for change in entries.iter().flat_map(|entry| &entry.changes) {
            let (before, after) = CASES.decode_change(change).unwrap().unwrap();
            let id = before.as_ref().or(after.as_ref()).unwrap().id;
            assert_eq!(cases.get(&id), before.as_ref(), "the feed tells what was before");
            match after {
                Some(after) => drop(cases.insert(id, after)),
                None => drop(cases.remove(&id)),
            }
        }
    }
}

/// Lets writers make cases until the store fails them; `acknowledged` goes on where it was.
pub(crate) fn write_until_it_fails(store: &Store, acknowledged: &mut BTreeMap<u64, u64>) {
    std::thread::scope(|scope| {
        for (&writer, count) in acknowledged.iter_mut() {
            scope.spawn(move || {
                while let Ok(made) = make(store, writer, *count) {
                    assert_eq!(made.value, id(writer, *count).to_be_bytes());
                    *count += 1;
                }
            });
        }
    });
}

pub(crate) static LEDGER: Schema = SCHEMA;
