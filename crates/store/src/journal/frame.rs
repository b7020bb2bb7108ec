//! The bytes of one frame: a group of transactions that share one sync.
//!
//! ```text
//! frame       marker:4  length:u32  crc:u32  payload
//! payload     first sequence:u64  transactions:u32  time of the last one:i64
//!             transactions { time:i64  principal  method  changes:u32 { table:u16  key  before  after } }
//!             operations:u32 { key  value }
//! ```
//! Texts, keys and values are a length (u32) and bytes; a value that may be absent has its length plus one, or zero.
//! The CRC also covers which store, which segment and which offset the frame is in, so a frame that was copied
//! elsewhere (or that sits inside a value) is not valid there. Operations are absolute, and leave out the records:
//! those follow from the changes.

use base::Time;
use bytes::Bytes;

use crate::Sequence;
use crate::engine::Operation;
use crate::feed::{Change, Entry};

/// Begins every frame; looked for when the place where a frame should be holds none.
pub(crate) const MARKER: [u8; 4] = [0xF7, b'W', b'G', 0x91];
/// Bytes before the payload.
pub(crate) const HEAD: usize = 12;
/// Bytes of the payload that say which transactions it holds.
const SUMMARY: usize = 20;

/// Where a frame is: part of what its CRC covers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) identity: [u8; 16],
    pub(crate) segment: Sequence,
    pub(crate) offset: u64,
}

/// Which transactions a frame holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Summary {
    pub(crate) first: Sequence,
    pub(crate) last: Sequence,
    /// When the last one was made.
    pub(crate) time: Time,
}

/// A frame that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) entries: Vec<Entry>,
    pub(crate) operations: Vec<Operation>,
}

/// Writes the payload of a group. The entries' sequences follow each other.
pub(crate) fn encode<'a>(
    entries: &[Entry],
    operations: impl ExactSizeIterator<Item = (&'a Bytes, Option<&'a Bytes>)>,
) -> Vec<u8> {
    let mut out = Writer(Vec::with_capacity(4096));
    out.u64(entries.first().map_or(0, |entry| entry.sequence));
    out.count(entries.len());
    out.time(entries.last().map_or(Time::default(), |entry| entry.time));
    for entry in entries {
        out.time(entry.time);
        out.bytes(entry.principal.as_bytes());
        out.bytes(entry.method.as_bytes());
        out.count(entry.changes.len());
        for change in &entry.changes {
            out.0.extend_from_slice(&change.table.to_be_bytes());
            out.bytes(&change.key);
            out.optional(change.before.as_ref());
            out.optional(change.after.as_ref());
        }
    }
    out.count(operations.len());
    for (key, value) in operations {
        out.bytes(key);
        out.optional(value);
    }
    out.0
}

/// Puts the head before a payload.
pub(crate) fn seal(payload: &[u8], place: Place) -> Vec<u8> {
    let mut frame = Vec::with_capacity(HEAD + payload.len());
    frame.extend_from_slice(&MARKER);
    frame.extend_from_slice(&count(payload.len()).to_be_bytes());
    frame.extend_from_slice(&crc(payload, place).to_be_bytes());
    frame.extend_from_slice(payload);
    frame
}

/// The length and CRC that a head gives, if it is one.
pub(crate) fn head(bytes: &[u8]) -> Option<(usize, u32)> {
    let (marker, rest) = bytes.split_first_chunk::<4>()?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let (crc, _) = rest.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    (*marker == MARKER && length >= SUMMARY).then_some((length, u32::from_be_bytes(*crc)))
}

/// The payload of the frame at the beginning of `bytes`, if a whole and undamaged one is there.
pub(crate) fn open(bytes: &Bytes, place: Place) -> Option<Bytes> {
    let (length, expected) = head(bytes)?;
    let payload = bytes.get(HEAD..HEAD.checked_add(length)?)?;
    (crc(payload, place) == expected).then(|| bytes.slice(HEAD..HEAD + length))
}

/// The checksum of a payload in its place.
pub(crate) fn crc(payload: &[u8], place: Place) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&place.identity);
    hasher.update(&place.segment.to_be_bytes());
    hasher.update(&place.offset.to_be_bytes());
    hasher.update(&count(payload.len()).to_be_bytes());
    hasher.update(payload);
    hasher.finalize()
}

/// Which transactions a payload holds.
pub(crate) fn summary(payload: &[u8]) -> Option<Summary> {
    let mut reader = Reader(Bytes::copy_from_slice(payload.get(..SUMMARY)?));
    let first = reader.u64()?;
    let last = first.checked_add(u64::from(reader.u32()?))?.checked_sub(1)?;
    Some(Summary { first, last, time: reader.time()? })
}

/// Reads a payload; `None` when it is malformed, which its CRC makes all but impossible.
pub(crate) fn decode(payload: &Bytes) -> Option<Frame> {
    let mut reader = Reader(payload.clone());
    let first = reader.u64()?;
    let count = reader.u32()?;
    reader.time()?;
    let mut entries = Vec::new();
    for place in 0..count {
        entries.push(decode_entry(&mut reader, first + u64::from(place))?);
    }
    let count = reader.u32()?;
    let mut operations = Vec::new();
    for _ in 0..count {
        operations.push((reader.bytes()?, reader.optional()?));
    }
    reader.0.is_empty().then_some(Frame { entries, operations })
}

fn decode_entry(reader: &mut Reader, sequence: Sequence) -> Option<Entry> {
    let time = reader.time()?;
    let principal = String::from_utf8(reader.bytes()?.into()).ok()?;
    let method = String::from_utf8(reader.bytes()?.into()).ok()?;
    let mut changes = Vec::new();
    for _ in 0..reader.u32()? {
        let table = reader.u16()?;
        changes.push(Change { table, key: reader.bytes()?, before: reader.optional()?, after: reader.optional()? });
    }
    Some(Entry { sequence, time, principal, method, changes })
}

fn count(length: usize) -> u32 {
    // Nothing comes near it: a transaction is refused long before (see `committer::TRANSACTION_BYTES_MAX`).
    u32::try_from(length).unwrap_or(u32::MAX)
}

struct Writer(Vec<u8>);

impl Writer {
    fn u64(&mut self, value: u64) {
        self.0.extend_from_slice(&value.to_be_bytes());
    }

    fn count(&mut self, length: usize) {
        self.0.extend_from_slice(&count(length).to_be_bytes());
    }

    fn time(&mut self, time: Time) {
        self.0.extend_from_slice(&time.micros().to_be_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.count(bytes.len());
        self.0.extend_from_slice(bytes);
    }

    fn optional(&mut self, bytes: Option<&Bytes>) {
        match bytes {
            None => self.count(0),
            Some(bytes) => {
                self.count(bytes.len() + 1);
                self.0.extend_from_slice(bytes);
            }
        }
    }
}

struct Reader(Bytes);

impl Reader {
    fn take(&mut self, length: usize) -> Option<Bytes> {
        (length <= self.0.len()).then(|| self.0.split_to(length))
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.as_ref().try_into().ok()
    }

    fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_be_bytes)
    }

    fn time(&mut self) -> Option<Time> {
        self.array().map(i64::from_be_bytes).map(Time::from_micros)
    }

    fn bytes(&mut self) -> Option<Bytes> {
        let length = self.u32()?;
        self.take(usize::try_from(length).ok()?)
    }

    fn optional(&mut self) -> Option<Option<Bytes>> {
        match self.u32()? {
            0 => Some(None),
            length => self.take(usize::try_from(length - 1).ok()?).map(Some),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    const PLACE: Place = Place { identity: [3; 16], segment: 1, offset: 36 };

    fn bytes() -> impl Strategy<Value = Bytes> {
        vec(any::<u8>(), 0..12).prop_map(Bytes::from)
    }

    fn changes() -> impl Strategy<Value = Vec<Change>> {
        let change = (any::<u16>(), bytes(), proptest::option::of(bytes()), proptest::option::of(bytes()));
        vec(change.prop_map(|(table, key, before, after)| Change { table, key, before, after }), 0..4)
    }

    fn frames() -> impl Strategy<Value = Frame> {
        let entry = (any::<i64>(), ".{0,5}", "[a-zA-Z.]{0,9}", changes());
        let operations = vec((bytes(), proptest::option::of(bytes())), 0..5);
        (1..u64::from(u32::MAX), vec(entry, 1..5), operations).prop_map(|(first, entries, operations)| {
            let entries = (first..).zip(entries).map(|(sequence, (time, principal, method, changes))| Entry {
                sequence,
                time: Time::from_micros(time),
                principal,
                method,
                changes,
            });
            Frame { entries: entries.collect(), operations }
        })
    }

    fn payload(frame: &Frame) -> Bytes {
        encode(&frame.entries, frame.operations.iter().map(|(key, value)| (key, value.as_ref()))).into()
    }

    proptest! {
        #[test]
        fn a_frame_is_read_back(frame in frames()) {
            let payload = payload(&frame);
            let sealed = Bytes::from(seal(&payload, PLACE));
            prop_assert_eq!(open(&sealed, PLACE), Some(payload.clone()));
            prop_assert_eq!(summary(&payload).unwrap().first, frame.entries[0].sequence);
            prop_assert_eq!(summary(&payload).unwrap().last, frame.entries.last().unwrap().sequence);
            prop_assert_eq!(decode(&payload), Some(frame));
        }

        #[test]
        fn a_flipped_bit_or_a_missing_end_is_noticed(frame in frames(), place in any::<prop::sample::Index>(), bit in 0..8_u32) {
            let sealed = seal(&payload(&frame), PLACE);
            let place = place.index(sealed.len());
            let mut flipped = sealed.clone();
            flipped[place] ^= 1_u8 << bit;
            prop_assert_eq!(open(&Bytes::from(flipped), PLACE), None);
            prop_assert_eq!(open(&Bytes::copy_from_slice(&sealed[..place]), PLACE), None);
        }

        #[test]
        fn a_malformed_payload_is_refused_without_panic(bytes in vec(any::<u8>(), 0..200)) {
            let _ = decode(&Bytes::from(bytes));
        }
    }

    #[test]
    fn a_frame_is_valid_only_where_it_was_written() {
        let sealed = Bytes::from(seal(&[0; SUMMARY], PLACE));
        assert!(open(&sealed, PLACE).is_some());
        assert!(open(&sealed, Place { offset: 37, ..PLACE }).is_none());
        assert!(open(&sealed, Place { segment: 2, ..PLACE }).is_none());
        assert!(open(&sealed, Place { identity: [4; 16], ..PLACE }).is_none());
    }

    #[test]
    fn the_bytes_of_a_frame_are_pinned() {
        let change =
            Change { table: 2, key: Bytes::from_static(b"k"), before: None, after: Some(Bytes::from_static(b"v")) };
        let entry = Entry {
            sequence: 5,
            time: Time::from_micros(1),
            principal: "p".into(),
            method: "m".into(),
            changes: vec![change],
        };
        let operation = (Bytes::from_static(b"o"), None);
        let payload = payload(&Frame { entries: vec![entry], operations: vec![operation] });
        #[rustfmt::skip]
        let expected = [
            0, 0, 0, 0, 0, 0, 0, 5,  0, 0, 0, 1,  0, 0, 0, 0, 0, 0, 0, 1,
            0, 0, 0, 0, 0, 0, 0, 1,  0, 0, 0, 1, b'p',  0, 0, 0, 1, b'm',
            0, 0, 0, 1,  0, 2,  0, 0, 0, 1, b'k',  0, 0, 0, 0,  0, 0, 0, 2, b'v',
            0, 0, 0, 1,  0, 0, 0, 1, b'o',  0, 0, 0, 0,
        ];
        assert_eq!(payload.as_ref(), expected);
    }
}
