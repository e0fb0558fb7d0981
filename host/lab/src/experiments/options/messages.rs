//! The messages of subjects: the options of commands that send a workload.

use super::subject::SubjectOptions;
use super::values::seed;
use crate::bundle::Subject;
use crate::experiments::Given;
use crate::sampling::recipe::Recipe;
use crate::sampling::setup;
use crate::sampling::traffic::Traffic;
use crate::workload::{self, Case};
use crate::{Error, Result};
use sandlab_runtime::subject::Kind;
use std::path::PathBuf;

/// The messages of a subject: a workload, a reference's, or one size.
#[derive(Debug, clap::Args)]
pub struct Messages {
    /// Send the messages of this file, one JSON object per line, instead of the subject's own.
    #[arg(long, visible_alias = "messages", value_name = "FILE", conflicts_with = "like")]
    workload: Option<PathBuf>,
    /// Send the messages of this reference agent: for the same agent in another language.
    #[arg(long, value_name = "AGENT")]
    like: Option<String>,
    /// The seed of the generated messages.
    #[arg(long, default_value_t = 1, value_parser = seed())]
    seed: u64,
    #[command(flatten)]
    subject: SubjectOptions,
}

impl Messages {
    /// Returns the seed of the generated messages.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Returns whether the user named others than the subject's own.
    pub fn are_chosen(&self) -> bool {
        self.workload.is_some() || self.like.is_some()
    }

    /// Finds the subject that the user named.
    ///
    /// # Errors
    /// As [`SubjectOptions::find`].
    pub fn find(&self, name: &str, given: &Given) -> Result<Subject> {
        self.subject.find(name, given)
    }

    /// Finds all subjects by one name or path.
    ///
    /// # Errors
    /// As [`SubjectOptions::find_each`].
    pub fn find_each(&self, name: &str, given: &Given) -> Result<Vec<Subject>> {
        self.subject.find_each(name, given)
    }

    /// Returns the messages that the user named, or else the subject's own.
    ///
    /// # Errors
    /// If the file cannot be used, or there is no such agent.
    pub fn cases(&self, subject: &Subject) -> Result<Vec<Case>> {
        let seed = self.seed;
        match (&self.workload, &self.like) {
            (Some(file), _) => workload::read(file),
            (None, Some(agent)) => {
                workload::of_agent(agent, seed).ok_or_else(|| no_reference(agent))
            }
            (None, None) => setup::cases(subject, seed),
        }
    }

    /// Returns the configuration of a subject that is sent no message: that of the first which the
    /// user named, or else of the subject's own.
    ///
    /// # Errors
    /// As [`cases`](Self::cases).
    pub fn config(&self, subject: &Subject) -> Result<Vec<u8>> {
        if !self.are_chosen() && !setup::has_messages(subject) {
            return Ok(Vec::new());
        }
        let first = self.cases(subject)?.into_iter().next();
        Ok(first.map(|case| case.config).unwrap_or_default())
    }

    /// Returns the recipe for an agent on another host, of which only the name is known: the user's
    /// messages, or else those of the reference agent with this name, or else messages that only
    /// check whether the replies are always the same.
    ///
    /// # Errors
    /// If the file cannot be used, or there is no such agent.
    pub fn recipe_of(&self, name: &str, size: Option<u32>) -> Result<Recipe> {
        let (bytes, seed) = (size.map_or(SIZE, |size| size as usize), self.seed);
        let name = self.like.as_deref().unwrap_or(name);
        match &self.workload {
            Some(_) if size.is_some() => Err(own_sizes(name)),
            Some(file) => {
                let text = sandlab_runtime::text_file::read(file);
                let text = text.map_err(Error::file("read", file))?;
                Ok(Recipe::Workload { name: file.to_string_lossy().into_owned(), text })
            }
            None if name == "echo" => Ok(Recipe::Echo { size: bytes }),
            None if workload::of_size(name, bytes, seed).is_some() => {
                Ok(Recipe::Reference { agent: name.to_owned(), size: bytes, seed })
            }
            None if self.like.is_some() => Err(no_reference(name)),
            None => Ok(Recipe::Unknown { size: bytes, seed }),
        }
    }

    /// Returns the messages of a subject under load, and its configuration. Generated messages have
    /// this size, or 1 KiB.
    ///
    /// # Errors
    /// As [`cases`](Self::cases); also if a size was given for messages that have their own.
    pub fn traffic(&self, subject: &Subject, size: Option<u32>) -> Result<(Traffic, Vec<u8>)> {
        let bytes = size.map_or(SIZE, |size| size as usize);
        if self.workload.is_none() {
            let own = subject.bundle().filter(|bundle| bundle.workload().is_none());
            let name = own.map(|bundle| bundle.manifest.name.as_str());
            match self.like.as_deref().or(name) {
                Some("echo") => return Ok((Traffic::Echo { size: bytes }, Vec::new())),
                Some("relay") => return Ok((Traffic::Echo { size: bytes }, ANSWER.to_vec())),
                Some(agent) => {
                    if let Some(case) = workload::of_size(agent, bytes, self.seed) {
                        return series(case);
                    }
                    if self.like.is_some() {
                        return Err(no_reference(agent));
                    }
                }
                None => {}
            }
            let is_unknown = subject.workload().is_none();
            if is_unknown && subject.kind.unwrap_or(Kind::Agent) == Kind::Agent {
                return series(workload::unknown(bytes, self.seed));
            }
        }
        if size.is_some() {
            return Err(own_sizes(&subject.name()));
        }
        match self.cases(subject)?.into_iter().next() {
            Some(case) => series(case),
            None => Err(Error::Usage(format!("{} has no messages", subject.name()))),
        }
    }
}

/// The default size of generated messages, bytes.
const SIZE: usize = 1_024;

/// The configuration with which the agent `relay` answers with the content.
const ANSWER: &[u8] = b"answer";

fn series(mut case: Case) -> Result<(Traffic, Vec<u8>)> {
    let config = std::mem::take(&mut case.config);
    Ok((Traffic::series(case)?, config))
}

fn own_sizes(agent: &str) -> Error {
    Error::Usage(format!(
        "the messages to {agent} come from a workload and have the sizes that they have there: \
         leave `--size` out"
    ))
}

fn no_reference(agent: &str) -> Error {
    Error::Usage(format!("no reference agent is called {agent:?}"))
}
