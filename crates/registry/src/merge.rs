//! Whose word counts: the rule by which what a source says meets what is known.
//!
//! A field's owners come first, in their order; whoever is not named comes after them. Among equals the newer
//! confirmation wins. What loses is kept as a claim until somebody decides, one for each source and field; a source
//! that says something else replaces its own claim. A clearing is a value like another, so that a weaker source does
//! not fill again what a stronger one emptied.

use api::options::v1::SourceKind;
use api::stored::registry::v1::{Claim, Field, FieldBefore, Provenance, Record};
use bytes::Bytes;

use crate::fields::Fields;
use crate::shape::Shape;

/// What a source says about some fields of one element.
pub(crate) struct Said<'a> {
    /// The fields with their wire form; an empty one clears.
    pub(crate) values: &'a [(u32, Bytes)],
    /// Who says it, and when it was confirmed.
    pub(crate) by: &'a Provenance,
    /// Whether equal values were confirmed anew, and are not only repeated.
    pub(crate) confirms: bool,
}

/// What came of it.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Merged {
    /// The fields that changed, as they were before, in the order of their numbers.
    pub(crate) before: Vec<FieldBefore>,
    /// New or changed claims.
    pub(crate) claimed: i64,
    /// Whether anything of the record changed, a confirmation or a claim included.
    pub(crate) touched: bool,
}

#[derive(Debug, PartialEq)]
enum Verdict {
    /// The value is what is known already, from somebody at least as good.
    Agrees,
    /// The value is known, and is now known better.
    Confirms,
    /// The value counts from now on; whether the one before was a weaker source's word that stays a claim.
    Wins { displaces: bool },
    /// The value waits for a decision.
    Claims,
    /// The source itself has said something newer.
    Stale,
}

/// Lets a source's word meet a record.
pub(crate) fn merge(shape: &Shape, record: &mut Record, said: &Said<'_>) -> Merged {
    let mut merged = Merged::default();
    for (number, value) in said.values {
        let owners = shape.field(*number).map_or(&[][..], |field| &field.owners);
        let held = record.fields.iter().find(|field| field.number == *number);
        let held = held.map(|field| (field.value.clone(), provenance(record, field)));
        let verdict = match &held {
            None if value.is_empty() => Verdict::Agrees,
            None => Verdict::Wins { displaces: false },
            Some((present, by)) => judge(owners, (present, by), (value, said.by), said.confirms),
        };
        match verdict {
            Verdict::Stale => {}
            Verdict::Agrees => merged.touched |= withdraw(record, *number, &said.by.source),
            Verdict::Confirms => {
                withdraw(record, *number, &said.by.source);
                hold(record, *number, value.clone(), said.by);
                merged.touched = true;
            }
            Verdict::Wins { displaces } => {
                withdraw(record, *number, &said.by.source);
                let (present, by) = held.unwrap_or_default();
                if displaces && !present.is_empty() {
                    merged.claimed += i64::from(claim(record, *number, present.clone(), &by));
                }
                merged.before.push(FieldBefore { number: *number, value: present });
                hold(record, *number, value.clone(), said.by);
                merged.touched = true;
            }
            Verdict::Claims => {
                let new = claim(record, *number, value.clone(), said.by);
                merged.claimed += i64::from(new);
                merged.touched |= new;
            }
        }
    }
    if merged.touched {
        tidy(record);
    }
    merged.before.sort_by_key(|before| before.number);
    merged
}

fn judge(
    owners: &[SourceKind],
    (present, held): (&Bytes, &Provenance),
    (value, by): (&Bytes, &Provenance),
    confirms: bool,
) -> Verdict {
    let rank = |by: &Provenance| owners.iter().position(|owner| *owner as i32 == by.kind).unwrap_or(owners.len());
    let (held_rank, rank) = (rank(held), rank(by));
    let newer = by.confirmed_time_us > held.confirmed_time_us;
    if present == value {
        let better = rank < held_rank || rank == held_rank && confirms && newer;
        return if better { Verdict::Confirms } else { Verdict::Agrees };
    }
    if held.kind == by.kind && held.source == by.source {
        let stale = by.confirmed_time_us < held.confirmed_time_us;
        return if stale { Verdict::Stale } else { Verdict::Wins { displaces: false } };
    }
    match rank.cmp(&held_rank) {
        std::cmp::Ordering::Less => Verdict::Wins { displaces: true },
        std::cmp::Ordering::Equal if newer => Verdict::Wins { displaces: false },
        _ => Verdict::Claims,
    }
}

/// Who said the present value of a field.
pub(crate) fn provenance(record: &Record, field: &Field) -> Provenance {
    let place = usize::try_from(field.provenance).unwrap_or(usize::MAX);
    record.provenances.get(place).cloned().unwrap_or_default()
}

/// The values that count.
pub(crate) fn fields(record: &Record) -> Fields {
    record.fields.iter().map(|field| (field.number, field.value.clone())).collect()
}

/// Makes a value the one that counts.
pub(crate) fn hold(record: &mut Record, number: u32, value: Bytes, by: &Provenance) {
    let place = record.provenances.iter().position(|known| known == by).unwrap_or_else(|| {
        record.provenances.push(by.clone());
        record.provenances.len() - 1
    });
    let field = Field { number, value, provenance: u32::try_from(place).unwrap_or(u32::MAX) };
    match record.fields.binary_search_by_key(&number, |field| field.number) {
        Ok(at) => record.fields[at] = field,
        Err(at) => record.fields.insert(at, field),
    }
}

/// Takes a source's claim about a field back; whether there was one.
pub(crate) fn withdraw(record: &mut Record, number: u32, source: &str) -> bool {
    let before = record.claims.len();
    record.claims.retain(|claim| claim.number != number || claimant(claim) != source);
    record.claims.len() != before
}

/// The source of a claim.
pub(crate) fn claimant(claim: &Claim) -> &str {
    claim.provenance.as_ref().map_or("", |by| &by.source)
}

/// Notes a claim; false when the source claims the same already.
fn claim(record: &mut Record, number: u32, value: Bytes, by: &Provenance) -> bool {
    let same = |claim: &Claim| claim.number == number && claimant(claim) == by.source;
    if record.claims.iter().any(|claim| same(claim) && claim.value == value) {
        return false;
    }
    record.claims.retain(|claim| !same(claim));
    record.claims.push(Claim { number, value, provenance: Some(by.clone()) });
    record.claims.sort_by(|one, other| (one.number, claimant(one)).cmp(&(other.number, claimant(other))));
    true
}

/// Drops who no longer says anything, and puts the others into one order, so that equal records have equal bytes.
pub(crate) fn tidy(record: &mut Record) {
    let mut kept: Vec<Provenance> = Vec::new();
    let said: Vec<Provenance> = record.fields.iter().map(|field| provenance(record, field)).collect();
    for (field, by) in record.fields.iter_mut().zip(said) {
        let place = kept.iter().position(|known| *known == by).unwrap_or_else(|| {
            kept.push(by);
            kept.len() - 1
        });
        field.provenance = u32::try_from(place).unwrap_or(u32::MAX);
    }
    record.provenances = kept;
}

#[cfg(test)]
#[path = "merge_tests.rs"]
mod tests;
