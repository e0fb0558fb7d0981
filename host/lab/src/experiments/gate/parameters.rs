//! `sandlab gate`

use super::decide::MOST_PAIRS;
use super::run::{Run, Sides};
use crate::bundle::Subject;
use crate::experiments::options::{Messages, duration, whole};
use crate::experiments::{Given, Plan};
use crate::project;
use crate::sampling::backends::with_article;
use crate::sampling::pairs::{Guests, PairSettings, Programs};
use crate::sampling::setup;
use crate::verdict::gate::{NOISE_FILE, NoiseFloor, Policy, require_pairs};
use crate::{Error, Result};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Options of guests, which programs do not take.
const OF_GUESTS: [&str; 9] = [
    "workload",
    "like",
    "kind",
    "reuse",
    "native",
    "native_arg",
    "native_start",
    "sandbox",
    "async_components",
];

/// The two sides of a gate, and the way they are measured.
#[derive(Debug, clap::Args)]
pub struct Parameters {
    /// The old build of a guest: a component's file, a bundle's folder, an agent's name.
    #[arg(long, value_name = "FILE.wasm|BUNDLE", requires = "new", conflicts_with = "old_bin")]
    old: Option<String>,
    /// The new build of a guest.
    #[arg(long, value_name = "FILE.wasm|BUNDLE", requires = "old")]
    new: Option<String>,
    /// The old build of a program that speaks the bench protocol (docs/gate.md).
    #[arg(
        long,
        value_name = "PATH",
        requires = "new_bin",
        required_unless_present_any = ["old", "baseline"],
        conflicts_with_all = OF_GUESTS
    )]
    old_bin: Option<PathBuf>,
    /// The new build of a program.
    #[arg(long, value_name = "PATH", requires = "old_bin")]
    new_bin: Option<PathBuf>,
    /// Arguments for both programs, instead of `sample`.
    #[arg(last = true, value_name = "ARGUMENT", conflicts_with = "old")]
    arguments: Vec<String>,
    /// The longest time of one run of a program.
    #[arg(long, value_name = "TIME", default_value = "60s", requires = "old_bin", value_parser = duration)]
    timeout: Duration,
    /// Changes that are allowed, a TOML file; docs/gate.md has its fields.
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// This machine's noise, as `sandlab calibrate` left it.
    #[arg(long, value_name = "FILE", default_value = NOISE_FILE)]
    noise: PathBuf,
    /// Count, and time nothing: for a busy machine.
    #[arg(long, conflicts_with = "old_bin")]
    no_timing: bool,
    #[command(flatten)]
    pairs: Pairs,
    #[command(flatten)]
    messages: Messages,
}

/// The number of samples.
#[derive(Debug, clap::Args)]
pub struct Pairs {
    /// Pairs of fresh instances or processes, each of which is one observation.
    #[arg(long, default_value_t = 40, value_parser = whole::<u32>(1..=MOST_PAIRS.into()))]
    pairs: u32,
}

impl Pairs {
    /// Returns how to measure them.
    pub fn settings(&self, seed: u64) -> PairSettings {
        PairSettings::new(self.pairs, seed)
    }
}

impl Parameters {
    /// Returns the policy.
    ///
    /// # Errors
    /// If the policy cannot be used.
    pub fn policy(&self) -> Result<Policy> {
        let new = Path::new(self.new.as_deref().unwrap_or_default());
        let file = project::given_or_own(self.policy.clone(), new, |project| project.gate_policy)?;
        let policy = file.as_deref().map(Policy::read);
        Ok(policy.transpose()?.unwrap_or_else(Policy::standard))
    }

    pub(super) fn plan<'a>(&self, given: &Given) -> Result<Plan<'a>> {
        let policy = self.policy()?;
        let floor = NoiseFloor::read(&self.noise)?;
        let mut subjects = Vec::new();
        let sides = match (&self.old, &self.new) {
            (Some(old), Some(new)) => {
                // All of the old one, before finding the new one builds it in the same place.
                let of_old = self.messages.find(old, given)?.keep()?;
                let own = setup::has_messages(&of_old).then(|| self.messages.cases(&of_old));
                let of_new = self.messages.find(new, given)?.keep()?;
                require_one_kind([old, new], [&of_old, &of_new])?;
                let cases = match own {
                    Some(cases) => cases?,
                    None if setup::has_messages(&of_new) => self.messages.cases(&of_new)?,
                    None => self.messages.cases(&of_old)?,
                };
                let guests = Guests::of(&of_old, &of_new, cases, &given.sandbox)?;
                subjects.extend([of_old, of_new]);
                if !self.no_timing {
                    require_pairs(self.pairs.pairs, guests.timed_metrics(), policy.alpha())?;
                }
                Sides::Guests { guests: Box::new(guests), is_timed: !self.no_timing }
            }
            _ => Sides::Programs(self.programs()?),
        };
        let run = Run {
            names: self.names(),
            sides,
            policy,
            floor,
            settings: self.pairs.settings(self.messages.seed()),
        };
        Ok(Plan {
            name: "gate".to_owned(),
            subjects,
            settings: None,
            parts: 1,
            expected: None,
            judges: true,
            samples_stacks: false,
            steps: vec![Box::new(move |to| run.measure(to))],
        })
    }

    fn programs(&self) -> Result<Programs> {
        let (Some(old), Some(new)) = (&self.old_bin, &self.new_bin) else {
            return Err(Error::Usage(
                "give --old and --new, or --old-bin and --new-bin".to_owned(),
            ));
        };
        Ok(Programs {
            old: old.clone(),
            new: new.clone(),
            arguments: match self.arguments.as_slice() {
                [] => vec!["sample".to_owned()],
                given => given.to_vec(),
            },
            timeout: self.timeout,
        })
    }

    /// Returns the names of the two builds, as the user gave them.
    fn names(&self) -> [String; 2] {
        let name = |guest: &Option<String>, program: &Option<PathBuf>| {
            let program = || program.as_ref().map(|path| path.display().to_string());
            guest.clone().or_else(program).unwrap_or_default()
        };
        [name(&self.old, &self.old_bin), name(&self.new, &self.new_bin)]
    }
}

/// Refuses builds of different kinds, which nobody can send the same messages. What cannot be run at
/// all is of no kind, which loading it explains.
fn require_one_kind([old, new]: [&String; 2], subjects: [&Subject; 2]) -> Result<()> {
    match subjects.map(|subject| subject.kind) {
        [Some(of_old), Some(of_new)] if of_old != of_new => Err(Error::Usage(format!(
            "the old build, {old}, is {}, and the new one, {new}, is {}: a gate compares two builds \
             of one kind",
            with_article(of_old),
            with_article(of_new)
        ))),
        _ => Ok(()),
    }
}
