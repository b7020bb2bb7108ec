//! `wangge serve`: runs a server until it is told to stop.

use std::path::PathBuf;
use std::sync::Arc;

use base::{Error, Result, SystemClock};
use clap::ValueEnum;
use serde_json::json;
use tokio::signal;
use toml::Value;

use crate::config::layers::{self, Loaded, Override};
use crate::config::{Engine, LogFormat};
use crate::output::Output;
use crate::serve::{ADMIN_TOKEN_FILE, Server};
use crate::telemetry;

/// Arguments of `serve`, and of `config`, which shows what they amount to.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  wangge serve --data DIR --listen 127.0.0.1:50051
  wangge serve events --data DIR --link grids=http://10.0.0.1:50051 --link staff=http://10.0.0.1:50051
  wangge serve --config /etc/wangge/wangge.toml
  wangge serve --data DIR --listen 0.0.0.0:50051 --tls-certificate chain.pem --tls-key key.pem

Every key can also be set in the file named by --config and in the environment: store.engine is WANGGE_STORE_ENGINE. \
`wangge config` prints all keys with the values that hold.")]
pub struct Arguments {
    /// Services to run in this process; none: all that are not linked
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
    /// Configuration file (TOML)
    #[arg(long, env = "WANGGE_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Directory that holds all data; made when missing
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Address to take calls on; port 0 takes any free one
    #[arg(long, value_name = "HOST:PORT")]
    listen: Option<String>,
    /// Address for /metrics, /live and /ready over plain HTTP
    #[arg(long, value_name = "HOST:PORT")]
    metrics_listen: Option<String>,
    /// A service that another process runs
    #[arg(long, value_name = "SERVICE=URL", value_parser = link)]
    link: Vec<(String, String)>,
    /// Engine of the index
    #[arg(long)]
    engine: Option<Engine>,
    /// Certificate chain (PEM); with it calls are encrypted
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_certificate: Option<PathBuf>,
    /// Private key of the certificate (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    tls_key: Option<PathBuf>,
    /// Authority (PEM) that vouches for linked services
    #[arg(long, value_name = "FILE")]
    tls_authority: Option<PathBuf>,
    /// Form of log lines
    #[arg(long)]
    log_format: Option<LogFormat>,
}

fn link(text: &str) -> Result<(String, String), String> {
    let (service, url) =
        text.split_once('=').ok_or_else(|| format!("{text:?} is no link; write grids=https://host:50051"))?;
    Ok((service.to_owned(), url.to_owned()))
}

impl Arguments {
    /// The configuration that these flags, the file and the environment amount to.
    pub(super) fn load(&self) -> Result<Loaded> {
        let environment =
            std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        layers::load(self.config.as_deref(), environment, self.overrides())
    }

    fn overrides(&self) -> Vec<Override> {
        let path = |path: &PathBuf| path.display().to_string();
        let word = |word: clap::builder::PossibleValue| word.get_name().to_owned();
        let texts: [(&str, &[&str], Option<String>); 8] = [
            ("--data", &["data"], self.data.as_ref().map(path)),
            ("--listen", &["listen"], self.listen.clone()),
            ("--metrics-listen", &["metrics_listen"], self.metrics_listen.clone()),
            ("--engine", &["store", "engine"], self.engine.and_then(|engine| engine.to_possible_value()).map(word)),
            ("--tls-certificate", &["tls", "certificate"], self.tls_certificate.as_ref().map(path)),
            ("--tls-key", &["tls", "key"], self.tls_key.as_ref().map(path)),
            ("--tls-authority", &["tls", "authority"], self.tls_authority.as_ref().map(path)),
            ("--log-format", &["log", "format"], self.log_format.and_then(|form| form.to_possible_value()).map(word)),
        ];
        let texts = texts.into_iter().filter_map(|(flag, key, value)| Some(Override::flag(flag, key, value?)));
        let mut overrides: Vec<Override> = texts.collect();
        if !self.services.is_empty() {
            let services: Vec<Value> = self.services.iter().cloned().map(Value::String).collect();
            overrides.push(Override::flag("SERVICE", &["services"], services));
        }
        overrides.extend(self.link.iter().map(|(name, url)| Override::flag("--link", &["links", name], url.as_str())));
        overrides
    }
}

/// Runs a server until SIGTERM or SIGINT; a second signal ends it at once.
pub(super) fn run(arguments: &Arguments, output: Output) -> Result<()> {
    let Loaded { config, unknown_variables } = arguments.load()?;
    telemetry::log(&config.log)?;
    for variable in unknown_variables {
        tracing::warn!(%variable, "this variable begins like a setting and is none; `wangge config` lists all");
    }
    super::runtime(config.thread_count())?.block_on(async {
        // Listened for before anything starts, so that no signal is missed.
        let mut signals = Signals::new()?;
        let token_file = config.data.join(ADMIN_TOKEN_FILE);
        let server = tokio::select! {
            started = Server::start(config, Arc::new(SystemClock)) => started?,
            // Nobody was answered yet, so there is nothing to finish.
            () = signals.next() => end_at_once(),
        };
        let told = json!({
            "ready": server.url(),
            "pid": std::process::id(),
            // Only the process with the service staff makes one.
            "admin_token_file": token_file.exists().then_some(token_file),
            "metrics": server.metrics_address().map(|address| format!("http://{address}/metrics")),
        });
        // That nobody reads this line is no reason not to serve.
        if let Err(error) = output.value(&told, || format!("ready on {}", server.url())) {
            tracing::warn!(%error, "ready on {}", server.url());
        }
        signals.next().await;
        tracing::info!("stopping; a second signal ends the process at once");
        tokio::select! {
            stopped = server.stop() => stopped,
            () = signals.next() => end_at_once(),
        }
    })
}

/// Ends the process as an interrupted one. Nothing that was acknowledged is lost.
fn end_at_once() -> ! {
    tracing::warn!("ended at once; what the index lacks is read from the journal at the next start");
    std::process::exit(130)
}

/// The signals that ask a process to stop.
#[cfg(unix)]
struct Signals {
    interrupt: signal::unix::Signal,
    terminate: signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> Result<Self> {
        let listen = |kind| {
            let failed = |cause| Error::internal("signals cannot be listened for").caused_by(cause);
            signal::unix::signal(kind).map_err(failed)
        };
        let interrupt = listen(signal::unix::SignalKind::interrupt())?;
        Ok(Self { interrupt, terminate: listen(signal::unix::SignalKind::terminate())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// The signals that ask a process to stop.
#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) {
        // Without a handler the system ends the process by itself.
        if signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
