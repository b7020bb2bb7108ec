//! A tonic echo in a process of its own: what a unary call costs at least, empty or with an answer that it was given.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};

use api::grids::v1::{LocateRequest, Location};
use futures_util::future::{BoxFuture, Ready, ready};
use http::{Request, Response};
use prost::Message;
use tonic::body::Body;
use tonic::server::{Grpc, NamedService, UnaryService};
use tonic::transport::server::TcpIncoming;
use tonic_prost::ProstCodec;
use tower::Service;

/// The path of the method that answers nothing.
pub(crate) const EMPTY: &str = "/echo.Echo/Empty";
/// The path of the method that answers what the echo was given.
pub(crate) const GIVEN: &str = "/echo.Echo/Given";

/// Serves the echo on a port of its own choice, which it prints. The answer it is given comes from standard input, as
/// bytes up to its end.
pub(crate) async fn serve() {
    let mut given = Vec::new();
    std::io::Read::read_to_end(&mut std::io::stdin(), &mut given).expect("standard input can be read");
    let echo = Echo { given: Location::decode(given.as_slice()).expect("the answer is a location").into() };
    let incoming =
        TcpIncoming::bind("127.0.0.1:0".parse().expect("an address")).expect("a port").with_nodelay(Some(true));
    println!("http://{}", incoming.local_addr().expect("a bound port"));
    tonic::transport::Server::builder().add_service(echo).serve_with_incoming(incoming).await.expect("the echo serves");
}

/// Answers every request with an empty location, or with the one it was given.
#[derive(Clone)]
struct Echo {
    given: Arc<Location>,
}

/// One answer.
struct Fixed(Location);

impl UnaryService<LocateRequest> for Fixed {
    type Response = Location;
    type Future = Ready<Result<tonic::Response<Location>, tonic::Status>>;

    fn call(&mut self, _: tonic::Request<LocateRequest>) -> Self::Future {
        ready(Ok(tonic::Response::new(std::mem::take(&mut self.0))))
    }
}

impl NamedService for Echo {
    const NAME: &'static str = "echo.Echo";
}

impl Service<Request<Body>> for Echo {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let given = (request.uri().path() == GIVEN).then(|| self.given.clone());
        Box::pin(async move {
            let mut grpc = Grpc::new(ProstCodec::<Location, LocateRequest>::default());
            let answer = given.map(|given| Location::clone(&given)).unwrap_or_default();
            Ok(grpc.unary(Fixed(answer), request).await)
        })
    }
}
