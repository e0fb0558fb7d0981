//! Decides which settings to recommend, by samples alone.
//!
//! A sample is the logarithm of a cost ÷ that of the default in the same round. A setting is
//! recommended only if its gain exceeds a threshold, in a test on fresh samples that is corrected
//! for all tests of all goals (Holm). The choice by screening cannot bias this test, which does not
//! use the samples of screening.

use crate::stats::{Estimate, holm, location, p_below, smallest_p};

/// The largest probability of recommending any setting in a run in which no setting has an effect.
pub const ALPHA: f64 = 0.01;

/// Settings that are confirmed per goal, at most: each more makes all tests stricter.
pub const CANDIDATES: usize = 4;

/// Returns the logarithms of one side's costs ÷ another's, round by round.
pub fn log_ratios(side: &[f64], base: &[f64]) -> Vec<f64> {
    side.iter().zip(base).map(|(side, base)| (side / base).ln()).collect()
}

/// Returns an effect as a ratio with its 95 % interval; `None` without samples.
pub fn ratio(logs: &[f64]) -> Option<Estimate> {
    let centre = location(logs, 0.95)?;
    Some(Estimate {
        value: centre.value.exp(),
        low: centre.low.map(f64::exp),
        high: centre.high.map(f64::exp),
    })
}

/// Returns the settings to confirm of those that were screened, the best first: those that seem to
/// help by more than the threshold.
pub fn candidates(screened: &[(usize, Vec<f64>)], threshold: f64) -> Vec<usize> {
    let centres = screened.iter().filter_map(|(setting, logs)| {
        let centre = location(logs, 0.95)?.value;
        (centre < bound(threshold)).then_some((*setting, centre))
    });
    let mut centres: Vec<_> = centres.collect();
    centres.sort_by(|(_, a), (_, b)| a.total_cmp(b));
    centres.into_iter().map(|(setting, _)| setting).take(CANDIDATES).collect()
}

/// Returns the fewest rounds with which any of this number of tests can be significant.
pub fn rounds_for(tests: usize) -> usize {
    let finds = |rounds: &u32| smallest_p(*rounds) * tests.max(1) as f64 <= ALPHA;
    (1..64).find(finds).unwrap_or(64) as usize
}

/// Returns the corrected p-values of tests: that each setting helps by more than the threshold.
pub fn tested(tests: &[&[f64]], threshold: f64) -> Vec<f64> {
    let p: Vec<f64> = tests.iter().map(|logs| p_below(logs, bound(threshold))).collect();
    holm(&p)
}

/// Returns the logarithm of the ratio that is better by the threshold.
fn bound(threshold: f64) -> f64 {
    -(1.0 + threshold).ln()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiments::tune::rounds::there_and_back;
    use crate::stats::simulation::{Kind, Machine};

    const SETTINGS: usize = 18;
    const GOALS: usize = 5;
    const THRESHOLD: f64 = 0.02;

    /// Returns rounds of the default and of settings with these factors of time, on one machine.
    fn rounds(machine: &mut Machine, effects: &[f64], rounds: usize) -> Vec<Vec<f64>> {
        let mut costs = vec![Vec::new(); effects.len()];
        for round in 0..rounds {
            let mut took = vec![0.0; effects.len()];
            for side in there_and_back(effects.len(), round) {
                took[side] += machine.time() * effects[side];
            }
            costs.iter_mut().zip(took).for_each(|(costs, took)| costs.push(took));
        }
        costs
    }

    /// Returns the settings that a run recommends, over all goals, if they do this.
    fn recommended(kind: Kind, seed: u64, effects: &[f64; SETTINGS]) -> Vec<usize> {
        let machine = &mut Machine::new(kind, seed);
        let mut chosen = Vec::new();
        for _ in 0..GOALS {
            let all: Vec<f64> = [1.0].iter().chain(effects).copied().collect();
            let costs = rounds(machine, &all, 8);
            let logs = (1..all.len()).map(|side| (side, log_ratios(&costs[side], &costs[0])));
            chosen.push(candidates(&logs.collect::<Vec<_>>(), THRESHOLD));
        }
        let tests: usize = chosen.iter().map(Vec::len).sum();
        let mut samples = Vec::new();
        for chosen in &chosen {
            let sides = chosen.iter().map(|setting| effects[setting - 1]);
            let all: Vec<f64> = [1.0].into_iter().chain(sides).collect();
            let costs = rounds(machine, &all, rounds_for(tests).max(15));
            let fresh = chosen.iter().enumerate();
            let fresh = fresh.map(|(n, it)| (*it, log_ratios(&costs[n + 1], &costs[0])));
            samples.extend(fresh);
        }
        let logs: Vec<&[f64]> = samples.iter().map(|(_, logs)| logs.as_slice()).collect();
        let p = tested(&logs, THRESHOLD);
        samples.iter().zip(p).filter(|(_, p)| *p <= ALPHA).map(|((it, _), _)| it - 1).collect()
    }

    const KINDS: [Kind; 6] = [
        Kind::Quiet,
        Kind::Alike(0.95),
        Kind::Drifts(50.0),
        Kind::Steps(10.0),
        Kind::Steps(100.0),
        Kind::Stalls,
    ];

    #[test]
    fn what_does_nothing_is_recommended_in_less_than_one_run_of_a_hundred() {
        for kind in KINDS {
            let runs = 200;
            let is_false = |seed| !recommended(kind, seed, &[1.0; SETTINGS]).is_empty();
            let false_ones = (0..runs).filter(|seed| is_false(*seed)).count();
            assert!(false_ones <= 2, "{kind:?}: {false_ones} of {runs}");
        }
    }

    #[test]
    fn what_is_not_worth_its_line_is_not_recommended_and_what_is_mostly_is() {
        let mut effects = [1.0; SETTINGS];
        effects[3] = 0.99;
        effects[7] = 0.85;
        effects[9] = 1.5;
        let (mut small, mut large) = (0, 0);
        for seed in 0..50 {
            let chosen = recommended(Kind::Quiet, seed, &effects);
            small += usize::from(chosen.contains(&3));
            large += usize::from(chosen.contains(&7));
            assert!(!chosen.contains(&9), "{chosen:?}");
        }
        assert!(small == 0 && large >= 45, "{small} and {large} of 50");
    }

    #[test]
    fn enough_rounds_for_a_test_are_enough() {
        assert_eq!(rounds_for(1), 7);
        for tests in [1, 5, 20] {
            let logs = vec![-1.0; rounds_for(tests)];
            let all = vec![logs.as_slice(); tests];
            assert!(tested(&all, THRESHOLD).iter().all(|p| *p <= ALPHA));
            assert!(tested(&vec![&logs[1..]; tests], THRESHOLD).iter().all(|p| *p > ALPHA));
        }
    }
}
