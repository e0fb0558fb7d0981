//! The stacks of guests while they do their work: which functions their time goes to.
//!
//! Sides are interleaved as in every comparison, so that what sampling costs is measured in the
//! same rounds in which the samples are taken, and two builds are sampled side by side.

use crate::bundle::Subject;
use crate::record::{Folded, RoundSettings};
use crate::sampling::backends::require_fit;
use crate::sampling::interleave;
use crate::sampling::pairs::Guests;
use crate::sampling::recorder::Recorder;
use crate::sampling::setup::{Loaded, Side};
use crate::workload::{Case, with_directory};
use crate::{Error, Result};
use sandlab_runtime::wasm::{Sampler, SandboxEngine};
use sandlab_runtime::{BackendKind, SandboxConfig};
use std::time::Duration;

/// The time between two samples. Every millisecond, they took 3 to 8 % of a guest's time on a busy
/// machine, where nothing that a sample needs is in the caches any more.
pub const INTERVAL: Duration = Duration::from_millis(2);

/// A slice of one side: long enough for the sampler's tick to fall into it many times.
const SLICE: Duration = Duration::from_millis(30);

/// The side that is sampled of a subject by itself; the other is [`BackendKind::Wasm`].
pub const SAMPLED: &str = "sampled";

/// Subjects that are sampled, beside others that may not be.
pub struct Watched {
    loaded: Loaded,
    /// The sampled sides by name.
    samplers: Vec<(String, Sampler)>,
}

impl Watched {
    /// Loads a subject twice: as it runs, and sampled.
    ///
    /// # Errors
    /// If it does not load, or a message does not fit its kind.
    pub fn alone(subject: &Subject, config: &SandboxConfig, cases: &[Case]) -> Result<Self> {
        let agent = subject.name();
        let (config, directory) = with_directory(config, cases)?;
        let failed =
            |source| Error::Load { agent: agent.clone(), backend: BackendKind::Wasm, source };
        let plain = subject.load_alone(&config).map_err(failed)?;
        require_fit(&agent, &plain, cases)?;
        let sampler = Sampler::new(INTERVAL);
        let engine = SandboxEngine::sampled(&config, &sampler).map_err(failed)?;
        let sampled = subject.load(&engine).map_err(failed)?;
        let side = |name: &str, backend| Side::of(name, backend);
        let sides =
            vec![side(BackendKind::Wasm.name(), plain.backend), side(SAMPLED, sampled.backend)];
        Ok(Self {
            loaded: Loaded { agent, sides, notes: Vec::new(), _directory: directory },
            samplers: vec![(SAMPLED.to_owned(), sampler)],
        })
    }

    /// Loads two builds, both sampled.
    ///
    /// # Errors
    /// If one does not load.
    pub fn builds(guests: &Guests) -> Result<Self> {
        let samplers = [Sampler::new(INTERVAL), Sampler::new(INTERVAL)];
        let loaded = guests.sampled(&samplers)?;
        let names = loaded.sides.iter().map(|side| side.name.clone());
        let samplers = names.zip(samplers).collect();
        Ok(Self { loaded, samplers })
    }

    /// Measures one case as a part of a run of this kind, and records its rounds. Returns the
    /// stacks of each sampled side.
    ///
    /// # Errors
    /// If an agent fails, or replies what it must not, and those of what takes the rounds.
    pub fn record(
        &self,
        kind: &str,
        case: &Case,
        settings: &RoundSettings,
        to: &mut dyn Recorder,
    ) -> Result<Vec<(String, Folded)>> {
        // What loading and earlier cases left.
        self.samplers.iter().for_each(|(_, sampler)| drop(sampler.take()));
        let settings = RoundSettings { slice: SLICE, ..*settings };
        interleave::record(kind, &self.loaded, case, &settings, to)?;
        let sides = self.samplers.iter();
        Ok(sides.map(|(side, sampler)| (side.clone(), Folded::of(sampler.take()))).collect())
    }
}
