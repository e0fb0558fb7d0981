//! The options of one agent, and why it may not start with them.

use super::{MailboxLimits, Placement, Restarts, Strategy};
use crate::{Backend, CallError, Interface, NotOffered};
use std::num::NonZeroU32;

/// The options of one agent.
#[derive(Debug, Clone, Default)]
pub struct AgentOptions {
    /// Passed to `configure` at each start. `None` leaves `configure` out.
    pub config: Option<Vec<u8>>,
    /// Bounds of the agent's mailbox.
    pub mailbox: MailboxLimits,
    /// The most restarts, and the time within which they count.
    pub restarts: Restarts,
    /// The form in which the agent is given its messages. Default one per call, by value.
    pub strategy: Strategy,
    /// The threads that the agent lives on. Default the shards.
    pub placement: Placement,
    /// Messages between two checkpoints of the agent's state, from which a restart resumes.
    /// Needs an agent that exports `state`. Default `None`: never.
    pub checkpoint_every: Option<NonZeroU32>,
}

impl AgentOptions {
    /// Checks the options against what the backend's agents export.
    ///
    /// # Errors
    /// [`SpawnError::NotOffered`] if the backend's agents lack what the options need.
    pub(super) fn require(&self, backend: &dyn Backend) -> Result<(), SpawnError> {
        let refused = |option| move |why| SpawnError::NotOffered { option, why };
        self.strategy.offered_by(backend).map_err(refused("strategy"))?;
        if self.checkpoint_every.is_some() {
            let offered = backend.offers(Interface::State);
            offered.map_err(refused("checkpoint_every"))?;
        }
        Ok(())
    }
}

/// The reason that an agent was not started.
#[derive(Debug, thiserror::Error)]
pub enum SpawnError {
    /// The instance failed while it started or was configured.
    #[error("the agent does not start: {0}")]
    Agent(#[source] CallError),
    /// The options need an interface that the agent does not offer.
    #[error("the option `{option}` cannot be used: {why}")]
    NotOffered {
        /// The option's field in [`AgentOptions`].
        option: &'static str,
        /// The missing interface, and why it is missing.
        #[source]
        why: NotOffered,
    },
    /// The kernel does not support the scheduling that quarantine needs.
    #[error("no agent can live in quarantine here: {0}")]
    NoQuarantine(String),
    /// Another live agent has the name.
    #[error("another agent is called {0:?}")]
    NameTaken(String),
    /// The shard has its maximum of agents.
    #[error("the shard has {0} agents already; raise `agents_per_shard`")]
    Full(u32),
    /// The runtime was shut down, or the shard has panicked.
    #[error("the runtime was shut down")]
    ShutDown,
}
