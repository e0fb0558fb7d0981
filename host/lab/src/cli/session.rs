//! Sessions: the steps from a command to a stored run and its report, for all commands that
//! measure.

use super::live::Live;
use super::progress;
use super::reporting::Reporting;
use super::resume;
use crate::experiments::{self, Experiment, Given, Plan, Resumed, Step};
use crate::metrics::shared::LATENCY_P99;
use crate::project;
use crate::record::{RunId, Store};
use crate::report::RunReport;
use crate::sampling::open_loop::DEADLINE;
use crate::sampling::recorder::Recorder;
use crate::verdict::{Known, Targets};
use crate::{Error, Kind, Result};
use sandlab_runtime::SandboxConfig;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The options of a command that measures, stores and reports. All are global, so that they can
/// follow the subcommand of a command such as `load burst`.
#[derive(Debug, clap::Args)]
pub struct Session {
    #[command(flatten)]
    recording: Recording,
    /// Targets that grade the results, a TOML file.
    #[arg(long, value_name = "FILE", global = true)]
    targets: Option<PathBuf>,
    #[command(flatten)]
    reporting: Reporting,
}

/// The options of every command that measures: the sandbox of agents, and the store of the run.
#[derive(Debug, clap::Args)]
pub struct Recording {
    /// The sandbox config, a TOML file.
    #[arg(long, alias = "profile", value_name = "FILE", global = true)]
    sandbox: Option<PathBuf>,
    /// Run components that need component-model async (WASI 0.3), as `async-components` under
    /// [engine] of a sandbox config does.
    #[arg(long, global = true)]
    async_components: bool,
    #[command(flatten)]
    keeping: Keeping,
}

/// The store: one SQLite file, which is created with the first run that is kept.
#[derive(Debug, clap::Args)]
pub struct Stored {
    /// The file that runs are kept in.
    #[arg(
        long,
        value_name = "FILE",
        env = "SANDLAB_STORE",
        global = true,
        default_value = ".sandlab/results.db"
    )]
    store: PathBuf,
}

impl Stored {
    /// The store, to read it; it has to be there, and may be read-only.
    ///
    /// # Errors
    /// If it is not, or cannot be read.
    pub fn reading(&self) -> Result<Store> {
        Store::reading(&self.store)
    }

    /// The store, to change it; it has to be there.
    ///
    /// # Errors
    /// If it is not, or cannot be used.
    pub fn existing(&self) -> Result<Store> {
        Store::existing(&self.store)
    }

    /// The store, which is made if it is not there.
    ///
    /// # Errors
    /// If it cannot be used.
    pub fn open(&self) -> Result<Store> {
        Store::open(&self.store)
    }
}

/// The store of a run, or none.
#[derive(Debug, clap::Args)]
pub struct Keeping {
    #[command(flatten)]
    stored: Stored,
    /// Do not store the run.
    #[arg(long, env = "SANDLAB_NO_STORE", global = true)]
    no_store: bool,
}

impl Keeping {
    fn open(&self) -> Result<Store> {
        match self.no_store {
            true => Store::temporary(),
            false => self.stored.open(),
        }
    }
}

impl Session {
    /// Measures what an experiment plans.
    ///
    /// # Errors
    /// If the parameters cannot be used, a step fails, or a result misses its target.
    pub fn measure<E: Experiment>(&self, parameters: &E::Parameters) -> Result<()> {
        if let Some(wanted) = E::resumes(parameters) {
            return self.resume::<E>(wanted);
        }
        let given = self.given()?;
        self.run(&given, E::plan(parameters, &given)?)
    }

    /// Returns the inputs of every experiment.
    ///
    /// # Errors
    /// If the sandbox config or the targets cannot be used.
    pub fn given(&self) -> Result<Given<'static>> {
        let targets = targets(self.targets.as_deref())?;
        // Whoever waits ten times what is critical has given up.
        let deadline = targets.critical(&LATENCY_P99).map(|ns| Duration::from_secs_f64(ns / 1e8));
        let given = self.recording.given()?;
        Ok(Given { deadline: deadline.unwrap_or(given.deadline), ..given })
    }

    /// Runs a plan, stores its results, and reports them.
    ///
    /// # Errors
    /// If a step fails, or a result misses its target.
    pub fn run(&self, given: &Given, plan: Plan) -> Result<()> {
        self.reporting.require_writable()?;
        self.reporting.require_samples(&plan)?;
        let targets = targets(self.targets.as_deref())?;
        self.show(self.recording.measure(given, plan)?, &targets)
    }

    /// Continues a stored run, and reports all of it.
    ///
    /// # Errors
    /// If it cannot be resumed, a step fails, or a result misses its target.
    fn resume<E: Experiment>(&self, wanted: Resumed) -> Result<()> {
        self.reporting.require_writable()?;
        let store = self.recording.existing()?;
        let id = store.find(wanted.run)?;
        let run = store.run(id)?;
        let typed = resume::typed::<E>(id, &run, wanted.name)?;
        let targets = targets(self.targets.as_deref().or(typed.session.targets.as_deref()))?;
        let given = typed.session.given()?;
        let plan = E::plan(&typed.parameters, &given)?;
        self.reporting.require_samples(&plan)?;
        let live = Live::resume(store, id, run, &given, &plan)?;
        self.show(take(live, plan.steps)?, &targets)
    }

    fn show(&self, mut measured: Measured, targets: &Targets) -> Result<()> {
        let report = measured.report(targets)?;
        self.reporting.write(&report, || measured.store.document(measured.id))?;
        self.reporting.say_answers(&report);
        measured.say_where(!report.view.answers.is_empty());
        self.reporting.say_page();
        measured.errors.extend(report.verdict(&measured.errors).err());
        measured.result()
    }
}

impl Recording {
    /// Returns the inputs of every experiment.
    ///
    /// # Errors
    /// If the sandbox config cannot be used.
    pub fn given(&self) -> Result<Given<'static>> {
        let file = project::given_or(self.sandbox.clone(), |project| project.sandbox)?;
        let sandbox = file.as_deref().map(SandboxConfig::read);
        let mut sandbox = sandbox.transpose()?.unwrap_or_default();
        sandbox.engine.async_components |= self.async_components;
        Ok(Given { sandbox, deadline: DEADLINE, say: &progress::say })
    }

    /// Returns the store, which has to be there.
    ///
    /// # Errors
    /// If it is not, or cannot be used.
    pub fn existing(&self) -> Result<Store> {
        self.keeping.stored.existing()
    }

    /// Returns the store, to read it: also one that this user cannot write.
    ///
    /// # Errors
    /// If there is none, or it cannot be read.
    pub fn reading(&self) -> Result<Store> {
        self.keeping.stored.reading()
    }

    /// Runs one step after another, and stores their results. If a step fails, the others are still
    /// done, unless the failure is sandlab's own.
    ///
    /// # Errors
    /// If the store cannot be written, or nothing could be measured with what was typed; all other
    /// errors of the steps are in the returned value.
    pub fn measure(&self, given: &Given, plan: Plan) -> Result<Measured> {
        let live = Live::begin(self.keeping.open()?, given, &plan)?;
        take(live, plan.steps)
    }
}

fn take(mut live: Live, steps: Vec<Step>) -> Result<Measured> {
    let mut errors = Vec::new();
    for step in steps {
        if live.stopped() {
            break;
        }
        let done = step(&mut live);
        let Err(error) = live.part_ends().and(done) else {
            continue;
        };
        let is_internal = error.kind() == Kind::Internal;
        errors.push(error.in_part(live.part_name()));
        if is_internal {
            break;
        }
    }
    if live.stopped() && errors.is_empty() {
        errors.push(Error::Stopped);
    }
    let is_misused = !errors.is_empty() && errors.iter().all(|error| error.kind() == Kind::Usage);
    let is_void = live.is_empty() && is_misused;
    let (store, id) = live.end(&mut errors);
    if is_void {
        // Only the command line is to be mended, which the error says.
        store.delete(id)?;
        return Err(Error::of(errors));
    }
    Ok(Measured { store, id, errors })
}

/// A run that was measured and stored.
pub struct Measured {
    /// The store that it is in.
    pub store: Store,
    /// Its number there.
    pub id: RunId,
    /// The errors of steps that could not be measured; empty if all were.
    pub errors: Vec<Error>,
}

impl Measured {
    /// Returns its report.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn report(&self, targets: &Targets) -> Result<RunReport> {
        let run = self.store.run(self.id)?;
        let view = experiments::view(&run);
        Ok(RunReport::new(self.kept(), run, view, targets))
    }

    /// Returns its number, by which others can ask for it; `None` if it is not kept.
    pub fn kept(&self) -> Option<RunId> {
        (!self.store.is_temporary()).then_some(self.id)
    }

    /// Tells a person where it is kept, and how much of it, if anything was measured.
    pub fn say_where(&self, has_results: bool) {
        let Some(id) = self.kept() else {
            return;
        };
        let file = self.store.path().display();
        let lost = self.errors.iter().any(|error| matches!(error, Error::Store { .. }));
        progress::say(&match (lost, has_results) {
            (true, _) => format!("run {id} in {file} has what could be stored"),
            (false, true) => format!("run {id} in {file} has every sample"),
            (false, false) => format!("run {id} in {file} says why nothing was measured"),
        });
    }

    /// Returns all errors as one.
    ///
    /// # Errors
    /// If there are any.
    pub fn result(self) -> Result<()> {
        match self.errors.is_empty() {
            true => Ok(()),
            false => Err(Error::of(self.errors)),
        }
    }
}

/// The targets of a file, or the standard ones.
///
/// # Errors
/// If the file cannot be used.
pub fn targets(file: Option<&Path>) -> Result<Targets> {
    let known = Known {
        quantities: &experiments::catalogue(),
        backends: &experiments::backends(),
        experiments: &experiments::kinds(),
    };
    match project::given_or(file.map(Path::to_owned), |project| project.targets)? {
        Some(file) => Targets::read(&file, known),
        None => {
            let parsed = Targets::parse(&experiments::standard_targets(), known);
            Ok(parsed.unwrap_or_else(|error| unreachable!("a test reads them: {error}")))
        }
    }
}
