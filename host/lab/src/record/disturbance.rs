//! Disturbances: a stretch of time counts if the machine was this process's own in it, and the
//! load was all there.

use super::machine::Stretch;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

/// The reason why a window or a round does not count: the machine disturbed it, so that it does not
/// show the subject. Of several reasons the first in this order is kept.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "reason", rename_all = "kebab-case")]
pub enum Disturbance {
    /// The quota of a control group was used up, and the process stood still.
    Throttled {
        /// The time that it stood still, as a share of the window.
        share: f64,
    },
    /// Other guests of the host had the cores ("steal", proc(5)).
    Steal {
        /// The time that they took, as a share of all cores' time.
        share: f64,
    },
    /// Other processes of this machine had the cores.
    Others {
        /// The time that they took, as a share of all cores' time.
        share: f64,
    },
    /// Threads of this process were ready to run and waited for a core that others had.
    Waiting {
        /// The time that they waited, as a share of the time that they wanted to run.
        share: f64,
    },
    /// The generator sent messages late although no other process kept it from sending.
    LateGenerator {
        /// The 99th percentile of how late they left, nanoseconds.
        lag_ns: f64,
    },
    /// Messages of a window that does not count were still coming back.
    Aftermath {
        /// Messages of it that were still in flight when this window began.
        messages: u64,
    },
    /// Workers on other machines had died, and their messages were missing.
    Workers {
        /// The workers that had died.
        died: u32,
        /// The workers of the load.
        of: u32,
    },
}

/// Steal above this does not count: on a core that is gone for 5 % of the time, 5 % of the
/// messages wait for it, and any percentile from p95 up is the host's.
const MOST_STEAL: f64 = 0.05;

/// As [`MOST_STEAL`], for a quota.
const MOST_THROTTLED: f64 = 0.05;

/// As [`MOST_STEAL`], for other processes on the same cores.
const MOST_WAITING: f64 = 0.05;

/// Other processes on idle cores share caches, memory bandwidth and clock speed: runs of the same
/// bytes differed from a share of 60 % on, and never below 56 %; half of that disturbs.
const MOST_OTHERS: f64 = 0.28;

/// `/proc/stat` counts in ticks of 10 ms: shares are of a time that is longer by this.
const TICK: Duration = Duration::from_millis(10);

/// The shortest time for which `/proc/stat` is used, ten ticks. For a shorter time only the
/// kernel's nanoseconds of waiting threads are.
const SHORTEST: Duration = Duration::from_millis(100);

impl Stretch {
    /// Returns the disturbance of the window; `None` if there was none, or this machine does not
    /// tell.
    pub fn disturbance(&self) -> Option<Disturbance> {
        self.disturbance_beside(self)
    }

    /// Does the same for a stretch that is short beside the ticks in which the kernel counts the time
    /// of others: they are taken to have been as busy in it as in the longer one, which ends with it.
    pub fn disturbance_beside(&self, longer: &Self) -> Option<Disturbance> {
        let elapsed = self.elapsed.as_secs_f64();
        let cores = self.cores as f64 * elapsed;
        let is_long = self.elapsed >= SHORTEST;
        // Beyond what the resolution of ticks can be wrong by.
        let share = |time: Option<Duration>, most: f64| {
            let time = time.filter(|_| is_long)?;
            let sure = time.saturating_sub(TICK).as_secs_f64() / cores;
            (sure > most).then(|| time.as_secs_f64() / cores)
        };
        let throttled = self.throttled.map(|time| time.as_secs_f64() / elapsed);
        let throttled = throttled.filter(|share| *share > MOST_THROTTLED);
        None.or_else(|| throttled.map(|share| Disturbance::Throttled { share }))
            .or_else(|| share(self.steal, MOST_STEAL).map(|share| Disturbance::Steal { share }))
            .or_else(|| share(self.others, MOST_OTHERS).map(|share| Disturbance::Others { share }))
            .or_else(|| self.waiting(longer).map(|share| Disturbance::Waiting { share }))
    }

    /// Returns the share of the time that own threads wanted to run in which others kept them
    /// from it, if that is too much. Own threads wait for each other, too: others cannot have kept
    /// them for longer than others ran.
    fn waiting(&self, longer: &Self) -> Option<f64> {
        let waited = self.waited?;
        let by_others = match longer.ran_elsewhere() {
            None => waited,
            Some(ran) if longer.elapsed > self.elapsed => {
                let part = self.elapsed.as_secs_f64() / longer.elapsed.as_secs_f64();
                // A stretch that is long enough shows itself what others ran at least.
                let own = self.ran_elsewhere().filter(|_| self.elapsed >= SHORTEST);
                let sure = own.unwrap_or_default().saturating_sub(TICK);
                waited.min((ran + TICK).mul_f64(part).max(sure))
            }
            Some(ran) => waited.min(ran + TICK),
        };
        let wanted = (self.own + waited).as_secs_f64();
        let share = by_others.as_secs_f64() / wanted.max(1e-9);
        (share > MOST_WAITING).then_some(share)
    }

    /// Returns the CPU time that others took; `None` if this machine does not tell.
    fn ran_elsewhere(&self) -> Option<Duration> {
        let known = self.others.into_iter().chain(self.steal);
        known.reduce(|others, steal| others + steal)
    }
}

impl Disturbance {
    /// Returns the size of the disturbance, to find the worst of its kind.
    fn size(&self) -> f64 {
        match *self {
            Self::Throttled { share }
            | Self::Steal { share }
            | Self::Others { share }
            | Self::Waiting { share } => share,
            Self::LateGenerator { lag_ns } => lag_ns,
            Self::Aftermath { messages } => messages as f64,
            Self::Workers { died, .. } => f64::from(died),
        }
    }
}

/// `steal 12 %`
impl fmt::Display for Disturbance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Throttled { share } => write!(f, "CPU quota used up {:.0} %", share * 100.0),
            Self::Steal { share } => write!(f, "steal {:.0} %", share * 100.0),
            Self::Others { share } => write!(f, "other processes {:.0} %", share * 100.0),
            Self::Waiting { share } => write!(f, "waiting for a core {:.0} %", share * 100.0),
            Self::LateGenerator { lag_ns } => write!(f, "late generator {:.1} ms", lag_ns / 1e6),
            Self::Aftermath { messages: 1 } => f.write_str("1 message left over from before"),
            Self::Aftermath { messages } => {
                write!(f, "{messages} messages left over from before")
            }
            Self::Workers { died, of } => write!(f, "{died} of {of} workers had died"),
        }
    }
}

/// The number of windows or rounds, and the reasons that some of them do not count.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    all: usize,
    left_out: Vec<Disturbance>,
}

/// Fewer samples have no 95 % interval of their median.
const FEWEST: usize = 6;

impl Tally {
    /// Adds one.
    pub fn add(&mut self, invalid: Option<Disturbance>) {
        self.all += 1;
        self.left_out.extend(invalid);
    }

    /// Adds all of another.
    pub fn absorb(&mut self, other: &Self) {
        self.all += other.all;
        self.left_out.extend(&other.left_out);
    }

    /// Returns the number of all windows or rounds.
    pub fn all(&self) -> usize {
        self.all
    }

    /// Returns the number of those that count.
    pub fn valid(&self) -> usize {
        self.all - self.left_out.len()
    }

    /// Returns whether those that count are enough to judge by: at least half, and not fewer
    /// than an interval needs where there were as many.
    pub fn is_enough(&self) -> bool {
        let has_interval = self.valid() >= FEWEST || self.all < FEWEST;
        self.left_out.is_empty() || 2 * self.valid() >= self.all && has_interval
    }

    /// Returns how many do not count, and why: `3 of 60 windows did not count: steal 12 %`;
    /// `None` if all do.
    pub fn told(&self, unit: &str) -> Option<String> {
        let (left_out, all) = (self.left_out.len(), self.all);
        let mut kinds: Vec<(usize, Disturbance)> = Vec::new();
        for one in &self.left_out {
            let kind = std::mem::discriminant(one);
            match kinds.iter_mut().find(|(_, known)| std::mem::discriminant(known) == kind) {
                Some((count, worst)) => {
                    *count += 1;
                    *worst = if one.size() > worst.size() { *one } else { *worst };
                }
                None => kinds.push((1, *one)),
            }
        }
        kinds.sort_by_key(|(count, _)| std::cmp::Reverse(*count));
        let named = kinds.iter().map(|(count, worst)| match count {
            1 => worst.to_string(),
            _ => format!("{worst} at most, in {count}"),
        });
        let named: Vec<_> = named.collect();
        (left_out > 0)
            .then(|| format!("{left_out} of {all} {unit} did not count: {}", named.join("; ")))
    }

    /// Returns the reason why the samples are not judged; `None` if they are.
    pub fn withheld(&self, unit: &str) -> Option<String> {
        self.told(unit).filter(|_| !self.is_enough())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns a second of two cores, of which this process had one for itself.
    fn quiet() -> Stretch {
        Stretch {
            elapsed: Duration::from_secs(1),
            cores: 2,
            own: Duration::from_secs(1),
            waited: Some(Duration::from_millis(2)),
            others: Some(Duration::from_millis(40)),
            steal: Some(Duration::ZERO),
            throttled: Some(Duration::ZERO),
        }
    }

    fn ms(ms: u64) -> Option<Duration> {
        Some(Duration::from_millis(ms))
    }

    #[test]
    fn a_quiet_machine_disturbs_nothing_and_neither_does_one_that_does_not_tell() {
        assert_eq!(quiet().disturbance(), None);
        let blind = Stretch { waited: None, others: None, steal: None, throttled: None, ..quiet() };
        assert_eq!(blind.disturbance(), None);
    }

    #[test]
    fn what_took_the_cores_is_named() {
        let of = |stretch: Stretch| stretch.disturbance();
        let steal = Stretch { steal: ms(240), ..quiet() };
        assert_eq!(of(steal), Some(Disturbance::Steal { share: 0.12 }));
        let others = Stretch { others: ms(1_000), ..quiet() };
        assert_eq!(of(others), Some(Disturbance::Others { share: 0.5 }));
        let throttled = Stretch { throttled: ms(400), ..steal };
        assert_eq!(of(throttled), Some(Disturbance::Throttled { share: 0.4 }));
        let waiting = Stretch { waited: ms(250), others: ms(300), ..quiet() };
        assert_eq!(of(waiting), Some(Disturbance::Waiting { share: 0.2 }));
    }

    #[test]
    fn threads_that_wait_for_each_other_are_not_disturbed() {
        let crowded =
            Stretch { own: Duration::from_secs(2), waited: ms(3_000), others: ms(10), ..quiet() };
        assert_eq!(crowded.disturbance(), None);
        let beside_others = Stretch { others: ms(400), ..crowded };
        assert!(matches!(beside_others.disturbance(), Some(Disturbance::Waiting { .. })));
    }

    #[test]
    fn a_short_stretch_is_judged_by_nanoseconds_and_not_by_ticks() {
        let short = Stretch {
            elapsed: Duration::from_millis(12),
            own: Duration::from_millis(12),
            waited: Some(Duration::from_micros(20)),
            others: ms(20),
            steal: ms(10),
            ..quiet()
        };
        assert_eq!(short.disturbance(), None);
        let preempted = Stretch { waited: ms(4), ..short };
        assert_eq!(preempted.disturbance(), Some(Disturbance::Waiting { share: 0.25 }));
        // Two ticks of steal in 100 ms may have been one.
        let tenth = Stretch { elapsed: SHORTEST, others: ms(0), ..short };
        assert_eq!(Stretch { steal: ms(20), ..tenth }.disturbance(), None);
        let stolen = Stretch { steal: ms(50), ..tenth }.disturbance();
        assert_eq!(stolen, Some(Disturbance::Steal { share: 0.25 }));
    }

    #[test]
    fn a_round_whose_threads_waited_for_each_other_is_told_by_what_others_did_before() {
        let round = Stretch {
            elapsed: Duration::from_millis(12),
            own: Duration::from_millis(20),
            waited: ms(4),
            others: ms(0),
            ..quiet()
        };
        assert!(round.disturbance().is_some(), "a tick of others may be in it");
        let over = |others| Stretch { others: ms(others), ..quiet() };
        assert_eq!(round.disturbance_beside(&over(20)), None);
        let beside_others = round.disturbance_beside(&over(800));
        assert_eq!(beside_others, Some(Disturbance::Waiting { share: 4.0 / 24.0 }));
        let blind = Stretch { others: None, steal: None, ..quiet() };
        assert!(round.disturbance_beside(&blind).is_some());
        let half = Duration::from_millis(500);
        let long = Stretch { elapsed: half, waited: ms(150), others: ms(150), ..quiet() };
        assert!(long.disturbance_beside(&over(150)).is_some(), "all of it was here");
    }

    #[test]
    fn half_and_an_interval_must_be_left() {
        let tally = |valid: usize, invalid: usize| {
            let mut tally = Tally::default();
            (0..valid).for_each(|_| tally.add(None));
            (0..invalid).for_each(|_| tally.add(Some(Disturbance::Steal { share: 0.12 })));
            tally
        };
        assert!(tally(57, 3).is_enough() && tally(30, 30).is_enough());
        assert!(!tally(29, 30).is_enough());
        assert!(!tally(5, 1).is_enough(), "there was an interval, and now there is none");
        assert!(tally(4, 1).is_enough() && tally(3, 0).is_enough());
        let told = tally(59, 1).told("windows").unwrap();
        assert_eq!(told, "1 of 60 windows did not count: steal 12 %");
        assert!(tally(60, 0).told("windows").is_none());
        assert!(tally(57, 3).withheld("windows").is_none());
        let withheld = tally(1, 3).withheld("windows").unwrap();
        assert_eq!(withheld, "3 of 4 windows did not count: steal 12 % at most, in 3");
    }
}
