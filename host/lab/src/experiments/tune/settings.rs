//! The settings that are swept, each as a change of one sandbox config.

use crate::Error;
use bytesize::ByteSize;
use sandlab_runtime::SandboxConfig;
use sandlab_runtime::config::{
    Calls, Interrupt, Layout, OptLevel, RegisterAllocator, Strategy as Allocator,
};
use wasmtime::PoolingAllocationConfig;

/// A setting that is swept.
#[derive(Debug, Clone)]
pub struct Setting {
    /// Its name in reports.
    pub name: String,
    /// Settings with the same field exclude each other.
    pub field: &'static str,
    /// The safety or service that it gives up.
    pub gives_up: &'static str,
    /// Whether it is recommended for trusted guests only.
    pub needs_trust: bool,
    /// The measures that it can change.
    pub reach: Reach,
    needs: Needs,
    change: fn(&mut SandboxConfig),
}

/// The part of a sandbox that a setting can change, so that measures that do not depend on it are
/// skipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// The guest's code.
    Code,
    /// The place of its memory, and its starts and calls.
    Memory,
    /// Both.
    Both,
}

/// The condition under which a setting does anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Needs {
    Nothing,
    /// Memories come from a pool.
    Pool,
    /// Memories come from a pool, and the kernel tells which pages were touched.
    PageMapScan,
    /// Calls are of this kind by default.
    Calls(Calls),
    /// A compiler that this build does not have.
    Winch,
}

/// Facts about a component and its sandbox before anything is swept.
#[derive(Debug, Clone, Copy)]
pub struct Facts {
    /// The kind of its calls, sync or async.
    pub calls: Calls,
    /// The allocator of its memory.
    pub allocator: Allocator,
}

/// More fuel than any message takes, so that it is counted and never runs out.
const FUEL: u64 = 1 << 40;

const NOTHING: &str = "nothing";
const SPECTRE: &str = "the Spectre mitigation of bounds checks";
const CHECKS: &str = "the guard behind memories: only compiled checks hold a guest";

type Row = (&'static str, &'static str, &'static str, bool, Reach, Needs, fn(&mut SandboxConfig));

/// Every setting: name, field, what it gives up, whether it needs trust, reach, needs, change.
const ALL: [Row; 19] = [
    ("on demand", "strategy", NOTHING, false, Reach::Memory, Needs::Pool, |it| {
        it.allocation.strategy = Allocator::OnDemand;
    }),
    // What wasmtime calls memory images copied on write.
    ("layout dense", "layout", NOTHING, false, Reach::Memory, Needs::Nothing, |it| {
        it.allocation.layout = Layout::Dense;
    }),
    ("layout packed", "layout", CHECKS, false, Reach::Both, Needs::Nothing, |it| {
        it.allocation.layout = Layout::Packed;
    }),
    ("keep-resident 0", "keep-resident", NOTHING, false, Reach::Memory, Needs::Pool, |it| {
        it.allocation.keep_resident = ByteSize::b(0);
    }),
    (
        "no page-map scan",
        "page-map-scan",
        NOTHING,
        false,
        Reach::Memory,
        Needs::PageMapScan,
        |it| {
            it.engine.page_map_scan = false;
        },
    ),
    ("memory-guard 0", "memory-guard", CHECKS, false, Reach::Both, Needs::Nothing, |it| {
        it.engine.memory_guard = Some(ByteSize::b(0));
    }),
    (
        "reserve the limit",
        "memory-reservation",
        NOTHING,
        false,
        Reach::Both,
        Needs::Nothing,
        |it| {
            it.engine.memory_reservation = Some(it.memory_limit);
        },
    ),
    ("interrupt page", "interrupt", NOTHING, false, Reach::Both, Needs::Calls(Calls::Sync), |it| {
        it.interrupt = Interrupt::Page
    }),
    (
        "interrupt none",
        "interrupt",
        "the deadline: a guest that loops is never stopped",
        true,
        Reach::Code,
        Needs::Nothing,
        |it| it.interrupt = Interrupt::None,
    ),
    ("fuel", "fuel", NOTHING, false, Reach::Code, Needs::Nothing, |it| it.fuel = Some(FUEL)),
    ("calls async", "calls", NOTHING, false, Reach::Memory, Needs::Calls(Calls::Sync), |it| {
        it.calls = Calls::Async;
    }),
    (
        "calls sync",
        "calls",
        "the deadline of a guest that waits, which keeps its thread",
        true,
        Reach::Memory,
        Needs::Calls(Calls::Async),
        |it| it.calls = Calls::Sync,
    ),
    ("opt-level none", "opt-level", NOTHING, false, Reach::Code, Needs::Nothing, |it| {
        it.engine.opt_level = OptLevel::None;
    }),
    ("opt-level speed-and-size", "opt-level", NOTHING, false, Reach::Code, Needs::Nothing, |it| {
        it.engine.opt_level = OptLevel::SpeedAndSize;
    }),
    ("registers single-pass", "registers", NOTHING, false, Reach::Code, Needs::Nothing, |it| {
        it.engine.register_allocator = RegisterAllocator::SinglePass;
    }),
    (
        "inlining",
        "inlining",
        "frames of inlined functions in backtraces",
        false,
        Reach::Code,
        Needs::Nothing,
        |it| it.engine.inlining = true,
    ),
    ("no SIMD", "simd", NOTHING, false, Reach::Code, Needs::Nothing, |it| it.engine.simd = false),
    ("no signals", "signals", SPECTRE, false, Reach::Both, Needs::Nothing, |it| {
        it.engine.signals_based_traps = Some(false);
    }),
    ("compile on one core", "parallel", NOTHING, false, Reach::Code, Needs::Nothing, |it| {
        it.engine.parallel_compilation = false;
    }),
];

impl Setting {
    /// Returns every setting, and this number of placebos, which do nothing.
    pub fn all(placebos: u32) -> Vec<Self> {
        let of = |(name, field, gives_up, needs_trust, reach, needs, change): Row| Self {
            name: name.to_owned(),
            field,
            gives_up,
            needs_trust,
            reach,
            needs,
            change,
        };
        let winch = Self {
            needs: Needs::Winch,
            ..of(("compiler winch", "compiler", NOTHING, false, Reach::Code, Needs::Winch, |_| {}))
        };
        let placebo = |number: u32| Self {
            name: format!("placebo {number}"),
            ..of(("", "placebo", NOTHING, false, Reach::Both, Needs::Nothing, |_| {}))
        };
        let all = ALL.into_iter().map(of).chain([winch]);
        all.chain((1..=placebos).map(placebo)).collect()
    }

    /// Returns true if it does nothing, so that any effect of it is false.
    pub fn is_placebo(&self) -> bool {
        self.field == "placebo"
    }

    /// Returns why the component cannot be loaded with it, in as few words as it takes.
    pub fn explained(&self, error: &Error) -> String {
        let text = error.to_string();
        match self.field {
            "simd" if text.contains("SIMD support is not enabled") => {
                "the component needs SIMD".to_owned()
            }
            _ => text,
        }
    }

    /// Returns the sandbox config with it.
    pub fn on(&self, sandbox: &SandboxConfig) -> SandboxConfig {
        let mut changed = sandbox.clone();
        (self.change)(&mut changed);
        changed
    }

    /// Returns why it is left out; `None` if it can be tried.
    pub fn skipped(&self, sandbox: &SandboxConfig, facts: Facts) -> Option<String> {
        let is_pooled = facts.allocator == Allocator::Pooled;
        let reason = match self.needs {
            Needs::Winch => "sandlab's wasmtime is built without Winch",
            Needs::Pool | Needs::PageMapScan if !is_pooled => "memory is allocated on demand",
            Needs::PageMapScan if !PoolingAllocationConfig::is_pagemap_scan_available() => {
                "this kernel has no page-map scan"
            }
            Needs::Calls(calls) if facts.calls != calls => match facts.calls {
                Calls::Async => "its calls are async already",
                _ => "its calls are sync already",
            },
            _ if !self.is_placebo() && self.on(sandbox) == *sandbox => {
                "the sandbox config has it already"
            }
            _ => return None,
        };
        Some(reason.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_changes_something_and_is_left_out_where_it_is_there() {
        let (sandbox, pooled) =
            (SandboxConfig::default(), |calls| Facts { calls, allocator: Allocator::Pooled });
        for setting in Setting::all(0) {
            let calls = match setting.needs {
                Needs::Calls(calls) => calls,
                _ => Calls::Sync,
            };
            if matches!(setting.needs, Needs::Winch | Needs::PageMapScan) {
                continue;
            }
            assert_eq!(setting.skipped(&sandbox, pooled(calls)), None, "{}", setting.name);
            let there = setting.on(&sandbox);
            assert!(setting.skipped(&there, pooled(calls)).is_some(), "{}", setting.name);
            let file = toml::to_string(&there).unwrap();
            assert_eq!(toml::from_str::<SandboxConfig>(&file).unwrap(), there, "{}", setting.name);
        }
        let placebo = Setting::all(1).pop().unwrap();
        assert_eq!(placebo.on(&sandbox), sandbox);
        assert_eq!(placebo.skipped(&sandbox, pooled(Calls::Sync)), None);
    }
}
