//! How far two series lie apart. Assumes that the independent samples that each is worth are of one
//! distribution, whatever its shape, if nothing has changed.

use super::dependence::independent;
use statrs::function::factorial::ln_binomial;

/// The greatest chance that all new samples are above all old ones, or all below, though nothing has
/// changed; of each of the two.
const RARE: f64 = 0.001;

/// Returns the least and the greatest of new ÷ old, less one, of any two samples, which are in the order
/// of time: the series lie apart if both are on one side of 0. `None` where so few independent samples
/// lie apart by chance: of `a + b`, the `a` largest are one series in one of as many cases as there are
/// ways to choose them.
pub fn separation(old: &[f64], new: &[f64]) -> Option<(f64, f64)> {
    let [a, b] = [old, new].map(|samples| independent(samples) as u64);
    if a == 0 || b == 0 || -ln_binomial(a + b, a) > RARE.ln() {
        return None;
    }
    let least = |samples: &[f64]| samples.iter().copied().fold(f64::INFINITY, f64::min);
    let most = |samples: &[f64]| samples.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    (least(old) > 0.0 && least(new) > 0.0)
        .then(|| (least(new) / most(old) - 1.0, most(new) / least(old) - 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_samples_lie_apart_by_chance() {
        let [low, high] = [10.0, 20.0].map(|from| (0..6).map(|n| from + f64::from(n)).collect());
        let [low, high]: [Vec<f64>; 2] = [low, high];
        // 924 ways to choose 6 of 12, and 1,716 to choose 6 of 13.
        assert_eq!(separation(&low, &high), None);
        let more: Vec<f64> = high.iter().copied().chain([26.0]).collect();
        assert_eq!(separation(&low, &more), Some((20.0 / 15.0 - 1.0, 1.6)));
        assert_eq!(separation(&more, &low), Some((10.0 / 26.0 - 1.0, -0.25)));
        assert_eq!(separation(&[0.0; 9], &more), None);
        assert_eq!(separation(&[], &more), None);
    }

    #[test]
    fn what_drifts_is_worth_less() {
        let rising = |from: f64, count: i32| (0..count).map(move |n| from + f64::from(n) / 100.0);
        let (low, high): (Vec<_>, Vec<_>) = (rising(1.0, 40).collect(), rising(9.0, 40).collect());
        assert_eq!(separation(&low, &high), None);
        let steady: Vec<f64> = (0..200).map(|n| 9.0 + f64::from(n * 7 % 20)).collect();
        assert!(separation(&low, &steady).is_some_and(|(from, _)| from > 5.0));
    }
}
