//! The bearer of one token, as a client of every service; and what a refused call says.

use std::collections::BTreeMap;
use std::fmt;

use api::buildings::v1::building_service_client::BuildingServiceClient;
use api::events::v1::event_service_client::EventServiceClient;
use api::grids::v1::grid_service_client::GridServiceClient;
use api::operations::v1::operations_service_client::OperationsServiceClient;
use api::population::v1::population_service_client::PopulationServiceClient;
use api::staff::v1::staff_service_client::StaffServiceClient;
use rpc::link::Link;
use tonic::body::Body;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::{Code, Request, Response, Status};
use tonic_types::StatusExt;
use tower::util::BoxCloneSyncService;
use tower::{ServiceExt, service_fn};

/// A way to the server.
pub type Wire = BoxCloneSyncService<http::Request<Body>, http::Response<Body>, Status>;

/// A wire that shows a token with every call.
pub type Authorized = InterceptedService<Wire, Bearer>;

/// Adds the token to every call; none for a stranger.
#[derive(Clone)]
pub struct Bearer(Option<MetadataValue<Ascii>>);

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        if let Some(token) = &self.0 {
            request.metadata_mut().insert("authorization", token.clone());
        }
        Ok(request)
    }
}

/// Somebody who calls. Cloning is cheap.
#[derive(Clone)]
pub struct Caller {
    wire: Wire,
    bearer: Bearer,
    /// `principals/{principal}`; empty when nobody asked.
    pub name: String,
}

impl Caller {
    /// The bearer of `token` over a link; an empty token stands for a stranger who shows none.
    pub fn new(link: Link, token: &str, name: &str) -> Self {
        Self::bearing(Wire::new(link), token, name)
    }

    fn bearing(wire: Wire, token: &str, name: &str) -> Self {
        let token = (!token.is_empty()).then(|| format!("Bearer {token}").parse().expect("a token is ASCII"));
        Self { wire, bearer: Bearer(token), name: name.to_owned() }
    }

    /// The same caller, who has learned its own name.
    pub fn with_name(&self, name: &str) -> Self {
        Self { name: name.to_owned(), ..self.clone() }
    }

    /// The wire of this caller.
    pub fn wire(&self) -> Wire {
        self.wire.clone()
    }

    /// The same caller over another wire.
    pub fn over(&self, wire: Wire) -> Self {
        Self { wire, ..self.clone() }
    }

    /// Somebody else over the same wire.
    pub fn with_token(&self, token: &str, name: &str) -> Self {
        Self::bearing(self.wire.clone(), token, name)
    }

    /// The land.
    pub fn grids(&self) -> GridServiceClient<Authorized> {
        GridServiceClient::with_interceptor(self.wire.clone(), self.bearer.clone())
            .max_decoding_message_size(LARGE)
            .max_encoding_message_size(LARGE)
    }

    /// The people who live here.
    pub fn population(&self) -> PopulationServiceClient<Authorized> {
        PopulationServiceClient::with_interceptor(self.wire.clone(), self.bearer.clone())
            .max_decoding_message_size(LARGE)
            .max_encoding_message_size(LARGE)
    }

    /// The people who work here.
    pub fn staff(&self) -> StaffServiceClient<Authorized> {
        StaffServiceClient::with_interceptor(self.wire.clone(), self.bearer.clone())
    }

    /// Estates, buildings, units and rooms.
    pub fn buildings(&self) -> BuildingServiceClient<Authorized> {
        BuildingServiceClient::with_interceptor(self.wire.clone(), self.bearer.clone())
    }

    /// Incidents.
    pub fn events(&self) -> EventServiceClient<Authorized> {
        EventServiceClient::with_interceptor(self.wire.clone(), self.bearer.clone()).max_encoding_message_size(LARGE)
    }

    /// The running server itself.
    pub fn operations(&self) -> OperationsServiceClient<Authorized> {
        OperationsServiceClient::with_interceptor(self.wire.clone(), self.bearer.clone())
    }
}

/// What happens to one call.
pub struct Loss {
    /// The request never arrives.
    pub request: bool,
    /// The request arrives and is answered, but the answer never comes back.
    pub reply: bool,
    /// What the caller is told then.
    pub status: Status,
}

/// A wire on which calls are lost as `weather` says.
pub fn unsteady(wire: Wire, weather: impl Fn() -> Loss + Clone + Send + Sync + 'static) -> Wire {
    Wire::new(service_fn(move |request: http::Request<Body>| {
        let (wire, loss) = (wire.clone(), weather());
        async move {
            if loss.request {
                return Err(loss.status);
            }
            let answer = wire.oneshot(request).await?;
            if loss.reply { Err(loss.status) } else { Ok(answer) }
        }
    }))
}

/// Limits are the server's to enforce; a test's client has none.
const LARGE: usize = 64 << 20;

/// The answer of a call that must succeed.
#[track_caller]
pub fn done<T>(answer: Result<Response<T>, Status>) -> T {
    match answer {
        Ok(answer) => answer.into_inner(),
        Err(status) => panic!("the call failed: {:?}", Refusal::of(&status)),
    }
}

/// What a call says that must be refused.
#[track_caller]
pub fn refused<T>(answer: Result<Response<T>, Status>) -> Refusal {
    match answer {
        Ok(_) => panic!("the call was answered, but should have been refused"),
        Err(status) => Refusal::of(&status),
    }
}

/// Why a call was refused.
#[derive(Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The gRPC code.
    pub code: Code,
    /// The reason of the ErrorInfo; empty when there is none.
    pub reason: String,
    /// The domain of the ErrorInfo.
    pub domain: String,
    /// The words.
    pub message: String,
    /// The facts of the ErrorInfo.
    pub metadata: BTreeMap<String, String>,
    /// Every wrong field, in order.
    pub fields: Vec<String>,
}

impl Refusal {
    /// Reads a status.
    pub fn of(status: &Status) -> Self {
        let details = status.get_error_details();
        let info = details.error_info().cloned();
        let fields = details.bad_request().map(|bad| bad.field_violations.clone()).unwrap_or_default();
        Self {
            code: status.code(),
            reason: info.as_ref().map(|info| info.reason.clone()).unwrap_or_default(),
            domain: info.as_ref().map(|info| info.domain.clone()).unwrap_or_default(),
            message: status.message().to_owned(),
            metadata: info.map(|info| info.metadata.into_iter().collect()).unwrap_or_default(),
            fields: fields.into_iter().map(|violation| violation.field).collect(),
        }
    }

    /// Fails unless it was refused with this code and reason, and in words.
    #[track_caller]
    pub fn expect(&self, code: Code, reason: &str) -> &Self {
        assert_eq!((self.code, self.reason.as_str()), (code, reason), "{self:?}");
        assert_eq!(self.domain, "wangge", "{self:?}");
        assert!(self.message.len() > 10, "words for a person: {self:?}");
        self
    }

    /// Fails unless exactly these fields were wrong, in any order.
    #[track_caller]
    pub fn expect_fields(&self, fields: &[&str]) -> &Self {
        self.expect(Code::InvalidArgument, "INVALID_FIELDS");
        let (mut found, mut wanted) = (self.fields.clone(), fields.to_vec());
        found.sort_unstable();
        wanted.sort_unstable();
        assert_eq!(found, wanted, "{self:?}");
        self
    }
}

impl fmt::Debug for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {} {:?} {:?} fields {:?}", self.code, self.reason, self.message, self.metadata, self.fields)
    }
}
