//! Reference agents behind the message path, driven by as many messages as criterion asks for.

use anyhow::{Context, Result, anyhow, bail};
use sandlab::bundle::find;
use sandlab::sampling::fleet::Fleet;
use sandlab::sampling::open_loop::Verdict;
use sandlab::sampling::traffic::{Conversation, Traffic};
use sandlab::workload;
use sandlab_runtime::messaging::{AgentOptions, Connection, Settings};
use sandlab_runtime::native::Twin;
use sandlab_runtime::wasm::SandboxEngine;
use sandlab_runtime::{Backend, BackendKind, Performative, SandboxConfig};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

/// The seed of the messages, so that each run sends the same.
const SEED: u64 = 0;

/// The backends that are measured side by side.
pub const BACKENDS: [BackendKind; 2] = [BackendKind::Wasm, BackendKind::Native];

/// Agents of one kind on a runtime's shards, and what they are sent.
pub struct Driven {
    fleet: Fleet,
    traffic: Traffic,
    shards: usize,
}

impl Driven {
    /// Starts so many agents, spread over a shard per core. They are sent messages of about `size`
    /// bytes.
    ///
    /// # Errors
    /// If the agent is not built, or does not start.
    pub fn start(agent: &str, backend: BackendKind, agents: usize, size: usize) -> Result<Self> {
        let backend = load(agent, backend, agents)?;
        let traffic = match agent {
            "echo" => Traffic::Echo { size },
            _ => {
                let case = workload::of_size(agent, size, SEED);
                Traffic::series(case.with_context(|| format!("{agent} has no workload"))?)?
            }
        };
        let options = AgentOptions::default();
        let settings = Settings::default();
        let fleet = Fleet::start(&backend, agents, settings, &options)?;
        Ok(Self { fleet, traffic, shards: settings.shards })
    }

    /// Sends so many messages from a client on each shard, each with `in_flight` of them on their
    /// way, to its share of the agents in turn. Returns the time until the last reply.
    ///
    /// # Errors
    /// If a message comes to nothing, or to a wrong reply.
    pub fn exchange(&self, messages: u64, in_flight: u32) -> Result<Duration> {
        let clients = self.shards.min(self.fleet.agents.len());
        let (sender, ended) = mpsc::channel();
        let start = Instant::now();
        for index in 0..clients {
            let own = |place: &usize| place % clients == index;
            let agents = self.fleet.agents.iter().copied().zip(0..);
            let conversation = Conversation::with(
                &self.fleet,
                &self.traffic,
                agents.filter(|(_, place)| own(place)).collect(),
            );
            let connection = self.fleet.runtime.connect(in_flight);
            let share =
                messages / clients as u64 + u64::from((index as u64) < messages % clients as u64);
            let sender = sender.clone();
            self.fleet.runtime.run_on(index, async move {
                // Whoever waits is there until all have ended.
                let _ = sender.send(client(connection, conversation, share).await);
            });
        }
        drop(sender);
        let ended: Vec<Result<()>> = ended.iter().collect();
        let took = start.elapsed();
        if ended.len() != clients {
            bail!("a client panicked");
        }
        ended.into_iter().collect::<Result<()>>()?;
        Ok(took)
    }

    /// Sends so many messages one after the other, from this thread. Returns the time until the last
    /// reply.
    ///
    /// # Errors
    /// As [`exchange`](Self::exchange).
    pub fn exchange_one_by_one(&self, messages: u64) -> Result<Duration> {
        let threads = tokio::runtime::Builder::new_current_thread().build()?;
        let conversation = Conversation::new(&self.fleet, &self.traffic);
        let connection = self.fleet.runtime.connect(1);
        let start = Instant::now();
        threads.block_on(client(connection, conversation, messages))?;
        Ok(start.elapsed())
    }
}

fn load(agent: &str, backend: BackendKind, agents: usize) -> Result<Arc<dyn Backend>> {
    let subject = find(agent, &mut |_| {}).context("run `make guests` first")?;
    let mut sandbox = SandboxConfig::default();
    sandbox.allocation.slots = u32::try_from(agents)?.saturating_add(1);
    Ok(match backend {
        BackendKind::Wasm => Arc::new(SandboxEngine::new(&sandbox)?.load(&subject.component())?),
        BackendKind::Native => {
            let twin = subject.twin().with_context(|| format!("{agent} has no twin"))?;
            Arc::new(Twin::load(&twin, &sandbox)?)
        }
        other => bail!("{} is not measured here", other.name()),
    })
}

async fn client(
    mut connection: Connection,
    mut conversation: Conversation,
    messages: u64,
) -> Result<()> {
    let (mut sent, mut ended) = (0, 0);
    while ended < messages {
        while sent < messages && connection.in_flight() < connection.window() {
            let (agent, content) = conversation.next(connection.next_id());
            connection.send(agent, Performative::Request, content)?;
            sent += 1;
        }
        let mut next = connection.next().await;
        while let Some((id, outcome)) = next {
            if conversation.judge(id, &outcome)? != Verdict::Good {
                let why = outcome.err().map_or_else(String::new, |why| why.to_string());
                return Err(anyhow!("message {id} came to nothing: {why}"));
            }
            ended += 1;
            next = connection.try_next();
        }
    }
    Ok(())
}
