//! Correction for many tests at once. Assumes nothing of their dependence (Holm 1979, "A simple
//! sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 6).

/// Returns the adjusted p-values: if every one that is at most alpha is called a finding, the
/// probability of any false finding is at most alpha.
pub fn holm(p_values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|a, b| p_values[*a].total_cmp(&p_values[*b]));
    let mut adjusted = vec![1.0; p_values.len()];
    let mut least: f64 = 0.0;
    for (rank, index) in order.iter().enumerate() {
        let factor = (p_values.len() - rank) as f64;
        least = least.max(factor * p_values[*index]).min(1.0);
        adjusted[*index] = least;
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use super::holm;

    #[test]
    fn the_smallest_counts_as_many_times_as_there_are() {
        let adjusted = holm(&[0.04, 0.01, 0.03]);
        for (got, expected) in adjusted.iter().zip([0.06, 0.03, 0.06]) {
            assert!((got - expected).abs() < 1e-12, "{adjusted:?}");
        }
        assert_eq!(holm(&[0.9, 0.8]), [1.0, 1.0]);
        assert!(holm(&[]).is_empty());
    }
}
