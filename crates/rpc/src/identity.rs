//! Who is calling: from a token in the metadata to a principal with its bindings.
//!
//! Identity travels in the metadata of a call and never in request extensions, so a call inside the process proves
//! itself exactly like one across the wire.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use api::staff::v1::staff_service_client::StaffServiceClient;
use api::staff::v1::{Post, WhoAmIRequest};
use base::{AreaPath, Error, Kind, PrincipalId, Result, Time};
use futures_util::future::BoxFuture;
use tonic::metadata::{Ascii, MetadataValue};

use crate::link::Link;
use crate::status;

/// A principal as the access rules see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Who.
    pub id: PrincipalId,
    /// The name of the person or program.
    pub display_name: String,
    /// Posts held, each with the root of the subtree it holds in.
    pub bindings: Vec<(Post, AreaPath)>,
}

/// Knows which principal a token stands for.
pub trait Authority: Send + Sync {
    /// The answer if it is known without any work and certainly still true.
    fn cached(&self, token: &str, now: Time) -> Option<Arc<Identity>>;

    /// The principal of a token. Fails with `Unauthenticated` when the token is malformed, forged, expired or revoked,
    /// or its principal suspended.
    fn identify<'a>(&'a self, token: &'a str, now: Time) -> BoxFuture<'a, Result<Arc<Identity>>>;
}

/// Takes the token out of `authorization: Bearer …`.
pub fn token(authorization: &MetadataValue<Ascii>) -> Result<&str> {
    let value = authorization.to_str().map_err(|_| token_missing())?;
    let token = value.strip_prefix("Bearer ").or_else(|| value.strip_prefix("bearer "));
    token.filter(|token| !token.is_empty()).ok_or_else(token_missing)
}

/// The call shows no token.
pub(crate) fn token_missing() -> Error {
    Error::new(
        Kind::Unauthenticated,
        "TOKEN_MISSING",
        "send a token as metadata `authorization: Bearer <token>`; an administrator issues one with `wangge token`",
    )
}

/// Asks the staff service of another process who the bearer of a token is, and remembers the answer briefly.
///
/// A change of bindings or a revocation is therefore seen by this process at most
/// [`RemoteAuthority::REMEMBERED_SECONDS`] later; in the process that runs the staff service it is seen at once.
pub struct RemoteAuthority {
    staff: Link,
    known: Mutex<HashMap<String, (Time, Arc<Identity>)>>,
}

impl RemoteAuthority {
    /// How long an answer is believed.
    pub const REMEMBERED_SECONDS: i64 = 1;
    /// How many answers are remembered.
    const REMEMBERED_MAX: usize = 10_000;

    /// An authority that asks over this link.
    pub fn new(staff: Link) -> Self {
        Self { staff, known: Mutex::new(HashMap::new()) }
    }

    async fn ask(&self, token: &str, now: Time) -> Result<Arc<Identity>> {
        let mut request = tonic::Request::new(WhoAmIRequest {});
        let bearer = format!("Bearer {token}").parse().map_err(|_| {
            Error::new(Kind::Unauthenticated, "TOKEN_MALFORMED", "the token holds characters that no token has")
        })?;
        request.metadata_mut().insert("authorization", bearer);
        let principal =
            StaffServiceClient::new(self.staff.clone()).who_am_i(request).await.map_err(status::from_status)?;
        let principal = principal.into_inner();
        let unreadable = |_| Error::internal("the staff service answered something unreadable");
        let bindings = principal
            .bindings
            .iter()
            .map(|binding| Ok((binding.post(), binding.path.parse().map_err(unreadable)?)))
            .collect::<Result<_>>()?;
        let id = PrincipalId::parse_name(&principal.name).map_err(unreadable)?;
        let identity = Arc::new(Identity { id, display_name: principal.display_name, bindings });
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= Self::REMEMBERED_MAX {
            known.clear();
        }
        known.insert(token.to_owned(), (now, identity.clone()));
        Ok(identity)
    }
}

impl Authority for RemoteAuthority {
    fn cached(&self, token: &str, now: Time) -> Option<Arc<Identity>> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let (asked, identity) = known.get(token)?;
        (*asked..asked.plus_seconds(Self::REMEMBERED_SECONDS)).contains(&now).then(|| identity.clone())
    }

    fn identify<'a>(&'a self, token: &'a str, now: Time) -> BoxFuture<'a, Result<Arc<Identity>>> {
        Box::pin(self.ask(token, now))
    }
}
