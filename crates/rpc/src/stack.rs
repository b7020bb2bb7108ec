//! What happens around every call, from the network or from inside: identity, access, metrics, the panic guard.
//!
//! A call passes here before any service sees it. The action of its method must be allowed to the bearer of its token;
//! then the request carries a [`Caller`]. Health and reflection are not part of the contract and pass without a token;
//! nothing else does.

use std::convert::Infallible;
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use base::{Clock, Error, Result, Time};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::{HeaderMap, HeaderValue, Request, Response};
use tokio::sync::watch;
use tonic::Status;
use tonic::body::Body;
use tower::{Layer, Service};
use tracing::Instrument;

use crate::caller::Caller;
use crate::contract::Contract;
use crate::ending;
use crate::identity::Authority;
use crate::metrics::Metrics;
use crate::status;

/// Answered without a token. Its watches end when the process stops, because the health of everything is taken away then.
const HEALTH: &str = "/grpc.health.v1.";
/// Answered without a token, because it tells nothing that is not in the public proto files. Its streams go on for as long
/// as their clients do, unless they are ended.
const REFLECTION: &str = "/grpc.reflection.";

/// Where a client may send its token instead of in `authorization`, when it makes many calls over one connection: some
/// HTTP/2 libraries (Rust's `h2` is one) never put `authorization` into the header table that both ends share, and spell
/// its 300 bytes anew with each call.
pub const REPEATED_AUTHORIZATION: &str = "wangge-authorization";

/// What guards every call of this process. Cloning is cheap.
#[derive(Clone)]
pub struct Stack(Arc<Shared>);

pub(crate) struct Shared {
    contract: Contract,
    authority: Arc<dyn Authority>,
    clock: Arc<dyn Clock>,
    metrics: Arc<Metrics>,
    stopping: watch::Receiver<bool>,
}

impl Stack {
    /// A stack for this process. `stopping` turns true when the process begins to stop: streams are then ended.
    pub fn new(
        contract: Contract,
        authority: Arc<dyn Authority>,
        clock: Arc<dyn Clock>,
        metrics: Arc<Metrics>,
        stopping: watch::Receiver<bool>,
    ) -> Self {
        Self(Arc::new(Shared { contract, authority, clock, metrics, stopping }))
    }

    /// Puts the stack around a service.
    pub fn guard<S>(&self, inner: S) -> Guarded<S> {
        Guarded { inner, shared: self.0.clone() }
    }
}

impl fmt::Debug for Stack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stack").finish_non_exhaustive()
    }
}

impl<S> Layer<S> for Stack {
    type Service = Guarded<S>;

    fn layer(&self, inner: S) -> Guarded<S> {
        self.guard(inner)
    }
}

impl Shared {
    pub(crate) fn now(&self) -> Time {
        self.clock.now()
    }

    pub(crate) fn stopping(&self) -> watch::Receiver<bool> {
        self.stopping.clone()
    }

    /// The caller of a call that shows this authorization and wants to take this action.
    pub(crate) async fn admit(
        self: &Arc<Self>,
        action: &'static str,
        authorization: Option<HeaderValue>,
        deadline: Option<Instant>,
    ) -> Result<Caller> {
        let authorization = authorization.ok_or_else(crate::identity::token_missing)?;
        let token = crate::identity::token(&authorization)?;
        let now = self.now();
        let identity = match self.authority.cached(token, now) {
            Some(identity) => identity,
            None => self.authority.identify(token, now).await?,
        };
        Caller::new(identity, action, authorization, deadline, self.clone())
    }
}

/// A service with the stack around it.
#[derive(Clone)]
pub struct Guarded<S> {
    inner: S,
    shared: Arc<Shared>,
}

impl<S> Service<Request<Body>> for Guarded<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        // The instance that was asked whether it is ready is the one to call; a clone stays for the next call.
        let ready = self.inner.clone();
        let inner = std::mem::replace(&mut self.inner, ready);
        let shared = self.shared.clone();
        let span = tracing::debug_span!("call", method = request.uri().path());
        Box::pin(answer(shared, inner, request).instrument(span))
    }
}

async fn answer<S>(shared: Arc<Shared>, mut inner: S, request: Request<Body>) -> Result<Response<Body>, Infallible>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
{
    let path = request.uri().path();
    let Some(action) = shared.contract.action(path) else {
        if path.starts_with(REFLECTION) {
            // Boxed, so that the rare answer does not make room for itself in every call.
            return Box::pin(ending::answer(shared.stopping(), &mut inner, request)).await;
        }
        if path.starts_with(HEALTH) {
            return inner.call(request).await;
        }
        return Ok(Status::unimplemented("this server has no such method").into_http());
    };
    let started = Instant::now();
    let calls = shared.metrics.calls(path);
    let response = match AssertUnwindSafe(admitted(&shared, action, inner, request)).catch_unwind().await {
        Ok(answered) => answered?,
        Err(panic) => {
            let error = Error::internal("a method panicked").caused_by(words(&*panic));
            status::to_status(error).into_http()
        }
    };
    calls.record(started.elapsed(), &response);
    Ok(response)
}

async fn admitted<S>(
    shared: &Arc<Shared>,
    action: &'static str,
    mut inner: S,
    mut request: Request<Body>,
) -> Result<Response<Body>, Infallible>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
{
    let headers = request.headers();
    let authorization = headers.get(http::header::AUTHORIZATION).or_else(|| headers.get(REPEATED_AUTHORIZATION));
    let authorization = authorization.cloned();
    let deadline = timeout(headers).map(|time| Instant::now() + time);
    match shared.admit(action, authorization, deadline).await {
        Err(refused) => Ok(status::to_status(refused).into_http()),
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            inner.call(request).await
        }
    }
}

/// The `grpc-timeout` of a call: up to eight digits and a unit (gRPC over HTTP/2, "Timeout").
pub(crate) fn timeout(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get("grpc-timeout")?.to_str().ok()?;
    let (digits, unit) = value.split_at_checked(value.len().checked_sub(1)?)?;
    let amount = (digits.len() <= 8).then(|| digits.parse::<u64>().ok()).flatten()?;
    match unit {
        "H" => Some(Duration::from_secs(amount * 3_600)),
        "M" => Some(Duration::from_secs(amount * 60)),
        "S" => Some(Duration::from_secs(amount)),
        "m" => Some(Duration::from_millis(amount)),
        "u" => Some(Duration::from_micros(amount)),
        "n" => Some(Duration::from_nanos(amount)),
        _ => None,
    }
}

/// What a panic said.
fn words(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "without words".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_are_read_in_every_unit_and_nonsense_is_ignored() {
        let read = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("grpc-timeout", text.parse().unwrap());
            timeout(&headers)
        };
        assert_eq!(read("50m"), Some(Duration::from_millis(50)));
        assert_eq!(read("2S"), Some(Duration::from_secs(2)));
        assert_eq!(read("1H"), Some(Duration::from_secs(3_600)));
        assert_eq!((read("123456789S"), read("x"), read("5x"), read("")), (None, None, None, None));
    }
}
