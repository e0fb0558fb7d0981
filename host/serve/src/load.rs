//! From a configuration to programs that can be started.

mod engines;

pub use engines::Engines;

use crate::config::{Agent, Config};
use crate::snapshot::ProcessFigures;
use sandlab_runtime::subject::{self, Subject};
use sandlab_runtime::{LoadError, SandboxConfig};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Finds the file of a component by its name in a configuration.
///
/// The lab's finds bundles, crates and names; [`by_path`] finds files only.
pub type Resolver = dyn Fn(&str) -> Result<PathBuf, String> + Send + Sync;

/// Finds components by their paths.
///
/// # Errors
/// If there is no file.
pub fn by_path(component: &str) -> Result<PathBuf, String> {
    let path = Path::new(component);
    match path.is_file() {
        true => Ok(path.to_owned()),
        false => Err(format!("there is no file {component}")),
    }
}

/// The reason that an agent's component cannot be served.
#[derive(Debug, thiserror::Error)]
#[error("agents.{agent}.component: {reason}")]
pub struct Unloadable {
    /// The agent's name.
    pub agent: String,
    /// The defect of the component.
    pub reason: String,
}

/// A configuration whose components are loaded.
#[derive(Default)]
pub struct Loaded {
    /// The program of each agent.
    pub programs: BTreeMap<String, Program>,
    engines: Engines,
}

/// The loaded component from which an agent's instances start, with its configuration.
#[derive(Clone)]
pub struct Program {
    /// The agent's configuration.
    pub agent: Agent,
    /// The component.
    pub subject: Subject,
    /// The component's file.
    pub file: PathBuf,
    sandbox: SandboxConfig,
    digest: [u8; 32],
    /// The id of the engine that it is loaded into.
    engine: u64,
}

impl Program {
    /// Returns true if another program would run in the same way.
    pub fn is_same(&self, other: &Self) -> bool {
        let what =
            |program: &Self| (program.digest, program.agent.clone(), program.sandbox.clone());
        what(self) == what(other)
    }
}

impl Loaded {
    /// Finds and loads the components of a configuration, in the engines of the one before as far
    /// as they fit. Takes as long as compiling does, where a component is not in the cache.
    ///
    /// # Errors
    /// [`Unloadable`] for the first agent whose component cannot be found or run.
    pub fn load(config: &Config, resolve: &Resolver, before: &Self) -> Result<Self, Unloadable> {
        let mut engines = before.engines.for_config(config);
        let mut programs: BTreeMap<String, Program> = BTreeMap::new();
        for (name, agent) in &config.agents {
            let unloadable = |reason: String| Unloadable { agent: name.clone(), reason };
            let file = resolve(&agent.component).map_err(unloadable)?;
            let bytes = std::fs::read(&file)
                .map_err(|source| LoadError::Unreadable { path: file.clone(), source })
                .map_err(|error| unloadable(error.to_string()))?;
            let digest = Sha256::digest(&bytes).into();
            let sandbox = config.sandbox_of(agent);
            let is_same = |known: &&Program| {
                known.digest == digest
                    && known.sandbox == *sandbox
                    && known.agent.load_options() == agent.load_options()
            };
            // Many agents can be of one component.
            let known = programs.values().chain(before.programs.values()).find(is_same);
            let (engine, subject) = match known.filter(|known| engines.has(known)) {
                Some(known) => (known.engine, known.subject.clone()),
                None => {
                    let engine = engines.engine(sandbox);
                    let (id, engine) = engine.map_err(|error| unloadable(error.to_string()))?;
                    let name = file.file_name().unwrap_or_default().to_string_lossy();
                    let subject =
                        subject::load_bytes(&engine, &bytes, &name, &agent.load_options());
                    let subject = subject.map_err(|error| unloadable(error.to_string()))?;
                    engines.count(subject.prepared().was_compiled);
                    (id, subject)
                }
            };
            let (agent, sandbox) = (agent.clone(), sandbox.clone());
            programs
                .insert(name.clone(), Program { agent, subject, file, sandbox, digest, engine });
        }
        Ok(Self { programs, engines })
    }

    /// Returns the use of the engines' pools and of the process.
    pub fn process(&self) -> ProcessFigures {
        let mut figures = crate::process::figures();
        self.engines.add_to(&mut figures);
        figures
    }
}
