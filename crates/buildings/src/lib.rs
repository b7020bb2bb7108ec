//! Buildings (房): estates, buildings, their units and rooms, and which of them an address means.
//!
//! What all registries share (whose word counts, history, claims, search, counts) is `registry`. What is deliberately
//! not here: who lives in a room (that is `population`), and shops and firms.
//!
//! | room | what it holds |
//! |---|---|
//! | `model` | addresses, and the rules of each kind of element; pure |
//! | `index` | the gazetteer of this store: filled at start, kept up to date from the feed |
//! | `service` | the generated trait, thin; placing in micro-grids; matching addresses |

mod index;
pub mod model;
mod service;

use std::sync::Arc;

use api::buildings::v1::building_service_server::BuildingServiceServer;
use api::grids::v1::grid_service_client::GridServiceClient;
use base::{Clock, Result, limits};
use registry::{Collection, Kind, Registry};
use rpc::Link;
use store::{Schema, Store};
use tonic::service::Routes;

use index::Index;
use model::rules::{BuildingRules, EstateRules, RoomRules, UnitRules};

/// The name of the service: its store's directory, its configuration's section.
pub const SERVICE_NAME: &str = "buildings";

/// Every table of this service.
pub const SCHEMA: Schema = registry::SCHEMA;

// The numbers of the kinds are on disk: never changed, never used again. What lies in another comes after it.
const ESTATE: u32 = 1;
const BUILDING: u32 = 2;
const UNIT: u32 = 3;
const ROOM: u32 = 4;

/// The service. Cloning is cheap; all clones are one.
#[derive(Clone)]
pub struct Buildings {
    estates: Collection,
    buildings: Collection,
    units: Collection,
    rooms: Collection,
    grids: GridServiceClient<Link>,
    index: Arc<Index>,
}

impl Buildings {
    /// The service over a store that was opened with [`SCHEMA`], and the way to `grids`, which decides micro-grids.
    /// The gazetteer is read in the background; the first match waits for it.
    pub fn new(store: Store, grids: Link, clock: Arc<dyn Clock>) -> Result<Self> {
        let kinds = vec![
            Kind::new(ESTATE, "estates", "wangge.buildings.v1.Estate", EstateRules)?,
            Kind::new(BUILDING, "buildings", "wangge.buildings.v1.Building", BuildingRules)?,
            Kind::new(UNIT, "units", "wangge.buildings.v1.Unit", UnitRules)?,
            Kind::new(ROOM, "rooms", "wangge.buildings.v1.Room", RoomRules)?,
        ];
        let registry = Registry::new(store.clone(), grids.clone(), clock, "buildings.read", kinds)?;
        Ok(Self {
            estates: registry.of(ESTATE)?,
            buildings: registry.of(BUILDING)?,
            units: registry.of(UNIT)?,
            rooms: registry.of(ROOM)?,
            grids: GridServiceClient::new(grids),
            index: Index::start(store)?,
        })
    }

    /// The service to be served, without the stack that guards it.
    pub fn into_routes(self) -> Routes {
        let server = BuildingServiceServer::new(self)
            .max_decoding_message_size(limits::MESSAGE_BYTES_MAX)
            .max_encoding_message_size(limits::MESSAGE_BYTES_MAX);
        Routes::new(server)
    }
}
