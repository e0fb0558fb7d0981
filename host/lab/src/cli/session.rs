//! From a command to a stored run and its report: what all commands share that measure.

use super::{print, progress};
use crate::bundle::Subject;
use crate::experiments::record::Recorder;
use crate::record::{
    self, Begin, End, Entry, Environment, Measured, Results, RunId, Store, Watch, Writer,
};
use crate::report::{self, Format};
use crate::sampling::interleave::Settings;
use crate::validate::supervise::Observer;
use crate::verdict::{Targets, objections};
use crate::{Error, Kind, Result};
use jiff::Timestamp;
use sandlab_runtime::SandboxConfig;
use std::path::{Path, PathBuf};

/// The options of a command that measures and keeps what it measured.
#[derive(Debug, clap::Args)]
pub struct Session {
    /// The sandbox config, a TOML file.
    #[arg(long, alias = "profile", value_name = "FILE")]
    sandbox: Option<PathBuf>,
    /// What results are graded by, a TOML file.
    #[arg(long, value_name = "FILE")]
    targets: Option<PathBuf>,
    #[command(flatten)]
    keeping: Keeping,
    #[command(flatten)]
    reporting: Reporting,
}

/// Where runs are kept.
#[derive(Debug, clap::Args)]
pub struct Stored {
    /// The file that runs are kept in.
    #[arg(
        long,
        value_name = "FILE",
        env = "SANDLAB_STORE",
        default_value = ".sandlab/results.db"
    )]
    store: PathBuf,
}

impl Stored {
    /// The store, which has to be there.
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

/// Where a run is kept, or that it is not.
#[derive(Debug, clap::Args)]
pub struct Keeping {
    #[command(flatten)]
    stored: Stored,
    /// Keep nothing but the report.
    #[arg(long, env = "SANDLAB_NO_STORE")]
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

/// How a report is written.
#[derive(Debug, clap::Args)]
pub struct Reporting {
    /// How to report.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// Write the report to this file, instead of to standard output.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl Reporting {
    fn require_writable(&self) -> Result<()> {
        self.output
            .as_deref()
            .map_or(Ok(()), record::require_writable)
    }

    /// Writes the report.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write(&self, results: &Results, targets: &Targets) -> Result<()> {
        let render = |colours| report::results::render(results, targets, self.format, colours);
        match &self.output {
            Some(file) => record::write_whole(file, render(false)?.as_bytes()),
            None => print(&render(console::colors_enabled())?),
        }
    }
}

/// What a command is about to measure.
pub struct About<'a> {
    /// What the run is called after.
    pub name: &'a str,
    /// The agents.
    pub subjects: &'a [Subject],
    /// What they are allowed.
    pub sandbox: &'a SandboxConfig,
    /// How cases are measured, if there are any.
    pub settings: Option<Settings>,
    /// How many parts there will be.
    pub parts: usize,
    /// Whether the command fails if something is worse than it may be.
    pub judges: bool,
}

impl Session {
    /// The sandbox config that the user gave, or the default.
    ///
    /// # Errors
    /// If the file cannot be used.
    pub fn sandbox(&self) -> Result<SandboxConfig> {
        match &self.sandbox {
            Some(file) => Ok(SandboxConfig::read(file)?),
            None => Ok(SandboxConfig::default()),
        }
    }

    /// The targets that the user gave, or the standard ones.
    ///
    /// # Errors
    /// If the file cannot be used.
    pub fn targets(&self) -> Result<Targets> {
        targets(self.targets.as_deref())
    }

    /// Takes one step of measuring after another, stores what they find, and reports. A step
    /// that fails keeps the next one from nothing, unless sandlab itself is what failed.
    ///
    /// # Errors
    /// If something cannot be used, fails, or is worse than it may be.
    pub fn run<F>(&self, about: &About, steps: impl IntoIterator<Item = F>) -> Result<()>
    where
        F: FnOnce(&mut dyn Recorder) -> Result<()>,
    {
        self.reporting.require_writable()?;
        let targets = self.targets()?;
        let mut live = Live::begin(self.keeping.open()?, about)?;
        let mut errors = Vec::new();
        for step in steps {
            if live.stopped() {
                break;
            }
            let Err(error) = step(&mut live) else {
                continue;
            };
            let is_broken = error.kind() == Kind::Broken;
            errors.push(error);
            if is_broken {
                break;
            }
        }
        if live.stopped() && errors.is_empty() {
            errors.push(Error::Stopped);
        }
        let (store, run) = live.end(&mut errors);
        let results = store.results(run)?;
        self.reporting.write(&results, &targets)?;
        if !store.is_temporary() {
            let file = store.path().display();
            progress::say(&format!("run {run} in {file} has every sample"));
        }
        let objections = objections(&results, &targets);
        if about.judges && !objections.is_empty() {
            errors.push(Error::Beyond(objections));
        }
        match errors.len() {
            0 => Ok(()),
            1 => Err(errors.remove(0)),
            _ => Err(Error::Several(errors)),
        }
    }
}

/// The targets of a file, or the standard ones.
///
/// # Errors
/// If the file cannot be used.
pub fn targets(file: Option<&Path>) -> Result<Targets> {
    file.map_or_else(|| Ok(Targets::standard()), Targets::read)
}

/// A run that is being measured: into the store and onto the terminal. Nothing of it is
/// kept in memory, where it would look like a leak of what is measured.
struct Live {
    store: Store,
    writer: Writer,
    bar: progress::Bar,
    watch: Watch,
    parts: usize,
}

impl Live {
    fn begin(store: Store, about: &About) -> Result<Self> {
        let agents = about.subjects.iter().map(Measured::of);
        let begin = Begin {
            command: about.name.to_owned(),
            started: Timestamp::now().to_string(),
            environment: Environment::now(),
            settings: about.settings,
            sandbox: about.sandbox.clone(),
            agents: agents.collect::<Result<_>>()?,
        };
        Ok(Self {
            writer: store.begin(&begin)?,
            store,
            bar: progress::Bar::new(about.parts)?,
            watch: Watch::start(),
            parts: 0,
        })
    }

    /// Adds to the errors if not even that can be stored; what was stored before is there.
    fn end(self, errors: &mut Vec<Error>) -> (Store, RunId) {
        let end = End {
            complete: errors.is_empty(),
            noise: self.watch.noise(),
            failures: errors.iter().map(Error::to_string).collect(),
        };
        let run = self.writer.run();
        if let Err(error) = self.store.end(self.writer, &end)
            && errors.is_empty()
        {
            errors.push(error);
        }
        (self.store, run)
    }

    fn begins(&mut self, what: &str) {
        if self.parts > 0 {
            self.bar.done();
        }
        self.parts += 1;
        self.bar.begins(what);
    }
}

impl Recorder for Live {
    fn record(&mut self, entry: Entry) -> Result<()> {
        match &entry {
            Entry::Part(part) => self.begins(&format!(
                "{} on {}, {} agents",
                part.experiment.name(),
                part.backend,
                part.agents
            )),
            Entry::Case(case) => self.begins(&case.agent),
            Entry::Window(interval) => self.bar.shows(&format!(
                "{}, {} good/s, {} waiting",
                interval.phase.name(),
                interval.rate().round(),
                interval.backlog
            )),
            _ => {}
        }
        self.store.write(&mut self.writer, &entry)
    }

    fn stopped(&self) -> bool {
        self.bar.stopped()
    }
}
