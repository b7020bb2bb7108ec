//! The table that the tests use: cases with a state, an area, a worker, words and an amount.

use std::sync::Arc;

use base::{AreaPath, Clock, ManualClock, Result, Time};
use store::{Aggregate, Index, Key, Origin, Scan, Schema, Store, Table, Transaction, View};

/// A record as services have them.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Case {
    #[prost(uint64, tag = "1")]
    pub(crate) id: u64,
    #[prost(uint32, tag = "2")]
    pub(crate) state: u32,
    #[prost(uint32, tag = "3")]
    pub(crate) area: u32,
    #[prost(string, tag = "4")]
    pub(crate) words: String,
    #[prost(int64, tag = "5")]
    pub(crate) amount: i64,
    #[prost(bytes = "vec", tag = "6")]
    pub(crate) attachment: Vec<u8>,
}

/// The area `/1/n`.
pub(crate) fn area(number: u32) -> AreaPath {
    AreaPath::ROOT.child(1).unwrap().child(u16::try_from(number).unwrap() + 1).unwrap()
}

pub(crate) static CASES: Table<Case> =
    Table::new(1, "cases", |case| Key::new().u64(case.id), &[&BY_STATE, &BY_WORD], &[&COUNTS, &AMOUNTS]);
pub(crate) static BY_STATE: Index<Case> = Index::new(1, "by_state", |case, out| {
    out.push(Key::new().path(&area(case.area)).u8(u8::try_from(case.state).unwrap()));
});
pub(crate) static BY_WORD: Index<Case> = Index::new(2, "by_word", |case, out| {
    out.extend(case.words.split_whitespace().map(|word| Key::new().text(word)));
});
pub(crate) static COUNTS: Aggregate<Case> = Aggregate::new(1, "by_area_state", |case, out| {
    out.push((Key::new().path(&area(case.area)).u8(u8::try_from(case.state).unwrap()), 1));
});
pub(crate) static AMOUNTS: Aggregate<Case> = Aggregate::new(2, "amount_by_area", |case, out| {
    out.push((Key::new().path(&area(case.area)), case.amount));
});
pub(crate) static SCHEMA: Schema = &[&CASES];

pub(crate) fn case(id: u64, state: u32, area: u32) -> Case {
    Case { id, state, area, words: format!("number{id} all"), amount: 10, attachment: Vec::new() }
}

pub(crate) fn origin() -> Origin {
    Origin {
        principal: "principals/test".into(),
        method: "test.Cases/Put",
        time: Time::from_micros(1_800_000_000_000_000),
    }
}

pub(crate) fn clock() -> Arc<dyn Clock> {
    Arc::new(ManualClock::at(origin().time))
}

pub(crate) fn put(store: &Store, case: Case) -> Result<u64> {
    store.write_blocking(origin(), move |tx| CASES.put(tx, &case)).map(|committed| committed.sequence)
}

pub(crate) fn key(id: u64) -> Key {
    Key::new().u64(id)
}

pub(crate) fn get(store: &Store, id: u64) -> Option<Case> {
    store.read(|view| CASES.get(view, &key(id))).unwrap()
}

/// Every case, in order.
pub(crate) fn all(store: &Store) -> Vec<Case> {
    store.read(all_in).unwrap()
}

pub(crate) fn all_in(view: &dyn View) -> Result<Vec<Case>> {
    let (mut cases, mut after) = (Vec::new(), None);
    loop {
        let page = CASES.page(view, &Scan::all().limit(1000).after(after))?;
        cases.extend(page.records);
        after = page.next;
        if after.is_none() {
            return Ok(cases);
        }
    }
}

pub(crate) fn transfer(tx: &mut Transaction<'_>, from: u64, to: u64, amount: i64) -> Result<()> {
    for (id, change) in [(from, -amount), (to, amount)] {
        let mut case = CASES.get(tx, &key(id))?.unwrap_or_else(|| Case { amount: 0, ..case(id, 1, 1) });
        case.amount += change;
        CASES.put(tx, &case)?;
    }
    Ok(())
}
