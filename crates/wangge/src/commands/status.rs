//! `wangge status`: how a running server and its stores are, and whether what they derive is right.

use api::operations::v1::{GetStatusRequest, ScrubRequest};
use base::{Error, Kind, Result};
use clap::Args;
use rpc::status::from_status;

use crate::client::Clients;
use crate::output::{Output, table};

/// Arguments of `status`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  wangge status\n  wangge status --scrub")]
pub struct Arguments {
    /// Also recompute every index and count from the records and compare; takes as long as reading everything
    #[arg(long)]
    scrub: bool,
}

/// Prints how the server is.
pub(super) async fn run(clients: &Clients, arguments: &Arguments, output: Output) -> Result<()> {
    let status = clients.operations().get_status(GetStatusRequest {}).await.map_err(from_status)?.into_inner();
    output.message("wangge.operations.v1.Status", &status, || {
        let since = super::time(status.start_time.as_ref());
        let mut rows = vec![["store", "engine", "head", "checkpoint", "journal", "index", ""].map(str::to_owned)];
        rows.extend(status.stores.iter().map(|store| {
            [
                store.store.clone(),
                store.engine.clone(),
                store.head_sequence.to_string(),
                store.checkpoint_sequence.to_string(),
                mebibytes(store.journal_bytes),
                mebibytes(store.index_bytes),
                if store.poisoned.is_empty() { String::new() } else { format!("REFUSES WRITES: {}", store.poisoned) },
            ]
        }));
        format!("wangge {} since {since}, services {}\n{}", status.version, status.services.join(", "), table(rows))
    })?;
    if arguments.scrub { scrub(clients, output).await } else { Ok(()) }
}

async fn scrub(clients: &Clients, output: Output) -> Result<()> {
    let report = clients.operations().scrub(ScrubRequest::default()).await.map_err(from_status)?.into_inner();
    output.message("wangge.operations.v1.ScrubReport", &report, || {
        let line = |store: &api::operations::v1::StoreScrub| {
            let faults: String = store.faults.iter().map(|fault| format!("\n  {fault}")).collect();
            let (records, entries) = (store.record_count, store.entry_count);
            format!(
                "{}: {records} records, {entries} index entries, {} faults{faults}",
                store.store,
                store.faults.len()
            )
        };
        report.stores.iter().map(line).collect::<Vec<_>>().join("\n")
    })?;
    let faults: usize = report.stores.iter().map(|store| store.faults.len()).sum();
    if faults == 0 {
        return Ok(());
    }
    let message = format!("the scrub found {faults} faults; `wangge rebuild --data DIR` builds the index again");
    Err(Error::new(Kind::Corrupt, "SCRUB_FAULTS", message))
}

/// Bytes as a person reads them.
pub(super) fn mebibytes(bytes: u64) -> String {
    // A tenth of a MiB is fine enough, and integers say it without rounding surprises.
    format!("{}.{} MiB", bytes >> 20, ((bytes % (1 << 20)) * 10) >> 20)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_told_in_mebibytes_with_a_tenth() {
        assert_eq!(
            (mebibytes(0), mebibytes(1_572_864), mebibytes(1 << 30)),
            ("0.0 MiB".into(), "1.5 MiB".into(), "1024.0 MiB".into())
        );
    }
}
