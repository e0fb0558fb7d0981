//! What it takes to start an agent, phase by phase, each way that there is: from a component
//! that nobody has compiled to one agent more of a program that runs, beside what one could
//! take instead of a sandbox. The ways take turns, and every first reply is checked.

mod hand;
mod managed;
mod others;

use crate::bundle::Subject;
use crate::experiments::record::{Experiment, Finding, Part, Recorder};
use crate::record::Entry;
use crate::stats::Distribution;
use crate::workload::{Case, Exchange};
use crate::{Error, Result};
use hand::Hand;
use managed::Managed;
use sandlab_runtime::{BackendKind, Handled, SandboxConfig};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Instant;

/// A way to start an agent.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Way {
    /// The component is compiled first.
    Cold,
    /// What was compiled before is read from the cache first.
    Cached,
    /// The component is linked; the kernel maps the instance's memory.
    OnDemand,
    /// The component is linked; a pool has the instance's memory mapped.
    Pooled,
    /// As pooled, on all cores at once.
    PooledConcurrent,
    /// As pooled, many one after another that all stay.
    PooledMany,
    /// Through the message path, with its mailbox and supervisor, awaited from another thread.
    Managed,
    /// As managed, many at once on one shard; what one of them takes.
    ManagedMany,
    /// The native twin, with no isolation.
    Native,
    /// A plain thread that answers one message.
    Thread,
    /// The twin in a child process.
    Process,
}

/// A part of a start.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// From the component to machine code.
    Compile,
    /// From the cache's file to machine code.
    Deserialise,
    /// Imports and exports are found.
    Link,
    /// The store is made, with its limits and grants.
    Store,
    /// The instance comes up.
    Instantiate,
    /// All of the above, where a way does not show them apart.
    Start,
    /// It takes its configuration.
    Configure,
    /// Its first message is answered.
    FirstReply,
    /// It ends, and gives back what it had.
    Drop,
    /// From the first phase to the first reply.
    ToFirstReply,
}

/// What one way took, over all rounds.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Started {
    /// Which way.
    pub way: Way,
    /// Its phases, in order.
    pub phases: Vec<(Phase, Distribution)>,
}

/// Agents that stay at once, of the ways that start many.
pub const MANY: usize = 50;

/// Rounds for each round of a way that takes milliseconds.
const SLOW: u32 = 10;

/// The phases of one start, in order.
#[derive(Default)]
struct Clock {
    phases: Vec<(Phase, f64)>,
    last: Option<Instant>,
}

impl Clock {
    fn start() -> Self {
        Self {
            phases: Vec::new(),
            last: Some(Instant::now()),
        }
    }

    /// What was done since the last call is this phase, of each of so many agents.
    fn lap(&mut self, phase: Phase, agents: usize) {
        let now = Instant::now();
        if let Some(last) = self.last {
            let took = now.duration_since(last).as_nanos() as f64;
            self.phases.push((phase, took / agents as f64));
        }
        self.last = Some(Instant::now());
    }

    /// What was done since the last call does not count.
    fn skip(&mut self) {
        self.last = Some(Instant::now());
    }

    /// All phases until the first reply.
    fn sum(&mut self) {
        let counted = self
            .phases
            .iter()
            .filter(|(phase, _)| *phase != Phase::Drop);
        let sum = counted.map(|(_, ns)| ns).sum();
        self.phases.push((Phase::ToFirstReply, sum));
    }
}

/// What is started, and what it is told.
pub struct Starting<'a> {
    subject: &'a Subject,
    case: &'a Case,
    exchange: &'a Exchange,
    hand: Hand,
    managed: Option<Managed>,
    others: others::Others,
}

impl<'a> Starting<'a> {
    /// Loads a subject for every way that it can be started.
    ///
    /// # Errors
    /// If it does not load.
    pub fn of(subject: &'a Subject, sandbox: &SandboxConfig, cases: &'a [Case]) -> Result<Self> {
        const SIZE: usize = 1_024;
        let of_size = cases.iter().filter(|case| case.size == Some(SIZE));
        let first = of_size.chain(cases).next();
        let Some((case, exchange)) = first.and_then(|case| Some((case, case.exchanges.first()?)))
        else {
            return Err(Error::Usage(format!("{} has no messages", subject.name())));
        };
        Ok(Self {
            subject,
            case,
            exchange,
            hand: Hand::load(subject, sandbox, cases)?,
            // Its peers are not there.
            managed: match case.peers.is_empty() {
                true => Some(Managed::load(subject, sandbox, cases)?),
                false => None,
            },
            others: others::Others::load(subject, sandbox, cases)?,
        })
    }

    /// Starts agents each way in turn, so many rounds.
    ///
    /// # Errors
    /// If one does not start, or answers something else than it must.
    pub fn run(&self, rounds: u32, to: &mut dyn Recorder) -> Result<()> {
        let mut all: Vec<Started> = Vec::new();
        let ways = self.ways();
        for round in 0..rounds {
            if to.stopped() {
                break;
            }
            // Every other round backwards, so that none always comes after the same one.
            let turn: Vec<Way> = match round % 2 {
                0 => ways.clone(),
                _ => ways.iter().rev().copied().collect(),
            };
            for way in turn
                .into_iter()
                .filter(|way| round.is_multiple_of(every(*way)))
            {
                let phases = self.once(way)?;
                match all.iter_mut().find(|started| started.way == way) {
                    Some(started) => started.add(&phases),
                    None => {
                        let mut started = Started {
                            way,
                            phases: Vec::new(),
                        };
                        started.add(&phases);
                        all.push(started);
                    }
                }
            }
        }
        all.sort_by_key(|started| started.way);
        to.record(Entry::Part(Part {
            experiment: Experiment::Spawn,
            agent: self.subject.name(),
            backend: BackendKind::Wasm,
            agents: 1,
            size: self.exchange.request.content.len(),
            rate: None,
            shards: 1,
            closed: None,
        }))?;
        for started in all {
            to.finding(Finding::Started(Box::new(started)))?;
        }
        Ok(())
    }

    fn ways(&self) -> Vec<Way> {
        let mut ways = vec![
            Way::Cold,
            Way::Cached,
            Way::OnDemand,
            Way::Pooled,
            Way::PooledConcurrent,
            Way::PooledMany,
        ];
        if self.managed.is_some() {
            ways.extend([Way::Managed, Way::ManagedMany]);
        }
        if self.others.has_twin() {
            ways.extend([Way::Native, Way::Process]);
        }
        ways.push(Way::Thread);
        ways
    }

    fn once(&self, way: Way) -> Result<Vec<Clock>> {
        let one = |clock: Result<Clock>| clock.map(|clock| vec![clock]);
        match way {
            Way::Cold => one(self.hand.cold(self)),
            Way::Cached => one(self.hand.cached(self)),
            Way::OnDemand => one(self.hand.on_demand(self)),
            Way::Pooled => one(self.hand.pooled(self)),
            Way::PooledConcurrent => self.hand.concurrent(self),
            Way::PooledMany => one(self.hand.many(self)),
            Way::Managed => one(self.managed()?.one(self)),
            Way::ManagedMany => one(self.managed()?.many(self)),
            Way::Native => one(self.others.native(self)),
            Way::Process => one(self.others.process(self)),
            Way::Thread => one(others::thread()),
        }
    }

    fn managed(&self) -> Result<&Managed> {
        let missing = || Error::Path("the message path was not loaded".to_owned());
        self.managed.as_ref().ok_or_else(missing)
    }

    /// Whether what came of the first message is what must.
    fn check(&self, handled: &Handled, way: &str) -> Result<()> {
        let checked = self.exchange.expected.check(handled);
        checked.map_err(|reason| Error::WrongReply {
            agent: self.subject.name(),
            side: way.to_owned(),
            step: "at its first message".to_owned(),
            reason,
        })
    }

    fn failed(&self, way: &str, source: sandlab_runtime::CallError) -> Error {
        Error::Call {
            agent: self.subject.name(),
            side: way.to_owned(),
            step: "when started".to_owned(),
            source,
        }
    }
}

/// One round of so many.
fn every(way: Way) -> u32 {
    match way {
        Way::Cold | Way::Process => SLOW,
        _ => 1,
    }
}

impl Started {
    fn add(&mut self, clocks: &[Clock]) {
        for (phase, ns) in clocks.iter().flat_map(|clock| &clock.phases) {
            let known = self.phases.iter().position(|(known, _)| known == phase);
            let at = known.unwrap_or_else(|| {
                self.phases.push((*phase, Distribution::default()));
                self.phases.len() - 1
            });
            self.phases[at].1.record(ns.round() as u64);
        }
    }

    /// How long a phase took; none if the way has none such.
    pub fn phase(&self, wanted: Phase) -> Option<&Distribution> {
        let found = self.phases.iter().find(|(phase, _)| *phase == wanted);
        found.map(|(_, distribution)| distribution)
    }
}
