//! What validation says, as data: stages, their checks, and the findings of these.

use super::code::{Code, Severity};
use super::measure::Measure;
use super::printable::printable;
use super::stage::Stage;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// How something ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// It is as it should be.
    Pass,
    /// It was not looked at, and the reason is said.
    Skipped,
    /// It can be used; somebody should know something.
    Warn,
    /// It is not as it should be.
    Fail,
    /// It could not be looked at: the tool's or the machine's fault.
    Error,
}

impl Status {
    /// As reports write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Skipped => "skipped",
            Self::Warn => "warn",
            Self::Fail => "fail",
            Self::Error => "error",
        }
    }
}

/// One thing that is not as it should be. Every text is one line without control
/// characters, whatever the guest wrote: see [`printable`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// Which sort; it never changes its meaning.
    pub code: Code,
    /// How much it matters.
    pub severity: Severity,
    /// What happened, in one line.
    pub message: String,
    /// Where: a path in the component, a section, a byte, a case.
    pub place: String,
    /// What should be there, if that can be said.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub wanted: Option<String>,
    /// What is there.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub found: Option<String>,
    /// What to do.
    pub remedy: String,
}

impl Finding {
    /// A finding with its code's own words, at a place.
    pub fn new(code: Code, place: impl AsRef<str>, remedy: impl AsRef<str>) -> Self {
        Self {
            code,
            severity: code.severity(),
            message: code.title().to_owned(),
            place: printable(place.as_ref()),
            wanted: None,
            found: None,
            remedy: printable(remedy.as_ref()),
        }
    }

    /// Adds what was wanted.
    pub fn wanted(mut self, wanted: impl AsRef<str>) -> Self {
        self.wanted = Some(printable(wanted.as_ref()));
        self
    }

    /// Adds what was found.
    pub fn found(mut self, found: impl AsRef<str>) -> Self {
        self.found = Some(printable(found.as_ref()));
        self
    }
}

/// A number, and what it is held against.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Metric {
    /// Of what; it says the unit.
    pub measure: Measure,
    /// The number: bytes, nanoseconds, or a count.
    pub value: u64,
    /// The most that the policy allows, without the margin.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub budget: Option<u64>,
    /// What it was in the baseline.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub previous: Option<u64>,
    /// What the number sums up, if there was more than one.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub samples: Vec<u64>,
}

/// One question that a stage asks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Check {
    /// What it asks, in a word or two.
    pub name: String,
    /// The answer.
    pub status: Status,
    /// What a reader must know of it: why it was skipped, how it was counted.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub note: Option<String>,
    /// The number, if it counts something.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub metric: Option<Metric>,
    /// What is not as it should be.
    pub findings: Vec<Finding>,
}

impl Check {
    /// A check with these findings; without one it passed.
    pub fn of(name: impl AsRef<str>, findings: Vec<Finding>) -> Self {
        Self {
            name: printable(name.as_ref()),
            status: status(&findings),
            note: None,
            metric: None,
            findings,
        }
    }

    /// A check of a number.
    pub fn measured(metric: Metric, findings: Vec<Finding>) -> Self {
        Self {
            metric: Some(metric.clone()),
            ..Self::of(metric.measure.name(), findings)
        }
    }

    /// A check that was not made.
    pub fn skipped(name: impl AsRef<str>, why: impl AsRef<str>) -> Self {
        Self {
            status: Status::Skipped,
            ..Self::of(name, Vec::new()).with_note(why)
        }
    }

    /// Adds what a reader must know.
    pub fn with_note(mut self, note: impl AsRef<str>) -> Self {
        self.note = Some(printable(note.as_ref()));
        self
    }

    /// Adds a finding.
    pub fn push(&mut self, finding: Finding) {
        self.findings.push(finding);
        self.status = status(&self.findings);
    }
}

fn status(findings: &[Finding]) -> Status {
    let worst = findings.iter().map(|finding| finding.severity).max();
    match worst {
        None => Status::Pass,
        Some(Severity::Warning) => Status::Warn,
        Some(Severity::Error) => Status::Fail,
    }
}

/// What a stage found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StageReport {
    /// Which stage.
    pub stage: Stage,
    /// The worst of its checks.
    pub status: Status,
    /// Why it was skipped, or could not do its work.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
    /// How long it took, nanoseconds; not said where nothing is timed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ns: Option<u64>,
    /// What it asked.
    pub checks: Vec<Check>,
}

impl StageReport {
    /// A stage that did its work.
    pub fn done(stage: Stage, checks: Vec<Check>, ns: Option<u64>) -> Self {
        let statuses = checks.iter().map(|check| check.status);
        let all_skipped = !checks.is_empty() && statuses.clone().all(|s| s == Status::Skipped);
        let judged = statuses.filter(|status| *status != Status::Skipped);
        let status = match judged.max() {
            Some(worst) => worst,
            None if all_skipped => Status::Skipped,
            None => Status::Pass,
        };
        Self {
            stage,
            status,
            reason: None,
            ns,
            checks,
        }
    }

    /// A stage that was not run.
    pub fn skipped(stage: Stage, why: impl AsRef<str>) -> Self {
        Self::without_checks(stage, Status::Skipped, why)
    }

    /// A stage that could not do its work.
    pub fn failed_to_run(stage: Stage, why: impl AsRef<str>) -> Self {
        Self::without_checks(stage, Status::Error, why)
    }

    fn without_checks(stage: Stage, status: Status, why: impl AsRef<str>) -> Self {
        Self {
            stage,
            status,
            reason: Some(printable(why.as_ref())),
            ns: None,
            checks: Vec::new(),
        }
    }
}

/// What a file is, whatever is wrong with it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct About {
    /// The SHA-256 of the file.
    pub sha256: String,
    /// Its size.
    pub bytes: u64,
    /// What built it, as it says itself: `language Rust`, `processed-by rustc 1.95.0`.
    pub producers: Vec<String>,
}

/// One guest, and all that was found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Guest {
    /// What reports call it.
    pub name: String,
    /// Its file.
    pub file: PathBuf,
    /// What the file is; none if it could not be read.
    pub about: Option<About>,
    /// The worst of its stages.
    pub status: Status,
    /// Why it could not be checked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What each stage found, in their order.
    pub stages: Vec<StageReport>,
}

impl Guest {
    /// A guest, of which the stages say how it is.
    pub fn of(
        name: &str,
        file: PathBuf,
        about: Option<About>,
        error: Option<String>,
        stages: Vec<StageReport>,
    ) -> Self {
        let judged = stages.iter().map(|stage| stage.status);
        let judged = judged.filter(|status| *status != Status::Skipped);
        let mut status = judged.max().unwrap_or(Status::Skipped);
        if error.is_some() {
            status = Status::Error;
        }
        Self {
            name: printable(name),
            file,
            about,
            status,
            error: error.map(|error| printable(&error)),
            stages,
        }
    }

    /// Its checks, with the stages that they belong to.
    pub fn checks(&self) -> impl Iterator<Item = (Stage, &Check)> {
        let stages = self.stages.iter();
        stages.flat_map(|stage| stage.checks.iter().map(|check| (stage.stage, check)))
    }

    /// Its findings, in the order of the stages.
    pub fn findings(&self) -> impl Iterator<Item = (Stage, &Check, &Finding)> {
        let with_check = |(stage, check)| (stage, check, check);
        let checks = self.checks().map(with_check);
        checks.flat_map(|(stage, check, within): (Stage, &Check, &Check)| {
            within
                .findings
                .iter()
                .map(move |found| (stage, check, found))
        })
    }
}
