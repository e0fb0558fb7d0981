//! The `sandlab` command: one thin file per subcommand; those that measure come from the
//! registry of experiments.
//!
//! Every command exits with 0 if it is done and every check held, 1 if a check did not
//! hold, 2 if the command or the configuration cannot be used, 3 if the tool could not
//! do its work, 4 if nothing failed and something could not be judged, since the machine was
//! too busy with other things while it was measured.

mod baseline;
mod build;
mod calibrate;
mod completions;
mod export;
mod fill;
mod gate;
mod help;
mod inspect;
mod lab;
mod live;
mod man;
mod metrics;
mod new;
mod numbers;
mod pack;
mod progress;
mod report;
mod reporting;
mod resume;
mod run;
mod runs;
mod sample;
mod schema;
mod serve;
mod session;
mod signals;
mod slo;
mod streams;
mod validate;
mod wit;
mod worker;

use crate::experiments::{self, Experiment, registry};
use crate::paths::shown;
use crate::{Error, Kind, Result};
use clap::error::ErrorKind;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use session::Session;
use std::ffi::OsString;
use std::process::ExitCode;
use streams::print;

/// Measures what a WASM sandbox costs agents.
#[derive(Debug, Parser)]
#[command(version, about, after_help = EXIT_CODES)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXIT_CODES: &str = "\
Exit codes:
  0  done, every check held
  1  a check did not hold
  2  the command or configuration cannot be used, or a file that was named is missing
  3  sandlab could not do its work (a file cannot be read, a disk is full), or was stopped
  4  nothing failed, and something was not judged: the machine was too busy with other things";

#[derive(Debug, Subcommand)]
enum Command {
    #[command(flatten)]
    Measure(Measure),
    /// Name runs that others are compared with.
    Baseline(baseline::Args),
    /// Build agent crates into bundles: the component, its native twin, a manifest.
    Build(build::Args),
    /// Measure this machine's noise, and what a gate makes of it: false alarms and power.
    Calibrate(calibrate::Args),
    /// Print the completions of a shell.
    Completions(completions::Args),
    /// Hold the agents of a plan.
    #[command(hide = true)]
    Fill,
    /// Say whether a build is worse than another: of a guest, or of a program.
    Gate(gate::Args),
    /// Show what a component or core module is: its kind, imports, exports, functions.
    Inspect(inspect::Args),
    /// Measure a few agents on every backend, for a first answer in seconds.
    Lab(lab::Args),
    /// Write the manual pages of all commands.
    Man(man::Args),
    /// List the metrics that reports, gates and targets know, or print the standard targets.
    Metrics(metrics::Args),
    /// Write a new agent in Rust, C, JavaScript, Python or Go, ready to build and compare.
    New(new::Args),
    /// Write a copy of sandlab with the agents of this workspace in it.
    Pack(pack::Args),
    /// Report a stored run, also one that was killed; compare it with a baseline.
    Report(report::Args),
    /// Run a suite over every agent that is built, and keep the run.
    Run(run::Args),
    /// List, show, export, import or delete stored runs.
    Runs(runs::Args),
    /// Print samples of metrics, one per line: what `gate --old-bin --new-bin` runs.
    Sample(sample::Args),
    /// Print a JSON Schema of the files that sandlab reads and writes.
    Schema(schema::Args),
    /// Serve agents over HTTP, in production.
    Serve(serve::Args),
    /// Propose objectives for production, or print them as Prometheus rules.
    Slo(slo::Args),
    /// Check that guests are what they must be, before anybody runs them.
    Validate(validate::Args),
    /// Print or write the contract: the WIT package that agents in any language are built for.
    Wit(wit::Args),
    /// Send a share of the messages of `load` and `latency`, for a command on another machine.
    Worker(worker::Args),
}

/// The parameters of an experiment, and where its run goes.
#[derive(Debug, clap::Args)]
struct Measuring<P: clap::Args> {
    #[command(flatten)]
    parameters: P,
    #[command(flatten)]
    session: Session,
}

macro_rules! commands {
    ($($module:ident $name:ident $help:literal $(, $option:ident = $value:literal)?;)+
     $(@own $own:ident $own_name:ident;)+) => {
        /// The commands that measure.
        #[derive(Debug, Subcommand)]
        enum Measure {
            $(
                #[command(name = stringify!($module), about = $help $(, $option = $value)?)]
                $name(Measuring<<experiments::$name as Experiment>::Parameters>),
            )+
        }

        impl Measure {
            fn execute(&self) -> Result<()> {
                match self {
                    $(Self::$name(args) => {
                        args.session.measure::<experiments::$name>(&args.parameters)
                    })+
                }
            }
        }
    };
}
registry!(commands);

/// Reads the command line. A command that cannot be used ends the program with 2.
pub fn parse() -> Cli {
    let words = numbers::with_signs(std::env::args_os());
    let command = help::by_question(Cli::command(), streams::width());
    let matches = command.try_get_matches_from(words).unwrap_or_else(|error| refuse(&error));
    Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
}

/// Ends the process with what is wrong in the command line.
fn refuse(error: &clap::Error) -> ! {
    let is_text = |argument: &OsString| argument.to_str().is_some();
    if error.kind() == ErrorKind::InvalidUtf8
        && let Some(name) = std::env::args_os().find(|argument| !is_text(argument))
    {
        streams::say(&format!(
            "error: {} is no UTF-8: make a link to it that is (`ln -s`), and give that",
            shown(&name)
        ));
        std::process::exit(2);
    }
    error.exit()
}

impl Cli {
    /// Does what was asked, and says how it ended.
    pub fn execute(self) -> ExitCode {
        signals::survive_file_limits();
        let done = match self.command {
            Command::Measure(measure) => measure.execute(),
            Command::Baseline(args) => baseline::execute(&args),
            Command::Build(args) => build::execute(&args),
            Command::Calibrate(args) => calibrate::execute(&args),
            Command::Completions(args) => completions::execute(&args),
            Command::Fill => fill::execute(),
            Command::Gate(args) => gate::execute(&args),
            Command::Inspect(args) => inspect::execute(&args),
            Command::Lab(args) => lab::execute(&args),
            Command::Man(args) => man::execute(&args),
            Command::Metrics(args) => metrics::execute(&args),
            Command::New(args) => new::execute(&args),
            Command::Pack(args) => pack::execute(&args),
            Command::Report(args) => report::execute(&args),
            Command::Run(args) => run::execute(&args),
            Command::Runs(args) => runs::execute(&args),
            Command::Sample(args) => sample::execute(&args),
            Command::Schema(args) => schema::execute(&args),
            Command::Serve(args) => serve::execute(&args),
            Command::Slo(args) => slo::execute(&args),
            Command::Validate(args) => validate::execute(&args),
            Command::Wit(args) => wit::execute(&args),
            Command::Worker(args) => worker::execute(&args),
        };
        match done {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => failed(&error),
        }
    }
}

/// Lines in which a command says what is missed, or not judged: more would push what it has found out
/// of sight.
const MOST_TOLD: usize = 5;

fn failed(error: &Error) -> ExitCode {
    // What is not judged is not a defect of anything.
    let level = match error {
        Error::NotJudged(_) => "warning",
        _ => "error",
    };
    let all = error.to_string();
    let told = match error {
        Error::NotJudged(lines) | Error::TargetsMissed(lines) if lines.len() > MOST_TOLD => {
            let first: Vec<&str> = all.lines().take(MOST_TOLD - 1).collect();
            let more = lines.len() + 1 - MOST_TOLD;
            format!(
                "{}\n{level}: and {more} more: `sandlab report --verbose` has all of them",
                first.join("\n")
            )
        }
        _ => all,
    };
    streams::say(&format!("{level}: {told}"));
    ExitCode::from(match error.kind() {
        Kind::NotJudged => 4,
        Kind::Finding => 1,
        Kind::Usage => 2,
        Kind::Internal => 3,
    })
}
