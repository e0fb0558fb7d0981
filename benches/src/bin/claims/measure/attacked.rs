//! Measures the effect that untrusted guests which attack have on their neighbours.

use super::load::ROUNDS;
use anyhow::{Context, Result, bail};
use sandlab::experiments::torture::{Stress, StressReport, torture};
use sandlab::stats::{Distribution, Estimate};
use sandlab_runtime::messaging::Placement;
use serde::Deserialize;
use std::time::Duration;

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Parameters {
    /// Good agents.
    agents: u32,
    /// Messages per second to all good agents together.
    rate: f64,
    #[serde(with = "humantime_serde")]
    duration: Duration,
}

/// Runs all attacks from quarantine, with good agents on all cores.
fn attacked(
    parameters: Parameters,
    figure: impl Fn(&StressReport) -> Option<f64>,
) -> Result<Estimate> {
    let shards = super::cores()?;
    super::rounds(ROUNDS, |round| {
        let stress = Stress {
            duration: parameters.duration,
            seed: round as u64,
            agents: parameters.agents,
            rate: parameters.rate,
            shards,
            placement: Placement::Quarantine,
        };
        let tortured = torture(&stress, None, &|| false)?;
        let objections = tortured.objections();
        if !objections.is_empty() {
            bail!("{}", objections.join("; "));
        }
        figure(&tortured).context("no good agent replied")
    })
}

/// Measures the good agents' 99th percentile: during attacks ÷ without.
pub fn p99(parameters: Parameters) -> Result<Estimate> {
    let p99 = |times: &Distribution| times.quantile(0.99);
    attacked(parameters, |tortured| Some(p99(&tortured.with)? / p99(&tortured.without)?))
}

/// Measures the longest time of a good agent's message during attacks, seconds.
pub fn longest(parameters: Parameters) -> Result<Estimate> {
    attacked(parameters, |tortured| Some(tortured.with.max()? / 1e9))
}
