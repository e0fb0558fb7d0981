//! How the claims about loads are measured: with the experiments that users run.

use anyhow::{Context, Result, bail};
use sandlab::bundle;
use sandlab::experiments::load::{
    Program, Recoveries, Recovery, Scale, Steady, Trap, recovery, scale, steady,
};
use sandlab::experiments::record::{Experiment, Finding, Recorder};
use sandlab::record::Entry;
use sandlab::record::{Phase, Window};
use sandlab::sampling::backends;
use sandlab::sampling::closed_loop::Throughput;
use sandlab::sampling::fleet::beside_generator;
use sandlab::stats::{Estimate, median_interval};
use sandlab_runtime::{BackendKind, SandboxConfig};
use std::time::Duration;

/// How often each load is measured; from 6 on there is an interval.
const ROUNDS: usize = 6;

/// Keeps what is found.
#[derive(Default)]
struct Found {
    windows: Vec<Window>,
    findings: Vec<Finding>,
}

impl Recorder for Found {
    fn record(&mut self, entry: Entry) -> sandlab::Result<()> {
        match entry {
            Entry::Window(window) => self.windows.push(*window),
            Entry::Finding(finding) => self.findings.push(*finding),
            _ => {}
        }
        Ok(())
    }

    fn stopped(&self) -> bool {
        false
    }
}

impl Found {
    /// A percentile of latency, milliseconds, if every message came to a good reply.
    fn latency(&self, phase: Phase, share: f64) -> Result<f64> {
        let mut all = Window::new(phase, 0);
        let of_phase = self.windows.iter().filter(|window| window.phase == phase);
        of_phase.for_each(|window| all.absorb(window));
        // One that was never heard of would have ended the load with an error.
        if all.failed > 0 {
            bail!("{} messages failed", all.failed);
        }
        Ok(all.latency.quantile(share).context("no message")? / 1e6)
    }
}

fn program(agent: &str, agents: u32) -> Result<Program> {
    let subject = bundle::find(agent, &mut |_| {}).context("run `make guests` first")?;
    let mut sandbox = SandboxConfig::default();
    sandbox.allocation.slots = agents + 1;
    Ok(Program {
        agent: subject.name(),
        backend: BackendKind::Wasm,
        start: backends::backend(&subject, BackendKind::Wasm, &sandbox)?,
    })
}

/// The median of some rounds, with its interval.
pub fn rounds(measure: impl Fn(usize) -> Result<f64>) -> Result<Estimate> {
    let values = (0..ROUNDS).map(measure).collect::<Result<Vec<_>>>()?;
    median_interval(&values).context("no rounds")
}

/// 100,000 messages a second over 1,000 agents.
fn open_loop(share: f64) -> Result<Estimate> {
    let program = program("echo", 1_000)?;
    let load = Steady {
        experiment: Experiment::Latency,
        agents: 1_000,
        size: 1_024,
        rate: 100_000.0,
        duration: Duration::from_secs(5),
        ramp_up: Duration::from_millis(500),
        shards: beside_generator(),
    };
    rounds(|_| {
        let mut found = Found::default();
        steady(&program, &load, &mut found)?;
        found.latency(Phase::Steady, share)
    })
}

pub fn p50() -> Result<Estimate> {
    open_loop(0.5)
}

pub fn p99() -> Result<Estimate> {
    open_loop(0.99)
}

/// Throughput with 100 agents, by that with 10,000.
pub fn crowd() -> Result<Estimate> {
    let program = program("echo", 10_000)?;
    let rate = |agents| -> Result<f64> {
        let load = Scale {
            agents,
            size: 1_024,
            duration: Duration::from_secs(1),
            shards: std::thread::available_parallelism()?.get(),
        };
        let mut found = Found::default();
        scale(&program, &load, &mut found)?;
        let mut all = Throughput::default();
        for finding in &found.findings {
            if let Finding::Closed(interval) = finding {
                all.absorb(interval);
            }
        }
        Ok(all.rate())
    };
    rounds(|round| match round % 2 {
        0 => Ok(rate(100)? / rate(10_000)?),
        _ => {
            let many = rate(10_000)?;
            Ok(rate(100)? / many)
        }
    })
}

fn with_faults(figure: impl Fn(&Found, &Recoveries) -> Result<f64>) -> Result<Estimate> {
    let program = program("faulty", 100)?;
    let load = Recovery {
        agents: 100,
        rate: 10_000.0,
        faults: 8.0,
        trap: Trap::Panic,
        duration: Duration::from_secs(20),
        ramp_up: Duration::from_millis(500),
        shards: beside_generator(),
    };
    rounds(|_| {
        let mut found = Found::default();
        recovery(&program, &load, &mut found)?;
        let back = found.findings.iter().find_map(|finding| match finding {
            Finding::Recovery(back) => Some(back),
            _ => None,
        });
        figure(&found, back.context("nothing found")?)
    })
}

/// From a trap to the agent's next good reply, if no message was lost.
pub fn back() -> Result<Estimate> {
    with_faults(|_, back| {
        if back.lost > 0 || back.time.count() != back.faults {
            bail!("{} agents of {} came back", back.time.count(), back.faults);
        }
        Ok(back.time.quantile(0.99).context("no fault")? / 1e6)
    })
}

/// The others' 99th percentile while agents trap, by that while none does.
pub fn others() -> Result<Estimate> {
    with_faults(|found, _| {
        Ok(found.latency(Phase::Faults, 0.99)? / found.latency(Phase::Steady, 0.99)?)
    })
}
