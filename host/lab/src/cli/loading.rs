//! What all commands that load the message path have in common: their options, and the way
//! from a subject to a report.

use super::{print, progress};
use crate::bundle::{self, Subject};
use crate::experiment::compare;
use crate::experiment::load::{Program, Recorder};
use crate::report::{self, Format};
use crate::results::{
    self, Begin, End, Entry, Environment, JOURNAL, Journal, Measured, Results, Watch,
};
use crate::suite::Observer;
use crate::verdict::{Targets, objections};
use crate::{Error, Kind, Result};
use jiff::Timestamp;
use sandlab_runtime::{BackendKind, Profile};
use std::path::PathBuf;
use std::time::Duration;

#[derive(Debug, clap::Args)]
pub struct Loading {
    /// Where to run the agents, one after another.
    #[arg(long, value_delimiter = ',', value_name = "BACKEND")]
    backends: Vec<BackendKind>,
    /// Threads that the agents live on; without it, one core is left to the generator.
    #[arg(long, value_parser = clap::value_parser!(u8).range(1..254))]
    shards: Option<u8>,
    /// The sandbox profile, a TOML file.
    #[arg(long, value_name = "FILE")]
    profile: Option<PathBuf>,
    /// What results are graded by, a TOML file.
    #[arg(long, value_name = "FILE")]
    targets: Option<PathBuf>,
    /// Where journals are kept.
    #[arg(long, value_name = "DIR", default_value = "runs")]
    runs: PathBuf,
    #[command(flatten)]
    reporting: Reporting,
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
            .map_or(Ok(()), results::require_writable)
    }

    /// Writes the report.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write(&self, results: &Results, targets: &Targets) -> Result<()> {
        let render = |colours| report::load::render(results, targets, self.format, colours);
        match &self.output {
            Some(file) => results::write_whole(file, render(false)?.as_bytes()),
            None => print(&render(console::colors_enabled())?),
        }
    }
}

/// What a command wants to measure on each backend.
pub struct Plan<'a> {
    /// What the journal is called after.
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
    /// What nobody typed: the standard targets, and a report for a person.
    pub fn quick(backends: Vec<BackendKind>, profile: Option<PathBuf>, runs: PathBuf) -> Self {
        Self {
            backends,
            shards: None,
            profile,
            targets: None,
            runs,
            reporting: Reporting {
                format: Format::Text,
                output: None,
            },
        }
    }

    /// Threads that the agents live on, beside a generator.
    pub fn shards(&self) -> usize {
        let beside = crate::experiment::fleet::beside_generator();
        self.shards.map_or(beside, usize::from)
    }

    /// Threads that the agents live on, if no generator needs a core.
    pub fn all_shards(&self) -> usize {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        self.shards.map_or(cores, usize::from)
    }

    /// The targets that the user gave, or the standard ones.
    ///
    /// # Errors
    /// If the file cannot be used.
    pub fn targets(&self) -> Result<Targets> {
        targets(self.targets.as_deref())
    }

    /// Measures on each backend, writes the journal, and reports.
    ///
    /// # Errors
    /// If something cannot be used, fails, or is worse than it may be.
    pub fn run(
        &self,
        plan: &Plan,
        measure: impl Fn(&Program, &mut dyn Recorder) -> Result<()>,
    ) -> Result<()> {
        self.reporting.require_writable()?;
        let targets = self.targets()?;
        let subject = bundle::find(plan.subject, &mut progress::say)?;
        let mut profile = match &self.profile {
            Some(file) => Profile::read(file)?,
            None => Profile::default(),
        };
        // And one that is called alone.
        let slots = plan.agents as u32 + 1;
        profile.allocation.slots = profile.allocation.slots.max(slots);
        let programs = self.programs(plan, &subject, &profile)?;
        let mut live = Live::begin(self, plan, &subject, &profile, programs.len())?;
        let mut errors = Vec::new();
        for program in &programs {
            if live.stopped() {
                errors.push(Error::Stopped);
                break;
            }
            let Err(error) = measure(program, &mut live) else {
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
        let journal = live.end(&errors)?;
        let results = Results::read(&journal)?;
        self.reporting.write(&results, &targets)?;
        progress::say(&format!("every interval is in {}", journal.display()));
        let objections = objections(&results, &targets);
        if plan.judges && !objections.is_empty() {
            errors.push(Error::Beyond(objections));
        }
        match errors.len() {
            0 => Ok(()),
            1 => Err(errors.remove(0)),
            _ => Err(Error::Several(errors)),
        }
    }

    /// The agent on each backend that was asked for. Those that need a twin are left out
    /// where there is none, unless nothing is left.
    fn programs(&self, plan: &Plan, subject: &Subject, profile: &Profile) -> Result<Vec<Program>> {
        let mut backends = match self.backends.as_slice() {
            [] => plan.backends.to_vec(),
            asked => asked.to_vec(),
        };
        backends.sort_unstable();
        backends.dedup();
        if self.backends.is_empty() && subject.twin().is_none() {
            backends.retain(|kind| *kind == BackendKind::Wasm);
        }
        let load = |kind: BackendKind| {
            Ok(Program {
                agent: subject.name(),
                backend: kind,
                start: compare::backend(subject, kind, profile)?,
            })
        };
        backends.into_iter().map(load).collect()
    }
}

/// The targets of a file, or the standard ones.
///
/// # Errors
/// If the file cannot be used.
pub fn targets(file: Option<&std::path::Path>) -> Result<Targets> {
    file.map_or_else(|| Ok(Targets::standard()), Targets::read)
}

/// A run that is being measured: into the journal and onto the terminal. Nothing of it is
/// kept in memory, where it would look like a leak of what is measured.
struct Live {
    journal: Journal,
    bar: progress::Bar,
    watch: Watch,
    parts: usize,
}

impl Live {
    fn begin(
        loading: &Loading,
        plan: &Plan,
        subject: &Subject,
        profile: &Profile,
        backends: usize,
    ) -> Result<Self> {
        let mut live = Self {
            journal: Journal::create(&loading.runs, plan.name)?,
            bar: progress::Bar::new(plan.parts * backends)?,
            watch: Watch::start(),
            parts: 0,
        };
        live.record(Entry::Begin(Box::new(Begin {
            schema: JOURNAL.to_owned(),
            started: Timestamp::now().to_string(),
            environment: Environment::now(),
            profile: profile.clone(),
            agent: Measured::of(subject)?,
        })))?;
        Ok(live)
    }

    fn end(mut self, errors: &[Error]) -> Result<PathBuf> {
        let end = End {
            complete: errors.is_empty(),
            noise: self.watch.noise(),
            failures: errors.iter().map(Error::to_string).collect(),
        };
        self.record(Entry::End(end))?;
        Ok(self.journal.path().to_owned())
    }
}

impl Recorder for Live {
    fn record(&mut self, entry: Entry) -> Result<()> {
        match &entry {
            Entry::Part(part) => {
                if self.parts > 0 {
                    self.bar.done();
                }
                self.parts += 1;
                self.bar.begins(&format!(
                    "{} on {}, {} agents",
                    part.experiment.name(),
                    part.backend,
                    part.agents
                ));
            }
            Entry::Interval(interval) => self.bar.shows(&format!(
                "{}, {} good/s, {} waiting",
                interval.phase.name(),
                interval.rate().round(),
                interval.backlog
            )),
            _ => {}
        }
        self.journal.write(&entry)
    }

    fn stopped(&self) -> bool {
        self.bar.stopped()
    }
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
