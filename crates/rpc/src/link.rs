//! The way to a service, whether it runs in this process or in another.
//!
//! A generated client over a [`Link`] does not know which it is. A local link gives a call what the wire would: no
//! request extensions cross (identity travels in metadata), and the caller's deadline is kept.

use std::task::{Context, Poll};

use futures_util::future::BoxFuture;
use http::{Request, Response};
use tonic::body::Body;
use tonic::transport::Channel;
use tonic::{Code, Status, TimeoutExpired};
use tower::util::BoxCloneSyncService;
use tower::{Service, ServiceExt};

use crate::stack::{Guarded, Stack, timeout};

/// A way to a service. Cloning is cheap; all clones lead to the same service.
#[derive(Clone, Debug)]
pub struct Link(BoxCloneSyncService<Request<Body>, Response<Body>, Status>);

impl Link {
    /// A link to services in this process. The same stack guards them as guards the network.
    pub fn local(routes: tonic::service::Routes, stack: &Stack) -> Self {
        Self(BoxCloneSyncService::new(Boundary(stack.guard(routes))))
    }

    /// A link over the wire.
    pub fn remote(channel: Channel) -> Self {
        Self(BoxCloneSyncService::new(channel.map_err(|error| failed(&error))))
    }
}

/// What a caller is told when a call over the wire came to nothing. The channel watches the deadline itself, and tells
/// of it in the same way as of a broken line.
fn failed(error: &tonic::transport::Error) -> Status {
    let first: &(dyn std::error::Error + 'static) = error;
    let mut causes = std::iter::successors(Some(first), |error| error.source());
    if causes.any(<dyn std::error::Error>::is::<TimeoutExpired>) {
        return Status::deadline_exceeded("the call's deadline has passed");
    }
    tracing::warn!(?error, "a linked service cannot be reached");
    Status::unavailable("a service this one depends on cannot be reached; try again")
}

impl Service<Request<Body>> for Link {
    type Response = Response<Body>;
    // A concrete error: with a boxed one a generated client cannot be used inside a spawned task.
    type Error = Status;
    type Future = BoxFuture<'static, Result<Response<Body>, Status>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Status>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        Box::pin(self.0.call(request))
    }
}

/// What the wire would do to a call inside the process.
#[derive(Clone)]
struct Boundary(Guarded<tonic::service::Routes>);

impl Service<Request<Body>> for Boundary {
    type Response = Response<Body>;
    type Error = Status;
    type Future = BoxFuture<'static, Result<Response<Body>, Status>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Status>> {
        // Routes are always ready: their services are called directly.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        request.extensions_mut().clear();
        let deadline = timeout(request.headers());
        let answer = self.0.clone().oneshot(request);
        Box::pin(async move {
            let answered = match deadline {
                None => answer.await,
                Some(deadline) => match tokio::time::timeout(deadline, answer).await {
                    Ok(answered) => answered,
                    Err(_) => return Err(Status::new(Code::DeadlineExceeded, "the call's deadline has passed")),
                },
            };
            answered.map_err(|never| match never {})
        })
    }
}
