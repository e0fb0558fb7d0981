//! JUnit's XML: a suite a gate, a case a metric.

use crate::verdict::gate::{Gated, Judged, Outcome};
use crate::{Error, Result};
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

/// Warnings are no failures here; they stand in the output of their case.
pub fn render(gated: &Gated) -> Result<String> {
    let mut suite = TestSuite::new(gated.new.as_str());
    suite.add_test_cases(gated.metrics.iter().map(case));
    let mut report = Report::new("sandlab gate");
    report.add_test_suite(suite);
    let text = report.to_string();
    let text =
        text.map_err(|error| Error::Machine(format!("cannot encode the report: {error}")))?;
    Ok(text.trim_end().to_owned() + "\n")
}

fn case(judged: &Judged) -> TestCase {
    let fails = judged.outcome() == Outcome::Fail;
    let mut status = if fails {
        TestCaseStatus::non_success(NonSuccessKind::Failure)
    } else {
        TestCaseStatus::success()
    };
    if fails {
        status.set_message(judged.sentence());
    }
    let mut case = TestCase::new(judged.metric.name.as_str(), status);
    case.set_classname("gate");
    if !fails {
        case.set_system_out(judged.sentence());
    }
    case
}
