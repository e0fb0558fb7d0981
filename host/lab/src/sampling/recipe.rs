//! Recipes: short descriptions of messages, from which another machine makes the same ones.

use super::traffic::Traffic;
use crate::workload;
use crate::{Error, Result};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// The way to the messages of an agent of which only the name is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "messages", rename_all = "kebab-case")]
pub enum Recipe {
    /// Content that comes back as it is.
    Echo {
        /// Bytes per message.
        size: usize,
    },
    /// The messages of a reference agent.
    Reference {
        /// Its name.
        agent: String,
        /// Bytes per message.
        size: usize,
        /// The generator's seed.
        seed: u64,
    },
    /// Content that must always get the same reply.
    Unknown {
        /// Bytes per message.
        size: usize,
        /// The generator's seed.
        seed: u64,
    },
    /// The messages of a workload file.
    Workload {
        /// The file's name.
        name: String,
        /// Its text.
        text: String,
    },
}

impl Recipe {
    /// Makes the messages.
    ///
    /// # Errors
    /// If there is no such agent, a line is malformed, or the messages need a configuration, which
    /// the host would have to have.
    pub fn traffic(&self) -> Result<Traffic> {
        let (name, case) = match self {
            Self::Echo { size } => return Ok(Traffic::Echo { size: *size }),
            Self::Reference { agent, size, seed } => {
                let case = workload::of_size(agent, *size, *seed);
                let unknown = || Error::Usage(format!("no reference agent is called {agent:?}"));
                (agent, case.ok_or_else(unknown)?)
            }
            Self::Unknown { size, seed } => {
                return Traffic::series(workload::unknown(*size, *seed));
            }
            Self::Workload { name, text } => {
                let cases = workload::read_text(Path::new(name), text)?;
                let none = || Error::Usage(format!("the workload {name} has no messages"));
                (name, cases.into_iter().next().ok_or_else(none)?)
            }
        };
        match case.config.is_empty() {
            true => Traffic::series(case),
            false => Err(Error::Usage(format!(
                "the messages of {name} are for an agent that is configured for them, and the host \
                 configures it: give others with `--workload`"
            ))),
        }
    }
}
