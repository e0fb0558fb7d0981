//! Keeps a host's snapshots in the store, as a run.

use super::KIND;
use super::found::{Found, Served};
use crate::Result;
use crate::record::{Begin, End, Entry, Environment, Finding, Part, RunId, Store, Watch, Writer};
use jiff::Timestamp;
use sandlab_runtime::SandboxConfig;
use sandlab_serve::slo::Standing;
use sandlab_serve::{Sink, Snapshot};
use std::time::Duration;

/// Writes what each agent did from one snapshot to the next. The run ends when it is dropped.
pub struct Keeper {
    store: Store,
    /// `None` once the run has ended.
    writer: Option<Writer>,
    watch: Watch,
    /// The first snapshot's time, by the host's clock.
    first: Duration,
    before: Snapshot,
    /// The first snapshot that could not be kept.
    failed: Option<String>,
}

impl Keeper {
    /// Begins a run, of these agents.
    ///
    /// # Errors
    /// If the store cannot be written.
    pub fn begin(store: Store, agents: &str) -> Result<Self> {
        let begin = Begin {
            command: "serve".to_owned(),
            judges: false,
            arguments: Vec::new(),
            started: Timestamp::now().to_string(),
            environment: Environment::now(),
            settings: None,
            sandbox: SandboxConfig::default(),
            agents: Vec::new(),
        };
        let mut writer = store.begin(&begin)?;
        store.write(&mut writer, &Entry::Part(Box::new(Part::new(KIND, agents))))?;
        Ok(Self {
            store,
            writer: Some(writer),
            watch: Watch::start(),
            first: Duration::ZERO,
            before: Snapshot::default(),
            failed: None,
        })
    }

    /// Returns the run's number; `None` once it has ended.
    pub fn run(&self) -> Option<RunId> {
        self.writer.as_ref().map(Writer::run)
    }

    fn write(&mut self, snapshot: &Snapshot) -> Result<()> {
        if self.before.uptime.is_zero() {
            self.first = snapshot.uptime;
        }
        let at = snapshot.uptime.saturating_sub(self.first);
        let seconds = snapshot.uptime.saturating_sub(self.before.uptime);
        for (agent, after) in &snapshot.agents {
            let before = self.before.agents.get(agent).cloned().unwrap_or_default();
            let served = Served::between(agent, &before, after, at, seconds);
            if let (Some(served), Some(writer)) = (served, &mut self.writer) {
                let finding = Finding::of(&Found::Served(served));
                self.store.write(writer, &Entry::Finding(finding))?;
            }
        }
        self.before = snapshot.clone();
        Ok(())
    }
}

impl Sink for Keeper {
    fn keep(&mut self, _: Timestamp, now: &Snapshot, _: &[Standing]) -> Result<(), String> {
        // The next one covers what a failed one would have had.
        self.write(now).map_err(|error| {
            let why = error.to_string();
            self.failed.get_or_insert_with(|| why.clone());
            why
        })
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        let Some(writer) = self.writer.take() else {
            return;
        };
        let end = End {
            complete: self.failed.is_none(),
            noise: self.watch.noise(),
            failures: self.failed.take().into_iter().collect(),
            ..End::default()
        };
        // What cannot be stored now is a run without an end, which a report says.
        let _ = self.store.end(writer, &end);
    }
}
