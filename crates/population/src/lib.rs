//! People (人): persons, households, and who lives where.
//!
//! What a person is, the rules of its numbers and dates, and the typed service; what all registries share (whose word
//! counts, history, claims, deliveries, search, counts) is `registry`. What is deliberately not here: rooms and
//! buildings (only their names), events, and who works here (that is `staff`).
//!
//! | room | what it holds |
//! |---|---|
//! | `model` | identity numbers, and the rules of each kind of element; pure |
//! | `service` | the generated trait, thin |

mod model;
mod service;

use std::sync::Arc;

use api::population::v1::population_service_server::PopulationServiceServer;
use base::{Clock, Result, limits};
use registry::{Collection, Kind, Registry};
use rpc::Link;
use store::{Schema, Store};
use tonic::service::Routes;

/// The name of the service: its store's directory, its configuration's section.
pub const SERVICE_NAME: &str = "population";

/// Every table of this service.
pub const SCHEMA: Schema = registry::SCHEMA;

// The numbers of the kinds are on disk: never changed, never used again.
const PERSON: u32 = 1;
const HOUSEHOLD: u32 = 2;
const RESIDENCE: u32 = 3;

/// The service. Cloning is cheap; all clones are one.
#[derive(Clone)]
pub struct Population {
    persons: Collection,
    households: Collection,
    residences: Collection,
    clock: Arc<dyn Clock>,
}

impl Population {
    /// The service over a store that was opened with [`SCHEMA`], and the way to `grids`, which says where areas are.
    pub fn new(store: Store, grids: Link, clock: Arc<dyn Clock>) -> Result<Self> {
        let kinds = vec![
            Kind::new(PERSON, "persons", "wangge.population.v1.Person", model::person::PersonRules)?,
            Kind::new(HOUSEHOLD, "households", "wangge.population.v1.Household", model::household::HouseholdRules)?,
            Kind::new(RESIDENCE, "residences", "wangge.population.v1.Residence", model::residence::ResidenceRules)?,
        ];
        let registry = Registry::new(store, grids, clock.clone(), "population.read", kinds)?;
        Ok(Self {
            persons: registry.of(PERSON)?,
            households: registry.of(HOUSEHOLD)?,
            residences: registry.of(RESIDENCE)?,
            clock,
        })
    }

    /// The service to be served, without the stack that guards it.
    pub fn into_routes(self) -> Routes {
        let server = PopulationServiceServer::new(self)
            .max_decoding_message_size(limits::MESSAGE_BYTES_MAX)
            .max_encoding_message_size(limits::MESSAGE_BYTES_MAX);
        Routes::new(server)
    }
}
