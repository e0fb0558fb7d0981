//! Comparison with an earlier report of the same guests.

use super::code::Code;
use super::finding::{Finding, Guest, Status};
use super::measure::Measure;
use crate::metrics::format::percent;
use serde::Deserialize;
use std::collections::BTreeMap;

/// The values of an earlier report, by the guest's name and measure.
#[derive(Debug, Default)]
pub struct Baseline(BTreeMap<String, BTreeMap<Measure, u64>>);

#[derive(Deserialize)]
struct Report {
    schema: String,
    guests: Vec<Earlier>,
}

#[derive(Deserialize)]
struct Earlier {
    name: String,
    stages: Vec<EarlierStage>,
}

#[derive(Deserialize)]
struct EarlierStage {
    #[serde(default)]
    checks: Vec<EarlierCheck>,
}

#[derive(Deserialize)]
struct EarlierCheck {
    metric: Option<EarlierMetric>,
}

#[derive(Deserialize)]
struct EarlierMetric {
    measure: Measure,
    value: u64,
}

impl Baseline {
    /// Reads a report in JSON.
    ///
    /// # Errors
    /// If the text is not a report of this version.
    pub fn parse(json: &str) -> Result<Self, String> {
        let report: Report = serde_json::from_str(json).map_err(|error| error.to_string())?;
        if report.schema != super::SCHEMA {
            let (found, known) = (report.schema, super::SCHEMA);
            return Err(format!("its schema is {found:?}, not {known:?}"));
        }
        let guests = report.guests.into_iter().map(|guest| {
            let checks = guest.stages.into_iter().flat_map(|stage| stage.checks);
            let metrics = checks.filter_map(|check| check.metric);
            let values = metrics.map(|metric| (metric.measure, metric.value));
            (guest.name, values.collect())
        });
        Ok(Self(guests.collect()))
    }

    /// Adds the earlier value to each metric, and a finding where a value that is the same in
    /// every run has grown. Times are shown side by side only: their budgets judge them.
    pub fn compare(&self, guest: &mut Guest, growth: Option<f64>) {
        let Some(earlier) = self.0.get(&guest.name) else {
            return;
        };
        for stage in &mut guest.stages {
            for check in &mut stage.checks {
                let Some(metric) = &mut check.metric else {
                    continue;
                };
                let Some(previous) = earlier.get(&metric.measure).copied() else {
                    continue;
                };
                metric.previous = Some(previous);
                if metric.measure.is_timed() || metric.value <= previous {
                    continue;
                }
                let finding = grew(metric.measure, metric.value, previous, growth);
                check.push(finding);
                stage.status = stage.status.max(check.status);
            }
        }
        let worst = guest.stages.iter().map(|stage| stage.status);
        let worst = worst.filter(|status| *status != Status::Skipped).max();
        guest.status = worst.unwrap_or(guest.status).max(guest.status);
    }
}

fn grew(measure: Measure, value: u64, previous: u64, growth: Option<f64>) -> Finding {
    let share = (value - previous) as f64 / previous.max(1) as f64;
    let code = match growth {
        Some(most) if share > most => Code::GrewTooMuch,
        _ => Code::Grew,
    };
    let remedy = "See what was added, or renew the baseline";
    let found =
        format!("{}, {} more ({} exactly)", measure.show(value), percent(share), value - previous);
    Finding::new(code, measure.name(), remedy)
        .wanted(format!("{} as before", measure.show(previous)))
        .found(found)
}
