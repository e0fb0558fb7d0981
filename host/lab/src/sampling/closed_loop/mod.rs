//! How many messages a second go through the whole path, client and all.
//!
//! A closed loop: each connection, a thread, keeps a stated number of messages in flight,
//! to all agents in turn. Every reply is checked against the message that it answers.
//! Little's law checks the bookkeeping: what is in flight on average must be the rate times
//! the time that a message takes.

mod driver;
mod tasks;

use crate::sampling::closed_loop::tasks::tasks;
use crate::sampling::cpu::process_cpu;
use crate::sampling::fleet::Fleet;
use crate::sampling::open_loop::Go;
use crate::{Error, Result};
use driver::Driver;
use sandlab_runtime::Backend;
use sandlab_runtime::messaging::{AgentOptions, Runtime, Settings, Strategy};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// What to load the path with.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Load {
    /// Agents, spread over all shards.
    pub agents: usize,
    /// What each of them is configured with, if anything.
    #[serde(skip)]
    pub config: Option<&'static str>,
    /// How they are handed their messages.
    #[schemars(with = "serde_json::Value")]
    pub strategy: Strategy,
    /// The content of each message, bytes; at least 8.
    pub size: usize,
    /// Messages that each connection has in flight.
    pub depth: u32,
    /// Connections, each with its own driver.
    pub connections: usize,
    /// Where the drivers run.
    pub clients: Clients,
    /// Whether a reply is awaited.
    pub mode: Mode,
    /// How long to measure, after a tenth as long to warm up.
    pub duration: Duration,
}

impl Load {
    /// What its agents are started with.
    pub fn options(&self) -> AgentOptions {
        AgentOptions {
            config: self.config.map(|config| config.as_bytes().to_vec()),
            strategy: self.strategy,
            ..AgentOptions::default()
        }
    }

    /// How long an interval is: a tenth of it, at most a second.
    pub(super) fn interval(&self) -> Duration {
        (self.duration / 10).min(Duration::from_secs(1))
    }
}

/// Where a load's drivers run.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, clap::ValueEnum,
)]
#[serde(rename_all = "kebab-case")]
pub enum Clients {
    /// Each on a thread of its own, beside the shards.
    Threads,
    /// On the shards, in turn: no thread has to be woken for a message.
    Shards,
    /// The same, each with the agents of its own shard: no message goes to another core. Of a
    /// shard without a connection the agents have nothing to do.
    Local,
}

/// What a client wants of an agent.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, clap::ValueEnum,
)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// A reply, which is checked.
    Ask,
    /// Nothing but to be rid of the message.
    Tell,
    /// A reply, from whichever agent of a pool: so many tasks at once as there are
    /// messages in flight, then as many again.
    Task,
}

/// What was counted in a stretch of time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Throughput {
    /// Messages that came to their end.
    pub messages: u64,
    /// How long it was, seconds.
    pub seconds: f64,
    /// From the batch that a message left with until its end was seen, all together,
    /// nanoseconds. None of a tell, which has no reply to see it by.
    pub waited_ns: Option<u64>,
    /// Messages in flight × seconds.
    pub in_flight_seconds: f64,
    /// CPU time of the whole process, agents, path and clients, nanoseconds; of the process
    /// backend's children nothing.
    pub cpu_ns: u64,
    /// The clients' part of it; none on the shards, where it cannot be told apart.
    pub client_cpu_ns: Option<u64>,
}

impl Throughput {
    /// Adds what was counted in the next stretch of time.
    pub fn absorb(&mut self, next: &Self) {
        let sum = |a: Option<u64>, b: Option<u64>| Some(a.unwrap_or(0) + b?);
        self.messages += next.messages;
        self.seconds += next.seconds;
        self.waited_ns = sum(self.waited_ns, next.waited_ns);
        self.in_flight_seconds += next.in_flight_seconds;
        self.cpu_ns += next.cpu_ns;
        self.client_cpu_ns = sum(self.client_cpu_ns, next.client_cpu_ns);
    }

    /// Messages a second.
    pub fn rate(&self) -> f64 {
        self.messages as f64 / self.seconds
    }

    /// How long a message took on average, nanoseconds.
    pub fn mean_ns(&self) -> Option<f64> {
        self.a_message(self.waited_ns)
    }

    /// CPU time a message, nanoseconds.
    pub fn cpu_a_message(&self) -> Option<f64> {
        self.a_message(Some(self.cpu_ns))
    }

    /// The clients' CPU time a message, nanoseconds.
    pub fn client_cpu_a_message(&self) -> Option<f64> {
        self.a_message(self.client_cpu_ns)
    }

    fn a_message(&self, all: Option<u64>) -> Option<f64> {
        let all = all.filter(|_| self.messages > 0)?;
        Some(all as f64 / self.messages as f64)
    }

    /// Messages in flight, on average over time.
    pub fn in_flight(&self) -> f64 {
        self.in_flight_seconds / self.seconds
    }

    /// How far that is from the rate times the mean, as a share of it (Little's law).
    pub fn little(&self) -> Option<f64> {
        let expected = self.rate() * self.mean_ns()? / 1e9;
        Some((self.in_flight() - expected).abs() / self.in_flight())
    }
}

/// Starts agents of a backend, and loads them.
///
/// # Errors
/// If an agent does not start, or a message comes to nothing or to a wrong reply.
pub fn throughput(backend: &Arc<dyn Backend>, load: &Load) -> Result<Throughput> {
    let fleet = Fleet::start(backend, load.agents, Settings::default(), &load.options())?;
    throughput_of(&fleet, load)
}

/// Loads a fleet of agents.
///
/// # Errors
/// If a message comes to nothing or to a wrong reply.
pub fn throughput_of(fleet: &Fleet, load: &Load) -> Result<Throughput> {
    let mut all = Throughput::default();
    intervals_of(fleet, load, |interval| {
        all.absorb(interval);
        Ok(Go::On)
    })?;
    Ok(all)
}

/// Loads a fleet of agents, and passes on what was counted in each interval as soon as it
/// is over. It ends early when what takes them says so.
///
/// # Errors
/// If a message comes to nothing or to a wrong reply, and those of what takes the intervals.
pub fn intervals_of(
    fleet: &Fleet,
    load: &Load,
    mut each: impl FnMut(&Throughput) -> Result<Go>,
) -> Result<()> {
    if load.mode == Mode::Task {
        return tasks(fleet, load, each);
    }
    let Fleet {
        runtime, agents, ..
    } = fleet;
    let (sender, counted) = mpsc::channel();
    let stop = Arc::new(AtomicBool::new(false));
    let warm_up = Instant::now() + load.duration / 10;
    for index in 0..load.connections {
        let connection = runtime.connect(load.depth);
        let home = Runtime::shard_of(agents[index % agents.len()]);
        let mut agents = agents.clone();
        if load.clients == Clients::Local {
            agents.retain(|agent| Runtime::shard_of(*agent) == home);
        }
        // Each begins elsewhere, so that they do not follow each other.
        let first = index * agents.len() / load.connections;
        let driver = Driver::new(connection, agents, first, *load);
        let (sender, stop) = (sender.clone(), stop.clone());
        let work = async move {
            if let Err(error) = driver.run(warm_up, &stop, &sender).await {
                // Whoever counts has gone only if another driver failed.
                let _ = sender.send(Err(error));
            }
        };
        match load.clients {
            Clients::Shards => runtime.run_on(index, work),
            Clients::Local => runtime.run_on(home, work),
            Clients::Threads => on_thread(work)?,
        }
    }
    drop(sender);
    std::thread::sleep(warm_up.saturating_duration_since(Instant::now()));
    let mut cpu = process_cpu();
    // What all drivers counted in an interval, and how many of them have.
    let mut open: VecDeque<(Throughput, usize)> = VecDeque::new();
    let (mut ended, mut first) = (0, 0);
    while ended < load.connections {
        let heard = counted.recv_timeout(load.duration + PATIENCE);
        let lost = || Error::Path("a client heard nothing any more".to_owned());
        let Some((number, part)) = heard.map_err(|_| lost())?? else {
            ended += 1;
            continue;
        };
        let place = number - first;
        if open.len() <= place {
            open.resize(place + 1, Default::default());
        }
        let (whole, drivers) = &mut open[place];
        whole.absorb(&part);
        *drivers += 1;
        while let Some((mut whole, _)) = open.pop_front_if(|(_, n)| *n == load.connections) {
            first += 1;
            let now = process_cpu();
            whole.cpu_ns = (now - cpu).as_nanos() as u64;
            cpu = now;
            // The drivers' stretches are the same one.
            whole.seconds /= load.connections as f64;
            if each(&whole)? == Go::Stop {
                stop.store(true, Ordering::Relaxed);
            }
        }
    }
    Ok(())
}

/// What a driver counted, and in which interval; none when it has ended.
type Counted = Option<(usize, Throughput)>;

/// How long after the end a driver may wait for its last reply.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

fn on_thread(work: impl Future<Output = ()> + Send + 'static) -> Result<()> {
    let failed = |error| Error::Machine(format!("cannot start a client: {error}"));
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let runtime = runtime.map_err(failed)?;
    let thread = std::thread::Builder::new().name("client".to_owned());
    let spawned = thread.spawn(move || runtime.block_on(work));
    spawned.map(drop).map_err(failed)
}
