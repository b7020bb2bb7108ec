//! Appending to the journal: one frame, one sync, and certainty about what is in the file when either fails.

use std::io;
use std::sync::Arc;

use base::Error;

use super::frame::{self, Place};
use super::segment::{self, Segment};
use super::{Journal, recovery};
use crate::Sequence;
use crate::disk::{self, File};

/// The committer's hand on the journal.
pub(crate) struct Writer {
    journal: Arc<Journal>,
    file: Arc<dyn File>,
    /// The file that says how far the journal was acknowledged; see [`recovery`].
    acknowledged: Arc<dyn File>,
    base: Sequence,
    end: u64,
    segment_bytes: u64,
}

/// Why a frame was not written.
#[derive(Debug)]
pub(crate) enum AppendFailure {
    /// It is certain that the frame is not in the file: the next one may be tried.
    Refused(Error),
    /// What is in the file is not certain: nothing may be written any more.
    Uncertain(Error),
}

impl Writer {
    pub(super) fn new(
        journal: Arc<Journal>,
        file: Arc<dyn File>,
        acknowledged: Arc<dyn File>,
        segment_bytes: u64,
    ) -> Self {
        let (base, end) = {
            let segments = journal.segments.read();
            segments.last().map_or((1, 0), |segment| (segment.base, segment.length))
        };
        Self { journal, file, acknowledged, base, end, segment_bytes }
    }

    /// Appends a payload and returns when it would survive a power cut.
    pub(crate) fn append(&mut self, payload: &[u8]) -> Result<(), AppendFailure> {
        let summary = frame::summary(payload)
            .ok_or_else(|| AppendFailure::Refused(Error::internal("a frame without transactions")))?;
        if self.end >= self.segment_bytes {
            self.rotate(summary.first).map_err(AppendFailure::Refused)?;
        }
        let place = Place { identity: self.journal.identity, segment: self.base, offset: self.end };
        let sealed = frame::seal(payload, place);
        if let Err(error) = self.file.write_at(&sealed, self.end) {
            return Err(self.undo(error));
        }
        if let Err(error) = self.file.sync() {
            // After a failed sync the kernel may have forgotten pages it never wrote. When the disk is merely full,
            // cutting the frame off again makes them irrelevant; any other failure leaves doubt. Even then the frame is
            // cut off if that is possible: the kernel shows those pages as written until the machine stops, and a
            // restart of the process alone would trust them.
            if disk::is_full(&error) {
                return Err(self.undo(error));
            }
            drop(self.file.set_len(self.end));
            return Err(self.uncertain(error));
        }
        self.end += sealed.len() as u64;
        if let Some(segment) = self.journal.segments.write().last_mut() {
            segment.note(summary, sealed.len());
        }
        self.acknowledge(summary.last);
        Ok(())
    }

    /// Cuts a frame off that was not written whole.
    fn undo(&self, error: io::Error) -> AppendFailure {
        match self.file.set_len(self.end).and_then(|()| self.file.sync()) {
            Ok(()) => AppendFailure::Refused(disk::failed("write to the journal in", &self.journal.directory, error)),
            Err(second) => self.uncertain(io::Error::new(error.kind(), format!("{error}, and then {second}"))),
        }
    }

    fn uncertain(&self, error: io::Error) -> AppendFailure {
        AppendFailure::Uncertain(disk::failed("write to the journal in", &self.journal.directory, error))
    }

    /// Begins a new segment with this sequence.
    fn rotate(&mut self, base: Sequence) -> Result<(), Error> {
        let path = self.journal.directory.join(segment::name(base));
        let disk = &*self.journal.disk;
        let file = recovery::create_segment(disk, &path, self.journal.identity, base).inspect_err(|_| {
            // What is left of it would be taken for a torn beginning at the next start, which is harmless too.
            drop(disk.remove(&path));
        })?;
        self.file = file;
        self.base = base;
        self.end = segment::HEADER as u64;
        self.journal.segments.write().push(Segment::empty(base, path));
        Ok(())
    }

    /// Notes how far the journal was acknowledged, without a sync of its own: the note may be old after a power cut,
    /// and is never ahead of the journal.
    fn acknowledge(&self, sequence: Sequence) {
        if let Err(error) = self.acknowledged.write_at(&recovery::acknowledgement(sequence), 0) {
            tracing::warn!(%error, "cannot note how far the journal was acknowledged");
        }
    }

    /// Makes the note of how far the journal was acknowledged durable.
    pub(crate) fn sync_acknowledged(&self) -> io::Result<()> {
        self.acknowledged.sync()
    }
}
