//! A fixed computation, timed in each round beside what is measured there. A shared machine is faster
//! in one minute than in another, by the clock of its processor and by its neighbours, and slows this
//! computation too: by it, rounds of runs at different times can be compared.
//!
//! Of 14 runs of `echo`, `json` and `sort` within two minutes, the medians spread by 1.5 to 4.3 %, and
//! by 1.0 to 3.1 % (standard deviations) as multiples of this computation.

use std::hint::black_box;
use std::time::Instant;

/// Steps of the chain, some 30 µs.
const CHAIN: u32 = 10_000;

/// Steps of the eight lanes, which take as long.
const LANES: u32 = 6_000;

/// The number of times that the computation is done, of which the median counts: an interrupt falls
/// into one or two of them.
const TIMES: usize = 15;

/// A table that the first-level cache holds.
const TABLE: [u32; 1_024] = {
    let mut table = [0; 1_024];
    let mut n = 0;
    while n < table.len() {
        // Knuth's multiplicative hash: numbers without a pattern.
        table[n] = (n as u32).wrapping_mul(2_654_435_761);
        n += 1;
    }
    table
};

/// Does the computation several times, and returns its median time, nanoseconds.
pub fn reference_ns() -> f64 {
    let mut times = [0.0; TIMES];
    for time in &mut times {
        let start = Instant::now();
        black_box(chain(black_box(12_345)));
        black_box(lanes(black_box([1, 2, 3, 4, 5, 6, 7, 8])));
        *time = start.elapsed().as_nanos() as f64;
    }
    times.sort_by(f64::total_cmp);
    times[TIMES / 2]
}

/// Each step needs the one before, with a load and a multiplication, so that its time is that of the
/// processor's clock, whatever a compiler makes of it.
fn chain(mut x: u32) -> u32 {
    for _ in 0..CHAIN {
        x = TABLE[x as usize % TABLE.len()].wrapping_mul(x | 1) ^ (x >> 15);
    }
    x
}

/// Eight numbers that do not need each other use all that a core has, so that another thread on the
/// same core shows.
fn lanes(mut lanes: [u64; 8]) -> [u64; 8] {
    for _ in 0..LANES {
        for x in &mut lanes {
            // Marsaglia's xorshift.
            *x ^= *x << 13;
            *x ^= *x >> 7;
            *x ^= *x << 17;
        }
    }
    lanes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_computation_is_the_same_in_every_build() {
        assert_eq!(chain(12_345), 839_473_986);
        let mixed = lanes([1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(mixed[..2], [2_760_692_912_837_912_073, 10_870_842_117_524_463_858]);
    }
}
