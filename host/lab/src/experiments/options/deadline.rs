//! `--deadline`

use super::wait;
use crate::sampling::program::Program;
use std::time::Duration;

/// The deadline after which a good reply is late.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct Deadline {
    /// Longest time from a message's due time to a reply that still counts as good. [default: ten
    /// times the critical p99 of the targets: 1s]
    #[arg(long, value_name = "TIME", value_parser = wait)]
    deadline: Option<Duration>,
}

impl Deadline {
    /// Returns the program with this deadline, or the one that follows from the targets.
    pub fn of(self, program: &Program, otherwise: Duration) -> Program {
        program.within(self.deadline.unwrap_or(otherwise))
    }
}
