//! How many calls the demo makes, how long they take, and whether any failed.
//!
//! Measured at the client, with the network and the wait for the disk. Not here: the server's own metrics.

use std::collections::VecDeque;
use std::future::Future;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use base::Result;
use rpc::status::from_status;
use tonic::{Response, Status};

/// Only calls this recent are in the rates.
const WINDOW: Duration = Duration::from_secs(5);

/// Counts calls.
#[derive(Default)]
pub(super) struct Meter(Mutex<Calls>);

#[derive(Default)]
struct Calls {
    total: u64,
    failed: u64,
    /// When each recent call ended, and how long it took.
    recent: VecDeque<(Instant, Duration)>,
}

/// What the meter shows.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Reading {
    /// Calls so far.
    pub(super) total: u64,
    /// Of these, how many failed.
    pub(super) failed: u64,
    /// Calls per second, lately.
    pub(super) per_second: f64,
    /// Half of the recent calls took less, in milliseconds.
    pub(super) p50_ms: f64,
    /// Ninety-nine of a hundred recent calls took less, in milliseconds.
    pub(super) p99_ms: f64,
}

impl Meter {
    /// Makes a call and counts it.
    pub(super) async fn call<T>(&self, call: impl Future<Output = Result<Response<T>, Status>>) -> Result<T> {
        let begun = Instant::now();
        let answer = call.await;
        let ended = Instant::now();
        let mut calls = self.calls();
        calls.total += 1;
        calls.failed += u64::from(answer.is_err());
        calls.recent.push_back((ended, ended - begun));
        calls.forget(ended);
        answer.map(Response::into_inner).map_err(from_status)
    }

    /// What it shows now.
    pub(super) fn read(&self) -> Reading {
        let mut calls = self.calls();
        calls.forget(Instant::now());
        let mut took: Vec<Duration> = calls.recent.iter().map(|(_, took)| *took).collect();
        took.sort_unstable();
        let at = |percent: usize| took.get(took.len() * percent / 100).map_or(0.0, |took| took.as_secs_f64() * 1e3);
        let count = f64::from(u32::try_from(took.len()).unwrap_or(u32::MAX));
        Reading {
            total: calls.total,
            failed: calls.failed,
            per_second: count / WINDOW.as_secs_f64(),
            p50_ms: at(50),
            p99_ms: at(99),
        }
    }

    fn calls(&self) -> MutexGuard<'_, Calls> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Calls {
    fn forget(&mut self, now: Instant) {
        while self.recent.front().is_some_and(|(ended, _)| now.duration_since(*ended) > WINDOW) {
            self.recent.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn calls_and_failures_are_counted() {
        let meter = Meter::default();
        for _ in 0..9 {
            meter.call(async { Ok(Response::new(())) }).await.unwrap();
        }
        let refused = meter.call(async { Err::<Response<()>, _>(Status::not_found("no")) }).await;
        assert_eq!(refused.unwrap_err().kind(), base::Kind::NotFound);
        let reading = meter.read();
        assert_eq!((reading.total, reading.failed), (10, 1));
        assert!(reading.per_second > 1.0 && reading.p99_ms >= reading.p50_ms);
    }
}
