//! What every engine must do, as a suite that each engine's tests run.
//!
//! It panics with words when an engine falls short; it is for tests only.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};

use base::Result;
use bytes::Bytes;

use crate::engine::{Engine, Operation};

/// Opens the engine under test. It is called again after the engine was dropped, and then gives one that holds what
/// was synced, unless the engine is not persistent.
pub type MakeEngine<'a> = &'a dyn Fn() -> Box<dyn Engine>;

/// Runs the whole suite on an engine that is empty at first.
pub fn run(make: MakeEngine<'_>, is_persistent: bool) {
    let engine = make();
    what_is_put_is_there_and_what_is_removed_is_not(&*engine);
    ranges_go_both_ways_and_end_where_asked(&*engine);
    strange_keys_and_large_values_come_back(&*engine);
    it_equals_a_map_after_many_random_changes(&*engine);
    others_read_while_one_writes(&*engine);
    if is_persistent {
        what_was_synced_is_there_after_opening_again(engine, make);
    }
}

/// Removes everything, so that each check begins empty.
fn clear(engine: &dyn Engine) {
    let operations: Vec<Operation> =
        pairs(engine, &[], &[0xFF; 64], false).into_iter().map(|(k, _)| (k, None)).collect();
    expect(engine.apply(&operations));
    assert!(pairs(engine, &[], &[0xFF; 64], false).is_empty(), "an engine must be empty after everything was removed");
}

fn what_is_put_is_there_and_what_is_removed_is_not(engine: &dyn Engine) {
    clear(engine);
    expect(engine.apply(&[put(b"a", b"1"), put(b"b", b""), put(b"c", b"3")]));
    assert_eq!(expect(engine.get(b"a")).as_deref(), Some(&b"1"[..]));
    assert_eq!(expect(engine.get(b"b")).as_deref(), Some(&b""[..]), "an empty value is a value");
    assert_eq!(expect(engine.get(b"d")), None);
    expect(engine.apply(&[put(b"a", b"2"), remove(b"b"), remove(b"never there")]));
    assert_eq!(expect(engine.get(b"a")).as_deref(), Some(&b"2"[..]));
    assert_eq!(expect(engine.get(b"b")), None);
    assert_eq!(keys(engine, b"", b"\xFF", false), [&b"a"[..], &b"c"[..]]);
}

fn ranges_go_both_ways_and_end_where_asked(engine: &dyn Engine) {
    clear(engine);
    let many: Vec<Operation> = (0..1_000_u16).map(|number| put(&number.to_be_bytes(), b"v")).collect();
    expect(engine.apply(&many));
    let (start, end) = (100_u16.to_be_bytes(), 900_u16.to_be_bytes());
    let upwards = keys(engine, &start, &end, false);
    assert_eq!(upwards.len(), 800);
    assert_eq!((&upwards[0][..], &upwards[799][..]), (&start[..], &899_u16.to_be_bytes()[..]));
    let mut downwards = keys(engine, &start, &end, true);
    downwards.reverse();
    assert_eq!(downwards, upwards);
    assert!(keys(engine, &start, &start, false).is_empty());
    assert!(keys(engine, &end, &start, true).is_empty(), "a range that ends before it begins is empty");
    let mut seen = 0;
    expect(engine.range(&start, &end, true, &mut |_, _| {
        seen += 1;
        Ok(if seen == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    }));
    assert_eq!(seen, 3, "a visitor that breaks is not called again");
    let failed = engine.range(&start, &end, false, &mut |_, _| Err(base::Error::internal("the visitor failed")));
    assert!(failed.is_err(), "a visitor's error is handed on");
}

fn strange_keys_and_large_values_come_back(engine: &dyn Engine) {
    clear(engine);
    let large: Vec<u8> = (0..300_000_u32).map(|place| place.to_le_bytes()[0] ^ place.to_le_bytes()[1]).collect();
    let strange: [&[u8]; 5] = [&[0], &[0, 0], &[0xFE, 0xFF], &[7; 900], b"\x00\xFF\x00"];
    let mut operations: Vec<Operation> = strange.iter().map(|key| put(key, key)).collect();
    operations.push(put(b"large", &large));
    operations.push(put(b"largest", &large.repeat(4)));
    operations.sort();
    expect(engine.apply(&operations));
    for key in strange {
        assert_eq!(expect(engine.get(key)).as_deref(), Some(key));
    }
    assert_eq!(expect(engine.get(b"large")).as_deref(), Some(&large[..]));
    assert!(pairs(engine, &[0], &[0xFF], false).contains(&(Bytes::from_static(b"largest"), large.repeat(4).into())));
    expect(engine.apply(&[put(b"large", &large[..100_000]), put(b"largest", b"small now")]));
    assert_eq!(expect(engine.get(b"large")).as_deref(), Some(&large[..100_000]));
    assert_eq!(expect(engine.get(b"largest")).as_deref(), Some(&b"small now"[..]));
    expect(engine.apply(&[remove(b"large")]));
    assert_eq!(expect(engine.get(b"large")), None);
}

fn it_equals_a_map_after_many_random_changes(engine: &dyn Engine) {
    clear(engine);
    let mut map = BTreeMap::new();
    let mut random = Random(42);
    for _ in 0..60 {
        let mut changes = BTreeMap::new();
        for _ in 0..50 {
            let key = Bytes::from(format!("{:03}", random.below(400)));
            let value = (random.below(3) > 0).then(|| Bytes::from(format!("{}", random.below(1_000_000))));
            changes.insert(key, value);
        }
        let operations: Vec<Operation> = changes.into_iter().collect();
        expect(engine.apply(&operations));
        for (key, value) in operations {
            match value {
                Some(value) => drop(map.insert(key, value)),
                None => drop(map.remove(&key)),
            }
        }
        let (start, end) = (format!("{:03}", random.below(400)), format!("{:03}", random.below(400)));
        let reverse = random.below(2) == 1;
        let mut expected: Vec<(Bytes, Bytes)> = if start < end {
            let range = Bytes::from(start.clone())..Bytes::from(end.clone());
            map.range(range).map(|(key, value)| (key.clone(), value.clone())).collect()
        } else {
            Vec::new()
        };
        if reverse {
            expected.reverse();
        }
        assert_eq!(pairs(engine, start.as_bytes(), end.as_bytes(), reverse), expected);
    }
}

fn others_read_while_one_writes(engine: &dyn Engine) {
    clear(engine);
    let constant: Vec<Operation> =
        (0..500_u16).map(|number| put(&[&[1], &number.to_be_bytes()[..]].concat(), b"c")).collect();
    expect(engine.apply(&constant));
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    let found = keys(engine, &[0], &[3], false).into_iter().filter(|key| key[0] == 1).count();
                    assert_eq!(found, 500, "keys that nobody changes are seen exactly once");
                }
            });
        }
        let mut random = Random(7);
        for _ in 0..3_000 {
            let key = [[0, 2][random.below(2)], random.below(100).to_le_bytes()[0]];
            let value = vec![9; random.below(600)];
            expect(engine.apply(&[if random.below(3) == 0 { remove(&key) } else { put(&key, &value) }]));
        }
        done.store(true, Ordering::Relaxed);
    });
}

fn what_was_synced_is_there_after_opening_again(engine: Box<dyn Engine>, make: MakeEngine<'_>) {
    clear(&*engine);
    let large = vec![5; 200_000];
    expect(engine.apply(&[put(b"kept", b"1"), put(b"large", &large)]));
    expect(engine.sync());
    drop(engine);
    let engine = make();
    assert_eq!(expect(engine.get(b"kept")).as_deref(), Some(&b"1"[..]));
    assert_eq!(expect(engine.get(b"large")).as_deref(), Some(&large[..]));
    assert!(expect(engine.disk_bytes()) > 0, "an engine on disk takes space there");
}

fn put(key: &[u8], value: &[u8]) -> Operation {
    (Bytes::copy_from_slice(key), Some(Bytes::copy_from_slice(value)))
}

fn remove(key: &[u8]) -> Operation {
    (Bytes::copy_from_slice(key), None)
}

fn pairs(engine: &dyn Engine, start: &[u8], end: &[u8], reverse: bool) -> Vec<(Bytes, Bytes)> {
    let mut pairs = Vec::new();
    expect(engine.range(start, end, reverse, &mut |key, value| {
        pairs.push((Bytes::copy_from_slice(key), Bytes::copy_from_slice(value)));
        Ok(ControlFlow::Continue(()))
    }));
    pairs
}

fn keys(engine: &dyn Engine, start: &[u8], end: &[u8], reverse: bool) -> Vec<Bytes> {
    pairs(engine, start, end, reverse).into_iter().map(|(key, _)| key).collect()
}

fn expect<T>(outcome: Result<T>) -> T {
    match outcome {
        Ok(value) => value,
        Err(error) => panic!("the engine failed: {error:?}"),
    }
}

/// A small generator (splitmix64), so that the suite needs no dependency and always plays the same.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((mixed ^ (mixed >> 31)) % limit.max(1) as u64).unwrap_or(0)
    }
}
