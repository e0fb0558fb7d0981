//! What all commands that load the message path have in common: their options, and the way
//! from a subject to its programs.

use super::progress;
use super::session::{About, Session};
use crate::Result;
use crate::bundle::{self, Subject};
use crate::experiments::load::Program;
use crate::experiments::record::Recorder;
use crate::sampling::backends;
use sandlab_runtime::{BackendKind, SandboxConfig};
use std::slice;
use std::time::Duration;

#[derive(Debug, clap::Args)]
pub struct Loading {
    /// Where to run the agents, one after another.
    #[arg(long, value_delimiter = ',', value_name = "BACKEND")]
    backends: Vec<BackendKind>,
    /// Threads that the agents live on; without it, one core is left to the generator.
    #[arg(long, value_parser = clap::value_parser!(u8).range(1..254))]
    shards: Option<u8>,
    #[command(flatten)]
    session: Session,
}

/// What a command wants to measure on each backend.
pub struct Plan<'a> {
    /// What the run is called after.
    pub name: &'a str,
    /// The agent.
    pub subject: &'a str,
    /// Where to run it, if the user does not say.
    pub backends: &'a [BackendKind],
    /// The most agents at once.
    pub agents: usize,
    /// How many parts there are on each backend.
    pub parts: usize,
    /// Whether the command fails if something is worse than it may be.
    pub judges: bool,
}

impl Loading {
    /// Threads that the agents live on, beside a generator.
    pub fn shards(&self) -> usize {
        let beside = crate::sampling::fleet::beside_generator();
        self.shards.map_or(beside, usize::from)
    }

    /// Threads that the agents live on, if no generator needs a core.
    pub fn all_shards(&self) -> usize {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        self.shards.map_or(cores, usize::from)
    }

    /// Measures on each backend, stores it, and reports.
    ///
    /// # Errors
    /// If something cannot be used, fails, or is worse than it may be.
    pub fn run(
        &self,
        plan: &Plan,
        measure: impl Fn(&Program, &mut dyn Recorder) -> Result<()>,
    ) -> Result<()> {
        let subject = bundle::find(plan.subject, &mut progress::say)?;
        let sandbox = self.session.sandbox()?;
        let backends = self.backends(plan, &subject);
        let programs = programs(&subject, &backends, plan.agents, &sandbox)?;
        let about = About {
            name: plan.name,
            subjects: slice::from_ref(&subject),
            sandbox: &sandbox,
            settings: None,
            parts: plan.parts * programs.len(),
            judges: plan.judges,
        };
        let measure = &measure;
        let steps = programs
            .iter()
            .map(|program| move |to: &mut dyn Recorder| measure(program, to));
        self.session.run(&about, steps)
    }

    /// Those that were asked for. Without a twin, those that need one are left out, unless
    /// nothing is left.
    fn backends(&self, plan: &Plan, subject: &Subject) -> Vec<BackendKind> {
        let mut backends = match self.backends.as_slice() {
            [] => plan.backends.to_vec(),
            asked => asked.to_vec(),
        };
        backends.sort_unstable();
        backends.dedup();
        if self.backends.is_empty() && subject.twin().is_none() {
            backends.retain(|kind| *kind == BackendKind::Wasm);
        }
        backends
    }
}

/// An agent on each of these backends, with room for so many instances at once.
///
/// # Errors
/// If it does not load there.
pub fn programs(
    subject: &Subject,
    backends: &[BackendKind],
    agents: usize,
    sandbox: &SandboxConfig,
) -> Result<Vec<Program>> {
    let mut sandbox = sandbox.clone();
    // And one that is called alone.
    let slots = agents as u32 + 1;
    sandbox.allocation.slots = sandbox.allocation.slots.max(slots);
    let load = |kind: &BackendKind| {
        Ok(Program {
            agent: subject.name(),
            backend: *kind,
            start: backends::backend(subject, *kind, &sandbox)?,
        })
    };
    backends.iter().map(load).collect()
}

/// A duration on the command line, of at least 10 ms.
///
/// # Errors
/// If it is none.
pub fn duration(text: &str) -> Result<Duration, String> {
    let duration = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    if duration < Duration::from_millis(10) {
        return Err("at least 10ms".to_owned());
    }
    Ok(duration)
}

/// A duration on the command line, which can be zero.
///
/// # Errors
/// If it is none.
pub fn any_duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text).map_err(|error| error.to_string())
}

/// Messages a second on the command line.
///
/// # Errors
/// If it is no positive number.
pub fn rate(text: &str) -> Result<f64, String> {
    let rate: f64 = text.replace('_', "").parse().map_err(|_| "not a number")?;
    if (0.1..=1e9).contains(&rate) {
        return Ok(rate);
    }
    Err("a rate is between 0.1 and 1,000,000,000 messages a second".to_owned())
}
