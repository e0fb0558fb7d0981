//! Runs attacks on a runtime in which other agents are at work.

use super::{Attack, Expected, Method, WITNESS, short_deadline, with_core_instances};
use crate::{Error, Result};
use rustix::process::{Resource, getrlimit};
use sandlab_runtime::messaging::{
    AgentOptions, Client, DeliveryError, Placement, Runtime, SpawnError,
};
use sandlab_runtime::subject::{self, Options};
use sandlab_runtime::wasm::{Cache, SandboxEngine};
use sandlab_runtime::{AgentId, Backend, LoadError, Message, Performative, SandboxConfig};
use std::sync::Arc;
use std::time::Duration;

/// The longest time that a reply or a fault may take to arrive: that of the deadline, and as long
/// again for a machine that is busy with other things.
const TIMEOUT: Duration = super::DEADLINE.saturating_mul(2);

/// Starts and messages that an attack with a short deadline gets for its expected outcome.
const TRIES: usize = 3;

/// Agents that search the freed slots at once.
const SEARCHERS: usize = 4;

/// The loaded attacks and the two engines that run them: attacks that never end by themselves
/// run on the one with the short deadline.
pub struct AttackRunner {
    standard: SandboxEngine,
    short_deadline: SandboxEngine,
    witness: Arc<dyn Backend>,
    attacks: Vec<Prepared>,
    tokio: tokio::runtime::Runtime,
}

/// An attack with its loaded guest, or the reason why it does not load.
struct Prepared {
    attack: &'static Attack,
    component: Vec<u8>,
    program: Result<Arc<dyn Backend>, LoadError>,
    searcher: Option<Arc<dyn Backend>>,
}

/// The text of an attack's fault as users see it, or how the outcome differed from the expected.
pub type Outcome = Result<String, String>;

/// Open files that the attacks may take together; 34 were seen.
const FILES: u64 = 64;

impl AttackRunner {
    /// Encodes and loads the guests of all attacks.
    ///
    /// # Errors
    /// If an engine or the good agents cannot be set up, for lack of memory or address space, or
    /// attacks would fail for lack of files.
    pub fn new(sandbox: &SandboxConfig) -> Result<Self> {
        if let Some(allowed) = getrlimit(Resource::Nofile).current.filter(|most| *most < FILES) {
            return Err(Error::Machine(format!(
                "the attacks open up to {FILES} files at once, and {allowed} are allowed: allow more \
                 (`ulimit -n {FILES}`)"
            )));
        }
        let engine = |sandbox: &SandboxConfig| {
            SandboxEngine::with_cache(sandbox, Cache::none())
                .map_err(|error| Error::Machine(error.to_string()))
        };
        let (standard, short_deadline) = (engine(sandbox)?, engine(&short_deadline(sandbox))?);
        let witness = load(&standard, &WITNESS.component())
            .map_err(|error| Error::Machine(format!("the good agents: {error}")))?;
        let tokio = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .map_err(|error| Error::Machine(format!("cannot start tokio: {error}")))?;
        let attacks = super::all().map(|attack| {
            let mut component = attack.program.component();
            if let Method::CoreInstances(instances) = attack.method {
                component = with_core_instances(&component, instances);
            }
            let engine = match attack.method {
                Method::Stall => &short_deadline,
                _ => &standard,
            };
            let searcher = match attack.method {
                Method::Search(guest) => load(&standard, &guest.component()).ok(),
                _ => None,
            };
            Prepared { program: load(engine, &component), attack, component, searcher }
        });
        Ok(Self { attacks: attacks.collect(), standard, short_deadline, witness, tokio })
    }

    /// Returns the number of attacks.
    pub fn len(&self) -> usize {
        self.attacks.len()
    }

    /// Returns whether there are no attacks.
    pub fn is_empty(&self) -> bool {
        self.attacks.is_empty()
    }

    /// Returns an attack by its index.
    ///
    /// # Panics
    /// If `number` is not below [`len`](Self::len).
    pub fn attack(&self, number: usize) -> &'static Attack {
        self.attacks[number].attack
    }

    /// Returns the program of the good agents, which echo. They share a pool with most of the
    /// hostile ones.
    pub fn witness(&self) -> &Arc<dyn Backend> {
        &self.witness
    }

    /// Runs one attack and compares its outcome with the expected one. Stops every agent that it
    /// started.
    ///
    /// # Errors
    /// If the outcome differs from the expected one; the text says how.
    pub fn run(&self, number: usize, on: &Target) -> Outcome {
        let prepared = &self.attacks[number];
        match (&prepared.program, prepared.attack.expected) {
            // Loaded once more: it must also be refused beside agents at work.
            (Err(_), Expected::NotLoaded(part)) => {
                match load(self.engine(prepared), &prepared.component) {
                    Err(error) => fault_text(&error.to_string(), part),
                    Ok(_) => Err("it was loaded".to_owned()),
                }
            }
            (Err(error), _) => Err(format!("it was not loaded: {error}")),
            (Ok(_), Expected::NotLoaded(_)) => Err("it was loaded".to_owned()),
            (Ok(program), _) => self.attack_with(prepared, program, on),
        }
    }

    fn engine(&self, prepared: &Prepared) -> &SandboxEngine {
        match prepared.attack.method {
            Method::Stall => &self.short_deadline,
            _ => &self.standard,
        }
    }

    fn attack_with(&self, prepared: &Prepared, program: &Arc<dyn Backend>, on: &Target) -> Outcome {
        let (expected, request) = (prepared.attack.expected, prepared.attack.program.request());
        match prepared.attack.method {
            Method::FillPool => fill(program, expected, on),
            Method::Search(_) => {
                let searcher = prepared.searcher.as_ref();
                let searcher = searcher.ok_or("the agent that searches the slot was not loaded")?;
                let hidden = on.spawn_all(program, SEARCHERS)?;
                let attacked =
                    hidden.iter().map(|agent| self.ask_and_judge(*agent, request, expected, on));
                let attacked: Result<Vec<_>, _> = attacked.collect();
                on.stop_all(&hidden);
                let searching = on.spawn_all(searcher, SEARCHERS)?;
                let found = searching.iter().try_for_each(|agent| {
                    self.ask_and_judge(*agent, request, Expected::Answered, on).map(drop)
                });
                on.stop_all(&searching);
                found.map_err(|why| format!("the next agent in its slot: {why}"))?;
                Ok(attacked?.swap_remove(0))
            }
            Method::CrashLoop => self.crash(program, request, expected, on),
            Method::Message | Method::Stall | Method::CoreInstances(_) => {
                let tries = match prepared.attack.method {
                    Method::Stall => TRIES,
                    _ => 1,
                };
                let spawned = match expected {
                    Expected::NotStarted(_) => on.spawn(program),
                    _ => first_ok(tries, || on.spawn(program)),
                };
                let agent = match (spawned, expected) {
                    (Err(error), Expected::NotStarted(part)) => {
                        return fault_text(&error.to_string(), part);
                    }
                    (Err(error), _) => return Err(format!("it did not start: {error}")),
                    (Ok(agent), _) => agent,
                };
                let strike =
                    || first_ok(tries, || self.ask_and_judge(agent, request, expected, on));
                // A second time: an agent that was restarted must end the same way.
                let again = strike().and_then(|_| strike());
                on.runtime.stop(agent);
                again
            }
        }
    }

    /// Sends messages to an agent that traps until its supervisor gives it up.
    fn crash(
        &self,
        program: &Arc<dyn Backend>,
        request: &'static [u8],
        expected: Expected,
        on: &Target,
    ) -> Outcome {
        let agent = on.spawn(program).map_err(|error| error.to_string())?;
        let mut last = Err("it never trapped".to_owned());
        for _ in 0..20 {
            match self.ask(agent, request, on) {
                Err(DeliveryError::NoSuchAgent) => return last,
                outcome => last = Ok(judge(agent, request, outcome, expected)?),
            }
        }
        on.runtime.stop(agent);
        Err("the supervisor never gave it up".to_owned())
    }

    fn ask_and_judge(
        &self,
        agent: AgentId,
        request: &'static [u8],
        expected: Expected,
        on: &Target,
    ) -> Outcome {
        judge(agent, request, self.ask(agent, request, on), expected)
    }

    fn ask(
        &self,
        agent: AgentId,
        request: &'static [u8],
        on: &Target,
    ) -> Result<Message, DeliveryError> {
        let asked = on.client.ask(agent, Performative::Request, request, TIMEOUT);
        self.tokio.block_on(asked)
    }
}

/// The runtime and the thread that an attack runs on.
pub struct Target<'a> {
    /// The runtime whose good agents are at work.
    runtime: &'a Runtime,
    /// Sends the hostile agents their messages.
    client: &'a Client,
    /// The threads that hostile agents run on.
    placement: Placement,
    /// The index of the thread within that placement.
    shard: usize,
}

impl<'a> Target<'a> {
    /// Targets this shard, or this thread of the quarantine.
    pub fn new(
        runtime: &'a Runtime,
        client: &'a Client,
        placement: Placement,
        shard: usize,
    ) -> Self {
        Self { runtime, client, placement, shard }
    }

    fn spawn(&self, program: &Arc<dyn Backend>) -> Result<AgentId, SpawnError> {
        let options = AgentOptions {
            config: Some(Vec::new()),
            placement: self.placement,
            ..AgentOptions::default()
        };
        self.runtime.spawn_on(self.shard, None, program.clone(), options)
    }

    fn spawn_all(&self, program: &Arc<dyn Backend>, count: usize) -> Result<Vec<AgentId>, String> {
        let options = AgentOptions { placement: self.placement, ..AgentOptions::default() };
        let spawned = self.runtime.spawn_many_on(self.shard, program, &options, count);
        spawned.map_err(|error| format!("{count} agents did not start: {error}"))
    }

    fn stop_all(&self, agents: &[AgentId]) {
        for agent in agents {
            self.runtime.stop(*agent);
        }
    }
}

fn load(engine: &SandboxEngine, component: &[u8]) -> Result<Arc<dyn Backend>, LoadError> {
    let subject = subject::load_bytes(engine, component, "hostile.wasm", &Options::default())?;
    Ok(subject.backend)
}

/// Returns the first success of up to so many tries, or the last error.
fn first_ok<T, E>(tries: usize, attempt: impl Fn() -> Result<T, E>) -> Result<T, E> {
    (1..tries).find_map(|_| attempt().ok()).map_or_else(attempt, Ok)
}

/// Starts agents until the pool refuses another.
fn fill(program: &Arc<dyn Backend>, expected: Expected, on: &Target) -> Outcome {
    let mut agents = Vec::new();
    let refused = loop {
        match on.spawn(program) {
            Ok(agent) => agents.push(agent),
            Err(error) => break error.to_string(),
        }
    };
    on.stop_all(&agents);
    match expected {
        Expected::NotStarted(part) => fault_text(&refused, part),
        _ => Err(refused),
    }
}

/// Returns the fault's text if it contains the expected part.
fn fault_text(what: &str, part: &str) -> Outcome {
    if what.contains(part) {
        return Ok(what.to_owned());
    }
    Err(format!("its fault was {what:?}, which lacks {part:?}"))
}

/// Compares what became of a message with what is expected.
fn judge(
    agent: AgentId,
    request: &[u8],
    outcome: Result<Message, DeliveryError>,
    expected: Expected,
) -> Outcome {
    match (outcome, expected) {
        (Ok(reply), Expected::Answered) if reply.content == request && reply.sender == agent => {
            Ok("answered".to_owned())
        }
        (Ok(reply), Expected::Answered) => Err(format!("it answered {reply:?}")),
        (Err(DeliveryError::Ended(fault)), Expected::Ended(part)) => {
            fault_text(&fault.to_string(), part)
        }
        (Ok(_), _) => Err("it answered".to_owned()),
        (Err(why), _) => Err(why.to_string()),
    }
}
