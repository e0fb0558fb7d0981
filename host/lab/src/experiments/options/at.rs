//! Where an agent is deployed that is loaded from here.

use crate::sampling::deployed::Target;
use crate::{Error, Result};
use http::HeaderValue;
use std::path::PathBuf;

/// The hosts that serve the agent under load, if it does not run in this process.
#[derive(Debug, clap::Args)]
pub struct At {
    /// Send the messages to an agent that `sandlab serve` runs, instead of one here:
    /// http://HOST:PORT/agents/NAME; several take the connections in turn. `--agents` is then the
    /// number of connections. What the hosts counted has to agree with what was sent.
    #[arg(long, value_delimiter = ',', value_name = "URL")]
    target: Vec<String>,
    /// The file of the token that the targets ask for.
    #[arg(long, value_name = "FILE", requires = "target")]
    token_file: Option<PathBuf>,
}

impl At {
    /// Returns whether the user named a target.
    pub fn is_given(&self) -> bool {
        !self.target.is_empty()
    }

    /// Returns the targets: one agent, on one host or several.
    ///
    /// # Errors
    /// If one is no agent that is served over HTTP, they are of several agents, or the token cannot
    /// be read.
    pub fn targets(&self) -> Result<Vec<Target>> {
        let token = self.token_file.as_ref().map(|file| {
            let text = std::fs::read_to_string(file).map_err(Error::file("read", file))?;
            let token = HeaderValue::try_from(format!("Bearer {}", text.trim()));
            token.map_err(|error| Error::Usage(format!("the token in {}: {error}", file.display())))
        });
        let token = token.transpose()?;
        let targets = self.target.iter().map(|url| Target::parse(url, token.as_ref()));
        let targets = targets.collect::<Result<Vec<_>>>()?;
        let agent = targets.first().map(|target| &target.agent);
        match targets.iter().find(|target| Some(&target.agent) != agent) {
            Some(other) => Err(other.wrong("it is another agent than the first one; load one")),
            None => Ok(targets),
        }
    }
}
