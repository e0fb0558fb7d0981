//! The change of a series over time. Assumes that each third of it has one level.

use super::median::{Estimate, median_interval};

/// Returns the median of the last third ÷ that of the first, with an interval from the ends of
/// both medians' intervals, which holds in at least 95 % of all cases; `None` for fewer than 18
/// values, of whose thirds there is none.
pub fn change_over_time(series: &[f64]) -> Option<Estimate> {
    if series.len() < 18 {
        return None;
    }
    let third = series.len() / 3;
    let first = median_interval(&series[..third])?;
    let last = median_interval(&series[series.len() - third..])?;
    let ends = |a: Option<f64>, b: Option<f64>| Some(a? / b?);
    Some(Estimate {
        value: last.value / first.value,
        low: ends(last.low, first.high),
        high: ends(last.high, first.low),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_is_no_change_and_a_fifth_is_one() {
        let noise = |n: usize| 105.0 + 5.0 * (n as f64 * 2.399_963).sin();
        let series: Vec<f64> = (0..60).map(noise).collect();
        let same = change_over_time(&series).unwrap();
        assert!(same.low.unwrap() < 1.0 && same.high.unwrap() > 1.0, "{same:?}");
        let slower = series.iter().enumerate();
        let slower: Vec<f64> = slower.map(|(n, v)| if n >= 40 { v * 1.2 } else { *v }).collect();
        let slower = change_over_time(&slower).unwrap();
        assert!(slower.low.unwrap() > 1.1, "{slower:?}");
        assert_eq!(change_over_time(&series[..17]), None);
    }
}
