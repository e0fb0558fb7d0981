//! Whoever sends the messages of an open loop: a generator here, or workers on other machines.

use super::deployed::Deployed;
use super::fleet::Fleet;
use super::open_loop::{Generator, Go, Schedule, drive};
use super::recorder::Recorder;
use super::traffic::Conversation;
use super::workers::Crew;
use crate::Result;
use crate::record::Window;
use sandlab_runtime::messaging::Census;
use std::sync::Arc;
use std::time::Duration;

/// The senders of one load.
pub enum Senders {
    /// A generator in this process, and the agents that it sends to.
    Here {
        /// The agents.
        fleet: Box<Fleet>,
        /// The generator.
        generator: Box<Generator<Conversation>>,
    },
    /// Workers, and the agent that they send to.
    Workers(Box<Crew>, Arc<Deployed>),
}

impl Senders {
    /// Goes through a schedule, and passes every window on when it is over. It ends early when what
    /// takes them says so: returns the last word of that.
    ///
    /// # Errors
    /// If a reply is wrong, or a message is not heard of any more, and those of what takes the
    /// windows.
    pub fn drive(
        &mut self,
        schedule: Schedule,
        longest: Duration,
        each: impl FnMut(Window) -> Result<Go>,
    ) -> Result<Go> {
        match self {
            Self::Here { generator, .. } => drive(generator, schedule, longest, each),
            Self::Workers(crew, _) => crew.drive(&schedule, longest, each),
        }
    }

    /// Returns whether all are still there.
    pub fn is_whole(&self) -> bool {
        match self {
            Self::Here { .. } => true,
            Self::Workers(crew, _) => crew.is_whole(),
        }
    }

    /// Waits until nothing is on its way; returns what then lives in the runtime here, if the
    /// messages come from here.
    ///
    /// # Errors
    /// If something still is after half a minute, or was not accounted for.
    pub fn rest(&self) -> Result<Option<Census>> {
        match self {
            Self::Here { fleet, .. } => fleet.drain().map(|()| Some(fleet.runtime.census())),
            // A worker's load is over when nothing is.
            Self::Workers(..) => Ok(None),
        }
    }

    /// Tells what became of all messages.
    ///
    /// # Errors
    /// If a message is missing.
    pub fn settle(&self, to: &mut dyn Recorder) -> Result<()> {
        match self {
            Self::Here { fleet, generator } => {
                to.failures(generator)?;
                to.accounts(fleet)
            }
            Self::Workers(crew, deployed) => crew.settle(deployed, to),
        }
    }
}
