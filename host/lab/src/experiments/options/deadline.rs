//! `--deadline`

use super::wait;
use crate::sampling::program::Program;
use std::time::Duration;

/// When a good reply is late.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct Deadline {
    /// How long after its message was due a good reply still counts as good. [default: ten times
    /// what the targets call critical for p99: 1s]
    #[arg(long, value_name = "TIME", value_parser = wait)]
    deadline: Option<Duration>,
}

impl Deadline {
    /// Returns the program with this deadline, or the one that follows from the targets.
    pub fn of(self, program: &Program, otherwise: Duration) -> Program {
        program.within(self.deadline.unwrap_or(otherwise))
    }
}
