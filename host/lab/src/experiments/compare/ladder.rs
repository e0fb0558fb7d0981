//! Sources of the sandbox's cost: a ladder from the native call to the sandbox in use, on which every
//! rung turns on one thing more than the one before it, as far as the sandbox config has it.
//!
//! ```text
//! native call          the twin: no sandbox
//! component call       wasmtime by hand: linear memory, the canonical ABI
//! + limiter            asked before memory or a table grows
//! + epochs             a deadline, checked at loops and function entries
//! + fuel               counted with every block of instructions
//! + async              the call runs on a fiber, under a timeout
//! + WASI               linked, in place of imports that trap
//! sandlab-runtime      the same things through the product: what it adds is the residual
//! ```
//!
//! What the sandbox in use has not stands apart, as what it would add:
//!
//! ```text
//! if fuel is on        the product with fuel
//! if calls are async   the product with calls on fibers
//! ```

use crate::bundle::Subject;
use crate::experiments::by_hand::{ByHand, Knobs};
use crate::sampling::setup::{Loaded, Side};
use crate::workload::Case;
use crate::workload::with_directory;
use crate::{Error, Result};
use sandlab_runtime::config::{Calls, Interrupt};
use sandlab_runtime::wasm::SandboxEngine;
use sandlab_runtime::{Backend, BackendKind, LoadError, SandboxConfig, native::Twin};

/// The rung of the sandbox in use. Those after it are what it would add.
pub const IN_USE: &str = "sandlab-runtime";

/// More fuel than a measured call burns: it is counted, and never runs out.
const FUEL: u64 = 1 << 40;

/// Loads a subject on every rung.
///
/// # Errors
/// If it does not load on a rung.
pub fn load(subject: &Subject, config: &SandboxConfig, cases: &[Case]) -> Result<Loaded> {
    subject
        .require_agent("the ladder takes the calls of an agent apart; leave `--attribute` out")?;
    let agent = subject.name();
    let (config, directory) = with_directory(config, cases)?;
    let mut ladder = Loaded {
        agent: agent.clone(),
        sides: Vec::new(),
        notes: Vec::new(),
        _directory: directory,
    };
    match subject.twin() {
        Some(twin) => {
            let twin = Twin::load(&twin, &config);
            let twin = twin.map_err(unloaded(&ladder.agent, BackendKind::Native))?;
            ladder.sides.push(Side::new("native call", twin));
        }
        None => ladder.notes.push(format!(
            "{} is a component alone, without a twin: its ladder starts at the component call",
            ladder.agent
        )),
    }
    let path = subject.component();
    let component = std::fs::read(&path).map_err(Error::file("read", &path))?;
    let needs_wasi = needs_wasi(&component, &config, cases);
    if needs_wasi {
        ladder
            .notes
            .push(format!("{} calls WASI while it runs, so that every rung has it", ladder.agent));
    }
    let load = |config: &SandboxConfig| {
        let sandbox = SandboxEngine::new(config).and_then(|engine| engine.load_bytes(&component));
        sandbox.map_err(unloaded(&agent, BackendKind::Wasm))
    };
    let sandbox = load(&config)?;
    let prepared = sandbox.prepared();
    let in_use = Knobs {
        limiter: true,
        epochs: prepared.interrupt == Interrupt::Epoch,
        fuel: config.fuel.is_some(),
        fiber: prepared.calls == Calls::Async,
        wasi: true,
    };
    for (name, knobs) in rungs(in_use, needs_wasi) {
        let rung = ByHand::load(&component, &config, knobs)
            .map_err(|error| LoadError::Prepare(format!("{error:#}")))
            .map_err(unloaded(&agent, BackendKind::Wasm))?;
        ladder.sides.push(Side::new(name, rung));
    }
    if prepared.interrupt == Interrupt::Page {
        ladder.notes.push(format!(
            "the stores of {agent} to its interrupt page are in the step of {IN_USE}: no rung below has \
             a deadline"
        ));
    }
    ladder.sides.push(Side::new(IN_USE, sandbox));
    if !in_use.fuel {
        let with_fuel = SandboxConfig { fuel: Some(FUEL), ..config.clone() };
        ladder.sides.push(Side::new("if fuel is on", load(&with_fuel)?));
    }
    if !in_use.fiber {
        let on_fibers = SandboxConfig { calls: Calls::Async, ..config.clone() };
        ladder.sides.push(Side::new("if calls are async", load(&on_fibers)?));
    }
    Ok(ladder)
}

fn unloaded(agent: &str, backend: BackendKind) -> impl FnOnce(LoadError) -> Error {
    let agent = agent.to_owned();
    move |source| Error::Load { agent, backend, source }
}

/// Returns the rungs between the native call and the sandbox in use, each with one knob more of those
/// that are in use. With `wasi`, every rung has it.
fn rungs(in_use: Knobs, wasi: bool) -> Vec<(&'static str, Knobs)> {
    let mut knobs = Knobs { wasi, ..Knobs::default() };
    let mut rungs = vec![("component call", knobs)];
    type Knob = fn(&mut Knobs) -> &mut bool;
    let turns: [(&str, bool, Knob); 5] = [
        ("+ limiter", in_use.limiter, |knobs| &mut knobs.limiter),
        ("+ epochs", in_use.epochs, |knobs| &mut knobs.epochs),
        ("+ fuel", in_use.fuel, |knobs| &mut knobs.fuel),
        ("+ async", in_use.fiber, |knobs| &mut knobs.fiber),
        ("+ WASI", in_use.wasi && !wasi, |knobs| &mut knobs.wasi),
    ];
    for (name, _, turn) in turns.into_iter().filter(|(_, is_in_use, _)| *is_in_use) {
        *turn(&mut knobs) = true;
        rungs.push((name, knobs));
    }
    rungs
}

/// Returns true if the agent fails when the imports of WASI trap. Most of WASI that a language
/// links is for a panic's message; the random seed of a hash map is needed.
fn needs_wasi(component: &[u8], config: &SandboxConfig, cases: &[Case]) -> bool {
    let Ok(bare) = ByHand::load(component, config, Knobs::default()) else {
        return true;
    };
    let Some(case) = cases.first() else {
        return false;
    };
    let Ok(mut agent) = bare.spawn(case.identity()) else {
        return true;
    };
    let configured = case.config.is_empty() || agent.configure(&case.config).is_ok();
    let mut requests = case.exchanges.iter().map(|exchange| &exchange.request);
    !configured || requests.any(|request| agent.handle(request).is_err())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rung_turns_on_one_thing_more_of_those_in_use() {
        let all = Knobs { limiter: true, epochs: true, fuel: true, fiber: true, wasi: true };
        let names =
            |in_use, wasi| rungs(in_use, wasi).iter().map(|(name, _)| *name).collect::<Vec<_>>();
        let every = ["component call", "+ limiter", "+ epochs", "+ fuel", "+ async", "+ WASI"];
        assert_eq!(names(all, false), every);
        assert_eq!(names(all, true), every[..5]);
        let usual = Knobs { fuel: false, fiber: false, ..all };
        assert_eq!(names(usual, false), ["component call", "+ limiter", "+ epochs", "+ WASI"]);
        for in_use in [all, usual] {
            for wasi in [false, true] {
                assert_eq!(rungs(in_use, wasi).pop().unwrap().1, in_use);
            }
        }
    }
}
