//! How a process without the staff service learns who calls: with as few questions as possible, and none forgotten.

#![allow(clippy::unwrap_used)] // The helpers of a test may fail it.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use api::staff::v1::{Binding, Post, Principal, WhoAmIRequest};
use base::{AreaPath, Error, Kind, ManualClock, PrincipalId, Result, Time};
use futures_util::FutureExt;
use futures_util::future::{self, BoxFuture};
use rpc::contract::Contract;
use rpc::identity::{Authority, Identity, RemoteAuthority};
use rpc::metrics::Metrics;
use rpc::stack::Stack;
use rpc::{Caller, Link};
use tonic::body::Body;

const NOW: Time = Time::from_micros(1_790_000_000_000_000);

/// The authority beside the staff service: counts its questions, knows one token, and answers some with trouble.
#[derive(Default)]
struct Beside {
    questions: AtomicUsize,
}

impl Authority for Beside {
    fn cached(&self, _: &str, _: Time) -> Option<Arc<Identity>> {
        None
    }

    fn identify<'a>(&'a self, token: &'a str, _: Time) -> BoxFuture<'a, Result<Arc<Identity>>> {
        self.questions.fetch_add(1, Ordering::SeqCst);
        let answer = match token {
            "good" => {
                let bindings = vec![(Post::GridWorker, "/1/2".parse::<AreaPath>().unwrap())];
                let id = PrincipalId::from_bytes([7; 16]);
                Ok(Arc::new(Identity { id, display_name: "张三".to_owned(), bindings }))
            }
            "trouble" => Err(Error::new(Kind::Unavailable, "STOPPING", "come back")),
            _ => Err(Error::new(Kind::Unauthenticated, "TOKEN_FOREIGN", "nobody knows this token")),
        };
        Box::pin(async move {
            // Long enough for others to come and ask the same.
            tokio::task::yield_now().await;
            answer
        })
    }
}

/// Plays `staff.WhoAmI`.
#[derive(Clone)]
struct WhoAmI;

impl tonic::server::NamedService for WhoAmI {
    const NAME: &'static str = "wangge.staff.v1.StaffService";
}

impl tower::Service<http::Request<Body>> for WhoAmI {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let answer = |request: tonic::Request<WhoAmIRequest>| {
            let caller = Caller::of(&request).unwrap();
            let binding = |(post, path): &(Post, AreaPath)| Binding {
                post: (*post).into(),
                area: String::new(),
                path: path.to_string(),
            };
            let bindings = caller.bindings().iter().map(binding).collect();
            let display_name = caller.display_name().to_owned();
            let principal = Principal { name: caller.id().name(), display_name, bindings, ..Default::default() };
            future::ready(Ok(tonic::Response::new(principal)))
        };
        let codec = tonic_prost::ProstCodec::<Principal, WhoAmIRequest>::default();
        Box::pin(async move { Ok(tonic::server::Grpc::new(codec).unary(tower::service_fn(answer), request).await) })
    }
}

/// The authority under test, and how many questions reached the staff service.
fn linked() -> (Arc<RemoteAuthority>, Arc<Beside>) {
    let contract = Contract::load().unwrap();
    let metrics = Arc::new(Metrics::new(&contract));
    let beside = Arc::new(Beside::default());
    let (_, stopping) = tokio::sync::watch::channel(false);
    let stack = Stack::new(contract, beside.clone(), Arc::new(ManualClock::at(NOW)), metrics, stopping);
    let link = Link::local(tonic::service::Routes::new(WhoAmI), &stack);
    (Arc::new(RemoteAuthority::new(link)), beside)
}

/// What many calls at once are told.
async fn at_once(authority: &Arc<RemoteAuthority>, token: &'static str, calls: usize) -> Vec<Result<Arc<Identity>>> {
    let ask = |authority: Arc<RemoteAuthority>| tokio::spawn(async move { authority.identify(token, NOW).await });
    let calls: Vec<_> = (0..calls).map(|_| ask(authority.clone())).collect();
    future::join_all(calls).await.into_iter().map(Result::unwrap).collect()
}

#[tokio::test]
async fn many_calls_with_one_token_ask_once() {
    let (authority, beside) = linked();
    for (token, asked) in [("good", 1), ("dead", 2)] {
        for answer in at_once(&authority, token, 50).await {
            match answer {
                Ok(identity) => assert_eq!((token, identity.display_name.as_str()), ("good", "张三")),
                Err(refused) => {
                    assert_eq!((token, refused.kind()), ("dead", Kind::Unauthenticated));
                    assert_eq!((refused.reason(), refused.message()), ("TOKEN_FOREIGN", "nobody knows this token"));
                }
            }
        }
        assert_eq!(beside.questions.load(Ordering::SeqCst), asked, "{token}");
    }
    assert!(authority.cached("good", NOW).is_some() && authority.cached("dead", NOW).is_none());
}

#[tokio::test]
async fn an_answer_is_believed_for_a_second_and_then_asked_for_again() {
    let (authority, beside) = linked();
    for token in ["good", "dead"] {
        let before = beside.questions.load(Ordering::SeqCst);
        for (micros, asked) in [(0, 1), (999_999, 1), (1_000_000, 2), (1_000_001, 2), (-1, 3)] {
            let _ = authority.identify(token, NOW.plus_micros(micros)).await;
            assert_eq!(beside.questions.load(Ordering::SeqCst) - before, asked, "{token} after {micros} µs");
        }
    }
    assert!(authority.cached("good", NOW.plus_seconds(60)).is_none());
}

#[tokio::test]
async fn that_the_staff_service_is_away_is_not_remembered() {
    let (authority, beside) = linked();
    for asked in 1..=3 {
        assert_eq!(authority.identify("trouble", NOW).await.unwrap_err().kind(), Kind::Unavailable);
        assert_eq!(beside.questions.load(Ordering::SeqCst), asked);
    }
}

#[tokio::test]
async fn a_caller_who_goes_away_takes_nobody_elses_answer_along() {
    let (authority, beside) = linked();
    let first = authority.clone();
    let mut first = Box::pin(async move { first.identify("good", NOW).await });
    assert!((&mut first).now_or_never().is_none(), "it waits for the answer");
    drop(first);
    assert!(authority.identify("good", NOW).await.is_ok());
    assert_eq!(beside.questions.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_flood_of_made_up_tokens_drives_out_no_real_one() {
    let (authority, beside) = linked();
    assert!(authority.identify("good", NOW).await.is_ok());
    for number in 0..10_000 {
        assert!(authority.identify(&format!("made up {number}"), NOW).await.is_err());
    }
    assert!(authority.cached("good", NOW).is_some());
    assert_eq!(beside.questions.load(Ordering::SeqCst), 10_001);
}
