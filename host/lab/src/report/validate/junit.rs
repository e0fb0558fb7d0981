//! JUnit's XML, which every CI system shows: a suite a guest, a case a check.

use crate::validate::{Check, Guest, StageReport, Status, Validation};
use crate::{Error, Result};
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

/// Warnings are no failures here; they stand in the output of their case.
pub fn render(validation: &Validation) -> Result<String> {
    let mut report = Report::new("sandlab validate");
    report.add_test_suites(validation.guests.iter().map(suite));
    let text = report.to_string();
    let text =
        text.map_err(|error| Error::Machine(format!("cannot encode the report: {error}")))?;
    Ok(text.trim_end().to_owned() + "\n")
}

fn suite(guest: &Guest) -> TestSuite {
    let mut suite = TestSuite::new(guest.name.as_str());
    if let Some(error) = &guest.error {
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
        status.set_message(error.as_str());
        suite.add_test_case(TestCase::new("file", status));
    }
    for stage in &guest.stages {
        if stage.checks.is_empty() {
            suite.add_test_case(whole(stage));
        }
        for check in &stage.checks {
            let mut case = case(&guest.name, check);
            case.set_classname(stage.stage.name());
            suite.add_test_case(case);
        }
    }
    suite
}

/// A stage that asked nothing.
fn whole(stage: &StageReport) -> TestCase {
    let mut status = match stage.status {
        Status::Skipped => TestCaseStatus::skipped(),
        Status::Error => TestCaseStatus::non_success(NonSuccessKind::Error),
        Status::Pass | Status::Warn | Status::Fail => TestCaseStatus::success(),
    };
    if let (Some(reason), Status::Skipped | Status::Error) = (&stage.reason, stage.status) {
        status.set_message(reason.as_str());
    }
    let mut case = TestCase::new(stage.stage.name(), status);
    case.set_classname(stage.stage.name());
    case
}

fn case(guest: &str, check: &Check) -> TestCase {
    let sentences = check
        .findings
        .iter()
        .map(|finding| format!("{}: {}", finding.code, super::text::sentence(guest, finding)));
    let text = sentences.collect::<Vec<_>>().join("\n");
    let mut status = match check.status {
        Status::Skipped => TestCaseStatus::skipped(),
        Status::Fail | Status::Error => TestCaseStatus::non_success(NonSuccessKind::Failure),
        Status::Pass | Status::Warn => TestCaseStatus::success(),
    };
    match check.status {
        Status::Skipped => {
            status.set_message(check.note.as_deref().unwrap_or_default());
        }
        Status::Fail | Status::Error => {
            let codes: Vec<_> = check.findings.iter().map(|found| found.code.id()).collect();
            // What another case tells of stands in the note.
            let note = check.note.as_deref().filter(|_| codes.is_empty());
            status.set_message(note.map_or_else(|| codes.join(", "), str::to_owned));
            status.set_description(text.as_str());
        }
        Status::Pass | Status::Warn => {}
    }
    let mut case = TestCase::new(check.name.as_str(), status);
    if matches!(check.status, Status::Warn | Status::Pass) && !text.is_empty() {
        case.set_system_out(text.as_str());
    }
    case
}
