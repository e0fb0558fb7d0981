//! Every attack there is, in an order that a seed gives, beside good agents at work.
//!
//! The good agents' messages leave when they are due, whatever happens, and each must be
//! answered. The hostile ones are in quarantine, or, to see what that is good for, on the
//! same shards; times are kept apart by what struck meanwhile, and by whether it struck on
//! the good agent's own shard. Between attacks nothing of the last one is left, so that
//! what is resident after all of them is what they leaked.

use crate::hostile::{self, Arena, Ground};
use crate::record::Phase;
use crate::sampling::open_loop::{
    Generator, Go, Heard, Schedule, Script, Segment, Verdict, WINDOW, check, drive, numbered,
};
use crate::sampling::process_memory::proportional;
use crate::stats::Distribution;
use crate::{Error, Result};
use bytesize::ByteSize;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use rayon::{ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder};
use sandlab_runtime::AgentId;
use sandlab_runtime::messaging::{Accounts, AgentOptions, Placement, Runtime, Settings, give_way};
use serde::Serialize;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How to torture.
#[derive(Debug, Clone, Copy)]
pub struct Torture {
    /// How long attacks go on, at least one round of all of them.
    pub duration: Duration,
    /// What gives the order of the attacks, and the shards that they strike on.
    pub seed: u64,
    /// Good agents, on all shards.
    pub agents: u32,
    /// Messages a second to all of them.
    pub rate: f64,
    /// Threads that good agents live on.
    pub shards: usize,
    /// Among whom hostile agents live.
    pub placement: Placement,
}

/// What came of it.
#[derive(Debug, Serialize)]
pub struct Tortured {
    /// The seed.
    pub seed: u64,
    /// Whether the hostile agents were in quarantine.
    pub is_quarantined: bool,
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
    /// Resident memory of no file after the first round of attacks, or, if that grew too
    /// much, after all of them, when they struck once more; bytes.
    pub resident_before: Option<u64>,
    /// The same after all of them.
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
    /// The same of those on other threads.
    pub others: Distribution,
}

/// A round of all attacks takes about so long, by which the number of rounds is chosen: it
/// must not depend on the machine, or a seed would not give the same attacks.
const ROUND: Duration = Duration::from_millis(2_500);

/// What of the time nothing strikes, before and after.
const QUIET: u32 = 4;

/// By which share what is resident may grow.
const GROWTH: f64 = 0.05;

/// Bytes of a good agent's message.
const SIZE: usize = 256;

/// Tortures.
///
/// # Errors
/// If the machine does not have the room, or a good agent answers something else.
pub fn torture(plan: &Torture) -> Result<Tortured> {
    let machine = |error: &dyn ToString| Error::Machine(error.to_string());
    let mut sandbox = hostile::sandbox(plan.agents);
    // Of each slot that was ever used, a pool keeps so much, up to a bound that attacks come
    // near for minutes: then what grows would not be what they leaked.
    sandbox.allocation.keep_resident = ByteSize::b(0);
    let arena = Arena::new(&sandbox)?;
    let settings = Settings {
        shards: plan.shards,
        ..Settings::default()
    };
    let runtime = Runtime::start(settings).map_err(|error| machine(&error))?;
    let good = runtime.spawn_many(
        arena.witness(),
        &AgentOptions::default(),
        plan.agents as usize,
    );
    let good = good.map_err(|error| machine(&error))?;
    let client = runtime.client();
    let mut attacks: Vec<_> = (0..arena.len()).map(|n| Struck::new(&arena, n)).collect();
    // Once each, so that what is allocated once and kept is there before it is counted.
    let ground = |shard| Ground::new(&runtime, &client, plan.placement, shard);
    for (number, attack) in attacks.iter_mut().enumerate() {
        for shard in 0..plan.shards {
            attack.strike(number, &arena, &ground(shard));
        }
    }
    let now = Arc::new(Now::default());
    let script = Neighbours::new(good.clone(), now.clone(), arena.len());
    let mut generator = Generator::new(runtime.connect(WINDOW), script).unyielding();
    let quiet = Segment::steady(Phase::Steady, plan.rate, plan.duration / QUIET);
    load(&mut generator, quiet, &AtomicBool::new(false))?;
    let rounds = (plan.duration.as_secs_f64() / ROUND.as_secs_f64()).round();
    // One more, after which what the measuring itself keeps is there.
    let order = order(plan.seed, rounds.max(1.0) as usize + 1, &arena, plan.shards);
    let (first, rest) = order.split_at(arena.len());
    let attacker = attacker(plan.placement).map_err(|error| machine(&error))?;
    let mut strike_all = |order: &[(usize, usize)]| {
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let (over, now, arena, ground, attacker) = (&over, &now, &arena, &ground, &attacker);
            let attacks = &mut attacks;
            scope.spawn(move || {
                let strike = || {
                    for &(number, shard) in order {
                        let is_near = plan.placement == Placement::Shards;
                        now.begin(number, is_near.then_some(shard));
                        attacks[number].strike(number, arena, &ground(shard));
                        now.end();
                    }
                };
                attacker.install(strike);
                over.store(true, Relaxed);
            });
            const LONGEST: Duration = Duration::from_secs(24 * 3_600);
            let struck = Segment::steady(Phase::Faults, plan.rate, LONGEST);
            load(&mut generator, struck, over)
        })?;
        let accounts = runtime.quiesce(Instant::now() + Duration::from_secs(20));
        Ok::<_, Error>((accounts, proportional()))
    };
    let (_, mut resident_before) = strike_all(first)?;
    let (mut accounts, mut resident_after) = strike_all(rest)?;
    if growth(resident_before, resident_after).is_some_and(|grown| grown > GROWTH) {
        // An allocator may take more once; what leaks grows again.
        resident_before = resident_after;
        (accounts, resident_after) = strike_all(rest)?;
    }
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
        is_quarantined: plan.placement == Placement::Quarantine,
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
        if let Some(grown) = self.growth().filter(|grown| *grown > GROWTH) {
            let percent = grown * 100.0;
            broken.push(format!("{percent:.1} % more is resident, again and again"));
        }
        broken
    }

    /// By which share what is resident has grown.
    pub fn growth(&self) -> Option<f64> {
        growth(self.resident_before, self.resident_after)
    }
}

impl Struck {
    /// The longest time of any good agent's message meanwhile, nanoseconds.
    pub fn longest(&self) -> Option<f64> {
        let all = [&self.same_shard, &self.others];
        all.into_iter()
            .filter_map(Distribution::max)
            .reduce(f64::max)
    }

    fn new(arena: &Arena, number: usize) -> Self {
        Self {
            name: arena.attack(number).name,
            count: 0,
            called: String::new(),
            wrong: Vec::new(),
            same_shard: Distribution::coarse(),
            others: Distribution::coarse(),
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

/// The thread that loads hostile guests and tells them something, and, since wasmtime compiles
/// on the pool that it is called from, compiles them. It gives way if they have to.
fn attacker(placement: Placement) -> Result<ThreadPool, ThreadPoolBuildError> {
    let begin = move |_| {
        if placement == Placement::Quarantine {
            // Where it may not, the runtime's own thread could not either, and has said so.
            let _ = give_way();
        }
    };
    ThreadPoolBuilder::new()
        .num_threads(1)
        .start_handler(begin)
        .build()
}

fn growth(before: Option<u64>, after: Option<u64>) -> Option<f64> {
    let (before, after) = before.zip(after)?;
    Some(after as f64 / before as f64 - 1.0)
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

/// What strikes now.
#[derive(Default)]
struct Now(Mutex<Option<Strike>>);

/// An attack, and the good agents' shard that it strikes on, if it does.
#[derive(Clone, Copy)]
struct Strike {
    attack: usize,
    shard: Option<usize>,
}

impl Now {
    fn begin(&self, attack: usize, shard: Option<usize>) {
        *self.lock() = Some(Strike { attack, shard });
    }

    fn end(&self) {
        *self.lock() = None;
    }

    fn lock(&self) -> MutexGuard<'_, Option<Strike>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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
        let times = || [Distribution::coarse(), Distribution::coarse()];
        Self {
            agents,
            now,
            sent: 0,
            good: 0,
            quiet: Distribution::default(),
            times: (0..attacks).map(|_| times()).collect(),
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
        let now = *self.now.lock();
        let times = match now {
            Some(Strike { attack, shard }) => {
                let is_elsewhere = shard != Some(Runtime::shard_of(reply.sender));
                &mut self.times[attack][usize::from(is_elsewhere)]
            }
            None => &mut self.quiet,
        };
        times.record(heard.done_ns.saturating_sub(heard.due_ns));
        Ok(Verdict::Good)
    }
}
