//! Typed ids: a UUIDv7 that knows what it identifies, so that a case's id is never taken for an area's.
//!
//! Ids are made from the caller's clock, so records with ids cluster by the time they were made. An id is the only
//! key of a record; national codes and human numbers are attributes that may change.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;

use uuid::Uuid;

use crate::{Error, Result, Time};

/// A kind of thing that has ids and a resource name such as `areas/0198…`.
pub trait Resource {
    /// The collection part of the name, plural: `areas`.
    const COLLECTION: &'static str;
}

/// The id of one `R`.
pub struct Id<R>(Uuid, PhantomData<fn() -> R>);

impl<R: Resource> Id<R> {
    /// Makes a new id for something that begins to exist at `now`. Ids made later sort later, to the millisecond;
    /// within one millisecond the order is arbitrary but fixed.
    pub fn generate(now: Time) -> Self {
        let micros = now.micros().max(0).unsigned_abs();
        let nanos = u32::try_from(micros % 1_000_000).unwrap_or(0) * 1_000;
        let timestamp = uuid::Timestamp::from_unix(uuid::NoContext, micros / 1_000_000, nanos);
        Self(Uuid::new_v7(timestamp), PhantomData)
    }

    /// The smallest id that anything made at `time` or later can have: for ranges over time.
    pub fn first_at(time: Time) -> Self {
        let millis = u64::try_from(time.micros().max(0) / 1_000).unwrap_or(0);
        let mut bytes = [0; 16];
        bytes[..6].copy_from_slice(&millis.to_be_bytes()[2..]);
        Self::from_bytes(bytes)
    }

    /// The id with these bytes.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(Uuid::from_bytes(bytes), PhantomData)
    }

    /// The 16 bytes; their order is the order of ids.
    pub const fn bytes(&self) -> [u8; 16] {
        *self.0.as_bytes()
    }

    /// Reads an id from stored bytes.
    pub fn from_slice(bytes: &[u8]) -> Result<Self> {
        let bytes = bytes.try_into().map_err(|_| Error::internal("a stored id does not have 16 bytes"))?;
        Ok(Self::from_bytes(bytes))
    }

    /// The resource name: `areas/0198b1c2-…`.
    pub fn name(&self) -> String {
        format!("{}/{}", R::COLLECTION, self.0.hyphenated())
    }

    /// Reads a resource name. The error says what a right one looks like.
    pub fn parse_name(name: &str) -> Result<Self, String> {
        name.strip_prefix(R::COLLECTION)
            .and_then(|rest| rest.strip_prefix('/'))
            .and_then(|id| Uuid::try_parse(id).ok())
            .map(|uuid| Self(uuid, PhantomData))
            .ok_or_else(|| format!("must be a name like {0}/0198b1c2-7a3e-7cc1-9c7e-2f6d3a1b4c5d", R::COLLECTION))
    }
}

// Written out, because derives would ask the same of `R`, which is only a label.
impl<R> Clone for Id<R> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<R> Copy for Id<R> {}
impl<R> PartialEq for Id<R> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}
impl<R> Eq for Id<R> {}
impl<R> PartialOrd for Id<R> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl<R> Ord for Id<R> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.cmp(&other.0)
    }
}
impl<R> Hash for Id<R> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}
impl<R> fmt::Display for Id<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}
impl<R: Resource> fmt::Debug for Id<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Thing;
    impl Resource for Thing {
        const COLLECTION: &'static str = "things";
    }

    #[test]
    fn a_name_is_read_back_and_another_collection_is_not() {
        let id = Id::<Thing>::generate(Time::from_micros(1_700_000_000_000_000));
        assert_eq!(Id::<Thing>::parse_name(&id.name()), Ok(id));
        assert!(Id::<Thing>::parse_name(&id.name().replace("things", "areas")).is_err());
        assert!(Id::<Thing>::parse_name("things/").is_err());
    }

    #[test]
    fn ids_sort_by_the_time_they_were_made() {
        let early = Id::<Thing>::generate(Time::from_micros(1_700_000_000_000_000));
        let late = Id::<Thing>::generate(Time::from_micros(1_700_000_000_001_000));
        assert!(early < late);
        assert!(Id::<Thing>::first_at(Time::from_micros(1_700_000_000_001_000)) <= late);
        assert!(Id::<Thing>::first_at(Time::from_micros(1_700_000_000_001_000)) > early);
    }
}
