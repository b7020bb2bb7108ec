//! What an operator sees of a running process: log lines, and an HTTP port with metrics, liveness and readiness.
//!
//! Spans are opened in `rpc` and `store` only. The metrics port takes no token, so it belongs on an address that only
//! the operator's network reaches; it is off unless it is configured.

use std::fmt::Write;
use std::future::IntoFuture;
use std::io::IsTerminal;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use base::{Error, Kind, Result};
use rpc::metrics::Metrics;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tracing_subscriber::EnvFilter;

use crate::config::{Log, LogFormat};
use crate::stores::{Named, Stores};

/// Sends log lines to standard error from now on. Fails for a filter that cannot be read; does nothing when something
/// else in this process already takes the lines.
pub fn log(config: &Log) -> Result<()> {
    let filter = EnvFilter::try_new(&config.filter).map_err(|cause| {
        let message = format!("log.filter {:?} cannot be read: {cause}; write info, or warn,rpc=debug", config.filter);
        Error::new(Kind::Invalid, "CONFIG", message)
    })?;
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let _ = match config.format {
        LogFormat::Text => lines.with_ansi(std::io::stderr().is_terminal()).with_target(false).try_init(),
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
    };
    Ok(())
}

/// What the HTTP port for operators shows.
#[derive(Clone)]
pub(crate) struct Shown {
    /// What the stack counts.
    pub(crate) metrics: Arc<Metrics>,
    /// The stores of this process.
    pub(crate) stores: Stores,
    /// The directory that they are in.
    pub(crate) data: PathBuf,
}

/// The HTTP port for operators.
pub(crate) struct Listener {
    address: SocketAddr,
    serving: JoinHandle<std::io::Result<()>>,
}

impl Listener {
    /// Serves `/metrics`, `/live` and `/ready` until the process begins to stop.
    pub(crate) async fn start(listen: SocketAddr, shown: Shown, stopping: watch::Receiver<bool>) -> Result<Self> {
        let unbindable = |cause: std::io::Error| {
            let message = format!("metrics cannot be served on {listen}: {cause}; choose another --metrics-listen");
            Error::new(Kind::Precondition, "LISTEN", message)
        };
        let listener = TcpListener::bind(listen).await.map_err(unbindable)?;
        let address = listener.local_addr().map_err(unbindable)?;
        let stores = shown.stores.clone();
        let router = Router::new()
            .route("/metrics", get(async move || render(shown).await))
            .route("/live", get(async || "the process runs\n"))
            .route("/ready", get(async move || readiness(stores).await));
        let mut stopped = stopping;
        let serving = axum::serve(listener, router).with_graceful_shutdown(async move {
            let _ = stopped.wait_for(|stopping| *stopping).await;
        });
        Ok(Self { address, serving: tokio::spawn(serving.into_future()) })
    }

    /// Where it listens: the real port when the configured one was 0.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends it. A reader that keeps its connection open does not hold the process back.
    pub(crate) async fn stop(self) {
        self.serving.abort();
        // It was told to end, so how it ended says nothing.
        let _ = self.serving.await;
    }
}

/// Ready means: every store takes writes. The port is only open while calls are taken.
async fn readiness(stores: Stores) -> impl IntoResponse {
    let statuses = match stores.statuses().await {
        Ok(statuses) => statuses,
        Err(error) => return (StatusCode::SERVICE_UNAVAILABLE, format!("{error}\n")),
    };
    let refusal = |(name, status): Named| Some(format!("the store {name} refuses writes: {}\n", status.refusal?));
    let refusals: String = statuses.into_iter().filter_map(refusal).collect();
    if refusals.is_empty() {
        (StatusCode::OK, "ready\n".to_owned())
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, refusals)
    }
}

async fn render(shown: Shown) -> impl IntoResponse {
    let mut text = shown.metrics.render();
    match shown.stores.statuses().await {
        Ok(statuses) => text.push_str(&store_gauges(&statuses)),
        Err(error) => tracing::warn!(?error, "the stores' metrics cannot be read"),
    }
    text.push_str(&disk_gauges(&shown.data));
    text.push_str(&process_gauges());
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text)
}

/// One gauge of every store. Writing to a String cannot fail, so the results of `writeln!` are not looked at.
fn store_gauges(statuses: &[Named]) -> String {
    type Read = fn(&store::Status) -> f64;
    #[allow(clippy::cast_precision_loss)] // Prometheus knows only f64.
    let gauges: [(&str, &str, Read); 7] = [
        ("head_sequence", "Number of the newest transaction.", |status| status.head as f64),
        ("applied_sequence", "Newest transaction that the index holds durably.", |status| status.applied as f64),
        ("journal_start_sequence", "Oldest transaction of the journal.", |status| status.journal_start as f64),
        ("journal_bytes", "Bytes of the journal on disk.", |status| status.journal_bytes as f64),
        ("index_bytes", "Bytes of the index on disk.", |status| status.index_bytes as f64),
        ("waiting_bytes", "Bytes of changes that wait to be written to the index.", |status| {
            status.waiting_bytes as f64
        }),
        ("refuses_writes", "1 when the store refuses writes.", |status| f64::from(u8::from(status.refusal.is_some()))),
    ];
    let mut text = String::new();
    for (name, help, read) in gauges {
        let _ = writeln!(text, "# HELP wangge_store_{name} {help}\n# TYPE wangge_store_{name} gauge");
        for (store, status) in statuses {
            let _ = writeln!(text, "wangge_store_{name}{{store=\"{store}\"}} {}", read(status));
        }
    }
    text
}

/// How full the disk under the data directory is: a full one refuses writes.
#[cfg(unix)]
fn disk_gauges(data: &Path) -> String {
    match rustix::fs::statvfs(data) {
        Ok(disk) => {
            let bytes = |blocks: u64| blocks.saturating_mul(disk.f_frsize);
            gauge("wangge_disk_bytes", "Size of the disk that holds the data directory.", bytes(disk.f_blocks))
                + &gauge("wangge_disk_available_bytes", "What the server may still fill of it.", bytes(disk.f_bavail))
        }
        Err(error) => {
            tracing::warn!(%error, "the disk's metrics cannot be read");
            String::new()
        }
    }
}

/// Only Unix tells how full a disk is.
#[cfg(not(unix))]
fn disk_gauges(_data: &Path) -> String {
    String::new()
}

fn process_gauges() -> String {
    let bytes = resident_bytes();
    bytes.map_or_else(String::new, |bytes| {
        gauge("process_resident_memory_bytes", "Memory of the process that is in RAM.", bytes)
    })
}

/// One gauge without labels.
fn gauge(name: &str, help: &str, value: u64) -> String {
    format!("# HELP {name} {help}\n# TYPE {name} gauge\n{name} {value}\n")
}

/// Memory of this process that is in RAM; only Linux tells.
pub fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kibibytes * 1_024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_filter_is_answered_with_a_right_one() {
        let error = log(&Log { filter: "rpc=loud".to_owned(), ..Default::default() }).unwrap_err();
        assert!(error.message().contains("warn,rpc=debug"), "{error}");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_memory_of_this_process_is_told() {
        assert!(resident_bytes().unwrap() > 1 << 20);
        assert!(process_gauges().contains("\nprocess_resident_memory_bytes "));
    }
}
