//! The subject of a measurement: a component with its kind, its options and its native equivalent.

use super::{Bundle, Manifest};
use crate::paths::shown;
use crate::printable::printable;
use crate::project::Component;
use crate::{Error, Result};
use sandlab_runtime::subject::{self, Kind, Options};
use sandlab_runtime::wasm::SandboxEngine;
use sandlab_runtime::{LoadError, SandboxConfig};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A subject of measurements.
#[derive(Debug, Clone)]
pub struct Subject {
    file: File,
    /// The component as it was when it was kept; `None` if its file is read each time.
    kept: Option<Arc<Vec<u8>>>,
    /// The options of its kind, as the user gave them.
    pub options: Options,
    /// The kind; `None` if the file cannot be run, which loading it explains.
    pub kind: Option<Kind>,
    /// Whether the file is a core module, which is adapted to a component when it is loaded.
    pub adapted: bool,
    /// The stand-in for a native twin; `None` if there is a twin, or neither.
    pub native: Option<Equivalent>,
}

#[derive(Debug, Clone)]
enum File {
    /// A component with its twin.
    Bundle(Box<Bundle>),
    /// A component or core module alone.
    Wasm(PathBuf),
    /// A component that a project's own tools built.
    Project { name: String, component: Component },
}

/// A native program or server that does the same work as a command or service in the sandbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Equivalent {
    /// A program that is started for each message, with arguments before the message's own.
    Program {
        /// The program and its first arguments.
        command: Vec<String>,
    },
    /// A server, to which a connection is kept.
    Server {
        /// Its address: `http://127.0.0.1:8080`.
        url: String,
        /// A shell command that starts it; `None` if it runs already.
        start: Option<String>,
    },
}

impl From<Bundle> for Subject {
    fn from(bundle: Bundle) -> Self {
        Self {
            file: File::Bundle(Box::new(bundle)),
            kept: None,
            options: Options::default(),
            kind: Some(Kind::Agent),
            adapted: false,
            native: None,
        }
    }
}

impl Subject {
    /// Returns a component or core module alone.
    pub fn of_file(path: &Path) -> Self {
        Self {
            file: File::Wasm(path.to_owned()),
            kept: None,
            options: Options::default(),
            kind: None,
            adapted: false,
            native: None,
        }
    }

    /// Returns the component that a project's own tools built.
    pub(super) fn of_project(name: &OsStr, component: &Component) -> Self {
        let name = printable(&shown(name));
        let file = File::Project { name, component: component.clone() };
        Self { file, ..Self::of_file(&component.file) }
    }

    /// Sets the options of its kind, and finds the kind.
    #[must_use]
    pub fn with(mut self, options: Options) -> Self {
        let bytes = std::fs::read(self.component()).unwrap_or_default();
        // What cannot be read is told when it is loaded.
        let found = subject::describe(&bytes).ok();
        self.adapted = found.as_ref().is_some_and(|found| found.adapter.is_some());
        self.kind = options.kind.or(found.and_then(|found| found.kind.ok()));
        self.options = options;
        self
    }

    /// Keeps the component as it is now: what is built next can take its file's place.
    ///
    /// # Errors
    /// If its file cannot be read.
    pub fn keep(mut self) -> Result<Self> {
        self.kept = Some(Arc::new(self.bytes()?));
        Ok(self)
    }

    /// Returns the component: as it was kept, or else as its file has it.
    ///
    /// # Errors
    /// If its file cannot be read.
    pub fn bytes(&self) -> Result<Vec<u8>> {
        let file = self.component();
        match &self.kept {
            Some(kept) => Ok(kept.to_vec()),
            None => std::fs::read(&file).map_err(Error::file("read", &file)),
        }
    }

    /// Loads it into an engine.
    ///
    /// # Errors
    /// As [`subject::load`].
    pub fn load(&self, engine: &SandboxEngine) -> Result<subject::Subject, LoadError> {
        subject::load(engine, &self.component(), &self.options)
    }

    /// Loads it into an engine of its own.
    ///
    /// # Errors
    /// As [`subject::load`], and if there is no engine with this config.
    pub fn load_alone(&self, config: &SandboxConfig) -> Result<subject::Subject, LoadError> {
        self.load(&SandboxEngine::new(config)?)
    }

    /// Returns the bundle; `None` for a file alone.
    pub fn bundle(&self) -> Option<&Bundle> {
        match &self.file {
            File::Bundle(bundle) => Some(bundle),
            File::Wasm(_) | File::Project { .. } => None,
        }
    }

    /// Returns the component's file.
    pub fn component(&self) -> PathBuf {
        match &self.file {
            File::Bundle(bundle) => bundle.component(),
            File::Wasm(path) => path.clone(),
            File::Project { component, .. } => component.file.clone(),
        }
    }

    /// Returns the file of its own workload; `None` if it has none.
    pub fn workload(&self) -> Option<PathBuf> {
        match &self.file {
            File::Bundle(bundle) => bundle.workload(),
            File::Project { component, .. } => component.workload.clone(),
            File::Wasm(_) => None,
        }
    }

    /// Returns the twin's file; `None` for a component alone.
    pub fn twin(&self) -> Option<PathBuf> {
        self.bundle().map(Bundle::twin)
    }

    /// Returns the file of the twin without instructions that wasm lacks; `None` if there is none.
    pub fn portable(&self) -> Option<PathBuf> {
        self.bundle().and_then(Bundle::portable)
    }

    /// Returns whether something native can be measured beside it.
    pub fn has_native(&self) -> bool {
        self.native.is_some() || self.twin().is_some()
    }

    /// Returns the manifest of its build; `None` for a component alone.
    pub fn manifest(&self) -> Option<&Manifest> {
        self.bundle().map(|bundle| &bundle.manifest)
    }

    /// Returns whether it is an agent, as far as is known.
    pub fn is_agent(&self) -> bool {
        self.kind.is_none_or(|kind| kind == Kind::Agent)
    }

    /// Returns its name in reports.
    pub fn name(&self) -> String {
        match &self.file {
            File::Bundle(bundle) => bundle.manifest.name.clone(),
            File::Project { name, .. } => name.clone(),
            File::Wasm(path) => {
                let stem = path.file_stem().unwrap_or(path.as_os_str());
                printable(&shown(stem))
            }
        }
    }

    /// Refuses a subject that is no agent, for what only agents have.
    ///
    /// # Errors
    /// [`Error::Usage`] with its kind.
    pub fn require_agent(&self, what: &str) -> Result<()> {
        match self.kind {
            Some(kind) if kind != Kind::Agent => {
                Err(Error::Usage(format!("{} is a {kind}: {what}", self.name())))
            }
            _ => Ok(()),
        }
    }
}
