//! Messaging: from a client, or an agent, to an agent, and back.
//!
//! ```text
//! client ─▶ inbox ─▶ mailbox ─▶ agent ─┬▶ reply ─▶ client
//!          one per   bounded           └▶ recipient's mailbox
//!           shard
//! ```
//!
//! Agents live on [shards](Settings::shards), plain OS threads, each of which owns its
//! agents: a message between two agents of one shard touches neither lock nor atomic;
//! between shards, and to and from clients, messages go in batches. Untrusted agents can
//! live [in quarantine](Placement::Quarantine), on threads that run only while a core is
//! otherwise idle. tokio is at the edges: clients that await, and the timers of agents whose
//! calls can block, which run on fibers and so block no thread.
//!
//! Messages from one sender to one recipient arrive in the order in which they were sent.
//! Every message is accounted for ([`Accounts`]).
//!
//! - [`Runtime`] starts the shards, with [`Settings`], and agents, with [`AgentOptions`].
//! - [`Client`] and [`Connection`] send messages: one to await, one to pipeline.
//! - [`Pool`] routes tasks to equal agents.
//! - A [`Carrier`] takes messages to agents of other hosts.

mod accounts;
mod address;
mod census;
mod client;
mod connection;
mod envelope;
mod foreign;
mod inbox;
mod link;
mod mailbox;
mod options;
mod placement;
mod pool;
mod registry;
mod runtime;
mod settings;
mod shard;
mod strategy;
mod supervisor;
mod waker;

pub use accounts::Accounts;
pub use census::{Census, Residence, Roster};
pub use client::{Client, DeliveryError, Draft};
pub use connection::{Connection, WindowFull};
pub use foreign::{Carrier, Entrance, foreign};
pub use link::Delivery;
pub use mailbox::{MailboxLimits, WhenFull};
pub use options::{AgentOptions, SpawnError};
pub use placement::{Placement, set_idle_priority};
pub use pool::{Pool, Routing, Task};
pub use runtime::Runtime;
pub use settings::Settings;
pub use strategy::{Batching, Strategy};
pub use supervisor::Restarts;
