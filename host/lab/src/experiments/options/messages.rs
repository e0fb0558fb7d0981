//! What agents are told: the options of commands that send a workload.

use crate::bundle::Subject;
use crate::sampling::setup;
use crate::workload::{self, Case};
use crate::{Error, Result};
use std::path::PathBuf;

/// What an agent is sent.
#[derive(Debug, clap::Args)]
pub struct Messages {
    /// Send the messages of this file, one JSON object per line, instead of the agent's own.
    #[arg(long, visible_alias = "messages", value_name = "FILE", conflicts_with = "like")]
    workload: Option<PathBuf>,
    /// Send the messages of this reference agent: for the same agent in another language.
    #[arg(long, value_name = "AGENT")]
    like: Option<String>,
    /// The seed of the generated messages.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

impl Messages {
    /// Returns the seed of the generated messages.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Returns the messages that the user named, else the subject's own.
    ///
    /// # Errors
    /// If the file cannot be used, or there is no such agent.
    pub fn cases(&self, subject: &Subject) -> Result<Vec<Case>> {
        let seed = self.seed;
        match (&self.workload, &self.like) {
            (Some(file), _) => workload::read(file),
            (None, Some(agent)) => workload::of_agent(agent, seed)
                .ok_or_else(|| Error::Usage(format!("no reference agent is called {agent:?}"))),
            (None, None) => setup::cases(subject, seed),
        }
    }
}
