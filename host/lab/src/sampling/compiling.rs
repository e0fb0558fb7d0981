//! Compilation times of components.

use crate::bundle::Subject;
use crate::{Error, Result};
use sandlab_runtime::subject;
use sandlab_runtime::wasm::{Cache, SandboxEngine};
use sandlab_runtime::{BackendKind, LoadError, SandboxConfig};
use std::time::{Duration, Instant};

/// Compiles and links a subject in an engine of its own, without a cache. Returns it with the time
/// that it took.
///
/// # Errors
/// If the file cannot be read, or does not load.
pub fn compile(subject: &Subject, config: &SandboxConfig) -> Result<(subject::Subject, Duration)> {
    let agent = subject.name();
    let file = subject.component();
    let bytes = std::fs::read(&file).map_err(Error::file("read", &file))?;
    let compiled = || -> Result<_, LoadError> {
        let engine = SandboxEngine::with_cache(config, Cache::none())?;
        let clock = Instant::now();
        let loaded = subject::load_bytes(&engine, &bytes, &agent, &subject.options)?;
        Ok((loaded, clock.elapsed()))
    };
    compiled().map_err(|source| Error::Load {
        agent: agent.clone(),
        backend: BackendKind::Wasm,
        source,
    })
}
