//! What agents take of memory and CPU: when they are there, when they have worked, when
//! their state is saved, and while nobody wants anything of them.

use crate::experiments::load::Program;
use crate::experiments::record::{Experiment, Finding, Part, Recorder};
use crate::record::Entry;
use crate::record::Phase;
use crate::sampling::cpu::process_cpu;
use crate::sampling::fleet;
use crate::sampling::open_loop::{Generator, Schedule, Segment, WINDOW, drive};
use crate::sampling::probe::{Greeted, Greeting};
use crate::sampling::process_memory::{children, heap, proportional};
use crate::{Error, Result};
use sandlab_runtime::messaging::{AgentOptions, Connection, Runtime, Settings};
use sandlab_runtime::{AgentId, Interface};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::num::NonZeroU32;
use std::thread;
use std::time::{Duration, Instant};

/// How agents are profiled.
#[derive(Debug, Clone, Copy)]
pub struct Profiling {
    /// How many there are: memory is told of one, as a share of all.
    pub agents: usize,
    /// Messages a second, to all of them together.
    pub rate: f64,
    /// How long to hold that rate, and how long to be idle.
    pub duration: Duration,
    /// Threads that the agents live on.
    pub shards: usize,
}

/// What one agent takes on average.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Profiled {
    /// Once it is there.
    pub created: Memory,
    /// After [`MESSAGES`] more.
    pub processed: Memory,
    /// After its state was saved; none of an agent that has no `state`.
    pub saved: Option<Memory>,
    /// CPU while nothing is there, as a share of a core.
    pub idle: f64,
    /// CPU while all agents are there and nobody wants anything of them, the same.
    pub idle_with_agents: f64,
    /// CPU to start one, nanoseconds.
    pub start_ns: f64,
    /// CPU a message, the client's included, nanoseconds: of the first [`COUNTED`].
    pub message_ns: f64,
}

/// What one agent takes, bytes, more than there was before.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Memory {
    /// Its share of the proportional set, of a child process all of it.
    pub resident: f64,
    /// Its linear memory.
    pub linear: f64,
    /// The host's heap, exactly as it was asked for; none in a program whose allocator does
    /// not count.
    pub heap: Option<f64>,
}

/// Messages that each agent handles before its memory is read again.
pub const MESSAGES: u32 = 1_000;

/// Messages whose CPU is told.
pub const COUNTED: usize = 10_000;

/// What there is at a moment.
struct Reading {
    resident: u64,
    linear: u64,
    heap: Option<u64>,
}

/// Profiles a program's agents.
///
/// # Errors
/// If an agent does not start or answers something else, or the kernel does not tell.
pub fn sandbox(
    program: &Program,
    greeting: &Greeting,
    how: &Profiling,
    to: &mut dyn Recorder,
) -> Result<()> {
    to.record(Entry::Part(Part {
        experiment: Experiment::Footprint,
        agent: program.agent.clone(),
        backend: program.backend,
        agents: how.agents,
        size: greeting.request.len(),
        rate: Some(how.rate),
        shards: how.shards,
        closed: None,
    }))?;
    if let Some(why) = program.refuses(how.agents) {
        return to.finding(Finding::Unavailable { why });
    }
    let runtime = fleet::path(Settings {
        shards: how.shards,
        ..Settings::default()
    })?;
    let idle = used_in(how.duration)?;
    let mut bench = Bench::start(program, greeting, how, runtime)?;
    to.finding(Finding::Profiled(Box::new(bench.sandbox(idle, how)?)))?;
    let Bench {
        runtime, agents, ..
    } = bench;
    let script = Greeted::new(greeting.clone(), agents)?;
    let mut generator = Generator::new(runtime.connect(WINDOW), script);
    let schedule = Schedule::new(vec![Segment::steady(Phase::Steady, how.rate, how.duration)]);
    drive(&mut generator, schedule, how.duration / 10, |interval| {
        to.interval(interval)
    })
}

/// Agents on the path, and what was there before them.
struct Bench<'a> {
    greeting: &'a Greeting,
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
        greeting: &'a Greeting,
        how: &Profiling,
        runtime: Runtime,
    ) -> Result<Self> {
        let has_state = program.start.offers(Interface::State).is_ok();
        let options = AgentOptions {
            // The first message after all that are counted.
            checkpoint_every: has_state.then(|| NonZeroU32::MIN.saturating_add(MESSAGES)),
            ..greeting.options()
        };
        // Another agent first, so that what is there once is there.
        let warm = runtime.spawn(None, program.start.clone(), greeting.options());
        let warm = warm.map_err(|error| Error::Path(error.to_string()))?;
        runtime.stop(warm);
        let connection = runtime.connect(64);
        let before = Reading::of(&runtime)?;
        let cpu = cpu()?;
        let started = runtime.spawn_many(&program.start, &options, how.agents);
        let agents = started.map_err(|error| Error::Path(error.to_string()))?;
        let start_ns = ns_since(cpu)? / how.agents as f64;
        Ok(Self {
            greeting,
            connection,
            runtime,
            agents,
            before,
            start_ns,
            has_state,
        })
    }

    fn sandbox(&mut self, idle: f64, how: &Profiling) -> Result<Profiled> {
        let created = self.memory()?;
        let idle_with_agents = used_in(how.duration)?;
        let all = how.agents * MESSAGES as usize;
        let counted = all.min(COUNTED);
        let cpu = cpu()?;
        self.say(0, counted)?;
        let message_ns = ns_since(cpu)? / counted as f64;
        self.say(counted, all)?;
        let processed = self.memory()?;
        let saved = if self.has_state {
            self.say(0, how.agents)?;
            Some(self.memory()?)
        } else {
            None
        };
        Ok(Profiled {
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
    fn say(&mut self, from: usize, to: usize) -> Result<()> {
        let agents = self.agents.iter().copied().cycle();
        let turns = agents.skip(from % self.agents.len()).take(to - from);
        let said = self.greeting.exchange(&mut self.connection, turns);
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
        Ok(Self {
            resident: own + theirs,
            linear: runtime.census().linear_memory,
            heap: heap(),
        })
    }
}

fn unknown() -> Error {
    Error::Machine("the kernel does not tell what is used: /proc is needed".to_owned())
}

/// CPU that this process and its living children have used.
fn cpu() -> Result<Duration> {
    let theirs: Duration = children().iter().map(|child| child.cpu).sum();
    Ok(process_cpu() + theirs)
}

fn ns_since(before: Duration) -> Result<f64> {
    Ok(cpu()?.saturating_sub(before).as_nanos() as f64)
}

/// CPU that is used meanwhile though nobody wants anything, as a share of a core.
fn used_in(duration: Duration) -> Result<f64> {
    // Shards look for work a while before they sleep.
    thread::sleep(Duration::from_millis(10));
    let (start, before) = (Instant::now(), cpu()?);
    thread::sleep(duration);
    Ok(ns_since(before)? / start.elapsed().as_nanos() as f64)
}
