//! Memory limits, for whoever reads them: the sweep, and what tuning found.

mod csv;
mod remarks;
mod sweep;
mod tuned;

use super::table::Style;
use crate::experiments::memory::{AtLimit, Tuned};
use crate::experiments::record::{Finding, Part};
use crate::record::{Measurement, Results};

pub(super) use csv::csv;
pub(super) use remarks::remarks;

/// For a person.
pub(super) fn blocks(results: &Results, style: Style) -> Vec<String> {
    let mut blocks = sweep::blocks(&limits(results), style);
    blocks.extend(tuned::blocks(&tuned(results), style));
    blocks
}

/// What each limit of a sweep did, in the order of the run.
fn limits(results: &Results) -> Vec<(&Part, &AtLimit)> {
    of(results, |finding| match finding {
        Finding::AtLimit(found) => Some(found.as_ref()),
        _ => None,
    })
}

/// What tuning found, one an agent.
fn tuned(results: &Results) -> Vec<(&Part, &Tuned)> {
    of(results, |finding| match finding {
        Finding::Tuned(found) => Some(found.as_ref()),
        _ => None,
    })
}

fn of<'r, T>(
    results: &'r Results,
    wanted: impl Fn(&'r Finding) -> Option<&'r T>,
) -> Vec<(&'r Part, &'r T)> {
    let found = |measurement: &'r Measurement| {
        let found = measurement.findings.iter().find_map(&wanted)?;
        Some((&measurement.part, found))
    };
    results.parts.iter().filter_map(found).collect()
}
