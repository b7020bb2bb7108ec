//! An empty tonic echo in a process of its own: what a unary call costs at least.

use std::convert::Infallible;
use std::task::{Context, Poll};

use api::grids::v1::{LocateRequest, Location};
use futures_util::future::{BoxFuture, Ready, ready};
use http::{Request, Response};
use tonic::body::Body;
use tonic::server::{Grpc, NamedService, UnaryService};
use tonic::transport::server::TcpIncoming;
use tonic_prost::ProstCodec;
use tower::Service;

/// The path of the echo's only method.
pub(crate) const PATH: &str = "/echo.Echo/Echo";

/// Serves the echo on a port of its own choice, which it prints.
pub(crate) async fn serve() {
    let incoming =
        TcpIncoming::bind("127.0.0.1:0".parse().expect("an address")).expect("a port").with_nodelay(Some(true));
    println!("http://{}", incoming.local_addr().expect("a bound port"));
    tonic::transport::Server::builder().add_service(Echo).serve_with_incoming(incoming).await.expect("the echo serves");
}

/// Answers a Locate request with an empty Location.
#[derive(Clone)]
struct Echo;

impl UnaryService<LocateRequest> for Echo {
    type Response = Location;
    type Future = Ready<Result<tonic::Response<Location>, tonic::Status>>;

    fn call(&mut self, _: tonic::Request<LocateRequest>) -> Self::Future {
        ready(Ok(tonic::Response::new(Location::default())))
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
        Box::pin(async move {
            let mut grpc = Grpc::new(ProstCodec::<Location, LocateRequest>::default());
            Ok(grpc.unary(Self, request).await)
        })
    }
}
