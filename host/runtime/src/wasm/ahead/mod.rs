//! Fetching ahead: what an agent's next message will touch is brought into the cache while another
//! agent's is handled.
//!
//! A small message touches some 60 cache lines, of the host's side of its agent and of its linear
//! memory. With thousands of agents in turn none of them is in a cache, and they are fetched one
//! after the other, at some 100 ns each. The processor can fetch them side by side, if it is told
//! which. They are the same for all instances of a program, and are found out once, with a copy of
//! a message and an instance of their own that no one else sees ([`touched`]). Where an instance
//! lies is known from the allocations of its start, if the program has our
//! [`Allocator`](crate::allocator::Allocator). Whatever of this is wrong costs time, and nothing else.
//!
//! 10,000 agents on two threads handled 0.79 million messages/s with it and 0.67 without (AMD EPYC).

mod touched;

use super::instance::Instance;
use super::{Part, Program, engine};
use crate::allocator::{Allocation, recorded};
use crate::config::{SandboxConfig, Stdio};
use crate::{Agent, Fault, Identity, Message};
use std::fs;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;
use touched::{Places, Touched};
use wasmtime::component::Component;

/// Agents of a program from which on the places of further ones are recorded, which takes a
/// microsecond and half a kilobyte each, and it is found out what they touch. Fewer stay in the caches
/// for the most part; and `sandlab plan` measures what an agent takes with up to 1,000.
const MANY: usize = 1_024;

/// What is known of a program's instances.
#[derive(Debug, Default)]
pub struct Ahead {
    /// Whether calls of the instances have no effects beyond it, so that they can be tried.
    is_pure: bool,
    /// Instances that were started for a thread with many.
    live: AtomicUsize,
    /// The configuration of the first one that had any.
    config: OnceLock<Vec<u8>>,
    is_learning: AtomicBool,
    /// `None` if nothing is gained.
    learnt: OnceLock<Option<Learnt>>,
}

#[derive(Debug)]
struct Learnt {
    touched: Touched,
    /// Instances whose lines no longer fit into the caches.
    too_many: usize,
}

/// An instance's part in it.
#[derive(Debug)]
pub struct Home {
    ahead: Arc<Ahead>,
    lies: Lies,
}

/// What is known of an instance's place. `Recorded` becomes one of the others once it is learnt what
/// calls touch.
#[derive(Debug)]
enum Lies {
    Recorded(Box<[Allocation]>),
    Known(Places),
    Unknown,
}

impl Drop for Home {
    fn drop(&mut self) {
        self.ahead.live.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Ahead {
    /// Returns what is known at first. Calls can be tried if they do not block, and the guest is
    /// granted nothing outside of its sandbox.
    pub fn new(config: &SandboxConfig, fiber: bool, is_sampled: bool) -> Arc<Self> {
        let grants = &config.grants;
        let is_pure = !fiber
            && !is_sampled
            && grants.directories.is_empty()
            && !grants.network
            && !grants.http
            && grants.stdio == Stdio::Log;
        Arc::new(Self { is_pure, ..Self::default() })
    }

    /// Notes the configuration of an instance.
    pub fn configured(&self, config: &[u8]) {
        if self.is_pure && self.config.get().is_none() {
            let _ = self.config.set(config.to_vec());
        }
    }

    /// Returns the number of cache lines that are fetched per message. `None` if none are.
    pub fn lines(&self) -> Option<usize> {
        self.learnt.get()?.as_ref().map(|learnt| learnt.touched.count())
    }
}

/// Starts an instance for a thread with many.
///
/// # Errors
/// As [`Instance::spawn`].
pub fn start(program: Arc<Program>, identity: Identity) -> Result<Instance, Fault> {
    let ahead = program.ahead.clone();
    if !ahead.is_pure || !cfg!(target_arch = "x86_64") {
        return Instance::spawn(program, identity);
    }
    let is_recorded = ahead.live.fetch_add(1, Ordering::Relaxed) >= MANY;
    // From now on, so that it is no longer counted if the start fails.
    let mut home = Home { ahead, lies: Lies::Unknown };
    if !is_recorded {
        return Ok(Instance::spawn(program, identity)?.at(home));
    }
    let (started, allocations) = recorded(|| Instance::spawn(program, identity));
    if !allocations.is_empty() {
        home.lies = Lies::Recorded(allocations.into());
    }
    Ok(started?.at(home))
}

impl Home {
    /// Begins to fetch what the instance's next call touches. Begins to find out what that is, if
    /// there are many instances, by a copy of the message.
    #[inline]
    pub fn fetch(&mut self, program: &Arc<Program>, next: &Message) {
        let live = self.ahead.live.load(Ordering::Relaxed);
        match (&self.lies, self.ahead.learnt.get()) {
            (Lies::Known(places), Some(Some(learnt))) => {
                if live >= learnt.too_many {
                    learnt.touched.fetch(places);
                }
            }
            (Lies::Unknown, _) | (_, Some(None)) => {}
            (Lies::Recorded(allocations), Some(Some(learnt))) => {
                let places = learnt.touched.places(allocations);
                self.lies = places.map_or(Lies::Unknown, Lies::Known);
            }
            (_, None) => {
                if live >= MANY && !self.ahead.is_learning.swap(true, Ordering::Relaxed) {
                    learn_beside(program.clone(), next.clone());
                }
            }
        }
    }
}

/// Finds out what calls touch, on a thread of its own.
fn learn_beside(program: Arc<Program>, message: Message) {
    let learn = move || {
        let _ = program.ahead.learnt.set(learn(&program, &message));
    };
    // Without a thread there is nothing to gain, and nothing lost.
    let _ = thread::Builder::new().name("fetch-ahead".to_owned()).spawn(learn);
}

fn learn(program: &Program, message: &Message) -> Option<Learnt> {
    let program = Arc::new(apart(program)?);
    let identity = Identity { id: message.recipient, ..Identity::alone() };
    // The first start allocates what others share.
    drop(Instance::spawn(program.clone(), identity.clone()).ok()?);
    let (instance, allocations) = recorded(|| Instance::spawn(program.clone(), identity));
    let mut instance = instance.ok()?;
    if let Some(config) = program.ahead.config.get() {
        instance.configure(config).ok()?;
    }
    // What it grows by is there for the next ones.
    instance.handle(message).ok()?;
    let memory = instance.usage().memory?;
    let mut call = || instance.handle(message).is_ok();
    let touched = Touched::learn(&allocations, memory, &message.content, &mut call)?;
    let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let too_many = cache() * cores / (touched.count() * crate::prefetch::LINE);
    Some(Learnt { touched, too_many })
}

/// Returns the program for an instance that takes no slot of the others' pools.
fn apart(program: &Program) -> Option<Program> {
    let mut config = (*program.config).clone();
    config.allocation.slots = 1;
    let engine = engine::engines(&config, program.interrupt, None).ok()?.pop()?;
    let code = program.pre.component().serialize().ok()?;
    // SAFETY: wasmtime has just written it, from a component of this process.
    let component = unsafe { Component::deserialize(&engine, code) }.ok()?;
    let part = Part {
        engine: &engine,
        component: &component,
        fiber: program.fiber,
        interrupt: program.interrupt,
        modules: &program.modules,
    };
    Program::link(&part, program.config.clone(), None, program.ahead.clone()).ok()
}

/// Returns the size of a core's own cache, bytes.
fn cache() -> usize {
    const USUAL: usize = 1 << 20;
    let read = || {
        let text = fs::read_to_string("/sys/devices/system/cpu/cpu0/cache/index2/size").ok()?;
        text.trim().strip_suffix('K')?.parse::<usize>().ok()
    };
    read().map_or(USUAL, |kib| kib << 10)
}
