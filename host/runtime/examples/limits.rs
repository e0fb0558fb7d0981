//! Lets an untrusted agent run into its limits, and shows the fault that each one leads to.
//!
//! ```text
//! make guests
//! cargo run --release -p sandlab-runtime --example limits -- target/agents/faulty/agent.wasm
//! ```

use anyhow::{Context, Result};
use bytesize::ByteSize;
use sandlab_runtime::wasm::Sandbox;
use sandlab_runtime::{Backend, CallError, Fault, Identity, Message, SandboxConfig};
use std::path::Path;
use std::time::Duration;

fn main() -> Result<()> {
    let component = std::env::args_os().nth(1).context(
        "which component? `make guests` builds some; this example tells target/agents/faulty/agent.wasm how to fail",
    )?;
    run(Path::new(&component)).map(drop)
}

/// Tells the component to fail in several ways; returns the faults.
pub fn run(component: &Path) -> Result<Vec<Fault>> {
    let config = SandboxConfig {
        deadline: Duration::from_millis(100),
        stack: ByteSize::kib(256),
        result_limit: ByteSize::kib(64),
        ..SandboxConfig::default()
    };
    let sandbox = Sandbox::load(component, &config)?;
    let mut agent = sandbox.spawn(Identity::alone())?;
    let mut faults = Vec::new();
    for task in ["fail on purpose", "loop", "recurse", "return 1000000", "panic on purpose", "ok"] {
        match agent.handle(&Message::request(task)) {
            Ok(_) => println!("{task}: handled"),
            // The agent's own answer; the instance stays alive.
            Err(CallError::Failure(failure)) => println!("{task}: {failure}"),
            // The sandbox's; the instance has ended, and the host starts another.
            Err(CallError::Fault(fault)) => {
                println!("{task}: {fault}");
                faults.push(fault);
                agent = sandbox.spawn(Identity::alone())?;
            }
        }
    }
    Ok(faults)
}
