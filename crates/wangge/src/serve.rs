//! A running server: the wired services behind a socket, from the first byte of a connection to the last checkpoint.
//!
//! Calls come over HTTP/2, or as gRPC-Web over HTTP/1.1, in the clear or encrypted. Around the services stand health,
//! reflection and, on a port of its own, metrics. What is not here: which services there are (`compose`).

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use api::operations::v1::operations_service_server::OperationsServiceServer;
use base::{Clock, Error, Kind, Result, limits};
use prost::Message;
use store::Store;
use tokio::net::TcpSocket;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tonic::service::Routes;
use tonic::transport::{Identity, ServerTlsConfig};
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;
use tonic_web::GrpcWebLayer;

use crate::client::causes;
use crate::compose::{House, compose};
use crate::config::{Config, STAFF};
use crate::connection;
use crate::operations::Operations;
use crate::stores::{Stores, blocking};
use crate::{telemetry, upkeep};

/// How often a silent connection is checked, and how long the answer may take.
const KEEP_ALIVE: Duration = Duration::from_secs(30);
/// Connections that wait to be accepted.
const CALLERS_WAITING_MAX: u32 = 1_024;
/// How long a caller may take to agree on encryption.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// The file with the first administrator's token, inside the data directory.
pub const ADMIN_TOKEN_FILE: &str = "admin.token";

/// A running server.
pub struct Server {
    address: SocketAddr,
    encrypted: bool,
    stores: Stores,
    health: HealthReporter,
    services: Vec<String>,
    stopping: watch::Sender<bool>,
    serving: JoinHandle<Result<(), tonic::transport::Error>>,
    metrics: Option<telemetry::Listener>,
    upkeep: Option<JoinHandle<()>>,
    stop_within: Duration,
}

impl Server {
    /// Opens the stores, makes the first administrator where there is none, and takes calls when it returns.
    ///
    /// Errors: `DATA_IN_USE` when another process has the directory, `LISTEN` when the address is taken, and whatever
    /// keeps a store from opening, in words for whoever runs the server.
    pub async fn start(config: Config, clock: Arc<dyn Clock>) -> Result<Self> {
        config.check()?;
        let reserved = reserve(config.listen).map_err(|cause| unbindable(config.listen, cause))?;
        let (stopping, stop_seen) = watch::channel(false);
        let (settings, composed_clock, composed_stop) = (config.clone(), clock.clone(), stop_seen.clone());
        // Stores wait for the disk when they open, for minutes when an index is built again. On a thread of its own that
        // holds nobody back: not the signal that ends the process, and not other work of this runtime.
        let opening = blocking(move || {
            // A certificate that cannot be used is found before anything is made.
            let transport = transport(&settings)?;
            make_private_directory(&settings.data)?;
            Ok((transport, compose(&settings, &composed_clock, composed_stop)?))
        });
        let (transport, House { stores, routes, stack, metrics }) = opening.await?;
        warn_of_open_doors(&config);
        if let Some(store) = stores.get(STAFF) {
            make_administrator(store, &config.data.join(ADMIN_TOKEN_FILE), &*clock).await?;
        }
        let listener = reserved.listen(CALLERS_WAITING_MAX).map_err(|cause| unbindable(config.listen, cause))?;
        let address = listener.local_addr().map_err(|cause| unbindable(config.listen, cause))?;
        let metrics = match config.metrics_listen {
            None => None,
            Some(listen) => {
                let shown = telemetry::Shown { metrics, stores: stores.clone(), data: config.data.clone() };
                Some(telemetry::Listener::start(listen, shown, stop_seen.clone()).await?)
            }
        };

        let services = public_services(&config.local_services());
        let operations = Operations::new(stores.clone(), config.local_services(), clock);
        let (health, health_service) = tonic_health::server::health_reporter();
        for service in &services {
            health.set_service_status(service, ServingStatus::Serving).await;
        }
        let routes = routes.add_service(OperationsServiceServer::new(operations)).add_service(health_service);
        let routes = with_reflection(routes, &services)?.prepare();
        let mut builder = transport.layer(GrpcWebLayer::new()).layer(stack);
        let router = builder.add_routes(routes);
        let stopped = wait_for_stop(stop_seen);
        let serving =
            tokio::spawn(router.serve_with_incoming_shutdown(connection::accepted(listener, KEEP_ALIVE), stopped));
        let (encrypted, stop_within) = (config.is_encrypted(), Duration::from_secs(config.stop_seconds));
        let pause = Duration::from_secs(u64::from(config.store.snapshot_hours) * 3_600);
        let upkeep = (!pause.is_zero()).then(|| upkeep::start(stores.clone(), pause));
        Ok(Self { address, encrypted, stores, health, services, stopping, serving, metrics, upkeep, stop_within })
    }

    /// Where calls are taken: the real port when the configured one was 0.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The same as clients write it: `http://127.0.0.1:50051`.
    pub fn url(&self) -> String {
        let scheme = if self.encrypted { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// Where metrics are read, when they are.
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.metrics.as_ref().map(telemetry::Listener::address)
    }

    /// Stops: takes no more connections, ends watches with a reason, lets calls in flight finish for as long as the
    /// configuration grants, then writes checkpoints and closes the stores. Acknowledged work is durable before it is
    /// acknowledged, so nothing is lost even when this is cut short.
    pub async fn stop(mut self) -> Result<()> {
        // The empty name stands for the server as a whole.
        for service in self.services.iter().map(String::as_str).chain([""]) {
            self.health.set_service_status(service, ServingStatus::NotServing).await;
            // Whoever watches it hears that, and then the watch ends instead of holding the stop back.
            self.health.clear_service_status(service).await;
        }
        if let Some(upkeep) = self.upkeep {
            upkeep.abort();
        }
        // Nobody listens when everything has ended by itself; then there is nothing to tell.
        let _ = self.stopping.send(true);
        let mut serving = self.serving;
        let served = match tokio::time::timeout(self.stop_within, &mut serving).await {
            Ok(served) => served,
            Err(_) => {
                tracing::warn!(
                    seconds = self.stop_within.as_secs(),
                    "calls in flight did not finish in time; ending them"
                );
                serving.abort();
                Ok(Ok(()))
            }
        };
        if let Some(metrics) = self.metrics {
            metrics.stop().await;
        }
        self.stores.close().await?;
        match served {
            Ok(Ok(())) => Ok(()),
            Ok(Err(cause)) => Err(Error::internal("serving ended with a fault").caused_by(causes(&cause))),
            Err(cause) => Err(Error::internal("serving panicked").caused_by(cause)),
        }
    }
}

async fn wait_for_stop(mut stopping: watch::Receiver<bool>) {
    // A closed channel means that the server was dropped without `stop`: end too.
    let _ = stopping.wait_for(|stopping| *stopping).await;
}

/// Makes the first administrator where there is none, and leaves the token in a file.
async fn make_administrator(store: &Store, file: &Path, clock: &dyn Clock) -> Result<()> {
    let Some(token) = staff::bootstrap(store, clock).await? else { return Ok(()) };
    staff::write_token_file(file, &token).map_err(|error| {
        // The next start finds an administrator and writes no token.
        let advice = "`wangge token issue --data DIR --out FILE` makes another while the server is stopped";
        let message = format!("{}; {advice}", error.message());
        error.saying(message)
    })?;
    tracing::info!(file = %file.display(), "made the first administrator; the file holds the token");
    Ok(())
}

/// Warns of what others can see: the files of a directory that was there before, and calls without encryption.
fn warn_of_open_doors(config: &Config) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(&config.data).map_or(0, |metadata| metadata.permissions().mode());
        if mode & 0o077 != 0 {
            let directory = config.data.display();
            tracing::warn!(
                "others may look into {directory}, which holds personal data and keys: chmod 700 {directory}"
            );
        }
    }
    if !config.is_encrypted() && !config.listen.ip().is_loopback() {
        tracing::warn!(listen = %config.listen, "calls and tokens come in the clear; [tls] encrypts them");
    }
}

/// Makes the data directory so that only its owner can look into it: it holds personal data and signing keys.
pub(crate) fn make_private_directory(directory: &Path) -> Result<()> {
    let failed = |cause: std::io::Error| {
        let message =
            format!("the data directory {} cannot be made: {cause}; --data names another", directory.display());
        Error::new(Kind::Precondition, "DATA_DIRECTORY", message)
    };
    if directory.is_dir() {
        return Ok(());
    }
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(directory).map_err(failed)
}

/// Takes the address without listening yet: a taken one is found before anything is made, and nobody calls a server that
/// is not ready.
fn reserve(listen: SocketAddr) -> std::io::Result<TcpSocket> {
    let socket = if listen.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // Connections of a server that stopped a moment ago do not hold its address.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(listen)?;
    Ok(socket)
}

fn unbindable(listen: SocketAddr, cause: std::io::Error) -> Error {
    let message = format!("calls cannot be taken on {listen}; choose another address with --listen");
    Error::new(Kind::Precondition, "LISTEN", message).caused_by(cause)
}

/// How connections are kept, and encrypted where the configuration says so.
fn transport(config: &Config) -> Result<tonic::transport::Server> {
    let server = tonic::transport::Server::builder()
        .accept_http1(true)
        .max_concurrent_streams(limits::CONCURRENT_STREAMS_MAX)
        .http2_keepalive_interval(Some(KEEP_ALIVE))
        .http2_keepalive_timeout(Some(KEEP_ALIVE));
    if !config.is_encrypted() {
        return Ok(server);
    }
    let read =
        |path: &Path| fs::read(path).map_err(|cause| bad_certificate(config, &format!("{}: {cause}", path.display())));
    let (certificate, key) = (read(&config.tls.certificate)?, read(&config.tls.key)?);
    let tls = ServerTlsConfig::new().identity(Identity::from_pem(certificate, key)).timeout(HANDSHAKE);
    server.tls_config(tls).map_err(|cause| bad_certificate(config, &causes(&cause)))
}

fn bad_certificate(config: &Config, cause: &str) -> Error {
    let (certificate, key) = (config.tls.certificate.display(), config.tls.key.display());
    let message = format!("the certificate {certificate} with the key {key} cannot be used: {cause}");
    Error::new(Kind::Invalid, "CERTIFICATE", message)
}

/// The files of a descriptor set without looking into them: decoding them would drop the options that hold the access
/// rules.
#[derive(Clone, PartialEq, Message)]
struct RawFiles {
    #[prost(bytes = "vec", repeated, tag = "1")]
    files: Vec<Vec<u8>>,
}

/// What reflection tells: the public contract with its comments and options, and nothing of the bytes at rest.
fn public_descriptors() -> Result<RawFiles> {
    let broken = |cause| Error::internal("the compiled contract cannot be read").caused_by(cause);
    let mut all = RawFiles::decode(api::DESCRIPTORS).map_err(broken)?;
    let is_public = |file: &Vec<u8>| {
        let file = prost_types::FileDescriptorProto::decode(file.as_slice()).unwrap_or_default();
        !file.package().starts_with("wangge.stored")
    };
    all.files.retain(is_public);
    Ok(all)
}

/// The full names of the services that this process offers: `wangge.grids.v1.GridService`.
fn public_services(local: &[&str]) -> Vec<String> {
    let offered = |name: &str| name.split('.').nth(1).is_some_and(|room| room == "operations" || local.contains(&room));
    let names = crate::words::contract().services().map(|service| service.full_name().to_owned());
    names.filter(|name| offered(name)).collect()
}

fn with_reflection(routes: Routes, services: &[String]) -> Result<Routes> {
    let broken = |cause| Error::internal("reflection cannot be built").caused_by(cause);
    let descriptors = public_descriptors()?.encode_to_vec();
    let builder = || {
        let builder = tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(&descriptors)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET);
        services.iter().fold(builder, tonic_reflection::server::Builder::with_service_name)
    };
    let v1 = builder().build_v1().map_err(broken)?;
    let v1alpha = builder().build_v1alpha().map_err(broken)?;
    Ok(routes.add_service(v1).add_service(v1alpha))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reflection_tells_the_contract_and_nothing_of_the_bytes_at_rest() {
        let files = public_descriptors().unwrap().files;
        let packages: Vec<String> = files
            .iter()
            .map(|file| prost_types::FileDescriptorProto::decode(file.as_slice()).unwrap().package().to_owned())
            .collect();
        assert!(packages.iter().any(|package| package == "wangge.grids.v1"));
        assert!(!packages.iter().any(|package| package.contains("stored")));
        // The options survive, because the bytes are passed on as they are.
        assert!(files.iter().any(|file| file.windows(12).any(|bytes| bytes == b"grids.locate")));
    }
}
