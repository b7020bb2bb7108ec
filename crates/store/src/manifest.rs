//! Two small text files: the manifest (which store this is) and the checkpoint (what its index certainly holds).
//!
//! They are text so that a stranger who opens them understands them, and end with a CRC of what stands before it.

use std::path::Path;

use base::{Error, Kind, Result};

use crate::Sequence;
use crate::disk::{self, Disk};
use crate::engine::EngineKind;

const MANIFEST: &str = "manifest";
const CHECKPOINT: &str = "checkpoint";
const FORMAT: &str = "1";

/// How far the making of a store came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// It is being made and holds nothing yet.
    New,
    /// It is being filled from a backup.
    Restoring,
    /// It is in use: its journal must be there.
    Ready,
}

impl State {
    const ALL: [(Self, &'static str); 3] = [(Self::New, "new"), (Self::Restoring, "restoring"), (Self::Ready, "ready")];

    fn word(self) -> &'static str {
        Self::ALL.iter().find(|(state, _)| *state == self).map_or("", |(_, word)| word)
    }
}

/// Which store a directory holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Manifest {
    pub(crate) name: String,
    /// Made when the store was; binds cursors, the journal and the index to it.
    pub(crate) identity: [u8; 16],
    pub(crate) engine: EngineKind,
    pub(crate) state: State,
}

impl Manifest {
    /// Reads the manifest; none when there is none.
    pub(crate) fn load(disk: &dyn Disk, directory: &Path) -> Result<Option<Self>> {
        let path = directory.join(MANIFEST);
        let Some(lines) = load(disk, &path)? else { return Ok(None) };
        let malformed = || {
            let message = format!("{} cannot be read; put back an undamaged copy of this file", path.display());
            Error::new(Kind::Corrupt, "MANIFEST_DAMAGED", message)
        };
        let value = |key: &str| lines.iter().find(|(found, _)| found == key).map(|(_, value)| value.as_str());
        if value("format").is_some_and(|format| format != FORMAT) {
            let message = format!("{} was written by a newer version of Wangge; use that version", path.display());
            return Err(Error::new(Kind::Precondition, "STORE_NEWER", message));
        }
        let manifest = || {
            Some(Self {
                name: value("name")?.to_owned(),
                identity: from_hex(value("identity")?)?,
                engine: value("engine")?.parse().ok()?,
                state: State::ALL.iter().find(|(_, word)| value("state") == Some(word))?.0,
            })
        };
        manifest().map(Some).ok_or_else(malformed)
    }

    /// Replaces the manifest, durably.
    pub(crate) fn save(&self, disk: &dyn Disk, directory: &Path) -> Result<()> {
        let lines = [
            ("format", FORMAT.to_owned()),
            ("name", self.name.clone()),
            ("identity", hex(&self.identity)),
            ("engine", self.engine.to_string()),
            ("state", self.state.word().to_owned()),
        ];
        save(
            disk,
            &directory.join(MANIFEST),
            "This directory is a store of Wangge. Please change nothing here.",
            &lines,
        )
    }
}

/// Reads up to which transaction the index certainly holds everything; none when that is not known.
pub(crate) fn load_checkpoint(disk: &dyn Disk, directory: &Path) -> Result<Option<Sequence>> {
    let path = directory.join(CHECKPOINT);
    let Some(lines) = load(disk, &path)? else { return Ok(None) };
    Ok(lines.iter().find(|(key, _)| key == "applied").and_then(|(_, value)| value.parse().ok()))
}

/// Notes up to which transaction the index certainly holds everything, durably.
pub(crate) fn save_checkpoint(disk: &dyn Disk, directory: &Path, applied: Sequence) -> Result<()> {
    let lines = [("applied", applied.to_string())];
    save(disk, &directory.join(CHECKPOINT), "The index holds every transaction up to this one.", &lines)
}

/// Forgets the checkpoint: the index is about to be built anew.
pub(crate) fn remove_checkpoint(disk: &dyn Disk, directory: &Path) -> Result<()> {
    let path = directory.join(CHECKPOINT);
    let removed = disk.remove(&path).and_then(|()| disk.sync_directory(directory));
    removed.map_err(|error| disk::failed("remove", &path, error))
}

/// The lines `key = value` of a file; none when there is no such file. A file with a wrong CRC has no lines.
fn load(disk: &dyn Disk, path: &Path) -> Result<Option<Vec<(String, String)>>> {
    if !disk.exists(path).map_err(|error| disk::failed("look for", path, error))? {
        return Ok(None);
    }
    let file = disk.open(path, false).map_err(|error| disk::failed("open", path, error))?;
    let content = disk::read_all(&*file).map_err(|error| disk::failed("read", path, error))?;
    Ok(Some(parse(&content).unwrap_or_default()))
}

fn parse(content: &[u8]) -> Option<Vec<(String, String)>> {
    let text = std::str::from_utf8(content).ok()?;
    let (body, crc) = text.trim_end().rsplit_once("crc = ")?;
    if crc != format!("{:08x}", crc32fast::hash(body.as_bytes())) {
        return None;
    }
    let pairs = body.lines().filter_map(|line| line.split_once(" = "));
    Some(pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect())
}

fn save(disk: &dyn Disk, path: &Path, title: &str, lines: &[(&str, String)]) -> Result<()> {
    let mut text = format!("# {title}\n");
    for (key, value) in lines {
        text.push_str(&format!("{key} = {value}\n"));
    }
    let crc = crc32fast::hash(text.as_bytes());
    text.push_str(&format!("crc = {crc:08x}\n"));
    disk::replace(disk, path, text.as_bytes()).map_err(|error| disk::failed("write", path, error))
}

/// Bytes as people read them.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Reads [`hex`] of 16 bytes.
pub(crate) fn from_hex(text: &str) -> Option<[u8; 16]> {
    (text.len() == 32).then(|| u128::from_str_radix(text, 16).ok().map(u128::to_be_bytes))?
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::MemoryDisk;

    #[test]
    fn a_manifest_is_read_back_and_a_changed_one_is_refused() {
        let disk = MemoryDisk::default();
        let directory = Path::new("/store");
        assert_eq!(Manifest::load(&disk, directory).unwrap(), None);
        let manifest =
            Manifest { name: "events".into(), identity: [0xAB; 16], engine: EngineKind::Sled, state: State::Ready };
        manifest.save(&disk, directory).unwrap();
        assert_eq!(Manifest::load(&disk, directory).unwrap(), Some(manifest));
        let file = disk.open(&directory.join(MANIFEST), false).unwrap();
        file.write_at(b"x", 70).unwrap();
        assert_eq!(Manifest::load(&disk, directory).unwrap_err().kind(), Kind::Corrupt);
    }

    #[test]
    fn a_checkpoint_that_cannot_be_read_is_no_checkpoint() {
        let disk = MemoryDisk::default();
        let directory = Path::new("/store");
        save_checkpoint(&disk, directory, 42).unwrap();
        assert_eq!(load_checkpoint(&disk, directory).unwrap(), Some(42));
        disk.open(&directory.join(CHECKPOINT), false).unwrap().write_at(b"9", 70).unwrap();
        assert_eq!(load_checkpoint(&disk, directory).unwrap(), None);
    }
}
