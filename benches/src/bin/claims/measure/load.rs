//! Loads, with the experiments that users run.

use anyhow::{Context, Result, bail};
use bytesize::ByteSize;
use sandlab::bundle;
use sandlab::experiments::recovery::{self, Faulting, Recoveries, Trap};
use sandlab::experiments::scale::{self, Stage};
use sandlab::record::{ClosedWindow, Entry, Finding, Phase, Shared, Window};
use sandlab::sampling::fleet::beside_generator;
use sandlab::sampling::program::{Program, programs};
use sandlab::sampling::recorder::Recorder;
use sandlab::sampling::steady::{Steady, steady};
use sandlab::sampling::traffic::Traffic;
use sandlab::stats::Estimate;
use sandlab_runtime::{BackendKind, SandboxConfig};
use serde::Deserialize;
use std::time::Duration;

/// Samples of each load: the fewest rounds of which there is an interval.
pub const ROUNDS: usize = 6;

/// Keeps windows and findings in memory.
#[derive(Default)]
struct Found {
    windows: Vec<Window>,
    findings: Vec<Finding>,
}

impl Recorder for Found {
    fn record(&mut self, entry: Entry) -> sandlab::Result<()> {
        match entry {
            Entry::Window(window) => self.windows.push(*window),
            Entry::Finding(finding) => self.findings.push(finding),
            _ => {}
        }
        Ok(())
    }

    fn stopped(&self) -> bool {
        false
    }
}

impl Found {
    /// Returns a quantile of latency, seconds.
    ///
    /// # Errors
    /// If a message failed, or none was sent.
    fn latency(&self, phase: Phase, share: f64) -> Result<f64> {
        let mut all = Window::new(phase, 0);
        let of_phase = self.windows.iter().filter(|window| window.phase == phase);
        of_phase.for_each(|window| all.absorb(window));
        // A message without any reply would have ended the load with an error.
        if all.failed > 0 {
            bail!("{} messages failed", all.failed);
        }
        Ok(all.latency.quantile(share).context("no message")? / 1e9)
    }
}

fn program(agent: &str, agents: usize, size: ByteSize) -> Result<Program> {
    let subject = bundle::find(agent, &mut |_| {}).context("run `make guests` first")?;
    let (backends, sandbox) = ([BackendKind::Wasm], SandboxConfig::default());
    let traffic = Traffic::Echo { size: size.as_u64() as usize };
    let loaded = programs(&subject, &backends, agents, &sandbox, &traffic, &[])?;
    loaded.into_iter().next().context("the agent was not loaded")
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Latency {
    /// From 0 to 100.
    percentile: f64,
    agents: usize,
    size: ByteSize,
    /// Messages per second to all agents together.
    rate: f64,
    #[serde(with = "humantime_serde")]
    duration: Duration,
}

/// Measures a percentile of latency, open loop, seconds.
pub fn latency(parameters: Latency) -> Result<Estimate> {
    let program = program("echo", parameters.agents, parameters.size)?;
    let load = Steady {
        kind: "latency",
        agents: parameters.agents,
        rate: parameters.rate,
        duration: parameters.duration,
        ramp_up: Duration::from_millis(500),
        shards: beside_generator(),
    };
    super::rounds(ROUNDS, |_| {
        let mut found = Found::default();
        steady(&program, &load, &mut found)?;
        found.latency(Phase::Steady, parameters.percentile / 100.0)
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Scale {
    /// Agents of the numerator.
    few: usize,
    /// Agents of the denominator.
    many: usize,
    size: ByteSize,
    #[serde(with = "humantime_serde")]
    duration: Duration,
}

/// Measures messages per second with few agents ÷ with many.
pub fn scale(parameters: Scale) -> Result<Estimate> {
    let program = program("echo", parameters.many, parameters.size)?;
    let shards = super::cores()?;
    let rate = |agents| {
        let stage = Stage { agents, duration: parameters.duration, shards };
        let mut found = Found::default();
        scale::scale(&program, &stage, &mut found)?;
        let mut all = ClosedWindow::default();
        for finding in found.findings.iter().filter_map(Finding::read) {
            if let Shared::Closed(window) = finding {
                all.absorb(&window);
            }
        }
        Ok(all.rate())
    };
    super::ratio(ROUNDS, || rate(parameters.few), || rate(parameters.many))
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Recovery {
    agents: usize,
    /// Messages per second to all agents together.
    rate: f64,
    /// Traps per second.
    faults: f64,
    #[serde(with = "humantime_serde")]
    duration: Duration,
}

fn with_faults(
    parameters: Recovery,
    figure: impl Fn(&Found, &Recoveries) -> Result<f64>,
) -> Result<Estimate> {
    let program = program("faulty", parameters.agents, ByteSize::kib(1))?;
    let load = Faulting {
        agents: parameters.agents,
        rate: parameters.rate,
        faults: parameters.faults,
        trap: Trap::Panic,
        duration: parameters.duration,
        ramp_up: Duration::from_millis(500),
        shards: beside_generator(),
    };
    super::rounds(ROUNDS, |_| {
        let mut found = Found::default();
        recovery::recovery(&program, &load, &mut found)?;
        let recoveries = found.findings.iter().find_map(Finding::read);
        let recovery::Found::Recovery(recoveries) = recoveries.context("no recovery recorded")?;
        figure(&found, &recoveries)
    })
}

/// Measures the 99th percentile from a trap to the agent's next good reply, seconds.
pub fn recovery(parameters: Recovery) -> Result<Estimate> {
    with_faults(parameters, |_, found| {
        if found.lost > 0 || found.time.count() != found.faults {
            bail!(
                "{} agents of {} recovered, and {} messages were lost",
                found.time.count(),
                found.faults,
                found.lost
            );
        }
        Ok(found.time.quantile(0.99).context("no fault")? / 1e9)
    })
}

/// Measures the 99th percentile of latency of all agents: while some trap ÷ while none does.
pub fn recovery_neighbours(parameters: Recovery) -> Result<Estimate> {
    with_faults(parameters, |found, _| {
        Ok(found.latency(Phase::Faults, 0.99)? / found.latency(Phase::Steady, 0.99)?)
    })
}
