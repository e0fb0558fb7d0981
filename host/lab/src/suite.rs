//! What to run: subjects, their messages, and the sides to measure them on.

use crate::bundle::{self, Subject};
use crate::experiment::interleave::{Settings, interleave};
use crate::experiment::setup::{self, Loaded};
use crate::experiment::{attribute, compare};
use crate::results::{Environment, Measured, Run, SCHEMA, Watch};
use crate::workload::Case;
use crate::{Error, Kind, Result};
use jiff::Timestamp;
use sandlab_runtime::{BackendKind, Profile};

/// What to run.
pub struct Suite {
    /// How long, how often.
    pub settings: Settings,
    /// What the agents are allowed.
    pub profile: Profile,
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

/// Whoever waits for a suite to end.
pub trait Observer {
    /// A step begins.
    fn begins(&self, what: &str);
    /// A step is done.
    fn done(&self);
    /// Whether to stop after this round.
    fn stopped(&self) -> bool;
}

/// What a suite left: what was measured, and why not all was.
pub struct Outcome {
    /// Everything that was measured.
    pub run: Run,
    /// What did not hold, or broke.
    pub errors: Vec<Error>,
}

impl Outcome {
    /// Whether everything held and was measured.
    ///
    /// # Errors
    /// What did not hold, or broke, all of it.
    pub fn into_result(mut self) -> Result<()> {
        match self.errors.len() {
            0 => Ok(()),
            1 => Err(self.errors.remove(0)),
            _ => Err(Error::Several(self.errors)),
        }
    }
}

impl Suite {
    /// The quick suite: every agent that is built, at every size, on these backends, and
    /// the ladder of `echo`, whose time is all the sandbox's.
    ///
    /// # Errors
    /// If no agent is built, or one is damaged.
    pub fn quick(backends: &[BackendKind], settings: Settings, profile: Profile) -> Result<Self> {
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
            profile,
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

    /// Makes sure that everything loads, then measures one case after another. An agent
    /// that answers wrongly ends its own part, a machine that fails ends the run; what was
    /// measured until then stays.
    ///
    /// # Errors
    /// If something does not load: then nothing was measured.
    pub fn run(&self, observer: &dyn Observer) -> Result<Outcome> {
        for part in &self.parts {
            part.check(&self.profile)?;
        }
        let watch = Watch::start();
        let mut run = self.empty_run()?;
        let mut errors = Vec::new();
        for part in &self.parts {
            if observer.stopped() {
                break;
            }
            let measured = part.measure(&self.settings, &self.profile, observer, &mut run);
            let Err(error) = measured else {
                continue;
            };
            run.failures.push(error.to_string());
            let broken = error.kind() == Kind::Broken;
            errors.push(error);
            if broken {
                break;
            }
        }
        run.noise = watch.noise();
        run.notes.extend(run.noise.warning());
        run.complete = errors.is_empty() && !observer.stopped();
        if observer.stopped() {
            errors.push(Error::Stopped);
        }
        Ok(Outcome { run, errors })
    }

    fn empty_run(&self) -> Result<Run> {
        let mut agents = Vec::<Measured>::new();
        for part in &self.parts {
            let measured = Measured::of(&part.subject)?;
            if !agents.contains(&measured) {
                agents.push(measured);
            }
        }
        Ok(Run {
            schema: SCHEMA,
            started: Timestamp::now().to_string(),
            complete: false,
            environment: Environment::now(),
            noise: Default::default(),
            settings: self.settings,
            profile: self.profile.clone(),
            agents,
            notes: Vec::new(),
            failures: Vec::new(),
            comparisons: Vec::new(),
            ladders: Vec::new(),
        })
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
    fn check(&self, profile: &Profile) -> Result<()> {
        let kinds = match &self.sides {
            Sides::Backends(kinds) => kinds.as_slice(),
            Sides::Ladder => &[BackendKind::Wasm, BackendKind::Native],
        };
        compare::load(&self.subject, kinds, profile, &self.cases).map(drop)
    }

    fn load(&self, profile: &Profile) -> Result<Loaded> {
        match &self.sides {
            Sides::Backends(kinds) => compare::load(&self.subject, kinds, profile, &self.cases),
            Sides::Ladder => attribute::load(&self.subject, profile, &self.cases),
        }
    }

    fn measure(
        &self,
        settings: &Settings,
        profile: &Profile,
        observer: &dyn Observer,
        run: &mut Run,
    ) -> Result<()> {
        let loaded = self.load(profile)?;
        run.notes.extend(loaded.notes.iter().cloned());
        for case in &self.cases {
            if observer.stopped() {
                break;
            }
            observer.begins(&loaded.agent);
            let sampled = interleave(&loaded, case, settings, &|| observer.stopped())?;
            match self.sides {
                Sides::Backends(_) => run.comparisons.push(sampled),
                Sides::Ladder => run.ladders.push(sampled),
            }
            observer.done();
        }
        Ok(())
    }
}
