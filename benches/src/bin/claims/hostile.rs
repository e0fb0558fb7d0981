//! How the claims about what hostile guests do to their neighbours are measured.

use super::load::rounds;
use anyhow::{Context, Result, bail};
use sandlab::experiments::torture::{Torture, Tortured, torture};
use sandlab::stats::{Distribution, Estimate};
use sandlab_runtime::messaging::Placement;
use std::time::Duration;

/// All attacks from quarantine, with good agents on all cores.
fn tortured(figure: impl Fn(&Tortured) -> Option<f64>) -> Result<Estimate> {
    let shards = std::thread::available_parallelism()?.get();
    rounds(|round| {
        let tortured = torture(&Torture {
            duration: Duration::from_secs(20),
            seed: round as u64,
            agents: 16,
            rate: 2_000.0,
            shards,
            placement: Placement::Quarantine,
        })?;
        let broken = tortured.broken();
        if !broken.is_empty() {
            bail!("{}", broken.join("; "));
        }
        figure(&tortured).context("nothing was heard of the good agents")
    })
}

/// The good agents' 99th percentile while attacks strike, by that while none does.
pub fn neighbours() -> Result<Estimate> {
    let p99 = |times: &Distribution| times.quantile(0.99);
    tortured(|tortured| Some(p99(&tortured.with)? / p99(&tortured.without)?))
}

/// The longest that a good agent's message took while attacks struck, milliseconds.
pub fn longest() -> Result<Estimate> {
    tortured(|tortured| Some(tortured.with.max()? / 1e6))
}
