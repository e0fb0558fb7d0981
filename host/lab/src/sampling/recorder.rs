//! Whoever takes what is measured, as soon as it is known: an experiment says what it is about
//! to measure, and then whatever it finds.

use super::fleet::Fleet;
use super::open_loop::{Generator, Go, Script};
use crate::Result;
use crate::record::{ClosedWindow, Entry, Finding, Part, Round, RunPart, Shared, Window};
use serde::Serialize;
use std::time::{Duration, Instant};

/// The interval at which a sleeper looks whether the run is to end early.
const GLANCE: Duration = Duration::from_millis(500);

/// Whoever takes what is measured.
pub trait Recorder {
    /// Takes an entry.
    ///
    /// # Errors
    /// If it cannot be kept.
    fn record(&mut self, entry: Entry) -> Result<()>;

    /// Begins a part that can be resumed. If an earlier process of this run has begun it, what is
    /// stored of it is returned, and what follows is added to that; else `None`.
    ///
    /// # Errors
    /// If what is stored is another part, or it cannot be kept.
    fn resumable(&mut self, part: Part) -> Result<Option<RunPart>> {
        self.record(Entry::Part(Box::new(part))).map(|()| None)
    }

    /// Returns whether to end early.
    fn stopped(&self) -> bool;

    /// Shows a person what is being done within a part.
    fn shows(&self, _what: &str) {}

    /// Shows a person which share of a part is done.
    fn reached(&self, _share: f64) {}
}

/// All return what [`Recorder::record`] returns.
#[expect(clippy::missing_errors_doc, reason = "said above, once for all")]
impl dyn Recorder + '_ {
    /// Begins a part.
    pub fn part(&mut self, part: Part) -> Result<()> {
        self.record(Entry::Part(Box::new(part)))
    }

    /// Sleeps, unless the run is to end early, and says whether it goes on. Wakes up seldom, since
    /// what it costs is in the CPU time of the process.
    pub fn sleep(&self, time: Duration) -> Go {
        let until = Instant::now() + time;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() || self.stopped() {
                return self.go();
            }
            std::thread::sleep(left.min(GLANCE));
        }
    }

    /// Takes a window of an open loop, and says whether the load goes on.
    pub fn window(&mut self, window: Window) -> Result<Go> {
        self.record(Entry::Window(Box::new(window)))?;
        Ok(self.go())
    }

    /// Takes a window of a closed loop, and says whether the load goes on.
    pub fn closed(&mut self, window: &ClosedWindow) -> Result<Go> {
        self.found(&Shared::Closed(*window))?;
        Ok(self.go())
    }

    /// Takes an interleaved round, and says whether there is a next one.
    pub fn round(&mut self, round: Round) -> Result<Go> {
        self.record(Entry::Round(round))?;
        Ok(self.go())
    }

    /// Takes a finding of an experiment.
    pub fn found(&mut self, finding: &impl Serialize) -> Result<()> {
        self.record(Entry::Finding(Finding::of(finding)))
    }

    /// Takes the reason why the part cannot be measured here.
    pub fn unavailable(&mut self, why: impl Into<String>) -> Result<()> {
        self.found(&Shared::Unavailable { why: why.into() })
    }

    /// Takes the accounts of a fleet, once nothing moves in it.
    ///
    /// # Errors
    /// Also if a message is missing.
    pub fn accounts(&mut self, fleet: &Fleet) -> Result<()> {
        fleet.drain()?;
        self.found(&Shared::Accounts(fleet.runtime.accounts()))
    }

    /// Takes why messages of a load failed, if any did.
    pub fn failures<S: Script>(&mut self, generator: &Generator<S>) -> Result<()> {
        let texts = generator.failures();
        match texts.is_empty() {
            true => Ok(()),
            false => self.found(&Shared::Failures { texts }),
        }
    }

    /// Takes what a reader of the whole run must know.
    pub fn note(&mut self, note: impl Into<String>) -> Result<()> {
        self.record(Entry::Note(note.into()))
    }

    fn go(&self) -> Go {
        if self.stopped() { Go::Stop } else { Go::On }
    }
}
