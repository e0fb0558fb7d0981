//! How many messages a second go through the whole path, client and all.
//!
//! A closed loop: each connection, a thread, keeps a stated number of messages in flight,
//! to all agents in turn. Every reply is checked against the message that it answers.
//! Little's law checks the bookkeeping: what is in flight on average must be the rate times
//! the time that a message takes.

use super::clock::{process_cpu, thread_cpu};
use super::departures::Departures;
use super::fleet::Fleet;
use super::open_loop::{check, numbered};
use crate::{Error, Result};
use sandlab_runtime::path::{AgentOptions, Connection, Runtime, Settings, Strategy, Undelivered};
use sandlab_runtime::{AgentId, Backend, Message, Performative};
use serde::{Deserialize, Serialize};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

/// What to load the path with.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Load {
    /// Agents, spread over all shards.
    pub agents: usize,
    /// What each of them is configured with, if anything.
    pub config: Option<&'static str>,
    /// How they are handed their messages.
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

/// Where a load's drivers run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Clients {
    /// Each on a thread of its own, beside the shards.
    Threads,
    /// On the shards, in turn: no thread has to be woken for a message.
    Shards,
}

/// What a client wants of an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// A reply, which is checked.
    Ask,
    /// Nothing but to be rid of the message.
    Tell,
}

/// What was measured.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct Throughput {
    /// Messages a second that came to their end.
    pub rate: f64,
    /// From the batch that a message left with until its end was seen, on average.
    /// None of a tell, which has no reply to see it by.
    pub mean_ns: Option<f64>,
    /// Messages in flight, on average over time.
    pub in_flight: f64,
    /// CPU time of the whole process, agents, path and clients, a message; of the process
    /// backend's children nothing.
    pub cpu_ns: f64,
    /// The clients' part of it; on the shards it cannot be told apart.
    pub client_cpu_ns: Option<f64>,
    /// How far in flight is from rate × mean, as a share of it.
    pub little: Option<f64>,
}

/// Starts agents of a backend, and loads them.
///
/// # Errors
/// If an agent does not start, or a message comes to nothing or to a wrong reply.
pub fn throughput(backend: &Arc<dyn Backend>, load: &Load) -> Result<Throughput> {
    let options = AgentOptions {
        config: load.config.map(|config| config.as_bytes().to_vec()),
        strategy: load.strategy,
        ..AgentOptions::default()
    };
    let fleet = Fleet::start(backend, load.agents, Settings::default(), &options)?;
    throughput_of(&fleet, load)
}

/// Loads a fleet of agents.
///
/// # Errors
/// If a message comes to nothing or to a wrong reply.
pub fn throughput_of(fleet: &Fleet, load: &Load) -> Result<Throughput> {
    let Fleet {
        runtime, agents, ..
    } = fleet;
    let warm_up = Instant::now() + load.duration / 10;
    let end = warm_up + load.duration;
    let drivers: Vec<_> = (0..load.connections)
        .map(|index| {
            let connection = runtime.connect(load.depth);
            // Each begins elsewhere, so that they do not follow each other.
            let first = index * load.agents / load.connections;
            Driver::new(connection, agents.clone(), first, *load)
        })
        .collect();
    let (sender, results) = mpsc::channel();
    for (index, driver) in drivers.into_iter().enumerate() {
        let sender = sender.clone();
        let work = async move {
            // Whoever counts has gone only if another driver failed.
            let _ = sender.send(driver.run(warm_up, end).await);
        };
        match load.clients {
            Clients::Shards => runtime.run_on(index, work),
            Clients::Threads => on_thread(work)?,
        }
    }
    drop(sender);
    std::thread::sleep(warm_up.saturating_duration_since(Instant::now()));
    let before = process_cpu();
    std::thread::sleep(end.saturating_duration_since(Instant::now()));
    let cpu = process_cpu() - before;
    let mut all = Totals::default();
    for _ in 0..load.connections {
        let totals = results.recv_timeout(PATIENCE);
        let lost = || Error::Path("a client heard nothing any more".to_owned());
        all.add(&totals.map_err(|_| lost())??);
    }
    Ok(sum_up(&all, cpu, load))
}

/// How long after the end a driver may wait for its last reply.
const PATIENCE: Duration = Duration::from_secs(30);

fn on_thread(work: impl Future<Output = ()> + Send + 'static) -> Result<()> {
    let failed = |error| Error::Machine(format!("cannot start a client: {error}"));
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let runtime = runtime.map_err(failed)?;
    let thread = std::thread::Builder::new().name("client".to_owned());
    let spawned = thread.spawn(move || runtime.block_on(work));
    spawned.map(drop).map_err(failed)
}

/// The path, ready for agents.
pub(super) fn start(settings: Settings) -> Result<Runtime> {
    Runtime::start(settings)
        .map_err(|error| Error::Machine(format!("cannot start the shards: {error}")))
}

fn sum_up(totals: &Totals, cpu: Duration, load: &Load) -> Throughput {
    let seconds = load.duration.as_secs_f64();
    let messages = totals.done as f64;
    let rate = messages / seconds;
    let mean_ns = (load.mode == Mode::Ask).then(|| totals.waited.as_nanos() as f64 / messages);
    let in_flight = totals.in_flight / seconds;
    Throughput {
        rate,
        mean_ns,
        in_flight,
        cpu_ns: cpu.as_nanos() as f64 / messages,
        client_cpu_ns: (load.clients == Clients::Threads)
            .then(|| totals.cpu.as_nanos() as f64 / messages),
        little: mean_ns.map(|mean_ns| (in_flight - rate * mean_ns / 1e9).abs() / in_flight),
    }
}

/// What drivers counted while it was measured.
#[derive(Default)]
struct Totals {
    done: u64,
    waited: Duration,
    /// Messages in flight × seconds.
    in_flight: f64,
    cpu: Duration,
}

impl Totals {
    fn add(&mut self, other: &Self) {
        self.done += other.done;
        self.waited += other.waited;
        self.in_flight += other.in_flight;
        self.cpu += other.cpu;
    }
}

/// One connection's thread.
struct Driver {
    connection: Connection,
    agents: Vec<AgentId>,
    next: usize,
    load: Load,
    payload: Vec<u8>,
    left: Departures<Instant>,
    totals: Totals,
}

impl Driver {
    fn new(connection: Connection, agents: Vec<AgentId>, next: usize, load: Load) -> Self {
        Self {
            connection,
            agents,
            next,
            load,
            payload: vec![0x5a; load.size.max(8)],
            left: Departures::default(),
            totals: Totals::default(),
        }
    }

    /// Runs until the end, and counts from the start on.
    async fn run(mut self, start: Instant, end: Instant) -> Result<Totals> {
        let mut before = Instant::now();
        let mut cpu = thread_cpu();
        let mut counts = false;
        loop {
            self.fill(before)?;
            let in_flight = f64::from(self.connection.in_flight());
            let first = self.connection.next().await;
            let now = Instant::now();
            if counts {
                self.totals.in_flight += in_flight * (now - before).as_secs_f64();
            }
            before = now;
            for (id, outcome) in first
                .into_iter()
                .chain(std::iter::from_fn(|| self.connection.try_next()))
            {
                expect(id, outcome, self.payload.len())?;
                if self.load.mode == Mode::Tell {
                    continue;
                }
                let left = self.left.take(id);
                let left =
                    left.ok_or_else(|| Error::Path(format!("message {id} was answered twice")))?;
                if counts {
                    self.totals.done += 1;
                    self.totals.waited += now - left;
                }
            }
            let still = f64::from(self.connection.in_flight());
            if self.load.mode == Mode::Tell && counts {
                // Without replies, an end is a place in the window that came back.
                self.totals.done += (in_flight - still) as u64;
            }
            if now >= end {
                self.totals.cpu = thread_cpu() - cpu;
                return Ok(self.totals);
            }
            if !counts && now >= start {
                counts = true;
                cpu = thread_cpu();
            }
        }
    }

    /// Sends until the window is full.
    fn fill(&mut self, now: Instant) -> Result<()> {
        let performative = match self.load.mode {
            Mode::Ask => Performative::Request,
            Mode::Tell => Performative::Inform,
        };
        while self.connection.in_flight() < self.load.depth {
            let number = self.connection.next_id();
            let content = numbered(&self.payload, number);
            let agent = self.agents[self.next];
            self.next = (self.next + 1) % self.agents.len();
            let sent = self.connection.send(agent, performative, content);
            sent.map_err(|error| Error::Path(error.to_string()))?;
            if self.load.mode == Mode::Ask {
                self.left.push(number, now);
            }
        }
        Ok(())
    }
}

/// What came of a message has to be a reply that echoes it.
fn expect(id: u64, outcome: Result<Message, Undelivered>, length: usize) -> Result<()> {
    let reply = outcome.map_err(|why| Error::Path(format!("message {id}: {why}")))?;
    check(id, &reply, length)
}
