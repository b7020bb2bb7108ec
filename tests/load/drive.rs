//! Many callers for a bounded time, and what they saw.

use std::future::Future;
use std::time::{Duration, Instant};

/// Calls in flight in every scenario.
pub(crate) const CALLERS: usize = 64;

/// What a round of calls took.
pub(crate) struct Round {
    /// Calls answered.
    pub(crate) calls: usize,
    /// From the first call to the last answer.
    pub(crate) took: Duration,
    latencies_us: Vec<u32>,
}

impl Round {
    /// Calls per second.
    pub(crate) fn per_second(&self) -> f64 {
        self.calls as f64 / self.took.as_secs_f64()
    }

    /// The latency that so many percent of the calls did not exceed, in milliseconds.
    pub(crate) fn percentile_ms(&mut self, percent: usize) -> f64 {
        self.latencies_us.sort_unstable();
        let index = (self.latencies_us.len() * percent / 100).min(self.latencies_us.len().saturating_sub(1));
        f64::from(self.latencies_us.get(index).copied().unwrap_or(0)) / 1_000.0
    }
}

/// Lets 64 callers call one after another for `seconds`, or until `most` calls are made. `call` is given the number of
/// the call.
pub(crate) async fn round<F, Fut>(seconds: u64, most: usize, call: F) -> Round
where
    F: Fn(usize) -> Fut + Clone + 'static,
    Fut: Future<Output = ()> + 'static,
{
    let began = Instant::now();
    let end = began + Duration::from_secs(seconds);
    let next = std::rc::Rc::new(std::cell::Cell::new(0_usize));
    let callers: Vec<_> = (0..CALLERS)
        .map(|_| {
            let (call, next) = (call.clone(), next.clone());
            tokio::task::spawn_local(async move {
                let mut latencies = Vec::new();
                while Instant::now() < end && next.get() < most {
                    let number = next.replace(next.get() + 1);
                    let asked = Instant::now();
                    call(number).await;
                    latencies.push(u32::try_from(asked.elapsed().as_micros()).unwrap_or(u32::MAX));
                }
                latencies
            })
        })
        .collect();
    let mut latencies_us = Vec::new();
    for caller in callers {
        latencies_us.extend(caller.await.expect("a caller does not panic"));
    }
    Round { calls: latencies_us.len(), took: began.elapsed(), latencies_us }
}
