//! One side ÷ another, sampled in interleaved rounds as `sandlab compare` does.

use anyhow::{Context, Result, bail};
use bytesize::ByteSize;
use sandlab::bundle::{self, Subject};
use sandlab::experiments::compare::ladder;
use sandlab::record::RoundSettings;
use sandlab::sampling::backends::{self, PORTABLE};
use sandlab::sampling::interleave::sample;
use sandlab::sampling::setup::{self, Loaded, Side};
use sandlab::stats::{Estimate, geometric_mean, median_interval};
use sandlab::workload::{COMPUTE, Case};
use sandlab_runtime::{BackendKind, SandboxConfig};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Backends {
    /// `None` for the geometric mean over the computing agents.
    agent: Option<String>,
    size: ByteSize,
    /// Numerator and denominator.
    sides: [BackendKind; 2],
    /// Whether a portable twin, where there is one, takes the place of the native one.
    #[serde(default)]
    like_for_like: bool,
}

/// Measures one backend ÷ another.
pub fn backends(parameters: Backends) -> Result<Estimate> {
    let sides = parameters.sides;
    let load = |subject: &Subject, cases: &[Case]| {
        backends::load(subject, &sides, &SandboxConfig::default(), cases)
    };
    let names = sides.map(|kind| kind.to_string());
    let portable = parameters.like_for_like.then_some(PORTABLE);
    mean(&agents(&parameters.agent), parameters.size, names, portable, load)
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Ladder {
    /// `None` for the geometric mean over the computing agents.
    agent: Option<String>,
    size: ByteSize,
    /// Numerator and denominator, of those that `sandlab compare --attribute` names.
    rungs: [String; 2],
}

/// Measures one rung of the ladder ÷ another.
pub fn ladder(parameters: Ladder) -> Result<Estimate> {
    let rungs = parameters.rungs;
    let load = |subject: &Subject, cases: &[Case]| {
        let mut ladder = ladder::load(subject, &SandboxConfig::default(), cases)?;
        let is_wanted = |side: &Side| rungs.iter().any(|rung| *rung == *side.name);
        ladder.sides.retain(is_wanted);
        Ok(ladder)
    };
    let agents = agents(&parameters.agent);
    mean(&agents, parameters.size, rungs.clone(), None, load)
}

fn agents(agent: &Option<String>) -> Vec<&str> {
    match agent {
        Some(agent) => vec![agent],
        None => COMPUTE.to_vec(),
    }
}

/// Returns the median over the rounds of the geometric mean over the agents. The side `instead`, of
/// agents that have it, takes the denominator's place.
fn mean(
    agents: &[&str],
    size: ByteSize,
    [ours, theirs]: [String; 2],
    instead: Option<&str>,
    load: impl Fn(&Subject, &[Case]) -> sandlab::Result<Loaded>,
) -> Result<Estimate> {
    let settings = RoundSettings::default();
    let mut ratios = vec![Vec::new(); settings.rounds as usize];
    for agent in agents {
        let subject = bundle::find(agent, &mut |_| {})?;
        let cases = setup::cases(&subject, settings.seed)?;
        let loaded = load(&subject, &cases)?;
        let sampled = sample(&loaded, of_size(&cases, size)?, &settings)?;
        let instead = instead.filter(|name| sampled.sides.iter().any(|side| side.side == **name));
        let of_round = sampled.ratios(&ours, instead.unwrap_or(&theirs));
        if of_round.is_empty() {
            bail!("{agent} was not measured on {ours} and {theirs}");
        }
        for (round, ratio) in ratios.iter_mut().zip(of_round) {
            round.push(ratio);
        }
    }
    let means: Vec<f64> = ratios.iter().filter_map(|r| geometric_mean(r)).collect();
    median_interval(&means).context("no rounds")
}

fn of_size(cases: &[Case], size: ByteSize) -> Result<&Case> {
    let wanted = Some(size.as_u64() as usize);
    let found = cases.iter().find(|case| case.size == wanted);
    found.with_context(|| format!("the agent has no workload of {size}"))
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Timing {
    agent: String,
    size: ByteSize,
}

/// Measures what timing adds to a message on the native twin, the fastest backend, as a share.
pub fn timing(Timing { agent, size }: Timing) -> Result<Estimate> {
    let subject = bundle::find(&agent, &mut |_| {})?;
    let cases = setup::cases(&subject, 1)?;
    let native = [BackendKind::Native];
    let loaded = backends::load(&subject, &native, &SandboxConfig::default(), &cases)?;
    let settings = RoundSettings { rounds: 3, ..RoundSettings::default() };
    let case = of_size(&cases, size)?;
    super::rounds(11, |_| {
        let sampled = sample(&loaded, case, &settings)?;
        let side = sampled.sides.first().context("not measured")?;
        let median = median_interval(&side.ns).context("no rounds")?;
        Ok(sampled.timing_ns.context("not timed")? / median.value)
    })
}
