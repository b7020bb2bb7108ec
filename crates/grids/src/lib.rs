//! 地: the tree of areas, the boundary releases, and the answer to "which micro-grid is this point in?".
//!
//! Areas have a stable id, a place in the tree and codes with days (`model::area`, `model::tree`). Boundaries arrive in
//! a release that is checked, accepted and activated as a whole (`model::release`). What is in force is held in memory
//! as an immutable index and swapped atomically (`land`). Not here: people, incidents, addresses; other services speak
//! to this one over gRPC only, and this one speaks to none.

mod convert;
mod land;
mod model;
mod records;
mod service;
mod tables;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use api::grids::v1::grid_service_server::GridServiceServer;
use base::{Clock, Result, limits};
use serde::{Deserialize, Serialize};
use store::Store;
use tonic::service::Routes;

use crate::land::Land;

pub use tables::SCHEMA;

/// The name of the service: its store's directory, its configuration's section.
pub const SERVICE_NAME: &str = "grids";

/// What a deployment may set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// A base grid or micro-grid with more households than this is warned about, never refused (GB/T 34300 practice:
    /// 300 to 500).
    pub households_warned: u32,
    /// So many findings of one validation are kept, the worst; all are counted.
    pub findings_kept: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { households_warned: 500, findings_kept: 10_000 }
    }
}

/// The service.
#[derive(Clone)]
pub struct Grids(Arc<Inner>);

struct Inner {
    store: Store,
    land: Land,
    options: Options,
    clock: Arc<dyn Clock>,
    /// Held while the boundaries in force change, so that plans are made on what they will be installed over.
    change: tokio::sync::Mutex<()>,
    /// Held while a ground of the past is built.
    recall: tokio::sync::Mutex<()>,
}

impl Grids {
    /// Opens the service on its store, which has [`SCHEMA`]. Reads all areas and builds what is in force: milliseconds
    /// for a subdistrict, seconds for a large city.
    pub fn new(store: Store, options: Options, clock: Arc<dyn Clock>) -> Result<Self> {
        let land = Land::open(&store, clock.now())?;
        Ok(Self(Arc::new(Inner {
            store,
            land,
            options,
            clock,
            change: Default::default(),
            recall: Default::default(),
        })))
    }

    /// The service as gRPC routes, without any layer around them.
    pub fn into_routes(self) -> Routes {
        let server = GridServiceServer::new(self)
            .max_decoding_message_size(limits::MESSAGE_BYTES_MAX)
            .max_encoding_message_size(limits::MESSAGE_BYTES_MAX);
        Routes::new(server)
    }
}
