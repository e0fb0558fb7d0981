//! Guests that are made to do harm, and what must become of each.
//!
//! They are WebAssembly text, encoded when they are wanted, so that the tests and
//! `sandlab torture` strike with the same ones, and neither needs anything that was built
//! before. `docs/hostile.md` has them as a table.

mod arena;
mod attacks;
mod guest;

pub use arena::{Arena, Ground, Outcome};
pub use attacks::all;
pub use guest::{Guest, crowded, endless_to_compile};

use sandlab_runtime::config::SandboxConfig;
use std::time::Duration;

/// One way to do harm.
#[derive(Debug, Clone, Copy)]
pub struct Attack {
    /// What a person calls it.
    pub name: &'static str,
    /// What it is done with.
    pub guest: Guest<'static>,
    /// How it is done.
    pub strike: Strike,
    /// What must become of it.
    pub end: End,
}

/// How an attack is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strike {
    /// The guest is loaded, started, configured, and told something.
    Tell,
    /// The same, and it never comes to an end by itself: with a short deadline.
    Stall,
    /// Its core instances are so many more.
    Crowd(u32),
    /// When it has ended, one that looks for what is left of it takes its place.
    Search(Guest<'static>),
    /// So often that the supervisor gives it up.
    Crash,
    /// More instances are started than there is room for.
    Fill,
}

/// What becomes of an attack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It is not loaded; this is part of why.
    NotLoaded(&'static str),
    /// It does not start; this is part of why.
    NotStarted(&'static str),
    /// It ends when it is told something; this is part of why.
    Ended(&'static str),
    /// It gets nothing out of it, and answers.
    Answered,
}

/// A good agent, in whose place a hostile one may have been: it answers with what it was
/// told, and traps when it starts if there is anything left in its memory or its table.
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

/// Room for hostile agents at once, beside good ones.
const ROOM: u32 = 8;

/// What hostile guests may use beside so many good agents, so that each comes to an end soon.
pub fn sandbox(good: u32) -> SandboxConfig {
    let mut sandbox = SandboxConfig {
        memory_limit: bytesize::ByteSize::mib(8),
        deadline: Duration::from_secs(5),
        ..SandboxConfig::default()
    };
    sandbox.allocation.slots = good + ROOM;
    sandbox
}

/// The same for those that never end by themselves.
pub fn hasty(sandbox: &SandboxConfig) -> SandboxConfig {
    SandboxConfig {
        deadline: Duration::from_millis(20),
        ..sandbox.clone()
    }
}
