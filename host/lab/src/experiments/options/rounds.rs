//! Options of interleaved rounds.

use super::values::times;
use crate::record::RoundSettings;
use sandlab_runtime::BackendKind;

/// Rounds of each of many agents, which take some seconds.
const MANY: u32 = 30;

/// Rounds of an agent that is measured alone. Of a hundred builds with a tenth more work, a gate on
/// stored runs called all after 100 rounds, which take a second, and 68 after 30 rounds.
const ALONE: u32 = 100;

/// The backends that are compared, and the number of rounds.
#[derive(Debug, clap::Args)]
pub struct Rounds {
    /// Backends to compare, separated by commas.
    #[arg(long, value_delimiter = ',', default_value = "wasm,native,process")]
    backends: Vec<BackendKind>,
    /// Rounds for each agent and size, with fresh instances. Intervals need 6 or more. [default: 100
    /// for a single agent, 30 for each of several]
    #[arg(long, value_parser = times())]
    rounds: Option<u32>,
}

impl Rounds {
    /// Returns each backend once, in the order that reports show them.
    pub fn backends(&self) -> Vec<BackendKind> {
        let mut backends = self.backends.clone();
        backends.sort_unstable();
        backends.dedup();
        backends
    }

    /// Returns how to measure so many agents, with messages of this seed.
    pub fn settings(&self, agents: usize, seed: u64) -> RoundSettings {
        let rounds = self.rounds.unwrap_or(if agents == 1 { ALONE } else { MANY });
        RoundSettings { rounds, seed, ..RoundSettings::default() }
    }
}
