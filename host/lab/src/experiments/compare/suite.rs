//! Suites: subjects, the messages that they are compared with, and the sides.

use super::{BACKENDS, LADDER, components, ladder};
use crate::bundle::{self, Subject};
use crate::experiments::{Plan, Step};
use crate::record::RoundSettings;
use crate::sampling::recorder::Recorder;
use crate::sampling::setup::{self, Loaded};
use crate::sampling::{backends, interleave};
use crate::workload;
use crate::{Error, Result};
use sandlab_runtime::{BackendKind, SandboxConfig};
use std::rc::Rc;

/// Subjects on sides.
pub struct Suite {
    /// Length and number of the rounds.
    pub settings: RoundSettings,
    /// Limits and grants of the sandbox.
    pub sandbox: SandboxConfig,
    /// The cases, which are measured one after another.
    pub cases: Vec<Case>,
}

/// One subject on one set of sides.
pub struct Case {
    /// The component under test.
    pub subject: Subject,
    /// The messages, one part of the run for each.
    pub messages: Vec<workload::Case>,
    /// The backends that it is compared on.
    pub sides: Sides,
}

/// The backends of one subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sides {
    /// On these backends.
    Backends(Vec<BackendKind>),
    /// On every rung from the native call to the whole sandbox.
    Ladder,
}

impl Suite {
    /// Returns the quick suite: every agent that is built, at every size, on these backends,
    /// and the ladder of `echo`, whose time is all the sandbox's.
    ///
    /// # Errors
    /// If no agent is built, or one is damaged.
    pub fn quick(
        backends: &[BackendKind],
        settings: RoundSettings,
        sandbox: SandboxConfig,
    ) -> Result<Self> {
        let mut cases = Vec::new();
        for bundle in bundle::find_all()? {
            let subject = Subject::from(bundle);
            let sides = Sides::Backends(backends.to_vec());
            if subject.name() == "echo" {
                cases.push(Case::new(subject.clone(), Sides::Ladder, settings.seed)?);
            }
            cases.push(Case::new(subject, sides, settings.seed)?);
        }
        Ok(Self { settings, sandbox, cases })
    }

    /// Makes sure that everything loads, and returns the run that measures it.
    ///
    /// # Errors
    /// If something does not load.
    pub fn plan<'a>(self, name: &str) -> Result<Plan<'a>> {
        for case in &self.cases {
            case.check(&self.sandbox)?;
        }
        let (settings, sandbox) = (self.settings, Rc::new(self.sandbox));
        let mut subjects: Vec<Subject> = Vec::new();
        for case in &self.cases {
            let subject = &case.subject;
            let is_there = |known: &Subject| known.component() == subject.component();
            if subjects.iter().any(is_there) {
                continue;
            }
            if let Some(other) = subjects.iter().find(|known| known.name() == subject.name()) {
                return Err(Error::Usage(format!(
                    "{} and {} are both called {}, and what they take could not be told apart: \
                     rename one, or measure each in a run of its own",
                    other.component().display(),
                    subject.component().display(),
                    subject.name()
                )));
            }
            subjects.push(subject.clone());
        }
        let beside = are_components(&self.cases);
        let also = if beside { self.cases.len() } else { 0 };
        let parts = self.cases.iter().map(|case| case.messages.len()).sum::<usize>() + also;
        let steps = self.cases.into_iter().map(|case| {
            let sandbox = sandbox.clone();
            Box::new(move |to: &mut dyn Recorder| {
                if let Some(first) = case.messages.first().filter(|_| beside) {
                    components::measure(&case.subject, &sandbox, first, to)?;
                }
                case.measure(&settings, &sandbox, to)
            }) as Step
        });
        Ok(Plan {
            name: name.to_owned(),
            subjects,
            settings: Some(settings),
            parts,
            expected: None,
            judges: true,
            samples_stacks: false,
            steps: steps.collect(),
        })
    }
}

/// Returns true if several components are compared with each other, some of them without a native
/// side.
fn are_components(cases: &[Case]) -> bool {
    let wasm = |case: &Case| match &case.sides {
        Sides::Backends(kinds) => kinds.contains(&BackendKind::Wasm),
        Sides::Ladder => false,
    };
    cases.len() > 1 && cases.iter().all(wasm) && cases.iter().any(|case| !case.subject.has_native())
}

impl Case {
    /// Returns a subject with its own messages.
    ///
    /// # Errors
    /// If its workload's file is damaged.
    pub fn new(subject: Subject, sides: Sides, seed: u64) -> Result<Self> {
        Ok(Self { messages: setup::cases(&subject, seed)?, subject, sides })
    }

    /// Checks that it loads. The ladder's rungs run the same two files as the backends here, which
    /// load in a tenth of the time.
    fn check(&self, sandbox: &SandboxConfig) -> Result<()> {
        let kinds = match &self.sides {
            Sides::Backends(kinds) => kinds.as_slice(),
            Sides::Ladder => &[BackendKind::Wasm, BackendKind::Native],
        };
        backends::load(&self.subject, kinds, sandbox, &self.messages).map(drop)
    }

    fn load(&self, sandbox: &SandboxConfig) -> Result<(&'static str, Loaded)> {
        let (subject, messages) = (&self.subject, &self.messages);
        Ok(match &self.sides {
            Sides::Backends(kinds) => {
                (BACKENDS, backends::load(subject, kinds, sandbox, messages)?)
            }
            Sides::Ladder => (LADDER, ladder::load(subject, sandbox, messages)?),
        })
    }

    /// Measures the messages, a part of the run each.
    fn measure(
        &self,
        settings: &RoundSettings,
        sandbox: &SandboxConfig,
        to: &mut dyn Recorder,
    ) -> Result<()> {
        let (kind, loaded) = self.load(sandbox)?;
        for note in &loaded.notes {
            to.note(note)?;
        }
        for case in &self.messages {
            if to.stopped() {
                break;
            }
            interleave::record(kind, &loaded, case, settings, to)?;
        }
        Ok(())
    }
}
