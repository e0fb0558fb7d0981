//! Measures agents' memory and CPU: when they are there, when they have worked, when
//! their state is saved, and while nobody wants anything of them.

use super::found::{Footprint, Found, Memory};
use crate::record::Part;
use crate::record::Phase;
use crate::sampling::cpu::process_cpu;
use crate::sampling::fleet;
use crate::sampling::open_loop::{Generator, Schedule, Segment, WINDOW, drive};
use crate::sampling::probe::{ProbeRequest, Probed};
use crate::sampling::process_memory::{children, heap, proportional};
use crate::sampling::program::Program;
use crate::sampling::recorder::Recorder;
use crate::{Error, Result};
use sandlab_runtime::messaging::{AgentOptions, Connection, Runtime, Settings};
use sandlab_runtime::{AgentId, Interface};
use std::num::NonZeroU32;
use std::thread;
use std::time::{Duration, Instant};

/// The load under which agents' memory and CPU are read.
#[derive(Debug, Clone, Copy)]
pub struct Settled {
    /// Agents at once. Memory is reported per agent, as a share of all.
    pub agents: usize,
    /// Messages per second, to all of them together.
    pub rate: f64,
    /// The time at that rate, and again the time without messages.
    pub duration: Duration,
    /// Threads that the agents live on.
    pub shards: usize,
}

/// Messages that each agent handles before its memory is read again.
pub const MESSAGES: u32 = 1_000;

/// Messages whose CPU is told.
pub const COUNTED: usize = 10_000;

/// The memory in use at a moment, bytes.
struct Reading {
    resident: u64,
    linear: u64,
    heap: Option<u64>,
}

/// Measures a program's agents.
///
/// # Errors
/// If an agent does not start or answers something else, or the kernel does not tell.
pub fn run(
    program: &Program,
    probe: &ProbeRequest,
    settled: &Settled,
    to: &mut dyn Recorder,
) -> Result<()> {
    let rate = Some(settled.rate);
    to.part(Part {
        // They get one message, over and over.
        size: Some(probe.request.len()),
        mean_bytes: None,
        ..program.part("footprint", settled.agents, rate, settled.shards)
    })?;
    if let Some(why) = program.refuses(settled.agents) {
        return to.unavailable(why);
    }
    let runtime = fleet::start_runtime(Settings { shards: settled.shards, ..Settings::default() })?;
    let idle = used_in(settled.duration)?;
    let mut bench = Bench::start(program, probe, settled, runtime)?;
    to.found(&Found::Footprint(bench.measure(idle, settled)?))?;
    let Bench { runtime, agents, .. } = bench;
    let script = Probed::new(probe.clone(), agents)?;
    let mut generator = Generator::new(runtime.connect(WINDOW), script);
    let steady = Segment::steady(Phase::Steady, settled.rate, settled.duration);
    let schedule = Schedule::new(vec![steady]);
    drive(&mut generator, schedule, settled.duration / 10, |window| to.window(window)).map(drop)
}

/// Agents on the path, and what was there before them.
struct Bench<'a> {
    probe: &'a ProbeRequest,
    connection: Connection,
    runtime: Runtime,
    agents: Vec<AgentId>,
    before: Reading,
    start_ns: f64,
    has_state: bool,
}

impl<'a> Bench<'a> {
    fn start(
        program: &Program,
        probe: &'a ProbeRequest,
        settled: &Settled,
        runtime: Runtime,
    ) -> Result<Self> {
        let has_state = program.start.offers(Interface::State).is_ok();
        let options = AgentOptions {
            // The first message after all that are counted.
            checkpoint_every: has_state.then(|| NonZeroU32::MIN.saturating_add(MESSAGES)),
            ..probe.options()
        };
        // Another agent first, so that what is there once is there.
        let warm = runtime.spawn(None, program.start.clone(), probe.options());
        runtime.stop(warm?);
        let connection = runtime.connect(64);
        let before = Reading::of(&runtime)?;
        let cpu = cpu()?;
        let started = runtime.spawn_many(&program.start, &options, settled.agents);
        let agents = started?;
        let start_ns = ns_since(cpu)? / settled.agents as f64;
        Ok(Self { probe, connection, runtime, agents, before, start_ns, has_state })
    }

    fn measure(&mut self, idle: f64, settled: &Settled) -> Result<Footprint> {
        let created = self.memory()?;
        let idle_with_agents = used_in(settled.duration)?;
        let all = settled.agents * MESSAGES as usize;
        let counted = all.min(COUNTED);
        let cpu = cpu()?;
        self.send(0, counted)?;
        let message_ns = ns_since(cpu)? / counted as f64;
        self.send(counted, all)?;
        let processed = self.memory()?;
        let saved = if self.has_state {
            self.send(0, settled.agents)?;
            Some(self.memory()?)
        } else {
            None
        };
        Ok(Footprint {
            created,
            processed,
            saved,
            idle,
            idle_with_agents,
            start_ns: self.start_ns,
            message_ns,
        })
    }

    /// Sends the messages with these numbers, each agent one in turn.
    fn send(&mut self, from: usize, to: usize) -> Result<()> {
        let agents = self.agents.iter().copied().cycle();
        let turns = agents.skip(from % self.agents.len()).take(to - from);
        let said = self.probe.exchange(&mut self.connection, turns);
        said.map_err(Error::Path)
    }

    fn memory(&self) -> Result<Memory> {
        let now = Reading::of(&self.runtime)?;
        let agents = self.agents.len() as f64;
        let each = |now: u64, before: u64| (now as f64 - before as f64) / agents;
        let heap = now.heap.zip(self.before.heap);
        Ok(Memory {
            resident: each(now.resident, self.before.resident),
            linear: each(now.linear, self.before.linear),
            heap: heap.map(|(now, before)| each(now, before)),
        })
    }
}

impl Reading {
    fn of(runtime: &Runtime) -> Result<Self> {
        let own = proportional().ok_or_else(unknown)?;
        let theirs: u64 = children().iter().map(|child| child.resident).sum();
        Ok(Self { resident: own + theirs, linear: runtime.census().linear_memory, heap: heap() })
    }
}

fn unknown() -> Error {
    Error::Machine("the kernel does not tell what is used: /proc is needed".to_owned())
}

/// Returns the CPU time that this process and its living children have used.
fn cpu() -> Result<Duration> {
    let theirs: Duration = children().iter().map(|child| child.cpu).sum();
    Ok(process_cpu() + theirs)
}

fn ns_since(before: Duration) -> Result<f64> {
    Ok(cpu()?.saturating_sub(before).as_nanos() as f64)
}

/// Returns the CPU time that is used while no message is sent, as a share of a core.
fn used_in(duration: Duration) -> Result<f64> {
    // Shards look for work a while before they sleep.
    thread::sleep(Duration::from_millis(10));
    let (start, before) = (Instant::now(), cpu()?);
    thread::sleep(duration);
    Ok(ns_since(before)? / start.elapsed().as_nanos() as f64)
}
