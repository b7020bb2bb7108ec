//! The backup file: one snapshot of every store, checksummed as a whole; writing it, checking it, restoring from it.
//!
//! ```text
//! magic      "WANGGE-BACKUP 1\n"
//! header     length (u32), JSON: version of the program, time, names of the stores in the order of the sections
//! section    one per store: chunks of length (u32, not 0) and bytes, then length 0; together a store's snapshot
//! trailer    SHA-256 of everything before it
//! ```
//!
//! All numbers are big-endian. Stores come highest first, each as it is when its turn comes: what an event refers to was
//! there before the event, so it is in a snapshot that is taken later, and references always resolve.

use std::fs::{self, File};
use std::io::{self, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base::{Clock, Error, Kind, Result, Time};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::config::StoreConfig;
use crate::stores::{self, Stores};

const MAGIC: &[u8; 16] = b"WANGGE-BACKUP 1\n";
/// Bytes of the checksum at the end.
const SUM_BYTES: usize = 32;
/// Largest chunk that is written and accepted.
const CHUNK_BYTES_MAX: usize = 1 << 20;
/// Largest header that is accepted.
const HEADER_BYTES_MAX: usize = 1 << 16;
/// Where a restore works until it is finished, inside the data directory.
const UNFINISHED: &str = "restoring";

/// What a backup says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// Version of the program that wrote it.
    pub program: String,
    /// When it was begun, in microseconds since 1970-01-01.
    pub time_us: i64,
    /// The stores in it, in the order of their sections.
    pub stores: Vec<String>,
}

impl Header {
    /// When it was begun.
    pub fn time(&self) -> Time {
        Time::from_micros(self.time_us)
    }
}

/// What is done with a restored store before the data directory counts as restored.
type Examine<'a> = &'a mut dyn FnMut(&str) -> Result<()>;

/// Writes a backup of running stores. Blocks.
pub(crate) fn write(out: impl Write, now: Time, stores: &Stores) -> Result<()> {
    let names = stores.iter().rev().map(|(name, _)| name.to_owned()).collect();
    let header = Header { program: env!("CARGO_PKG_VERSION").to_owned(), time_us: now.micros(), stores: names };
    let mut archive = Summed { inner: out, sum: Sha256::new() };
    write_header(&mut archive, &header).map_err(unwritable)?;
    for (_, store) in stores.iter().rev() {
        let mut section = Section { out: &mut archive, chunk: Vec::with_capacity(CHUNK_BYTES_MAX) };
        store.snapshot(&mut section, &mut |_| ())?;
        section.finish().map_err(unwritable)?;
    }
    archive.finish().map_err(unwritable)
}

/// Reads a backup from end to end and checks that it is whole and unaltered. `progress` gets the bytes read so far.
///
/// Errors: `BACKUP_TRUNCATED`, `BACKUP_ALTERED`, `NO_BACKUP` for another kind of file.
pub fn check(file: &Path, progress: &mut dyn FnMut(u64)) -> Result<Header> {
    let mut archive = open(file)?;
    let header = archive.header()?;
    let mut done = 0;
    for _ in &header.stores {
        while let Some(chunk) = archive.chunk()? {
            done += chunk.len() as u64;
            progress(done);
        }
    }
    archive.finish()?;
    Ok(header)
}

/// Makes a data directory from a backup: checks the file from end to end, restores every store beside its place,
/// scrubs it, and only then puts all in place. When it fails it leaves nothing behind.
///
/// `data` must be missing or empty. `progress` gets what is being done.
pub fn restore(
    file: &Path,
    data: &Path,
    config: &StoreConfig,
    clock: &Arc<dyn Clock>,
    progress: &mut dyn FnMut(&str),
) -> Result<Header> {
    progress("checking the backup");
    check(file, &mut |_| ())?;
    let place = Place::prepare(data)?;
    let scrub = &mut |name: &str| {
        let options = stores::options(config, &place.unfinished, name, clock);
        let found = store::verify(&options, stores::schema(name)?, &mut |_| ())?;
        match crate::operations::faults(found.scrub) {
            faults if faults.is_empty() => Ok(()),
            faults => Err(Error::new(
                Kind::Corrupt,
                "SCRUB_FAULTS",
                format!("the store {name} in the backup is damaged: {}", faults.join("; ")),
            )),
        }
    };
    let restored = restore_stores(file, &place.unfinished, config, clock, &mut |name| {
        progress(&format!("scrubbing {name}"));
        scrub(name)
    });
    let finished = restored.and_then(|header| place.finish(&header).map(|()| header));
    if finished.is_err() {
        place.abandon();
    }
    finished
}

fn restore_stores(
    file: &Path,
    into: &Path,
    config: &StoreConfig,
    clock: &Arc<dyn Clock>,
    examine: Examine<'_>,
) -> Result<Header> {
    let mut archive = open(file)?;
    let header = archive.header()?;
    for name in &header.stores {
        stores::schema(name).map_err(|_| {
            let message = format!("the backup holds a store {name:?} that this version of the program does not know");
            Error::new(Kind::Precondition, "BACKUP_UNKNOWN_STORE", message)
        })?;
        let options = stores::options(config, into, name, clock);
        let mut section =
            SectionReader { archive: &mut archive, chunk: Vec::new(), read: 0, ended: false, failure: None };
        let outcome = store::restore(&mut section, &options, &mut |_| ());
        // What is wrong with the file says more than that the store could not read it.
        let rest = section.skip_rest();
        if let Some(failure) = section.failure.take() {
            return Err(failure);
        }
        outcome?;
        rest?;
        examine(name)?;
    }
    archive.finish()?;
    Ok(header)
}

/// Refuses a data directory in which a restore did not come to its end.
pub(crate) fn refuse_unfinished_restore(data: &Path) -> Result<()> {
    if !data.join(UNFINISHED).exists() {
        return Ok(());
    }
    let data = data.display();
    let message = format!("a restore into {data} did not finish; empty the directory and restore again");
    Err(Error::new(Kind::Precondition, "RESTORE_UNFINISHED", message))
}

/// The data directory of a restore, with the place inside it where the work is done.
struct Place {
    data: PathBuf,
    unfinished: PathBuf,
    /// The directory was missing, so a failed restore removes it again.
    made: bool,
}

impl Place {
    fn prepare(data: &Path) -> Result<Self> {
        let failed = |cause| cannot("make", data, cause);
        let made = !data.exists();
        if !made && fs::read_dir(data).map_err(failed)?.next().is_some() {
            let message = format!("{} is not empty; restore into an empty directory", data.display());
            return Err(Error::new(Kind::Precondition, "DIRECTORY_NOT_EMPTY", message));
        }
        crate::serve::make_private_directory(data)?;
        let unfinished = data.join(UNFINISHED);
        fs::create_dir(&unfinished).map_err(failed)?;
        Ok(Self { data: data.to_owned(), unfinished, made })
    }

    fn finish(&self, header: &Header) -> Result<()> {
        let failed = |cause| cannot("finish", &self.data, cause);
        for name in &header.stores {
            fs::rename(self.unfinished.join(name), self.data.join(name)).map_err(failed)?;
        }
        fs::remove_dir(&self.unfinished).map_err(failed)?;
        File::open(&self.data).and_then(|directory| directory.sync_all()).map_err(failed)
    }

    /// Removes everything that was made here, as far as that is possible.
    fn abandon(&self) {
        for name in crate::config::SERVICES {
            // Most are not there, and what cannot be removed is refused by the next start.
            let _ = fs::remove_dir_all(self.data.join(name));
        }
        let _ = fs::remove_dir_all(&self.unfinished);
        if self.made {
            let _ = fs::remove_dir(&self.data);
        }
    }
}

fn cannot(do_what: &str, data: &Path, cause: io::Error) -> Error {
    Error::new(Kind::Precondition, "RESTORE_FAILED", format!("cannot {do_what} {}", data.display())).caused_by(cause)
}

/// Bytes on their way, with their running checksum.
struct Summed<I> {
    inner: I,
    sum: Sha256,
}

impl<W: Write> Summed<W> {
    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.sum.update(bytes);
        self.inner.write_all(bytes)
    }

    fn put_chunk(&mut self, bytes: &[u8]) -> io::Result<()> {
        let length = u32::try_from(bytes.len()).map_err(io::Error::other)?;
        self.put(&length.to_be_bytes())?;
        self.put(bytes)
    }

    fn finish(mut self) -> io::Result<()> {
        let sum = self.sum.finalize();
        self.inner.write_all(&sum)?;
        self.inner.flush()
    }
}

fn write_header<W: Write>(out: &mut Summed<W>, header: &Header) -> io::Result<()> {
    out.put(MAGIC)?;
    out.put_chunk(&serde_json::to_vec(header)?)
}

fn unwritable(cause: io::Error) -> Error {
    Error::new(Kind::Unavailable, "BACKUP_UNWRITABLE", "the backup cannot be written").caused_by(cause)
}

/// One store's snapshot on its way into the file.
struct Section<'a, W> {
    out: &'a mut Summed<W>,
    chunk: Vec<u8>,
}

impl<W: Write> Section<'_, W> {
    fn send(&mut self) -> io::Result<()> {
        self.out.put_chunk(&self.chunk)?;
        self.chunk.clear();
        Ok(())
    }

    fn finish(mut self) -> io::Result<()> {
        if !self.chunk.is_empty() {
            self.send()?;
        }
        self.out.put_chunk(&[])
    }
}

impl<W: Write> Write for Section<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(CHUNK_BYTES_MAX - self.chunk.len());
        self.chunk.extend_from_slice(&bytes[..taken]);
        if self.chunk.len() == CHUNK_BYTES_MAX {
            self.send()?;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A backup file being read.
struct Archive<R> {
    input: Summed<R>,
    bytes_read: u64,
}

fn open(file: &Path) -> Result<Archive<BufReader<File>>> {
    let input = File::open(file).map_err(|cause| {
        Error::new(Kind::Invalid, "NO_BACKUP", format!("the backup {} cannot be read: {cause}", file.display()))
    })?;
    Ok(Archive { input: Summed { inner: BufReader::new(input), sum: Sha256::new() }, bytes_read: 0 })
}

impl<R: Read> Archive<R> {
    fn header(&mut self) -> Result<Header> {
        let mut magic = [0; MAGIC.len()];
        self.fill(&mut magic)?;
        if &magic != MAGIC {
            let message = "this is no backup of Wangge: its first bytes are not those that `wangge backup` writes";
            return Err(Error::new(Kind::Invalid, "NO_BACKUP", message));
        }
        let header = self.piece(HEADER_BYTES_MAX)?.ok_or_else(|| altered("it has no header"))?;
        serde_json::from_slice(&header).map_err(|_| altered("its header cannot be read"))
    }

    /// The next chunk of a section; none at its end.
    fn chunk(&mut self) -> Result<Option<Vec<u8>>> {
        self.piece(CHUNK_BYTES_MAX)
    }

    fn piece(&mut self, bytes_max: usize) -> Result<Option<Vec<u8>>> {
        let mut length = [0; 4];
        self.fill(&mut length)?;
        let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
        if length > bytes_max {
            return Err(altered("it holds a length that cannot be"));
        }
        let mut bytes = vec![0; length];
        self.fill(&mut bytes)?;
        Ok((length > 0).then_some(bytes))
    }

    /// Compares the checksum, and makes sure that nothing follows.
    fn finish(mut self) -> Result<()> {
        let expected = std::mem::take(&mut self.input.sum).finalize();
        let mut found = [0; SUM_BYTES];
        self.fill(&mut found)?;
        if expected.as_slice() != found {
            return Err(altered("its checksum does not fit its content"));
        }
        let mut more = [0; 1];
        match self.input.inner.read(&mut more) {
            Ok(0) => Ok(()),
            Ok(_) => Err(altered("something follows its end")),
            Err(cause) => Err(unreadable(cause)),
        }
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<()> {
        let mut filled = 0;
        while filled < bytes.len() {
            match self.input.inner.read(&mut bytes[filled..]) {
                Ok(0) => return Err(truncated(self.bytes_read + filled as u64)),
                Ok(read) => filled += read,
                Err(cause) if cause.kind() == io::ErrorKind::Interrupted => {}
                Err(cause) => return Err(unreadable(cause)),
            }
        }
        self.input.sum.update(&*bytes);
        self.bytes_read += filled as u64;
        Ok(())
    }
}

fn truncated(bytes: u64) -> Error {
    let message = format!("the backup is cut off after {bytes} bytes: it was not written or copied to its end");
    Error::new(Kind::Corrupt, "BACKUP_TRUNCATED", message)
}

fn altered(how: &str) -> Error {
    let message = format!("the backup is damaged or was changed since it was written: {how}; take another copy");
    Error::new(Kind::Corrupt, "BACKUP_ALTERED", message)
}

fn unreadable(cause: io::Error) -> Error {
    Error::new(Kind::Unavailable, "BACKUP_UNREADABLE", "the backup cannot be read").caused_by(cause)
}

/// One store's snapshot on its way out of the file.
struct SectionReader<'a, R> {
    archive: &'a mut Archive<R>,
    chunk: Vec<u8>,
    read: usize,
    ended: bool,
    failure: Option<Error>,
}

impl<R: Read> SectionReader<'_, R> {
    /// Goes to the end of the section, in case that the store did not need all of it.
    fn skip_rest(&mut self) -> Result<()> {
        while !self.ended && self.failure.is_none() {
            self.ended = self.archive.chunk()?.is_none();
        }
        Ok(())
    }
}

impl<R: Read> Read for SectionReader<'_, R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        if self.read == self.chunk.len() && !self.ended {
            match self.archive.chunk() {
                Ok(Some(chunk)) => (self.chunk, self.read) = (chunk, 0),
                Ok(None) => self.ended = true,
                Err(failure) => {
                    self.failure = Some(failure);
                    return Err(io::Error::other("the backup ends here"));
                }
            }
        }
        if self.ended {
            return Ok(0);
        }
        let taken = bytes.len().min(self.chunk.len() - self.read);
        bytes[..taken].copy_from_slice(&self.chunk[self.read..self.read + taken]);
        self.read += taken;
        Ok(taken)
    }
}

#[cfg(test)]
mod tests;
