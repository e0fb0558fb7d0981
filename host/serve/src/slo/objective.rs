//! Objectives, as they are written in TOML.
//!
//! ```toml
//! [[objective]]
//! name = "echo-fast"
//! agent = "echo"            # left out: all agents together
//! objective = "99.9 %"
//! window = "30d"
//! latency = "10ms"          # left out: it is about messages that are not answered
//! runbook = "Ask #agents before you restart it."
//! ```

use super::Share;
use super::window::pairs;
use crate::Config;
use crate::host::bounds;
use sandlab_runtime::{span, toml_text};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A service level objective: the share of messages that are answered, or answered in time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Objective {
    /// Its name in alerts and rules: small letters, digits and hyphens.
    pub name: String,
    /// The agent that it is about; left out, all agents together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// The share of messages that have to be good.
    pub objective: Share,
    /// The time over which the share holds. The windows of alerts are parts of it: an hour and 5
    /// minutes of 30 days.
    #[serde(default = "thirty_days", with = "humantime_serde")]
    #[schemars(with = "String")]
    pub window: Duration,
    /// The longest time that a good message takes: 1, 2 or 5 times a power of ten, from 10 µs on, as
    /// the histograms have bounds. Left out, a message is good if it is answered.
    #[serde(default, with = "humantime_serde", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub latency: Option<Duration>,
    /// Instructions for when it is broken; alerts add the command of sandlab that shows more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runbook: Option<String>,
}

fn thirty_days() -> Duration {
    Duration::from_secs(30 * 24 * 60 * 60)
}

/// The reason that objectives cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SloError {
    /// The file cannot be read.
    #[error("cannot read {}: {source}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// The file is no TOML with objectives.
    #[error("{}: {reason}", .path.display())]
    Toml {
        /// The file.
        path: PathBuf,
        /// The place, and the error there.
        reason: String,
    },
    /// An objective makes no sense.
    #[error("the objective {name:?}: {reason}")]
    Objective {
        /// Its name.
        name: String,
        /// The reason, and the remedy.
        reason: String,
    },
}

/// Reads the objectives of a file: one with `[[objective]]` alone, or a host's whole config.
///
/// # Errors
/// If it cannot be read, has none, or one of them makes no sense.
pub fn read_objectives(path: &Path) -> Result<Vec<Objective>, SloError> {
    let toml = |reason: String| SloError::Toml { path: path.to_owned(), reason };
    let text = sandlab_runtime::text_file::read(path)
        .map_err(|source| SloError::Read { path: path.to_owned(), source })?;
    // What else a host's config has is checked where it is used, but for its names.
    let config: Config = toml_text::read(&text).map_err(toml)?;
    let objectives = config.objectives;
    if objectives.is_empty() {
        return Err(toml(
            "it has no objective: each is a table [[objective]] with at least `name` and \
             `objective`"
                .to_owned(),
        ));
    }
    check(&objectives)?;
    Ok(objectives)
}

/// The shortest window of an objective: a snapshot every few milliseconds is no way to run a host.
const SHORTEST: Duration = Duration::from_secs(60);

/// The longest window of an objective.
const LONGEST: Duration = Duration::from_secs(366 * 24 * 60 * 60);

/// Checks that objectives make sense, each by itself and together.
///
/// # Errors
/// [`SloError::Objective`] with the first that does not.
pub fn check(objectives: &[Objective]) -> Result<(), SloError> {
    let mut names = BTreeSet::new();
    for objective in objectives {
        let wrong = |reason: String| SloError::Objective { name: objective.name.clone(), reason };
        let fits = |letter: char| matches!(letter, 'a'..='z' | '0'..='9' | '-');
        if objective.name.is_empty() || !objective.name.chars().all(fits) {
            return Err(wrong(
                "a name has small letters, digits and hyphens, since alerts go by it".to_owned(),
            ));
        }
        if !names.insert(&objective.name) {
            return Err(wrong("there are two of this name; rename one".to_owned()));
        }
        if objective.agent.as_ref().is_some_and(String::is_empty) {
            return Err(wrong("`agent` is empty; leave it out for all agents".to_owned()));
        }
        if let Some(near) = objective.latency.and_then(uncounted) {
            return Err(wrong(format!(
                "`latency` is no bound of the histograms, so that nobody could tell: take {near}, or \
                 leave it out for an objective of errors"
            )));
        }
        if !(SHORTEST..=LONGEST).contains(&objective.window) {
            return Err(wrong(format!(
                "a window of {} is not between a minute and a year; 30d is usual",
                span(objective.window)
            )));
        }
    }
    Ok(())
}

/// Returns the bounds of the histograms that are next to a latency; `None` if it is one itself.
fn uncounted(latency: Duration) -> Option<String> {
    let below = bounds().filter(|bound| *bound < latency).last();
    let above = bounds().find(|bound| *bound >= latency);
    let near: Vec<_> = below.into_iter().chain(above).map(span).collect();
    (above != Some(latency)).then(|| near.join(" or "))
}

impl Objective {
    /// Returns the shortest window that is watched.
    pub fn shortest(&self) -> Duration {
        pairs(self.window)[0].short
    }

    /// Returns its requirement, for the middle of a sentence: `99.9 % of echo's messages answered
    /// within 10ms`.
    pub fn told(&self) -> String {
        let whose = match &self.agent {
            Some(agent) => format!("{agent}'s messages"),
            None => "all messages".to_owned(),
        };
        let within = match self.latency {
            Some(latency) => format!(" within {}", span(latency)),
            None => String::new(),
        };
        format!("{} of {whose} answered{within}", self.objective)
    }

    /// Returns the instructions for when it is broken: the user's own text, and the commands that
    /// show more.
    pub fn advice(&self) -> String {
        let agent = self.agent.as_deref().unwrap_or("AGENT");
        let deeper = match self.latency {
            Some(_) => format!(
                "`sandlab latency --target http://HOST/agents/{agent}` measures it from outside, \
                 `sandlab report --baseline NAME` says what has changed, and `sandlab compare \
                 {agent} --attribute` where the time goes."
            ),
            None => format!(
                "The host's /metrics count {agent}'s faults by kind; `sandlab validate {agent}` \
                 says whether the build is sound, and `sandlab memory {agent}` whether its limit \
                 is too low."
            ),
        };
        match &self.runbook {
            Some(runbook) => format!("{} {deeper}", runbook.trim_end()),
            None => deeper,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<Objective>, SloError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("slo.toml");
        std::fs::write(&path, text).unwrap();
        read_objectives(&path)
    }

    #[test]
    fn an_objective_needs_only_a_name_and_a_share() {
        let all = read("[[objective]]\nname = \"answers\"\nobjective = \"99 %\"").unwrap();
        assert_eq!(all[0].window, thirty_days());
        assert_eq!(all[0].told(), "99 % of all messages answered");
        assert!(all[0].advice().contains("sandlab validate"));
    }

    #[test]
    fn the_runbook_comes_first_and_says_which_command_looks_deeper() {
        let text = "[[objective]]\nname = \"fast\"\nagent = \"echo\"\nobjective = \"99.9 %\"\n\
                    latency = \"10ms\"\nwindow = \"7d\"\nrunbook = \"Ask Ada.\"";
        let all = read(text).unwrap();
        assert_eq!(all[0].told(), "99.9 % of echo's messages answered within 10 ms");
        assert!(all[0].advice().starts_with("Ask Ada. `sandlab latency"));
    }

    #[test]
    fn what_makes_no_sense_is_told_with_the_place_and_the_way_out() {
        let with = |more: &str| {
            let head = "[[objective]]\nname = \"a\"\nobjective = \"99 %\"\n";
            read(&format!("{head}{more}")).unwrap_err().to_string()
        };
        for (more, said) in [
            ("latncy = \"1ms\"", "unknown field `latncy`"),
            ("latency = \"0s\"", "take 10 µs, or leave it out"),
            ("latency = \"15ms\"", "take 10 ms or 20 ms, or leave it out"),
            ("latency = \"2m\"", "take 60 s, or leave it out"),
            ("agent = \"\"", "leave it out for all agents"),
            ("window = \"10 years\"", "between a minute and a year"),
            ("[[objective]]\nname = \"a\"\nobjective = \"9 %\"", "two of this name"),
            ("[[objective]]\nname = \"B c\"\nobjective = \"9 %\"", "small letters"),
            ("[[objective]]\nname = \"b\"\nobjective = \"100 %\"", "below 100 %"),
        ] {
            let error = with(more);
            assert!(error.contains(said), "{more}: {error}");
        }
        assert!(read("").unwrap_err().to_string().contains("[[objective]]"));
    }
}
