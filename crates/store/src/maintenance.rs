//! Work on a store that nobody has open: restore, rebuild, compact, verify.
//!
//! Each takes the directory's lock, so none can meet a running server.

use std::io::Read;
use std::path::Path;

use base::{Error, Kind, Result};

use crate::disk::{self, Disk, OpenFailure};
use crate::engine::Engine;
use crate::keyspace::RECORDS;
use crate::manifest::{self, Manifest, State};
use crate::options::Options;
use crate::progress::{Progress, Step};
use crate::schema::Schema;
use crate::scrub::ScrubReport;
use crate::snapshot::{self, FileWriter, Header, Part, SnapshotWriter, Summary};
use crate::store::Store;
use crate::{journal, open};

/// Makes a store from a snapshot, in a directory that is empty or missing. The snapshot is checked from end to end
/// before anything is trusted. The new store has an identity of its own, because it may go another way from here than
/// the one it was taken of: cursors of that one are not good here.
pub fn restore(input: &mut dyn Read, options: &Options, progress: Progress<'_>) -> Result<Summary> {
    let home = options.home();
    let disk = &options.disk;
    disk.create_directory(&home).map_err(|error| disk::failed("make", &home, error))?;
    refuse_unless_empty(&**disk, &home, &[])?;
    let lock = open::lock(&**disk, &home)?;
    // Another restore may have come and gone meanwhile.
    refuse_unless_empty(&**disk, &home, &["lock"])?;
    let directory = home.join("snapshots");
    disk.create_directory(&directory).map_err(|error| disk::failed("make", &directory, error))?;
    let partial = directory.join("new.partial");
    let file = disk.open(&partial, true).map_err(|error| disk::failed("make", &partial, error))?;
    let mut out = FileWriter::new(std::sync::Arc::clone(&file));
    let (manifest, summary) = copy(input, &mut out, options, progress)?;
    file.sync().map_err(|error| disk::failed("sync", &partial, error))?;
    snapshot::check(&**disk, &partial)?;
    snapshot::keep(&**disk, &partial, &directory, summary.sequence)?;
    journal::create(disk, &home.join("journal"), manifest.identity, summary.sequence + 1)?;
    Manifest { state: State::Ready, ..manifest }.save(&**disk, &home)?;
    drop(lock);
    // Opening builds the index from the snapshot.
    Store::open_as_is(None, &[], options)?.close()?;
    Ok(summary)
}

fn refuse_unless_empty(disk: &dyn Disk, home: &Path, besides: &[&str]) -> Result<()> {
    let found = disk.list(home).map_err(|error| disk::failed("list", home, error))?;
    if found.iter().all(|name| besides.contains(&name.as_str())) {
        return Ok(());
    }
    let message = format!("{} is not empty; restore into an empty directory", home.display());
    Err(Error::new(Kind::Precondition, "DIRECTORY_NOT_EMPTY", message))
}

/// Copies a snapshot under the new store's identity, checking it on the way.
fn copy(
    input: &mut dyn Read,
    out: &mut FileWriter,
    options: &Options,
    progress: Progress<'_>,
) -> Result<(Manifest, Summary)> {
    let failed = |error| disk::failed("write the snapshot into", &options.home(), error);
    let mut manifest = None;
    let mut writer = None;
    let out = std::cell::RefCell::new(Some(out as &mut dyn std::io::Write));
    let visit = &mut |part| {
        match (part, &mut writer) {
            (Part::Header(header), None) => {
                let made = open::new_manifest(&header.name, options, State::Restoring);
                made.save(&*options.disk, &options.home())?;
                let header = Header { identity: made.identity, ..header };
                manifest = Some(made);
                let out = out.borrow_mut().take().ok_or_else(|| Error::internal("a snapshot with two headers"))?;
                writer = Some(SnapshotWriter::new(out, &header).map_err(failed)?);
            }
            (Part::Entries(entries), Some(writer)) => {
                entries.iter().try_for_each(|(key, value)| writer.entry(key, value)).map_err(failed)?;
            }
            (Part::Frame(frame), Some(writer)) => {
                let operations = frame.operations.iter().map(|(key, value)| (key, value.as_ref()));
                writer.frame(&journal::frame::encode(&frame.entries, operations)).map_err(failed)?;
            }
            _ => return Err(Error::internal("a snapshot's parts are out of order")),
        }
        Ok(())
    };
    snapshot::read(input, visit, &mut |done| progress(Step { what: "restore", done, total: None }))?;
    let (Some(manifest), Some(writer)) = (manifest, writer) else {
        return Err(Error::internal("a snapshot without a header was accepted"));
    };
    Ok((manifest, writer.finish().map_err(failed)?))
}

/// Builds the index again from the newest snapshot and the journal, for the engine in the options, which may be
/// another than before. The old index goes only when the new one is complete.
pub fn rebuild(options: &Options) -> Result<()> {
    let home = options.home();
    let disk = &*options.disk;
    let lock = open::lock(disk, &home)?;
    let manifest = manifest_of(options)?;
    let checkpoint = manifest::load_checkpoint(disk, &home)?;
    let (index, old) = (home.join("index"), home.join("index.old"));
    let failed = |error| disk::failed("move", &index, error);
    disk.remove(&old).map_err(failed)?;
    if disk.exists(&index).map_err(failed)? {
        disk.rename(&index, &old).map_err(failed)?;
    }
    manifest::remove_checkpoint(disk, &home)?;
    Manifest { engine: options.engine, ..manifest.clone() }.save(disk, &home)?;
    drop(lock);
    match Store::open_as_is(None, &[], options).and_then(|store| store.close()) {
        Ok(()) => disk.remove(&old).map_err(failed),
        Err(error) => {
            // As it was before.
            disk.remove(&index).map_err(failed)?;
            if disk.exists(&old).map_err(failed)? {
                disk.rename(&old, &index).map_err(failed)?;
            }
            manifest.save(disk, &home)?;
            checkpoint.map_or(Ok(()), |applied| manifest::save_checkpoint(disk, &home, applied))?;
            Err(error)
        }
    }
}

/// Bytes of an index before and after it was written anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compacted {
    /// Bytes before.
    pub before: u64,
    /// Bytes after.
    pub after: u64,
}

/// Writes the engine's files anew, because sled never gives space back. It needs room for both meanwhile.
pub fn compact(options: &Options, progress: Progress<'_>) -> Result<Compacted> {
    // What the journal has and the engine has not must not be forgotten: a clean close writes it.
    Store::open_as_is(None, &[], options)?.close()?;
    let home = options.home();
    let disk = &*options.disk;
    let _lock = open::lock(disk, &home)?;
    let (index, new, old) = (home.join("index"), home.join("index.compact"), home.join("index.old"));
    let failed = |error| disk::failed("move", &index, error);
    disk.remove(&new).and_then(|()| disk.remove(&old)).map_err(failed)?;
    let open = |path| {
        disk.open_engine(options.engine, path, options.cache_bytes).map_err(|failure| match failure {
            OpenFailure::Damaged(error) | OpenFailure::Other(error) => error,
        })
    };
    let compacted = {
        let (from, to) = (open(&index)?, open(&new)?);
        copy_engine(&*from, &*to, progress)?;
        Compacted { before: from.disk_bytes()?, after: to.disk_bytes()? }
    };
    disk.rename(&index, &old).map_err(failed)?;
    disk.rename(&new, &index).map_err(failed)?;
    disk.sync_directory(&home).map_err(failed)?;
    disk.remove(&old).map_err(failed)?;
    Ok(compacted)
}

/// Copies every key; the mark goes last, so that an unfinished copy is never taken for a whole one.
fn copy_engine(from: &dyn Engine, to: &dyn Engine, progress: Progress<'_>) -> Result<()> {
    let mut next = vec![RECORDS];
    let mut done = 0;
    loop {
        let portion = snapshot::portion(from, &next)?;
        let Some((last, _)) = portion.last() else { break };
        next = [last, &[0][..]].concat();
        done += portion.len() as u64;
        let operations: Vec<_> = portion.into_iter().map(|(key, value)| (key, Some(value))).collect();
        to.apply(&operations)?;
        progress(Step { what: "compact", done, total: None });
    }
    to.sync()?;
    for name in ["identity", "mark"] {
        let key = crate::keyspace::info(name);
        to.apply(&[(key.clone().into(), from.get(&key)?)])?;
    }
    to.sync()
}

/// What verifying a directory found; everything that is not listed here was an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verification {
    /// Transactions in the journal, each frame checked.
    pub transactions: u64,
    /// Snapshots, each read from end to end.
    pub snapshots: usize,
    /// What scrubbing the index found.
    pub scrub: ScrubReport,
}

/// Reads and checks everything in a directory at rest: the whole journal, every snapshot, and the index against the
/// records. Like any start, it cuts a torn tail off the journal and builds a missing index; it changes nothing else.
pub fn verify(options: &Options, schema: Schema, progress: Progress<'_>) -> Result<Verification> {
    let store = Store::open_as_is(None, schema, options)?;
    let mut done = 0;
    let transactions = store.shared().journal.check_all(&mut |bytes| {
        done += bytes;
        progress(Step { what: "journal", done, total: None });
    })?;
    let snapshots = snapshot::list(&*options.disk, &options.home())?;
    for stored in &snapshots {
        snapshot::check(&*options.disk, &stored.path)?;
    }
    let scrub = store.scrub(progress)?;
    Ok(Verification { transactions, snapshots: snapshots.len(), scrub })
}

fn manifest_of(options: &Options) -> Result<Manifest> {
    let home = options.home();
    Manifest::load(&*options.disk, &home)?
        .ok_or_else(|| Error::new(Kind::NotFound, "NO_STORE", format!("{} holds no store", home.display())))
}
