//! Embeds one agent: loads a component, starts an instance and lets it handle a message.
//!
//! ```text
//! make guests
//! cargo run --release -p sandlab-runtime --example embed -- target/agents/echo/agent.wasm
//! ```

use anyhow::{Context, Result};
use bytesize::ByteSize;
use sandlab_runtime::wasm::Sandbox;
use sandlab_runtime::{Backend, Handled, Identity, Message, SandboxConfig};
use std::path::Path;
use std::time::Duration;

fn main() -> Result<()> {
    let component = std::env::args_os().nth(1).context(
        "which component? `make guests` builds some, for example target/agents/echo/agent.wasm",
    )?;
    run(Path::new(&component)).map(drop)
}

/// Sends `hello` to an instance of the component; returns what came back.
pub fn run(component: &Path) -> Result<Handled> {
    // Every limit has a default; a TOML file can set them too: `SandboxConfig::read`.
    let config = SandboxConfig {
        memory_limit: ByteSize::mib(16),
        deadline: Duration::from_secs(1),
        ..SandboxConfig::default()
    };

    // Compiles the component, or takes it from the user's cache, and checks that it is an agent
    // that imports only what the config grants.
    let sandbox = Sandbox::load(component, &config)?;
    println!("world: {}", sandbox.world());

    // An instance has a store and a linear memory of its own.
    let mut agent = sandbox.spawn(Identity::alone())?;
    let handled = agent.handle(&Message::request("hello"))?;
    for reply in &handled.replies {
        println!("reply: {}", String::from_utf8_lossy(&reply.content));
    }
    if let Some(memory) = agent.usage().memory {
        println!("linear memory: {}", ByteSize::b(memory));
    }
    Ok(handled)
}
