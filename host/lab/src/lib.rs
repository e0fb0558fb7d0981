//! The lab: it builds agents, runs them on every backend, and says what the sandbox costs.
//!
//! Data flows one way: [`bundle`] (what is measured) and [`workload`] (what it is told)
//! go into [`experiment`], whose samples [`stats`] sums up and [`results`] keeps, for
//! [`report`] to show. [`cli`] is the `sandlab` command.

pub mod bundle;
mod error;
pub mod workload;

pub use error::{Error, Kind, Result};
