//! Resuming a run that was killed or stopped: with its own parameters, under its own conditions, or
//! not at all.

use super::Measuring;
use crate::experiments::Experiment;
use crate::record::{Begin, Part, Run, RunId, contents, differences};
use crate::{Error, Kind, Result};
use clap::FromArgMatches;

/// Returns the command that began a run, as it was typed.
///
/// # Errors
/// If the run is not of this name, or cannot be resumed.
pub fn typed<E: Experiment>(id: RunId, run: &Run, name: &str) -> Result<Measuring<E::Parameters>> {
    let refuse = |why: &str| Err(Error::Usage(format!("run {id} cannot be resumed: {why}")));
    if run.begin.command != name {
        return refuse(&format!("it is a run of `{}`, and not of `{name}`", run.begin.command));
    }
    match &run.end {
        Some(end) if end.complete => return refuse("it measured all that it was to"),
        Some(end) if end.failed_as != Some(Kind::Internal) => {
            return refuse(&format!(
                "it was not interrupted, but failed: {}",
                end.failures.join("; ")
            ));
        }
        _ => {}
    }
    if run.begin.arguments.is_empty() {
        return refuse(
            "its parameters were not kept, by an earlier sandlab or since an address among them has \
             a password; measure anew",
        );
    }
    let command = clap::Command::new("sandlab").no_binary_name(true);
    let command = <Measuring<E::Parameters> as clap::Args>::augment_args(command);
    // The first word is the command's own.
    let words = run.begin.arguments.iter().skip(1);
    let matches = command.try_get_matches_from(words);
    let read = matches.and_then(|matches| Measuring::from_arg_matches(&matches));
    read.or_else(|error| {
        refuse(&format!(
            "`sandlab {}` cannot be read any more: {}",
            run.begin.arguments.join(" "),
            error.kind()
        ))
    })
}

/// Makes sure that a run would go on with the same agents, machine and settings.
///
/// # Errors
/// If it would not: all that differs.
pub fn require_same(id: RunId, then: &Begin, now: &Begin) -> Result<()> {
    let differ = contents(then, now).into_iter().chain(differences(then, now));
    let differ: Vec<String> = differ.map(|difference| difference.to_string()).collect();
    if differ.is_empty() {
        return Ok(());
    }
    Err(Error::Usage(format!(
        "run {id} cannot be resumed, because not all is as it was, then and now: {}; bring that back, \
         or measure anew",
        differ.join("; ")
    )))
}

/// Makes sure that a part would go on with the same messages and load.
///
/// # Errors
/// If it would not.
pub fn require_part(id: RunId, then: &Part, now: &Part) -> Result<()> {
    if then == now {
        return Ok(());
    }
    Err(Error::Usage(format!(
        "run {id} cannot be resumed, because its agents would not be loaded as they were: then {then:?}, \
         now {now:?}; measure anew"
    )))
}
