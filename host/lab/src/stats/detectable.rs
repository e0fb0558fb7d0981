//! The power of a test: the smallest change that it detects. Assumes that the estimate is about
//! normally distributed around the true value, as the centre of ten or more pairs is.

use super::median::Estimate;
use statrs::distribution::{ContinuousCDF, Normal};

/// Returns the distance from a bound at which a one-sided test at `alpha` detects a change in nine
/// of ten cases, for an estimate with this interval at this confidence (Cohen 1988, Statistical
/// Power Analysis, 2.4, with the standard error that the interval implies); `None` without an
/// interval.
pub fn detectable(interval: Estimate, confidence: f64, alpha: f64) -> Option<f64> {
    const POWER: f64 = 0.9;
    let width = interval.high? - interval.low?;
    let normal = Normal::standard();
    let error = width / 2.0 / normal.inverse_cdf(f64::midpoint(1.0, confidence));
    Some(error * (normal.inverse_cdf(1.0 - alpha) + normal.inverse_cdf(POWER)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_textbooks_sum_of_quantiles() {
        let interval =
            |end: Option<f64>| Estimate { value: 0.0, low: end.map(|end| -end), high: end };
        // 1.960 standard errors per side, and 1.645 + 1.282 of them to be detected.
        let found = detectable(interval(Some(1.96)), 0.95, 0.05).unwrap();
        assert!((found - 2.926).abs() < 1e-3, "{found}");
        assert_eq!(detectable(interval(None), 0.95, 0.05), None);
    }
}
