//! How each claim is measured: with the code that users run, against wasmtime by hand.

use anyhow::{Context, Result, ensure};
use sandlab::bundle::{self, Subject};
use sandlab::experiment::interleave::{Sampled, Settings, interleave};
use sandlab::experiment::setup::{self, Loaded, Side};
use sandlab::experiment::{attribute, compare};
use sandlab::stats::{Interval, geometric_mean, median_interval};
use sandlab::workload::{COMPUTE, Case, SIZES};
use sandlab_benches::{Echo, say, say_by_hand};
use sandlab_runtime::profile::{Calls, Strategy};
use sandlab_runtime::{Agent, BackendKind, Message, Profile};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Instant;

const ROUNDS: usize = 41;

/// What one side does once.
type Once<'a> = Box<dyn FnMut() -> Result<()> + 'a>;

/// The median of one side's time by the other's: a round has fresh instances of both, and
/// the order A B B A.
fn ratio<'a>(
    ours: impl Fn() -> Result<Once<'a>>,
    theirs: impl Fn() -> Result<Once<'a>>,
    times: u32,
) -> Result<Interval> {
    let time = |side: &mut Once| -> Result<f64> {
        let start = Instant::now();
        for _ in 0..times {
            side()?;
        }
        Ok(start.elapsed().as_secs_f64())
    };
    let mut ratios = Vec::new();
    for round in 0..ROUNDS {
        let (mut ours, mut theirs) = (ours()?, theirs()?);
        // Warm, so that neither pays for the first touch of its memory.
        ours()?;
        theirs()?;
        let (a, b) = if round % 2 == 0 {
            let first = time(&mut ours)?;
            let b = time(&mut theirs)? + time(&mut theirs)?;
            (first + time(&mut ours)?, b)
        } else {
            let first = time(&mut theirs)?;
            let a = time(&mut ours)? + time(&mut ours)?;
            (a, first + time(&mut theirs)?)
        };
        ratios.push(a / b);
    }
    median_interval(&ratios).context("no rounds")
}

/// An instance that is told the same again and again.
fn calls<'a>(mut agent: Box<dyn Agent>, message: &'a Message) -> Once<'a> {
    Box::new(move || say(agent.as_mut(), message))
}

pub fn call() -> Result<Interval> {
    let echo = Echo::load(&Profile::default())?;
    let message = Message::request([7; 1_024]);
    ratio(
        || Ok(calls(echo.ours()?, &message)),
        || {
            let (mut agent, message) = (echo.by_hand()?, &message);
            Ok(Box::new(move || say_by_hand(&mut agent, message)))
        },
        5_000,
    )
}

pub fn spawn() -> Result<Interval> {
    let echo = Echo::load(&Profile::default())?;
    let message = Message::request([7; 16]);
    ratio(
        || Ok(Box::new(|| say(echo.ours()?.as_mut(), &message))),
        || Ok(Box::new(|| say_by_hand(&mut echo.by_hand()?, &message))),
        300,
    )
}

/// A call on a fiber, by one on the caller's stack.
pub fn fiber() -> Result<Interval> {
    let on_fiber = Echo::load(&Profile {
        calls: Calls::Async,
        ..Profile::default()
    })?;
    let on_stack = Echo::load(&Profile::default())?;
    let message = Message::request([7; 1_024]);
    ratio(
        || Ok(calls(on_fiber.ours()?, &message)),
        || Ok(calls(on_stack.ours()?, &message)),
        5_000,
    )
}

/// A start from the pool, by one on demand.
pub fn pool() -> Result<Interval> {
    let pooled = Echo::load(&Profile::default())?;
    let mut profile = Profile::default();
    profile.allocation.strategy = Strategy::OnDemand;
    let on_demand = Echo::load(&profile)?;
    let message = Message::request([7; 16]);
    ratio(
        || Ok(Box::new(|| say(pooled.ours()?.as_mut(), &message))),
        || Ok(Box::new(|| say(on_demand.ours()?.as_mut(), &message))),
        300,
    )
}

/// The sandbox by the native twin.
pub fn sandbox() -> Result<Interval> {
    let backends = [BackendKind::Wasm, BackendKind::Native];
    let load = |subject: &Subject, cases: &[Case]| {
        compare::load(subject, &backends, &Profile::default(), cases)
    };
    mean_of_computing(["wasm", "native"], load)
}

/// The rung with epochs by the lowest of wasmtime.
pub fn deadline() -> Result<Interval> {
    let load = |subject: &Subject, cases: &[Case]| {
        let mut ladder = attribute::load(subject, &Profile::default(), cases)?;
        let is_wanted = |side: &Side| ["component call", "+ epochs"].contains(&&*side.name);
        ladder.sides.retain(is_wanted);
        Ok(ladder)
    };
    mean_of_computing(["+ epochs", "component call"], load)
}

/// One side by another at 64 KiB: of each round, the geometric mean over the agents.
fn mean_of_computing(
    [ours, theirs]: [&str; 2],
    load: impl Fn(&Subject, &[Case]) -> sandlab::Result<Loaded>,
) -> Result<Interval> {
    let settings = Settings::default();
    let mut ratios = vec![Vec::new(); settings.rounds as usize];
    for name in COMPUTE {
        let subject = bundle::find(name, &mut |_| {})?;
        let cases = setup::cases(&subject, settings.seed)?;
        let loaded = load(&subject, &cases)?;
        let largest = cases.iter().find(|case| case.size == SIZES.last().copied());
        let case = largest.context("no large case")?;
        let sampled = interleave(&loaded, case, &settings, &|| false)?;
        let of_round = ratios_of(&sampled, ours, theirs)?;
        for (round, ratio) in ratios.iter_mut().zip(of_round) {
            round.push(ratio);
        }
    }
    let means: Vec<f64> = ratios.iter().filter_map(|r| geometric_mean(r)).collect();
    median_interval(&means).context("no rounds")
}

/// One side's time by another's, in the same round.
fn ratios_of(sampled: &Sampled, ours: &str, theirs: &str) -> Result<Vec<f64>> {
    let side = |name: &str| {
        let found = sampled.sides.iter().find(|side| side.side == name);
        found.with_context(|| format!("{} was not measured on {name}", sampled.agent))
    };
    let pairs = side(ours)?.ns.iter().zip(&side(theirs)?.ns);
    Ok(pairs.map(|(ours, theirs)| ours / theirs).collect())
}

/// The sandbox by a child process, where the message is all call and no work.
pub fn process() -> Result<Interval> {
    let subject = bundle::find("echo", &mut |_| {})?;
    let cases = setup::cases(&subject, 1)?;
    let backends = [BackendKind::Wasm, BackendKind::Process];
    let loaded = compare::load(&subject, &backends, &Profile::default(), &cases)?;
    let smallest = cases.first().context("no case")?;
    let sampled = interleave(&loaded, smallest, &Settings::default(), &|| false)?;
    median_interval(&ratios_of(&sampled, "wasm", "process")?).context("no rounds")
}

/// The smallest message on the fastest backend: where timing weighs most.
pub fn timing() -> Result<Interval> {
    let subject = bundle::find("echo", &mut |_| {})?;
    let cases = setup::cases(&subject, 1)?;
    let native = [BackendKind::Native];
    let loaded = compare::load(&subject, &native, &Profile::default(), &cases)?;
    let settings = Settings {
        rounds: 3,
        ..Settings::default()
    };
    let smallest = cases.first().context("no case")?;
    let share = |_| -> Result<f64> {
        let sampled = interleave(&loaded, smallest, &settings, &|| false)?;
        let side = sampled.sides.first().context("not measured")?;
        let median = median_interval(&side.ns).context("no rounds")?;
        Ok(sampled.timing_ns / median.value * 100.0)
    };
    let shares = (0..11).map(share).collect::<Result<Vec<_>>>()?;
    median_interval(&shares).context("no shares")
}

pub fn help() -> Result<Interval> {
    let times = (0..21).map(|_| seconds(&["--help"]).map(|time| time * 1e3));
    let times = times.collect::<Result<Vec<_>>>()?;
    median_interval(&times).context("never run")
}

/// Once: it takes most of a minute.
pub fn quick() -> Result<Interval> {
    let runs = tempfile::tempdir()?;
    let folder = runs.path().to_str().context("a folder's name is no text")?;
    let time = seconds(&["run", "quick", "--runs", folder])?;
    median_interval(&[time]).context("never run")
}

/// How long the command takes.
fn seconds(args: &[&str]) -> Result<f64> {
    let sandlab: PathBuf = std::env::current_exe()?.with_file_name("sandlab");
    let start = Instant::now();
    let mut command = Command::new(&sandlab);
    command.args(args).stdout(Stdio::null());
    let status = command
        .status()
        .with_context(|| sandlab.display().to_string())?;
    ensure!(status.success(), "sandlab {} failed: {status}", args[0]);
    Ok(start.elapsed().as_secs_f64())
}
