//! The lab: builds agents, runs them on every backend, and reports the cost of the sandbox.
//!
//! Data flows one way. A [`project`] has defaults, and the [`contract`] is the interface of agents.
//! A [`bundle`] is a subject of measurement, a [`workload`] has its messages. The [`experiments`]
//! send them with the means of [`sampling`], and [`record`] keeps every sample. A measured value is
//! a metric of [`metrics`], which defines each quantity once; [`verdict`] grades and compares
//! metrics with the intervals of [`stats`]. An experiment presents its run as a [`view`], and
//! [`report`] writes views in every format. [`validate`] judges guests before they are run, and
//! [`hostile`] has attacks to judge it by. [`cli`] is the `sandlab` command.

// Both panic where the reader has gone away; `cli::streams` does not.
#![deny(clippy::print_stderr, clippy::print_stdout)]

pub mod bundle;
pub mod cli;
pub mod contract;
mod error;
pub mod experiments;
pub mod hostile;
pub mod metrics;
pub mod paths;
pub mod printable;
pub mod project;
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
