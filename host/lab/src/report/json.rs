//! A report for a program: the run's document, with what follows from it.

use super::run_report::{Compared, RunReport};
use crate::metrics::Metric;
use crate::record::{Document, RunId};
use crate::verdict::{Graded, NotJudged};
use crate::view::Answer;
use crate::{Error, Result};
use serde::Serialize;

/// Writes the document of the run, with what is derived from it.
pub(super) fn document(report: &RunReport, mut document: Document) -> Result<String> {
    #[derive(Serialize)]
    struct Derived<'a> {
        run: Option<RunId>,
        answers: &'a [Answer],
        metrics: &'a [Metric],
        grades: &'a [Graded],
        not_judged: &'a [NotJudged],
        baseline: &'a Option<Compared>,
        objections: Vec<String>,
    }
    let derived = Derived {
        run: report.id,
        answers: &report.view.answers,
        metrics: &report.view.metrics,
        grades: &report.graded,
        not_judged: &report.not_judged,
        baseline: &report.baseline,
        objections: report.objections(),
    };
    let derived = serde_json::to_value(derived)
        .map_err(|error| Error::Machine(format!("cannot encode the report: {error}")))?;
    document.derived = Some(derived);
    document.json()
}
