//! Options that all experiments on the message path share: the messages, the backends and threads
//! of the agents, and the way from a subject to a program per backend.

use super::{At, Messages, Workers, whole};
use crate::bundle::Subject;
use crate::experiments::{Given, Plan, Step};
use crate::sampling::fleet::beside_generator;
use crate::sampling::program::{Program, programs};
use crate::sampling::recipe::Recipe;
use crate::sampling::recorder::Recorder;
use crate::sampling::traffic::Traffic;
use crate::workload::Case;
use crate::{Error, Result};
use sandlab_runtime::BackendKind;
use std::rc::Rc;
use std::time::Duration;

/// The messages of agents under load, and the backends that run them.
#[derive(Debug, clap::Args)]
pub struct Loading {
    #[command(flatten)]
    messages: Messages,
    /// Backends to run the agents on, one after another.
    #[arg(long, value_delimiter = ',', value_name = "BACKEND")]
    backends: Vec<BackendKind>,
    /// Threads that the agents live on; without it, one core is left to the generator.
    #[arg(long, value_parser = whole::<u8>(1..=253))]
    shards: Option<u8>,
}

/// The load of each backend.
pub struct Load<'a> {
    /// The name of the run.
    pub name: &'a str,
    /// The agent, as the user named it.
    pub subject: &'a str,
    /// The default backends.
    pub backends: &'a [BackendKind],
    /// The most agents at once.
    pub agents: usize,
    /// The number of parts per backend.
    pub parts: usize,
    /// The time of one part; zero if it is not known.
    pub each: Duration,
    /// Whether the agents are sent messages.
    pub sends: bool,
    /// The sizes of generated messages, bytes, one after another; empty for the default.
    pub sizes: &'a [u32],
    /// The place where the agent may be deployed; `None` if it has to run in this process.
    pub at: Option<&'a At>,
    /// The workers that may send the messages to a deployed agent; `None` if they have to come from
    /// this process.
    pub workers: Option<&'a Workers>,
}

impl Loading {
    /// Returns the threads that the agents live on, beside a generator.
    pub fn shards(&self) -> usize {
        self.shards.map_or_else(beside_generator, usize::from)
    }

    /// Returns the threads that the agents live on, if no generator needs a core.
    pub fn all_shards(&self) -> usize {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        self.shards.map_or(cores, usize::from)
    }

    /// Returns the messages that the user named, or else the subject's own.
    ///
    /// # Errors
    /// As [`Messages::cases`].
    pub fn cases(&self, subject: &Subject) -> Result<Vec<Case>> {
        self.messages.cases(subject)
    }

    /// Prepares a run that does the same on each backend, with messages of each size.
    ///
    /// # Errors
    /// If the subject is not found, or does not load on a backend.
    pub fn plan<'a>(
        &self,
        load: &Load,
        given: &Given,
        measure: impl Fn(&Program, &mut dyn Recorder) -> Result<()> + 'a,
    ) -> Result<Plan<'a>> {
        if let Some(at) = load.at.filter(|at| at.is_given()) {
            return self.plan_at(at, load, given, measure);
        }
        let subject = self.messages.find(load.subject, given)?;
        let backends = self.backends(load.backends, &subject);
        let (traffic, config) = match load.sends {
            true => self.messages.traffic(&subject, load.sizes.first().copied())?,
            false => (Traffic::Echo { size: 0 }, self.messages.config(&subject)?),
        };
        let mut traffics = vec![traffic];
        for size in load.sizes.iter().skip(1) {
            traffics.push(self.messages.traffic(&subject, Some(*size))?.0);
        }
        let first = &traffics[0];
        let programs = programs(&subject, &backends, load.agents, &given.sandbox, first, &config)?;
        let programs = programs.iter().flat_map(|program| {
            let sent = traffics.iter().cloned();
            sent.map(|traffic| program.sending(traffic))
        });
        Ok(steps(load, vec![subject], programs.collect(), measure))
    }

    /// Prepares a run that does the same with an agent that is deployed elsewhere.
    fn plan_at<'a>(
        &self,
        at: &At,
        load: &Load,
        given: &Given,
        measure: impl Fn(&Program, &mut dyn Recorder) -> Result<()> + 'a,
    ) -> Result<Plan<'a>> {
        if let Some(kind) = self.backends.first() {
            return Err(Error::Usage(format!(
                "what runs at a target is for its host to say: leave `--backends {kind}` out"
            )));
        }
        let (targets, hosts) = at.targets()?;
        let agent = targets.first().map_or("", |target| &target.agent);
        let sizes: Vec<_> = match load.sizes {
            [] => vec![None],
            sizes => sizes.iter().copied().map(Some).collect(),
        };
        let recipes = sizes.into_iter().map(|size| self.messages.recipe_of(agent, size));
        let recipes = recipes.collect::<Result<Vec<_>>>()?;
        let made = |recipe: &Recipe| Ok((recipe.clone(), recipe.traffic()?));
        let made = recipes.iter().map(made).collect::<Result<Vec<_>>>()?;
        let timeout = given.sandbox.deadline;
        let program = Program::deployed(targets, hosts, timeout, &made[0].1)?;
        let programs = made.into_iter().map(|(recipe, traffic)| {
            let hiring = load.workers.and_then(|workers| workers.hiring(at, recipe, timeout));
            program.sending(traffic).sent_by(hiring)
        });
        Ok(steps(load, Vec::new(), programs.collect(), measure))
    }

    /// Returns the requested backends; by default those of `otherwise` that the subject can run on.
    fn backends(&self, otherwise: &[BackendKind], subject: &Subject) -> Vec<BackendKind> {
        let mut backends = match self.backends.as_slice() {
            [] => otherwise.to_vec(),
            asked => asked.to_vec(),
        };
        backends.sort_unstable();
        backends.dedup();
        if self.backends.is_empty() {
            backends.retain(|kind| match kind {
                BackendKind::Wasm => true,
                BackendKind::Native => subject.has_native(),
                BackendKind::Process => subject.twin().is_some(),
                BackendKind::Deployed => false,
            });
        }
        backends
    }
}

/// Returns a run that measures each of these programs.
fn steps<'a>(
    load: &Load,
    subjects: Vec<Subject>,
    programs: Vec<Program>,
    measure: impl Fn(&Program, &mut dyn Recorder) -> Result<()> + 'a,
) -> Plan<'a> {
    let measure = Rc::new(measure);
    let parts = load.parts * programs.len();
    let steps = programs.into_iter().map(|program| {
        let measure = measure.clone();
        Box::new(move |to: &mut dyn Recorder| {
            program.notes.iter().try_for_each(|note| to.note(note))?;
            program.measure(to, |to| measure(&program, to))
        }) as Step
    });
    Plan {
        name: load.name.to_owned(),
        subjects,
        settings: None,
        parts,
        expected: Some(load.each * u32::try_from(parts).unwrap_or(u32::MAX))
            .filter(|all| !all.is_zero()),
        judges: true,
        samples_stacks: false,
        steps: steps.collect(),
    }
}
