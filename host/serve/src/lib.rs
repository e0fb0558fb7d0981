//! Serves agents in production: a [`Host`] runs them, clients reach them over HTTP and NATS, and
//! what they do is measured, compared with objectives, and told when it breaks them.
//!
//! ```text
//! HTTP ─┐                               ┌─▶ /metrics, dashboard, OpenTelemetry
//!       ├─▶ Host ─▶ agents   Snapshot ──┼─▶ store
//! NATS ─┘     └──────────────▶          └─▶ objectives ─▶ alerts
//! ```

pub mod alerts;
pub mod config;
mod dashboard;
mod host;
pub mod http;
pub mod load;
pub mod metrics;
mod monitor;
pub mod nats;
pub mod otlp;
mod process;
pub mod run;
pub mod slo;
mod snapshot;

pub use config::Config;
pub use host::{Applied, AskError, Host, Left, Outcome, Request, ServeError, bounds, reason};
pub use load::{Loaded, Resolver};
pub use monitor::{MonitorConfig, MonitorError, ProductionMonitor, Sink, Watched};
pub use snapshot::{AgentFigures, Latency, ProcessFigures, Snapshot};
