//! A connection to a running server, as the commands use it: address, token, certificates, and the generated clients.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use api::events::v1::event_service_client::EventServiceClient;
use api::grids::v1::grid_service_client::GridServiceClient;
use api::operations::v1::operations_service_client::OperationsServiceClient;
use api::population::v1::population_service_client::PopulationServiceClient;
use api::staff::v1::staff_service_client::StaffServiceClient;
use base::{Error, Kind, Result};
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};
use tonic::{Request, Status};

/// How long a server may take to accept a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How often an otherwise silent connection (a watch) is checked.
const KEEP_ALIVE: Duration = Duration::from_secs(20);

/// Which server is called, and by whom.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Connection {
    /// Address of the server
    #[arg(long, global = true, env = "WANGGE_SERVER", value_name = "URL", default_value = "http://127.0.0.1:50051")]
    #[arg(help_heading = "Connection")]
    pub server: String,
    /// File that holds your token, such as DIR/admin.token
    #[arg(long, global = true, env = "WANGGE_TOKEN_FILE", value_name = "FILE", help_heading = "Connection")]
    pub token_file: Option<PathBuf>,
    /// Certificate authority (PEM) that vouches for an https server, such as /etc/ssl/certs/ca-certificates.crt
    #[arg(long, global = true, env = "WANGGE_CA", value_name = "FILE", help_heading = "Connection")]
    pub ca: Option<PathBuf>,
}

/// A channel that shows the token with every call.
pub type Authorized = InterceptedService<Channel, Bearer>;

/// Adds the token to every call.
#[derive(Clone)]
pub struct Bearer(MetadataValue<Ascii>);

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        request.metadata_mut().insert("authorization", self.0.clone());
        Ok(request)
    }
}

/// The generated clients over one connection. Cloning is cheap and shares the connection.
#[derive(Clone)]
pub struct Clients {
    channel: Channel,
    bearer: Bearer,
}

impl Connection {
    /// Connects and reads the token.
    ///
    /// Errors: `TOKEN_FILE` when no token can be read, `NO_SERVER` when nobody answers at the address,
    /// `SERVER_NOT_TRUSTED` when whoever answers there cannot show that it is the server.
    pub async fn connect(&self) -> Result<Clients> {
        let bearer = Bearer(self.token()?);
        let endpoint = endpoint(&self.server, self.ca.as_deref())?;
        let channel = endpoint.connect().await.map_err(|cause| self.unreachable(&cause))?;
        Ok(Clients { channel, bearer })
    }

    fn unreachable(&self, cause: &tonic::transport::Error) -> Error {
        let server = &self.server;
        let (reason, message) = if is_failed_handshake(cause) {
            let ca = self.ca.as_deref().unwrap_or(Path::new("")).display();
            let message = format!(
                "{server} is not trusted: it must take https, its certificate must name this host, and the authority in \
                 {ca} must vouch for it"
            );
            ("SERVER_NOT_TRUSTED", message)
        } else {
            ("NO_SERVER", format!("no server answers at {server}; `wangge serve --data DIR` starts one"))
        };
        Error::new(Kind::Unavailable, reason, message).caused_by(causes(cause))
    }

    fn token(&self) -> Result<MetadataValue<Ascii>> {
        let refused = |message: String| Error::new(Kind::Unauthenticated, "TOKEN_FILE", message);
        let Some(file) = &self.token_file else {
            return Err(refused("no token was named".to_owned()));
        };
        let text = fs::read_to_string(file)
            .map_err(|cause| refused(format!("the token file {} cannot be read: {cause}", file.display())))?;
        bearer(text.trim()).map_err(|_| refused(format!("{} holds no token", file.display())))
    }
}

/// The metadata that shows a token. Fails for text that is no token.
fn bearer(token: &str) -> Result<MetadataValue<Ascii>> {
    let malformed = || Error::new(Kind::Unauthenticated, "TOKEN_FILE", "this is no token");
    if token.is_empty() || token.contains(char::is_whitespace) {
        return Err(malformed());
    }
    format!("Bearer {token}").parse().map_err(|_| malformed())
}

/// How a server at `url` is reached. Links of the server itself go the same way.
pub(crate) fn endpoint(url: &str, ca: Option<&Path>) -> Result<Endpoint> {
    let wrong = |cause: String| {
        let message = format!("{url:?} is no address of a server; write http://HOST:PORT or https://HOST:PORT");
        Error::new(Kind::Invalid, "SERVER_ADDRESS", message).caused_by(cause)
    };
    let encrypted = url.starts_with("https://");
    if !encrypted && !url.starts_with("http://") {
        return Err(wrong("the scheme is missing".to_owned()));
    }
    let endpoint = Endpoint::from_shared(url.to_owned()).map_err(|cause| wrong(cause.to_string()))?;
    let endpoint = endpoint
        .connect_timeout(CONNECT_TIMEOUT)
        .tcp_nodelay(true)
        .http2_keep_alive_interval(KEEP_ALIVE)
        .keep_alive_while_idle(true);
    if !encrypted {
        return Ok(endpoint);
    }
    let Some(ca) = ca else {
        let message = "an https server needs a certificate authority to vouch for it; name its PEM file with --ca \
                       (the machine's own is often /etc/ssl/certs/ca-certificates.crt)";
        return Err(Error::new(Kind::Invalid, "CERTIFICATE_AUTHORITY", message));
    };
    let pem = fs::read(ca).map_err(|cause| {
        let message = format!("the certificate authority {} cannot be read: {cause}", ca.display());
        Error::new(Kind::Invalid, "CERTIFICATE_AUTHORITY", message)
    })?;
    let tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(pem));
    endpoint.tls_config(tls).map_err(|cause| wrong(causes(&cause)))
}

/// Whether somebody answered and then encryption was not agreed upon: rustls reports that as data it cannot take.
fn is_failed_handshake(error: &(dyn std::error::Error + 'static)) -> bool {
    let below = std::iter::successors(Some(error), |error| error.source());
    below
        .filter_map(|error| error.downcast_ref::<std::io::Error>())
        .any(|error| error.kind() == std::io::ErrorKind::InvalidData)
}

/// An error with everything below it: tonic's own words alone are "transport error".
pub(crate) fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut below = error.source();
    while let Some(cause) = below {
        let words = cause.to_string();
        if !text.contains(&words) {
            text = format!("{text}: {words}");
        }
        below = cause.source();
    }
    text
}

impl Clients {
    /// Clients over a channel that is already there, for the bearer of `token`.
    pub fn over(channel: Channel, token: &str) -> Result<Self> {
        Ok(Self { channel, bearer: Bearer(bearer(token)?) })
    }

    /// Areas and boundaries.
    pub fn grids(&self) -> GridServiceClient<Authorized> {
        GridServiceClient::with_interceptor(self.channel.clone(), self.bearer.clone())
    }

    /// People and their posts.
    pub fn staff(&self) -> StaffServiceClient<Authorized> {
        StaffServiceClient::with_interceptor(self.channel.clone(), self.bearer.clone())
    }

    /// Incidents.
    pub fn events(&self) -> EventServiceClient<Authorized> {
        EventServiceClient::with_interceptor(self.channel.clone(), self.bearer.clone())
    }

    /// Persons, households, residences.
    pub fn population(&self) -> PopulationServiceClient<Authorized> {
        PopulationServiceClient::with_interceptor(self.channel.clone(), self.bearer.clone())
    }

    /// The running server itself.
    pub fn operations(&self) -> OperationsServiceClient<Authorized> {
        OperationsServiceClient::with_interceptor(self.channel.clone(), self.bearer.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_without_a_scheme_is_refused_with_the_right_form() {
        let error = endpoint("127.0.0.1:50051", None).unwrap_err();
        assert!(error.message().contains("http://HOST:PORT"), "{error}");
        assert_eq!(endpoint("https://example.org", None).unwrap_err().reason(), "CERTIFICATE_AUTHORITY");
    }

    #[test]
    fn a_file_that_holds_no_token_is_refused_before_any_call() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("admin.token");
        let connection = Connection { token_file: Some(file.clone()), ..Default::default() };
        assert!(connection.token().unwrap_err().message().contains("cannot be read"));
        fs::write(&file, "two words\n").unwrap();
        assert!(connection.token().unwrap_err().message().contains("holds no token"));
        fs::write(&file, "abc.def.ghi\n").unwrap();
        assert_eq!(connection.token().unwrap(), "Bearer abc.def.ghi");
    }
}
