//! Rounds of a comparison within a time limit.

use crate::record::{Tally, Watch};
use crate::{Error, Result};
use std::time::{Duration, Instant};

/// The end of a series of rounds: at a time, and between two numbers of rounds.
#[derive(Debug, Clone, Copy)]
pub struct Limit {
    /// The time limit.
    pub time: Duration,
    /// The fewest rounds that count: they are tried twice as often, and may take longer.
    pub least: usize,
    /// The most rounds.
    pub most: usize,
    /// Whether time is measured, so that only rounds without disturbance count.
    pub is_timed: bool,
}

/// The factor by which the fewest rounds may exceed the time limit.
const OVER: u32 = 10;

/// The result of a series of rounds.
pub struct Sampled {
    /// The costs of the rounds that count, by side; of all where too few count.
    pub costs: Vec<Vec<f64>>,
    /// The reason why the costs are not judged; `None` if they are.
    pub withheld: Option<String>,
}

/// Measures rounds of this number of sides. A round returns the cost of each side.
///
/// # Errors
/// Those of the rounds, and [`Error::Stopped`].
pub fn sample(
    sides: usize,
    limit: Limit,
    stopped: &dyn Fn() -> bool,
    mut round: impl FnMut(usize) -> Result<Vec<f64>>,
) -> Result<Sampled> {
    let start = Instant::now();
    let (mut tally, mut rounds) = (Tally::default(), Vec::new());
    loop {
        if stopped() {
            return Err(Error::Stopped);
        }
        let mut watch = Watch::start();
        let costs = round(rounds.len())?;
        let invalid = watch.round().filter(|_| limit.is_timed);
        tally.add(invalid);
        rounds.push((costs, invalid.is_none()));
        let elapsed = start.elapsed();
        let is_enough = tally.valid() >= limit.least || tally.all() >= 2 * limit.least;
        let is_over = elapsed >= limit.time && is_enough;
        if is_over || elapsed >= limit.time * OVER || tally.valid() >= limit.most {
            break;
        }
    }
    let takes_all = !tally.is_enough();
    let counted: Vec<_> = rounds.iter().filter(|(_, valid)| takes_all || *valid).collect();
    let of_side = |side: usize| counted.iter().map(|(costs, _)| costs[side]).collect();
    Ok(Sampled { costs: (0..sides).map(of_side).collect(), withheld: tally.withheld("rounds") })
}

/// Returns the sides there and back, so that a drift cancels out; the next round begins with
/// another side.
pub fn there_and_back(sides: usize, round: usize) -> impl Iterator<Item = usize> {
    (0..sides).chain((0..sides).rev()).map(move |place| (place + round) % sides)
}

/// Returns the sides once, in turn there and back.
pub fn once(sides: usize, round: usize) -> impl Iterator<Item = usize> {
    let order = move |place: usize| match round.is_multiple_of(2) {
        true => (place + round / 2) % sides,
        false => (sides - 1 - place + round / 2) % sides,
    };
    (0..sides).map(order)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_side_has_its_turn() {
        for round in 0..7 {
            let mut there: Vec<_> = there_and_back(3, round).collect();
            assert_eq!(there.first(), there.last());
            there.sort_unstable();
            assert_eq!(there, [0, 0, 1, 1, 2, 2]);
            let mut once: Vec<_> = once(3, round).collect();
            once.sort_unstable();
            assert_eq!(once, [0, 1, 2]);
        }
    }

    #[test]
    fn rounds_end_with_the_time_or_the_most() {
        let limit = |time, least, most| Limit {
            time: Duration::from_millis(time),
            least,
            most,
            is_timed: false,
        };
        let count = |limit| {
            let sampled = sample(1, limit, &|| false, |_| {
                std::thread::sleep(Duration::from_millis(1));
                Ok(vec![1.0])
            });
            sampled.unwrap().costs[0].len()
        };
        assert!(count(limit(10_000, 1, 3)) >= 3);
        assert!(count(limit(0, 5, 9)) >= 1);
        let stopped = sample(1, limit(1, 1, 1), &|| true, |_| Ok(vec![1.0]));
        assert!(matches!(stopped, Err(Error::Stopped)));
    }
}
