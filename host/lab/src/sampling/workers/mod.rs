//! Load generators on other machines, which a command finds, arms, starts and merges over NATS.
//!
//! ```text
//! Crew ──Find, Job, Orders──▶ NATS ──▶ Worker ─▶ Generator ──messages──▶ target
//!  ▲                                     │
//!  └─Merge ◀───Reports─── NATS ◀─────────┘  windows, counts, beats
//! ```
//!
//! docs/workers.md is for users.

mod crew;
mod merge;
mod protocol;
mod sound;
mod wire;
mod worker;

pub use crew::Crew;
pub use worker::Worker;

use super::recipe::Recipe;
use sandlab_serve::nats::Settings;
use std::time::Duration;

/// The workers to find, and the load that they send.
#[derive(Debug, Clone)]
pub struct Hiring {
    /// Number of workers.
    pub count: u32,
    /// The NATS server at which they are found.
    pub nats: Settings,
    /// The URLs of the targets.
    pub targets: Vec<String>,
    /// The first part of the agents' subjects, for targets over NATS.
    pub subject_prefix: String,
    /// The recipe of their messages.
    pub recipe: Recipe,
    /// The timeout of a message at the hosts.
    pub timeout: Duration,
}
