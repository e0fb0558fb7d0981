//! Starts of services, commands and functions, through sandlab-runtime: their phases before the
//! first reply cannot be told apart from outside.

use super::clock::Clock;
use super::found::Phase;
use super::others::started;
use super::run::{MANY, Starting};
use super::starts::{Starts, on_all_cores};
use crate::bundle::Subject;
use crate::workload::{Case, with_directory};
use crate::{Error, Result};
use sandlab_runtime::config::Strategy;
use sandlab_runtime::subject::{self, Subject as Loaded};
use sandlab_runtime::wasm::{Cache, SandboxEngine};
use sandlab_runtime::{BackendKind, LoadError, SandboxConfig};
use tempfile::TempDir;

/// A component of any kind but an agent's.
pub(super) struct Sandboxed {
    subject: Subject,
    bytes: Vec<u8>,
    compiling: SandboxEngine,
    caching: SandboxEngine,
    pooled: Loaded,
    on_demand: Loaded,
    _cached: TempDir,
    _directory: Option<TempDir>,
}

impl Sandboxed {
    /// Loads a component in each way.
    ///
    /// # Errors
    /// If it does not load.
    pub fn load(subject: &Subject, config: &SandboxConfig, cases: &[Case]) -> Result<Self> {
        let (mut config, directory) = with_directory(config, cases)?;
        let path = subject.component();
        let bytes = std::fs::read(&path).map_err(Error::file("read", &path))?;
        let cached = crate::paths::temporary_folder()?;
        let unloaded = |source| unloaded(subject, source);
        let engine = |config: &SandboxConfig, cache| {
            SandboxEngine::with_cache(config, cache).map_err(unloaded)
        };
        let cache = || Cache::in_folder(cached.path()).map_err(Error::file("use", cached.path()));
        let load = |engine: &SandboxEngine| {
            let loaded = subject::load_bytes(engine, &bytes, &subject.name(), &subject.options);
            loaded.map_err(unloaded)
        };
        config.allocation.strategy = Strategy::OnDemand;
        let on_demand = load(&engine(&config, cache()?)?)?;
        config.allocation.strategy = Strategy::Pooled;
        let caching = engine(&config, cache()?)?;
        Ok(Self {
            pooled: load(&caching)?,
            on_demand,
            compiling: engine(&config, Cache::none())?,
            caching,
            subject: subject.clone(),
            bytes,
            _cached: cached,
            _directory: directory,
        })
    }

    fn loaded(&self, engine: &SandboxEngine, phase: Phase, what: &Starting) -> Result<Clock> {
        let mut clock = Clock::start();
        let Subject { options, .. } = &self.subject;
        let loaded = subject::load_bytes(engine, &self.bytes, &self.subject.name(), options);
        let loaded = loaded.map_err(|source| unloaded(&self.subject, source))?;
        clock.lap(phase, 1);
        started(&*loaded.backend, clock, what)
    }
}

fn unloaded(subject: &Subject, source: LoadError) -> Error {
    Error::Load { agent: subject.name(), backend: BackendKind::Wasm, source }
}

impl Starts for Sandboxed {
    fn cold(&self, what: &Starting) -> Result<Clock> {
        self.loaded(&self.compiling, Phase::Compile, what)
    }

    fn cached(&self, what: &Starting) -> Result<Clock> {
        self.loaded(&self.caching, Phase::Deserialise, what)
    }

    fn on_demand(&self, what: &Starting) -> Result<Clock> {
        started(&*self.on_demand.backend, Clock::start(), what)
    }

    fn pooled(&self, what: &Starting) -> Result<Clock> {
        started(&*self.pooled.backend, Clock::start(), what)
    }

    fn concurrent(&self, what: &Starting) -> Result<Vec<Clock>> {
        on_all_cores(&|| started(&*self.pooled.backend, Clock::start(), what))
    }

    fn many(&self, what: &Starting) -> Result<Clock> {
        let failed = |error| what.failed("the sandbox", error);
        let mut clock = Clock::start();
        let mut instances = Vec::new();
        for _ in 0..MANY {
            let instance = self.pooled.backend.spawn(what.case.identity());
            instances.push(instance.map_err(|fault| failed(fault.into()))?);
        }
        clock.lap(Phase::Start, MANY);
        for instance in &mut instances {
            let handled = instance.handle(&what.exchange().request).map_err(failed)?;
            what.check(&handled, "the sandbox")?;
        }
        clock.lap(Phase::FirstReply, MANY);
        clock.sum();
        drop(instances);
        Ok(clock)
    }
}
