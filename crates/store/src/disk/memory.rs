//! A disk in memory, for stores without a directory. It never fails and keeps nothing when it is dropped.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base::{Error, Result};
use parking_lot::{Mutex, RwLock};

use super::{Disk, File, Lock, OpenFailure};
use crate::engine::{Engine, EngineKind, MemoryEngine};

/// A disk in memory.
#[derive(Debug, Default)]
pub struct MemoryDisk {
    files: Mutex<BTreeMap<PathBuf, Arc<MemoryFile>>>,
    directories: Mutex<BTreeSet<PathBuf>>,
}

#[derive(Debug, Default)]
struct MemoryFile(RwLock<Vec<u8>>);

impl Disk for MemoryDisk {
    fn create_directory(&self, path: &Path) -> io::Result<()> {
        self.directories.lock().extend(path.ancestors().map(Path::to_path_buf));
        Ok(())
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        let files = self.files.lock();
        let directories = self.directories.lock();
        let names = files.keys().chain(directories.iter()).filter(|file| file.parent() == Some(path));
        let mut names: Vec<String> =
            names.filter_map(|file| file.file_name()).map(|name| name.to_string_lossy().into_owned()).collect();
        names.sort_unstable();
        Ok(names)
    }

    fn exists(&self, path: &Path) -> io::Result<bool> {
        Ok(self.files.lock().contains_key(path) || self.directories.lock().contains(path))
    }

    fn open(&self, path: &Path, create: bool) -> io::Result<Arc<dyn File>> {
        let mut files = self.files.lock();
        if create {
            let file = Arc::new(MemoryFile::default());
            files.insert(path.to_path_buf(), Arc::clone(&file));
            return Ok(file);
        }
        files.get(path).map(|file| Arc::clone(file) as Arc<dyn File>).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut files = self.files.lock();
        let file = files.remove(from).ok_or(io::ErrorKind::NotFound)?;
        files.insert(to.to_path_buf(), file);
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.files.lock().retain(|file, _| !file.starts_with(path));
        self.directories.lock().retain(|directory| !directory.starts_with(path));
        Ok(())
    }

    fn sync_directory(&self, _path: &Path) -> io::Result<()> {
        Ok(())
    }

    fn lock(&self, _path: &Path) -> io::Result<Option<Box<dyn Lock>>> {
        // Nobody else can reach this disk.
        Ok(Some(Box::new(NoLock)))
    }

    fn open_engine(&self, kind: EngineKind, _path: &Path, _cache_bytes: u64) -> Result<Box<dyn Engine>, OpenFailure> {
        if kind.is_persistent() {
            let needs = format!("the engine {kind} needs a directory; without one, only memory can be used");
            return Err(OpenFailure::Other(Error::invalid("engine", needs)));
        }
        Ok(Box::new(MemoryEngine::default()))
    }
}

struct NoLock;

impl Lock for NoLock {}

impl File for MemoryFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.read().len() as u64)
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let content = self.0.read();
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(content.len());
        let length = buffer.len().min(content.len() - start);
        buffer[..length].copy_from_slice(&content[start..start + length]);
        Ok(length)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let mut content = self.0.write();
        let start = usize::try_from(offset).map_err(io::Error::other)?;
        let end = start + bytes.len();
        if content.len() < end {
            content.resize(end, 0);
        }
        content[start..end].copy_from_slice(bytes);
        Ok(())
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.0.write().resize(usize::try_from(length).map_err(io::Error::other)?, 0);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }
}
