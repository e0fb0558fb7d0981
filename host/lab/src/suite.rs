//! What to run: subjects, their messages, and the sides to measure them on.

use crate::Result;
use crate::bundle::{self, Subject};
use crate::experiments::compare::ladder;
use crate::experiments::record::Recorder;
use crate::record::{self, Entry};
use crate::sampling::backends;
use crate::sampling::interleave::{Settings, interleave};
use crate::sampling::open_loop::Go;
use crate::sampling::setup::{self, Loaded};
use crate::workload::Case;
use sandlab_runtime::{BackendKind, SandboxConfig};

/// What to run.
pub struct Suite {
    /// How long, how often.
    pub settings: Settings,
    /// What the agents are allowed.
    pub sandbox: SandboxConfig,
    /// One after another.
    pub parts: Vec<Part>,
}

/// One subject on one set of sides.
pub struct Part {
    /// What is measured.
    pub subject: Subject,
    /// What it is told.
    pub cases: Vec<Case>,
    /// Where it runs.
    pub sides: Sides,
}

/// Where a subject runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sides {
    /// On these backends.
    Backends(Vec<BackendKind>),
    /// On every rung from the native call to the whole sandbox.
    Ladder,
}

impl Suite {
    /// The quick suite: every agent that is built, at every size, on these backends, and
    /// the ladder of `echo`, whose time is all the sandbox's.
    ///
    /// # Errors
    /// If no agent is built, or one is damaged.
    pub fn quick(
        backends: &[BackendKind],
        settings: Settings,
        sandbox: SandboxConfig,
    ) -> Result<Self> {
        let mut parts = Vec::new();
        for bundle in bundle::find_all()? {
            let subject = Subject::from(bundle);
            let sides = Sides::Backends(backends.to_vec());
            if subject.name() == "echo" {
                parts.push(Part::new(subject.clone(), Sides::Ladder, settings.seed)?);
            }
            parts.push(Part::new(subject, sides, settings.seed)?);
        }
        // The ladders after all comparisons, as reports show them.
        parts.sort_by_key(|part| part.sides == Sides::Ladder);
        Ok(Self {
            settings,
            sandbox,
            parts,
        })
    }

    /// How many cases there are to measure.
    pub fn len(&self) -> usize {
        self.parts.iter().map(|part| part.cases.len()).sum()
    }

    /// Whether there is nothing to measure.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Makes sure that everything loads.
    ///
    /// # Errors
    /// If something does not.
    pub fn check(&self) -> Result<()> {
        let mut parts = self.parts.iter();
        parts.try_for_each(|part| part.check(&self.sandbox))
    }

    /// What is measured, each agent once.
    pub fn subjects(&self) -> Vec<Subject> {
        let mut subjects = Vec::<Subject>::new();
        for part in &self.parts {
            let is_there = |known: &Subject| known.component() == part.subject.component();
            if !subjects.iter().any(is_there) {
                subjects.push(part.subject.clone());
            }
        }
        subjects
    }

    /// Measures one part, a case after another, and passes on each round.
    ///
    /// # Errors
    /// If an agent answers wrongly, or the machine fails; what was measured is passed on.
    pub fn measure(&self, part: &Part, to: &mut dyn Recorder) -> Result<()> {
        let loaded = part.load(&self.sandbox)?;
        for note in &loaded.notes {
            to.record(Entry::Note(note.clone()))?;
        }
        for case in &part.cases {
            if to.stopped() {
                break;
            }
            to.record(Entry::Case(record::Case {
                of: match part.sides {
                    Sides::Backends(_) => record::Sides::Backends,
                    Sides::Ladder => record::Sides::Ladder,
                },
                agent: loaded.agent.clone(),
                size: case.size,
                mean_bytes: case.mean_bytes(),
                sides: loaded.sides.iter().map(|side| side.name.clone()).collect(),
            }))?;
            let timing = interleave(&loaded, case, &self.settings, |round| {
                to.record(Entry::Round(round))?;
                Ok(if to.stopped() { Go::Stop } else { Go::On })
            })?;
            to.record(Entry::Timing(timing))?;
        }
        Ok(())
    }
}

impl Part {
    /// A subject with its own messages.
    ///
    /// # Errors
    /// If its workload's file is damaged.
    pub fn new(subject: Subject, sides: Sides, seed: u64) -> Result<Self> {
        let cases = setup::cases(&subject, seed)?;
        Ok(Self {
            subject,
            cases,
            sides,
        })
    }

    /// Whether it loads. The ladder's rungs run the same two files as the backends here,
    /// which load in a tenth of the time.
    fn check(&self, sandbox: &SandboxConfig) -> Result<()> {
        let kinds = match &self.sides {
            Sides::Backends(kinds) => kinds.as_slice(),
            Sides::Ladder => &[BackendKind::Wasm, BackendKind::Native],
        };
        backends::load(&self.subject, kinds, sandbox, &self.cases).map(drop)
    }

    fn load(&self, sandbox: &SandboxConfig) -> Result<Loaded> {
        match &self.sides {
            Sides::Backends(kinds) => backends::load(&self.subject, kinds, sandbox, &self.cases),
            Sides::Ladder => ladder::load(&self.subject, sandbox, &self.cases),
        }
    }
}
