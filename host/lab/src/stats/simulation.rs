//! The coverage of intervals on machines that drift, step and stall: simulated, since only there
//! the truth is known. All sides of one moment see the same machine, as they do on a real one; they
//! differ in how samples are taken.

#![expect(clippy::print_stdout, reason = "docs/statistics.md has the figures")]

use super::{location, median_interval, p_above, separation};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// A machine, moment by moment.
pub struct Machine {
    kind: Kind,
    random: ChaCha8Rng,
    moment: f64,
    /// The deviation that decays, in its own standard deviations.
    slow: f64,
    is_high: bool,
}

/// A machine's effect on all that runs on it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// Independent samples with constant variance.
    Quiet,
    /// Neighbouring moments are alike, by this correlation.
    Alike(f64),
    /// It gets slower and faster again, with a period of this number of moments.
    Drifts(f64),
    /// It is a fifth slower during a quarter of all time, in stretches of this number of moments.
    Steps(f64),
    /// It stands still now and then, for a few moments.
    Stalls,
}

impl Machine {
    /// Returns a machine of this kind, at a moment that follows from the seed.
    pub fn new(kind: Kind, seed: u64) -> Self {
        let mut machine = Self {
            kind,
            random: ChaCha8Rng::seed_from_u64(seed),
            moment: 0.0,
            slow: 0.0,
            is_high: false,
        };
        machine.moment = 1_000.0 * machine.share();
        machine.slow = machine.normal();
        machine.is_high = machine.share() < 0.25;
        machine
    }

    fn share(&mut self) -> f64 {
        (self.random.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn normal(&mut self) -> f64 {
        let (radius, angle) = (1.0 - self.share(), self.share());
        (-2.0 * radius.ln()).sqrt() * (std::f64::consts::TAU * angle).cos()
    }

    /// Returns the time of work that takes 1 on average, at this moment.
    pub fn time(&mut self) -> f64 {
        self.moment += 1.0;
        let noise = 0.02 * self.normal();
        let drift = match self.kind {
            Kind::Quiet => 0.0,
            Kind::Alike(correlation) => {
                let fresh = (1.0 - correlation * correlation).sqrt() * self.normal();
                self.slow = correlation * self.slow + fresh;
                return (0.05 * self.slow).exp();
            }
            Kind::Drifts(period) => 0.1 * (std::f64::consts::TAU * self.moment / period).sin(),
            Kind::Steps(length) => {
                let ends = if self.is_high { 1.0 / length } else { 1.0 / (3.0 * length) };
                self.is_high ^= self.share() < ends;
                if self.is_high { 0.2 } else { 0.0 }
            }
            Kind::Stalls => {
                let ends = if self.is_high { 1.0 / 3.0 } else { 0.05 };
                self.is_high ^= self.share() < ends;
                if self.is_high { 3.0 * self.share() } else { 0.0 }
            }
        };
        (noise + drift).exp()
    }
}

const RUNS: u64 = 500;

/// Returns the share of runs in which the interval of the median holds the truth, and the share
/// of runs that have one.
fn coverage(kind: Kind, truth: f64, samples: impl Fn(&mut Machine) -> Vec<f64>) -> (f64, f64) {
    let (mut held, mut intervals) = (0.0, 0.0);
    for seed in 0..RUNS {
        let of_run = median_interval(&samples(&mut Machine::new(kind, seed))).unwrap();
        if let Some((low, high)) = of_run.ends() {
            intervals += 1.0;
            held += f64::from(u8::from(low <= truth && truth <= high));
        }
    }
    (held / intervals, intervals / RUNS as f64)
}

fn windows(machine: &mut Machine) -> Vec<f64> {
    windows_of(60, machine)
}

fn windows_of(count: usize, machine: &mut Machine) -> Vec<f64> {
    (0..count).map(|_| machine.time()).collect()
}

/// Windows are a moment each: they have the whole drift in them.
#[test]
fn intervals_of_windows_hold_where_neighbours_are_alike() {
    let kinds = [
        Kind::Quiet,
        Kind::Alike(0.3),
        Kind::Alike(0.5),
        Kind::Alike(0.7),
        Kind::Drifts(15.0),
        Kind::Steps(3.0),
        Kind::Stalls,
    ];
    for kind in kinds {
        let mut long = Machine::new(kind, 1);
        let mut all: Vec<f64> = (0..400_000).map(|_| long.time()).collect();
        let truth = *all.select_nth_unstable_by(200_000, f64::total_cmp).1;
        let (held, intervals) = coverage(kind, truth, windows);
        println!("windows, {kind:?}: held {held:.3}, of {intervals:.3}");
        assert!(held >= 0.94, "{kind:?}: {held} of {intervals}");
        assert!(intervals >= 0.9, "{kind:?}: {intervals}");
    }
}

/// A run that is too short for its drift mostly has no interval, or a wide one.
#[test]
fn windows_that_drift_all_along_rarely_have_an_interval() {
    let rising = |machine: &mut Machine| {
        let drift = |n: u32| 1.0 + f64::from(n) / 300.0;
        (0..60).map(|n| drift(n) * machine.time()).collect()
    };
    let (_, intervals) = coverage(Kind::Quiet, 1.1, rising);
    assert!(intervals < 0.1, "{intervals}");
}

/// Returns the ratio of two sides in each round, where slices alternate A B B A and B A A B.
fn rounds(machine: &mut Machine) -> Vec<f64> {
    let round = |round: usize| {
        let mut took = [0.0; 2];
        for slice in [0, 1, 1, 0] {
            took[(slice + round) % 2] += machine.time();
        }
        1.5 * took[1] / took[0]
    };
    (0..30).map(round).collect()
}

#[test]
fn intervals_of_interleaved_rounds_hold_on_every_machine() {
    let kinds = [
        Kind::Quiet,
        Kind::Alike(0.5),
        Kind::Alike(0.95),
        Kind::Drifts(15.0),
        Kind::Drifts(1_000.0),
        Kind::Steps(3.0),
        Kind::Steps(40.0),
        Kind::Stalls,
    ];
    for kind in kinds {
        let (held, intervals) = coverage(kind, 1.5, rounds);
        println!("rounds, {kind:?}: held {held:.3}, of {intervals:.3}");
        assert!(held >= 0.94, "{kind:?}: {held} of {intervals}");
        assert!(intervals >= 0.95, "{kind:?}: {intervals}");
    }
}

/// Returns log-ratios of pairs in random order, in which the new build takes this much more.
fn pairs(machine: &mut Machine, more: f64) -> Vec<f64> {
    let pair = |_| {
        let first = usize::from(machine.share() < 0.5);
        let mut took = [Vec::new(), Vec::new()];
        for turn in 0..8 {
            // A B, then B A.
            let side = (first + turn + turn / 2) % 2;
            took[side].push(machine.time());
        }
        let [old, new] = took.map(|times| median_interval(&times).unwrap().value);
        (new * more / old).ln()
    };
    (0..40).map(pair).collect()
}

#[test]
fn a_gate_of_pairs_errs_as_often_as_it_says_on_every_machine() {
    let kinds = [
        Kind::Quiet,
        Kind::Alike(0.95),
        Kind::Drifts(50.0),
        Kind::Drifts(1_000.0),
        Kind::Steps(10.0),
        Kind::Steps(100.0),
        Kind::Stalls,
    ];
    for kind in kinds {
        let (mut held, mut alarms) = (0, 0);
        for seed in 0..RUNS {
            let same = pairs(&mut Machine::new(kind, seed), 1.0);
            let (low, high) = location(&same, 0.99).unwrap().ends().unwrap();
            held += u64::from(low <= 0.0 && 0.0 <= high);
            // As if nothing at all were allowed.
            alarms += u64::from(p_above(&same, 0.0) <= 0.01);
        }
        println!("pairs, {kind:?}: {held} of {RUNS} held, {alarms} alarms");
        assert!(100 * held >= 98 * RUNS, "{kind:?}: {held} of {RUNS}");
        assert!(alarms <= RUNS / 50, "{kind:?}: {alarms} of {RUNS}");
    }
}

/// Two runs of one build, an hour of windows apart.
#[test]
fn runs_of_one_build_hardly_ever_lie_apart_however_the_machine_drifts() {
    let kinds = [
        Kind::Quiet,
        Kind::Alike(0.7),
        Kind::Alike(0.95),
        Kind::Alike(0.99),
        Kind::Drifts(15.0),
        Kind::Drifts(50.0),
        Kind::Drifts(1_000.0),
        Kind::Steps(10.0),
        Kind::Steps(100.0),
        Kind::Stalls,
    ];
    for kind in kinds {
        let apart = (0..RUNS).filter(|seed| {
            let mut machine = Machine::new(kind, *seed);
            let old = windows(&mut machine);
            let later = windows_of(3_660, &mut machine);
            let new = &later[3_600..];
            let drifted = |run: &[f64]| median_interval(run).unwrap().ends().is_none();
            (drifted(&old) || drifted(new))
                && separation(&old, new).is_some_and(|(low, high)| low > 0.05 || high < -0.05)
        });
        let apart = apart.count() as u64;
        println!("apart, {kind:?}: {apart} of {RUNS}");
        assert!(apart <= RUNS / 100, "{kind:?}: {apart} of {RUNS}");
    }
}
