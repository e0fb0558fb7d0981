//! The median and its interval. Assumes only that samples are of one distribution, whatever its
//! shape, and in the order of time, so that neighbours may be alike.

use super::dependence::independent;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use statrs::distribution::{Binomial, DiscreteCDF};

/// A value and the range that holds the true one, at the stated confidence.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Estimate {
    /// The estimate.
    pub value: f64,
    /// The lower end; null if there are too few samples for the confidence.
    pub low: Option<f64>,
    /// The upper end.
    pub high: Option<f64>,
}

impl Estimate {
    /// Returns a value without an interval.
    pub fn single(value: f64) -> Self {
        Self { value, low: None, high: None }
    }

    /// Returns a value that is certain.
    pub fn exact(value: f64) -> Self {
        Self { value, low: Some(value), high: Some(value) }
    }

    /// Returns both ends of the interval; `None` if there is none.
    pub fn ends(&self) -> Option<(f64, f64)> {
        self.low.zip(self.high)
    }
}

/// Returns the median of samples in the order of time, with its distribution-free 95 % interval:
/// the order statistics beyond whose ranks a binomial of one half has at most 2.5 % per side
/// (Conover, Practical Nonparametric Statistics, 3.2). Where neighbours are alike, the ranks are
/// those of as few independent samples as say as much, in the same place of all. Needs 6
/// independent samples for an interval, 1 sample for a value.
pub fn median_interval(samples: &[f64]) -> Option<Estimate> {
    let (n, counted) = (samples.len(), independent(samples));
    if n == 0 {
        return None;
    }
    let (ranks, mut samples) = (median_ranks(counted), samples.to_vec());
    // Selecting a few ranks of ten million samples is ten times as fast as sorting them.
    let mut at = |rank: usize| *samples.select_nth_unstable_by(rank, f64::total_cmp).1;
    let value = match n % 2 {
        1 => at(n / 2),
        _ => at(n / 2 - 1).midpoint(at(n / 2)),
    };
    let ranks =
        ranks.map(|(low, high)| (low * n / counted, n - 1 - (counted - 1 - high) * n / counted));
    Some(Estimate {
        value,
        low: ranks.map(|(low, _)| at(low)),
        high: ranks.map(|(_, high)| at(high)),
    })
}

/// Returns a value with the interval of the median of the stretches of time that it is of, wide
/// enough to hold it.
pub fn spread(value: f64, stretches: &[f64]) -> Estimate {
    let ends = median_interval(stretches).and_then(|median| median.ends());
    Estimate {
        value,
        low: ends.map(|(low, _)| low.min(value)),
        high: ends.map(|(_, high)| high.max(value)),
    }
}

/// Returns the ranks, from 0 on, between which the median of `n` samples lies; `None` for fewer
/// than 6, whose whole range covers it with less than 95 %.
pub(super) fn median_ranks(n: usize) -> Option<(usize, usize)> {
    if n < 6 {
        return None;
    }
    let binomial = Binomial::new(0.5, n as u64).ok()?;
    let rank = left_out(&binomial, n).saturating_sub(1);
    Some((rank, n - 1 - rank))
}

/// Returns how many of the smallest ranks have at most 2.5 % together, by bisection: for a million
/// samples 20 evaluations of the binomial instead of half a million.
fn left_out(binomial: &Binomial, n: usize) -> usize {
    let (mut low, mut high) = (0, n / 2);
    while low < high {
        let middle = low.midpoint(high);
        match binomial.cdf(middle as u64) <= 0.025 {
            true => low = middle + 1,
            false => high = middle,
        }
    }
    low
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ranks of Conover's table: for n = 10 the 2nd and the 9th, for n = 6 the range.
    #[test]
    fn the_interval_is_the_tables() {
        let samples = |n| (1..=n).map(f64::from).collect::<Vec<_>>();
        let ten = median_interval(&samples(10)).unwrap();
        assert_eq!((ten.value, ten.low, ten.high), (5.5, Some(2.0), Some(9.0)));
        let six = median_interval(&samples(6)).unwrap();
        assert_eq!((six.low, six.high), (Some(1.0), Some(6.0)));
    }

    #[test]
    fn too_few_samples_have_no_interval() {
        assert_eq!(median_interval(&[]), None);
        let five = median_interval(&[1.0, 2.0, 3.0, 4.0, 5.0]).unwrap();
        assert_eq!((five.value, five.low), (3.0, None));
    }
}
