//! Measures, on this machine, what the documentation claims. Exits with 1 if a claim does
//! not hold. `claims NAME` measures one; `CLAIMS_JSON=FILE` also writes them to a file.

use anyhow::{Context, Result, bail};
use sandlab::bundle;
use sandlab::experiment::compare::{Settings, compare};
use sandlab::experiment::setup::{self, Loaded};
use sandlab::stats::{Interval, geometric_mean, median_interval};
use sandlab::workload::{COMPUTE, SIZES};
use sandlab_benches::{
    echo,
    reference::{self, Reference},
};
use sandlab_runtime::wasm::{self, SandboxEngine};
use sandlab_runtime::{Agent, Backend, BackendKind, Identity, Message, Profile};
use serde::Serialize;
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

/// One claim: what is measured must be at most the bound.
struct Claim {
    name: &'static str,
    says: &'static str,
    bound: f64,
    measure: fn() -> Result<Interval>,
}

const CLAIMS: [Claim; 5] = [
    Claim {
        name: "call",
        says: "a 1 KiB echo through sandlab-runtime, by a hand-written wasmtime loop",
        bound: 1.10,
        measure: call,
    },
    Claim {
        name: "spawn",
        says: "spawn, first reply and drop, by the same with wasmtime by hand",
        bound: 1.25,
        measure: spawn,
    },
    Claim {
        name: "sandbox",
        says: "wasm by native, geometric mean of the computing agents at 64 KiB",
        bound: 1.35,
        measure: sandbox,
    },
    Claim {
        name: "timing",
        says: "what timing adds to a 16 B echo on the native twin, percent",
        bound: 1.0,
        measure: timing,
    },
    Claim {
        name: "help",
        says: "sandlab --help, milliseconds",
        bound: 20.0,
        measure: help,
    },
];

#[derive(Serialize)]
struct Measured {
    name: &'static str,
    says: &'static str,
    bound: f64,
    measured: Interval,
    holds: bool,
}

fn main() -> Result<ExitCode> {
    sandlab_runtime::process::serve_if_asked();
    let only = std::env::args().nth(1);
    let chosen = CLAIMS
        .iter()
        .filter(|claim| only.as_deref().is_none_or(|o| o == claim.name));
    let mut all = Vec::new();
    for claim in chosen {
        let measured = (claim.measure)().with_context(|| format!("claim {}", claim.name))?;
        let holds = measured.value <= claim.bound;
        let interval = match (measured.low, measured.high) {
            (Some(low), Some(high)) => format!("{low:.3} – {high:.3}"),
            _ => "no interval".to_owned(),
        };
        println!(
            "{:<8} at most {:>6.2}: {:.3} ({interval})  {}  {}",
            claim.name,
            claim.bound,
            measured.value,
            if holds { "holds" } else { "DOES NOT HOLD" },
            claim.says
        );
        all.push(Measured {
            name: claim.name,
            says: claim.says,
            bound: claim.bound,
            measured,
            holds,
        });
    }
    if all.is_empty() {
        let names: Vec<_> = CLAIMS.iter().map(|claim| claim.name).collect();
        eprintln!(
            "error: no claim has that name; there are {}",
            names.join(", ")
        );
        return Ok(ExitCode::from(2));
    }
    if let Some(file) = std::env::var_os("CLAIMS_JSON") {
        let json = serde_json::to_vec_pretty(&all)?;
        sandlab::results::write_whole(file.as_ref(), &json)?;
    }
    Ok(ExitCode::from(u8::from(
        !all.iter().all(|claim| claim.holds),
    )))
}

const ROUNDS: usize = 41;

/// The median of one side's time by the other's, interleaved A B B A.
fn ratio(
    mut ours: impl FnMut() -> Result<()>,
    mut theirs: impl FnMut() -> Result<()>,
    times: u32,
) -> Result<Interval> {
    fn time(side: &mut dyn FnMut() -> Result<()>, times: u32) -> Result<f64> {
        let start = Instant::now();
        for _ in 0..times {
            side()?;
        }
        Ok(start.elapsed().as_secs_f64())
    }
    let mut ratios = Vec::new();
    for _ in 0..ROUNDS {
        let mut a = time(&mut ours, times)?;
        let b = time(&mut theirs, times)? + time(&mut theirs, times)?;
        a += time(&mut ours, times)?;
        ratios.push(a / b);
    }
    median_interval(&ratios).context("no rounds")
}

fn call() -> Result<Interval> {
    let (bytes, profile) = (echo(), Profile::default());
    let sandbox = SandboxEngine::new(&profile)?.load_bytes(&bytes)?;
    let mut agent = sandbox.spawn(Identity::alone())?;
    let mut by_hand =
        by_wasmtime(by_wasmtime(Reference::load(&bytes, &wasm::config(&profile)?))?.spawn())?;
    let (message, request) = (
        Message::request([7; 1_024]),
        reference::request(vec![7; 1_024]),
    );
    ratio(
        || check(agent.as_mut(), &message),
        || match by_wasmtime(by_hand.handle(&request))? {
            (1, 1_024) => Ok(()),
            other => bail!("the reference replied {other:?}"),
        },
        5_000,
    )
}

/// Wasmtime's errors are no `std::error::Error`.
fn by_wasmtime<T>(result: wasmtime::Result<T>) -> Result<T> {
    result.map_err(|error| anyhow::anyhow!("wasmtime by hand: {error:#}"))
}

fn check(agent: &mut dyn Agent, message: &Message) -> Result<()> {
    let handled = agent.handle(message)?;
    match handled.replies.as_slice() {
        [reply] if reply.content.len() == message.content.len() => Ok(()),
        replies => bail!("the agent replied {} times", replies.len()),
    }
}

fn spawn() -> Result<Interval> {
    let (bytes, profile) = (echo(), Profile::default());
    let sandbox = SandboxEngine::new(&profile)?.load_bytes(&bytes)?;
    let by_hand = by_wasmtime(Reference::load(&bytes, &wasm::config(&profile)?))?;
    let (message, request) = (Message::request([7; 16]), reference::request(vec![7; 16]));
    ratio(
        || check(sandbox.spawn(Identity::alone())?.as_mut(), &message),
        || match by_wasmtime(by_hand.spawn().and_then(|mut agent| agent.handle(&request)))? {
            (1, 16) => Ok(()),
            other => bail!("the reference replied {other:?}"),
        },
        300,
    )
}

/// Of each round, the geometric mean over the agents.
fn sandbox() -> Result<Interval> {
    let settings = Settings::default();
    let mut ratios = vec![Vec::new(); settings.rounds as usize];
    for name in COMPUTE {
        let subject = bundle::find(name, &mut |_| {})?;
        let backends = [BackendKind::Wasm, BackendKind::Native];
        let loaded = Loaded::new(&subject, &backends, &Profile::default(), false)?;
        let cases = setup::cases(&subject, settings.seed)?;
        let case = cases.iter().find(|case| case.size == SIZES.last().copied());
        let sampled = compare(&loaded, case.context("no large case")?, &settings, &|| {
            false
        })?;
        let [(_, wasm), (_, native)] = sampled.ns.as_slice() else {
            bail!("{name} was not measured on both");
        };
        for (round, (wasm, native)) in ratios.iter_mut().zip(wasm.iter().zip(native)) {
            round.push(wasm / native);
        }
    }
    let means: Vec<f64> = ratios
        .iter()
        .filter_map(|round| geometric_mean(round))
        .collect();
    median_interval(&means).context("no rounds")
}

/// The smallest message on the fastest backend: where timing weighs most.
fn timing() -> Result<Interval> {
    let subject = bundle::find("echo", &mut |_| {})?;
    let loaded = Loaded::new(&subject, &[BackendKind::Native], &Profile::default(), false)?;
    let cases = setup::cases(&subject, 1)?;
    let settings = Settings {
        rounds: 3,
        ..Settings::default()
    };
    let mut shares = Vec::new();
    for _ in 0..11 {
        let sampled = compare(
            &loaded,
            cases.first().context("no case")?,
            &settings,
            &|| false,
        )?;
        let (_, ns) = sampled.ns.first().context("not measured")?;
        let median = median_interval(ns).context("no rounds")?;
        shares.push(sampled.timing_ns / median.value * 100.0);
    }
    median_interval(&shares).context("no shares")
}

fn help() -> Result<Interval> {
    let sandlab = std::env::current_exe()?.with_file_name("sandlab");
    let run = || -> Result<f64> {
        let start = Instant::now();
        let status = Command::new(&sandlab)
            .arg("--help")
            .stdout(Stdio::null())
            .status()?;
        anyhow::ensure!(status.success(), "sandlab --help failed: {status}");
        Ok(start.elapsed().as_secs_f64() * 1e3)
    };
    let times = (0..21).map(|_| run()).collect::<Result<Vec<_>>>()?;
    median_interval(&times).context("never run")
}
