//! Building what is new in the schema: indexes and aggregates that this store has not had before.
//!
//! What is complete is noted in the store itself. An index that left the schema loses its note, because from then on
//! nobody keeps it up to date; should it return, it is built again from the records. Everything is done by ordinary
//! writes in bounded portions, so the journal knows of it, and a build that is interrupted begins anew.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use base::Result;
use bytes::Bytes;

use crate::key::prefix_end;
use crate::keyspace::{self, Derived, INDEX_STATE};
use crate::schema::{AnyTable, Schema};
use crate::store::Store;
use crate::transaction::Transaction;
use crate::view::View;
use crate::{Origin, Sequence, aggregate};

/// Records, or old entries, that one write handles.
const PORTION: usize = 1_000;

type Name = (Derived, u16);

/// Builds whatever the schema has and the store has not.
pub(crate) fn build(store: &Store, schema: Schema) -> Result<()> {
    let complete = store.read(completed)?;
    let wanted: BTreeSet<Name> = schema.iter().flat_map(|table| derived_of(*table)).collect();
    let retired: Vec<Name> = complete.difference(&wanted).copied().collect();
    if !retired.is_empty() {
        write(store, move |tx| retired.iter().for_each(|name| tx.delete(keyspace::index_state(name.0, name.1))))?;
    }
    for table in schema {
        let missing: BTreeSet<Name> = derived_of(*table).filter(|name| !complete.contains(name)).collect();
        if !missing.is_empty() {
            build_table(store, *table, &missing)?;
        }
    }
    Ok(())
}

fn derived_of(table: &'static dyn AnyTable) -> impl Iterator<Item = Name> {
    let indexes = table.indexes().into_iter().map(|(number, _)| (Derived::Index, number));
    indexes.chain(table.aggregates().into_iter().map(|(number, _)| (Derived::Aggregate, number)))
}

/// Which indexes and aggregates are complete.
fn completed(view: &dyn View) -> Result<BTreeSet<Name>> {
    let mut complete = BTreeSet::new();
    view.range(&[INDEX_STATE], &[INDEX_STATE + 1], false, &mut |key, _| {
        if let [_, kind, number @ ..] = key
            && let Ok(number) = <[u8; 2]>::try_from(number)
        {
            let kind = if *kind == Derived::Index as u8 { Derived::Index } else { Derived::Aggregate };
            complete.insert((kind, u16::from_be_bytes(number)));
        }
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(complete)
}

fn build_table(store: &Store, table: &'static dyn AnyTable, missing: &BTreeSet<Name>) -> Result<()> {
    for &(kind, number) in missing {
        let space = match kind {
            Derived::Index => keyspace::index(number, &[]),
            Derived::Aggregate => keyspace::aggregate(number, &[]),
        };
        while clear_portion(store, &space)? {}
    }
    let space = keyspace::record(table.number(), &[]);
    let mut from = space.clone();
    let mut records = 0;
    loop {
        let portion = store.read(|view| portion(view, &from, &space))?;
        let Some((last, _)) = portion.last() else { break };
        from = [last, &[0][..]].concat();
        records += portion.len();
        derive_portion(store, table, missing, &portion)?;
    }
    if records > 0 {
        tracing::info!(table = table.name(), records, new = missing.len(), "built new indexes");
    }
    let missing = missing.clone();
    write(store, move |tx| {
        for &(kind, number) in &missing {
            tx.put(keyspace::index_state(kind, number), Bytes::from_static(&[1]), true);
        }
    })?;
    Ok(())
}

fn portion(view: &dyn View, from: &[u8], space: &[u8]) -> Result<Vec<(Vec<u8>, Bytes)>> {
    let mut portion = Vec::new();
    view.range(from, &prefix_end(space).unwrap_or_default(), false, &mut |key, value| {
        portion.push((key.to_vec(), Bytes::copy_from_slice(value)));
        Ok(if portion.len() < PORTION { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
    })?;
    Ok(portion)
}

/// Removes some of what an interrupted build, or an index that was away, left behind.
fn clear_portion(store: &Store, space: &[u8]) -> Result<bool> {
    let stale = store.read(|view| portion(view, space, space))?;
    let found = !stale.is_empty();
    if found {
        write(store, move |tx| stale.iter().for_each(|(key, _)| tx.delete(key.clone())))?;
    }
    Ok(found)
}

fn derive_portion(
    store: &Store,
    table: &'static dyn AnyTable,
    missing: &BTreeSet<Name>,
    portion: &[(Vec<u8>, Bytes)],
) -> Result<()> {
    let mut entries = Vec::new();
    let mut amounts = BTreeMap::<Vec<u8>, i64>::new();
    for (_, value) in portion {
        let derivation = table.derive(value)?;
        let wanted = |(number, _, _): &(u16, Vec<u8>, [u8; 2])| missing.contains(&(Derived::Index, *number));
        entries.extend(derivation.entries.into_iter().filter(wanted));
        for (number, group, amount) in derivation.amounts {
            if missing.contains(&(Derived::Aggregate, number)) {
                let sum = amounts.entry(keyspace::aggregate(number, &group)).or_default();
                *sum = sum.wrapping_add(amount);
            }
        }
    }
    write_fallible(store, move |tx| {
        for (_, key, value) in &entries {
            tx.put(key.clone(), Bytes::copy_from_slice(value), true);
        }
        amounts.iter().try_for_each(|(key, amount)| aggregate::add(tx, key.clone(), *amount))
    })?;
    Ok(())
}

fn write(store: &Store, work: impl Fn(&mut Transaction<'_>) + Send + 'static) -> Result<Sequence> {
    write_fallible(store, move |tx| {
        work(tx);
        Ok(())
    })
}

fn write_fallible(
    store: &Store,
    work: impl Fn(&mut Transaction<'_>) -> Result<()> + Send + 'static,
) -> Result<Sequence> {
    let time = store.shared().clock.now();
    let origin = Origin { principal: String::new(), method: "store.build", time };
    Ok(store.write_blocking(origin, work)?.sequence)
}
