//! Durations as a person reads them.

use std::time::Duration;

/// Returns `60 s`, `1.5 s`, `250 ms`: in the largest unit that it has one of, with up to three
/// decimals.
pub fn span(duration: Duration) -> String {
    const UNITS: [(f64, &str); 4] = [(1.0, "s"), (1e3, "ms"), (1e6, "µs"), (1e9, "ns")];
    let seconds = duration.as_secs_f64();
    let fits = |(per_second, _): &&(f64, &str)| seconds * per_second >= 0.999_5;
    let (per_second, unit) = UNITS.iter().find(fits).unwrap_or(&UNITS[0]);
    let number = format!("{:.3}", seconds * per_second);
    format!("{} {unit}", number.trim_end_matches('0').trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_has_one_unit_and_no_digits_to_spare() {
        let shown = [60_000_000_000, 1_500_000_000, 250_000_000, 1_234_567, 0, 999_999_999, 7];
        let shown = shown.map(|ns| span(Duration::from_nanos(ns)));
        assert_eq!(shown, ["60 s", "1.5 s", "250 ms", "1.235 ms", "0 s", "1 s", "7 ns"]);
        assert_eq!(span(Duration::MAX), "18446744073709551616 s");
    }
}
