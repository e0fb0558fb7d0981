//! The stages that only read bytes, run in the calling process.

use super::finding::{StageReport, Status};
use super::outline::Outline;
use super::policy::{Overrides, Policies, Policy};
use super::stage::Stage;
use super::{capabilities, format, hygiene, statics, world};
use sandlab_runtime::subject::Kind;
use std::path::Path;

/// Runs the stages that only read bytes, with the standard policy, up to the first that finds an
/// error. Returns for any bytes: the fuzz target feeds it hostile ones.
///
/// # Errors
/// If the standard policy, or bytes that passed as valid, cannot be parsed.
pub fn examine(bytes: &[u8]) -> Result<Vec<StageReport>, String> {
    let policies = Policies::parse("", Path::new(""), Overrides::default())?;
    let policy = Policy::read(policies.of(&[]), policies.folder())?;
    let mut reports = vec![StageReport::done(Stage::Format, format::check(bytes), None)];
    if is_bad(&reports) {
        return Ok(reports);
    }
    let outline = Outline::of(bytes).map_err(|error| error.to_string())?;
    for stage in [Stage::World, Stage::Capabilities, Stage::Static, Stage::Hygiene] {
        let checks = match stage {
            Stage::World => world::check(bytes, &policy.world, Kind::Agent),
            Stage::Capabilities => capabilities::check(&outline, &policy, Kind::Agent),
            Stage::Static => statics::check(bytes, &outline, &policy),
            _ => hygiene::check(&outline),
        };
        reports.push(StageReport::done(stage, checks, None));
        if is_bad(&reports) {
            break;
        }
    }
    Ok(reports)
}

fn is_bad(reports: &[StageReport]) -> bool {
    let worst = reports.last().map(|report| report.status);
    matches!(worst, Some(Status::Fail | Status::Error))
}
