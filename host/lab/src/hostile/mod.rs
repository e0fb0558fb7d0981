//! Hostile guests, and the outcome that the sandbox owes each.
//!
//! They are WebAssembly text, encoded on demand, so that the tests and `sandlab torture` run the
//! same attacks without a build beforehand. `docs/hostile.md` has them as a table.

mod attacks;
mod guest;
mod runner;
mod service;

pub use attacks::all;
pub use guest::{Guest, slow_to_compile, with_core_instances};
pub use runner::{AttackRunner, Outcome, Target};
pub use service::Service;

use sandlab_runtime::config::SandboxConfig;
use std::time::Duration;

/// A hostile guest and how it is run.
#[derive(Debug, Clone, Copy)]
pub struct Attack {
    /// The name in tables and in the documentation.
    pub name: &'static str,
    /// The component that attacks.
    pub program: Program,
    /// The way in which the guest is started and sent its messages.
    pub method: Method,
    /// The outcome that the sandbox owes it.
    pub expected: Expected,
}

/// The component of an attack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// An agent, which gets messages.
    Agent(Guest<'static>),
    /// A service, which gets requests.
    Service(Service<'static>),
}

impl Program {
    /// Encodes the component.
    pub fn component(&self) -> Vec<u8> {
        match self {
            Self::Agent(guest) => guest.component(),
            Self::Service(service) => service.component(),
        }
    }

    /// Returns what it is sent.
    fn request(&self) -> &'static [u8] {
        match self {
            Self::Agent(_) => b"do what you are here for",
            // A GET of the root.
            Self::Service(_) => b"{}",
        }
    }
}

/// The steps of an attack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// The guest is loaded, started and configured, and gets a message.
    Message,
    /// As [`Message`](Self::Message), with a short deadline, since the guest never ends by itself.
    ///
    /// It gets up to three starts, and three messages for an outcome: where other processes take
    /// its core, the deadline comes before the guest is where it stalls, and the fault says so.
    Stall,
    /// As [`Message`](Self::Message), with this many more core instances in the component.
    CoreInstances(u32),
    /// Once the guest has ended, this one starts in its slot and searches for data left behind.
    Search(Guest<'static>),
    /// The guest gets messages until its supervisor gives it up.
    CrashLoop,
    /// Instances are started until the pool refuses one.
    FillPool,
}

/// The outcome of an attack. A text is part of the message that users see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// The component is refused when it is loaded.
    NotLoaded(&'static str),
    /// The instance does not start.
    NotStarted(&'static str),
    /// The instance ends while it handles the message.
    Ended(&'static str),
    /// The agent echoes the message, having gained nothing.
    Answered,
}

/// A good agent: it echoes, and traps at its start if its memory or table holds anything that
/// an earlier instance in its slot left behind.
pub const WITNESS: Guest = Guest {
    items: r#"
    (table $t 64 funcref)
    (start $look)
    (func $look (local $at i32)
        (drop (memory.grow (i32.const 12)))
        (loop $next
            (if (i64.ne (i64.load (local.get $at)) (i64.const 0)) (then unreachable))
            (local.set $at (i32.add (local.get $at) (i32.const 8)))
            (br_if $next (i32.lt_u (local.get $at) (i32.const 1048576))))
        (local.set $at (i32.const 0))
        (loop $next
            (if (i32.eqz (ref.is_null (table.get $t (local.get $at)))) (then unreachable))
            (local.set $at (i32.add (local.get $at) (i32.const 1)))
            (br_if $next (i32.lt_u (local.get $at) (i32.const 64)))))"#,
    configure: "",
    handle: "",
    answer: "",
    realloc: "",
    pages: 4,
};

/// Slots for hostile agents, beside those of the good ones.
const HOSTILE_SLOTS: u32 = 8;

/// The deadline of attacks that end by themselves or by another limit. Hostile agents run at idle
/// priority: where other processes keep all cores busy, such an attack needs seconds of wall time,
/// and a shorter deadline would end it before the limit that it is there to reach.
const DEADLINE: Duration = Duration::from_secs(60);

/// Returns limits under which each attack ends soon, with slots for `good` other agents.
pub fn sandbox(good: u32) -> SandboxConfig {
    let mut sandbox = SandboxConfig {
        memory_limit: bytesize::ByteSize::mib(8),
        deadline: DEADLINE,
        ..SandboxConfig::default()
    };
    sandbox.allocation.slots = good + HOSTILE_SLOTS;
    sandbox
}

/// Returns the same limits with a deadline of 20 ms, for guests that never end by themselves.
pub fn short_deadline(sandbox: &SandboxConfig) -> SandboxConfig {
    SandboxConfig { deadline: Duration::from_millis(20), ..sandbox.clone() }
}
