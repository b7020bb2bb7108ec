//! Keys: order-preserving tuples of plain values.
//!
//! The bytes of two keys compare as their elements do, one after another, so a list in a useful order is a range of
//! keys. Nothing here knows tables or keyspaces, and nothing is self-describing: who reads a key knows its elements.
//! The bytes are pinned by golden tests, because they are on disk.

use base::{AreaPath, Error, Id, Kind, Resource, Result, Time};

/// A key under construction, or finished. Each method appends one element.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(Vec<u8>);

/// Ends a text inside a key; sorts before every escaped or ordinary byte that could follow.
const TEXT_END: [u8; 2] = [0x00, 0x01];
/// Stands for a zero byte inside a text.
const TEXT_ZERO: [u8; 2] = [0x00, 0xFF];

impl Key {
    /// The empty key: the prefix of every key.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Appends one byte, such as a state or a flag.
    #[must_use]
    pub fn u8(mut self, value: u8) -> Self {
        self.0.push(value);
        self
    }

    /// Appends two bytes.
    #[must_use]
    pub fn u16(self, value: u16) -> Self {
        self.raw(&value.to_be_bytes())
    }

    /// Appends four bytes.
    #[must_use]
    pub fn u32(self, value: u32) -> Self {
        self.raw(&value.to_be_bytes())
    }

    /// Appends eight bytes.
    #[must_use]
    pub fn u64(self, value: u64) -> Self {
        self.raw(&value.to_be_bytes())
    }

    /// Appends eight bytes; negative numbers sort before positive ones.
    #[must_use]
    pub fn i64(self, value: i64) -> Self {
        self.u64(value.cast_unsigned() ^ (1 << 63))
    }

    /// Appends the 16 bytes of an id: ids sort by the time they were made.
    #[must_use]
    pub fn id<R: Resource>(self, id: Id<R>) -> Self {
        self.raw(&id.bytes())
    }

    /// Appends a time, to the microsecond.
    #[must_use]
    pub fn time(self, time: Time) -> Self {
        self.i64(time.micros())
    }

    /// Appends a text as a whole element: `a` sorts before `ab` whatever follows in the key.
    #[must_use]
    pub fn text(self, text: &str) -> Self {
        self.bytes(text.as_bytes())
    }

    /// Appends bytes of any length as a whole element, as [`Key::text`] does.
    #[must_use]
    pub fn bytes(mut self, bytes: &[u8]) -> Self {
        for &byte in bytes {
            if byte == 0 {
                self.0.extend_from_slice(&TEXT_ZERO);
            } else {
                self.0.push(byte);
            }
        }
        self.raw(&TEXT_END)
    }

    /// Appends an area's path as a whole element: only this very area matches it. An area sorts before its descendants.
    #[must_use]
    pub fn path(self, path: &AreaPath) -> Self {
        self.subtree(path).raw(&[0, 0])
    }

    /// Appends an area's path as a prefix: the area and everything below it begins with this. Only as the last
    /// element of a scan's prefix, against keys that hold [`Key::path`] there.
    #[must_use]
    pub fn subtree(mut self, path: &AreaPath) -> Self {
        for ordinal in path.ordinals() {
            self.0.extend_from_slice(&ordinal.to_be_bytes());
        }
        self
    }

    /// Appends bytes as they are. They must have a fixed length or be the last element, or order is lost.
    #[must_use]
    pub fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The bytes, owned.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

impl From<Vec<u8>> for Key {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

/// Reads the elements of a key in the order in which they were appended. A key that does not have the element asked
/// for is answered with `Corrupt`, because keys come from the store.
#[derive(Clone, Debug)]
pub struct KeyReader<'a>(&'a [u8]);

impl<'a> KeyReader<'a> {
    /// Reads from the first element on.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Reads one byte.
    pub fn u8(&mut self) -> Result<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    /// Reads two bytes.
    pub fn u16(&mut self) -> Result<u16> {
        self.array().map(u16::from_be_bytes)
    }

    /// Reads four bytes.
    pub fn u32(&mut self) -> Result<u32> {
        self.array().map(u32::from_be_bytes)
    }

    /// Reads eight bytes.
    pub fn u64(&mut self) -> Result<u64> {
        self.array().map(u64::from_be_bytes)
    }

    /// Reads what [`Key::i64`] wrote.
    pub fn i64(&mut self) -> Result<i64> {
        self.u64().map(|value| (value ^ (1 << 63)).cast_signed())
    }

    /// Reads an id.
    pub fn id<R: Resource>(&mut self) -> Result<Id<R>> {
        self.array().map(Id::from_bytes)
    }

    /// Reads a time.
    pub fn time(&mut self) -> Result<Time> {
        self.i64().map(Time::from_micros)
    }

    /// Reads a text.
    pub fn text(&mut self) -> Result<String> {
        String::from_utf8(self.bytes()?).map_err(|wrong| malformed().caused_by(wrong))
    }

    /// Reads bytes of any length that [`Key::bytes`] wrote.
    pub fn bytes(&mut self) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        loop {
            match self.u8()? {
                0 => match self.u8()? {
                    0x01 => return Ok(bytes),
                    0xFF => bytes.push(0),
                    _ => return Err(malformed()),
                },
                byte => bytes.push(byte),
            }
        }
    }

    /// Reads an area's path that [`Key::path`] wrote.
    pub fn path(&mut self) -> Result<AreaPath> {
        let mut path = AreaPath::ROOT;
        loop {
            match self.u16()? {
                0 => return Ok(path),
                ordinal => path = path.child(ordinal).map_err(|wrong| malformed().caused_by(wrong))?,
            }
        }
    }

    /// Everything that was not read yet.
    pub const fn rest(&self) -> &'a [u8] {
        self.0
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let (array, rest) = self.0.split_first_chunk().ok_or_else(malformed)?;
        self.0 = rest;
        Ok(*array)
    }
}

/// The first key after all keys that begin with `prefix`; `None` when no key can sort after them.
pub fn prefix_end(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|&byte| byte != 0xFF)?;
    let mut end = prefix[..=last].to_vec();
    end[last] += 1;
    Some(end)
}

fn malformed() -> Error {
    Error::new(Kind::Corrupt, "MALFORMED_KEY", "a stored key does not have the elements its table expects")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_bytes_of_every_element_are_pinned() {
        let path = AreaPath::ROOT.child(1).unwrap().child(0x0203).unwrap();
        assert_eq!(Key::new().u8(7).u16(0x0102).u32(3).as_bytes(), [7, 1, 2, 0, 0, 0, 3]);
        assert_eq!(Key::new().u64(5).as_bytes(), [0, 0, 0, 0, 0, 0, 0, 5]);
        assert_eq!(Key::new().i64(-1).as_bytes(), [0x7F, 255, 255, 255, 255, 255, 255, 255]);
        assert_eq!(Key::new().i64(1).as_bytes(), [0x80, 0, 0, 0, 0, 0, 0, 1]);
        assert_eq!(Key::new().text("a\0b").as_bytes(), [b'a', 0, 0xFF, b'b', 0, 1]);
        assert_eq!(Key::new().path(&path).as_bytes(), [0, 1, 2, 3, 0, 0]);
        assert_eq!(Key::new().subtree(&path).as_bytes(), [0, 1, 2, 3]);
        assert_eq!(Key::new().time(Time::from_micros(2)).as_bytes(), [0x80, 0, 0, 0, 0, 0, 0, 2]);
    }

    #[test]
    fn the_end_of_a_prefix_carries_over_full_bytes() {
        assert_eq!(prefix_end(&[1, 2]), Some(vec![1, 3]));
        assert_eq!(prefix_end(&[1, 0xFF, 0xFF]), Some(vec![2]));
        assert_eq!(prefix_end(&[0xFF]), None);
        assert_eq!(prefix_end(&[]), None);
    }

    #[test]
    fn a_short_or_strange_key_is_refused_and_not_guessed() {
        assert!(KeyReader::new(&[1]).u16().is_err());
        assert!(KeyReader::new(b"abc").text().is_err());
        assert!(KeyReader::new(&[b'a', 0, 7]).bytes().is_err());
        assert!(KeyReader::new(&[0, 1]).path().is_err());
    }

    fn paths() -> impl Strategy<Value = AreaPath> {
        proptest::collection::vec(1u16.., 0..6)
            .prop_map(|ordinals| ordinals.iter().fold(AreaPath::ROOT, |path, &ordinal| path.child(ordinal).unwrap()))
    }

    fn tuples() -> impl Strategy<Value = (AreaPath, String, i64, Vec<u8>, u16)> {
        // Few different bytes, so that common prefixes and zero bytes are met often.
        let bytes = proptest::collection::vec(prop_oneof![Just(0u8), Just(1), Just(0xFF), any::<u8>()], 0..5);
        (paths(), "[\0ab\u{7f}风]{0,4}", any::<i64>(), bytes, any::<u16>())
    }

    fn encode((path, text, number, bytes, tail): &(AreaPath, String, i64, Vec<u8>, u16)) -> Key {
        Key::new().path(path).text(text).i64(*number).bytes(bytes).u16(*tail)
    }

    proptest! {
        #[test]
        fn keys_sort_as_their_tuples_do(a in tuples(), b in tuples()) {
            prop_assert_eq!(encode(&a).cmp(&encode(&b)), a.cmp(&b));
        }

        #[test]
        fn keys_are_read_back(tuple in tuples()) {
            let key = encode(&tuple);
            let mut reader = KeyReader::new(key.as_bytes());
            let back = (reader.path().unwrap(), reader.text().unwrap(), reader.i64().unwrap(),
                        reader.bytes().unwrap(), reader.u16().unwrap());
            prop_assert_eq!(back, tuple);
            prop_assert!(reader.rest().is_empty());
        }

        #[test]
        fn a_subtree_is_the_prefix_of_exactly_the_paths_within_it(a in paths(), b in paths()) {
            let inside = Key::new().path(&a).as_bytes().starts_with(Key::new().subtree(&b).as_bytes());
            prop_assert_eq!(inside, a.is_within(&b));
        }
    }
}
