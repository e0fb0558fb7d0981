//! A component, loaded with settings.

use super::rounds::once;
use super::settings::Facts;
use crate::bundle::Subject;
use crate::experiments::plan::DensityProbe;
use crate::record::RoundSettings;
use crate::sampling::interleave::{calibrate, verify};
use crate::sampling::setup::{self, Loaded};
use crate::sampling::{backends, setup::Side as Started};
use crate::workload::{Case, with_directory};
use crate::{Error, Result};
use sandlab_runtime::subject::load_bytes;
use sandlab_runtime::wasm::{Cache, SandboxEngine};
use sandlab_runtime::{BackendKind, LoadError, SandboxConfig};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Slots of a measured pool: enough for a few instances of components with many memories. As many
/// slots as a host has, with all settings loaded at once, would use up the kernel's mappings.
const SLOTS: u32 = 64;

/// The component and its messages, which all sides share.
pub struct Ground {
    subject: Subject,
    bytes: Vec<u8>,
    /// The messages.
    pub cases: Vec<Case>,
    /// Cycles of each case per slice, counted with the default settings.
    pub cycles: Vec<u32>,
    sandbox: SandboxConfig,
    directory: Option<TempDir>,
}

/// A component that is loaded with settings.
pub struct Side {
    /// The settings' name.
    pub name: String,
    /// Its sandbox config, as it would be recommended.
    pub sandbox: SandboxConfig,
    /// The kind of its calls, and the allocator of its memory, as found by loading it.
    pub facts: Facts,
    /// Size of the compiled component, bytes.
    pub code: u64,
    backend: Arc<dyn sandlab_runtime::Backend>,
}

impl Ground {
    /// Reads a component, and finds how often its messages have to be sent for a slice. Returns it
    /// with the side of the sandbox config as it was given.
    ///
    /// # Errors
    /// If it does not load, or does not reply as it must.
    pub fn of(
        subject: &Subject,
        cases: Vec<Case>,
        sandbox: &SandboxConfig,
    ) -> Result<(Self, Side)> {
        let file = subject.component();
        let bytes = std::fs::read(&file).map_err(Error::file("read", &file))?;
        let (granting, directory) = with_directory(sandbox, &cases)?;
        let mut ground = Self {
            subject: subject.clone(),
            bytes,
            cases,
            cycles: Vec::new(),
            sandbox: granting,
            directory,
        };
        let default = ground.side("default", sandbox)?;
        let loaded = ground.loaded(&[&default]);
        let settings = RoundSettings::default();
        let cycles = ground.cases.iter().map(|case| {
            let mut agent = loaded.start(&loaded.sides[0], case)?;
            verify(&loaded, &loaded.sides[0], agent.as_mut(), case)?;
            calibrate(&loaded, &loaded.sides[0], agent.as_mut(), case, &settings)
        });
        ground.cycles = cycles.collect::<Result<_>>()?;
        Ok((ground, default))
    }

    /// Loads the component with settings, and checks its replies to all messages.
    ///
    /// # Errors
    /// If it does not load, or does not reply as it must.
    pub fn side(&self, name: &str, sandbox: &SandboxConfig) -> Result<Side> {
        let engine = SandboxEngine::new(&self.measured(sandbox)).map_err(|it| self.unloaded(it))?;
        let loaded = self.load(&engine)?;
        backends::require_fit(&self.subject.name(), &loaded, &self.cases)?;
        let prepared = loaded.prepared();
        let side = Side {
            name: name.to_owned(),
            sandbox: sandbox.clone(),
            facts: Facts { calls: prepared.calls, allocator: sandbox.allocation.strategy },
            code: prepared.compiled_size,
            backend: loaded.backend.clone(),
        };
        let loaded = self.loaded(&[&side]);
        for case in &self.cases {
            let mut agent = loaded.start(&loaded.sides[0], case)?;
            verify(&loaded, &loaded.sides[0], agent.as_mut(), case)?;
        }
        Ok(side)
    }

    /// Returns sides, to start their instances.
    pub fn loaded(&self, sides: &[&Side]) -> Loaded {
        let of = |side: &&Side| Started::of(&side.name, side.backend.clone());
        Loaded {
            agent: self.subject.name(),
            sides: sides.iter().map(of).collect(),
            notes: Vec::new(),
            _directory: None,
        }
    }

    /// Loads sides again, in an order that changes from round to round: code and pools then lie at
    /// other addresses, so that the effect of an address is not taken for that of a setting.
    ///
    /// # Errors
    /// If one does not load.
    pub fn anew(&self, sides: &[&Side], round: usize) -> Result<Loaded> {
        let mut loaded = self.loaded(sides);
        for index in once(sides.len(), round) {
            let engine = SandboxEngine::new(&self.measured(&sides[index].sandbox));
            let engine = engine.map_err(|it| self.unloaded(it))?;
            loaded.sides[index].backend = self.load(&engine)?.backend;
        }
        Ok(loaded)
    }

    /// Returns how long it takes to compile and link the component, without a cache.
    ///
    /// # Errors
    /// If it does not load.
    pub fn compile(&self, side: &Side) -> Result<Duration> {
        let engine = SandboxEngine::with_cache(&self.measured(&side.sandbox), Cache::none());
        let engine = engine.map_err(|it| self.unloaded(it))?;
        let start = Instant::now();
        let loaded = self.load(&engine)?;
        let took = start.elapsed();
        drop(loaded);
        Ok(took)
    }

    /// Returns a probe that starts many of its agents in a process of their own.
    ///
    /// # Errors
    /// If one does not start, or does not answer.
    pub fn density(&self, side: &Side) -> Result<DensityProbe> {
        DensityProbe::as_given(&self.subject, &side.sandbox, &self.cases)
    }

    /// Returns the sandbox config that is measured for another: with fewer slots, and with the
    /// folder that messages need.
    fn measured(&self, sandbox: &SandboxConfig) -> SandboxConfig {
        let mut sandbox = sandbox.clone();
        sandbox.allocation.slots = sandbox.allocation.slots.min(SLOTS);
        if self.directory.is_some() {
            sandbox.grants.clone_from(&self.sandbox.grants);
        }
        sandbox
    }

    fn load(&self, engine: &SandboxEngine) -> Result<sandlab_runtime::subject::Subject> {
        let Subject { options, .. } = &self.subject;
        let loaded = load_bytes(engine, &self.bytes, &self.subject.name(), options);
        loaded.map_err(|source| self.unloaded(source))
    }

    fn unloaded(&self, source: LoadError) -> Error {
        Error::Load { agent: self.subject.name(), backend: BackendKind::Wasm, source }
    }

    /// Returns the case that represents all where only some can be sent: the one of 1 KiB, or else
    /// the first.
    pub fn typical(&self) -> usize {
        self.cases.iter().position(|case| case.size == Some(1_024)).unwrap_or_default()
    }
}

/// Returns the messages of a subject if it has any.
///
/// # Errors
/// If there are none.
pub fn require_messages(subject: &Subject, cases: &[Case]) -> Result<()> {
    match cases.iter().all(|case| !case.exchanges.is_empty()) && !cases.is_empty() {
        true => Ok(()),
        false => Err(Error::Usage(format!("{} has no messages", subject.name()))),
    }
}

/// An instance that is started for a case.
pub type Instance = Box<dyn sandlab_runtime::Agent>;

/// Starts an instance of a side and checks its replies; returns how many they are.
///
/// # Errors
/// If it does not start, or does not reply as it must.
pub fn checked(loaded: &Loaded, side: &setup::Side, case: &Case) -> Result<(Instance, u64)> {
    let mut agent = loaded.start(side, case)?;
    let answers = verify(loaded, side, agent.as_mut(), case)?;
    Ok((agent, answers))
}
