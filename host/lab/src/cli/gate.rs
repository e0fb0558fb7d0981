//! `sandlab gate`

use super::export::Export;
use super::reporting::Looking;
use super::session::Recording;
use super::{print, progress};
use crate::experiments::{self, Experiment};
use crate::record;
use crate::report::Look;
use crate::report::gate::{self as report, Format};
use crate::verdict::gate::GateReport;
use crate::{Error, Kind, Result};
use clap::ValueEnum;

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    parameters: experiments::gate::Parameters,
    /// The name of a stored run to compare another with.
    // What says how two builds are measured would be ignored.
    #[arg(
        long,
        value_name = "NAME",
        conflicts_with_all = [
            "old", "old_bin", "arguments", "no_timing", "pairs", "noise", "timeout", "workload", "like",
            "seed", "kind", "reuse", "native", "native_arg", "native_start", "sandbox",
            "async_components",
        ]
    )]
    baseline: Option<String>,
    /// The run that is compared with it: its number, `last`, or the name of a baseline.
    #[arg(
        long,
        value_name = "RUN",
        default_value = "last",
        requires = "baseline",
        conflicts_with_all = ["old", "old_bin"]
    )]
    run: String,
    #[command(flatten)]
    recording: Recording,
    #[command(flatten)]
    looking: Looking,
    /// Format of the report on standard output.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// Write another report to a file: junit=gate.xml, say. Can be given more than once.
    #[arg(long = "report", value_name = "KIND=FILE")]
    reports: Vec<Export<Format>>,
    /// Print annotations for a CI system, which shows them beside the change.
    #[arg(long, value_enum, value_name = "CI")]
    annotations: Option<Ci>,
}

/// A CI system that shows annotations.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Ci {
    /// GitHub Actions: workflow commands.
    Github,
}

pub fn execute(args: &Args) -> Result<()> {
    for export in &args.reports {
        record::require_writable(&export.file)?;
    }
    if let Some(baseline) = &args.baseline {
        let report = stored(args, baseline)?;
        args.write(&report)?;
        return report.verdict();
    }
    let given = args.recording.given()?;
    let plan = experiments::Gate::plan(&args.parameters, &given)?;
    let mut measured = args.recording.measure(&given, plan)?;
    let report = experiments::gate::report(&measured.store.run(measured.id)?);
    let is_empty = report.as_ref().is_none_or(|report| report.metrics.is_empty());
    if is_empty && measured.errors.iter().any(|error| error.kind() == Kind::Usage) {
        // Nothing was measured that anybody could want to see again.
        measured.store.delete(measured.id)?;
        return measured.result();
    }
    if let Some(report) = report {
        args.write(&report)?;
        measured.say_where(!is_empty);
        if let Some(id) = measured.kept().filter(|_| !report.grown.is_empty()) {
            progress::say(&format!(
                "`sandlab report {id} --html FILE` draws both builds as one flamegraph"
            ));
        }
        measured.errors.extend(report.verdict().err());
    }
    measured.result()
}

/// Holds a stored run against an earlier one.
fn stored(args: &Args, baseline: &str) -> Result<GateReport> {
    let store = args.recording.reading()?;
    let (old, new) = (store.find(baseline)?, store.find(&args.run)?);
    if old == new {
        return Err(Error::Usage(format!(
            "run {new} is the baseline {baseline:?} itself: measure another one, or name it with \
             --run"
        )));
    }
    let (before, after) = (store.run(old)?, store.run(new)?);
    let policy = args.parameters.policy()?;
    experiments::gate::compare_stored(baseline, (old, &before), (new, &after), policy)
}

impl Args {
    fn write(&self, report: &GateReport) -> Result<()> {
        let view = experiments::gate::view(report);
        for export in &self.reports {
            let text = report::render(report, &view, export.format, &Look::default())?;
            record::write_whole(&export.file, text.as_bytes())?;
        }
        print(&report::render(report, &view, self.format, &self.looking.look())?)?;
        match self.annotations {
            Some(Ci::Github) => print(&report::annotations(report)),
            None => Ok(()),
        }
    }
}
