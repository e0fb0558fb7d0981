//! The number of independent samples that a time series is worth, where neighbours are correlated:
//! on a machine that is fast for a while and slow for a while, thirty rounds are not thirty
//! observations. Assumes that every effect occurred several times in the series: a drift slower
//! than the whole series cannot be told from a level.

/// The fewest samples that can show a correlation of neighbours; fewer are taken for independent.
const FEWEST: usize = 12;

/// The most blocks of a longer series, whose means are used instead of its samples. Correlation
/// over fewer neighbours than a block shows in the spread of the blocks' means.
const MOST: usize = 1_024;

/// Returns the number of independent samples that give as much information about the median as
/// these: their number divided by the factor by which their dependence multiplies the variance of a
/// mean of ranks (Bayley and Hammersley 1946, "The effective number of independent observations in
/// an autocorrelated time series"). The autocorrelations are summed in pairs up to the first pair
/// that is not positive (Geyer 1992, "Practical Markov chain Monte Carlo", 3.3: the initial
/// positive sequence). Ranks keep a few huge values from hiding the correlation of all others.
pub(super) fn independent(samples: &[f64]) -> usize {
    let count = samples.len();
    if count < FEWEST {
        return count;
    }
    let (ranks, length) = (ranks(samples), count.div_ceil(MOST));
    let blocks = ranks.chunks_exact(length).map(|block| block.iter().sum::<f64>() / length as f64);
    let blocks: Vec<f64> = blocks.collect();
    let (spread, of_blocks) = (covariance(&ranks, 0), covariance(&blocks, 0));
    if of_blocks <= 0.0 {
        return count;
    }
    // That the mean was estimated from the same values lowers each correlation by this.
    let bias = 1.0 / blocks.len() as f64;
    let correlation = |lag: usize| covariance(&blocks, lag) / of_blocks + bias;
    let pairs = (1..blocks.len() / 2 - 1).step_by(2);
    let pairs = pairs.map(|lag| correlation(lag) + correlation(lag + 1));
    let alike: f64 = pairs.take_while(|pair| *pair > 0.0).sum();
    let inflation = length as f64 * of_blocks / spread * (1.0 + 2.0 * alike);
    (count as f64 / inflation.max(1.0)) as usize
}

/// Returns each sample's rank, less the mean of all ranks; equal samples share theirs.
fn ranks(samples: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..samples.len()).collect();
    order.sort_unstable_by(|a, b| samples[*a].total_cmp(&samples[*b]));
    let (mut ranks, mut first) = (vec![0.0; samples.len()], 0);
    for ties in order.chunk_by(|a, b| samples[*a] == samples[*b]) {
        let middle = first as f64 + (ties.len() as f64 - samples.len() as f64) / 2.0;
        ties.iter().for_each(|index| ranks[*index] = middle);
        first += ties.len();
    }
    ranks
}

/// Returns the covariance of values around 0 at this lag.
fn covariance(values: &[f64], lag: usize) -> f64 {
    let products = values.iter().zip(&values[lag..]).map(|(a, b)| a * b);
    products.sum::<f64>() / values.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_up_and_down_counts_fully_and_what_drifts_hardly() {
        let golden = |n: usize| (n as f64 * 2.399_963).sin();
        let mixed: Vec<f64> = (0..60).map(golden).collect();
        assert_eq!(independent(&mixed), 60);
        let rising: Vec<f64> = (0..60).map(f64::from).collect();
        assert!(independent(&rising) < 6, "{}", independent(&rising));
        let in_fives: Vec<f64> = (0..60).map(|n| golden(n / 5)).collect();
        assert!((8..=24).contains(&independent(&in_fives)), "{}", independent(&in_fives));
        assert_eq!(independent(&[5.0; 60]), 60);
        assert_eq!(independent(&rising[..11]), 11);
    }

    #[test]
    fn a_long_series_is_looked_at_in_blocks() {
        let golden = |n: usize| (n as f64 * 2.399_963).sin();
        let alike: Vec<f64> = (0..200_000).map(|n| golden(n / 1_000)).collect();
        let found = independent(&alike);
        assert!((100..=400).contains(&found), "{found}");
    }
}
