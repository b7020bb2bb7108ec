//! Making and opening the journal: what is whole, what is torn and cut, what is damaged and refused.
//!
//! A torn tail and a damaged tail look alike. Two things tell them apart: a frame is torn only if no valid frame
//! follows it, and the file `acknowledged` beside the segments says up to which transaction callers were answered. It
//! is written after each sync and not synced itself, so after a power cut it may be some seconds old; whatever it
//! says was durable, so a journal that ends before it has lost something, and is refused. Nothing is cut either that the
//! index's checkpoint says was durable.

use std::path::Path;
use std::sync::Arc;

use base::{Error, Kind, Result};
use parking_lot::RwLock;

use super::segment::{self, Segment};
use super::{Journal, Writer};
use crate::Sequence;
use crate::disk::{self, Disk, File};

/// Name of the file that says how far the journal was acknowledged.
const ACKNOWLEDGED: &str = "acknowledged";

/// Begins a journal whose first transaction has the sequence `base`, in a directory that has none.
pub(crate) fn create(disk: &Arc<dyn Disk>, directory: &Path, identity: [u8; 16], base: Sequence) -> Result<()> {
    disk.create_directory(directory).map_err(|error| disk::failed("make", directory, error))?;
    let path = directory.join(segment::name(base));
    create_segment(&**disk, &path, identity, base)?;
    Ok(())
}

/// Makes an empty segment, durably.
pub(super) fn create_segment(
    disk: &dyn Disk,
    path: &Path,
    identity: [u8; 16],
    base: Sequence,
) -> Result<Arc<dyn File>> {
    let failed = |error| disk::failed("make", path, error);
    let file = disk.open(path, true).map_err(failed)?;
    file.write_at(&segment::header(identity, base), 0).map_err(failed)?;
    file.sync().map_err(failed)?;
    if let Some(directory) = path.parent() {
        disk.sync_directory(directory).map_err(failed)?;
    }
    Ok(file)
}

/// How the journal is opened.
pub(crate) struct Opening {
    /// Segments that hold anything after this are read from end to end, because they will be needed.
    pub(crate) needed_after: Sequence,
    /// Of the older ones, the newest so many bytes are read too; the rest is checked when it is read for another
    /// reason, or by `verify`.
    pub(crate) check_bytes: u64,
    /// When the writer begins a new segment.
    pub(crate) segment_bytes: u64,
}

/// Opens the journal. `None` when there is not a single segment.
pub(crate) fn open(
    disk: &Arc<dyn Disk>,
    directory: &Path,
    identity: [u8; 16],
    opening: &Opening,
) -> Result<Option<(Arc<Journal>, Writer)>> {
    let names = disk.list(directory).map_err(|error| disk::failed("list", directory, error))?;
    let bases: Vec<Sequence> = names.iter().filter_map(|name| segment::base_of(name)).collect();
    let mut segments = Vec::with_capacity(bases.len());
    let mut unchecked = opening.check_bytes;
    // From the newest to the oldest, so that each knows where the next begins.
    for (place, &base) in bases.iter().enumerate().rev() {
        let path = directory.join(segment::name(base));
        match bases.get(place + 1) {
            None => segments.push(open_last(&**disk, &path, (identity, base), opening.needed_after)?),
            Some(&next) => {
                let last = next - 1;
                if last > opening.needed_after || unchecked > 0 {
                    let segment = read_closed(&**disk, &path, identity, base, last)?;
                    unchecked = unchecked.saturating_sub(segment.length);
                    segments.push(segment);
                } else {
                    let length = disk.open(&path, false).and_then(|file| file.len());
                    let length = length.map_err(|error| disk::failed("open", &path, error))?;
                    segments.push(Segment::unread(base, path, last, length));
                }
            }
        }
    }
    segments.reverse();
    let Some(last) = segments.last() else { return Ok(None) };
    check_acknowledged(&**disk, directory, last)?;
    let file = disk.open(&last.path, false).map_err(|error| disk::failed("open", &last.path, error))?;
    let acknowledged = open_acknowledged(&**disk, directory, last.last)?;
    let segments = RwLock::new(segments);
    let journal = Arc::new(Journal { disk: Arc::clone(disk), directory: directory.to_path_buf(), identity, segments });
    let writer = Writer::new(Arc::clone(&journal), file, acknowledged, opening.segment_bytes);
    Ok(Some((journal, writer)))
}

/// Reads the last segment and cuts its torn tail, if it has one that begins after what was `applied` to the index.
fn open_last(
    disk: &dyn Disk,
    path: &Path,
    (identity, base): ([u8; 16], Sequence),
    applied: Sequence,
) -> Result<Segment> {
    let scanned = segment::scan(disk, path, identity, base, true, &mut |_, _| Ok(()))?;
    let segment = scanned.segment;
    if segment.length == 0 {
        tracing::warn!(segment = %path.display(), "the newest journal file was being made when the power went; made anew");
        create_segment(disk, path, identity, base)?;
        return Ok(Segment::empty(base, path.to_path_buf()));
    }
    if scanned.torn > 0 {
        refuse_before(applied, &segment)?;
        check_acknowledged(disk, path.parent().unwrap_or(path), &segment)?;
        let (offset, bytes) = (segment.length, scanned.torn);
        tracing::warn!(segment = %path.display(), offset, bytes, "cut a frame off the journal that was never finished");
        let file = disk.open(path, false).map_err(|error| disk::failed("open", path, error))?;
        file.set_len(offset).and_then(|()| file.sync()).map_err(|error| disk::failed("cut", path, error))?;
    }
    Ok(segment)
}

/// Reads a segment that another follows.
fn read_closed(disk: &dyn Disk, path: &Path, identity: [u8; 16], base: Sequence, last: Sequence) -> Result<Segment> {
    let segment = segment::scan(disk, path, identity, base, false, &mut |_, _| Ok(()))?.segment;
    if segment.last == last {
        return Ok(segment);
    }
    let what = format!("the file ends with transaction {} and the next one begins after {last}", segment.last);
    Err(segment::damaged(path, segment.length, &what))
}

/// Refuses a journal that ends before what was acknowledged.
fn check_acknowledged(disk: &dyn Disk, directory: &Path, last: &Segment) -> Result<()> {
    let path = directory.join(ACKNOWLEDGED);
    if !disk.exists(&path).map_err(|error| disk::failed("look for", &path, error))? {
        return Ok(());
    }
    let file = disk.open(&path, false).map_err(|error| disk::failed("open", &path, error))?;
    let note = disk::read_all(&*file).map_err(|error| disk::failed("read", &path, error))?;
    match read_acknowledgement(&note) {
        Some(acknowledged) => refuse_before(acknowledged, last),
        None => {
            tracing::warn!(path = %path.display(), "the note of what was acknowledged cannot be read; going on without");
            Ok(())
        }
    }
}

/// Refuses a journal whose last segment ends before a transaction that was acknowledged.
fn refuse_before(acknowledged: Sequence, last: &Segment) -> Result<()> {
    if acknowledged <= last.last {
        return Ok(());
    }
    let what = format!("it ends with transaction {}, but {acknowledged} was acknowledged,", last.last);
    Err(segment::damaged(&last.path, last.length, &what))
}

fn open_acknowledged(disk: &dyn Disk, directory: &Path, end: Sequence) -> Result<Arc<dyn File>> {
    let path = directory.join(ACKNOWLEDGED);
    let failed = |error| disk::failed("make", &path, error);
    if disk.exists(&path).map_err(failed)? {
        return disk.open(&path, false).map_err(failed);
    }
    let file = disk.open(&path, true).map_err(failed)?;
    file.write_at(&acknowledgement(end), 0).and_then(|()| file.sync()).map_err(failed)?;
    disk.sync_directory(directory).map_err(failed)?;
    Ok(file)
}

/// The bytes that say how far the journal was acknowledged.
pub(super) fn acknowledgement(sequence: Sequence) -> [u8; 12] {
    let mut note = [0; 12];
    note[..8].copy_from_slice(&sequence.to_be_bytes());
    let crc = crc32fast::hash(&note[..8]);
    note[8..].copy_from_slice(&crc.to_be_bytes());
    note
}

fn read_acknowledgement(note: &[u8]) -> Option<Sequence> {
    let sequence = u64::from_be_bytes(*note.first_chunk()?);
    (note == acknowledgement(sequence)).then_some(sequence)
}

/// The journal should be there and is not.
pub(crate) fn missing(directory: &Path, seen: Sequence) -> Error {
    let path = directory.display();
    let message = format!(
        "the journal in {path} is missing, but this store has been used (transaction {seen} was seen). Put the \
         journal back, or restore the newest backup into an empty directory with `wangge restore`"
    );
    Error::new(Kind::Corrupt, "JOURNAL_MISSING", message)
}
