//! The clock of the demo: a civil day that runs at speed.
//!
//! The server and everybody else read one clock, so deadlines fall and run out as they would. The clock never passes a
//! step that is waiting to be taken: each step is taken exactly at its planned time, however slow the machine is, and
//! the same seed gives the same day to the second. Not here: what the steps are.

use std::sync::Arc;
use std::time::{Duration, Instant};

use base::{Clock, ManualClock, Time};

/// How often the clock moves while nothing happens.
const TICK: Duration = Duration::from_millis(20);

/// Moves the clock of the demo.
pub(super) struct Pace {
    clock: Arc<ManualClock>,
    /// Civil seconds for each real one.
    speed: f64,
    /// Where the run began: civil and real.
    begun: (Time, Instant),
}

impl Pace {
    /// Runs `clock` from where it stands.
    pub(super) fn new(clock: Arc<ManualClock>, speed: f64) -> Self {
        let begun = (clock.now(), Instant::now());
        Self { clock, speed, begun }
    }

    /// Runs until the planned time is reached, and stands exactly on it.
    pub(super) async fn reach(&self, at: Time) {
        loop {
            let now = self.running();
            if now >= at {
                self.move_to(at);
                return;
            }
            self.move_to(now);
            tokio::time::sleep(TICK.min(self.until(now, at))).await;
        }
    }

    /// Runs on for ever.
    pub(super) async fn run_on(&self) {
        loop {
            self.move_to(self.running());
            tokio::time::sleep(TICK * 5).await;
        }
    }

    /// Where the clock would stand if nothing had held it up.
    fn running(&self) -> Time {
        let micros = self.begun.1.elapsed().as_secs_f64() * self.speed * 1e6;
        #[expect(clippy::cast_possible_truncation, reason = "a day has 8.64e10 microseconds; more saturates")]
        let micros = micros as i64;
        self.begun.0.plus_micros(micros)
    }

    fn until(&self, now: Time, at: Time) -> Duration {
        let micros = u32::try_from(at.micros() - now.micros()).unwrap_or(u32::MAX);
        Duration::from_secs_f64(f64::from(micros) / 1e6 / self.speed)
    }

    /// Time never goes back.
    fn move_to(&self, now: Time) {
        if now > self.clock.now() {
            self.clock.set(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_clock_stands_exactly_on_each_step_however_fast_it_runs() {
        let begin = Time::parse("2026-06-16 07:00").unwrap();
        let clock = Arc::new(ManualClock::at(begin));
        let pace = Pace::new(clock.clone(), 1e7);
        for minutes in [1, 2, 500] {
            let at = begin.plus_seconds(minutes * 60);
            pace.reach(at).await;
            assert_eq!(clock.now(), at);
        }
        // A step that is late already does not turn the clock back.
        pace.reach(begin).await;
        assert_eq!(clock.now(), begin.plus_seconds(500 * 60));
    }
}
