//! Streams that end when the process begins to stop.
//!
//! Watches of the contract end themselves, with the cursor to go on from (`watch`). Reflection comes from a library that
//! goes on for as long as its client does, and one open stream would hold a graceful stop back until its patience ends.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use base::{Error, Kind};
use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::{HeaderMap, Request, Response};
use http_body::Frame;
use tokio::sync::watch;
use tonic::Status;
use tonic::body::Body;
use tower::Service;

use crate::status;

/// Passes a call on; when `stopping` turns true its requests end, and its answer ends with the reason.
pub(crate) async fn answer<S>(
    stopping: watch::Receiver<bool>,
    inner: &mut S,
    request: Request<Body>,
) -> Result<Response<Body>, Infallible>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
{
    // The service holds the requests as long as they go on, and with them the connection.
    let requests = |body| Body::new(Ending { body, stopped: stopped(stopping.clone()), last: None });
    let answer = inner.call(request.map(requests)).await?;
    let last = Some(reason());
    Ok(answer.map(|body| Body::new(Ending { body, stopped: stopped(stopping), last })))
}

fn stopped(mut stopping: watch::Receiver<bool>) -> BoxFuture<'static, ()> {
    // A closed channel means that whoever would stop the process is gone: that is an end too.
    async move { drop(stopping.wait_for(|stopping| *stopping).await) }.boxed()
}

/// The status with which an answer ends, as trailers.
fn reason() -> HeaderMap {
    let error = Error::new(Kind::Unavailable, "STOPPING", "the server is stopping; ask again when it is back");
    let mut trailers = HeaderMap::new();
    match status::to_status(error).add_header(&mut trailers) {
        Ok(()) => trailers,
        // Without a status clients take the answer for broken off, which it is.
        Err(_) => HeaderMap::new(),
    }
}

/// A body until the process stops.
struct Ending {
    body: Body,
    stopped: BoxFuture<'static, ()>,
    /// What comes last when it is ended.
    last: Option<HeaderMap>,
}

impl http_body::Body for Ending {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if self.stopped.as_mut().poll(context).is_pending() {
            return Pin::new(&mut self.body).poll_frame(context);
        }
        self.stopped = std::future::pending().boxed();
        self.body = Body::empty();
        Poll::Ready(self.last.take().map(|trailers| Ok(Frame::trailers(trailers))))
    }
}
