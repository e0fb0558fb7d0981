//! The result of a validation as data: guests, stages, checks, findings.

use super::code::{Code, Severity};
use super::measure::Measure;
use super::stage::Stage;
use crate::printable::printable;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// The outcome of a check, a stage or a guest. A later case outweighs an earlier one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// There are no findings.
    Pass,
    /// It was not run; a note or a reason explains it.
    Skipped,
    /// There are warnings, and no errors.
    Warn,
    /// There are errors.
    Fail,
    /// It could not be checked, for a reason that lies with the tool or the machine.
    Error,
}

impl Status {
    /// Returns the name in reports.
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

/// One defect of a guest. Every text is one line without control characters, whatever the guest
/// wrote: see [`printable`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// The kind of finding; codes never change their meaning.
    pub code: Code,
    /// The code's severity.
    pub severity: Severity,
    /// The code's title.
    pub message: String,
    /// A path in the component, a section, a byte, or a case.
    pub place: String,
    /// Further places with the same defect, in their order.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub also: Vec<String>,
    /// The expected value; `None` if no single one is expected.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub wanted: Option<String>,
    /// The actual value; `None` if the message has it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub found: Option<String>,
    /// The remedy, in one line.
    pub remedy: String,
}

impl Finding {
    /// Creates a finding with its code's severity and title.
    pub fn new(code: Code, place: impl AsRef<str>, remedy: impl AsRef<str>) -> Self {
        Self {
            code,
            severity: code.severity(),
            message: code.title().to_owned(),
            place: printable(place.as_ref()),
            also: Vec::new(),
            wanted: None,
            found: None,
            remedy: printable(remedy.as_ref()),
        }
    }

    /// Sets the expected value.
    pub fn wanted(mut self, wanted: impl AsRef<str>) -> Self {
        self.wanted = Some(printable(wanted.as_ref()));
        self
    }

    /// Makes it a note: the guest's author cannot fix it.
    pub fn noted(mut self) -> Self {
        self.severity = Severity::Note;
        self
    }

    /// Returns where the defect is: the place, and how many others have it too.
    pub fn places(&self) -> String {
        /// Further places that a sentence names.
        const NAMED: usize = 3;
        if self.also.is_empty() {
            return self.place.clone();
        }
        let named: Vec<&str> = self.also.iter().take(NAMED).map(String::as_str).collect();
        let more = self.also.len() - named.len();
        let more = if more > 0 { format!(", and {more} more") } else { String::new() };
        format!("{}; also {}{more}", self.place, named.join("; "))
    }

    /// Sets the actual value.
    pub fn found(mut self, found: impl AsRef<str>) -> Self {
        self.found = Some(printable(found.as_ref()));
        self
    }
}

/// A number with its budget and its earlier value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Metric {
    /// The measure, which has the unit.
    pub measure: Measure,
    /// Bytes, nanoseconds, or a count.
    pub value: u64,
    /// The policy's budget, without the margin; `None` if it has none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub budget: Option<u64>,
    /// The value in the baseline; `None` without one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub previous: Option<u64>,
    /// The samples that the value summarises; empty if there was one.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub samples: Vec<u64>,
}

/// One check of a stage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Check {
    /// A word or two.
    pub name: String,
    /// The worst severity of its findings.
    pub status: Status,
    /// The reason why it was skipped, or the way it was measured; `None` without a note.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub note: Option<String>,
    /// The number that was checked; `None` if the check is not of a number.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub metric: Option<Metric>,
    /// The defects; empty if it passed or was skipped.
    pub findings: Vec<Finding>,
}

impl Check {
    /// Creates a check with these findings; it passed if there are none.
    pub fn of(name: impl AsRef<str>, findings: Vec<Finding>) -> Self {
        Self {
            name: printable(name.as_ref()),
            status: status(&findings),
            note: None,
            metric: None,
            findings,
        }
    }

    /// Creates a check of a number.
    pub fn measured(metric: Metric, findings: Vec<Finding>) -> Self {
        Self { metric: Some(metric.clone()), ..Self::of(metric.measure.name(), findings) }
    }

    /// Creates a check that was not made.
    pub fn skipped(name: impl AsRef<str>, why: impl AsRef<str>) -> Self {
        Self { status: Status::Skipped, ..Self::of(name, Vec::new()).with_note(why) }
    }

    /// Sets the note.
    pub fn with_note(mut self, note: impl AsRef<str>) -> Self {
        self.note = Some(printable(note.as_ref()));
        self
    }

    /// Adds a finding and updates the status.
    pub fn push(&mut self, finding: Finding) {
        self.findings.push(finding);
        self.status = status(&self.findings);
    }
}

fn status(findings: &[Finding]) -> Status {
    let worst = findings.iter().map(|finding| finding.severity).max();
    match worst {
        None | Some(Severity::Note) => Status::Pass,
        Some(Severity::Warning) => Status::Warn,
        Some(Severity::Error) => Status::Fail,
    }
}

/// Keeps one finding for each defect, with the places of all: findings with an equal result of
/// `defect` are one defect. A check whose findings moved to another keeps its status, with a note.
pub fn grouped(mut checks: Vec<Check>, defect: impl Fn(&Finding) -> String) -> Vec<Check> {
    // The defects, with the check and the place in it that tells of each.
    let mut told: BTreeMap<(Code, Severity, String), (usize, usize)> = BTreeMap::new();
    for index in 0..checks.len() {
        let name = checks[index].name.clone();
        let (findings, status) =
            (std::mem::take(&mut checks[index].findings), checks[index].status);
        let mut elsewhere = BTreeSet::new();
        for finding in findings {
            let key = (finding.code, finding.severity, defect(&finding));
            match told.get(&key).copied() {
                None => {
                    told.insert(key, (index, checks[index].findings.len()));
                    checks[index].findings.push(finding);
                }
                Some((first, at)) => {
                    let place = if first == index {
                        finding.place
                    } else {
                        elsewhere.insert(checks[first].name.clone());
                        format!("{name}: {}", finding.place)
                    };
                    checks[first].findings[at].also.push(place);
                }
            }
        }
        let check = &mut checks[index];
        check.status = status;
        if check.findings.is_empty() && check.note.is_none() && !elsewhere.is_empty() {
            let names: Vec<_> = elsewhere.into_iter().collect();
            check.note = Some(format!("the same as of {}", names.join(", ")));
        }
    }
    checks
}

/// The result of a stage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StageReport {
    /// The stage.
    pub stage: Stage,
    /// The worst status of its checks.
    pub status: Status,
    /// The reason why it was skipped or could not run; `None` otherwise.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
    /// Nanoseconds that it took; `None` if timing is turned off.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ns: Option<u64>,
    /// Its checks, in the order in which they were made.
    pub checks: Vec<Check>,
}

impl StageReport {
    /// Creates the result of a stage that ran.
    pub fn done(stage: Stage, checks: Vec<Check>, ns: Option<u64>) -> Self {
        let statuses = checks.iter().map(|check| check.status);
        let all_skipped = !checks.is_empty() && statuses.clone().all(|s| s == Status::Skipped);
        let judged = statuses.filter(|status| *status != Status::Skipped);
        let status = match judged.max() {
            Some(worst) => worst,
            None if all_skipped => Status::Skipped,
            None => Status::Pass,
        };
        Self { stage, status, reason: None, ns, checks }
    }

    /// Creates the result of a stage that was not run.
    pub fn skipped(stage: Stage, why: impl AsRef<str>) -> Self {
        Self::without_checks(stage, Status::Skipped, why)
    }

    /// Creates the result of a stage that could not run.
    pub fn failed_to_run(stage: Stage, why: impl AsRef<str>) -> Self {
        Self::without_checks(stage, Status::Error, why)
    }

    fn without_checks(stage: Stage, status: Status, why: impl AsRef<str>) -> Self {
        Self { stage, status, reason: Some(printable(why.as_ref())), ns: None, checks: Vec::new() }
    }
}

/// The file's identity, also of a file with findings.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct About {
    /// The file's SHA-256 in hexadecimal.
    pub sha256: String,
    /// The file's size.
    pub bytes: u64,
    /// The lines of its `producers` sections: `language Rust`, `processed-by rustc 1.95.0`.
    pub producers: Vec<String>,
}

/// The result of one guest.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Guest {
    /// The name in reports.
    pub name: String,
    /// The component's file.
    #[serde(serialize_with = "crate::paths::serialize")]
    pub file: PathBuf,
    /// The file or folder that it was found as: what was named, or lies beneath that.
    #[serde(serialize_with = "crate::paths::serialize")]
    pub place: PathBuf,
    /// The file's identity; `None` if it could not be read.
    pub about: Option<About>,
    /// The worst status of its stages.
    pub status: Status,
    /// The reason why it could not be checked; `None` if it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The results of its stages, in their order.
    pub stages: Vec<StageReport>,
}

impl Guest {
    /// Creates the result of a guest from those of its stages.
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
            place: file.clone(),
            file,
            about,
            status,
            error: error.map(|error| printable(&error)),
            stages,
        }
    }

    /// Returns its checks with their stages.
    pub fn checks(&self) -> impl Iterator<Item = (Stage, &Check)> {
        let stages = self.stages.iter();
        stages.flat_map(|stage| stage.checks.iter().map(|check| (stage.stage, check)))
    }

    /// Returns its findings in the order of the stages.
    pub fn findings(&self) -> impl Iterator<Item = (Stage, &Check, &Finding)> {
        let with_check = |(stage, check)| (stage, check, check);
        let checks = self.checks().map(with_check);
        checks.flat_map(|(stage, check, within): (Stage, &Check, &Check)| {
            within.findings.iter().map(move |found| (stage, check, found))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_defect_is_one_finding_with_all_its_places() {
        let trap =
            |place: &str, found: &str| Finding::new(Code::CaseFault, place, "x").found(found);
        let checks = vec![
            Check::of("id 0", vec![trap("fresh", "trap"), trap("later", "trap")]),
            Check::of("id 1", vec![trap("fresh", "trap"), trap("later", "exit")]),
            Check::of("id 2", vec![trap("fresh", "trap")]),
            Check::of("id 3", Vec::new()),
        ];
        let checks = grouped(checks, |finding| finding.found.clone().unwrap_or_default());
        let counts: Vec<_> = checks.iter().map(|check| check.findings.len()).collect();
        assert_eq!(counts, [1, 1, 0, 0]);
        let first = &checks[0].findings[0];
        assert_eq!(first.also, ["later", "id 1: fresh", "id 2: fresh"]);
        assert_eq!(first.places(), "fresh; also later; id 1: fresh; id 2: fresh");
        let statuses: Vec<_> = checks.iter().map(|check| check.status).collect();
        assert_eq!(statuses, [Status::Fail, Status::Fail, Status::Fail, Status::Pass]);
        assert_eq!(checks[2].note.as_deref(), Some("the same as of id 0"));
    }
}
