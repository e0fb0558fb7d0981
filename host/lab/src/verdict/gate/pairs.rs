//! The number of pairs that a verdict needs.

use crate::stats::smallest_p;
use crate::{Error, Result};

/// Checks that this number of pairs can show a regression of any of this number of timed metrics at
/// `alpha`, after Holm's correction. With fewer, every slowdown would be inconclusive, however
/// large.
///
/// # Errors
/// If they cannot; the message has the smallest number that can.
pub fn require_pairs(pairs: u32, metrics: usize, alpha: f64) -> Result<()> {
    let corrected = |pairs: u32| smallest_p(pairs) * metrics as f64;
    if corrected(pairs) <= alpha {
        return Ok(());
    }
    let needed = (pairs..).find(|pairs| corrected(*pairs) <= alpha);
    let needed = needed.unwrap_or_else(|| unreachable!("the smallest p-value goes to 0"));
    Err(Error::Usage(format!(
        "--pairs {pairs} cannot show any regression: the smallest p-value of {pairs} pairs, {:.2}, \
         corrected for {metrics} timed metrics, is above alpha, {alpha}; at least {needed} pairs \
         are needed",
        corrected(pairs).min(1.0)
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_few_pairs_are_refused_with_the_number_that_is_needed() {
        assert!(require_pairs(7, 1, 0.01).is_ok());
        assert!(require_pairs(9, 4, 0.01).is_ok());
        let error = require_pairs(8, 4, 0.01).unwrap_err().to_string();
        assert!(error.contains("at least 9 pairs"), "{error}");
        let error = require_pairs(1, 100, 1e-6).unwrap_err().to_string();
        assert!(error.contains("at least 27 pairs"), "{error}");
    }
}
