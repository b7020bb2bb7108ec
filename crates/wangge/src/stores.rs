//! The stores of a process: one for each service that runs here, each in a directory of its own.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use base::{Clock, Error, Kind, Result};
use store::{EngineKind, Schema, Store};

use crate::archive;
use crate::config::{BUILDINGS, Config, EVENTS, GRIDS, POPULATION, SERVICES, STAFF, StoreConfig};

/// A service's name with how its store is.
pub(crate) type Named = (&'static str, store::Status);

/// The open stores, from the lowest service up. Cloning is cheap.
#[derive(Clone)]
pub(crate) struct Stores {
    open: Arc<[(&'static str, Store)]>,
    engine: EngineKind,
}

/// What a service keeps.
pub(crate) fn schema(service: &str) -> Result<Schema> {
    match service {
        GRIDS => Ok(grids::SCHEMA),
        STAFF => Ok(staff::SCHEMA),
        BUILDINGS => Ok(buildings::SCHEMA),
        POPULATION => Ok(population::SCHEMA),
        EVENTS => Ok(events::SCHEMA),
        other => Err(Error::not_found(format!("the store {other}"))),
    }
}

/// How the store of a service is opened in a data directory.
pub(crate) fn options(config: &StoreConfig, data: &Path, service: &str, clock: &Arc<dyn Clock>) -> store::Options {
    store::Options {
        engine: config.engine.into(),
        cache_bytes: config.cache_mib << 20,
        feed_retention: Duration::from_secs(u64::from(config.feed_days) * 86_400),
        ..store::Options::at(data.join(service)).clock(clock.clone())
    }
}

impl Stores {
    /// Opens the stores of the services that run here, making those that are not there yet.
    pub(crate) fn open(config: &Config, clock: &Arc<dyn Clock>) -> Result<Self> {
        archive::refuse_unfinished_restore(&config.data)?;
        let mut open = Vec::new();
        for service in config.local_services() {
            let options = options(&config.store, &config.data, service, clock);
            open.push((service, Store::open(service, schema(service)?, options).map_err(for_an_operator)?));
        }
        Ok(Self { open: open.into(), engine: config.store.engine.into() })
    }

    /// The store of a service, when it runs here.
    pub(crate) fn get(&self, service: &str) -> Option<&Store> {
        self.open.iter().find(|(name, _)| *name == service).map(|(_, store)| store)
    }

    /// Every store with its service's name, from the lowest service up.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = (&'static str, &Store)> {
        self.open.iter().map(|(name, store)| (*name, store))
    }

    /// What holds the indexes.
    pub(crate) fn engine(&self) -> EngineKind {
        self.engine
    }

    /// How every store is.
    pub(crate) async fn statuses(&self) -> Result<Vec<Named>> {
        let stores = self.clone();
        // Sizes on disk are looked up in the file system.
        blocking(move || stores.iter().map(|(name, store)| Ok((name, store.status()?))).collect()).await
    }

    /// Writes checkpoints and closes every store.
    pub(crate) async fn close(&self) -> Result<()> {
        let stores = self.clone();
        // All are closed even when one fails; the first failure is told.
        blocking(move || stores.iter().map(|(_, store)| store.close()).fold(Ok(()), Result::and)).await
    }
}

/// Which engine keeps the index of a store at rest. Fails when there is no store.
pub(crate) fn engine_at_rest(data: &Path, service: &str) -> Result<EngineKind> {
    let directory = data.join(service);
    let described = store::describe(&store::disk::RealDisk, &directory)?;
    described.map(|found| found.engine).ok_or_else(|| {
        let message = format!("{} holds no store of the service {service}", data.display());
        Error::new(Kind::NotFound, "NO_STORE", message)
    })
}

/// The services whose stores a data directory holds, from the lowest up. Fails when there is none.
pub(crate) fn services_at_rest(data: &Path) -> Result<Vec<&'static str>> {
    archive::refuse_unfinished_restore(data)?;
    let services: Vec<&'static str> = SERVICES.into_iter().filter(|service| data.join(service).is_dir()).collect();
    if services.is_empty() {
        let message = format!("{} is no data directory: it holds none of {}", data.display(), SERVICES.join(", "));
        return Err(Error::new(Kind::NotFound, "NO_STORE", message));
    }
    Ok(services)
}

/// Runs work that waits for a disk on a thread where it may.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|panic| Err(Error::internal("work on a store panicked").caused_by(panic)))
}

/// The store's own words are about its directory; whoever starts a server wants to hear of the server.
fn for_an_operator(error: Error) -> Error {
    let (reason, advice) = match error.reason() {
        "STORE_IN_USE" => ("DATA_IN_USE", "only one server at a time may use a data directory (--data names another)"),
        "ENGINE_DIFFERS" => ("ENGINE_DIFFERS", "`wangge serve --engine …` says with which engine a server opens it"),
        _ => return error,
    };
    Error::new(Kind::Precondition, reason, format!("{}: {advice}", error.message()))
}
