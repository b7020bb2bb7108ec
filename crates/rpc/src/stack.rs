//! What happens around every call, from the network or from inside: identity, access, metrics, the panic guard.
//!
//! A call passes here before any service sees it. The action of its method must be allowed to the bearer of its token;
//! then the request carries a [`Caller`]. Health and reflection are not part of the contract and pass without a token:
//! they tell nothing that is not in the public proto files.

use std::convert::Infallible;
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use base::{Clock, Error, Result, Time};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::{Request, Response};
use tokio::sync::watch;
use tonic::Status;
use tonic::body::Body;
use tonic::metadata::{Ascii, MetadataValue};
use tower::{Layer, Service};
use tracing::Instrument;

use crate::caller::Caller;
use crate::contract::Contract;
use crate::identity::Authority;
use crate::metrics::Metrics;
use crate::status;

/// The paths of our own services; whatever else is routed is not part of the contract.
const OURS: &str = "/wangge.";

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
        authorization: Option<MetadataValue<Ascii>>,
    ) -> Result<Caller> {
        let authorization = authorization.ok_or_else(crate::identity::token_missing)?;
        let token = crate::identity::token(&authorization)?;
        let now = self.now();
        let identity = match self.authority.cached(token, now) {
            Some(identity) => identity,
            None => self.authority.identify(token, now).await?,
        };
        Caller::new(identity, action, authorization, self.clone())
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

async fn answer<S>(shared: Arc<Shared>, mut inner: S, mut request: Request<Body>) -> Result<Response<Body>, Infallible>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
{
    let path = request.uri().path();
    let Some(action) = shared.contract.action(path) else {
        if path.starts_with(OURS) {
            return Ok(Status::unimplemented("this server has no such method").into_http());
        }
        return inner.call(request).await;
    };
    let started = Instant::now();
    let calls = shared.metrics.calls(path);
    let authorization = request
        .headers()
        .get(http::header::AUTHORIZATION)
        .and_then(|value| MetadataValue::try_from(value.as_bytes()).ok());
    let response = match shared.admit(action, authorization).await {
        Err(refused) => status::to_status(refused).into_http(),
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            match AssertUnwindSafe(async move { inner.call(request).await }).catch_unwind().await {
                Ok(answered) => answered?,
                Err(panic) => {
                    status::to_status(Error::internal("a method panicked").caused_by(words(&*panic))).into_http()
                }
            }
        }
    };
    calls.record(started.elapsed(), &response);
    Ok(response)
}

/// What a panic said.
fn words(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "without words".to_owned())
}
