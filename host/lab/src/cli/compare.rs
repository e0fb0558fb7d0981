//! `sandlab compare`

use super::{print, progress};
use crate::bundle::{self, Subject};
use crate::experiment::compare::{Settings, compare};
use crate::experiment::setup::{self, Loaded};
use crate::report::{self, Format};
use crate::results::{self, Environment, Run, SCHEMA};
use crate::workload::{self, Case};
use crate::{Error, Result};
use jiff::Timestamp;
use sandlab_runtime::{BackendKind, Profile};
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Names of built agents, folders of bundles or crates, or component files; all that
    /// are built, if none is given.
    #[arg(value_name = "AGENT|BUNDLE|FILE.wasm")]
    subjects: Vec<String>,
    #[command(flatten)]
    measuring: Measuring,
    /// How to report.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// Write the report to this file, instead of to standard output.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Send the messages of this file, one JSON object a line, instead of the agent's own.
    #[arg(long, value_name = "FILE", conflicts_with = "like")]
    workload: Option<PathBuf>,
    /// Send the messages of this reference agent: for the same agent in another language.
    #[arg(long, value_name = "AGENT")]
    like: Option<String>,
}

/// How to measure: what `compare` and `run` have in common.
#[derive(Debug, clap::Args)]
pub struct Measuring {
    /// Where to run the agents.
    #[arg(long, value_delimiter = ',', default_value = "wasm,native,process")]
    backends: Vec<BackendKind>,
    /// Rounds for each agent and size, with fresh instances. From 6 on there are intervals.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// The seed of the generated messages.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The sandbox profile, a TOML file.
    #[arg(long, value_name = "FILE")]
    profile: Option<PathBuf>,
}

pub fn execute(args: &Args) -> Result<()> {
    if let Some(file) = &args.output {
        results::require_writable(file)?;
    }
    let subjects = subjects(&args.subjects)?;
    let run = args.measuring.run(&subjects, |subject, seed| {
        match (&args.workload, &args.like) {
            (Some(file), _) => workload::read(file),
            (None, Some(agent)) => workload::of_agent(agent, seed)
                .ok_or_else(|| Error::Usage(format!("no reference agent is called {agent:?}"))),
            (None, None) => setup::cases(subject, seed),
        }
    })?;
    let report = report::render(&run, args.format)?;
    match &args.output {
        Some(file) => results::write_whole(file, report.as_bytes()),
        None => print(&report),
    }
}

fn subjects(names: &[String]) -> Result<Vec<Subject>> {
    if names.is_empty() {
        let bundles = bundle::find_all()?;
        return Ok(bundles.into_iter().map(Subject::from).collect());
    }
    names
        .iter()
        .map(|name| bundle::find(name, &mut progress::say))
        .collect()
}

impl Measuring {
    /// Measures the subjects, one case after another, until all are or somebody stops it.
    pub fn run(
        &self,
        subjects: &[Subject],
        cases: impl Fn(&Subject, u64) -> Result<Vec<Case>>,
    ) -> Result<Run> {
        let profile = match &self.profile {
            Some(file) => Profile::read(file)?,
            None => Profile::default(),
        };
        let mut run = Run {
            schema: SCHEMA,
            started: Timestamp::now().to_string(),
            complete: true,
            environment: Environment::now(),
            settings: Settings {
                rounds: self.rounds,
                seed: self.seed,
                ..Settings::default()
            },
            profile: profile.clone(),
            notes: Vec::new(),
            cases: Vec::new(),
        };
        let mut backends = self.backends.clone();
        backends.sort_unstable();
        backends.dedup();
        let planned: Vec<_> = subjects
            .iter()
            .map(|subject| Ok((subject, cases(subject, self.seed)?)))
            .collect::<Result<_>>()?;
        progress::catch_interrupts()?;
        let bar = progress::bar(planned.iter().map(|(_, cases)| cases.len() as u64).sum());
        for (subject, cases) in &planned {
            bar.set_message(subject.name());
            let needs_directory = cases.iter().any(|case| case.directory);
            let loaded = Loaded::new(subject, &backends, &profile, needs_directory)?;
            run.notes.extend(loaded.left_out.iter().cloned());
            for case in cases {
                if progress::stopped() {
                    break;
                }
                run.cases
                    .push(compare(&loaded, case, &run.settings, &progress::stopped)?);
                bar.inc(1);
            }
        }
        bar.finish_and_clear();
        run.complete = !progress::stopped();
        Ok(run)
    }
}
