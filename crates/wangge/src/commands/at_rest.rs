//! `wangge verify`, `rebuild` and `compact`: work on a data directory that no server has open.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use base::{Clock, Error, Kind, Result, SystemClock};
use clap::Args;
use serde_json::json;
use store::EngineKind;

use super::status::mebibytes;
use crate::config::{Engine, StoreConfig};
use crate::operations::faults;
use crate::output::Output;
use crate::progress;
use crate::stores::{self, engine_at_rest, services_at_rest};

/// Arguments of `verify`.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  wangge verify --data DIR

Reads the whole journal and every snapshot, and computes every index and count again from the records. Stop the server \
first. Like any start it cuts a torn tail off the journal and builds a missing index; it changes nothing else.")]
pub struct VerifyArguments {
    /// Data directory
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
}

/// Arguments of `rebuild`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wangge rebuild --data DIR
  wangge rebuild --data DIR --engine fjall

Builds every index again from the newest snapshot and the journal. The old index goes only when the new one is complete. \
With another engine, start the server with the same --engine from then on.")]
pub struct RebuildArguments {
    /// Data directory
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Engine of the new index; otherwise the one it has
    #[arg(long)]
    engine: Option<Engine>,
}

/// Arguments of `compact`.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  wangge compact --data DIR

Writes a snapshot, drops what it covers of the journal (except what watchers may still ask for), and writes the index \
anew, because sled never gives space back. It needs room for both meanwhile.")]
pub struct CompactArguments {
    /// Data directory
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
}

/// How a store at rest is opened: with the engine it has, or another.
fn options(data: &Path, service: &str, engine: EngineKind) -> store::Options {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    stores::options(&StoreConfig::default(), data, service, &clock).engine(engine)
}

/// Checks a data directory.
pub(super) fn verify(arguments: &VerifyArguments, output: Output) -> Result<()> {
    let bar = progress::spinner();
    let mut found = Vec::new();
    for service in services_at_rest(&arguments.data)? {
        let options = options(&arguments.data, service, engine_at_rest(&arguments.data, service)?);
        let told = &mut |step: store::Step| bar.set_message(format!("{service}: {} {}", step.what, step.done));
        let verified = store::verify(&options, stores::schema(service)?, told)?;
        let scrub = &verified.scrub;
        let text = format!(
            "{service}: {} transactions, {} snapshots, {} records, {} index entries, {} totals",
            verified.transactions, verified.snapshots, scrub.records, scrub.entries, scrub.groups
        );
        let value = json!({
            "store": service, "transactions": verified.transactions, "snapshots": verified.snapshots,
            "records": scrub.records, "entries": scrub.entries, "totals": scrub.groups,
            "faults": faults(verified.scrub.clone()),
        });
        bar.suspend(|| output.value(&value, || text))?;
        found.extend(faults(verified.scrub).into_iter().map(|fault| format!("{service}: {fault}")));
    }
    bar.finish_and_clear();
    if found.is_empty() {
        return output.line("nothing is wrong");
    }
    let message =
        format!("the index does not fit the records; `wangge rebuild` builds it again:\n  {}", found.join("\n  "));
    Err(Error::new(Kind::Corrupt, "SCRUB_FAULTS", message))
}

/// Builds the indexes of a data directory again.
pub(super) fn rebuild(arguments: &RebuildArguments, output: Output) -> Result<()> {
    let bar = progress::spinner();
    for service in services_at_rest(&arguments.data)? {
        let before = engine_at_rest(&arguments.data, service)?;
        let engine = arguments.engine.map_or(before, EngineKind::from);
        bar.set_message(format!("rebuilding {service}"));
        store::rebuild(&options(&arguments.data, service, engine))?;
        let value = json!({ "store": service, "engine": engine.to_string() });
        bar.suspend(|| output.value(&value, || format!("{service}: index built again on {engine}")))?;
    }
    bar.finish_and_clear();
    Ok(())
}

/// Makes a data directory small again.
pub(super) fn compact(arguments: &CompactArguments, output: Output) -> Result<()> {
    let bar = progress::spinner();
    for service in services_at_rest(&arguments.data)? {
        let options = options(&arguments.data, service, engine_at_rest(&arguments.data, service)?);
        let told = &mut |step: store::Step| bar.set_message(format!("{service}: {} {}", step.what, step.done));
        let journal = compact_journal(service, &options, told)?;
        let index = store::compact(&options, told)?;
        let value = json!({
            "store": service,
            "indexBytesBefore": index.before, "indexBytesAfter": index.after,
            "journalBytesBefore": journal.before, "journalBytesAfter": journal.after,
        });
        bar.suspend(|| {
            output.value(&value, || {
                format!(
                    "{service}: index {} → {}, journal {} → {}",
                    mebibytes(index.before),
                    mebibytes(index.after),
                    mebibytes(journal.before),
                    mebibytes(journal.after)
                )
            })
        })?;
    }
    bar.finish_and_clear();
    Ok(())
}

/// Covers the journal by a snapshot, which lets its oldest files go.
fn compact_journal(service: &str, options: &store::Options, told: store::Progress<'_>) -> Result<store::Compacted> {
    let store = store::Store::open(service, stores::schema(service)?, options.clone())?;
    let before = store.status()?.journal_bytes;
    store.snapshot_in_directory(told)?;
    let after = store.status()?.journal_bytes;
    store.close()?;
    Ok(store::Compacted { before, after })
}
