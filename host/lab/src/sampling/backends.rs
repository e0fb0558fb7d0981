//! Loads a subject on the backends that it can run on.

use crate::bundle::Subject;
use crate::sampling::setup::{Loaded, Side};
use crate::workload::Case;
use crate::workload::with_directory;
use crate::{Error, Result};
use sandlab_runtime::config::Calls;
use sandlab_runtime::wasm::{Sandbox, SandboxEngine};
use sandlab_runtime::{
    Backend, BackendKind, LoadError, SandboxConfig, native::Twin, process::Children,
};
use std::sync::Arc;

/// Loads a subject on the backends that it can run on.
///
/// # Errors
/// If it does not load on a backend that it should.
pub fn load(
    subject: &Subject,
    backends: &[BackendKind],
    config: &SandboxConfig,
    cases: &[Case],
) -> Result<Loaded> {
    let agent = subject.name();
    let (config, directory) = with_directory(config, cases)?;
    let (mut sides, mut notes) = (Vec::new(), Vec::new());
    for backend in backends.iter().copied() {
        match side(subject, backend, &config, &mut notes) {
            Some(Ok(side)) => sides.push(side),
            Some(Err(source)) => {
                return Err(Error::Load { agent, backend, source });
            }
            None => notes.push(format!(
                "{agent} is a component alone, without a twin: {backend} is left out"
            )),
        }
    }
    if sides.is_empty() {
        return Err(Error::Usage(format!(
            "{agent} is a component alone, without a twin: it can only run on `--backends wasm`"
        )));
    }
    Ok(Loaded { agent, sides, notes, _directory: directory })
}

/// A subject on one backend, for many agents.
///
/// # Errors
/// If it does not load there, or has no twin and needs one.
pub fn backend(
    subject: &Subject,
    kind: BackendKind,
    config: &SandboxConfig,
) -> Result<Arc<dyn Backend>> {
    let agent = subject.name();
    let Some(loaded) = side(subject, kind, config, &mut Vec::new()) else {
        return Err(Error::Usage(format!(
            "{agent} is a component alone, without a twin: it can only run on `--backends wasm`"
        )));
    };
    let side = loaded.map_err(|source| Error::Load { agent, backend: kind, source })?;
    Ok(side.backend.into())
}

/// That calls are async, which doubles their price, and why.
fn on_fibers(agent: &str, sandbox: &Sandbox) -> Option<String> {
    let why = match sandbox.blocking_import() {
        Some(import) => format!("it can block in {import}"),
        None => "the sandbox config says so".to_owned(),
    };
    let is_async = sandbox.calls() == Calls::Async;
    is_async.then(|| format!("{agent} runs on async calls, since {why}"))
}

/// None if the subject has nothing that the backend could run.
fn side(
    subject: &Subject,
    backend: BackendKind,
    config: &SandboxConfig,
    notes: &mut Vec<String>,
) -> Option<Result<Side, LoadError>> {
    let name = backend.name();
    Some(match (backend, subject.twin()) {
        (BackendKind::Wasm, _) => SandboxEngine::new(config)
            .and_then(|engine| engine.load(&subject.component()))
            .map(|sandbox| {
                notes.extend(on_fibers(&subject.name(), &sandbox));
                Side::new(name, sandbox)
            }),
        (BackendKind::Native, Some(twin)) => {
            Twin::load(&twin, config).map(|twin| Side::new(name, twin))
        }
        (BackendKind::Process, Some(twin)) => {
            Children::of(&twin, config).map(|children| Side::new(name, children))
        }
        (_, None) => return None,
    })
}
