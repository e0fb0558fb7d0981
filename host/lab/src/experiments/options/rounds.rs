//! Options of interleaved rounds.

use super::values::times;
use crate::record::RoundSettings;
use sandlab_runtime::BackendKind;
use std::time::Duration;

/// The most rounds of an agent that is measured alone. Of a hundred builds with a tenth more work, a
/// gate on stored runs called 99 after 100 rounds, and 68 after 30 rounds.
const ALONE: u32 = 100;

/// The time after which a case of an agent that is measured alone ends as soon as it has the usual
/// rounds. A round of `echo` takes 10 ms in the sandbox alone, and 40 ms on three backends; one of
/// `compress` with its replies of 64 KiB takes 150 ms.
const WITHIN: Duration = Duration::from_secs(2);

/// The backends that are compared, and the number of rounds.
#[derive(Debug, clap::Args)]
pub struct Rounds {
    /// Backends to compare, separated by commas.
    #[arg(long, value_delimiter = ',', default_value = "wasm,native,process")]
    backends: Vec<BackendKind>,
    /// Rounds for each agent and size, with fresh instances. Intervals need 6 or more. [default: 30,
    /// or for a single agent up to 100 within 2 s]
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

    /// Returns how to measure several agents, with messages of this seed.
    pub fn settings(&self, seed: u64) -> RoundSettings {
        let rounds = self.rounds.unwrap_or(RoundSettings::USUAL);
        RoundSettings { rounds, seed, ..RoundSettings::default() }
    }

    /// Returns how to measure an agent alone, with messages of this seed.
    pub fn settings_alone(&self, seed: u64) -> RoundSettings {
        match self.rounds {
            Some(_) => self.settings(seed),
            None => RoundSettings { rounds: ALONE, within: Some(WITHIN), ..self.settings(seed) },
        }
    }
}
