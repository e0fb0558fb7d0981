//! `sandlab memory`

use super::{LimitedAgent, Search, sweep, tune};
use crate::Result;
use crate::bundle::Subject;
use crate::experiments::options::{Messages, any_duration, memory_limit, times, whole};
use crate::experiments::{Given, Plan, Step};
use crate::sampling::recorder::Recorder;
use sandlab_runtime::BackendKind;
use std::rc::Rc;
use std::time::Duration;

/// The subjects, and the limits that they are put under.
#[derive(Debug, clap::Args)]
pub struct Parameters {
    /// Names of built agents, folders of bundles or crates, components or core modules.
    #[arg(value_name = "AGENT|BUNDLE|FILE.wasm", required = true)]
    subjects: Vec<String>,
    /// The limits, one after another, with their units: 10MB has 10,000,000 bytes, 10MiB
    /// 10,485,760.
    #[arg(long, value_delimiter = ',', value_name = "SIZE", default_value = "1MB,10MB,100MB,1000MB", value_parser = memory_limit)]
    limits: Vec<u64>,
    /// Backends to run the agents on; all of them, if there are twins.
    #[arg(long, value_delimiter = ',', value_name = "BACKEND", conflicts_with = "tune")]
    backends: Vec<BackendKind>,
    /// Search for the smallest limit that the workload needs in the sandbox, and recommend one.
    #[arg(long, conflicts_with = "limits")]
    tune: bool,
    /// With --tune: headroom to add to the smallest limit, percent.
    #[arg(long, default_value_t = 25, value_name = "PERCENT", requires = "tune", value_parser = whole::<u32>(0..=1000))]
    headroom: u32,
    /// With --tune: tries of each limit.
    #[arg(long, default_value_t = 3, requires = "tune", value_parser = times())]
    repeats: u32,
    /// With --tune: passes of the workload over each instance, at least, with every reply checked.
    #[arg(long, default_value_t = 3, requires = "tune", value_parser = whole::<u64>(1..=1_000_000))]
    passes: u64,
    /// With --tune: how long to send each series with plenty of memory, at most, to see whether
    /// memory stops growing.
    #[arg(long, default_value = "10s", value_name = "TIME", requires = "tune", value_parser = any_duration)]
    soak: Duration,
    #[command(flatten)]
    messages: Messages,
}

impl Parameters {
    pub(super) fn plan<'a>(&self, given: &Given) -> Result<Plan<'a>> {
        let (mut subjects, mut agents) = (Vec::new(), Vec::new());
        for name in &self.subjects {
            subjects.extend(self.messages.find_each(name, given)?);
        }
        for subject in &subjects {
            let cases: Rc<[_]> = self.messages.cases(subject)?.into();
            for backend in self.backends(subject) {
                let agent = LimitedAgent::new(subject, backend, &given.sandbox, cases.clone())?;
                agents.push(agent);
            }
        }
        let mut limits = self.limits.clone();
        limits.sort_unstable();
        limits.dedup();
        let search = Search {
            repeats: self.repeats,
            passes: self.passes,
            soak: self.soak,
            headroom: self.headroom,
        };
        let (name, parts) = match self.tune {
            true => ("tuning", agents.len()),
            false => ("memory", agents.len() * limits.len()),
        };
        let (tunes, limits) = (self.tune, Rc::new(limits));
        let steps = agents.into_iter().map(|agent| {
            let limits = limits.clone();
            Box::new(move |to: &mut dyn Recorder| match tunes {
                true => tune(&agent, &search, to),
                false => sweep(&agent, &limits, to),
            }) as Step
        });
        Ok(Plan {
            name: name.to_owned(),
            subjects,
            settings: None,
            parts,
            expected: None,
            judges: tunes,
            samples_stacks: false,
            steps: steps.collect(),
        })
    }

    /// Returns the requested backends, each once; by default those that the subject can run on.
    fn backends(&self, subject: &Subject) -> Vec<BackendKind> {
        let mut backends = match self.backends.as_slice() {
            _ if self.tune => vec![BackendKind::Wasm],
            [] if subject.twin().is_none() => vec![BackendKind::Wasm],
            [] => BackendKind::ALL.to_vec(),
            asked => asked.to_vec(),
        };
        backends.sort_unstable();
        backends.dedup();
        backends
    }
}
