//! Options of the messaging strategies that a command compares, and the agent that they need.

use super::values::{any_duration, count};
use clap::builder::TypedValueParser;
use sandlab_runtime::messaging::{Batching, Strategy};
use std::num::NonZeroU32;
use std::time::Duration;

/// Strategies by which agents get their messages.
#[derive(Debug, clap::Args)]
pub struct Strategies {
    /// Strategies by which agents get their messages, one or more to compare.
    #[arg(long = "strategy", value_enum, value_delimiter = ',', default_value = "by-value")]
    names: Vec<Name>,
    /// For the strategy batch: messages per call at most, one number or more.
    #[arg(long, value_delimiter = ',', default_value = "16", value_parser = count().try_map(NonZeroU32::try_from))]
    batch_size: Vec<NonZeroU32>,
    /// For the strategy batch: longest time that a message waits for the call to be full.
    #[arg(long, default_value = "0s", value_parser = any_duration)]
    batch_timeout: Duration,
}

/// A strategy, as a person types it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Name {
    /// One message per call, its content copied into the agent and back.
    ByValue,
    /// Many messages per call.
    Batch,
    /// One message per call, its content in the host's memory.
    ZeroCopy,
}

/// The agent that supports all strategies, and answers if it is configured to. `echo` is as small
/// as an agent can be, and does not support parcels.
const RELAY: &str = "relay";

impl Strategies {
    /// The strategies, in the order that they were asked for.
    pub fn all(&self) -> Vec<Strategy> {
        let timeout = self.batch_timeout;
        let batch = |size: &NonZeroU32| Strategy::Batch(Batching { size: *size, timeout });
        let of = |name: &Name| match name {
            Name::ByValue => vec![Strategy::ByValue],
            Name::Batch => self.batch_size.iter().map(batch).collect(),
            Name::ZeroCopy => vec![Strategy::ZeroCopy],
        };
        self.names.iter().flat_map(of).collect()
    }

    /// Returns the default agent of a comparison: the same one for all strategies.
    pub fn agent(&self) -> &'static str {
        if self.names.contains(&Name::ZeroCopy) {
            return RELAY;
        }
        "echo"
    }
}
