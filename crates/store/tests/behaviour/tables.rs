//! Tables, indexes, aggregates and lists.

use base::limits;
use store::{Key, Options, Scan, Store};

use crate::cases::*;

fn store() -> Store {
    Store::open("cases", SCHEMA, Options::memory()).unwrap()
}

#[test]
fn a_record_is_found_by_its_key_its_index_and_its_words() {
    let store = store();
    put(&store, case(1, 2, 3)).unwrap();
    assert_eq!(get(&store, 1), Some(case(1, 2, 3)));
    let by_state = Scan::prefix(Key::new().path(&area(3)).u8(2));
    let page = store.read(|view| CASES.page_by(view, &BY_STATE, &by_state)).unwrap();
    assert_eq!(page.records, [case(1, 2, 3)]);
    assert_eq!(page.next, None);
    let by_word = Scan::prefix(Key::new().text("number1"));
    assert_eq!(store.read(|view| BY_WORD.count(view, &by_word)).unwrap(), 1);
}

#[test]
fn changing_a_record_moves_its_entries_and_totals() {
    let store = store();
    put(&store, case(1, 2, 3)).unwrap();
    put(&store, case(2, 2, 3)).unwrap();
    put(&store, case(1, 5, 3)).unwrap();
    let group = |state| Key::new().path(&area(3)).u8(state);
    store
        .read(|view| {
            assert_eq!(COUNTS.get(view, &group(2))?, 1);
            assert_eq!(COUNTS.get(view, &group(5))?, 1);
            assert_eq!(COUNTS.sum(view, &Key::new().subtree(&area(3)))?, 2);
            assert_eq!(AMOUNTS.get(view, &Key::new().path(&area(3)))?, 20);
            assert_eq!(BY_STATE.count(view, &Scan::prefix(group(2)))?, 1);
            let groups = COUNTS.page(view, &Key::new().path(&area(3)), None, 10)?;
            assert_eq!(groups, [(vec![2], 1), (vec![5], 1)]);
            let rest = COUNTS.page(view, &Key::new().path(&area(3)), Some(&[2]), 10)?;
            assert_eq!(rest, [(vec![5], 1)]);
            Ok(())
        })
        .unwrap();
    store.write_blocking(origin(), |tx| CASES.delete(tx, &key(1))).unwrap();
    store
        .read(|view| {
            assert_eq!(COUNTS.get(view, &group(5))?, 0);
            assert_eq!(COUNTS.page(view, &Key::new(), None, 10)?.len(), 1);
            assert_eq!(BY_STATE.count(view, &Scan::all())?, 1);
            Ok(())
        })
        .unwrap();
}

#[test]
fn an_unchanged_record_writes_nothing() {
    let store = store();
    let first = put(&store, case(1, 2, 3)).unwrap();
    assert_eq!(put(&store, case(1, 2, 3)).unwrap(), first);
    assert_eq!(store.head(), first);
}

#[test]
fn pages_follow_each_other_in_both_directions() {
    let store = store();
    for id in 0..25 {
        put(&store, case(id, 1, 1)).unwrap();
    }
    for reverse in [false, true] {
        let (mut ids, mut after, mut pages) = (Vec::new(), None, 0);
        loop {
            let scan = Scan::all().limit(10).reverse(reverse).after(after);
            let page = store.read(|view| CASES.page_by(view, &BY_STATE, &scan)).unwrap();
            ids.extend(page.records.iter().map(|case| case.id));
            pages += 1;
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        let mut expected: Vec<u64> = (0..25).collect();
        if reverse {
            expected.reverse();
        }
        assert_eq!(ids, expected);
        assert_eq!(pages, 3);
    }
}

#[test]
fn a_page_that_ends_exactly_at_the_end_has_no_next() {
    let store = store();
    for id in 0..10 {
        put(&store, case(id, 1, 1)).unwrap();
    }
    let page = store.read(|view| CASES.page(view, &Scan::all().limit(10))).unwrap();
    assert_eq!((page.records.len(), page.next), (10, None));
    let bounded = Scan { from: Some(key(3)), to: Some(key(6)), ..Scan::all() };
    let page = store.read(|view| CASES.page(view, &bounded)).unwrap();
    assert_eq!(page.records.iter().map(|case| case.id).collect::<Vec<_>>(), [3, 4, 5]);
}

#[test]
fn ranges_of_several_states_are_merged_by_what_follows() {
    let store = store();
    for id in 0..30 {
        put(&store, case(id, u32::try_from(id % 3).unwrap(), 1)).unwrap();
    }
    for reverse in [false, true] {
        let (mut ids, mut after) = (Vec::new(), None);
        loop {
            let scan = |state| Scan::prefix(Key::new().path(&area(1)).u8(state)).limit(7).reverse(reverse);
            let scans = [scan(0).after(after), scan(2)];
            let page = store.read(|view| CASES.page_merged(view, &BY_STATE, &scans, &|_| true)).unwrap();
            assert!(page.records.len() <= 7);
            ids.extend(page.records.iter().map(|case| case.id));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        let mut expected: Vec<u64> = (0..30).filter(|id| id % 3 != 1).collect();
        if reverse {
            expected.reverse();
        }
        assert_eq!(ids, expected);
    }
}

#[test]
fn a_record_that_two_ranges_hold_in_the_same_place_comes_once() {
    let store = store();
    put(&store, Case { words: "red round".into(), ..case(1, 1, 1) }).unwrap();
    put(&store, Case { words: "red".into(), ..case(2, 1, 1) }).unwrap();
    let scans = ["red", "round"].map(|word| Scan::prefix(Key::new().text(word)).limit(1));
    let page = store.read(|view| CASES.page_merged(view, &BY_WORD, &scans, &|_| true)).unwrap();
    assert_eq!(page.records.iter().map(|case| case.id).collect::<Vec<_>>(), [1]);
    let scans = scans.map(|scan| scan.after(page.next.clone()));
    let page = store.read(|view| CASES.page_merged(view, &BY_WORD, &scans, &|_| true)).unwrap();
    assert_eq!(page.records.iter().map(|case| case.id).collect::<Vec<_>>(), [2]);
    assert_eq!(page.next, None);
}

#[test]
fn a_filter_that_finds_little_gives_a_short_page_to_go_on_from() {
    let store = store();
    let many = u64::try_from(limits::PAGE_EXAMINED_MAX).unwrap() + 500;
    store.write_blocking(origin(), move |tx| (0..many).try_for_each(|id| CASES.put(tx, &case(id, 1, 1)))).unwrap();
    let last = |case: &Case| case.id == many - 1;
    let first = store.read(|view| CASES.page_where(view, &Scan::all(), &last)).unwrap();
    assert!(first.records.is_empty());
    let scan = Scan::all().after(first.next);
    let second = store.read(|view| CASES.page_where(view, &scan, &last)).unwrap();
    assert_eq!(second.records, [case(many - 1, 1, 1)]);
    assert_eq!(second.next, None);
}
