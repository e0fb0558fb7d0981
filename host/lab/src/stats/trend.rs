//! Decides whether a quantity that can only grow has stopped growing.
//!
//! The assumption is about time, not about noise: a leak of some bytes per message goes on at the
//! same pace, however rarely it shows (a page, or 4 MiB every hundred messages), while a heap that
//! approaches its size, or a collector's, grows more and more rarely. So only the last half counts:
//! a settled quantity does not grow in it, and a leak grows in all parts of it. In any other case
//! more messages are needed.

/// The course of a series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Trend {
    /// It did not grow in the last half.
    Settled,
    /// It grows for ever, by this average per step.
    Grows(f64),
    /// It grew in the last half, and may still settle.
    Undecided,
}

/// Parts of the last half, in each of which a leak grows.
const PARTS: usize = 3;

/// A leak's growth in the last part is at least this share of that in the first; growth that
/// settles gets slower.
const STEADY: f64 = 0.5;

/// Growth from one doubling of the steps to the next by this factor, twice, is growth in proportion
/// to the steps: a list whose buffer doubles grows in few and large steps, and never settles.
const PROPORTIONAL: f64 = 1.5;

/// Fewer values show no trend.
pub const FEWEST: usize = 64;

/// Judges a series, one value per step. A value smaller than an earlier one counts as that one.
pub fn trend(series: &[u64]) -> Trend {
    let mut highest = 0;
    let series: Vec<u64> = series
        .iter()
        .map(|value| {
            highest = highest.max(*value);
            highest
        })
        .collect();
    let steps = series.len();
    let at = |index: usize| series[index.min(steps.saturating_sub(1))];
    if steps < FEWEST {
        return Trend::Undecided;
    }
    let (middle, last) = (steps / 2 - 1, steps - 1);
    let grown = at(last) - at(middle);
    if grown == 0 {
        return Trend::Settled;
    }
    let grows = Trend::Grows(grown as f64 / (last - middle) as f64);
    let part = (last - middle) / PARTS;
    let parts = (0..PARTS).map(|index| at(middle + (index + 1) * part) - at(middle + index * part));
    let parts: Vec<u64> = parts.collect();
    let is_steady =
        parts.iter().all(|grown| *grown > 0) && parts[PARTS - 1] as f64 >= STEADY * parts[0] as f64;
    // Three octaves: from an eighth to a quarter of the steps, to the half, to the end.
    let octave = |from: usize, to: usize| (at(steps / to - 1) - at(steps / from - 1)) as f64;
    let (first, second, third) = (octave(8, 4), octave(4, 2), octave(2, 1));
    let is_proportional =
        first > 0.0 && second >= PROPORTIONAL * first && third >= PROPORTIONAL * second;
    if is_steady || is_proportional { grows } else { Trend::Undecided }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: u64 = 65_536;

    fn of(steps: u64, value: impl Fn(u64) -> u64) -> Trend {
        let series: Vec<u64> = (0..steps).map(|step| value(step).next_multiple_of(PAGE)).collect();
        trend(&series)
    }

    #[test]
    fn what_is_kept_of_every_step_grows_however_rarely_it_shows() {
        let Trend::Grows(pace) = of(1_000, |step| step * 4_000) else { panic!() };
        assert!((3_500.0..4_500.0).contains(&pace), "{pace}");
        let Trend::Grows(pace) = of(1_000, |step| step / 100 * (4 << 20)) else { panic!() };
        assert!((35_000.0..50_000.0).contains(&pace), "{pace}");
        // Too rare for so few, and found with more.
        assert_eq!(of(1_000, |step| step / 450 * (1 << 20)), Trend::Undecided);
        assert!(matches!(of(4_000, |step| step / 450 * (1 << 20)), Trend::Grows(_)));
        // A list whose buffer doubles.
        assert_eq!(of(1_000, |step| (step * 100).next_power_of_two()), Trend::Undecided);
        assert!(matches!(of(16_000, |step| (step * 100).next_power_of_two()), Trend::Grows(_)));
    }

    #[test]
    fn what_finds_its_size_does_not_grow() {
        assert_eq!(of(1_000, |step| step.min(400) * 4_000), Trend::Settled);
        assert_eq!(of(1_000, |step| step % 300 * 5_000), Trend::Settled);
        assert_eq!(of(1_000, |step| if step < 990 { 0 } else { 1 << 20 }), Trend::Undecided);
        // A collector that lets more and more garbage gather before it runs, up to its limit.
        let collector = |step: u64| (1 << 20) + (20 << 20) * step / (step + 100) / PAGE * PAGE;
        assert_eq!(of(1_000, collector), Trend::Undecided);
        assert_eq!(of(64, |_| 1), Trend::Settled);
        assert_eq!(of(63, |_| 1), Trend::Undecided);
    }
}
