//! `wangge backup` and `wangge restore`: everything a server knows in one file, and back.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use api::operations::v1::BackupRequest;
use base::{Clock, Error, Kind, Result, SystemClock};
use clap::Args;
use rpc::status::from_status;
use serde_json::json;

use crate::archive;
use crate::client::Clients;
use crate::config::{Engine, StoreConfig};
use crate::output::Output;
use crate::progress::{self, Unit};
use crate::stores::blocking;

/// Arguments of `backup`.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  wangge backup --out /backup/wangge-20260922.bak

The server goes on working meanwhile. The file is written beside its place and checked from end to end before it gets \
its name, so a file with this name is a whole backup. It holds personal data and signing keys: keep it as safe as the \
data directory.")]
pub struct BackupArguments {
    /// File to write; refused when it exists
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// Arguments of `restore`.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  wangge restore /backup/wangge-20260922.bak --data /var/lib/wangge

The file is checked from end to end, every store is scrubbed, and only then the directory counts as restored; when \
anything is wrong nothing is left behind. Tokens that were valid stay valid; the file admin.token is not in a backup:
`wangge token issue --data DIR --out DIR/admin.token` makes a new one.")]
pub struct RestoreArguments {
    /// Backup file
    file: PathBuf,
    /// Data directory to make; must be missing or empty
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Engine of the index
    #[arg(long, default_value = "sled")]
    engine: Engine,
}

/// Writes a backup of a running server.
pub(super) async fn backup(clients: &Clients, arguments: &BackupArguments, output: Output) -> Result<()> {
    let out = &arguments.out;
    refuse_existing(out)?;
    let partial = out.with_added_extension("partial");
    let file = private(&partial).map_err(|cause| unbegun(&partial, cause))?;
    let finished = match fetch(clients, file, &partial).await {
        Ok(bytes) => finish(partial.clone(), out.clone()).await.map(|header| (bytes, header)),
        Err(error) => Err(error),
    };
    let (bytes, header) = finished.inspect_err(|_| {
        // It is no backup; if it cannot be removed its name says so.
        let _ = fs::remove_file(&partial);
    })?;
    let value = json!({ "file": out, "bytes": bytes, "time": header.time().to_string(), "stores": header.stores });
    output.value(&value, || {
        let size = super::status::mebibytes(bytes);
        format!("{}: {size}, stores {}, checked from end to end", out.display(), header.stores.join(", "))
    })
}

async fn fetch(clients: &Clients, mut file: File, partial: &Path) -> Result<u64> {
    let failed = |cause: std::io::Error| unwritable(partial, cause);
    let mut chunks = clients.operations().backup(BackupRequest {}).await.map_err(from_status)?.into_inner();
    let mut bytes = 0;
    while let Some(chunk) = chunks.message().await.map_err(from_status)? {
        file.write_all(&chunk.data).map_err(failed)?;
        bytes += chunk.data.len() as u64;
    }
    file.sync_all().map_err(failed)?;
    Ok(bytes)
}

/// Checks the file and gives it its name.
async fn finish(partial: PathBuf, out: PathBuf) -> Result<archive::Header> {
    let size = fs::metadata(&partial).map_or(0, |metadata| metadata.len());
    let bar = progress::bar("checking", Unit::Bytes, size);
    let shown = bar.clone();
    let checked = blocking(move || {
        let header = archive::check(&partial, &mut |done| shown.set_position(done))?;
        // Somebody may have been faster meanwhile.
        refuse_existing(&out)?;
        fs::rename(&partial, &out).map_err(|cause| unwritable(&out, cause))?;
        make_name_durable(&out).map_err(|cause| unwritable(&out, cause))?;
        Ok(header)
    });
    let header = checked.await;
    bar.finish_and_clear();
    header
}

fn refuse_existing(out: &Path) -> Result<()> {
    if !out.exists() {
        return Ok(());
    }
    let message = format!("{} exists already; a backup overwrites nothing", out.display());
    Err(Error::new(Kind::AlreadyExists, "FILE_EXISTS", message))
}

/// A name is as durable as the folder that holds it.
fn make_name_durable(file: &Path) -> std::io::Result<()> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

/// Creates a file that did not exist and that only its owner can read.
fn private(path: &Path) -> std::io::Result<File> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn unbegun(partial: &Path, cause: std::io::Error) -> Error {
    if cause.kind() != std::io::ErrorKind::AlreadyExists {
        return unwritable(partial, cause);
    }
    let message = format!(
        "{} exists: another backup is being written there, or one was broken off; then remove it",
        partial.display()
    );
    Error::new(Kind::AlreadyExists, "FILE_EXISTS", message)
}

fn unwritable(path: &Path, cause: std::io::Error) -> Error {
    Error::new(Kind::Precondition, "OUTPUT_FAILED", format!("{} cannot be written", path.display())).caused_by(cause)
}

/// Makes a data directory from a backup.
pub(super) fn restore(arguments: &RestoreArguments, output: Output) -> Result<()> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let config = StoreConfig { engine: arguments.engine, ..Default::default() };
    let bar = progress::spinner();
    let told = &mut |doing: &str| bar.set_message(doing.to_owned());
    let header = archive::restore(&arguments.file, &arguments.data, &config, &clock, told);
    bar.finish_and_clear();
    let header = header?;
    let data = arguments.data.display();
    let value = json!({ "data": arguments.data, "time": header.time().to_string(), "stores": header.stores });
    output.value(&value, || {
        format!("{data} is as it was at {}: {}, scrubbed without a fault", header.time(), header.stores.join(", "))
    })
}
