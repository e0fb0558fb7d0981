//! Strikes on a message path on which others live.

use super::{Attack, End, Strike, WITNESS, crowded, hasty};
use crate::{Error, Result};
use sandlab_runtime::messaging::{
    AgentOptions, Client, Placement, Runtime, SpawnError, Undelivered,
};
use sandlab_runtime::wasm::{Cache, SandboxEngine};
use sandlab_runtime::{AgentId, Backend, LoadError, Message, Performative, SandboxConfig};
use std::sync::Arc;
use std::time::Duration;

/// How long an end may take to be heard of, on a machine that is busy with other things.
const PATIENCE: Duration = Duration::from_secs(60);

/// Agents that look for a secret at once.
const SEARCHERS: usize = 4;

/// What the attacks are made with: two engines, of which one has little patience, and what
/// they have loaded.
pub struct Arena {
    patient: SandboxEngine,
    hasty: SandboxEngine,
    witness: Arc<dyn Backend>,
    attacks: Vec<Prepared>,
    tokio: tokio::runtime::Runtime,
}

/// An attack with its guest, if that can be loaded.
struct Prepared {
    attack: &'static Attack,
    component: Vec<u8>,
    program: Result<Arc<dyn Backend>, LoadError>,
    searcher: Option<Arc<dyn Backend>>,
}

/// What an attack came to: what it was called, or what was not as it must be.
pub type Outcome = Result<String, String>;

impl Arena {
    /// Encodes and loads all guests.
    ///
    /// # Errors
    /// If the machine does not have the room.
    pub fn new(sandbox: &SandboxConfig) -> Result<Self> {
        let engine = |sandbox: &SandboxConfig| {
            SandboxEngine::with_cache(sandbox, Cache::none())
                .map_err(|error| Error::Machine(error.to_string()))
        };
        let (patient, hasty) = (engine(sandbox)?, engine(&hasty(sandbox))?);
        let witness = load(&patient, &WITNESS.component())
            .map_err(|error| Error::Machine(format!("the good agents: {error}")))?;
        let tokio = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .map_err(|error| Error::Machine(format!("cannot start tokio: {error}")))?;
        let attacks = super::all().map(|attack| {
            let mut component = attack.guest.component();
            if let Strike::Crowd(instances) = attack.strike {
                component = crowded(&component, instances);
            }
            let engine = match attack.strike {
                Strike::Stall => &hasty,
                _ => &patient,
            };
            let searcher = match attack.strike {
                Strike::Search(guest) => load(&patient, &guest.component()).ok(),
                _ => None,
            };
            Prepared {
                program: load(engine, &component),
                attack,
                component,
                searcher,
            }
        });
        Ok(Self {
            attacks: attacks.collect(),
            patient,
            hasty,
            witness,
            tokio,
        })
    }

    /// How many attacks there are.
    pub fn len(&self) -> usize {
        self.attacks.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.attacks.is_empty()
    }

    /// One of the attacks.
    pub fn attack(&self, number: usize) -> &'static Attack {
        self.attacks[number].attack
    }

    /// The good agents: they answer with what they were told, and share a pool with most
    /// of the hostile ones.
    pub fn witness(&self) -> &Arc<dyn Backend> {
        &self.witness
    }

    /// Lets one attack strike on a shard, and looks whether it came to the end that it must.
    /// Nothing of it is left on the path.
    ///
    /// # Errors
    /// What was not as it must be.
    pub fn strike(&self, number: usize, on: &Ground) -> Outcome {
        let prepared = &self.attacks[number];
        match (&prepared.program, prepared.attack.end) {
            // Once more: what was refused when all were loaded is to be refused now, beside
            // agents at work.
            (Err(_), End::NotLoaded(part)) => {
                match load(self.engine(prepared), &prepared.component) {
                    Err(error) => called(&error.to_string(), part),
                    Ok(_) => Err("it was loaded".to_owned()),
                }
            }
            (Err(error), _) => Err(format!("it was not loaded: {error}")),
            (Ok(_), End::NotLoaded(_)) => Err("it was loaded".to_owned()),
            (Ok(program), _) => self.run(prepared, program, on),
        }
    }

    fn engine(&self, prepared: &Prepared) -> &SandboxEngine {
        match prepared.attack.strike {
            Strike::Stall => &self.hasty,
            _ => &self.patient,
        }
    }

    fn run(&self, prepared: &Prepared, program: &Arc<dyn Backend>, on: &Ground) -> Outcome {
        let end = prepared.attack.end;
        match prepared.attack.strike {
            Strike::Fill => fill(program, end, on),
            Strike::Search(_) => {
                let searcher = prepared.searcher.as_ref();
                let searcher = searcher.ok_or("the searching agent was not loaded")?;
                let hidden = on.spawn_all(program, SEARCHERS)?;
                let struck = hidden.iter().map(|agent| self.told(*agent, end, on));
                let struck: Result<Vec<_>, _> = struck.collect();
                on.stop_all(&hidden);
                let searching = on.spawn_all(searcher, SEARCHERS)?;
                let found = searching
                    .iter()
                    .try_for_each(|agent| self.told(*agent, End::Answered, on).map(drop));
                on.stop_all(&searching);
                found.map_err(|why| format!("the next agent in its place: {why}"))?;
                Ok(struck?.swap_remove(0))
            }
            Strike::Crash => self.crash(program, end, on),
            Strike::Tell | Strike::Stall | Strike::Crowd(_) => {
                let agent = match (on.spawn(program), end) {
                    (Err(error), End::NotStarted(part)) => return called(&error.to_string(), part),
                    (Err(error), _) => return Err(format!("it did not start: {error}")),
                    (Ok(agent), _) => agent,
                };
                // A second time: who was started again must be what the first one was.
                let struck = self.told(agent, end, on);
                let again = struck.and_then(|_| self.told(agent, end, on));
                on.runtime.stop(agent);
                again
            }
        }
    }

    /// Lets an agent end until nobody starts it again.
    fn crash(&self, program: &Arc<dyn Backend>, end: End, on: &Ground) -> Outcome {
        let agent = on.spawn(program).map_err(|error| error.to_string())?;
        let mut called = Err("it never ended".to_owned());
        for _ in 0..20 {
            match self.ask(agent, on) {
                Err(Undelivered::NoSuchAgent) => return called,
                outcome => called = Ok(judge(agent, outcome, end)?),
            }
        }
        on.runtime.stop(agent);
        Err("it was started again and again".to_owned())
    }

    fn told(&self, agent: AgentId, end: End, on: &Ground) -> Outcome {
        judge(agent, self.ask(agent, on), end)
    }

    fn ask(&self, agent: AgentId, on: &Ground) -> Result<Message, Undelivered> {
        let asked = on.client.ask(agent, Performative::Request, TOLD, PATIENCE);
        self.tokio.block_on(asked)
    }
}

/// Where an attack strikes.
pub struct Ground<'a> {
    /// The path.
    runtime: &'a Runtime,
    /// Who tells the hostile agents something.
    client: &'a Client,
    /// Among whom they live.
    placement: Placement,
    /// On which thread of those.
    shard: usize,
}

impl<'a> Ground<'a> {
    /// On this shard, or this thread of the quarantine.
    pub fn new(
        runtime: &'a Runtime,
        client: &'a Client,
        placement: Placement,
        shard: usize,
    ) -> Self {
        Self {
            runtime,
            client,
            placement,
            shard,
        }
    }

    fn spawn(&self, program: &Arc<dyn Backend>) -> Result<AgentId, SpawnError> {
        let options = AgentOptions {
            config: Some(Vec::new()),
            placement: self.placement,
            ..AgentOptions::default()
        };
        self.runtime
            .spawn_on(self.shard, None, program.clone(), options)
    }

    fn spawn_all(&self, program: &Arc<dyn Backend>, count: usize) -> Result<Vec<AgentId>, String> {
        let options = AgentOptions {
            placement: self.placement,
            ..AgentOptions::default()
        };
        let spawned = self
            .runtime
            .spawn_many_on(self.shard, program, &options, count);
        spawned.map_err(|error| format!("{count} of them did not start: {error}"))
    }

    fn stop_all(&self, agents: &[AgentId]) {
        for agent in agents {
            self.runtime.stop(*agent);
        }
    }
}

/// What the agents are told.
const TOLD: &[u8] = b"do what you are here for";

fn load(engine: &SandboxEngine, component: &[u8]) -> Result<Arc<dyn Backend>, LoadError> {
    let sandbox = engine.load_bytes(component)?;
    Ok(Arc::new(sandbox))
}

/// Starts agents until there is no room for another.
fn fill(program: &Arc<dyn Backend>, end: End, on: &Ground) -> Outcome {
    let mut agents = Vec::new();
    let refused = loop {
        match on.spawn(program) {
            Ok(agent) => agents.push(agent),
            Err(error) => break error.to_string(),
        }
    };
    on.stop_all(&agents);
    match end {
        End::NotStarted(part) => called(&refused, part),
        _ => Err(refused),
    }
}

fn called(what: &str, part: &str) -> Outcome {
    if what.contains(part) {
        return Ok(what.to_owned());
    }
    Err(format!("it was called {what:?}, without {part:?}"))
}

fn judge(agent: AgentId, outcome: Result<Message, Undelivered>, end: End) -> Outcome {
    match (outcome, end) {
        (Ok(reply), End::Answered) if reply.content == TOLD && reply.sender == agent => {
            Ok("answered".to_owned())
        }
        (Ok(reply), End::Answered) => Err(format!("it answered {reply:?}")),
        (Err(Undelivered::Ended(fault)), End::Ended(part)) => called(&fault.to_string(), part),
        (Ok(_), _) => Err("it answered".to_owned()),
        (Err(why), _) => Err(why.to_string()),
    }
}
