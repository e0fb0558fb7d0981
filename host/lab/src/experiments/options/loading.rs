//! What all experiments on the message path have in common: where their agents run, and the
//! way from a subject to a program per backend.

use crate::Result;
use crate::bundle::{self, Subject};
use crate::experiments::{Given, Plan, Step};
use crate::sampling::fleet::beside_generator;
use crate::sampling::program::{Program, programs};
use crate::sampling::recorder::Recorder;
use sandlab_runtime::BackendKind;
use std::rc::Rc;

/// Where agents run under a load.
#[derive(Debug, clap::Args)]
pub struct Loading {
    /// Where to run the agents, one backend after another.
    #[arg(long, value_delimiter = ',', value_name = "BACKEND")]
    backends: Vec<BackendKind>,
    /// Threads that the agents live on; without it, one core is left to the generator.
    #[arg(long, value_parser = clap::value_parser!(u8).range(1..254))]
    shards: Option<u8>,
}

/// What is loaded on each backend.
pub struct Load<'a> {
    /// The name of the run.
    pub name: &'a str,
    /// The agent, as the user named it.
    pub subject: &'a str,
    /// The backends, if the user does not say.
    pub backends: &'a [BackendKind],
    /// The most agents at once.
    pub agents: usize,
    /// The number of parts per backend.
    pub parts: usize,
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

    /// Prepares a run that does the same on each backend.
    ///
    /// # Errors
    /// If the subject is not found, or does not load on a backend.
    pub fn plan<'a>(
        &self,
        load: &Load,
        given: &Given,
        measure: impl Fn(&Program, &mut dyn Recorder) -> Result<()> + 'a,
    ) -> Result<Plan<'a>> {
        let subject = bundle::find(load.subject, &mut |step: &str| (given.say)(step))?;
        let backends = self.backends(load.backends, &subject);
        let programs = programs(&subject, &backends, load.agents, &given.sandbox)?;
        let parts = load.parts * programs.len();
        let measure = Rc::new(measure);
        let steps = programs.into_iter().map(|program| {
            let measure = measure.clone();
            Box::new(move |to: &mut dyn Recorder| measure(&program, to)) as Step
        });
        Ok(Plan {
            name: load.name.to_owned(),
            subjects: vec![subject],
            settings: None,
            parts,
            judges: true,
            steps: steps.collect(),
        })
    }

    /// Returns the backends that were asked for. Without a twin, those that need one are left
    /// out, unless nothing is left.
    fn backends(&self, otherwise: &[BackendKind], subject: &Subject) -> Vec<BackendKind> {
        let mut backends = match self.backends.as_slice() {
            [] => otherwise.to_vec(),
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
