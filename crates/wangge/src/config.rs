//! The configuration of a server: every key with its meaning and default.
//!
//! Layers, each over the one before: defaults, the TOML file, the environment (`WANGGE_` and the key in capitals, such
//! as `WANGGE_STORE_ENGINE`), flags. How they are laid over each other is in [`layers`]. No key holds a secret: what
//! is secret (keys of certificates, tokens) stays in files that are only named here.

pub mod layers;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use base::{Error, Kind, Result, Violations};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use store::EngineKind;

/// The service of areas and boundaries.
pub const GRIDS: &str = "grids";
/// The service of people and their posts.
pub const STAFF: &str = "staff";
/// The service of estates, buildings, units and rooms.
pub const BUILDINGS: &str = "buildings";
/// The service of incidents.
pub const EVENTS: &str = "events";
/// The service of persons, households and residences.
pub const POPULATION: &str = "population";
/// The services a process can run, from the lowest up. The names are those of their stores and directories too.
pub const SERVICES: [&str; 5] = [GRIDS, STAFF, BUILDINGS, POPULATION, EVENTS];

/// The services that a service calls.
fn calls(service: &str) -> &'static [&'static str] {
    match service {
        EVENTS => &[GRIDS, STAFF],
        STAFF | BUILDINGS | POPULATION => &[GRIDS],
        _ => &[],
    }
}

/// Every key of the configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The directory that holds the stores and `admin.token`; it is made when missing. Only one server at a time may
    /// use it.
    pub data: PathBuf,
    /// Where calls are taken. Port 0 takes any free port, which the line "ready on …" then names.
    #[serde(deserialize_with = "read_address")]
    pub listen: SocketAddr,
    /// Where `/metrics`, `/live` and `/ready` are served over plain HTTP; empty: nowhere.
    #[serde(serialize_with = "write_optional", deserialize_with = "read_optional")]
    pub metrics_listen: Option<SocketAddr>,
    /// The services this process runs; empty: all that are not linked.
    pub services: Vec<String>,
    /// How long a stopping server waits for calls in flight, in seconds.
    pub stop_seconds: u64,
    /// Threads that answer calls; 0: one on machines with up to two cores, else one per core. Long reads and the
    /// committers have threads of their own.
    pub threads: usize,
    /// Services that another process runs, by name: `grids = "https://grids.example:50051"`.
    pub links: BTreeMap<String, String>,
    /// Encryption of calls.
    pub tls: Tls,
    /// What is logged, and how.
    pub log: Log,
    /// How data is kept.
    pub store: StoreConfig,
    /// Options of the service grids.
    pub grids: grids::Options,
    /// Options of the service staff.
    pub staff: staff::Options,
    /// Options of the service events.
    pub events: events::Options,
}

/// Encryption of calls. Empty: calls come in the clear, which is for the same machine or a trusted network.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tls {
    /// PEM file with the certificate chain of this server.
    pub certificate: PathBuf,
    /// PEM file with its private key.
    pub key: PathBuf,
    /// PEM file with the authority that vouches for linked services.
    pub authority: PathBuf,
}

/// What is logged, and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    /// `text` for people, `json` for programs.
    pub format: LogFormat,
    /// Levels by module, such as `info` or `warn,rpc=debug`.
    pub filter: String,
}

/// The form of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// For programs: one JSON object per line.
    Json,
}

/// How data is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StoreConfig {
    /// The engine of the index: `sled`, `fjall` or `memory`. The journal in front of it is the same; `wangge rebuild`
    /// changes the engine of existing data.
    pub engine: Engine,
    /// Memory for each store's index, in MiB.
    pub cache_mib: u64,
    /// How long changes are kept for watchers that come back, in days.
    pub feed_days: u32,
    /// Every so many hours of running, a store that changed is covered by a snapshot in its directory, so that journal
    /// files older than `feed_days` can go and a damaged index is built faster; 0: never.
    pub snapshot_hours: u32,
}

/// The engine of a store's index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    /// sled 0.34: the default.
    Sled,
    /// fjall 3: faster bulk loads with less memory.
    Fjall,
    /// In memory, rebuilt from the journal at each start.
    Memory,
}

impl From<Engine> for EngineKind {
    fn from(engine: Engine) -> Self {
        match engine {
            Engine::Sled => Self::Sled,
            Engine::Fjall => Self::Fjall,
            Engine::Memory => Self::Memory,
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data: PathBuf::from("wangge-data"),
            listen: SocketAddr::from(([127, 0, 0, 1], 50_051)),
            metrics_listen: None,
            services: Vec::new(),
            stop_seconds: 10,
            threads: 0,
            links: BTreeMap::new(),
            tls: Tls::default(),
            log: Log::default(),
            store: StoreConfig::default(),
            grids: grids::Options::default(),
            staff: staff::Options::default(),
            events: events::Options::default(),
        }
    }
}

impl Default for Log {
    fn default() -> Self {
        Self { format: LogFormat::Text, filter: "info".to_owned() }
    }
}

impl Default for StoreConfig {
    fn default() -> Self {
        Self { engine: Engine::Sled, cache_mib: 32, feed_days: 7, snapshot_hours: 6 }
    }
}

impl Config {
    /// The services that this process runs, from the lowest up.
    pub fn local_services(&self) -> Vec<&'static str> {
        let is_local = |name: &&str| match self.services.is_empty() {
            true => !self.links.contains_key(*name),
            false => self.services.iter().any(|service| service == name),
        };
        SERVICES.into_iter().filter(is_local).collect()
    }

    /// Whether calls are encrypted.
    pub fn is_encrypted(&self) -> bool {
        !self.tls.certificate.as_os_str().is_empty()
    }

    /// Threads that answer calls, counted for this machine.
    pub fn thread_count(&self) -> usize {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        match self.threads {
            // With the callers on the same two cores `load locate` answered 18,000 to 20,000 calls a second with one
            // thread and 12,000 to 17,000 with two, and once the same within the noise (22,000 and 21,000).
            0 if cores <= 2 => 1,
            0 => cores,
            threads => threads,
        }
    }

    /// Finds everything that is wrong with the values taken together.
    pub fn check(&self) -> Result<()> {
        let mut wrong = Violations::new();
        for service in &self.services {
            if !SERVICES.contains(&service.as_str()) {
                wrong.add("services", format!("{service:?} is no service; there are {}", SERVICES.join(", ")));
            }
        }
        self.check_links(&mut wrong);
        if self.tls.certificate.as_os_str().is_empty() != self.tls.key.as_os_str().is_empty() {
            wrong.add("tls", "certificate and key belong together: set both, or neither");
        }
        if self.links.values().any(|url| url.starts_with("https://")) && self.tls.authority.as_os_str().is_empty() {
            wrong.add("tls.authority", "must name the PEM file of the authority that vouches for https links");
        }
        if !(1..=65_536).contains(&self.store.cache_mib) {
            wrong.add("store.cache_mib", "must lie in 1..65536");
        }
        if let Err(error) = self.events.check() {
            error
                .violations()
                .iter()
                .for_each(|fault| wrong.add(format!("events.{}", fault.field), &fault.description));
        }
        if self.data.as_os_str().is_empty() {
            wrong.add("data", "must name a directory");
        }
        wrong.check().map_err(|error| {
            let message = "the configuration is wrong";
            error.violations().iter().fold(Error::new(Kind::Invalid, "CONFIG", message), |error, violation| {
                error.with_violation(violation.clone())
            })
        })
    }

    fn check_links(&self, wrong: &mut Violations) {
        let local = self.local_services();
        for (name, url) in &self.links {
            let field = format!("links.{name}");
            if !SERVICES.contains(&name.as_str()) {
                wrong.add(&field, format!("{name:?} is no service; there are {}", SERVICES.join(", ")));
            }
            if local.contains(&name.as_str()) {
                wrong.add(&field, "this process runs the service itself; link it or run it, not both");
            }
            if url.contains('@') {
                wrong.add(&field, "holds a user name or password; a link shows the token of whoever calls instead");
            } else if !url.starts_with("http://") && !url.starts_with("https://") {
                wrong.add(&field, "must be http://HOST:PORT or https://HOST:PORT");
            }
        }
        for missing in SERVICES.iter().filter(|name| !local.contains(*name) && !self.links.contains_key(**name)) {
            // Staff holds the identities, so everyone needs it.
            if *missing == STAFF || local.iter().any(|name| calls(name).contains(missing)) {
                wrong
                    .add("links", format!("{missing} runs elsewhere, so say where: --link {missing}=http://HOST:PORT"));
            }
        }
    }
}

// TOML has no "nothing", so an empty text stands for it and `wangge config` can show every key.
#[allow(clippy::ref_option)] // The form that serde asks for.
fn write_optional<S: Serializer>(address: &Option<SocketAddr>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&address.map_or_else(String::new, |address| address.to_string()))
}

fn read_optional<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SocketAddr>, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text.is_empty() { Ok(None) } else { address(&text).map(Some) }
}

fn read_address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SocketAddr, D::Error> {
    address(&String::deserialize(deserializer)?)
}

/// A socket address; names are not looked up, because a name may stand for several.
fn address<E: serde::de::Error>(text: &str) -> Result<SocketAddr, E> {
    let wrong =
        || E::custom(format!("{text:?} is no address to listen on; write 127.0.0.1:50051, or 0.0.0.0:50051 for all"));
    text.parse().map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_right() {
        let config = Config::default();
        config.check().unwrap();
        assert_eq!(config.local_services(), SERVICES);
    }

    #[test]
    fn a_linked_service_does_not_run_here() {
        let mut config = Config::default();
        config.links.insert("grids".to_owned(), "http://127.0.0.1:1".to_owned());
        config.check().unwrap();
        assert_eq!(config.local_services(), ["staff", "buildings", "population", "events"]);
    }

    #[test]
    fn a_service_that_runs_nowhere_is_asked_for() {
        let config = Config { services: vec!["events".to_owned()], ..Default::default() };
        let error = config.check().unwrap_err().to_string();
        assert!(error.contains("--link grids=") && error.contains("--link staff="), "{error}");
        assert!(!error.contains("--link population="), "{error}");
        // Staff holds the identities, so everyone needs it; events nobody needs.
        let config = Config { services: vec!["grids".to_owned()], ..Default::default() };
        let error = config.check().unwrap_err().to_string();
        assert!(error.contains("--link staff=") && !error.contains("--link events="), "{error}");
    }

    #[test]
    fn population_alone_asks_for_what_it_calls() {
        let mut config = Config { services: vec!["population".to_owned()], ..Default::default() };
        for (service, url) in [("grids", "http://h:1"), ("staff", "http://h:2")] {
            assert!(config.check().unwrap_err().to_string().contains(&format!("--link {service}=")));
            config.links.insert(service.to_owned(), url.to_owned());
        }
        config.check().unwrap();
    }

    #[test]
    fn an_encrypted_link_needs_an_authority_that_vouches_for_it() {
        let mut config = Config::default();
        config.links.insert("grids".to_owned(), "https://grids.example:50051".to_owned());
        let error = config.check().unwrap_err().to_string();
        assert!(error.contains("tls.authority: must name the PEM file"), "{error}");
        config.tls.authority = PathBuf::from("ca.pem");
        config.check().unwrap();
    }

    #[test]
    fn settings_of_a_service_are_checked_with_the_others() {
        let mut config = Config { data: PathBuf::new(), ..Default::default() };
        config.events.outside_tolerance_m = f64::NAN;
        config.events.calendar.holidays.push("new year".to_owned());
        let error = config.check().unwrap_err();
        let fields: Vec<&str> = error.violations().iter().map(|fault| fault.field.as_str()).collect();
        assert_eq!(fields, ["events.outside_tolerance_m", "events.calendar.holidays", "data"], "{error}");
    }

    #[test]
    fn everything_wrong_is_said_at_once_and_passwords_are_refused() {
        let mut config = Config { services: vec!["bakery".to_owned()], ..Default::default() };
        config.links.insert("staff".to_owned(), "http://user:secret@host:1".to_owned());
        config.tls.key = PathBuf::from("key.pem");
        let error = config.check().unwrap_err();
        let text = error.to_string();
        assert!(error.violations().len() >= 3, "{text}");
        assert!(text.contains("bakery") && text.contains("set both, or neither") && !text.contains("secret"));
    }
}
