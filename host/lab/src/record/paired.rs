//! One metric of two builds that were measured in pairs.

use crate::metrics::Identity;

/// One metric of both builds: what is compared is new ÷ old of one pair.
#[derive(Debug, Clone)]
pub struct Paired {
    /// The metric's name, unit and direction.
    pub metric: Identity,
    /// True if the values are exact counts, false if they are times.
    pub counted: bool,
    /// The old build's values, by pair.
    pub old: Vec<f64>,
    /// The new build's values, by pair.
    pub new: Vec<f64>,
    /// A remark for the reader, such as that the count varies. `None` if there is none.
    pub remark: Option<String>,
}

impl Paired {
    /// Returns a timed metric without pairs.
    pub fn timed(metric: Identity) -> Self {
        Self { metric, counted: false, old: Vec::new(), new: Vec::new(), remark: None }
    }

    /// Adds a pair.
    pub fn add(&mut self, [old, new]: [f64; 2]) {
        self.old.push(old);
        self.new.push(new);
    }

    /// Returns the logarithm of new ÷ old for each pair, above 0 where new is worse; `None`
    /// unless all values are above 0.
    pub fn log_ratios(&self) -> Option<Vec<f64>> {
        let sign = self.metric.better.sign();
        let pairs = self.old.iter().zip(&self.new);
        let log_ratio = |old: f64, new: f64| match (new / old).ln() {
            log if log.is_finite() => log,
            // The ratio is beyond what a number can be; its logarithm is not.
            _ => new.ln() - old.ln(),
        };
        pairs
            .map(|(old, new)| (*old > 0.0 && *new > 0.0).then(|| sign * log_ratio(*old, *new)))
            .collect()
    }
}
