//! Comparison with an earlier report of the same guests.

use super::code::Code;
use super::finding::{Finding, Guest, Status};
use super::measure::Measure;
use crate::metrics::format::percent;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;

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
        let mut guests = BTreeMap::new();
        for guest in report.guests {
            let checks = guest.stages.into_iter().flat_map(|stage| stage.checks);
            let metrics = checks.filter_map(|check| check.metric);
            let values = metrics.map(|metric| (metric.measure, metric.value));
            if guests.insert(guest.name.clone(), values.collect()).is_some() {
                return Err(format!(
                    "it has two guests called {:?}: validate them by paths that differ",
                    guest.name
                ));
            }
        }
        Ok(Self(guests))
    }

    /// Returns the names of its guests that these are to be compared with: those of the same name, or
    /// else the only one whose file has the same name, in whatever folder.
    ///
    /// # Errors
    /// If there is none for any of them.
    pub fn of<'a>(&'a self, names: &[&'a str]) -> Result<Vec<Option<&'a str>>, String> {
        let find = |name: &&'a str| {
            if self.0.contains_key(*name) {
                return Some(*name);
            }
            let file = Path::new(name).file_name();
            let mut same = self.0.keys().filter(|other| Path::new(other).file_name() == file);
            same.next().map(String::as_str).filter(|_| same.next().is_none())
        };
        let known: Vec<_> = names.iter().map(find).collect();
        if !names.is_empty() && known.iter().all(Option::is_none) {
            let has: Vec<_> = self.0.keys().map(String::as_str).collect();
            return Err(format!(
                "it has none of these guests, {}, by name: it has {}",
                names.join(", "),
                has.join(", ")
            ));
        }
        Ok(known)
    }

    /// Adds the value of the baseline's guest of this name to each metric, and a finding where a
    /// value that is the same in every run has grown. Times are shown side by side only: their
    /// budgets judge them.
    pub fn compare(&self, name: &str, guest: &mut Guest, growth: Option<f64>) {
        let Some(earlier) = self.0.get(name) else {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn of(names: &[&str]) -> Result<Baseline, String> {
        let guests: Vec<_> =
            names.iter().map(|name| serde_json::json!({"name": name, "stages": []})).collect();
        let report = serde_json::json!({"schema": crate::validate::SCHEMA, "guests": guests});
        Baseline::parse(&report.to_string())
    }

    #[test]
    fn a_guest_is_compared_with_its_namesake_wherever_that_lay() {
        let baseline = of(&["main/agent.wasm", "echo", "a/x.wasm", "b/x.wasm"]).unwrap();
        let found = baseline.of(&["./agent.wasm", "echo", "new", "c/x.wasm"]).unwrap();
        assert_eq!(found, [Some("main/agent.wasm"), Some("echo"), None, None]);
        let error = baseline.of(&["other.wasm"]).unwrap_err();
        assert!(error.contains("other.wasm") && error.contains("echo"), "{error}");
        assert!(of(&["echo", "echo"]).unwrap_err().contains("two guests"));
    }
}
