//! Two builds, in pairs: what is compared is old by new of one pair, never of all together,
//! so that whatever the machine does to both of them is left out.

mod clock;
mod counted;
mod guests;
mod planted;
mod processes;
mod sample;

pub use guests::Guests;
pub use planted::Planted;
pub use processes::Programs;
pub use sample::sample;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How much to measure.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Settings {
    /// Pairs, each of which is one observation.
    pub pairs: u32,
    /// How long a slice of one side takes at least.
    #[serde(skip)]
    pub slice: Duration,
    /// The seed of the messages, and of the order within each pair.
    pub seed: u64,
}

/// What a metric is called, and which way is better.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Metric {
    /// A name that a policy can mean: `time/1024`, say, for messages of 1,024 bytes.
    pub name: String,
    /// `ns`, `bytes`, or whatever a program says.
    pub unit: String,
    /// Which way is better.
    pub better: Better,
}

/// Which way is better.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Better {
    /// Times, sizes.
    #[default]
    Lower,
    /// Rates.
    Higher,
}

impl Better {
    /// 1 where more is worse, -1 where it is better.
    pub fn sign(self) -> f64 {
        match self {
            Self::Lower => 1.0,
            Self::Higher => -1.0,
        }
    }
}

impl Metric {
    /// One of which less is better.
    pub fn less(name: impl Into<String>, unit: &str) -> Self {
        Self {
            name: name.into(),
            unit: unit.to_owned(),
            better: Better::Lower,
        }
    }
}

/// One metric of both builds.
#[derive(Debug, Clone, Serialize)]
pub struct Paired {
    /// Which.
    pub metric: Metric,
    /// Whether it is counted, and not timed.
    pub counted: bool,
    /// What the old build had, by pair.
    pub old: Vec<f64>,
    /// What the new build had, by pair.
    pub new: Vec<f64>,
    /// What a reader should know of it.
    pub remark: Option<String>,
}

impl Paired {
    fn timed(metric: Metric) -> Self {
        Self {
            metric,
            counted: false,
            old: Vec::new(),
            new: Vec::new(),
            remark: None,
        }
    }

    fn add(&mut self, [old, new]: [f64; 2]) {
        self.old.push(old);
        self.new.push(new);
    }

    /// The logarithm of new by old for each pair, above 0 where new is worse. None unless all
    /// values are above 0.
    pub fn log_ratios(&self) -> Option<Vec<f64>> {
        let sign = self.metric.better.sign();
        let pairs = self.old.iter().zip(&self.new);
        pairs
            .map(|(old, new)| (*old > 0.0 && *new > 0.0).then(|| sign * (new / old).ln()))
            .collect()
    }
}

/// Which side comes first in each pair: drawn by lot, so that neither profits from its place.
struct Lots(ChaCha8Rng);

impl Lots {
    fn new(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    /// Indices of old (0) and new (1), in the order in which they come.
    fn draw(&mut self) -> [usize; 2] {
        if self.0.next_u32() & 1 == 0 {
            [0, 1]
        } else {
            [1, 0]
        }
    }
}

/// The value in the middle, of at least one.
fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 {
        return values[middle];
    }
    values[middle - 1].midpoint(values[middle])
}
