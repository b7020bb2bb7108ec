//! The wiring of the house: which service gets which store and which links, from the lowest service up.
//!
//! A link is guarded by the stack, the stack asks the authority who calls, and the authority reads the staff store. So
//! the order is: stores, authority, stack, and then the services, each linked to those below it only.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use base::{Clock, Error, Result};
use rpc::Link;
use rpc::contract::Contract;
use rpc::identity::{Authority, RemoteAuthority};
use rpc::metrics::Metrics;
use rpc::stack::Stack;
use tokio::sync::watch;
use tonic::service::Routes;

use crate::client;
use crate::config::{BUILDINGS, Config, EVENTS, GRIDS, POPULATION, STAFF};
use crate::stores::Stores;

/// A process's services, wired and ready to be served.
pub(crate) struct House {
    /// The stores of the services that run here.
    pub(crate) stores: Stores,
    /// The services that run here, without the stack.
    pub(crate) routes: Routes,
    /// What guards them.
    pub(crate) stack: Stack,
    /// What the stack counts.
    pub(crate) metrics: Arc<Metrics>,
}

/// Opens the stores and wires the services that this process runs. `stopping` turns true when the process begins to
/// stop. Needs a tokio runtime.
pub(crate) fn compose(config: &Config, clock: &Arc<dyn Clock>, stopping: watch::Receiver<bool>) -> Result<House> {
    let stores = Stores::open(config, clock)?;
    let remote = |service| remote(config, service);
    let authority: Arc<dyn Authority> = match stores.get(STAFF) {
        Some(store) => Arc::new(staff::LocalAuthority::new(store.clone(), config.staff.tokens_remembered_max)),
        None => Arc::new(RemoteAuthority::new(remote(STAFF)?)),
    };
    let contract = Contract::load()?;
    let metrics = Arc::new(Metrics::new(&contract));
    let stack = Stack::new(contract, authority, clock.clone(), metrics.clone(), stopping);
    let mut wiring =
        Wiring { stack: &stack, remote: &remote, local: BTreeMap::new(), routes: Routes::default().into_axum_router() };

    if let Some(store) = stores.get(GRIDS) {
        let service = grids::Grids::new(store.clone(), config.grids.clone(), clock.clone())?;
        wiring.run(GRIDS, service.into_routes());
    }
    if let Some(store) = stores.get(STAFF) {
        let service = staff::Staff::new(store.clone(), wiring.link(GRIDS)?, clock.clone());
        wiring.run(STAFF, service.into_routes());
    }
    if let Some(store) = stores.get(BUILDINGS) {
        let service = buildings::Buildings::new(store.clone(), wiring.link(GRIDS)?, clock.clone())?;
        wiring.run(BUILDINGS, service.into_routes());
    }
    if let Some(store) = stores.get(POPULATION) {
        let service = population::Population::new(store.clone(), wiring.link(GRIDS)?, clock.clone())?;
        wiring.run(POPULATION, service.into_routes());
    }
    if let Some(store) = stores.get(EVENTS) {
        let (grids, staff) = (wiring.link(GRIDS)?, wiring.link(STAFF)?);
        let service = events::Events::new(store.clone(), grids, staff, config.events.clone(), clock.clone())?;
        wiring.run(EVENTS, service.into_routes());
    }

    let routes = Routes::from(wiring.routes);
    Ok(House { stores, routes, stack, metrics })
}

/// The services wired so far.
struct Wiring<'a> {
    stack: &'a Stack,
    remote: &'a dyn Fn(&'static str) -> Result<Link>,
    local: BTreeMap<&'static str, Link>,
    routes: axum::Router,
}

impl Wiring<'_> {
    /// Runs a service here: it can be linked to, and is served.
    fn run(&mut self, service: &'static str, routes: Routes) {
        self.local.insert(service, Link::local(routes.clone().prepare(), self.stack));
        // Each has the same fallback (UNIMPLEMENTED), and a router may have only one.
        self.routes = std::mem::take(&mut self.routes).merge(routes.into_axum_router().reset_fallback());
    }

    /// The way to a service, here or elsewhere.
    fn link(&self, service: &'static str) -> Result<Link> {
        self.local.get(service).cloned().map_or_else(|| (self.remote)(service), Ok)
    }
}

/// The way to a service of another process. It is not called before it is needed, so that processes may start in any
/// order.
fn remote(config: &Config, service: &'static str) -> Result<Link> {
    let url = config.links.get(service).ok_or_else(|| Error::internal(format!("there is no link to {service}")))?;
    let authority = Some(config.tls.authority.as_path()).filter(|path| *path != Path::new(""));
    Ok(Link::remote(client::endpoint(url, authority)?.connect_lazy()))
}
