//! From a subject to running agents: backends, configuration, grants.

use crate::bundle::Subject;
use crate::workload::{self, Case};
use crate::{Error, Result};
use sandlab_runtime::profile::{Access, DirectoryGrant};
use sandlab_runtime::wasm::SandboxEngine;
use sandlab_runtime::{
    Agent, Backend, BackendKind, CallError, Identity, LoadError, Profile, native::Twin,
    process::Children,
};
use tempfile::TempDir;

/// A subject that is loaded on the backends it can run on.
pub struct Loaded {
    /// What reports call it.
    pub agent: String,
    /// In the order that was asked for.
    pub backends: Vec<Box<dyn Backend>>,
    /// Why a backend that was asked for is not among them.
    pub left_out: Vec<String>,
    /// What it wrote in, until it is no longer needed.
    _directory: TempDir,
}

impl Loaded {
    /// Loads a subject. Every agent gets a fresh directory as `/data`, unless the profile
    /// grants one already.
    ///
    /// # Errors
    /// If it does not load on a backend that it should.
    pub fn new(
        subject: &Subject,
        backends: &[BackendKind],
        profile: &Profile,
        needs_directory: bool,
    ) -> Result<Self> {
        let agent = subject.name();
        let directory =
            tempfile::tempdir().map_err(Error::file("write to", &std::env::temp_dir()))?;
        let mut profile = profile.clone();
        if needs_directory
            && profile
                .grants
                .directories
                .iter()
                .all(|d| d.guest != "/data")
        {
            profile.grants.directories.push(DirectoryGrant {
                guest: "/data".to_owned(),
                host: directory.path().to_owned(),
                access: Access::Write,
            });
        }
        let mut loaded = Vec::new();
        let mut left_out = Vec::new();
        for backend in backends.iter().copied() {
            match load(subject, backend, &profile) {
                Some(result) => loaded.push(result.map_err(|source| Error::Load {
                    agent: agent.clone(),
                    backend,
                    source,
                })?),
                None => left_out.push(format!(
                    "{agent} is a component alone, without a twin: {backend} is left out"
                )),
            }
        }
        Ok(Self {
            agent,
            backends: loaded,
            left_out,
            _directory: directory,
        })
    }

    /// Starts an instance and configures it for a case.
    ///
    /// # Errors
    /// If it does not start, or does not take the configuration.
    pub fn start(&self, backend: &dyn Backend, case: &Case) -> Result<Box<dyn Agent>> {
        let peers = case.peers.iter().zip(2..);
        let identity = Identity::with_peers(peers.map(|(name, id)| (name.as_str(), id)).collect());
        let failed = |step: &str, source| self.failed(backend.kind(), step, source);
        let mut agent = backend
            .spawn(identity)
            .map_err(|fault| failed("when spawned", fault.into()))?;
        if !case.config.is_empty() {
            agent
                .configure(&case.config)
                .map_err(|error| failed("when configured", error))?;
        }
        Ok(agent)
    }

    /// Says at which step what failed.
    pub fn failed(&self, backend: BackendKind, step: &str, source: CallError) -> Error {
        Error::Call {
            agent: self.agent.clone(),
            backend,
            step: step.to_owned(),
            source,
        }
    }
}

/// None if the subject has nothing that the backend could run.
fn load(
    subject: &Subject,
    backend: BackendKind,
    profile: &Profile,
) -> Option<Result<Box<dyn Backend>, LoadError>> {
    fn boxed<B: Backend + 'static>(backend: B) -> Box<dyn Backend> {
        Box::new(backend)
    }
    let loaded = match (backend, subject) {
        (BackendKind::Wasm, Subject::Bundle(bundle)) => SandboxEngine::new(profile)
            .and_then(|e| e.load(&bundle.component()))
            .map(boxed),
        (BackendKind::Wasm, Subject::Component(path)) => SandboxEngine::new(profile)
            .and_then(|e| e.load(path))
            .map(boxed),
        (BackendKind::Native, Subject::Bundle(b)) => Twin::load(&b.twin(), profile).map(boxed),
        (BackendKind::Process, Subject::Bundle(b)) => Children::of(&b.twin(), profile).map(boxed),
        (_, Subject::Component(_)) => return None,
    };
    Some(loaded)
}

/// The messages of a subject: its own workload, a reference agent's, or random bytes.
///
/// # Errors
/// If its workload's file is damaged.
pub fn cases(subject: &Subject, seed: u64) -> Result<Vec<Case>> {
    if let Subject::Bundle(bundle) = subject {
        if let Some(file) = bundle.workload() {
            return workload::read(&file);
        }
        if let Some(cases) = workload::of_agent(&bundle.manifest.name, seed) {
            return Ok(cases);
        }
    }
    Ok(workload::of_unknown(seed))
}
