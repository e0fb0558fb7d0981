//! The change of a series over time. Assumes that it is stationary within each third, and that
//! only near neighbours depend on each other: whole blocks of them are resampled (Künsch 1989, "The jackknife and the bootstrap for general stationary observations").

use super::median::Estimate;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

const RESAMPLES: usize = 2_000;

/// Returns the median of the last third ÷ that of the first, with its 95 % interval; `None` for
/// fewer than 12 values: four per third are the fewest that show their spread.
pub fn change_over_time(series: &[f64]) -> Option<Estimate> {
    if series.len() < 12 {
        return None;
    }
    let third = series.len() / 3;
    let (first, last) = (&series[..third], &series[series.len() - third..]);
    let value = median(last.to_vec()) / median(first.to_vec());
    // A fixed seed, so that the same samples give the same report.
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let mut ratios: Vec<f64> = (0..RESAMPLES)
        .map(|_| median(resample(last, &mut random)) / median(resample(first, &mut random)))
        .collect();
    ratios.sort_by(f64::total_cmp);
    let at = |share: f64| ratios[((RESAMPLES - 1) as f64 * share).round() as usize];
    Some(Estimate { value, low: Some(at(0.025)), high: Some(at(0.975)) })
}

/// Resamples as many values, in blocks of the cube root of their number, the order that estimates
/// a spread best (Hall, Horowitz, Jing 1995, "On blocking rules for the bootstrap").
fn resample(values: &[f64], random: &mut ChaCha8Rng) -> Vec<f64> {
    let length = (values.len() as f64).cbrt().ceil() as usize;
    let starts = values.len() - length + 1;
    let mut sample = Vec::with_capacity(values.len() + length);
    while sample.len() < values.len() {
        let start = (random.next_u64() % starts as u64) as usize;
        sample.extend_from_slice(&values[start..start + length]);
    }
    sample.truncate(values.len());
    sample
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 {
        return values[middle];
    }
    values[middle - 1].midpoint(values[middle])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(n: usize, random: &mut ChaCha8Rng) -> Vec<f64> {
        let one = |_| 100.0 + (random.next_u64() % 1_000) as f64 / 100.0;
        (0..n).map(one).collect()
    }

    #[test]
    fn noise_is_no_change_and_a_tenth_is_one() {
        let mut random = ChaCha8Rng::seed_from_u64(7);
        let series = noise(60, &mut random);
        let same = change_over_time(&series).unwrap();
        assert!(same.low.unwrap() < 1.0 && same.high.unwrap() > 1.0, "{same:?}");
        let slower = series.iter().enumerate();
        let slower: Vec<f64> = slower.map(|(n, v)| if n >= 40 { v * 1.1 } else { *v }).collect();
        let slower = change_over_time(&slower).unwrap();
        assert!(slower.low.unwrap() > 1.05, "{slower:?}");
        assert_eq!(change_over_time(&series[..11]), None);
    }
}
