//! How to measure: the options that all measuring commands have.

use crate::sampling::interleave::Settings;
use sandlab_runtime::BackendKind;

#[derive(Debug, clap::Args)]
pub struct Measuring {
    /// Where to run the agents.
    #[arg(long, value_delimiter = ',', default_value = "wasm,native,process")]
    backends: Vec<BackendKind>,
    /// Rounds for each agent and size, with fresh instances. From 6 on there are intervals.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// The seed of the generated messages.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

impl Measuring {
    /// Each backend once, in the order that reports show them.
    pub fn backends(&self) -> Vec<BackendKind> {
        let mut backends = self.backends.clone();
        backends.sort_unstable();
        backends.dedup();
        backends
    }

    pub fn settings(&self) -> Settings {
        Settings {
            rounds: self.rounds,
            seed: self.seed,
            ..Settings::default()
        }
    }
}
