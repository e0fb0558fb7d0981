//! The experiments, one folder each: parameters, measurement, findings and presentation.
//!
//! An experiment is an [`Experiment`] and one line in `registry.rs`, which generates its
//! command, the way from a stored run to its [`View`], and its part of the published schema.
//! See CONTRIBUTING.md for the recipe.

mod answers;
pub mod by_hand;
mod closed_loops;
mod notes;
mod open_loops;
pub mod options;
pub mod quick;
mod registry;
mod schema;

pub(crate) use registry::registry;
pub use registry::*;
pub use schema::{check, run_schema};

use crate::Result;
use crate::bundle::Subject;
use crate::metrics::{Labels, Quantity};
use crate::record::{Finding, Part, RoundSettings, RunPart};
use crate::sampling::backends::PORTABLE;
use crate::sampling::recorder::Recorder;
use crate::view::View;
use sandlab_runtime::{BackendKind, SandboxConfig};
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::ops::Deref;
use std::time::Duration;

macro_rules! modules {
    ($($module:ident $name:ident $help:literal $(, $option:ident = $value:literal)?;)+
     $(@own $own:ident $own_name:ident;)+) => {
        $(pub mod $module;)+
        $(pub mod $own;)+
    };
}
registry!(modules);

/// Something that can be measured.
pub trait Experiment {
    /// Its parameters, which are its options on the command line.
    type Parameters: clap::Args + std::fmt::Debug;

    /// Its findings besides windows and rounds: an enum that names its variants in the field
    /// `finding`.
    type Found: Serialize + DeserializeOwned + JsonSchema;

    /// The kinds of parts that it measures, as in [`crate::record::Part::experiment`].
    const KINDS: &'static [&'static str];

    /// The quantities that it alone measures.
    const QUANTITIES: &'static [&'static Quantity] = &[];

    /// Targets for its results besides sandlab's own: TOML as in `verdict/targets.toml`.
    const TARGETS: &'static str = "";

    /// Prepares a run: loads the subjects, and describes the steps.
    ///
    /// # Errors
    /// If the parameters cannot be used, or a subject does not load.
    fn plan<'a>(parameters: &'a Self::Parameters, given: &'a Given) -> Result<Plan<'a>>;

    /// Returns the run that these parameters ask to resume; `None` if they ask for a new one.
    fn resumes(_parameters: &Self::Parameters) -> Option<Resumed<'_>> {
        None
    }

    /// Shows its parts of a run.
    fn show(parts: &[Shown<Self::Found>], to: &mut View);
}

/// A stored run that was interrupted, and is to go on.
#[derive(Debug, Clone, Copy)]
pub struct Resumed<'a> {
    /// The run: its number, `last`, or the name of a baseline.
    pub run: &'a str,
    /// The name that runs of this kind have in lists.
    pub name: &'static str,
}

/// The inputs of every experiment besides its own parameters.
pub struct Given<'a> {
    /// The sandbox's settings, by default or from `--sandbox`.
    pub sandbox: SandboxConfig,
    /// The longest time between a message's due time and a reply that still counts as good, by the
    /// targets.
    pub deadline: Duration,
    /// Tells a person of progress before anything is measured.
    pub say: &'a dyn Fn(&str),
}

/// A run that is about to be measured.
pub struct Plan<'a> {
    /// The name of the run in lists: `latency`, `peak`.
    pub name: String,
    /// The agents that are measured.
    pub subjects: Vec<Subject>,
    /// Settings of the interleaved rounds; `None` if there are none.
    pub settings: Option<RoundSettings>,
    /// The number of parts, for the progress bar.
    pub parts: usize,
    /// Time of all parts together, without repetitions; `None` if it is not known before.
    pub expected: Option<Duration>,
    /// Whether the command fails if a result misses its target.
    pub judges: bool,
    /// Whether stacks of guests are sampled, as `--format firefox` needs.
    pub samples_stacks: bool,
    /// The steps in order. If one fails, the others are still done, unless the failure is sandlab's
    /// own.
    pub steps: Vec<Step<'a>>,
}

/// One step of a run.
pub type Step<'a> = Box<dyn FnOnce(&mut dyn Recorder) -> Result<()> + 'a>;

/// A part of a run with its findings, as its experiment shows it.
pub struct Shown<'a, F> {
    measured: &'a RunPart,
    /// The experiment's own findings, in order.
    pub found: Vec<F>,
}

impl<'a, F: DeserializeOwned> Shown<'a, F> {
    /// Reads the findings of a part.
    pub fn new(part: &'a RunPart) -> Self {
        Self { found: part.findings.iter().filter_map(Finding::read).collect(), measured: part }
    }
}

impl<F> Deref for Shown<'_, F> {
    type Target = RunPart;

    fn deref(&self) -> &RunPart {
        self.measured
    }
}

/// Returns the names that the backend of a metric can have: those of backends, and of what stands
/// beside them in a comparison or a start.
pub fn backends() -> Vec<&'static str> {
    let here = BackendKind::ALL.into_iter().chain([BackendKind::Deployed]);
    here.map(BackendKind::name).chain([PORTABLE, spawn::THREAD]).collect()
}

/// Returns the labels of a part's metrics: its kind, agent, messages, number of agents, rate, and
/// backend. Messages of a workload file are labelled with its name and digest as well.
pub(crate) fn labels(part: &Part) -> Labels {
    Labels::new()
        .with("experiment", &part.experiment)
        .with("agent", &part.agent)
        .with_some("size", part.bytes())
        .with_some("workload", part.mix.as_ref().map(|mix| &mix.source))
        .with("agents", part.agents)
        .with_some("rate", part.rate)
        .with_some("backend", part.backend)
}
