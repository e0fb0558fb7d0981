//! Agents of one program, started in a process of their own.

use crate::bundle::Subject;
use crate::experiments::plan::fill::{Fill, Filled};
use crate::experiments::plan::machine::Machine;
use crate::experiments::plan::predict::{Beyond, Bound, Capacity, Cost, Verified};
use crate::experiments::plan::{MOST_VERIFIED, TOLERANCE, Wish};
use crate::sampling::probe::Greeting;
use crate::sampling::setup::with_directory;
use crate::workload::Case;
use crate::{Error, Result};
use sandlab_runtime::config::{Layout, Strategy};
use sandlab_runtime::wasm::{Needs, Sandbox};
use sandlab_runtime::{BackendKind, SandboxConfig};
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// A program of which many agents can be started.
pub struct Crowd {
    /// What reports call it.
    pub agent: String,
    component: PathBuf,
    config: SandboxConfig,
    /// What an agent takes of a pool.
    pub needs: Needs,
    /// What each is told.
    pub greeting: Greeting,
    /// Threads that they live on.
    pub shards: usize,
    _directory: Option<TempDir>,
}

/// Agents of which the cost of one is measured, at most; half of them to warm up.
const SAMPLE: u64 = 1_000;

impl Crowd {
    /// Loads a program, and asks one agent what all will be asked.
    ///
    /// # Errors
    /// If it does not start, answers something else than it must, or answers nothing.
    pub fn of(subject: &Subject, config: &SandboxConfig, cases: &[Case]) -> Result<Self> {
        let agent = subject.name();
        let (mut config, directory) = with_directory(config, cases)?;
        config.allocation.strategy = Strategy::OnDemand;
        let sandbox =
            Sandbox::load(&subject.component(), &config).map_err(|source| Error::Load {
                agent: agent.clone(),
                backend: BackendKind::Wasm,
                source,
            })?;
        // What the component turned out to need, and no more: a stack for each slot would
        // take two mappings.
        config.calls = sandbox.calls();
        config.allocation.strategy = Strategy::Pooled;
        Ok(Self {
            greeting: Greeting::of(&agent, &sandbox, cases)?,
            agent,
            component: subject.component(),
            needs: sandbox.needs(),
            config,
            shards: std::thread::available_parallelism().map_or(1, usize::from),
            _directory: directory,
        })
    }

    /// The sandbox config with which so many agents have room.
    pub fn sandbox(&self, layout: Layout, agents: u64) -> SandboxConfig {
        let mut config = self.config.clone();
        let slots = agents.saturating_mul(self.needs.slots().into());
        config.allocation.layout = layout;
        config.allocation.slots = u32::try_from(slots).unwrap_or(u32::MAX);
        config
    }

    /// What one agent costs, of some.
    ///
    /// # Errors
    /// If not even some start and answer.
    pub fn cost(&self, layout: Layout, machine: &Machine) -> Result<Cost> {
        let limit = self.config.memory_limit.as_u64().max(1);
        let held = self.config.grants.directories.len() as u64;
        let by_files = machine.open_files.room().checked_div(held);
        let by_memory = (machine.memory / 4 / limit).max(8);
        let sample = by_memory.min(by_files.unwrap_or(SAMPLE)).min(SAMPLE);
        let readings = self.fill(layout, &[sample / 2, sample], sample)?;
        match readings.as_slice() {
            [
                Filled::Reading(none),
                Filled::Reading(half),
                Filled::Reading(all),
            ] => Ok(Cost::of(none, half, all)),
            other => Err(self.failed(other.last())),
        }
    }

    /// Starts as many as were predicted; and, where the kernel is what bounds them, tries
    /// more, which must be refused.
    ///
    /// # Errors
    /// If they cannot be started at all.
    pub fn verify(
        &self,
        layout: Layout,
        agents: u64,
        wish: &Wish,
        capacity: &Capacity,
    ) -> Result<Verified> {
        let readings = self.fill(layout, &[agents], agents)?;
        let [Filled::Reading(before), Filled::Reading(after)] = readings.as_slice() else {
            return Err(self.failed(readings.last()));
        };
        let is_all = wish.agents.is_none() && capacity.agents() <= MOST_VERIFIED;
        let beyond = if is_all && capacity.bound() != Bound::Memory {
            Some(self.beyond(layout, agents)?)
        } else {
            None
        };
        Ok(Verified {
            before: *before,
            after: *after,
            beyond,
        })
    }

    fn beyond(&self, layout: Layout, agents: u64) -> Result<Beyond> {
        let agents = (agents as f64 * (1.0 + TOLERANCE)).ceil() as u64;
        let readings = self.fill(layout, &[agents], agents)?;
        Ok(Beyond {
            agents,
            refused: match readings.last() {
                Some(Filled::Refused { why } | Filled::Wrong { why }) => Some(why.clone()),
                _ => None,
            },
        })
    }

    /// Runs a process that starts agents.
    fn fill(&self, layout: Layout, readings: &[u64], slots: u64) -> Result<Vec<Filled>> {
        let fill = Fill {
            component: self.component.clone(),
            sandbox: self.sandbox(layout, slots),
            config: self.greeting.config.clone(),
            request: self.greeting.request.clone(),
            replies: self.greeting.replies.clone(),
            readings: readings.to_vec(),
            shards: self.shards,
        };
        let failed = |what: &str, error: &dyn std::fmt::Display| {
            Error::Machine(format!("{what} the process that holds the agents: {error}"))
        };
        let program = std::env::current_exe().map_err(|e| failed("cannot find", &e))?;
        let mut child = Command::new(program)
            .arg("fill")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|e| failed("cannot start", &e))?;
        let told = serde_json::to_vec(&fill).map_err(|e| failed("cannot tell", &e))?;
        if let Some(mut stdin) = child.stdin.take() {
            stdin
                .write_all(&told)
                .map_err(|e| failed("cannot tell", &e))?;
        }
        let mut said = Vec::new();
        for line in child
            .stdout
            .take()
            .map(BufReader::new)
            .into_iter()
            .flat_map(BufRead::lines)
        {
            let line = line.map_err(|e| failed("cannot hear", &e))?;
            said.push(serde_json::from_str(&line).map_err(|e| failed("cannot understand", &e))?);
        }
        let status = child.wait().map_err(|e| failed("cannot end", &e))?;
        if !status.success() {
            said.push(Filled::Refused {
                why: format!("the process that held the agents ended with {status}"),
            });
        }
        Ok(said)
    }

    fn failed(&self, last: Option<&Filled>) -> Error {
        let why = match last {
            Some(Filled::Refused { why } | Filled::Wrong { why }) => why.as_str(),
            Some(Filled::Reading(_)) | None => "it said nothing more",
        };
        Error::Path(format!("{} in a process of its own: {why}", self.agent))
    }
}
