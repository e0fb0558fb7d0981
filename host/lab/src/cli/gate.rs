//! `sandlab gate`

use super::export::Export;
use super::messages::Messages;
use super::session::Stored;
use super::{print, progress};
use crate::bundle;
use crate::record::{self, Environment, Watch};
use crate::report::gate::{self as report, Format};
use crate::sampling::pairs::{Guests, Paired, Planted, Programs, Settings};
use crate::validate::supervise::Observer;
use crate::verdict::gate::{self, Gated, Judged, NOISE_FILE, NoiseFloor, Policy};
use crate::{Error, Result};
use clap::ValueEnum;
use sandlab_runtime::SandboxConfig;
use std::path::PathBuf;
use std::time::Duration;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The old build of a guest: a component's file, a bundle's folder, an agent's name.
    #[arg(
        long,
        value_name = "FILE.wasm|BUNDLE",
        requires = "new",
        conflicts_with = "old_bin"
    )]
    old: Option<String>,
    /// The new build of a guest.
    #[arg(long, value_name = "FILE.wasm|BUNDLE", requires = "old")]
    new: Option<String>,
    /// The old build of a program that speaks the bench protocol (docs/gate.md).
    #[arg(
        long,
        value_name = "PATH",
        requires = "new_bin",
        required_unless_present_any = ["old", "baseline"]
    )]
    old_bin: Option<PathBuf>,
    /// The new build of a program.
    #[arg(long, value_name = "PATH", requires = "old_bin")]
    new_bin: Option<PathBuf>,
    /// The name of a stored run that another is held against.
    #[arg(long, value_name = "NAME", conflicts_with_all = ["old", "old_bin"])]
    baseline: Option<String>,
    /// The run that is held against it: its number, `last`, or the name of a baseline.
    #[arg(long, value_name = "RUN", default_value = "last")]
    run: String,
    #[command(flatten)]
    stored: Stored,
    /// What both programs are told, instead of `sample`.
    #[arg(last = true, value_name = "ARGUMENT", conflicts_with = "old")]
    arguments: Vec<String>,
    /// How long one run of a program may take.
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = humantime::parse_duration)]
    timeout: Duration,
    /// What is allowed, a TOML file; docs/gate.md has its fields.
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// This machine's noise, as `sandlab calibrate` left it.
    #[arg(long, value_name = "FILE", default_value = NOISE_FILE)]
    noise: PathBuf,
    /// Count, and time nothing: for a machine that is busy.
    #[arg(long, conflicts_with = "old_bin")]
    no_timing: bool,
    #[command(flatten)]
    pairing: Pairing,
    #[command(flatten)]
    messages: Messages,
    /// How to report on standard output.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// Write another report to a file: junit=gate.xml, say. Can be given more than once.
    #[arg(long = "report", value_name = "KIND=FILE")]
    reports: Vec<Export<Format>>,
    /// Print what a CI system shows beside the change.
    #[arg(long, value_enum, value_name = "CI")]
    annotations: Option<Ci>,
}

/// How much to measure.
#[derive(Debug, clap::Args)]
pub struct Pairing {
    /// Pairs of fresh instances or processes, each of which is one observation.
    #[arg(long, default_value_t = 40, value_parser = clap::value_parser!(u32).range(1..=200))]
    pairs: u32,
    /// The seed of the generated messages, and of the order within pairs.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The sandbox config, a TOML file.
    #[arg(long, alias = "profile", value_name = "FILE")]
    sandbox: Option<PathBuf>,
}

impl Pairing {
    pub fn settings(&self) -> Settings {
        Settings {
            pairs: self.pairs,
            slice: Duration::from_micros(200),
            seed: self.seed,
        }
    }

    pub fn sandbox(&self) -> Result<SandboxConfig> {
        match &self.sandbox {
            Some(file) => Ok(SandboxConfig::read(file)?),
            None => Ok(SandboxConfig::default()),
        }
    }
}

/// A CI system that shows annotations.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Ci {
    /// GitHub Actions: workflow commands.
    Github,
}

/// What is held against what.
enum Sides {
    Guests(Box<Guests>),
    Programs(Programs),
}

pub fn execute(args: &Args) -> Result<()> {
    for export in &args.reports {
        record::require_writable(&export.file)?;
    }
    let policy = args.policy.as_deref().map(Policy::read);
    let policy = policy.transpose()?.unwrap_or_else(Policy::standard);
    let gated = match &args.baseline {
        Some(baseline) => stored(args, baseline, policy)?,
        None => measure(args, &policy)?,
    };
    for export in &args.reports {
        let text = report::render(&gated, export.format, false)?;
        record::write_whole(&export.file, text.as_bytes())?;
    }
    print(&report::render(
        &gated,
        args.format,
        console::colors_enabled(),
    )?)?;
    if let Some(Ci::Github) = args.annotations {
        print(&report::annotations(&gated))?;
    }
    gated.verdict()
}

/// A stored run against another.
fn stored(args: &Args, baseline: &str, policy: Policy) -> Result<Gated> {
    let store = args.stored.existing()?;
    let (old, new) = (store.find(baseline)?, store.find(&args.run)?);
    if old == new {
        return Err(Error::Usage(format!(
            "run {new} is the baseline {baseline:?} itself: measure another one, or name it with \
             --run"
        )));
    }
    let (before, after) = (store.results(old)?, store.results(new)?);
    let policy = policy.with_default_threshold(gate::STORED_THRESHOLD);
    let (metrics, mut notes) = gate::compare_stored(&before, &after, &policy);
    if metrics.is_empty() {
        return Err(Error::Usage(format!(
            "run {new} and the baseline {baseline:?}, run {old}, have no metric in common: \
             measure both with the same command"
        )));
    }
    let differ = record::differences(&before.begin, &after.begin);
    notes.extend(
        differ
            .iter()
            .map(|difference| format!("the runs differ in {difference}")),
    );
    let incomplete = [(old, &before), (new, &after)].into_iter();
    let incomplete = incomplete.filter(|(_, results)| !results.is_complete());
    notes.extend(incomplete.map(|(run, _)| format!("run {run} is not complete")));
    notes.extend(unused(&policy, &metrics));
    Ok(Gated {
        schema: gate::SCHEMA,
        old: format!("run {old} ({baseline})"),
        new: format!("run {new}"),
        unit: "a round of fresh instances, or an interval of time",
        correction: "nothing",
        alpha: policy.alpha(),
        metrics,
        notes,
        environment: after.begin.environment.clone(),
        noise: after.end.map(|end| end.noise).unwrap_or_default(),
    })
}

/// A policy's names that mean nothing here.
fn unused(policy: &Policy, metrics: &[Judged]) -> Vec<String> {
    let names: Vec<_> = metrics
        .iter()
        .map(|judged| judged.metric.name.as_str())
        .collect();
    let unused = policy.unused(&names);
    unused
        .map(|name| format!("the policy's {name:?} is the name of no metric here"))
        .collect()
}

fn measure(args: &Args, policy: &Policy) -> Result<Gated> {
    let (sides, old, new) = sides(args)?;
    let environment = Environment::now();
    let floor = NoiseFloor::read(&args.noise)?;
    let mut notes: Vec<_> = floor.iter().filter_map(|f| f.doubt(&environment)).collect();
    if floor.is_none() && !args.no_timing {
        notes.push("this machine's noise is not known; `sandlab calibrate` measures it".to_owned());
    }
    let floor = floor.unwrap_or_default();
    let watch = Watch::start();
    let bar = progress::Bar::new(2)?;
    let mut metrics = match &sides {
        Sides::Guests(guests) => {
            bar.begins("counting");
            gate::judge(&guests.count()?, policy, &floor)
        }
        Sides::Programs(_) => Vec::new(),
    };
    bar.done();
    if !args.no_timing {
        let timed = decide(
            policy,
            &floor,
            args.pairing.settings(),
            &bar,
            |settings, wanted| sides.time(settings, wanted, &bar, &mut notes),
        )?;
        metrics.extend(timed);
    }
    if bar.stopped() {
        return Err(Error::Stopped);
    }
    notes.extend(unused(policy, &metrics));
    notes.sort_unstable();
    notes.dedup();
    Ok(Gated {
        schema: gate::SCHEMA,
        old,
        new,
        unit: match sides {
            Sides::Guests(_) => "two fresh instances of components loaded anew",
            Sides::Programs(_) => "two fresh processes",
        },
        correction: "Holm's procedure",
        alpha: policy.alpha(),
        metrics,
        notes,
        environment,
        noise: watch.noise(),
    })
}

/// Times, judges, and confirms on fresh samples: twice as many, in another order.
pub fn decide(
    policy: &Policy,
    floor: &NoiseFloor,
    mut settings: Settings,
    bar: &progress::Bar,
    mut time: impl FnMut(&Settings, &dyn Fn(&str) -> bool) -> Result<Vec<Paired>>,
) -> Result<Vec<Judged>> {
    bar.begins("timing");
    let timed = gate::judge(&time(&settings, &|_| true)?, policy, floor);
    let again = gate::again(&timed);
    if again.is_empty() || bar.stopped() {
        return Ok(timed);
    }
    bar.begins("confirming");
    settings.pairs = (settings.pairs * 2).min(200);
    settings.seed += 1;
    let fresh = time(&settings, &|name| again.iter().any(|again| again == name))?;
    Ok(gate::confirmed(timed, gate::judge(&fresh, policy, floor)))
}

fn sides(args: &Args) -> Result<(Sides, String, String)> {
    if let (Some(old), Some(new)) = (&args.old, &args.new) {
        let subject = |name| bundle::find(name, &mut progress::say);
        let (before, after) = (subject(old)?, subject(new)?);
        let settings = args.pairing.settings();
        let cases = args.messages.cases(&before, settings.seed)?;
        let guests = Guests::of(&before, &after, cases, &args.pairing.sandbox()?)?;
        return Ok((Sides::Guests(Box::new(guests)), old.clone(), new.clone()));
    }
    let (Some(old), Some(new)) = (&args.old_bin, &args.new_bin) else {
        return Err(Error::Usage(
            "give --old and --new, or --old-bin and --new-bin".to_owned(),
        ));
    };
    let arguments = match args.arguments.as_slice() {
        [] => vec!["sample".to_owned()],
        given => given.to_vec(),
    };
    let programs = Programs {
        old: old.clone(),
        new: new.clone(),
        arguments,
        timeout: args.timeout,
    };
    let name = |path: &PathBuf| path.display().to_string();
    Ok((Sides::Programs(programs), name(old), name(new)))
}

impl Sides {
    fn time(
        &self,
        settings: &Settings,
        wanted: &dyn Fn(&str) -> bool,
        bar: &progress::Bar,
        notes: &mut Vec<String>,
    ) -> Result<Vec<Paired>> {
        let stop = || bar.stopped();
        match self {
            Self::Guests(guests) => guests.time(settings, Planted::default(), wanted, &stop),
            Self::Programs(programs) => {
                let (paired, alone) = programs.run(settings, wanted, &stop)?;
                notes.extend(alone);
                if paired.is_empty() && !bar.stopped() {
                    return Err(Error::Usage(
                        "the two programs report no metric in common".to_owned(),
                    ));
                }
                Ok(paired)
            }
        }
    }
}
