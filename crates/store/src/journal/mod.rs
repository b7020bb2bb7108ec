//! The journal: every transaction, in order, in files that are only appended to. It is the truth of a store.
//!
//! [`Journal`] is what everybody may read. Only the committer appends, through its [`Writer`].

pub(crate) mod frame;
mod recovery;
pub(crate) mod segment;
mod writer;

use std::path::PathBuf;
use std::sync::Arc;

use base::{Error, Kind, Result, Time};
use bytes::Bytes;
use parking_lot::RwLock;

use self::frame::{Frame, Place};
use self::segment::Segment;
use crate::Sequence;
use crate::disk::{self, Disk};
use crate::feed::Entry;

pub(crate) use recovery::{Opening, create, missing, open};
pub(crate) use writer::{AppendFailure, Writer};

/// The segments of the journal, for reading.
#[derive(Debug)]
pub(crate) struct Journal {
    disk: Arc<dyn Disk>,
    directory: PathBuf,
    identity: [u8; 16],
    /// Ascending; there is always at least one, and only the last one grows.
    segments: RwLock<Vec<Segment>>,
}

impl Journal {
    /// The last sequence that is durable.
    pub(crate) fn end(&self) -> Sequence {
        self.segments.read().last().map_or(0, |segment| segment.last)
    }

    /// The first sequence that is still there.
    pub(crate) fn start(&self) -> Sequence {
        self.segments.read().first().map_or(1, |segment| segment.base)
    }

    /// Bytes in all segments that were read or written.
    pub(crate) fn bytes(&self) -> u64 {
        self.segments.read().iter().map(|segment| segment.length).sum()
    }

    /// At most `max` entries strictly after a cursor and not after the head.
    pub(crate) fn read(&self, (after, head): (Sequence, Sequence), max: usize) -> Result<Vec<Entry>> {
        let mut entries = Vec::new();
        self.walk(after, &mut |frame| {
            let ends = frame.entries.last().is_some_and(|entry| entry.sequence >= head);
            let wanted = frame.entries.into_iter().filter(|entry| entry.sequence > after && entry.sequence <= head);
            entries.extend(wanted.take(max - entries.len()));
            Ok(!ends && entries.len() < max)
        })?;
        Ok(entries)
    }

    /// Visits every durable frame that holds a sequence after the cursor, in order, until the visitor answers false.
    /// Every frame is checked as it is read.
    pub(crate) fn walk(&self, after: Sequence, visit: &mut dyn FnMut(Frame) -> Result<bool>) -> Result<()> {
        self.walk_payloads(after, &mut |payload| {
            let frame = frame::decode(payload)
                .ok_or_else(|| Error::new(Kind::Corrupt, "JOURNAL_MALFORMED", "a frame of the journal is malformed"))?;
            visit(frame)
        })
    }

    /// The same, without taking the frames apart.
    pub(crate) fn walk_payloads(&self, after: Sequence, visit: &mut dyn FnMut(&Bytes) -> Result<bool>) -> Result<()> {
        let start = self.start();
        if after.saturating_add(1) < start {
            let message = format!(
                "the journal no longer holds what followed transaction {after}; it begins with {start}. List again \
                 and watch from the list's cursor"
            );
            return Err(Error::new(Kind::Expired, "CURSOR_COMPACTED", message).with("oldest", start));
        }
        let mut next = after + 1;
        while let Some(segment) = self.segment_with(next)? {
            if !self.walk_segment(&segment, next, visit)? {
                return Ok(());
            }
            next = segment.last + 1;
        }
        Ok(())
    }

    /// The segment that holds a sequence; none when it does not exist yet. A segment that was not read since the
    /// start is read now.
    fn segment_with(&self, sequence: Sequence) -> Result<Option<Segment>> {
        let (mut segment, is_last) = {
            let segments = self.segments.read();
            let after = segments.partition_point(|segment| segment.base <= sequence);
            let Some(place) = after.checked_sub(1) else { return Ok(None) };
            (segments[place].clone(), after == segments.len())
        };
        if !segment.is_read() && !is_last {
            segment = self.check(&segment)?;
        }
        Ok((segment.last >= sequence).then_some(segment))
    }

    /// Reads a whole segment that is not the last, and remembers what was found.
    fn check(&self, segment: &Segment) -> Result<Segment> {
        let scanned =
            segment::scan(&*self.disk, &segment.path, self.identity, segment.base, false, &mut |_, _| Ok(()))?;
        if let Some(known) = self.segments.write().iter_mut().find(|known| known.base == segment.base) {
            if known.last != scanned.segment.last {
                let what = format!("the file ends at {} and should end at {}", scanned.segment.last, known.last);
                return Err(segment::damaged(&segment.path, scanned.segment.length, &what));
            }
            known.clone_from(&scanned.segment);
        }
        Ok(scanned.segment)
    }

    /// Checks every segment from end to end; answers how many transactions they hold.
    pub(crate) fn check_all(&self, progress: &mut dyn FnMut(u64)) -> Result<u64> {
        let segments = self.segments.read().clone();
        let mut transactions = 0;
        for (place, segment) in segments.iter().enumerate() {
            if place + 1 < segments.len() {
                self.check(segment)?;
            }
            transactions += segment.last + 1 - segment.base;
            progress(segment.length);
        }
        Ok(transactions)
    }

    fn walk_segment(
        &self,
        segment: &Segment,
        next: Sequence,
        visit: &mut dyn FnMut(&Bytes) -> Result<bool>,
    ) -> Result<bool> {
        let path = &segment.path;
        let file = self.disk.open(path, false).map_err(|error| {
            // It may have been removed between the look at the list and now.
            if self.start() > next { expired(next) } else { disk::failed("open", path, error) }
        })?;
        let failed = |error| disk::failed("read", path, error);
        let mut offset = segment.offset_before(next);
        while offset < segment.length {
            let mut head = [0; frame::HEAD];
            let read = file.read_at(&mut head, offset).map_err(failed)?;
            let bad = || segment::damaged(path, offset, "a frame does not match its checksum");
            let (length, crc) = frame::head(&head[..read]).ok_or_else(bad)?;
            if offset + (frame::HEAD + length) as u64 > segment.length {
                return Err(bad());
            }
            let mut payload = vec![0; length];
            file.read_at(&mut payload, offset + frame::HEAD as u64).map_err(failed)?;
            let place = Place { identity: self.identity, segment: segment.base, offset };
            let summary = frame::summary(&payload).filter(|_| frame::crc(&payload, place) == crc).ok_or_else(bad)?;
            if summary.last >= next && !visit(&payload.into())? {
                return Ok(false);
            }
            offset += (frame::HEAD + length) as u64;
        }
        Ok(true)
    }

    /// Removes the oldest segments whose every transaction is covered by a snapshot (`sequence <= covered`) and was
    /// made before `before`. The last segment always stays. Answers how many were removed.
    pub(crate) fn compact(&self, covered: Sequence, before: Time) -> Result<usize> {
        let mut removed = 0;
        loop {
            let oldest = {
                let segments = self.segments.read();
                match &segments[..] {
                    [oldest, _, ..] if oldest.last <= covered => oldest.clone(),
                    _ => break,
                }
            };
            let oldest = if oldest.is_read() { oldest } else { self.check(&oldest)? };
            if oldest.time.is_some_and(|time| time >= before) {
                break;
            }
            // First out of the list, so that no reader begins with it.
            self.segments.write().remove(0);
            // One after another: were a newer one gone after a power cut and an older one not, there would be a gap.
            let gone = self.disk.remove(&oldest.path).and_then(|()| self.disk.sync_directory(&self.directory));
            gone.map_err(|error| disk::failed("remove", &oldest.path, error))?;
            removed += 1;
        }
        Ok(removed)
    }
}

fn expired(sequence: Sequence) -> Error {
    let message = format!("the journal no longer holds transaction {sequence}; list again and watch from there");
    Error::new(Kind::Expired, "CURSOR_COMPACTED", message)
}
