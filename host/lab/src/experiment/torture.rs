//! Every attack there is, in an order that a seed gives, beside good agents at work.
//!
//! The good agents' messages leave when they are due, whatever happens, and each must be
//! answered. Their times are kept apart by what struck meanwhile, and by whether it struck
//! on their own shard. Between attacks nothing of the last one is left, so that what is
//! resident after all of them is what they leaked.

use super::memory::resident;
use super::open_loop::{
    Generator, Go, Heard, Phase, Schedule, Script, Segment, Verdict, WINDOW, check, drive, numbered,
};
use crate::hostile::{Arena, Ground};
use crate::stats::Distribution;
use crate::{Error, Result};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use sandlab_runtime::AgentId;
use sandlab_runtime::path::{Accounts, AgentOptions, Runtime, Settings};
use serde::Serialize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// How to torture.
#[derive(Debug, Clone, Copy)]
pub struct Torture {
    /// How long attacks go on, at least one round of all of them.
    pub duration: Duration,
    /// What gives the order of the attacks, and the shards that they strike on.
    pub seed: u64,
    /// Good agents, on all shards.
    pub agents: usize,
    /// Messages a second to all of them.
    pub rate: f64,
    /// Threads that all agents live on.
    pub shards: usize,
}

/// What came of it.
#[derive(Debug, Serialize)]
pub struct Tortured {
    /// The seed.
    pub seed: u64,
    /// Times of the good agents' messages while nothing struck.
    pub without: Distribution,
    /// Times of those that were sent while anything struck.
    pub with: Distribution,
    /// The attacks, in the order of their table.
    pub attacks: Vec<Struck>,
    /// Messages to good agents.
    pub sent: u64,
    /// Those that were answered as they must be.
    pub good: u64,
    /// What became of all messages.
    pub accounts: Accounts,
    /// Good agents, which must still be there.
    pub agents: u64,
    /// What was resident after the first round of attacks, bytes.
    pub resident_before: Option<u64>,
    /// What was resident after all of them.
    pub resident_after: Option<u64>,
}

/// One attack, however often it struck.
#[derive(Debug, Clone, Serialize)]
pub struct Struck {
    /// Its name.
    pub name: &'static str,
    /// How often it struck.
    pub count: u64,
    /// What the path called it, the last time.
    pub called: String,
    /// What was not as it must be.
    pub wrong: Vec<String>,
    /// Times of the good agents' messages on its shard, from its first moment to its end.
    pub same_shard: Distribution,
    /// The same of those on other shards.
    pub others: Distribution,
}

/// A round of all attacks takes about so long, by which the number of rounds is chosen: it
/// must not depend on the machine, or a seed would not give the same attacks.
const ROUND: Duration = Duration::from_millis(2_500);

/// What of the time nothing strikes, before and after.
const QUIET: u32 = 4;

/// Bytes of a good agent's message.
const SIZE: usize = 256;

/// Tortures.
///
/// # Errors
/// If the machine does not have the room, or a good agent answers something else.
pub fn torture(plan: &Torture) -> Result<Tortured> {
    let machine = |error: &dyn ToString| Error::Machine(error.to_string());
    let arena = Arena::new()?;
    let settings = Settings {
        shards: plan.shards,
        ..Settings::default()
    };
    let runtime = Runtime::start(settings).map_err(|error| machine(&error))?;
    let good = runtime.spawn_many(arena.witness(), &AgentOptions::default(), plan.agents);
    let good = good.map_err(|error| machine(&error))?;
    let client = runtime.client();
    let mut attacks: Vec<_> = (0..arena.len()).map(|n| Struck::new(&arena, n)).collect();
    // Once each, so that what is allocated once and kept is there before it is counted.
    for (number, attack) in attacks.iter_mut().enumerate() {
        for shard in 0..plan.shards {
            attack.strike(number, &arena, &Ground::new(&runtime, &client, shard));
        }
    }
    let now = Arc::new(Now::new(arena.len()));
    let script = Neighbours::new(good.clone(), now.clone(), arena.len());
    let mut generator = Generator::new(runtime.connect(WINDOW), script);
    let quiet = Segment::steady(Phase::Steady, plan.rate, plan.duration / QUIET);
    load(&mut generator, quiet, &AtomicBool::new(false))?;
    let rounds = (plan.duration.as_secs_f64() / ROUND.as_secs_f64()).round();
    // One more, after which what the measuring itself keeps is there.
    let order = order(plan.seed, rounds.max(1.0) as usize + 1, &arena, plan.shards);
    let mut resident_before = None;
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let (over, now, arena, runtime, client) = (&over, &now, &arena, &runtime, &client);
        let (attacks, before) = (&mut attacks, &mut resident_before);
        scope.spawn(move || {
            for (place, (number, shard)) in order.into_iter().enumerate() {
                if place == arena.len() {
                    *before = resident();
                }
                now.begin(number, shard);
                attacks[number].strike(number, arena, &Ground::new(runtime, client, shard));
                now.end();
            }
            over.store(true, Relaxed);
        });
        const LONGEST: Duration = Duration::from_secs(24 * 3_600);
        let struck = Segment::steady(Phase::Faults, plan.rate, LONGEST);
        load(&mut generator, struck, over)
    })?;
    let accounts = runtime.quiesce(Instant::now() + Duration::from_secs(20));
    let resident_after = resident();
    load(&mut generator, quiet, &AtomicBool::new(false))?;
    let accounts = Accounts {
        queued: accounts.queued,
        ..runtime.quiesce(Instant::now() + Duration::from_secs(20))
    };
    let script = generator.script;
    let mut with = Distribution::default();
    for (attack, [same, others]) in attacks.iter_mut().zip(script.times) {
        with.merge(&same);
        with.merge(&others);
        (attack.same_shard, attack.others) = (same, others);
    }
    Ok(Tortured {
        seed: plan.seed,
        without: script.quiet,
        with,
        attacks,
        sent: script.sent,
        good: script.good,
        accounts,
        agents: good.len() as u64,
        resident_before,
        resident_after,
    })
}

impl Tortured {
    /// What did not hold, and has nothing to do with how fast the machine is.
    pub fn broken(&self) -> Vec<String> {
        let wrong = self.attacks.iter().flat_map(|attack| {
            let name = attack.name;
            attack.wrong.iter().map(move |why| format!("{name}: {why}"))
        });
        let mut broken: Vec<_> = wrong.collect();
        if self.good != self.sent {
            let lost = self.sent - self.good;
            broken.push(format!(
                "{lost} of {} good messages came to nothing",
                self.sent
            ));
        }
        let accounts = &self.accounts;
        if !accounts.is_balanced() || accounts.queued > 0 || accounts.agents != self.agents {
            broken.push(format!("the accounts do not balance: {accounts:?}"));
        }
        broken
    }

    /// By which share what is resident has grown.
    pub fn growth(&self) -> Option<f64> {
        let (before, after) = self.resident_before.zip(self.resident_after)?;
        Some(after as f64 / before as f64 - 1.0)
    }
}

impl Struck {
    fn new(arena: &Arena, number: usize) -> Self {
        Self {
            name: arena.attack(number).name,
            count: 0,
            called: String::new(),
            wrong: Vec::new(),
            same_shard: Distribution::default(),
            others: Distribution::default(),
        }
    }

    fn strike(&mut self, number: usize, arena: &Arena, ground: &Ground) {
        self.count += 1;
        match arena.strike(number, ground) {
            Ok(called) => self.called = called,
            Err(why) => self.wrong.push(why),
        }
    }
}

/// All attacks in each round, shuffled, each with its shard.
fn order(seed: u64, rounds: usize, arena: &Arena, shards: usize) -> Vec<(usize, usize)> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut below = |end: usize| (random.next_u64() % end as u64) as usize;
    let mut order = Vec::new();
    for _ in 0..rounds {
        let mut round: Vec<_> = (0..arena.len()).collect();
        while !round.is_empty() {
            let attack = round.swap_remove(below(round.len()));
            order.push((attack, below(shards)));
        }
    }
    order
}

/// Lets a segment go by, or a part of it.
fn load(generator: &mut Generator<Neighbours>, of: Segment, over: &AtomicBool) -> Result<()> {
    let interval = Duration::from_millis(50);
    drive(generator, Schedule::new(vec![of]), interval, |_| {
        let is_over = over.load(Relaxed);
        Ok(if is_over { Go::Stop } else { Go::On })
    })
}

/// Which attack strikes now, and where.
struct Now {
    attack: AtomicUsize,
    shard: AtomicUsize,
    nothing: usize,
}

impl Now {
    fn new(nothing: usize) -> Self {
        Self {
            attack: AtomicUsize::new(nothing),
            shard: AtomicUsize::new(0),
            nothing,
        }
    }

    fn begin(&self, attack: usize, shard: usize) {
        self.shard.store(shard, Relaxed);
        self.attack.store(attack, Relaxed);
    }

    fn end(&self) {
        self.attack.store(self.nothing, Relaxed);
    }
}

/// The script: to the good agents in turn.
struct Neighbours {
    agents: Vec<AgentId>,
    now: Arc<Now>,
    sent: u64,
    good: u64,
    quiet: Distribution,
    /// For each attack, on its shard and elsewhere.
    times: Vec<[Distribution; 2]>,
}

impl Neighbours {
    fn new(agents: Vec<AgentId>, now: Arc<Now>, attacks: usize) -> Self {
        Self {
            agents,
            now,
            sent: 0,
            good: 0,
            quiet: Distribution::default(),
            times: vec![Default::default(); attacks],
        }
    }
}

impl Script for Neighbours {
    fn say(&mut self, id: u64) -> (AgentId, Vec<u8>) {
        let agent = self.agents[self.sent as usize % self.agents.len()];
        self.sent += 1;
        (agent, numbered(&[0x5a; SIZE], id))
    }

    fn hear(&mut self, heard: Heard) -> Result<Verdict> {
        let Ok(reply) = heard.outcome else {
            return Ok(Verdict::Failed);
        };
        check(heard.id, &reply, SIZE)?;
        self.good += 1;
        let elsewhere = Runtime::shard_of(reply.sender) != self.now.shard.load(Relaxed);
        let times = match self.times.get_mut(self.now.attack.load(Relaxed)) {
            Some(times) => &mut times[usize::from(elsewhere)],
            None => &mut self.quiet,
        };
        times.record(heard.done_ns.saturating_sub(heard.due_ns));
        Ok(Verdict::Good)
    }
}
