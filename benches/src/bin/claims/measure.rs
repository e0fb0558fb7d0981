//! How each claim is measured: with the code that users run, against wasmtime by hand.

use anyhow::{Context, Result, ensure};
use sandlab::bundle::{self, Subject};
use sandlab::experiments::by_hand::{ByHand, Knobs};
use sandlab::experiments::compare::ladder;
use sandlab::sampling::backends;
use sandlab::sampling::closed_loop::{Clients, Load, Mode, throughput};
use sandlab::sampling::interleave::{Sampled, Settings, sample};
use sandlab::sampling::ring::{Ring, ring};
use sandlab::sampling::setup::{self, Loaded, Side};
use sandlab::stats::{Estimate, geometric_mean, median_interval};
use sandlab::workload::{COMPUTE, Case, SIZES};
use sandlab_benches::{Echo, by_wasmtime, say, say_by_hand};
use sandlab_runtime::config::{Calls, Strategy};
use sandlab_runtime::messaging::{self, AgentOptions, Runtime};
use sandlab_runtime::wasm::SandboxEngine;
use sandlab_runtime::{
    Agent, Backend, BackendKind, Directory, Identity, Message, Peers, SandboxConfig,
};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

const ROUNDS: usize = 41;

/// What one side does once.
type Once<'a> = Box<dyn FnMut() -> Result<()> + 'a>;

/// The median of one side's time by the other's: a round has fresh instances of both, and
/// the order A B B A.
fn ratio<'a>(
    ours: impl Fn() -> Result<Once<'a>>,
    theirs: impl Fn() -> Result<Once<'a>>,
    times: u32,
) -> Result<Estimate> {
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

pub fn call() -> Result<Estimate> {
    let echo = Echo::load(&SandboxConfig::default())?;
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

pub fn spawn() -> Result<Estimate> {
    let echo = Echo::load(&SandboxConfig::default())?;
    let message = Message::request([7; 16]);
    ratio(
        || Ok(Box::new(|| say(echo.ours()?.as_mut(), &message))),
        || Ok(Box::new(|| say_by_hand(&mut echo.by_hand()?, &message))),
        300,
    )
}

/// Agents that stay, of each side's start.
const STAY: usize = 50;

/// What each of some took that were started at once and all stay, seconds; ending them is
/// not timed.
fn managed_start(runtime: &Runtime, backend: &Arc<dyn Backend>) -> Result<f64> {
    let options = AgentOptions::default();
    let start = Instant::now();
    let agents = runtime.spawn_many_on(0, backend, &options, STAY)?;
    let took = start.elapsed().as_secs_f64() / STAY as f64;
    for agent in agents {
        ensure!(runtime.stop(agent), "an agent was not there any more");
    }
    Ok(took)
}

/// `echo`, ready for the message path.
fn on_path(kind: BackendKind) -> Result<(Runtime, Arc<dyn Backend>)> {
    let subject = bundle::find("echo", &mut |_| {})?;
    let settings = messaging::Settings {
        shards: 1,
        ..messaging::Settings::default()
    };
    let backend = backends::backend(&subject, kind, &SandboxConfig::default())?;
    Ok((Runtime::start(settings)?, backend))
}

/// A start on the message path, by one with wasmtime by hand.
pub fn managed() -> Result<Estimate> {
    let (runtime, backend) = on_path(BackendKind::Wasm)?;
    let echo = Echo::load(&SandboxConfig::default())?;
    let by_hand = || -> Result<f64> {
        let start = Instant::now();
        let agents = (0..STAY).map(|_| echo.by_hand());
        let agents = agents.collect::<Result<Vec<_>>>()?;
        let took = start.elapsed().as_secs_f64() / STAY as f64;
        drop(agents);
        Ok(took)
    };
    let mut ratios = Vec::new();
    for round in 0..5 * ROUNDS {
        let (ours, theirs) = if round % 2 == 0 {
            let ours = managed_start(&runtime, &backend)?;
            (ours, by_hand()?)
        } else {
            let theirs = by_hand()?;
            (managed_start(&runtime, &backend)?, theirs)
        };
        ratios.push(ours / theirs);
    }
    median_interval(&ratios).context("no rounds")
}

/// A start on the message path, by that of a child process.
pub fn managed_by_process() -> Result<Estimate> {
    let (runtime, backend) = on_path(BackendKind::Wasm)?;
    let (_, process) = on_path(BackendKind::Process)?;
    let mut ratios = Vec::new();
    for _ in 0..ROUNDS {
        let start = Instant::now();
        let child = process.spawn(Identity::alone())?;
        let theirs = start.elapsed().as_secs_f64();
        drop(child);
        ratios.push(managed_start(&runtime, &backend)? / theirs);
    }
    median_interval(&ratios).context("no rounds")
}

/// A call on a fiber, by one on the caller's stack.
pub fn fiber() -> Result<Estimate> {
    let on_fiber = Echo::load(&SandboxConfig {
        calls: Calls::Async,
        ..SandboxConfig::default()
    })?;
    let on_stack = Echo::load(&SandboxConfig::default())?;
    let message = Message::request([7; 1_024]);
    ratio(
        || Ok(calls(on_fiber.ours()?, &message)),
        || Ok(calls(on_stack.ours()?, &message)),
        5_000,
    )
}

/// A start from the pool, by one on demand.
pub fn pool() -> Result<Estimate> {
    let pooled = Echo::load(&SandboxConfig::default())?;
    let mut sandbox = SandboxConfig::default();
    sandbox.allocation.strategy = Strategy::OnDemand;
    let on_demand = Echo::load(&sandbox)?;
    let message = Message::request([7; 16]);
    ratio(
        || Ok(Box::new(|| say(pooled.ours()?.as_mut(), &message))),
        || Ok(Box::new(|| say(on_demand.ours()?.as_mut(), &message))),
        300,
    )
}

/// The sandbox by the native twin.
pub fn sandbox() -> Result<Estimate> {
    let backends = [BackendKind::Wasm, BackendKind::Native];
    let load = |subject: &Subject, cases: &[Case]| {
        backends::load(subject, &backends, &SandboxConfig::default(), cases)
    };
    mean_of_computing(["wasm", "native"], load)
}

/// The rung with epochs by the lowest of wasmtime.
pub fn deadline() -> Result<Estimate> {
    let load = |subject: &Subject, cases: &[Case]| {
        let mut ladder = ladder::load(subject, &SandboxConfig::default(), cases)?;
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
) -> Result<Estimate> {
    let settings = Settings::default();
    let mut ratios = vec![Vec::new(); settings.rounds as usize];
    for name in COMPUTE {
        let subject = bundle::find(name, &mut |_| {})?;
        let cases = setup::cases(&subject, settings.seed)?;
        let loaded = load(&subject, &cases)?;
        let largest = cases.iter().find(|case| case.size == SIZES.last().copied());
        let case = largest.context("no large case")?;
        let sampled = sample(&loaded, case, &settings)?;
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
pub fn process() -> Result<Estimate> {
    let subject = bundle::find("echo", &mut |_| {})?;
    let cases = setup::cases(&subject, 1)?;
    let backends = [BackendKind::Wasm, BackendKind::Process];
    let loaded = backends::load(&subject, &backends, &SandboxConfig::default(), &cases)?;
    let smallest = cases.first().context("no case")?;
    let sampled = sample(&loaded, smallest, &Settings::default())?;
    median_interval(&ratios_of(&sampled, "wasm", "process")?).context("no rounds")
}

/// The smallest message on the fastest backend: where timing weighs most.
pub fn timing() -> Result<Estimate> {
    let subject = bundle::find("echo", &mut |_| {})?;
    let cases = setup::cases(&subject, 1)?;
    let native = [BackendKind::Native];
    let loaded = backends::load(&subject, &native, &SandboxConfig::default(), &cases)?;
    let settings = Settings {
        rounds: 3,
        ..Settings::default()
    };
    let smallest = cases.first().context("no case")?;
    let share = |_| -> Result<f64> {
        let sampled = sample(&loaded, smallest, &settings)?;
        let side = sampled.sides.first().context("not measured")?;
        let median = median_interval(&side.ns).context("no rounds")?;
        Ok(sampled.timing_ns.context("not timed")? / median.value * 100.0)
    };
    let shares = (0..11).map(share).collect::<Result<Vec<_>>>()?;
    median_interval(&shares).context("no shares")
}

pub fn help() -> Result<Estimate> {
    let times = (0..21).map(|_| seconds(&["--help"]).map(|time| time * 1e3));
    let times = times.collect::<Result<Vec<_>>>()?;
    median_interval(&times).context("never run")
}

/// Once: it takes most of a minute.
pub fn quick() -> Result<Estimate> {
    let time = seconds(&["run", "quick", "--no-store"])?;
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

/// Bare component calls a second, by what goes through the whole path on the same cores:
/// 1,000 agents, a client of 64 messages in flight on each core, 1 KiB.
fn path_clients(clients: Clients) -> Result<Estimate> {
    let load = Load {
        agents: AGENTS,
        config: None,
        strategy: Default::default(),
        size: 1_024,
        depth: IN_FLIGHT as u32,
        connections: cores()?,
        clients,
        mode: Mode::Ask,
        duration: Duration::from_secs(1),
    };
    let backend = backend("echo")?;
    by_bare_calls("echo", &[0x5a; 1_024], || {
        Ok(throughput(&backend, &load)?.rate())
    })
}

/// With clients that have their own agents on their own core.
pub fn path_client() -> Result<Estimate> {
    path_clients(Clients::Local)
}

/// With clients that have all agents: half of the messages go to another core and back.
pub fn path_crossing() -> Result<Estimate> {
    path_clients(Clients::Shards)
}

/// The same for agents that drive each other: 1,000 relays in a ring, and as many tokens as
/// the clients have messages in flight.
pub fn path_ring() -> Result<Estimate> {
    let tokens = Ring {
        agents: AGENTS,
        size: 1_024,
        tokens: IN_FLIGHT * cores()?,
        duration: Duration::from_secs(1),
    };
    let backend = backend("relay")?;
    let token = [&u32::MAX.to_le_bytes()[..], &[0x5a; 1_020]].concat();
    by_bare_calls("relay", &token, || Ok(ring(&backend, &tokens)?))
}

const AGENTS: usize = 1_000;

/// Messages in flight, for each core.
const IN_FLIGHT: usize = 64;

fn cores() -> Result<usize> {
    Ok(std::thread::available_parallelism()?.get())
}

/// A sandbox config whose pool has room for both sides.
fn crowded() -> SandboxConfig {
    let mut sandbox = SandboxConfig::default();
    sandbox.allocation.slots = AGENTS as u32 + 10;
    sandbox
}

fn backend(agent: &str) -> Result<Arc<dyn Backend>> {
    let subject = bundle::find(agent, &mut |_| {})?;
    let sandbox = SandboxEngine::new(&crowded())?.load(&subject.component())?;
    Ok(Arc::new(sandbox))
}

fn by_bare_calls(
    agent: &str,
    content: &[u8],
    through_path: impl Fn() -> Result<f64>,
) -> Result<Estimate> {
    let subject = bundle::find(agent, &mut |_| {})?;
    let component = std::fs::read(subject.component())?;
    let knobs = Knobs {
        epochs: true,
        wasi: true,
        ..Knobs::default()
    };
    let by_hand = ByHand::load(&component, &crowded(), knobs).map_err(by_wasmtime)?;
    let mut ratios = Vec::new();
    for round in 0..9 {
        let (bare, path) = if round % 2 == 0 {
            let bare = bare_calls(&by_hand, content)?;
            (bare, through_path()?)
        } else {
            let path = through_path()?;
            (bare_calls(&by_hand, content)?, path)
        };
        ratios.push(bare / path);
    }
    median_interval(&ratios).context("no rounds")
}

/// Calls a second by a thread a core, each over its share of the agents in turn.
fn bare_calls(by_hand: &ByHand, content: &[u8]) -> Result<f64> {
    let threads = cores()?;
    let share = || -> Result<f64> {
        let peers: Peers = (0..2).map(|n| (format!("relay-{n}"), n + 2)).collect();
        let peers: Arc<dyn Directory> = Arc::new(peers);
        let start = |_| -> Result<_> {
            let mut agent = by_hand.instantiate(peers.clone()).map_err(by_wasmtime)?;
            agent.call_configure(b"ring relay-0").ok();
            Ok(agent)
        };
        let mut agents = (0..AGENTS / threads)
            .map(start)
            .collect::<Result<Vec<_>>>()?;
        let message = Message::request(content);
        let start = Instant::now();
        let mut calls = 0_u64;
        while start.elapsed() < Duration::from_secs(1) {
            for agent in &mut agents {
                std::hint::black_box(agent.handle(&message)?);
                calls += 1;
            }
        }
        Ok(calls as f64 / start.elapsed().as_secs_f64())
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(share)).collect();
        let rates = threads.into_iter().map(|thread| {
            let joined = thread.join();
            joined.map_err(|_| anyhow::anyhow!("a thread of bare calls panicked"))?
        });
        rates.sum::<Result<f64>>()
    })
}
