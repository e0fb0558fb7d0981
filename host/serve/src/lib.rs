//! Serves agents in production: a [`Host`] runs them, clients reach them over HTTP and NATS, and
//! what they do is measured, compared with objectives, and told when it breaks them.
//!
//! ```text
//! HTTP ─┐                               ┌─▶ /metrics, dashboard
//!       ├─▶ Host ─▶ agents   Snapshot ──┼─▶ store
//! NATS ─┘     └──────────────▶          └─▶ objectives ─▶ alerts
//! ```

mod host;
pub mod nats;
mod snapshot;

pub use host::{AskError, Host, Request};
pub use snapshot::{AgentFigures, Latency, Snapshot};
