//! JUnit's XML: a suite per gate, a case per metric.

use crate::printable::printable;
use crate::verdict::gate::{GateReport, Judged, Outcome};
use crate::{Error, Result};
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

/// Writes all metrics. Warnings are no failures here; they stand in the output of their case.
pub(super) fn render(report: &GateReport) -> Result<String> {
    let mut suite = TestSuite::new(printable(&report.compared.new));
    suite.add_test_cases(report.metrics.iter().map(case));
    suite.add_test_cases(report.failures.iter().map(|failure| {
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
        status.set_message(printable(failure));
        let mut case = TestCase::new("all was measured", status);
        case.set_classname("gate");
        case
    }));
    let mut report = Report::new("sandlab gate");
    report.add_test_suite(suite);
    let text = report.to_string();
    let text =
        text.map_err(|error| Error::Machine(format!("cannot encode the report: {error}")))?;
    Ok(text.trim_end().to_owned() + "\n")
}

fn case(judged: &Judged) -> TestCase {
    let fails = judged.outcome() == Outcome::Fail;
    let mut status = match fails {
        true => TestCaseStatus::non_success(NonSuccessKind::Failure),
        false => TestCaseStatus::success(),
    };
    if fails {
        status.set_message(printable(&judged.sentence()));
    }
    let mut case = TestCase::new(printable(&judged.metric.name), status);
    case.set_classname("gate");
    if !fails {
        case.set_system_out(printable(&judged.sentence()));
    }
    case
}
