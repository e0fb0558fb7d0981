//! Runs supervised agents that take tasks from a pool. One of them panics: its sender is told,
//! it is restarted, and the others do not notice.
//!
//! ```text
//! make guests
//! cargo run --release -p sandlab-runtime --example supervised -- target/agents/faulty/agent.wasm
//! ```

use anyhow::{Context, Result};
use sandlab_runtime::messaging::{
    Accounts, AgentOptions, MailboxLimits, Pool, Restarts, Routing, Runtime, Settings,
};
use sandlab_runtime::{Backend, SandboxConfig, wasm::Sandbox};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

fn main() -> Result<()> {
    let component = std::env::args_os().nth(1).context(
        "which component? `make guests` builds some; this example tells target/agents/faulty/agent.wasm to panic",
    )?;
    run(Path::new(&component)).map(drop)
}

/// Gives six tasks to three instances of the component; returns the accounts.
pub fn run(component: &Path) -> Result<Accounts> {
    let sandbox = Sandbox::load(component, &SandboxConfig::default())?;
    let workers: Arc<dyn Backend> = Arc::new(sandbox);

    // Shards are OS threads; each owns the agents that live on it.
    let runtime = Runtime::start(Settings { shards: 2, ..Settings::default() })?;
    let options = AgentOptions {
        mailbox: MailboxLimits { messages: 16, ..MailboxLimits::default() },
        // The fourth end within a minute stops the agent.
        restarts: Restarts { intensity: 3, period: Duration::from_secs(60), ..Restarts::default() },
        ..AgentOptions::default()
    };
    let agents = runtime.spawn_many(&workers, &options, 3)?;
    let pool = Pool::of(agents, Routing::RoundRobin).context("a pool needs an agent")?;

    // Methods of the runtime block, those of a client are futures, for any tokio runtime.
    let client = runtime.client();
    let tokio = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    tokio.block_on(async {
        for task in ["ok", "panic on purpose", "ok", "ok", "ok", "ok"] {
            match pool.ask(&client, (), task, Duration::from_secs(5)).await {
                Ok(_) => println!("{task:?} is done"),
                Err(error) => println!("{task:?} is not: {error}"),
            }
        }
    });

    // Lets the agents finish. Every message is accounted for.
    let accounts = runtime.shutdown(Duration::from_secs(5));
    println!(
        "{} messages: {} handled, {} failed; {} restart",
        accounts.accepted, accounts.handled, accounts.failed, accounts.restarts
    );
    Ok(accounts)
}
