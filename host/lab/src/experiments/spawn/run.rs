//! Starts agents by every method in turn, and checks every first reply.

use super::clock::Clock;
use super::found::{Found, Method, Phase, Spawned, Taken};
use super::hand::Hand;
use super::managed::Managed;
use super::others::{self, Others};
use super::sandboxed::Sandboxed;
use super::starts::Starts;
use crate::bundle::Subject;
use crate::record::{Disturbance, Part, Tally, Watch};
use crate::sampling::recorder::Recorder;
use crate::sampling::repeating::Again;
use crate::workload::{Case, Exchange};
use crate::{Error, Result};
use sandlab_runtime::{BackendKind, Handled, SandboxConfig};
use std::collections::BTreeMap;

/// Agents that stay at once, of the methods that start many.
pub const MANY: usize = 50;

/// Rounds for each round of a method that takes milliseconds, and rounds of a block: what else the
/// machine does is looked at after each, and a block is one observation.
const SLOW: u32 = 10;

/// The starts of a stretch of time, by method: one observation.
struct Block {
    starts: Vec<(Method, Vec<Clock>)>,
    invalid: Option<Disturbance>,
}

/// Returns what each method took in the blocks that count, or in all of them if those are too few.
fn spawned(blocks: &[Block]) -> Vec<Spawned> {
    let mut tally = Tally::default();
    blocks.iter().for_each(|block| tally.add(block.invalid));
    let mut all = BTreeMap::<Method, Spawned>::new();
    for block in blocks.iter().filter(|block| block.invalid.is_none() || !tally.is_enough()) {
        let mut of_block = BTreeMap::<Method, Spawned>::new();
        for (method, clocks) in &block.starts {
            for spawned in [&mut all, &mut of_block] {
                spawned.entry(*method).or_insert_with(|| Spawned::new(*method)).add(clocks);
            }
        }
        for (method, spawned) in of_block {
            let median = spawned.phase(Phase::ToFirstReply).and_then(|time| time.quantile(0.5));
            all.entry(method).and_modify(|all| all.medians.extend(median));
        }
    }
    all.into_values().collect()
}

/// The subject that is started, its first message, and the ways to start it.
pub(super) struct Starting {
    pub(super) subject: Subject,
    pub(super) case: Case,
    sandbox: Box<dyn Starts>,
    managed: Option<Managed>,
    others: Others,
}

impl Starting {
    /// Loads a subject for every method that can start it.
    ///
    /// # Errors
    /// If it does not load.
    pub fn of(subject: &Subject, sandbox: &SandboxConfig, mut cases: Vec<Case>) -> Result<Self> {
        const SIZE: usize = 1_024;
        let of_size = cases.iter().position(|case| case.size == Some(SIZE));
        let chosen = of_size.unwrap_or(0);
        let starts: Box<dyn Starts> = match subject.is_agent() {
            true => Box::new(Hand::load(subject, sandbox, &cases)?),
            false => Box::new(Sandboxed::load(subject, sandbox, &cases)?),
        };
        let others = Others::load(subject, sandbox, &cases)?;
        let managed = Managed::load(subject, sandbox, &cases)?;
        if cases.get(chosen).is_none_or(|case| case.exchanges.is_empty()) {
            return Err(Error::Usage(format!("{} has no messages", subject.name())));
        }
        let case = cases.swap_remove(chosen);
        Ok(Self {
            subject: subject.clone(),
            sandbox: starts,
            // Its peers are not there.
            managed: case.peers.is_empty().then_some(managed),
            others,
            case,
        })
    }

    /// Starts agents by each method in turn, for so many rounds.
    ///
    /// # Errors
    /// If one does not start, or answers something else than it must.
    pub fn run(&self, rounds: u32, to: &mut dyn Recorder) -> Result<()> {
        to.part(Part {
            backend: Some(BackendKind::Wasm),
            size: Some(self.exchange().request.content.len()),
            ..Part::new("spawn", &self.subject.name())
        })?;
        self.others.check(self)?;
        let (methods, wanted) = (self.methods(), rounds.div_ceil(SLOW) as usize);
        let mut blocks: Vec<Block> = Vec::new();
        let (mut again, mut valid) = (Again::of(wanted), 0);
        while valid < wanted && !to.stopped() {
            let length = SLOW.min(rounds - valid as u32 * SLOW);
            let block = self.block(&methods, length, to)?;
            valid += usize::from(!again.take(block.invalid));
            blocks.push(block);
        }
        for spawned in spawned(&blocks) {
            to.found(&Found::Spawned(spawned))?;
        }
        let taken = blocks.iter().map(|block| Taken { invalid: block.invalid });
        to.found(&Found::Blocks { blocks: taken.collect() })
    }

    /// Starts agents by each method in turn, for so many rounds.
    fn block(&self, methods: &[Method], rounds: u32, to: &dyn Recorder) -> Result<Block> {
        let (mut starts, mut watch) = (Vec::new(), Watch::start());
        for round in (0..rounds).take_while(|_| !to.stopped()) {
            // Every other round backwards, so that none always comes after the same one.
            let turn: Vec<Method> = match round % 2 {
                0 => methods.to_vec(),
                _ => methods.iter().rev().copied().collect(),
            };
            let turn = turn.into_iter();
            for method in turn.filter(|method| round.is_multiple_of(every(*method))) {
                starts.push((method, self.once(method)?));
            }
        }
        Ok(Block { starts, invalid: watch.round() })
    }

    /// Returns the first message, and what must come of it.
    pub(super) fn exchange(&self) -> &Exchange {
        &self.case.exchanges[0]
    }

    fn methods(&self) -> Vec<Method> {
        let mut methods = vec![
            Method::Cold,
            Method::Cached,
            Method::OnDemand,
            Method::Pooled,
            Method::PooledConcurrent,
            Method::PooledMany,
        ];
        if self.managed.is_some() {
            methods.extend([Method::Managed, Method::ManagedMany]);
        }
        methods.extend(self.others.methods());
        methods.push(Method::Thread);
        methods
    }

    fn once(&self, method: Method) -> Result<Vec<Clock>> {
        let one = |clock: Result<Clock>| clock.map(|clock| vec![clock]);
        match method {
            Method::Cold => one(self.sandbox.cold(self)),
            Method::Cached => one(self.sandbox.cached(self)),
            Method::OnDemand => one(self.sandbox.on_demand(self)),
            Method::Pooled => one(self.sandbox.pooled(self)),
            Method::PooledConcurrent => self.sandbox.concurrent(self),
            Method::PooledMany => one(self.sandbox.many(self)),
            Method::Managed => one(self.managed()?.one(self)),
            Method::ManagedMany => one(self.managed()?.many(self)),
            Method::Native => one(self.others.native(self)),
            Method::Process => one(self.others.process(self)),
            Method::Thread => one(others::thread()),
        }
    }

    fn managed(&self) -> Result<&Managed> {
        let missing = || Error::Path("the message path was not loaded".to_owned());
        self.managed.as_ref().ok_or_else(missing)
    }

    /// Checks that the outcome of the first message is what it must be.
    pub(super) fn check(&self, handled: &Handled, side: &str) -> Result<()> {
        let exchange = self.exchange();
        exchange.expected.check(handled).map_err(|reason| Error::WrongReply {
            agent: self.subject.name(),
            side: side.to_owned(),
            step: "at its first message".to_owned(),
            reason: format!("{}{reason}", exchange.place()),
        })
    }

    pub(super) fn failed(&self, side: &str, source: sandlab_runtime::CallError) -> Error {
        Error::Call {
            agent: self.subject.name(),
            side: side.to_owned(),
            step: "when started".to_owned(),
            source,
        }
    }
}

/// Returns how many rounds pass per round of this method.
fn every(method: Method) -> u32 {
    match method {
        Method::Cold | Method::Process => SLOW,
        _ => 1,
    }
}
