//! The bytes of a snapshot: checksummed blocks, written to and read from any stream.
//!
//! ```text
//! file      magic:8  header  entries…  frames…  trailer
//! block     kind:u8  length:u32  crc:u32  payload          the CRC covers kind and payload
//! header    identity:16  base:u64  name (the rest)
//! entries   { key length:u32  key  value length:u32  value }
//! frame     a payload of the journal
//! trailer   sequence:u64  entries:u64  frames:u64  SHA-256 of everything before this block
//! ```
//! The entries are the index as it was while it was scanned, with others writing to it; the frames are everything
//! committed from before the scan until its end. Frames are absolute, so laid over the entries they give the store
//! exactly as it was at `sequence`.

use std::io::{self, Read, Write};

use base::{Error, Kind, Result};
use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::Sequence;
use crate::journal::frame::{self, Frame};

const MAGIC: [u8; 8] = *b"WANGGES1";
const HEADER: u8 = 1;
const ENTRIES: u8 = 2;
const FRAME: u8 = 3;
const TRAILER: u8 = 4;
/// No block is larger; a length beyond it is damage.
const BLOCK_MAX: usize = 1 << 30;
/// Entries are gathered into blocks of about this size.
const ENTRIES_BYTES: usize = 256 << 10;

/// Whose snapshot it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) name: String,
    pub(crate) identity: [u8; 16],
    /// The transaction up to which the entries hold everything; the frames follow it.
    pub(crate) base: Sequence,
}

/// What a snapshot holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// The store as it was after this transaction.
    pub sequence: Sequence,
    /// Keys in the index.
    pub entries: u64,
    /// Groups of transactions from the journal.
    pub frames: u64,
    /// Bytes of the whole file.
    pub bytes: u64,
}

/// A part of a snapshot that was read.
pub(crate) enum Part {
    Header(Header),
    Entries(Vec<(Bytes, Bytes)>),
    Frame(Frame),
}

/// Writes a snapshot.
pub(crate) struct SnapshotWriter<'a> {
    out: &'a mut dyn Write,
    hash: Sha256,
    summary: Summary,
    waiting: Vec<u8>,
}

impl<'a> SnapshotWriter<'a> {
    pub(crate) fn new(out: &'a mut dyn Write, header: &Header) -> io::Result<Self> {
        let summary = Summary { sequence: header.base, ..Summary::default() };
        let mut writer = Self { out, hash: Sha256::new(), summary, waiting: Vec::new() };
        writer.write(&MAGIC)?;
        let payload = [&header.identity[..], &header.base.to_be_bytes(), header.name.as_bytes()].concat();
        writer.block(HEADER, &payload)?;
        Ok(writer)
    }

    pub(crate) fn entry(&mut self, key: &[u8], value: &[u8]) -> io::Result<()> {
        for part in [key, value] {
            let length = u32::try_from(part.len()).map_err(io::Error::other)?;
            self.waiting.extend_from_slice(&length.to_be_bytes());
            self.waiting.extend_from_slice(part);
        }
        self.summary.entries += 1;
        if self.waiting.len() >= ENTRIES_BYTES { self.flush_entries() } else { Ok(()) }
    }

    pub(crate) fn frame(&mut self, payload: &[u8]) -> io::Result<()> {
        self.flush_entries()?;
        self.summary.frames += 1;
        if let Some(summary) = frame::summary(payload) {
            self.summary.sequence = summary.last;
        }
        self.block(FRAME, payload)
    }

    pub(crate) fn finish(mut self) -> io::Result<Summary> {
        self.flush_entries()?;
        let mut payload = Vec::new();
        for number in [self.summary.sequence, self.summary.entries, self.summary.frames] {
            payload.extend_from_slice(&number.to_be_bytes());
        }
        payload.extend_from_slice(&self.hash.clone().finalize());
        self.block(TRAILER, &payload)?;
        self.out.flush()?;
        Ok(self.summary)
    }

    pub(crate) const fn bytes(&self) -> u64 {
        self.summary.bytes
    }

    fn flush_entries(&mut self) -> io::Result<()> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let payload = std::mem::take(&mut self.waiting);
        self.block(ENTRIES, &payload)
    }

    fn block(&mut self, kind: u8, payload: &[u8]) -> io::Result<()> {
        let length = u32::try_from(payload.len()).map_err(io::Error::other)?;
        let mut head = vec![kind];
        head.extend_from_slice(&length.to_be_bytes());
        head.extend_from_slice(&crc(kind, payload).to_be_bytes());
        self.write(&head)?;
        self.write(payload)
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hash.update(bytes);
        self.summary.bytes += bytes.len() as u64;
        self.out.write_all(bytes)
    }
}

/// Reads a snapshot from beginning to end and checks everything that can be checked; what was visited counts only
/// when this returns well. `progress` gets the bytes read so far.
pub(crate) fn read(
    input: &mut dyn Read,
    visit: &mut dyn FnMut(Part) -> Result<()>,
    progress: &mut dyn FnMut(u64),
) -> Result<(Header, Summary)> {
    let mut reader = Reader { input, hash: Sha256::new(), bytes: 0 };
    if reader.take(MAGIC.len())? != MAGIC {
        return Err(Error::new(Kind::Corrupt, "NOT_A_SNAPSHOT", "this is not a snapshot of a Wangge store"));
    }
    let (HEADER, payload) = reader.block()? else { return Err(damaged("the header is missing", reader.bytes)) };
    let header = read_header(&payload).ok_or_else(|| damaged("the header is malformed", reader.bytes))?;
    visit(Part::Header(header.clone()))?;
    let mut found = Summary { sequence: header.base, ..Summary::default() };
    loop {
        let hash = reader.hash.clone();
        let (kind, payload) = reader.block()?;
        let malformed = || damaged("a block is malformed", reader.bytes);
        match kind {
            ENTRIES => {
                let entries = read_entries(payload).ok_or_else(malformed)?;
                found.entries += entries.len() as u64;
                visit(Part::Entries(entries))?;
            }
            FRAME => {
                let frame = frame::decode(&payload).ok_or_else(malformed)?;
                found.frames += 1;
                found.sequence = frame.entries.last().ok_or_else(malformed)?.sequence;
                visit(Part::Frame(frame))?;
            }
            TRAILER => {
                found.bytes = reader.bytes;
                check_trailer(&payload, found, hash)?;
                return Ok((header, found));
            }
            _ => return Err(malformed()),
        }
        progress(reader.bytes);
    }
}

fn read_header(payload: &[u8]) -> Option<Header> {
    let (identity, rest) = payload.split_first_chunk()?;
    let (base, name) = rest.split_first_chunk()?;
    let name = String::from_utf8(name.to_vec()).ok()?;
    Some(Header { name, identity: *identity, base: u64::from_be_bytes(*base) })
}

fn read_entries(mut payload: Bytes) -> Option<Vec<(Bytes, Bytes)>> {
    let mut take = || {
        let length = usize::try_from(u32::from_be_bytes(*payload.first_chunk()?)).ok()?;
        let end = length.checked_add(4).filter(|end| *end <= payload.len())?;
        Some(payload.split_to(end).slice(4..))
    };
    let mut entries = Vec::new();
    while let Some(key) = take() {
        entries.push((key, take()?));
    }
    payload.is_empty().then_some(entries)
}

fn check_trailer(payload: &[u8], found: Summary, hash: Sha256) -> Result<()> {
    let mut expected = Vec::new();
    for number in [found.sequence, found.entries, found.frames] {
        expected.extend_from_slice(&number.to_be_bytes());
    }
    expected.extend_from_slice(&hash.finalize());
    if payload == expected {
        return Ok(());
    }
    Err(damaged("its content does not match its trailer", found.bytes))
}

struct Reader<'a> {
    input: &'a mut dyn Read,
    hash: Sha256,
    bytes: u64,
}

impl Reader<'_> {
    fn block(&mut self) -> Result<(u8, Bytes)> {
        let start = self.bytes;
        let head = self.take(9)?;
        let number = |range: std::ops::Range<usize>| {
            head[range].first_chunk().map_or(u32::MAX, |bytes| u32::from_be_bytes(*bytes))
        };
        let length = usize::try_from(number(1..5)).unwrap_or(usize::MAX);
        if length > BLOCK_MAX {
            return Err(damaged("a block does not match its checksum", start));
        }
        let payload = self.take(length)?;
        if crc(head[0], &payload) != number(5..9) {
            return Err(damaged("a block does not match its checksum", start));
        }
        Ok((head[0], payload.into()))
    }

    fn take(&mut self, length: usize) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let wanted = u64::try_from(length).unwrap_or(u64::MAX);
        let read = (&mut *self.input).take(wanted).read_to_end(&mut bytes);
        let read = read.map_err(|error| {
            Error::new(Kind::Unavailable, "SNAPSHOT_UNREADABLE", format!("cannot read the snapshot: {error}"))
        })?;
        if read < length {
            return Err(damaged("it ends too early", self.bytes + read as u64));
        }
        self.hash.update(&bytes);
        self.bytes += wanted;
        Ok(bytes)
    }
}

fn crc(kind: u8, payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&[kind]);
    hasher.update(payload);
    hasher.finalize()
}

fn damaged(what: &str, offset: u64) -> Error {
    let message = format!("the snapshot is damaged: {what} (at byte {offset}); use another copy of it");
    Error::new(Kind::Corrupt, "SNAPSHOT_DAMAGED", message).with("offset", offset)
}
