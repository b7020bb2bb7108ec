//! The merge rule, case by case, and that it does not depend on the order of arrival.

use super::*;
use proptest::prelude::*;

/// `person` fields by the contract: 1 is owned by the police, then civil affairs; 2 by nobody.
fn shape() -> Shape {
    Shape::of_fields([(1, vec![SourceKind::Police, SourceKind::CivilAffairs]), (2, vec![])])
}

fn by(kind: SourceKind, time: i64) -> Provenance {
    Provenance { kind: kind as i32, source: format!("{kind:?}"), run_id: Bytes::new(), confirmed_time_us: time }
}

fn say(record: &mut Record, number: u32, value: &'static str, by: &Provenance, confirms: bool) -> Merged {
    let values = [(number, Bytes::from_static(value.as_bytes()))];
    merge(&shape(), record, &Said { values: &values, by, confirms })
}

fn value(record: &Record, number: u32) -> String {
    let field = record.fields.iter().find(|field| field.number == number);
    String::from_utf8(field.map(|field| field.value.to_vec()).unwrap_or_default()).unwrap()
}

#[test]
fn an_owner_wins_over_a_newer_word_of_somebody_else_and_the_loser_stays_a_claim() {
    let mut record = Record::default();
    say(&mut record, 1, "field", &by(SourceKind::Field, 5), true);
    let merged = say(&mut record, 1, "police", &by(SourceKind::Police, 1), true);
    assert_eq!((value(&record, 1).as_str(), merged.claimed), ("police", 1));
    assert_eq!((claimant(&record.claims[0]), &record.claims[0].value[..]), ("Field", &b"field"[..]));
    let merged = say(&mut record, 1, "civil", &by(SourceKind::CivilAffairs, 9), true);
    assert_eq!((value(&record, 1).as_str(), merged.claimed, record.claims.len()), ("police", 1, 2));
    assert!(merged.before.is_empty() && merged.touched);
}

#[test]
fn among_equals_the_newer_word_wins_and_the_older_one_is_a_claim() {
    let mut record = Record::default();
    say(&mut record, 2, "old", &by(SourceKind::Field, 1), true);
    say(&mut record, 2, "new", &by(SourceKind::Desk, 2), true);
    assert_eq!((value(&record, 2).as_str(), record.claims.len()), ("new", 0));
    say(&mut record, 2, "older", &by(SourceKind::Property, 1), true);
    assert_eq!((value(&record, 2).as_str(), record.claims.len()), ("new", 1));
}

#[test]
fn a_source_replaces_its_own_word_unless_it_is_older() {
    let mut record = Record::default();
    say(&mut record, 1, "one", &by(SourceKind::Police, 5), true);
    let merged = say(&mut record, 1, "zero", &by(SourceKind::Police, 4), true);
    assert_eq!((value(&record, 1).as_str(), merged), ("one", Merged::default()));
    let merged = say(&mut record, 1, "two", &by(SourceKind::Police, 5), true);
    assert_eq!((value(&record, 1).as_str(), merged.before[0].value.as_ref()), ("two", &b"one"[..]));
}

#[test]
fn a_repeated_value_changes_nothing_unless_it_was_confirmed_anew_or_by_somebody_stronger() {
    let mut record = Record::default();
    say(&mut record, 1, "same", &by(SourceKind::CivilAffairs, 1), true);
    assert_eq!(say(&mut record, 1, "same", &by(SourceKind::CivilAffairs, 9), false), Merged::default());
    assert_eq!(say(&mut record, 1, "same", &by(SourceKind::Field, 9), true), Merged::default());
    assert!(say(&mut record, 1, "same", &by(SourceKind::CivilAffairs, 9), true).touched);
    assert!(say(&mut record, 1, "same", &by(SourceKind::Police, 2), false).touched);
    assert_eq!(record.provenances, [by(SourceKind::Police, 2)]);
}

#[test]
fn who_comes_round_withdraws_its_claim() {
    let mut record = Record::default();
    say(&mut record, 1, "police", &by(SourceKind::Police, 1), true);
    say(&mut record, 1, "field", &by(SourceKind::Field, 2), true);
    assert_eq!(say(&mut record, 1, "field", &by(SourceKind::Field, 3), true).claimed, 0, "claimed already");
    say(&mut record, 1, "police", &by(SourceKind::Field, 4), true);
    assert!(record.claims.is_empty());
}

#[test]
fn what_an_owner_cleared_is_not_filled_by_a_weaker_source() {
    let mut record = Record::default();
    say(&mut record, 1, "there", &by(SourceKind::Police, 1), true);
    let merged = say(&mut record, 1, "", &by(SourceKind::Police, 2), true);
    assert_eq!(merged.before[0].value.as_ref(), b"there");
    say(&mut record, 1, "again", &by(SourceKind::Field, 3), true);
    assert_eq!((value(&record, 1).as_str(), record.claims.len()), ("", 1));
    assert_eq!(fields(&record), Fields::default());
}

proptest! {
    #[test]
    fn the_value_that_counts_does_not_depend_on_the_order_of_arrival(
        order in Just((0_usize..6).collect::<Vec<_>>()).prop_shuffle(),
        number in 1_u32..3,
    ) {
        // Six sources, each confirmed at a time of its own.
        let said = [
            (SourceKind::Field, 6, "a"), (SourceKind::Police, 2, "b"), (SourceKind::CivilAffairs, 4, "c"),
            (SourceKind::Desk, 5, "d"), (SourceKind::Legacy, 1, "e"), (SourceKind::Health, 3, "f"),
        ];
        let mut record = Record::default();
        for place in order {
            let (kind, time, value) = said[place];
            say(&mut record, number, value, &by(kind, time), true);
        }
        prop_assert_eq!(value(&record, number), if number == 1 { "b" } else { "a" });
    }
}
