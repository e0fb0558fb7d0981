//! The number of new values that exceed earlier ones by chance. Assumes only that all values are
//! independent and of one distribution, whatever its shape.

use statrs::function::factorial::ln_binomial;

/// Returns the number of `later` values above the `rank`-th largest (from 0 on) of `earlier` ones
/// that is exceeded in at most one of twenty cases. Without any change, all orders of the values
/// are equally likely, and the number is negative hypergeometric (Gumbel and von Schelling 1950,
/// "The distribution of the number of exceedances").
pub fn exceedances(earlier: usize, rank: usize, later: usize) -> usize {
    const RARE: f64 = 0.05;
    let Some(below) = earlier.checked_sub(rank + 1) else {
        return later;
    };
    let ln = |n: usize, k: usize| ln_binomial(n as u64, k as u64);
    let mut more = 1.0;
    (0..later)
        .find(|k| {
            let orders = ln(k + rank, rank) + ln(later - k + below, below);
            more -= (orders - ln(earlier + later, later)).exp();
            more <= RARE
        })
        .unwrap_or(later)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_more_is_known_the_less_is_chance() {
        // One more value is above the largest of 10 in one of 11 cases, and of 20 in one of 21.
        assert_eq!((exceedances(10, 0, 1), exceedances(20, 0, 1)), (1, 0));
        // The largest three of 30 are all among 20 of them in 28 %, the largest seven in 4 %.
        assert_eq!(exceedances(10, 0, 20), 6);
        assert_eq!(exceedances(100, 0, 20), 1);
        assert_eq!(exceedances(100_000, 0, 20), 0);
        assert_eq!(exceedances(0, 0, 20), 20);
    }
}
