//! `sandlab compare`

use super::{Case, Sides, Suite};
use crate::bundle::{self, Subject};
use crate::experiments::flamegraph::Inside;
use crate::experiments::options::{Messages, Rounds};
use crate::experiments::{Given, Plan};
use crate::project::Project;
use crate::{Error, Result};
use sandlab_runtime::BackendKind;
use std::path::PathBuf;

/// The subjects of a comparison, and the way they are measured.
#[derive(Debug, clap::Args)]
pub struct Parameters {
    /// Names of built agents, folders of bundles, crates or projects, components or core modules;
    /// the `agents` of sandlab.toml, or all that are built, if none is given.
    #[arg(value_name = "AGENT|BUNDLE|FILE.wasm")]
    subjects: Vec<String>,
    #[command(flatten)]
    rounds: Rounds,
    /// Show where the cost comes from: the ladder from the native call to the sandbox in use, and
    /// what fuel and async calls would add.
    #[arg(long, conflicts_with = "backends")]
    attribute: bool,
    /// Also sample where the time goes inside the guest: its hottest functions, and a flamegraph in
    /// the HTML report. `--format firefox` writes the samples for profiler.firefox.com.
    #[arg(long)]
    flamegraph: bool,
    #[command(flatten)]
    messages: Messages,
}

impl Parameters {
    pub(super) fn plan<'a>(&self, given: &Given) -> Result<Plan<'a>> {
        let sides = match self.attribute {
            true => Sides::Ladder,
            false => Sides::Backends(self.rounds.backends()),
        };
        let subjects = self.subjects(given)?;
        let seed = self.messages.seed();
        let settings = match subjects.len() {
            1 => self.rounds.settings_alone(seed),
            _ => self.rounds.settings(seed),
        };
        let cases = subjects.iter().cloned().map(|subject| {
            Ok(Case { messages: self.messages.cases(&subject)?, sides: sides.clone(), subject })
        });
        let suite = Suite {
            settings,
            sandbox: given.sandbox.clone(),
            cases: cases.collect::<Result<_>>()?,
        };
        let mut plan = suite.plan("compare")?;
        plan.samples_stacks = self.flamegraph;
        for subject in subjects.into_iter().filter(|_| self.flamegraph) {
            let cases = self.messages.cases(&subject)?;
            plan.parts += cases.len();
            let sandbox = given.sandbox.clone();
            let beside_twin = self.rounds.backends().contains(&BackendKind::Native);
            plan.steps.push(Inside { subject, cases, settings, sandbox, beside_twin }.step());
        }
        Ok(plan)
    }

    fn subjects(&self, given: &Given) -> Result<Vec<Subject>> {
        let mut names = self.subjects.clone();
        if names.is_empty() {
            names = Project::here()?.agents;
        }
        if names.is_empty() {
            let bundles = bundle::find_all()?;
            return Ok(bundles.into_iter().map(Subject::from).collect());
        }
        let mut subjects: Vec<Subject> = Vec::new();
        let mut places: Vec<(&String, PathBuf)> = Vec::new();
        for name in &names {
            for subject in self.messages.find_each(name, given)? {
                let file = subject.component();
                let file = file.canonicalize().map_err(Error::file("find", &file))?;
                let same = places.iter().find(|(other, place)| *other != name && *place == file);
                if let Some((other, place)) = same {
                    // One of them may have been built just now, over the other.
                    return Err(Error::Usage(format!(
                        "{other} and {name} are the same component, {}: name it once; an earlier \
                         build has to lie elsewhere than the crate is built",
                        place.display()
                    )));
                }
                places.push((name, file));
                subjects.push(subject);
            }
        }
        Ok(subjects)
    }
}
