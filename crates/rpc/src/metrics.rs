//! How many calls each method had, how they ended and how long they took, in the text format of Prometheus.

use std::collections::HashMap;
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::Response;
use tonic::body::Body;

use crate::contract::Contract;

/// Upper bounds of the duration buckets, in microseconds.
const BUCKETS_US: [u64; 12] = [50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 50_000, 250_000, 1_000_000, 10_000_000];
/// gRPC has 17 codes, 0 to 16.
const CODES: usize = 17;

/// Counters of every method of the contract.
#[derive(Debug)]
pub struct Metrics {
    methods: HashMap<String, Calls>,
    /// For methods that are not in the contract; never shown.
    unknown: Calls,
}

/// Counters of one method.
#[derive(Debug, Default)]
pub struct Calls {
    by_code: [AtomicU64; CODES],
    by_duration: [AtomicU64; BUCKETS_US.len() + 1],
    total_us: AtomicU64,
}

impl Metrics {
    /// Counters at zero.
    pub fn new(contract: &Contract) -> Self {
        let methods = contract.methods().map(|(path, _)| (path.to_owned(), Calls::default())).collect();
        Self { methods, unknown: Calls::default() }
    }

    /// The counters of the method at this path.
    pub fn calls(&self, path: &str) -> &Calls {
        self.methods.get(path).unwrap_or(&self.unknown)
    }

    /// All counters that have counted anything, as Prometheus reads them (text format 0.0.4).
    pub fn render(&self) -> String {
        let mut methods: Vec<_> = self.methods.iter().filter(|(_, calls)| calls.count() > 0).collect();
        methods.sort_by_key(|(path, _)| *path);
        let mut text = String::new();
        text.push_str("# HELP wangge_calls_total Calls answered, by method and gRPC code.\n");
        text.push_str("# TYPE wangge_calls_total counter\n");
        for (path, calls) in &methods {
            calls.render_codes(path, &mut text);
        }
        text.push_str("# HELP wangge_call_duration_seconds Time until the head of the answer, by method.\n");
        text.push_str("# TYPE wangge_call_duration_seconds histogram\n");
        for (path, calls) in &methods {
            calls.render_durations(path, &mut text);
        }
        text
    }
}

impl Calls {
    /// Notes one call. An error without a message body has its code in the head; streams and answers count as OK.
    pub(crate) fn record(&self, took: Duration, response: &Response<Body>) {
        let code = response.headers().get("grpc-status").and_then(|code| code.to_str().ok()?.parse().ok()).unwrap_or(0);
        let took_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let bucket = BUCKETS_US.iter().position(|bound| took_us <= *bound).unwrap_or(BUCKETS_US.len());
        self.by_code[if code < CODES { code } else { 2 }].fetch_add(1, Ordering::Relaxed);
        self.by_duration[bucket].fetch_add(1, Ordering::Relaxed);
        self.total_us.fetch_add(took_us, Ordering::Relaxed);
    }

    fn count(&self) -> u64 {
        self.by_duration.iter().map(|bucket| bucket.load(Ordering::Relaxed)).sum()
    }

    // Writing to a String cannot fail, so the results of `write!` are not looked at.
    fn render_codes(&self, path: &str, text: &mut String) {
        for (code, count) in self.by_code.iter().enumerate() {
            let count = count.load(Ordering::Relaxed);
            if count > 0 {
                let code = tonic::Code::from(i32::try_from(code).unwrap_or(2));
                let _ = writeln!(text, "wangge_calls_total{{method=\"{path}\",code=\"{code:?}\"}} {count}");
            }
        }
    }

    fn render_durations(&self, path: &str, text: &mut String) {
        let name = "wangge_call_duration_seconds";
        let mut so_far = 0;
        for (bucket, count) in self.by_duration.iter().enumerate() {
            so_far += count.load(Ordering::Relaxed);
            let bound = BUCKETS_US
                .get(bucket)
                .map_or("+Inf".to_owned(), |us| format!("{}", Duration::from_micros(*us).as_secs_f64()));
            let _ = writeln!(text, "{name}_bucket{{method=\"{path}\",le=\"{bound}\"}} {so_far}");
        }
        let sum = Duration::from_micros(self.total_us.load(Ordering::Relaxed)).as_secs_f64();
        let _ = writeln!(text, "{name}_sum{{method=\"{path}\"}} {sum}\n{name}_count{{method=\"{path}\"}} {so_far}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_counted_by_code_and_duration() {
        let metrics = Metrics::new(&Contract::load().unwrap());
        let path = "/wangge.grids.v1.GridService/Locate";
        metrics.calls(path).record(Duration::from_micros(80), &Response::new(Body::empty()));
        let refused = tonic::Status::permission_denied("no").into_http();
        metrics.calls(path).record(Duration::from_millis(2), &refused);
        let text = metrics.render();
        assert!(text.contains(&format!("wangge_calls_total{{method=\"{path}\",code=\"Ok\"}} 1")), "{text}");
        assert!(text.contains(&format!("wangge_calls_total{{method=\"{path}\",code=\"PermissionDenied\"}} 1")));
        assert!(text.contains(&format!("wangge_call_duration_seconds_bucket{{method=\"{path}\",le=\"0.0001\"}} 1")));
        assert!(text.contains(&format!("wangge_call_duration_seconds_count{{method=\"{path}\"}} 2")));
    }
}
