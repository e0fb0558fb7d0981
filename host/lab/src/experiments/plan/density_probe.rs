//! Agents of one program, started in a process of their own.

use crate::bundle::Subject;
use crate::experiments::plan::fill::{Fill, Filled};
use crate::experiments::plan::machine::Machine;
use crate::experiments::plan::predict::{Bound, Capacity, Cost, Overfill, Verified};
use crate::experiments::plan::{MOST_VERIFIED, PlanRequest, TOLERANCE};
use crate::sampling::probe::ProbeRequest;
use crate::workload::Case;
use crate::workload::with_directory;
use crate::{Error, Result};
use sandlab_runtime::child::{Cause, Child, this_program};
use sandlab_runtime::config::{DirectoryGrant, Layout, Strategy};
use sandlab_runtime::subject::Kind;
use sandlab_runtime::wasm::Needs;
use sandlab_runtime::{BackendKind, SandboxConfig};
use std::io::Write;
use std::process::Stdio;
use std::thread;
use std::time::Duration;
use tempfile::TempDir;

/// A program of which many agents can be started.
pub struct DensityProbe {
    /// The agent's name in reports.
    pub agent: String,
    subject: Subject,
    config: SandboxConfig,
    /// The directories that the sandbox config grants, without the one that is there for as long as
    /// this is measured.
    granted: Vec<DirectoryGrant>,
    /// The parts of a pool that one agent takes.
    pub needs: Needs,
    /// The first message of each agent, and the reply that it must give.
    pub probe: ProbeRequest,
    /// Threads that they live on.
    pub shards: usize,
    _directory: Option<TempDir>,
}

/// Agents of which the cost of one is measured, at most; half of them to warm up.
const SAMPLE: u64 = 1_000;

/// The longest time of a reading, to which [`PER_AGENT`] is added for each agent: only a process
/// that hangs takes as long.
const PER_READING: Duration = Duration::from_secs(600);
const PER_AGENT: Duration = Duration::from_millis(10);

impl DensityProbe {
    /// Loads a program, and asks one agent what all will be asked. Memories are of a pool.
    ///
    /// # Errors
    /// If it does not start, answers something else than it must, or answers nothing.
    pub fn of(subject: &Subject, config: &SandboxConfig, cases: &[Case]) -> Result<Self> {
        let mut config = config.clone();
        config.allocation.strategy = Strategy::Pooled;
        Self::as_given(subject, &config, cases)
    }

    /// Does the same, with memories from where the sandbox config says.
    ///
    /// # Errors
    /// As [`of`](Self::of).
    pub fn as_given(subject: &Subject, config: &SandboxConfig, cases: &[Case]) -> Result<Self> {
        let agent = subject.name();
        let granted = config.grants.directories.clone();
        let (mut config, directory) = with_directory(config, cases)?;
        let strategy = std::mem::replace(&mut config.allocation.strategy, Strategy::OnDemand);
        let loaded = subject.load_alone(&config).map_err(|source| Error::Load {
            agent: agent.clone(),
            backend: BackendKind::Wasm,
            source,
        })?;
        // What the component turned out to need, and no more: a stack for each slot would
        // take two mappings.
        config.calls = loaded.prepared().calls;
        config.allocation.strategy = strategy;
        Ok(Self {
            probe: ProbeRequest::of(&agent, &*loaded.backend, cases)?,
            agent,
            subject: subject.clone(),
            needs: loaded.prepared().needs,
            granted,
            config,
            shards: std::thread::available_parallelism().map_or(1, usize::from),
            _directory: directory,
        })
    }

    /// Returns the sandbox config with which so many agents have room.
    pub fn sandbox(&self, layout: Layout, agents: u64) -> SandboxConfig {
        let mut config = self.config.clone();
        let slots = agents.saturating_mul(self.needs.slots().into());
        config.allocation.layout = layout;
        config.allocation.slots = u32::try_from(slots).unwrap_or(u32::MAX);
        config
    }

    /// Returns the same as others can keep it: it grants what was given, by whole paths.
    pub fn sandbox_to_keep(&self, layout: Layout, agents: u64) -> SandboxConfig {
        let mut config = self.sandbox(layout, agents);
        config.grants.directories.clone_from(&self.granted);
        config.with_absolute_directories()
    }

    /// Measures what one agent costs, from a sample of at most 1,000. `stopped` ends it early.
    ///
    /// # Errors
    /// If not even some start and answer.
    pub fn cost(
        &self,
        layout: Layout,
        machine: &Machine,
        stopped: &dyn Fn() -> bool,
    ) -> Result<Cost> {
        let limit = self.config.memory_limit.as_u64().max(1);
        let held = self.config.grants.directories.len() as u64;
        let by_files = machine.open_files.room().checked_div(held);
        let most = by_files.unwrap_or(SAMPLE).min(SAMPLE);
        let few = (machine.memory / 4 / limit).max(8).min(most);
        let cost = self.cost_of(few, layout, stopped)?;
        // Most take far less than their limit. What a few take varies by a tenth, in a container
        // with little memory, which has room for more of them.
        let more = (machine.memory as f64 / 4.0 / (2.0 * cost.each()).max(1.0)) as u64;
        match more.min(most) {
            more if more >= 2 * few && !stopped() => self.cost_of(more, layout, stopped),
            _ => Ok(cost),
        }
    }

    /// Measures the cost by a sample of so many agents.
    fn cost_of(&self, sample: u64, layout: Layout, stopped: &dyn Fn() -> bool) -> Result<Cost> {
        let readings = self.fill(layout, &[sample / 2, sample], sample, stopped)?;
        match readings.as_slice() {
            [Filled::Reading(none), Filled::Reading(half), Filled::Reading(all)] => {
                Ok(Cost::of(none, half, all))
            }
            other => Err(self.failed(other.last())),
        }
    }

    /// Starts as many as were predicted; and, where the kernel is what bounds them, tries
    /// more, which must be refused. `stopped` ends it early.
    ///
    /// # Errors
    /// If they cannot be started at all.
    pub fn verify(
        &self,
        layout: Layout,
        agents: u64,
        request: &PlanRequest,
        capacity: &Capacity,
        stopped: &dyn Fn() -> bool,
    ) -> Result<Verified> {
        let readings = self.fill(layout, &[agents], agents, stopped)?;
        let [Filled::Reading(before), Filled::Reading(after)] = readings.as_slice() else {
            return Err(self.failed(readings.last()));
        };
        let is_all = request.agents.is_none() && capacity.agents() <= MOST_VERIFIED;
        let beyond = if is_all && capacity.bound() != Bound::Memory {
            Some(self.beyond(layout, agents, stopped)?)
        } else {
            None
        };
        Ok(Verified { before: *before, after: *after, beyond })
    }

    fn beyond(&self, layout: Layout, agents: u64, stopped: &dyn Fn() -> bool) -> Result<Overfill> {
        let agents = (agents as f64 * (1.0 + TOLERANCE)).ceil() as u64;
        let readings = self.fill(layout, &[agents], agents, stopped)?;
        Ok(Overfill {
            agents,
            refused: match readings.last() {
                Some(Filled::Refused { why } | Filled::Wrong { why }) => Some(why.clone()),
                _ => None,
            },
        })
    }

    /// Runs a process that starts agents.
    fn fill(
        &self,
        layout: Layout,
        readings: &[u64],
        slots: u64,
        stopped: &dyn Fn() -> bool,
    ) -> Result<Vec<Filled>> {
        let fill = Fill {
            component: self.subject.component(),
            kind: self.subject.options.kind,
            // What is planned is how many instances live at once.
            reuse: self.subject.options.reuse.or(Some(u64::MAX)),
            asks: self.subject.kind != Some(Kind::Command),
            sandbox: self.sandbox(layout, slots),
            probe: self.probe.clone(),
            readings: readings.to_vec(),
            shards: self.shards,
        };
        let failed = |what: &str, error: &dyn std::fmt::Display| {
            Error::Machine(format!("{what} the process that holds the agents: {error}"))
        };
        let told = serde_json::to_vec(&fill).map_err(|e| failed("cannot tell", &e))?;
        let mut child =
            Child::start(this_program().arg("fill").stdin(Stdio::piped()).stdout(Stdio::piped()))
                .map_err(|e| failed("cannot start", &e))?;
        if let Some(mut stdin) = child.stdin() {
            // Elsewhere, so that one that does not read is ended at its deadline. One that
            // is gone says itself why.
            let tell = move || drop(stdin.write_all(&told));
            thread::Builder::new().spawn(tell).map_err(Error::thread)?;
        }
        let limit = PER_READING + PER_AGENT * u32::try_from(slots).unwrap_or(u32::MAX);
        let mut said = Vec::new();
        let ended = loop {
            match child.line(limit, stopped) {
                Ok(Some(line)) => said.push(
                    serde_json::from_str(&line).map_err(|e| failed("cannot understand", &e))?,
                ),
                Ok(None) => break child.finish(limit, stopped),
                Err(cause) => break child.end(cause),
            }
        };
        if ended.cause == Cause::Stopped {
            return Err(Error::Stopped);
        }
        if !ended.cause.is_success() {
            said.push(Filled::Refused {
                why: format!("the process that held the agents ended: {ended}"),
            });
        }
        Ok(said)
    }

    fn failed(&self, last: Option<&Filled>) -> Error {
        let why = match last {
            Some(Filled::Refused { why } | Filled::Wrong { why }) => why.as_str(),
            Some(Filled::Reading(_)) | None => "it said nothing more",
        };
        Error::Held { agent: self.agent.clone(), why: why.to_owned() }
    }
}
