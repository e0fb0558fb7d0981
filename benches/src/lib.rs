//! The two sides of the ratios that benches and claims measure: `echo`, a service and functions
//! through sandlab-runtime, and through hand-written wasmtime with the same engine settings. And what
//! the benches of the message path drive.

pub mod driven;
pub mod function;
pub mod service;

use anyhow::{Context, Result, anyhow, bail, ensure};
use sandlab::bundle::find;
use sandlab::experiments::by_hand::{self, ByHand, Knobs};
use sandlab_runtime::allocator::Allocator;
use sandlab_runtime::wasm::{Sandbox, SandboxEngine};
use sandlab_runtime::{Agent, Backend, Directory, Identity, Message, Peers, SandboxConfig};
use std::path::Path;
use std::sync::Arc;

/// That of the command.
#[global_allocator]
static ALLOCATOR: Allocator = Allocator;

/// `echo`, loaded on both sides.
pub struct Echo {
    ours: Sandbox,
    by_hand: ByHand,
    peers: Arc<dyn Directory>,
}

impl Echo {
    /// Loads both sides with the same sandbox config.
    ///
    /// # Errors
    /// If `echo` is not built, or does not load.
    pub fn load(sandbox: &SandboxConfig) -> Result<Self> {
        let subject = find("echo", &mut |_| {}).context("run `make guests` first")?;
        let component = std::fs::read(subject.component())?;
        // The same as sandlab-runtime does by default with such a component.
        let knobs = Knobs { epochs: true, wasi: true, ..Knobs::default() };
        let by_hand = ByHand::load(&component, sandbox, knobs);
        Ok(Self {
            ours: SandboxEngine::new(sandbox)?.load_bytes(&component)?,
            by_hand: by_hand.map_err(by_wasmtime)?,
            peers: Arc::new(Peers::default()),
        })
    }

    /// Starts an instance through sandlab-runtime.
    ///
    /// # Errors
    /// If it does not start.
    pub fn ours(&self) -> Result<Box<dyn Agent>> {
        Ok(self.ours.spawn(Identity::alone())?)
    }

    /// Starts an instance through hand-written wasmtime.
    ///
    /// # Errors
    /// If it does not start.
    pub fn by_hand(&self) -> Result<by_hand::Instance> {
        let instance = self.by_hand.instantiate(self.peers.clone());
        instance.map_err(by_wasmtime)
    }
}

/// Sends a message through sandlab-runtime, and checks the length of the reply.
///
/// # Errors
/// If the agent fails, or its reply is not that of `echo`.
pub fn exchange(agent: &mut dyn Agent, message: &Message) -> Result<()> {
    let handled = agent.handle(message)?;
    is_echo(message, &handled.replies)
}

/// Sends a message through hand-written wasmtime, and checks the length of the reply.
///
/// # Errors
/// As [`exchange`].
pub fn exchange_by_hand(agent: &mut by_hand::Instance, message: &Message) -> Result<()> {
    let replies = agent.call(message).map_err(by_wasmtime)?;
    is_echo(message, &replies)
}

fn is_echo(message: &Message, replies: &[Message]) -> Result<()> {
    let [reply] = replies else {
        bail!("echo replied {} times", replies.len());
    };
    ensure!(
        reply.content.len() == message.content.len(),
        "echo replied {} bytes to {}",
        reply.content.len(),
        message.content.len()
    );
    Ok(())
}

/// Reads a component of `guest-agents/foreign`.
///
/// # Errors
/// If it is not built.
fn foreign(name: &str) -> Result<Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."));
    let file = root.join("target/foreign").join(name).with_extension("wasm");
    let read = std::fs::read(&file);
    read.with_context(|| {
        format!("{} cannot be read; `make claims` and `make foreign` build it", file.display())
    })
}

/// Converts an error of wasmtime, which is not a `std::error::Error`.
pub fn by_wasmtime(error: wasmtime::Error) -> anyhow::Error {
    anyhow!("hand-written wasmtime: {error:#}")
}
