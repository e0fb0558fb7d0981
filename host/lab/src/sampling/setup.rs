//! From a subject to running agents: sides, configuration, grants.

use crate::bundle::Subject;
use crate::workload::{self, Case};
use crate::{Error, Result};
use sandlab_runtime::subject::Kind;
use sandlab_runtime::{Agent, Backend, CallError, SandboxConfig};
use std::sync::Arc;
use tempfile::TempDir;

/// A subject that is loaded on every side that it is measured on.
pub struct Loaded {
    /// The subject's name in reports.
    pub agent: String,
    /// In the order that reports show them.
    pub sides: Vec<Side>,
    /// Notes for the reader: which side is missing, and why.
    pub notes: Vec<String>,
    /// The temporary directory granted as `/data`; deleted when this is dropped. `None` if no case
    /// needs one.
    pub(crate) _directory: Option<TempDir>,
}

/// One of the ways to run a subject that are compared.
pub struct Side {
    /// The side's name in reports.
    pub name: String,
    /// Starts its instances.
    pub backend: Arc<dyn Backend>,
    /// Loads it once more, at other addresses; `None` where that changes nothing.
    pub anew: Option<Loader>,
}

/// Loads what a side runs.
pub type Loader = Box<dyn Fn() -> Result<Arc<dyn Backend>> + Send + Sync>;

impl Side {
    /// Returns a side with this name.
    pub fn new(name: impl Into<String>, backend: impl Backend + 'static) -> Self {
        Self::of(name, Arc::new(backend))
    }

    /// Returns a side with this name, whose backend others have too.
    pub fn of(name: impl Into<String>, backend: Arc<dyn Backend>) -> Self {
        Self { name: name.into(), backend, anew: None }
    }

    /// Returns the backend, loaded once more where that changes anything.
    ///
    /// # Errors
    /// If it does not load.
    pub fn again(&self) -> Result<Arc<dyn Backend>> {
        self.anew.as_ref().map_or_else(|| Ok(self.backend.clone()), |load| load())
    }
}

impl Loaded {
    /// Starts an instance and configures it for a case.
    ///
    /// # Errors
    /// If it does not start, or does not take the configuration.
    pub fn start(&self, side: &Side, case: &Case) -> Result<Box<dyn Agent>> {
        self.start_on(&*side.backend, side, case)
    }

    /// Does the same as [`start`](Self::start) on a side that was loaded once more.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn start_on(
        &self,
        backend: &dyn Backend,
        side: &Side,
        case: &Case,
    ) -> Result<Box<dyn Agent>> {
        let mut agent = backend
            .spawn(case.identity())
            .map_err(|fault| self.failed(side, "when spawned", fault.into()))?;
        if !case.config.is_empty() {
            agent
                .configure(&case.config)
                .map_err(|error| self.failed(side, "when configured", error))?;
        }
        Ok(agent)
    }

    /// Says at which step what failed.
    pub fn failed(&self, side: &Side, step: &str, source: CallError) -> Error {
        Error::Call {
            agent: self.agent.clone(),
            side: side.name.clone(),
            step: step.to_owned(),
            source,
        }
    }
}

/// Returns the messages of a subject: its own workload, a reference agent's, or what any subject of
/// its kind can be sent.
///
/// # Errors
/// If its workload's file is damaged, or nobody can know what it takes.
pub fn cases(subject: &Subject, seed: u64) -> Result<Vec<Case>> {
    if let Some(file) = subject.workload() {
        return workload::read(&file);
    }
    if let Some(cases) = of_reference(subject, seed) {
        return Ok(cases);
    }
    let kind = subject.kind.unwrap_or(Kind::Agent);
    workload::of_kind(kind, seed).ok_or_else(|| {
        Error::Usage(format!(
            "{} has functions, whose arguments have to be stated: give calls with `--workload \
             FILE`, a line each; {}",
            subject.name(),
            examples(subject)
        ))
    })
}

/// Returns the messages of the reference agent that a subject is; `None` if it is none.
fn of_reference(subject: &Subject, seed: u64) -> Option<Vec<Case>> {
    workload::of_agent(&subject.bundle()?.manifest.name, seed)
}

/// Returns whether a subject comes with messages of its own.
pub fn has_messages(subject: &Subject) -> bool {
    subject.workload().is_some() || of_reference(subject, 1).is_some()
}

/// Calls that fit the functions of a subject, as lines of a workload.
fn examples(subject: &Subject) -> String {
    let loaded = subject.load_alone(&SandboxConfig::default());
    let functions = loaded.map(|loaded| loaded.functions().to_vec()).unwrap_or_default();
    let lines = functions.iter().take(4).map(|function| {
        let call = serde_json::Value::from(function.example.as_str());
        format!("\n  {{\"call\": {call}}}")
    });
    let name = subject.name();
    let more = format!("\n`sandlab inspect` shows all functions of {name} with their types");
    let lines: String = lines.collect();
    if lines.is_empty() { more } else { format!("for example{lines}{more}") }
}
