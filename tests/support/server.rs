//! A server in this process on a temporary directory, with a clock that the test moves.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use base::{ManualClock, Time};
use rpc::link::Link;
use tempfile::TempDir;
use tonic::transport::Endpoint;
use wangge::config::Config;
use wangge::serve::Server;

use crate::{Caller, at};

/// A running server and its administrator.
pub struct Wangge {
    /// Holds the token that the first start wrote.
    pub administrator: Caller,
    /// What the server takes for now; starts at half past eight on Tuesday, 22 September 2026.
    pub clock: Arc<ManualClock>,
    config: Config,
    server: Option<Server>,
    folder: TempDir,
}

impl Wangge {
    /// Starts a server on a fresh directory.
    pub async fn start() -> Self {
        Self::start_with(|_| ()).await
    }

    /// The same with another configuration.
    pub async fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let clock = Arc::new(ManualClock::at(at("2026-09-22 08:30")));
        let listen = "127.0.0.1:0".parse().expect("an address");
        let mut config = Config { data: folder.path().join("data"), listen, ..Config::default() };
        change(&mut config);
        let server = serve(&config, &clock).await;
        let administrator = administrator(&server, &config).await;
        Self { administrator, clock, config, server: Some(server), folder }
    }

    /// Stops the server and starts another one on the same directory. Callers of the old one are cut off: take them
    /// over with [`Wangge::again`].
    pub async fn restart(&mut self) {
        self.stop().await;
        let server = serve(&self.config, &self.clock).await;
        self.administrator = administrator(&server, &self.config).await;
        self.server = Some(server);
    }

    /// Ends the server gracefully.
    pub async fn stop(&mut self) {
        if let Some(server) = self.server.take() {
            server.stop().await.expect("a server stops gracefully");
        }
    }

    /// Where it listens: `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        self.server.as_ref().expect("the server runs").url()
    }

    /// Where metrics are read, when they are.
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.server.as_ref().and_then(Server::metrics_address)
    }

    /// The token that the first start wrote.
    pub fn administrator_token(&self) -> String {
        token(&self.config)
    }

    /// Its directory.
    pub fn directory(&self) -> &Path {
        self.folder.path()
    }

    /// Somebody who called the server before it was restarted, with a new token.
    pub async fn again(&self, caller: &Caller) -> Caller {
        self.administrator.token_for(&caller.name).await
    }

    /// A caller over a connection of its own.
    pub async fn connect(&self, token: &str) -> Caller {
        Caller::new(link(&self.url()).await, token, "")
    }

    /// What the clock shows.
    pub fn now(&self) -> Time {
        base::Clock::now(&*self.clock)
    }
}

async fn serve(config: &Config, clock: &Arc<ManualClock>) -> Server {
    Server::start(config.clone(), clock.clone()).await.expect("a server starts")
}

async fn administrator(server: &Server, config: &Config) -> Caller {
    Caller::new(link(&server.url()).await, &token(config), "")
}

/// The administrator's token; empty where another process keeps the people.
fn token(config: &Config) -> String {
    let token = fs::read_to_string(config.data.join("admin.token")).unwrap_or_default();
    token.trim().to_owned()
}

async fn link(url: &str) -> Link {
    let endpoint = Endpoint::from_shared(url.to_owned()).expect("an address").tcp_nodelay(true);
    Link::remote(endpoint.connect().await.expect("the server can be reached"))
}
