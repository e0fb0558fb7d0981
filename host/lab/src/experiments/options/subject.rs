//! Options of a subject: the properties that its file does not show.

use super::values::whole;
use crate::bundle::{self, Equivalent, Subject};
use crate::experiments::Given;
use crate::{Error, Result};
use sandlab_runtime::subject::{Kind, Options};

/// Properties of a subject that the user can give.
#[derive(Debug, clap::Args)]
pub struct SubjectOptions {
    /// Kind of a component that could be of two: agent, service, command or function.
    #[arg(long = "as", value_name = "KIND")]
    kind: Option<Kind>,
    /// Messages that an instance of a service, or of functions, lives for. [default: one request,
    /// and as many calls as come]
    #[arg(long, value_name = "N", value_parser = whole::<u64>(1..=u64::MAX))]
    reuse: Option<u64>,
    /// Native equivalent: for a command a program, which gets the same arguments and input, for a
    /// service the URL of a server.
    #[arg(long, visible_alias = "native-url", value_name = "PROGRAM|URL")]
    native: Option<String>,
    /// An argument of the native program before those of each message; may be repeated.
    #[arg(long, value_name = "ARG", requires = "native", allow_hyphen_values = true)]
    native_arg: Vec<String>,
    /// A shell command that starts the native server before anything is measured.
    #[arg(long, value_name = "COMMAND", requires = "native", conflicts_with = "native_arg")]
    native_start: Option<String>,
}

impl SubjectOptions {
    /// Finds the subject that the user named, and prints its kind if it is no agent.
    ///
    /// # Errors
    /// If there is none, or the options do not fit it.
    pub fn find(&self, name: &str, given: &Given) -> Result<Subject> {
        self.known(bundle::find(name, &mut |step: &str| (given.say)(step))?, given)
    }

    /// As [`find`](Self::find), where there may be several.
    ///
    /// # Errors
    /// As [`find`](Self::find).
    pub fn find_each(&self, name: &str, given: &Given) -> Result<Vec<Subject>> {
        let found = bundle::find_each(name, &mut |step: &str| (given.say)(step))?;
        found.into_iter().map(|subject| self.known(subject, given)).collect()
    }

    fn known(&self, found: Subject, given: &Given) -> Result<Subject> {
        let mut subject = found.with(Options { kind: self.kind, reuse: self.reuse });
        subject.native = self.equivalent(&subject)?;
        if let Some(kind) = subject.kind.filter(|kind| *kind != Kind::Agent) {
            let form = if subject.adapted { ", adapted from a core module" } else { "" };
            (given.say)(&format!("{} is a {kind}{form}", subject.name()));
        }
        Ok(subject)
    }

    fn equivalent(&self, subject: &Subject) -> Result<Option<Equivalent>> {
        let Some(native) = &self.native else {
            return Ok(None);
        };
        let is_url = native.starts_with("http://");
        match subject.kind {
            Some(Kind::Command) if !is_url => {
                let command = [native].into_iter().chain(&self.native_arg).cloned().collect();
                Ok(Some(Equivalent::Program { command }))
            }
            Some(Kind::Service) if is_url => Ok(Some(Equivalent::Server {
                url: native.clone(),
                start: self.native_start.clone(),
            })),
            Some(Kind::Command) => Err(Error::Usage(format!(
                "{} is a command, so that `--native` takes a program and not {native}",
                subject.name()
            ))),
            Some(Kind::Service) => Err(Error::Usage(format!(
                "{} is a service, so that `--native` takes the URL of a server, such as \
                 http://127.0.0.1:8080, and not {native}",
                subject.name()
            ))),
            Some(Kind::Agent | Kind::Function) | None => Err(Error::Usage(format!(
                "`--native` is for commands and services; the native side of {} is its twin, \
                 which `sandlab build` makes",
                subject.name()
            ))),
        }
    }
}
