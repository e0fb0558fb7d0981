//! Every attack, in an order that follows from a seed, beside good agents at work: agents that echo
//! and share a pool with the hostile ones, or the subject that the user named.
//!
//! The good agents' messages leave when they are due, and each must be answered. The hostile agents
//! run in quarantine, or for comparison on the same shards. Times are recorded per attack, and
//! separately for the attacked shard and the others. Nothing of an attack is left before the next
//! one begins, so that growth of resident memory after all of them is a leak.

use super::found::{AttackStats, GROWTH, StressReport, growth};
use crate::hostile::{self, AttackRunner, Target};
use crate::record::Phase;
use crate::sampling::fleet::Fleet;
use crate::sampling::open_loop::{
    Generator, Go, Reply, Schedule, Script, Segment, Verdict, WINDOW, drive,
};
use crate::sampling::process_memory::proportional;
use crate::sampling::program::Program;
use crate::sampling::traffic::{Conversation, Traffic};
use crate::stats::Distribution;
use crate::{Error, Result};
use bytesize::ByteSize;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use rayon::{ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder};
use sandlab_runtime::AgentId;
use sandlab_runtime::messaging::{
    Accounts, AgentOptions, Placement, Runtime, Settings, set_idle_priority,
};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The parameters of a torture, checked.
#[derive(Debug, Clone, Copy)]
pub struct Torture {
    /// The time of the attacks; all of them strike at least once.
    pub duration: Duration,
    /// The seed of the order of the attacks, and of the shards that they strike.
    pub seed: u64,
    /// Good agents, on all shards.
    pub agents: u32,
    /// Messages per second to all of them together.
    pub rate: f64,
    /// Threads that good agents live on.
    pub shards: usize,
    /// The agents that hostile ones share threads with.
    pub placement: Placement,
}

/// The planned time of a round of all attacks. The number of rounds must not depend on the machine,
/// or a seed would not give the same attacks.
const ROUND: Duration = Duration::from_millis(2_500);

/// The divisor of the time of attacks that gives the quiet before and after them.
const QUIET: u32 = 4;

/// The messages to good agents, if the user names no others.
const ECHO: Traffic = Traffic::Echo { size: 256 };

/// Resident bytes that a pool keeps of each used slot. With more than none, memory would grow up to
/// a bound that attacks reach within minutes, and look like a leak.
pub(super) const KEEP_RESIDENT: ByteSize = ByteSize::b(0);

/// Runs the attacks, beside agents of this program, or of one that echoes.
///
/// # Errors
/// If the machine does not have the room, or a good agent gives a wrong reply.
pub fn torture(
    plan: &Torture,
    neighbours: Option<&Program>,
    stopped: &dyn Fn() -> bool,
) -> Result<StressReport> {
    let machine = |error: &dyn ToString| Error::Machine(error.to_string());
    let mut sandbox = hostile::sandbox(plan.agents);
    sandbox.allocation.keep_resident = KEEP_RESIDENT;
    let runner = AttackRunner::new(&sandbox)?;
    let fleet = match neighbours {
        Some(program) => program.fleet(plan.agents as usize, plan.shards)?,
        None => {
            let settings = Settings { shards: plan.shards, ..Settings::default() };
            let options = AgentOptions::default();
            Fleet::start(runner.witness(), plan.agents as usize, settings, &options)?
        }
    };
    let runtime = &fleet.runtime;
    // Otherwise each attack would count as wrong, and none was tried.
    runtime.require(plan.placement).map_err(|error| {
        Error::Machine(format!("{error}; `--together` lets hostile agents live beside good ones"))
    })?;
    let agents = runtime.accounts().agents;
    let client = runtime.client();
    let mut attacks: Vec<_> = (0..runner.len()).map(|n| fresh(&runner, n)).collect();
    // Once each, so that what is allocated once and kept is there before it is counted.
    let target = |shard| Target::new(runtime, &client, plan.placement, shard);
    for (number, attack) in attacks.iter_mut().enumerate() {
        for shard in (0..plan.shards).take_while(|_| !stopped()) {
            strike(attack, number, &runner, &target(shard));
        }
    }
    let now = Arc::new(Now::default());
    let traffic = neighbours.map_or(&ECHO, |program| &program.traffic);
    let conversation = Conversation::new(&fleet, traffic);
    let script = Neighbours::new(conversation, now.clone(), runner.len());
    let mut generator = Generator::new(runtime.connect(WINDOW), script).unyielding();
    let quiet = Segment::steady(Phase::Steady, plan.rate, plan.duration / QUIET);
    load(&mut generator, quiet, &AtomicBool::new(false), stopped)?;
    let rounds = (plan.duration.as_secs_f64() / ROUND.as_secs_f64()).round();
    // One more, after which what the measuring itself keeps is there.
    let order = order(plan.seed, rounds.max(1.0) as usize + 1, runner.len(), plan.shards);
    let (first, rest) = order.split_at(runner.len());
    let attacker = attacker(plan.placement).map_err(|error| machine(&error))?;
    let mut strike_all = |order: &[(usize, usize)]| {
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let (over, now, runner, target, attacker) = (&over, &now, &runner, &target, &attacker);
            let attacks = &mut attacks;
            let thread = std::thread::Builder::new();
            let striking = thread.spawn_scoped(scope, move || {
                let strike_in_order = || {
                    for &(number, shard) in order {
                        if over.load(Relaxed) {
                            break;
                        }
                        let is_near = plan.placement == Placement::Shards;
                        now.begin(number, is_near.then_some(shard));
                        strike(&mut attacks[number], number, runner, &target(shard));
                        now.end();
                    }
                };
                attacker.install(strike_in_order);
                over.store(true, Relaxed);
            });
            striking.map_err(Error::thread)?;
            const LONGEST: Duration = Duration::from_secs(24 * 3_600);
            let struck = Segment::steady(Phase::Faults, plan.rate, LONGEST);
            load(&mut generator, struck, over, stopped)
        })?;
        let accounts = runtime.quiesce(Instant::now() + Duration::from_secs(20));
        Ok::<_, Error>((accounts, proportional()))
    };
    let (_, mut resident_before) = strike_all(first)?;
    let (mut accounts, mut resident_after) = strike_all(rest)?;
    if stopped() {
        // What there is in the middle of it says nothing.
        resident_after = None;
    }
    if growth(resident_before, resident_after).is_some_and(|grown| grown > GROWTH) {
        // An allocator may take more once; what leaks grows again.
        resident_before = resident_after;
        (accounts, resident_after) = strike_all(rest)?;
    }
    load(&mut generator, quiet, &AtomicBool::new(false), stopped)?;
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
    Ok(StressReport {
        seed: plan.seed,
        is_quarantined: plan.placement == Placement::Quarantine,
        without: script.quiet,
        with,
        attacks,
        order,
        sent: script.sent,
        good: script.good,
        accounts,
        agents,
        resident_before,
        resident_after,
    })
}

/// Returns the thread that loads hostile guests and sends them messages. It also compiles them,
/// since wasmtime compiles on the pool that it is called from. In quarantine it has idle priority.
fn attacker(placement: Placement) -> Result<ThreadPool, ThreadPoolBuildError> {
    let begin = move |_| {
        if placement == Placement::Quarantine {
            // Where it may not, the runtime's own thread could not either, and has said so.
            let _ = set_idle_priority();
        }
    };
    ThreadPoolBuilder::new().num_threads(1).start_handler(begin).build()
}

/// All attacks in each round, shuffled, each with its shard.
fn order(seed: u64, rounds: usize, attacks: usize, shards: usize) -> Vec<(usize, usize)> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut below = |end: usize| (random.next_u64() % end as u64) as usize;
    let mut order = Vec::new();
    for _ in 0..rounds {
        let mut round: Vec<_> = (0..attacks).collect();
        while !round.is_empty() {
            let attack = round.swap_remove(below(round.len()));
            order.push((attack, below(shards)));
        }
    }
    order
}

/// Lets a segment go by, until it is `over`, which it also is as soon as somebody has stopped it.
fn load(
    generator: &mut Generator<Neighbours>,
    of: Segment,
    over: &AtomicBool,
    stopped: &dyn Fn() -> bool,
) -> Result<Go> {
    let window = Duration::from_millis(50);
    drive(generator, Schedule::new(vec![of]), window, |_| {
        over.fetch_or(stopped(), Relaxed);
        Ok(if over.load(Relaxed) { Go::Stop } else { Go::On })
    })
}

/// The attack that strikes at this moment; `None` between two.
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
    conversation: Conversation,
    now: Arc<Now>,
    sent: u64,
    good: u64,
    quiet: Distribution,
    /// For each attack, on its shard and elsewhere.
    times: Vec<[Distribution; 2]>,
}

impl Neighbours {
    fn new(conversation: Conversation, now: Arc<Now>, attacks: usize) -> Self {
        let times = || [Distribution::coarse(), Distribution::coarse()];
        Self {
            conversation,
            now,
            sent: 0,
            good: 0,
            quiet: Distribution::default(),
            times: (0..attacks).map(|_| times()).collect(),
        }
    }
}

impl Script for Neighbours {
    fn next_request(&mut self, id: u64) -> (AgentId, Vec<u8>) {
        self.sent += 1;
        self.conversation.next(id)
    }

    fn on_reply(&mut self, reply: Reply) -> Result<Verdict> {
        let verdict = self.conversation.judge(reply.id, &reply.outcome)?;
        let Ok(message) = reply.outcome else {
            return Ok(verdict);
        };
        if verdict != Verdict::Good {
            return Ok(verdict);
        }
        self.good += 1;
        let now = *self.now.lock();
        let times = match now {
            Some(Strike { attack, shard }) => {
                let is_elsewhere = shard != Some(Runtime::shard_of(message.sender));
                &mut self.times[attack][usize::from(is_elsewhere)]
            }
            None => &mut self.quiet,
        };
        times.record(reply.done_ns.saturating_sub(reply.due_ns));
        Ok(Verdict::Good)
    }
}

/// Returns an attack that has not struck yet.
fn fresh(runner: &AttackRunner, number: usize) -> AttackStats {
    AttackStats {
        name: runner.attack(number).name.to_owned(),
        count: 0,
        called: String::new(),
        wrong: Vec::new(),
        same_shard: Distribution::coarse(),
        others: Distribution::coarse(),
    }
}

/// Runs one attack, and records its end.
fn strike(stats: &mut AttackStats, number: usize, runner: &AttackRunner, target: &Target) {
    stats.count += 1;
    match runner.run(number, target) {
        Ok(called) => stats.called = called,
        Err(why) => stats.wrong.push(why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_order_of_each_round_and_another_gives_another() {
        let of = |seed| order(seed, 3, 20, 2);
        assert_eq!(of(7), of(7));
        assert_ne!(of(7), of(8));
        for round in of(7).chunks(20) {
            let mut attacks: Vec<_> = round.iter().map(|(attack, _)| *attack).collect();
            attacks.sort_unstable();
            assert!(attacks.into_iter().eq(0..20));
            assert!(round.iter().all(|(_, shard)| *shard < 2));
        }
    }
}
