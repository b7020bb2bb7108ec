//! One file of the journal: a header, then frames.
//!
//! ```text
//! name     00000000000000000042.journal          the first sequence that can be in it
//! header   magic:8  identity:16  base:u64  crc:u32
//! ```

use std::path::{Path, PathBuf};

use base::{Error, Kind, Result, Time};
use bytes::Bytes;

use super::frame::{self, Place};
use crate::Sequence;
use crate::disk::{self, Disk};

const MAGIC: [u8; 8] = *b"WANGGEJ1";
/// Bytes before the first frame.
pub(crate) const HEADER: usize = 36;
/// How far apart the places are that are remembered for finding a sequence.
const LANDMARK_BYTES: u64 = 64 << 10;

/// What is known of one file of the journal.
#[derive(Clone, Debug)]
pub(crate) struct Segment {
    /// The first sequence that can be in it.
    pub(crate) base: Sequence,
    pub(crate) path: PathBuf,
    /// Bytes of it that hold whole frames.
    pub(crate) length: u64,
    /// The last sequence in it; `base - 1` when it is empty.
    pub(crate) last: Sequence,
    /// When its last transaction was made.
    pub(crate) time: Option<Time>,
    /// Some frames' first sequence and offset, ascending. Empty until the segment has been read.
    landmarks: Vec<(Sequence, u64)>,
}

impl Segment {
    /// A segment that was just made.
    pub(crate) const fn empty(base: Sequence, path: PathBuf) -> Self {
        Self { base, path, length: HEADER as u64, last: base - 1, time: None, landmarks: Vec::new() }
    }

    /// A segment that was not read yet; what is known of it comes from its name, its size and its successor's name.
    pub(crate) const fn unread(base: Sequence, path: PathBuf, last: Sequence, length: u64) -> Self {
        Self { base, path, length, last, time: None, landmarks: Vec::new() }
    }

    /// Notes a frame at the end of the segment.
    pub(crate) fn note(&mut self, summary: frame::Summary, bytes: usize) {
        if self.landmarks.last().is_none_or(|(_, offset)| self.length - offset >= LANDMARK_BYTES) {
            self.landmarks.push((summary.first, self.length));
        }
        self.length += bytes as u64;
        self.last = summary.last;
        self.time = Some(summary.time);
    }

    /// An offset from which a walk meets the sequence.
    pub(crate) fn offset_before(&self, sequence: Sequence) -> u64 {
        let after = self.landmarks.partition_point(|(first, _)| *first <= sequence);
        after.checked_sub(1).map_or(HEADER as u64, |place| self.landmarks[place].1)
    }

    /// Whether the segment has been read from end to end, so that its length, last sequence and time are known.
    pub(crate) fn is_read(&self) -> bool {
        self.time.is_some() || self.last < self.base
    }
}

/// The name of the file that begins with this sequence.
pub(crate) fn name(base: Sequence) -> String {
    format!("{base:020}.journal")
}

/// The first sequence of the file with this name, if it is a segment's.
pub(crate) fn base_of(name: &str) -> Option<Sequence> {
    name.strip_suffix(".journal").filter(|digits| digits.len() == 20)?.parse().ok()
}

/// The bytes before the first frame.
pub(crate) fn header(identity: [u8; 16], base: Sequence) -> Vec<u8> {
    let mut header = [&MAGIC[..], &identity, &base.to_be_bytes()].concat();
    header.extend_from_slice(&crc32fast::hash(&header).to_be_bytes());
    header
}

/// What reading a segment from end to end found.
pub(crate) struct Scanned {
    pub(crate) segment: Segment,
    /// Bytes after the last whole frame. Only the last segment may have any.
    pub(crate) torn: u64,
}

/// Reads a whole segment, giving every payload to `visit`. What is torn and what is damaged is told apart thus: only
/// one frame is ever on its way to the disk, so a bad frame is torn only when nothing valid follows it and this is
/// the last segment. Anything else is damage, and refused with its place.
pub(crate) fn scan(
    disk: &dyn Disk,
    path: &Path,
    identity: [u8; 16],
    base: Sequence,
    is_last: bool,
    visit: &mut dyn FnMut(&Bytes, frame::Summary) -> Result<()>,
) -> Result<Scanned> {
    let file = disk.open(path, false).map_err(|error| disk::failed("open", path, error))?;
    let content = Bytes::from(disk::read_all(&*file).map_err(|error| disk::failed("read", path, error))?);
    let mut segment = Segment::empty(base, path.to_path_buf());
    if content.get(..HEADER) != Some(&header(identity, base)[..]) {
        return bad_header(&content, segment, identity, is_last);
    }
    loop {
        let offset = segment.length;
        let rest = content.slice(place(offset)..);
        if rest.is_empty() {
            return Ok(Scanned { segment, torn: 0 });
        }
        let at = Place { identity, segment: base, offset };
        let found = frame::open(&rest, at).and_then(|payload| Some((frame::summary(&payload)?, payload)));
        match found {
            Some((summary, payload)) if summary.first == segment.last + 1 => {
                visit(&payload, summary)?;
                segment.note(summary, frame::HEAD + payload.len());
            }
            Some((summary, _)) => {
                let (expected, first) = (segment.last + 1, summary.first);
                let what = format!("transaction {expected} should follow and {first} does");
                return Err(damaged(path, offset, &what));
            }
            None if is_last && !frame_follows(&rest, at) => {
                return Ok(Scanned { segment, torn: rest.len() as u64 });
            }
            None => return Err(damaged(path, offset, "a frame does not match its checksum")),
        }
    }
}

/// A last segment without a whole header was being made when the power went: it is empty. Otherwise it is damaged.
fn bad_header(content: &Bytes, segment: Segment, identity: [u8; 16], is_last: bool) -> Result<Scanned> {
    let at = Place { identity, segment: segment.base, offset: 0 };
    if is_last && content.len() <= HEADER && !frame_follows(content, at) {
        return Ok(Scanned { torn: content.len() as u64, segment: Segment { length: 0, ..segment } });
    }
    let found = content.get(8..24).filter(|found| content.starts_with(&MAGIC) && *found != identity);
    if found.is_some() && crc32fast::hash(&content[..32]).to_be_bytes() == content[32..HEADER] {
        let path = segment.path.display();
        let message = format!("the journal file {path} belongs to another store; put back the one that was here");
        return Err(Error::new(Kind::Corrupt, "JOURNAL_FOREIGN", message));
    }
    Err(damaged(&segment.path, 0, "the header is wrong"))
}

/// Whether a whole, undamaged frame begins anywhere behind the beginning of `rest`.
fn frame_follows(rest: &Bytes, at: Place) -> bool {
    let candidates = rest.windows(frame::MARKER.len()).enumerate().skip(1);
    candidates.filter(|(_, window)| *window == frame::MARKER).any(|(skipped, _)| {
        frame::open(&rest.slice(skipped..), Place { offset: at.offset + skipped as u64, ..at }).is_some()
    })
}

/// The journal is damaged at this place.
pub(crate) fn damaged(path: &Path, offset: u64, what: &str) -> Error {
    let path = path.display();
    let message = format!(
        "the journal is damaged: {what} in {path} at offset {offset}. Nothing was changed. Put back an undamaged copy \
         of this file, or restore the newest backup into an empty directory with `wangge restore`"
    );
    Error::new(Kind::Corrupt, "JOURNAL_DAMAGED", message).with("segment", path).with("offset", offset)
}

fn place(offset: u64) -> usize {
    usize::try_from(offset).unwrap_or(usize::MAX)
}
