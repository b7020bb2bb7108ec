//! The numbered keyspaces: what the first byte of a stored key means, and how each kind of key is laid out.
//!
//! ```text
//! 0 info         name                          what the index knows of itself (identity, mark); never in the journal
//! 1 records      table:u16  primary key        format byte, protobuf
//! 2 indexes      index:u16  entry  primary key length of the primary key: u16
//! 3 index state  kind:u8    number:u16         1 when the index (kind 0) or aggregate (kind 1) is complete
//! 4 aggregates   aggregate:u16  group          total: i64
//! 5 requests     principal  id:16              answer of a write that is made once
//! 6 operations   reserved for long-running operations
//! ```
//! Numbers are never reused: a retired one stays in this list.

use base::{Error, Kind, Result};

use crate::key::Key;

pub(crate) const INFO: u8 = 0;
pub(crate) const RECORDS: u8 = 1;
pub(crate) const INDEXES: u8 = 2;
pub(crate) const INDEX_STATE: u8 = 3;
pub(crate) const AGGREGATES: u8 = 4;
pub(crate) const REQUESTS: u8 = 5;

/// Bytes before the part of a record, index or aggregate key that its definition decides.
pub(crate) const HEADER: usize = 3;

/// Whose derived data a state key speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Derived {
    Index = 0,
    Aggregate = 1,
}

pub(crate) fn record(table: u16, primary: &[u8]) -> Vec<u8> {
    header(RECORDS, table, primary)
}

pub(crate) fn index(index: u16, entry: &[u8]) -> Vec<u8> {
    header(INDEXES, index, entry)
}

pub(crate) fn aggregate(aggregate: u16, group: &[u8]) -> Vec<u8> {
    header(AGGREGATES, aggregate, group)
}

pub(crate) fn index_state(kind: Derived, number: u16) -> Vec<u8> {
    Key::new().u8(INDEX_STATE).u8(kind as u8).u16(number).into_bytes()
}

pub(crate) fn request(principal: &str, id: &[u8; 16]) -> Vec<u8> {
    Key::new().u8(REQUESTS).text(principal).raw(id).into_bytes()
}

pub(crate) fn info(name: &str) -> Vec<u8> {
    Key::new().u8(INFO).raw(name.as_bytes()).into_bytes()
}

fn header(keyspace: u8, number: u16, rest: &[u8]) -> Vec<u8> {
    let mut key = Vec::with_capacity(HEADER + rest.len());
    key.push(keyspace);
    key.extend_from_slice(&number.to_be_bytes());
    key.extend_from_slice(rest);
    key
}

/// The entry of an index for one record: the part its definition gave, then the primary key; and the value, which
/// says where the primary key begins.
pub(crate) fn index_entry(number: u16, entry: &[u8], primary: &[u8]) -> Result<(Vec<u8>, [u8; 2])> {
    let length = u16::try_from(primary.len())
        .map_err(|_| Error::internal(format!("a primary key of {} bytes is longer than 65,535", primary.len())))?;
    let mut key = index(number, entry);
    key.extend_from_slice(primary);
    Ok((key, length.to_be_bytes()))
}

/// The primary key at the end of an index entry.
pub(crate) fn primary_of<'a>(entry: &'a [u8], value: &[u8]) -> Result<&'a [u8]> {
    <[u8; 2]>::try_from(value)
        .ok()
        .and_then(|length| entry.len().checked_sub(usize::from(u16::from_be_bytes(length))))
        .map(|start| &entry[start..])
        .ok_or_else(|| Error::new(Kind::Corrupt, "MALFORMED_INDEX", "an index entry does not hold its primary key"))
}

/// Reads the total of an aggregate's group.
pub(crate) fn total(value: &[u8]) -> Result<i64> {
    <[u8; 8]>::try_from(value).map(i64::from_be_bytes).map_err(|_| {
        Error::new(Kind::Corrupt, "MALFORMED_AGGREGATE", "the total of an aggregate's group does not have 8 bytes")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_of_every_keyspace_are_pinned() {
        assert_eq!(info("mark"), b"\x00mark");
        assert_eq!(record(0x0102, b"pk"), b"\x01\x01\x02pk");
        assert_eq!(index_entry(3, b"e", b"pk").unwrap(), (b"\x02\x00\x03epk".to_vec(), [0, 2]));
        assert_eq!(index_state(Derived::Index, 5), [3, 0, 0, 5]);
        assert_eq!(index_state(Derived::Aggregate, 5), [3, 1, 0, 5]);
        assert_eq!(aggregate(9, b"g"), b"\x04\x00\x09g");
        assert_eq!(request("li", &[7; 16]), [&[5, b'l', b'i', 0, 1][..], &[7; 16]].concat());
    }

    #[test]
    fn the_primary_key_is_found_at_the_end_of_an_entry() {
        assert_eq!(primary_of(b"entry-pk", &[0, 2]).unwrap(), b"pk");
        assert!(primary_of(b"pk", &[0, 3]).is_err());
        assert!(primary_of(b"pk", &[3]).is_err());
    }
}
