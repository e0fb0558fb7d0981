//! The lab: it builds agents, runs them on every backend, and says what the sandbox costs.
//!
//! Data flows one way: [`bundle`] (what is measured) and [`workload`] (what it is told)
//! make a [`suite`], whose [`experiment`]s return samples, which [`results`] keeps and
//! [`stats`] sums up; [`verdict`] says what that means, and [`report`] shows it. [`cli`] is
//! the `sandlab` command.

pub mod bundle;
pub mod cli;
mod error;
pub mod experiments;
pub mod hostile;
pub mod metrics;
pub mod printable;
pub mod record;
pub mod report;
pub mod sampling;
pub mod stats;
pub mod validate;
pub mod verdict;
pub mod view;
pub mod workload;

pub use error::{Error, Kind, Result};

/// The examples of `docs/embedding.md`, which are compiled as tests.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/embedding.md")]
struct Embedding;
