//! Who is calling: from a token in the metadata to a principal with its bindings.
//!
//! Identity travels in the metadata of a call and never in request extensions, so a call inside the process proves
//! itself exactly like one across the wire.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use api::staff::v1::staff_service_client::StaffServiceClient;
use api::staff::v1::{Post, WhoAmIRequest};
use base::{AreaPath, Error, Kind, PrincipalId, Result, Time};
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use http::HeaderValue;
use sha2::{Digest, Sha256};
use tonic::{Code, Status};

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
pub fn token(authorization: &HeaderValue) -> Result<&str> {
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
/// Calls that show the same token at once share one question, and a refusal is remembered like any other answer, so a
/// client that hammers with a dead token costs one remote call a second. A change of bindings, a revocation or the end
/// of a suspension is therefore seen by this process at most [`RemoteAuthority::REMEMBERED_SECONDS`] later; in the
/// process that runs the staff service it is seen at once.
pub struct RemoteAuthority {
    staff: Link,
    /// By the hash of the token: a map of secrets is kept nowhere, and a long token takes no more room than a short one.
    asked: Mutex<HashMap<[u8; 32], Question>>,
}

/// A question that was asked, whether it is answered yet or not.
struct Question {
    asked: Time,
    answer: Answer,
}

/// An answer that any number of calls wait for, and that stays there when it has come.
type Answer = Shared<BoxFuture<'static, Result<Arc<Identity>, Status>>>;

impl Question {
    /// Whether the answer still counts at `now`. That the staff service could not be reached is no answer.
    fn stands(&self, now: Time) -> bool {
        let remembered = self.asked..self.asked.plus_seconds(RemoteAuthority::REMEMBERED_SECONDS);
        let is_answer = |refused: &Status| matches!(refused.code(), Code::Unauthenticated | Code::PermissionDenied);
        remembered.contains(&now) && !matches!(self.answer.peek(), Some(Err(failed)) if !is_answer(failed))
    }

    /// Whether it is worth keeping when room is short: refusals are cheap to make up.
    fn is_valuable(&self, now: Time) -> bool {
        self.stands(now) && matches!(self.answer.peek(), Some(Ok(_)))
    }
}

impl RemoteAuthority {
    /// How long an answer is believed.
    pub const REMEMBERED_SECONDS: i64 = 1;
    /// How many answers are remembered.
    const REMEMBERED_MAX: usize = 10_000;

    /// An authority that asks over this link.
    pub fn new(staff: Link) -> Self {
        Self { staff, asked: Mutex::new(HashMap::new()) }
    }

    fn asked(&self) -> MutexGuard<'_, HashMap<[u8; 32], Question>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The answer to the question about this token: the one that was asked already, or a new one.
    fn question(&self, token: &str, now: Time) -> Answer {
        let key = Sha256::digest(token).into();
        let mut asked = self.asked();
        if let Some(question) = asked.get(&key).filter(|question| question.stands(now)) {
            return question.answer.clone();
        }
        if asked.len() >= Self::REMEMBERED_MAX {
            asked.retain(|_, question| question.is_valuable(now));
            if asked.len() >= Self::REMEMBERED_MAX {
                asked.clear();
            }
        }
        let answer = ask(self.staff.clone(), token.to_owned()).boxed().shared();
        asked.insert(key, Question { asked: now, answer: answer.clone() });
        answer
    }
}

/// Asks the staff service who the bearer of a token is.
async fn ask(staff: Link, token: String) -> Result<Arc<Identity>, Status> {
    let mut request = tonic::Request::new(WhoAmIRequest {});
    let bearer = format!("Bearer {token}").parse().map_err(|_| {
        let words = "the token holds characters that no token has";
        status::to_status(Error::new(Kind::Unauthenticated, "TOKEN_MALFORMED", words))
    })?;
    request.metadata_mut().insert("authorization", bearer);
    let principal = StaffServiceClient::new(staff).who_am_i(request).await?.into_inner();
    let unreadable = |_| status::to_status(Error::internal("the staff service answered something unreadable"));
    let bindings = principal
        .bindings
        .iter()
        .map(|binding| Ok((binding.post(), binding.path.parse().map_err(unreadable)?)))
        .collect::<Result<_, Status>>()?;
    let id = PrincipalId::parse_name(&principal.name).map_err(unreadable)?;
    Ok(Arc::new(Identity { id, display_name: principal.display_name, bindings }))
}

impl Authority for RemoteAuthority {
    fn cached(&self, token: &str, now: Time) -> Option<Arc<Identity>> {
        let key: [u8; 32] = Sha256::digest(token).into();
        let asked = self.asked();
        let question = asked.get(&key).filter(|question| question.stands(now))?;
        question.answer.peek()?.as_ref().ok().cloned()
    }

    fn identify<'a>(&'a self, token: &'a str, now: Time) -> BoxFuture<'a, Result<Arc<Identity>>> {
        let answer = self.question(token, now);
        Box::pin(async move { answer.await.map_err(status::from_status) })
    }
}
