//! Sources of the sandbox's cost: a ladder from the native call to the whole sandbox, on which
//! every rung turns on one thing more than the one before it.
//!
//! ```text
//! native call       the twin: no sandbox
//! component call    wasmtime by hand: linear memory, the canonical ABI
//! + limiter         asked before memory or a table grows
//! + epochs          a deadline, checked at loops and function entries
//! + fuel            counted with every block of instructions
//! + async           the call runs on a fiber, under a timeout
//! + WASI            linked, in place of imports that trap
//! sandlab-runtime   the same things through the product: what it adds is the residual
//! ```

use crate::bundle::Subject;
use crate::experiments::by_hand::{ByHand, Knobs};
use crate::sampling::setup::{Loaded, Side};
use crate::workload::Case;
use crate::workload::with_directory;
use crate::{Error, Result};
use sandlab_runtime::config::Calls;
use sandlab_runtime::wasm::SandboxEngine;
use sandlab_runtime::{Backend, BackendKind, LoadError, SandboxConfig, native::Twin};

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
    let mut ladder = Loaded { agent, sides: Vec::new(), notes: Vec::new(), _directory: directory };
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
    for (name, knobs) in rungs(needs_wasi) {
        let rung = ByHand::load(&component, &config, knobs)
            .map_err(|error| LoadError::Prepare(format!("{error:#}")))
            .map_err(unloaded(&ladder.agent, BackendKind::Wasm))?;
        ladder.sides.push(Side::new(name, rung));
    }
    let whole = SandboxConfig { fuel: Some(FUEL), calls: Calls::Async, ..config };
    let sandbox = SandboxEngine::new(&whole).and_then(|engine| engine.load_bytes(&component));
    let sandbox = sandbox.map_err(unloaded(&ladder.agent, BackendKind::Wasm))?;
    ladder.sides.push(Side::new("sandlab-runtime", sandbox));
    Ok(ladder)
}

fn unloaded(agent: &str, backend: BackendKind) -> impl FnOnce(LoadError) -> Error {
    let agent = agent.to_owned();
    move |source| Error::Load { agent, backend, source }
}

/// The rungs between the native call and sandlab-runtime, each with one knob more.
fn rungs(wasi: bool) -> Vec<(&'static str, Knobs)> {
    let bare = Knobs { wasi, ..Knobs::default() };
    let limiter = Knobs { limiter: true, ..bare };
    let epochs = Knobs { epochs: true, ..limiter };
    let fuel = Knobs { fuel: true, ..epochs };
    let fiber = Knobs { fiber: true, ..fuel };
    let mut rungs = vec![
        ("component call", bare),
        ("+ limiter", limiter),
        ("+ epochs", epochs),
        ("+ fuel", fuel),
        ("+ async", fiber),
    ];
    if !wasi {
        let wasi = Knobs { wasi: true, ..fiber };
        rungs.push(("+ WASI", wasi));
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
    fn each_rung_turns_on_one_thing_more() {
        let names = |wasi| rungs(wasi).iter().map(|(name, _)| *name).collect::<Vec<_>>();
        let all = ["component call", "+ limiter", "+ epochs", "+ fuel", "+ async", "+ WASI"];
        assert_eq!(names(false), all);
        assert_eq!(names(true), all[..5]);
        for wasi in [false, true] {
            let (_, top) = rungs(wasi).pop().unwrap();
            assert!(top.limiter && top.epochs && top.fuel && top.fiber && top.wasi);
        }
    }
}
