//! A wire that loses requests and replies, by a seed.

use std::sync::{Arc, Mutex};

use fastrand::Rng;
use tests::{Caller, Wire, unsteady};
use tonic::Status;

/// The words of a loss, by which it is told from an answer.
const LOST: &str = "the simulated wire broke";

/// How a wire behaves.
#[derive(Clone)]
pub(crate) struct Weather(Arc<Mutex<State>>);

struct State {
    random: Rng,
    lost: usize,
}

impl Weather {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(State { random: Rng::with_seed(seed), lost: 0 })))
    }

    /// How much was lost so far.
    pub(crate) fn lost(&self) -> usize {
        self.0.lock().unwrap().lost
    }

    /// A caller over a wire in this weather: one call in eight is lost on the way, or its reply on the way back.
    pub(crate) fn over(&self, caller: &Caller) -> Caller {
        let weather = self.clone();
        let wire: Wire = unsteady(caller.wire(), move || {
            let mut state = weather.0.lock().unwrap();
            let (request, reply) = match state.random.u8(..16) {
                0 => (true, false),
                1 => (false, true),
                _ => (false, false),
            };
            state.lost += usize::from(request || reply);
            tests::Loss { request, reply, status: Status::unavailable(LOST) }
        });
        caller.over(wire)
    }
}

/// Whether a call was lost, or its reply.
pub(crate) fn is_lost(status: &Status) -> bool {
    status.message() == LOST
}
