//! The disk: every file the store itself touches goes through here, so that tests can take its power away.
//!
//! Three disks: the real one, one in memory for stores without a directory, and (feature `simulation`) one that
//! drops what was not synced, tears writes, runs full and flips bits. The engines keep files of their own; that is
//! why the disk is also what opens them.

mod memory;
mod real;

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;

use base::{Error, Kind, Result};

use crate::engine::{Engine, EngineKind};

pub use memory::MemoryDisk;
pub use real::RealDisk;

/// A place for files.
pub trait Disk: Send + Sync + fmt::Debug {
    /// Makes a directory with its parents, durably; it may exist already.
    fn create_directory(&self, path: &Path) -> io::Result<()>;

    /// The names in a directory, sorted; none when it does not exist.
    fn list(&self, path: &Path) -> io::Result<Vec<String>>;

    /// Whether there is a file or directory of this name.
    fn exists(&self, path: &Path) -> io::Result<bool>;

    /// Opens a file for reading and writing; it is made (and emptied) when `create`.
    fn open(&self, path: &Path, create: bool) -> io::Result<Arc<dyn File>>;

    /// Renames a file or directory, replacing a file of the new name. Durable after [`Disk::sync_directory`].
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file, or a directory with everything in it; it may be missing.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Returns when the names in a directory would survive a power cut.
    fn sync_directory(&self, path: &Path) -> io::Result<()>;

    /// Locks a file against other processes and other openings in this one, until the lock is dropped. `None` when
    /// somebody else has it.
    fn lock(&self, path: &Path) -> io::Result<Option<Box<dyn Lock>>>;

    /// Opens an engine in a directory, which is made when it does not exist.
    fn open_engine(&self, kind: EngineKind, path: &Path, cache_bytes: u64) -> Result<Box<dyn Engine>, OpenFailure>;
}

/// Why an engine would not open.
#[derive(Debug)]
pub enum OpenFailure {
    /// Its files are damaged; it must be built again from the journal.
    Damaged(Error),
    /// Something else is in the way (rights, space, a lock); its files may well be sound.
    Other(Error),
}

/// A file that is read and written by position.
pub trait File: Send + Sync {
    /// Bytes in the file.
    fn len(&self) -> io::Result<u64>;

    /// Whether the file is empty.
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }

    /// Reads up to `buffer.len()` bytes; fewer only at the end of the file.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;

    /// Writes all of `bytes`. After an error any part of them may have been written.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;

    /// Cuts the file, or fills it with zeros, to this length.
    fn set_len(&self, length: u64) -> io::Result<()>;

    /// Returns when the content and the length would survive a power cut.
    fn sync(&self) -> io::Result<()>;
}

/// A lock that is held until it is dropped.
pub trait Lock: Send + Sync {}

/// Reads a whole file.
pub(crate) fn read_all(file: &dyn File) -> io::Result<Vec<u8>> {
    let length = usize::try_from(file.len()?).map_err(io::Error::other)?;
    let mut content = vec![0; length];
    let read = file.read_at(&mut content, 0)?;
    content.truncate(read);
    Ok(content)
}

/// Replaces a file so that after a power cut either the old or the new content is there, whole.
pub(crate) fn replace(disk: &dyn Disk, path: &Path, content: &[u8]) -> io::Result<()> {
    let partial = path.with_extension("partial");
    let file = disk.open(&partial, true)?;
    file.write_at(content, 0)?;
    file.sync()?;
    disk.rename(&partial, path)?;
    path.parent().map_or(Ok(()), |parent| disk.sync_directory(parent))
}

/// Says in our words that the disk failed at `path` while it was asked to do `what`.
pub(crate) fn failed(what: &str, path: &Path, error: io::Error) -> Error {
    let path = path.display();
    if is_full(&error) {
        return Error::new(Kind::Exhausted, "DISK_FULL", format!("the disk is full: cannot {what} {path}; make space"))
            .caused_by(error);
    }
    Error::new(Kind::Unavailable, "DISK_FAILED", format!("cannot {what} {path}: {error}")).caused_by(error)
}

/// Whether there is no space, or no quota, left.
pub(crate) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}
