//! The measurements that claims name, each with the code that users run. They return seconds,
//! ratios or shares; the claim's unit scales that.

mod attacked;
mod call;
mod command;
mod load;
mod path;
mod sides;
mod start;
mod subject;
mod validate;

use crate::claim::How;
use anyhow::{Context, Result, anyhow};
use sandlab::stats::{Estimate, median_interval};
use serde::de::DeserializeOwned;

/// A measurement with its parameters.
pub type Job = Box<dyn FnOnce() -> Result<Estimate>>;

type Prepare = fn(&How) -> Result<Job>;

/// The measurements by the name that `how` in claims.toml has.
pub const MEASUREMENTS: &[(&str, Prepare)] = &[
    ("call", |how| job(how, call::call)),
    ("service", |how| job(how, subject::service)),
    ("function", |how| job(how, subject::function)),
    ("fiber", |how| job(how, call::fiber)),
    ("spawn", |how| job(how, start::spawn)),
    ("pool", |how| job(how, start::pool)),
    ("managed", |how| job(how, start::managed)),
    ("managed-vs-process", |how| job(how, start::managed_vs_process)),
    ("backends", |how| job(how, sides::backends)),
    ("ladder", |how| job(how, sides::ladder)),
    ("timing", |how| job(how, sides::timing)),
    ("clients", |how| job(how, path::clients)),
    ("ring", |how| job(how, path::ring)),
    ("latency", |how| job(how, load::latency)),
    ("scale", |how| job(how, load::scale)),
    ("recovery", |how| job(how, load::recovery)),
    ("recovery-neighbours", |how| job(how, load::recovery_neighbours)),
    ("attacked-p99", |how| job(how, attacked::p99)),
    ("attacked-longest", |how| job(how, attacked::longest)),
    ("validate", |how| job(how, validate::validate)),
    ("validate-static", |how| job(how, validate::without_running)),
    ("validate-vs-load", |how| job(how, validate::vs_load)),
    ("command", |how| job(how, command::command)),
];

/// Returns the measurement that a claim names, ready to run.
///
/// # Errors
/// If there is no measurement of that name, or its parameters are not those that it takes.
pub fn prepare(how: &How) -> Result<Job> {
    let found = MEASUREMENTS.iter().find(|(name, _)| *name == how.measure);
    let (_, prepare) = found.ok_or_else(|| anyhow!("there is no measurement {}", how.measure))?;
    prepare(how)
}

fn job<P: DeserializeOwned + 'static>(how: &How, run: fn(P) -> Result<Estimate>) -> Result<Job> {
    let parameters: P = how.parameters.clone().try_into()?;
    Ok(Box::new(move || run(parameters)))
}

/// Returns the median, with its interval, of a value that is measured in some rounds.
fn rounds(rounds: usize, measure: impl FnMut(usize) -> Result<f64>) -> Result<Estimate> {
    let values = (0..rounds).map(measure).collect::<Result<Vec<_>>>()?;
    median_interval(&values).context("no rounds")
}

/// Returns the median of `ours ÷ theirs` over some rounds, in which either comes first in turn.
fn ratio(
    rounds: usize,
    mut ours: impl FnMut() -> Result<f64>,
    mut theirs: impl FnMut() -> Result<f64>,
) -> Result<Estimate> {
    self::rounds(rounds, |round| {
        if round % 2 == 0 {
            let ours = ours()?;
            Ok(ours / theirs()?)
        } else {
            let theirs = theirs()?;
            Ok(ours()? / theirs)
        }
    })
}

fn cores() -> Result<usize> {
    Ok(std::thread::available_parallelism()?.get())
}
