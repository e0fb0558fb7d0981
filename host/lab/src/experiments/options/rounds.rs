//! Options of interleaved rounds.

use super::values::times;
use crate::record::RoundSettings;
use sandlab_runtime::BackendKind;

/// The backends that are compared, and the number of rounds.
#[derive(Debug, clap::Args)]
pub struct Rounds {
    /// Backends to compare, separated by commas.
    #[arg(long, value_delimiter = ',', default_value = "wasm,native,process")]
    backends: Vec<BackendKind>,
    /// Rounds for each agent and size, with fresh instances. Intervals need 6 or more.
    #[arg(long, default_value_t = 30, value_parser = times())]
    rounds: u32,
}

impl Rounds {
    /// Returns each backend once, in the order that reports show them.
    pub fn backends(&self) -> Vec<BackendKind> {
        let mut backends = self.backends.clone();
        backends.sort_unstable();
        backends.dedup();
        backends
    }

    /// Returns how to measure messages of this seed.
    pub fn settings(&self, seed: u64) -> RoundSettings {
        RoundSettings { rounds: self.rounds, seed, ..RoundSettings::default() }
    }
}
