//! The `sandlab` command: one thin file a subcommand.
//!
//! Every command exits with 0 if it is done and every check held, 1 if a check did not
//! hold, 2 if the command or the configuration cannot be used, 3 if the tool could not
//! do its work.

mod baseline;
mod build;
mod calibrate;
mod compare;
mod counted;
mod export;
mod fill;
mod footprint;
mod gate;
mod latency;
mod load;
mod loading;
mod measuring;
mod memory;
mod messages;
mod new;
mod plan;
mod progress;
mod recovery;
mod report;
mod run;
mod runs;
mod sample;
mod scale;
mod session;
mod spawn;
mod strategy;
mod throughput;
mod torture;
mod validate;

use crate::{Error, Kind, Result};
use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Measures what a WASM sandbox costs agents.
#[derive(Debug, Parser)]
#[command(version, about, after_help = EXIT_CODES)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXIT_CODES: &str = "Exit codes: 0 done, every check held; 1 a check did not hold; \
                          2 the command or configuration cannot be used; \
                          3 sandlab could not do its work, or was stopped.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Name runs that others are compared with.
    Baseline(baseline::Args),
    /// Build agent crates into bundles: the component, its native twin, a manifest.
    Build(build::Args),
    /// Measure this machine's noise, and what a gate makes of it: false alarms and power.
    Calibrate(calibrate::Args),
    /// Time messages on each backend, and their ratio to native.
    Compare(compare::Args),
    /// Send messages when they are due, and time them; or search for the highest rate.
    Latency(latency::Args),
    /// Load the path as hard, as long, or as suddenly as production might.
    Load(load::Args),
    /// Put agents under memory limits, or find the limit that a workload needs.
    Memory(memory::Args),
    /// Hold the agents of a plan.
    #[command(hide = true)]
    Fill,
    /// Say whether a build is worse than another: of a guest, or of a program.
    Gate(gate::Args),
    /// Write a new agent crate, ready to build and compare.
    New(new::Args),
    /// Say how many agents this machine holds, in each layout, and with which settings.
    Plan(plan::Args),
    /// Say what agents take of memory and CPU: idle, at work, and at a rate.
    #[command(alias = "profile")]
    Footprint(footprint::Args),
    /// Let agents fault under load, and time how they come back.
    Recovery(recovery::Args),
    /// Report a stored run, also one that was killed; compare it with a baseline.
    Report(report::Args),
    /// Run a suite over every agent that is built, and keep the run.
    Run(run::Args),
    /// List, show, export, import or delete stored runs.
    Runs(runs::Args),
    /// Print samples of metrics, one a line: what `gate --old-bin --new-bin` runs.
    Sample(sample::Args),
    /// Start more and more agents: time, memory, throughput.
    Scale(scale::Args),
    /// Time every phase of a start, each way that there is.
    Spawn(spawn::Args),
    /// Load many agents through the whole message path, and count.
    Throughput(throughput::Args),
    /// Strike with every hostile guest there is, beside good agents at work.
    Torture(torture::Args),
    /// Check that guests are what they must be, before anybody runs them.
    Validate(validate::Args),
}

/// Reads the command line. A command that cannot be used ends the program with 2.
pub fn parse() -> Cli {
    Cli::parse()
}

impl Cli {
    /// Does what was asked, and says how it ended.
    pub fn execute(self) -> ExitCode {
        let done = match self.command {
            Command::Baseline(args) => baseline::execute(&args),
            Command::Build(args) => build::execute(&args),
            Command::Calibrate(args) => calibrate::execute(&args),
            Command::Compare(args) => compare::execute(&args),
            Command::Latency(args) => latency::execute(&args),
            Command::Load(args) => load::execute(&args),
            Command::Memory(args) => memory::execute(&args),
            Command::Gate(args) => gate::execute(&args),
            Command::New(args) => new::execute(&args),
            Command::Plan(args) => plan::execute(&args),
            Command::Footprint(args) => footprint::execute(&args),
            Command::Fill => fill::execute(),
            Command::Recovery(args) => recovery::execute(&args),
            Command::Report(args) => report::execute(&args),
            Command::Run(args) => run::execute(&args),
            Command::Runs(args) => runs::execute(&args),
            Command::Sample(args) => sample::execute(&args),
            Command::Scale(args) => scale::execute(&args),
            Command::Spawn(args) => spawn::execute(&args),
            Command::Throughput(args) => throughput::execute(&args),
            Command::Torture(args) => torture::execute(&args),
            Command::Validate(args) => validate::execute(&args),
        };
        match done {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => failed(&error),
        }
    }
}

fn failed(error: &Error) -> ExitCode {
    eprintln!("error: {error}");
    ExitCode::from(match error.kind() {
        Kind::Finding => 1,
        Kind::Usage => 2,
        Kind::Broken => 3,
    })
}

/// Prints to standard output. A reader that has gone away is not an error.
fn print(text: &str) -> Result<()> {
    use std::io::{ErrorKind, Write};
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Error::Machine(format!(
            "cannot write to standard output: {error}"
        ))),
        _ => Ok(()),
    }
}
