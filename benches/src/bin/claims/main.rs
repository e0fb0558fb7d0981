//! Measures, on this machine, what the README and the docs claim about speed, size and
//! accuracy. Exits with 1 if a claim does not hold, with 3 if it could not be measured.
//! `claims NAME` measures one; `CLAIMS_JSON=FILE` also writes them to a file.

mod hostile;
mod load;
mod measure;
mod validate;

use anyhow::{Context, Result};
use sandlab::record::{require_writable, write_whole};
use sandlab::stats::Estimate;
use serde::Serialize;
use std::path::PathBuf;
use std::process::ExitCode;

/// One claim: what is measured must be at most the bound.
#[derive(Clone, Copy, Serialize)]
struct Claim {
    name: &'static str,
    says: &'static str,
    bound: f64,
    #[serde(skip)]
    measure: fn() -> Result<Estimate>,
}

const CLAIMS: [Claim; 26] = [
    Claim {
        name: "call",
        says: "a 1 KiB echo through sandlab-runtime, by a hand-written wasmtime loop",
        bound: 1.10,
        measure: measure::call,
    },
    Claim {
        name: "spawn",
        says: "spawn, first reply and drop, by the same with wasmtime by hand",
        bound: 1.25,
        measure: measure::spawn,
    },
    Claim {
        name: "managed",
        says: "a start on the message path, by wasmtime by hand, 50 that stay on one core",
        bound: 1.30,
        measure: measure::managed,
    },
    Claim {
        name: "instead",
        says: "a start on the message path, by that of a child process",
        bound: 0.01,
        measure: measure::managed_by_process,
    },
    Claim {
        name: "sandbox",
        says: "wasm by native, geometric mean of the computing agents at 64 KiB",
        bound: 1.35,
        measure: measure::sandbox,
    },
    Claim {
        name: "deadline",
        says: "with a deadline by without, geometric mean of the same",
        bound: 1.40,
        measure: measure::deadline,
    },
    Claim {
        name: "fiber",
        says: "a 1 KiB echo on a fiber, by the same on the caller's stack",
        bound: 2.50,
        measure: measure::fiber,
    },
    Claim {
        name: "process",
        says: "a 16 B echo in the sandbox, by the same in a child process",
        bound: 0.05,
        measure: measure::process,
    },
    Claim {
        name: "pool",
        says: "spawn, first reply and drop with a pool, by the same on demand",
        bound: 0.50,
        measure: measure::pool,
    },
    Claim {
        name: "client",
        says: "bare calls on all cores, by messages on the path: a client on each, 1,000 agents",
        bound: 1.43,
        measure: measure::path_client,
    },
    Claim {
        name: "crossing",
        says: "the same, half of the messages to an agent on another core",
        bound: 1.43,
        measure: measure::path_crossing,
    },
    Claim {
        name: "ring",
        says: "the same for agents that drive each other: a ring of 1,000 relays",
        bound: 1.43,
        measure: measure::path_ring,
    },
    Claim {
        name: "p50",
        says: "latency, 100,000 messages/s over 1,000 agents, open loop, milliseconds",
        bound: 0.2,
        measure: load::p50,
    },
    Claim {
        name: "p99",
        says: "the same, 99th percentile",
        bound: 2.0,
        measure: load::p99,
    },
    Claim {
        name: "crowd",
        says: "messages/s of 100 agents, by those of 10,000",
        bound: 1.25,
        measure: load::crowd,
    },
    Claim {
        name: "back",
        says: "from a trap to the next good reply, 99th percentile, milliseconds",
        bound: 5.0,
        measure: load::back,
    },
    Claim {
        name: "others",
        says: "the 99th percentile of all while agents trap, by that while none does",
        bound: 1.5,
        measure: load::others,
    },
    Claim {
        name: "cold",
        says: "validate echo without conformance and soak, compiled anew, milliseconds",
        bound: 150.0,
        measure: validate::cold,
    },
    Claim {
        name: "warm",
        says: "the same, compiled before, milliseconds",
        bound: 30.0,
        measure: validate::warm,
    },
    Claim {
        name: "counted",
        says: "validate 12 MB without running them, milliseconds",
        bound: 100.0,
        measure: validate::counted,
    },
    Claim {
        name: "large",
        says: "validate 18 MB without conformance and soak, by the engine's loading them",
        bound: 1.10,
        measure: validate::large,
    },
    Claim {
        name: "struck",
        says: "the 99th percentile while attacks strike from quarantine, by that while none does",
        bound: 2.0,
        measure: hostile::neighbours,
    },
    Claim {
        name: "longest",
        says: "the longest time of a good agent's message meanwhile, milliseconds",
        bound: 50.0,
        measure: hostile::longest,
    },
    Claim {
        name: "timing",
        says: "what timing adds to a 16 B echo on the native twin, percent",
        bound: 1.0,
        measure: measure::timing,
    },
    Claim {
        name: "help",
        says: "sandlab --help, milliseconds",
        bound: 20.0,
        measure: measure::help,
    },
    Claim {
        name: "quick",
        says: "the quick suite, seconds",
        bound: 120.0,
        measure: measure::quick,
    },
];

/// A claim with what it came to.
#[derive(Serialize)]
struct Measured {
    #[serde(flatten)]
    claim: Claim,
    measured: Estimate,
    holds: bool,
}

fn main() -> ExitCode {
    sandlab_runtime::process::serve_if_asked();
    run().unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::from(3)
    })
}

fn run() -> Result<ExitCode> {
    let only = std::env::args().nth(1);
    let is_wanted = |claim: &&Claim| only.as_deref().is_none_or(|only| only == claim.name);
    let wanted: Vec<&Claim> = CLAIMS.iter().filter(is_wanted).collect();
    if wanted.is_empty() {
        let names = CLAIMS.map(|claim| claim.name).join(", ");
        eprintln!("error: no claim has that name; there are {names}");
        return Ok(ExitCode::from(2));
    }
    let file = std::env::var_os("CLAIMS_JSON").map(PathBuf::from);
    file.as_deref().map_or(Ok(()), require_writable)?;
    let mut all = Vec::new();
    for claim in wanted {
        let measured = measure(*claim)?;
        println!("{}", line(&measured));
        all.push(measured);
        // After each, so that a later one that fails does not take it along.
        if let Some(file) = &file {
            write_whole(file, &serde_json::to_vec_pretty(&all)?)?;
        }
    }
    let all_hold = all.iter().all(|claim| claim.holds);
    Ok(ExitCode::from(u8::from(!all_hold)))
}

fn measure(claim: Claim) -> Result<Measured> {
    let measured = (claim.measure)().with_context(|| format!("claim {}", claim.name))?;
    let holds = measured.value <= claim.bound;
    Ok(Measured {
        claim,
        measured,
        holds,
    })
}

fn line(measured: &Measured) -> String {
    let Measured {
        claim,
        measured,
        holds,
    } = measured;
    let interval = match (measured.low, measured.high) {
        (Some(low), Some(high)) => format!("({low:.3} – {high:.3})"),
        _ => "(measured once)".to_owned(),
    };
    format!(
        "{:<8} at most {:>6.2}: {:>7.3} {interval:<17}  {:<13}  {}",
        claim.name,
        claim.bound,
        measured.value,
        if *holds { "holds" } else { "DOES NOT HOLD" },
        claim.says
    )
}
