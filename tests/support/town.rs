//! A server with the map of [`Land::squares`] in force and one person in every post: where most tests begin.

use wangge::config::Config;

use crate::{Land, People, Wangge};

/// The server, the land and the people.
pub struct Town {
    /// The server.
    pub server: Wangge,
    /// The areas by code.
    pub land: Land,
    /// One caller for each post.
    pub people: People,
}

impl Town {
    /// Founds it.
    pub async fn start() -> Self {
        Self::start_with(|_| ()).await
    }

    /// The same with another configuration of the server.
    pub async fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        let server = Wangge::start_with(change).await;
        let land = Land::install(&server.administrator, &Land::squares()).await;
        let people = People::hire(&server.administrator, &land).await;
        Self { server, land, people }
    }
}
