//! The mean of ratios. Assumes that each counts the same, and that 2 and 1/2 cancel out.

/// Returns the geometric mean of positive numbers; `None` if there are none.
pub fn geometric_mean(ratios: &[f64]) -> Option<f64> {
    let logs: f64 = ratios.iter().map(|ratio| ratio.ln()).sum();
    Some((logs / ratios.len() as f64).exp()).filter(|mean| mean.is_finite())
}

#[cfg(test)]
mod tests {
    use super::geometric_mean;

    #[test]
    fn twice_and_half_cancel_out() {
        assert_eq!(geometric_mean(&[2.0, 0.5]), Some(1.0));
        assert_eq!(geometric_mean(&[]), None);
    }
}
