//! Two builds, in pairs: what is compared is new ÷ old of one pair, never of all together, so
//! that whatever the machine does to both of them is left out.

mod clock;
mod counted;
mod guests;
mod metrics;
mod processes;
mod sample;
mod slowdown;

pub use guests::{Guests, SIDES};
pub use metrics::{QUANTITIES, of_case, quantity};
pub use processes::Programs;
pub use sample::sample;
pub use slowdown::InjectedSlowdown;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use std::time::Duration;

/// The number of pairs, and the settings of each.
#[derive(Debug, Clone, Copy)]
pub struct PairSettings {
    /// Pairs, each of which is one observation.
    pub pairs: u32,
    /// The shortest time of a slice of one side.
    pub slice: Duration,
    /// The seed of the order within each pair.
    pub seed: u64,
}

impl PairSettings {
    /// Returns the settings of so many pairs.
    pub fn new(pairs: u32, seed: u64) -> Self {
        Self { pairs, slice: Duration::from_micros(200), seed }
    }

    /// Returns the same with another seed.
    #[must_use]
    pub fn seeded(self, seed: u64) -> Self {
        Self { seed, ..self }
    }
}

/// The order of the sides in each pair: drawn by lot, so that neither profits from its place.
struct PairOrder(ChaCha8Rng);

impl PairOrder {
    fn new(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    /// Returns the indices of old (0) and new (1), in the order in which they come.
    fn draw(&mut self) -> [usize; 2] {
        if self.0.next_u32() & 1 == 0 { [0, 1] } else { [1, 0] }
    }
}

/// Returns the value in the middle, of at least one.
fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 {
        return values[middle];
    }
    values[middle - 1].midpoint(values[middle])
}
