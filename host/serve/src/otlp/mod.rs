//! OpenTelemetry: metrics and spans, pushed to a collector by OTLP over HTTP.
//!
//! ```text
//! message ─▶ Tracer ─▶ Span ─▶ Queue ─┐
//!                                     ├─▶ Telemetry ─▶ Client ─▶ collector
//! Host ─▶ Snapshot, the catalogue ────┘
//! ```
//!
//! A message's path ends at the queue, which is bounded and never waits: whatever the collector
//! does, it does to the tasks behind the queue.

mod client;
mod context;
mod metrics;
mod queue;
mod resource;
mod settings;
mod span;
mod standing;
mod starts;
mod telemetry;
mod traces;

pub use client::OtlpError;
pub use queue::OtlpFigures;
pub use settings::Settings;
pub use telemetry::Telemetry;

pub(crate) use client::Client;
pub(crate) use span::{End, Route, Span, Tracer};
