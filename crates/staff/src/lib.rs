//! Who works here: people and programs, their posts, the grids in their charge, and their tokens.
//!
//! What is deliberately not here: the table of posts and actions (that is `rpc::access`), and areas, which `grids`
//! keeps and this service only asks for.

mod authority;
mod bootstrap;
mod convert;
mod model;
mod service;
mod tables;
mod token;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use api::grids::v1::grid_service_client::GridServiceClient;
use api::staff::v1::staff_service_server::StaffServiceServer;
use base::{Clock, limits};
use rpc::Link;
use serde::{Deserialize, Serialize};
use store::Store;

pub use authority::LocalAuthority;
pub use bootstrap::{bootstrap, issue_offline, write_token_file};
pub use tables::SCHEMA;
pub use token::Token;

/// The name of this service: of its store and of its directory.
pub const SERVICE_NAME: &str = "staff";

/// What a deployment may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// Tokens whose bearer is remembered between calls; another one costs a signature check with every call.
    pub tokens_remembered_max: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { tokens_remembered_max: 10_000 }
    }
}

/// The staff service over its store.
#[derive(Clone)]
pub struct Staff {
    store: Store,
    grids: GridServiceClient<Link>,
    clock: Arc<dyn Clock>,
}

impl Staff {
    /// The service over a store opened with [`SCHEMA`]; `grids` answers where areas are.
    pub fn new(store: Store, grids: Link, clock: Arc<dyn Clock>) -> Self {
        Self { store, grids: GridServiceClient::new(grids), clock }
    }

    /// The routes of the service, without the stack that guards them.
    pub fn into_routes(self) -> tonic::service::Routes {
        let server = StaffServiceServer::new(self)
            .max_decoding_message_size(limits::MESSAGE_BYTES_MAX)
            .max_encoding_message_size(limits::MESSAGE_BYTES_MAX);
        tonic::service::Routes::new(server)
    }
}
