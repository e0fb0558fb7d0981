//! Components of every kind behind the traits of agents: built here, and run for real.

mod command;
mod function;
mod message_path;
mod module;
mod refused;
mod service;

use sandlab_runtime::subject::{Options, Subject, load};
use sandlab_runtime::wasm::{Cache, SandboxEngine};
use sandlab_runtime::{Agent, CallError, Failure, Fault, Identity, Message, SandboxConfig};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

/// Builds the guests, once, and returns where one is.
fn guest(name: &str) -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let folder = BUILT.get_or_init(|| {
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("guests");
        let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/guests/Cargo.toml");
        let cargo = std::env::var_os("CARGO").unwrap_or("cargo".into());
        let status = Command::new(cargo)
            .args(["build", "--release", "--locked", "--target", "wasm32-wasip2"])
            .args(["--manifest-path", manifest, "--target-dir"])
            .arg(&target)
            .status()
            .unwrap();
        assert!(status.success(), "the guests do not build");
        target.join("wasm32-wasip2/release")
    });
    folder.join(format!("subject{}{name}.wasm", if name == "command" { '-' } else { '_' }))
}

/// A config that starts quickly: no pool has to be made.
fn config() -> SandboxConfig {
    let mut config =
        SandboxConfig { deadline: Duration::from_millis(300), ..SandboxConfig::default() };
    config.allocation.strategy = sandlab_runtime::config::Strategy::OnDemand;
    config
}

fn engine(config: &SandboxConfig) -> SandboxEngine {
    SandboxEngine::with_cache(config, Cache::none()).unwrap()
}

fn subject(name: &str, config: &SandboxConfig, options: &Options) -> Subject {
    load(&engine(config), &guest(name), options).unwrap_or_else(|error| panic!("{error}"))
}

/// An instance of a guest, as it is without options.
fn start(name: &str, config: &SandboxConfig) -> Box<dyn Agent> {
    let subject = subject(name, config, &Options::default());
    subject.backend.spawn(Identity::alone()).unwrap()
}

/// The content of the only reply.
fn ask(agent: &mut dyn Agent, content: impl Into<Vec<u8>>) -> Result<Vec<u8>, CallError> {
    let request = Message::request(content);
    let mut handled = agent.handle(&request)?;
    assert_eq!(handled.replies.len(), 1);
    let reply = handled.replies.remove(0);
    assert_eq!(reply.in_reply_to, Some(request.id));
    Ok(reply.content)
}

fn fault(result: Result<impl std::fmt::Debug, CallError>) -> Fault {
    match result {
        Err(CallError::Fault(fault)) => fault,
        other => panic!("it is no fault: {other:?}"),
    }
}

/// The text of a failure that the instance survives.
fn not_understood(result: Result<impl std::fmt::Debug, CallError>) -> String {
    match result {
        Err(CallError::Failure(Failure::NotUnderstood(text))) => text,
        other => panic!("it was understood: {other:?}"),
    }
}
