//! Claims as claims.toml has them.

use anyhow::{Context, Result, ensure};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::Offset;
use sandlab::metrics::Direction;
use sandlab::record::Environment;
use sandlab::stats::Estimate;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::Path;

/// Something measured, and the bound that it is held to.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// In kebab case.
    pub key: String,
    /// The measurement, in words.
    pub text: String,
    /// The unit of the bound and of the figure.
    pub unit: Unit,
    /// The side of the bound that holds: below or above it.
    pub better: Direction,
    pub bound: f64,
    /// The key in the catalogue of metrics of what the claim is about.
    pub quantity: String,
    #[serde(skip_serializing)]
    pub how: How,
    /// The last figure; `None` for a claim that was never measured.
    pub measured: Option<Figure>,
}

/// The measurement of a claim, and its parameters.
#[derive(Debug, Clone, Deserialize)]
pub struct How {
    /// A name in [`MEASUREMENTS`](crate::measure::MEASUREMENTS).
    pub measure: String,
    #[serde(flatten)]
    pub parameters: toml::Table,
}

/// The unit of a claim's bound and figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    Ratio,
    Milliseconds,
    Seconds,
    Percent,
}

/// A measured value, in the claim's unit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Figure {
    pub value: f64,
    /// Lower end of the 95 % interval; `None` if there were too few rounds for one.
    pub low: Option<f64>,
    /// Upper end.
    pub high: Option<f64>,
    /// In UTC.
    pub date: Date,
    /// Processor, cores and kernel.
    pub machine: String,
    /// The commit that was measured; `None` if it is not known.
    pub commit: Option<String>,
}

/// Reads claims.toml.
///
/// # Errors
/// If it cannot be read, or says something else than claims.
pub fn read(path: &Path) -> Result<Vec<Claim>> {
    let text = std::fs::read_to_string(path);
    let text = text.with_context(|| format!("{} cannot be read", path.display()))?;
    parse(&text).with_context(|| format!("{} is not a list of claims", path.display()))
}

/// Reads the text of claims.toml.
///
/// # Errors
/// As [`read`].
pub fn parse(text: &str) -> Result<Vec<Claim>> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct File {
        claim: Vec<Claim>,
    }
    let File { claim: claims } = toml::from_str(text)?;
    for (n, claim) in claims.iter().enumerate() {
        let is_new = claims[..n].iter().all(|other| other.key != claim.key);
        ensure!(is_new, "the key {} is there twice", claim.key);
    }
    Ok(claims)
}

impl Claim {
    /// Returns whether the figure keeps to the bound; `None` for a claim that was never measured.
    pub fn holds(&self) -> Option<bool> {
        let figure = self.measured.as_ref()?;
        Some(self.better.reaches(figure.value, self.bound))
    }

    /// Returns what holds: `at most 1.1 ×`.
    pub fn condition(&self) -> String {
        match self.better {
            Direction::Lower => format!("at most {}", self.bound()),
            Direction::Higher => format!("at least {}", self.bound()),
        }
    }

    /// Returns the bound with its unit: `1.1 ×`.
    pub fn bound(&self) -> String {
        format!("{} {}", self.bound, self.unit)
    }

    /// Returns the figure with its unit: `1.02 ×`; `None` for a claim that was never measured.
    pub fn value(&self) -> Option<String> {
        let figure = self.measured.as_ref()?;
        Some(format!("{} {}", rounded(figure.value, figure.value), self.unit))
    }

    /// Returns the figure with unit and interval: `1.02 × (1.01 – 1.03)`.
    pub fn interval(&self) -> Option<String> {
        let figure = self.measured.as_ref()?;
        let interval = match (figure.low, figure.high) {
            (Some(low), Some(high)) => {
                let [low, high] = [low, high].map(|end| rounded(end, figure.value));
                format!("({low} – {high})")
            }
            _ => "(no interval)".to_owned(),
        };
        Some(format!("{} {interval}", self.value()?))
    }
}

/// Writes a number with three digits of its figure; of figures below 1, with three decimals.
fn rounded(number: f64, figure: f64) -> String {
    let decimals = match figure.abs() {
        100.0.. => 0,
        10.0.. => 1,
        1.0.. => 2,
        _ => 3,
    };
    format!("{number:.decimals$}")
}

impl Unit {
    /// Returns how many of the unit a second, a ratio of 1 or a share of 1 is.
    fn per_base(self) -> f64 {
        match self {
            Self::Ratio | Self::Seconds => 1.0,
            Self::Milliseconds => 1e3,
            Self::Percent => 1e2,
        }
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ratio => "×",
            Self::Milliseconds => "ms",
            Self::Seconds => "s",
            Self::Percent => "%",
        })
    }
}

impl Figure {
    /// Returns what was measured just now, from seconds, a ratio or a share.
    pub fn now(estimate: Estimate, unit: Unit, environment: &Environment) -> Self {
        let scaled = |number: f64| four_digits(number * unit.per_base());
        let cpu = environment.cpu.as_deref().unwrap_or("unknown processor");
        let cores = environment.cores.unwrap_or_default();
        Self {
            value: scaled(estimate.value),
            low: estimate.low.map(scaled),
            high: estimate.high.map(scaled),
            date: Offset::UTC.to_datetime(Timestamp::now()).date(),
            machine: format!("{cpu}, {cores} cores, Linux {}", environment.kernel),
            commit: environment.commit.clone(),
        }
    }
}

/// Rounds to four digits: the rest is noise, which would make every new figure a long one.
fn four_digits(number: f64) -> f64 {
    let text = format!("{number:.3e}");
    text.parse().unwrap_or(number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{claims_file, measure};
    use sandlab::experiments::catalogue;
    use sandlab::metrics::Unit as QuantityUnit;
    use std::collections::BTreeSet;

    /// Metrics that claims are about and no experiment defines.
    const NOT_IN_THE_CATALOGUE: [&str; 3] = ["command-time", "latency-max", "validation-time"];

    #[test]
    fn every_claim_can_be_measured_and_every_measurement_is_claimed() {
        let claims = read(&claims_file()).unwrap();
        for claim in &claims {
            if let Err(error) = measure::prepare(&claim.how) {
                panic!("{}: {error:#}", claim.key);
            }
        }
        let claimed: BTreeSet<&str> = claims.iter().map(|c| c.how.measure.as_str()).collect();
        let measured: BTreeSet<&str> =
            measure::MEASUREMENTS.iter().map(|(name, _)| *name).collect();
        assert_eq!(claimed, measured);
    }

    #[test]
    fn every_claim_is_about_a_quantity_of_the_catalogue() {
        for claim in read(&claims_file()).unwrap() {
            let found = catalogue().into_iter().find(|quantity| quantity.key == claim.quantity);
            let Some(quantity) = found else {
                let key = claim.quantity.as_str();
                assert!(NOT_IN_THE_CATALOGUE.contains(&key), "{}: {key}", claim.key);
                continue;
            };
            if matches!(claim.unit, Unit::Milliseconds | Unit::Seconds) {
                assert_eq!(quantity.unit, QuantityUnit::Nanoseconds, "{}", claim.key);
                assert_eq!(quantity.better, claim.better, "{}", claim.key);
            }
        }
    }

    #[test]
    fn a_quantity_is_listed_as_missing_only_while_it_is() {
        for quantity in catalogue() {
            assert!(!NOT_IN_THE_CATALOGUE.contains(&quantity.key), "{}", quantity.key);
        }
    }

    fn claim(text: &str) -> Claim {
        let head = "[[claim]]\nkey = 'k'\ntext = 't'\nbetter = 'lower'\nquantity = 'q'\n";
        parse(&format!("{head}{text}")).unwrap().remove(0)
    }

    #[test]
    fn a_claim_is_told_with_three_digits_and_its_unit() {
        let how = "how = { measure = 'call', size = '1 KiB' }\n";
        let measured = "date = '2026-01-01'\nmachine = 'm'\n";
        let claim = claim(&format!(
            "unit = 'milliseconds'\nbound = 20\n{how}[claim.measured]\nvalue = 12.345\n\
             low = 9.9\nhigh = 100.04\n{measured}"
        ));
        assert_eq!(claim.bound(), "20 ms");
        assert_eq!(claim.value().unwrap(), "12.3 ms");
        assert_eq!(claim.interval().unwrap(), "12.3 ms (9.9 – 100.0)");
        assert_eq!(claim.holds(), Some(true));
    }

    #[test]
    fn a_claim_that_was_never_measured_neither_holds_nor_fails() {
        let claim = claim("unit = 'ratio'\nbound = 1.1\nhow = { measure = 'call' }\n");
        assert_eq!((claim.holds(), claim.value()), (None, None));
        // Nor can it be measured: a parameter is missing.
        assert!(measure::prepare(&claim.how).is_err());
    }

    #[test]
    fn a_figure_is_in_the_unit_of_its_claim() {
        let estimate = Estimate { value: 0.001_234_56, low: Some(0.001), high: None };
        let here = Environment::now();
        let figure = Figure::now(estimate, Unit::Milliseconds, &here);
        assert_eq!((figure.value, figure.low, figure.high), (1.235, Some(1.0), None));
        assert_eq!(Figure::now(estimate, Unit::Percent, &here).value, 0.1235);
        assert_eq!(Figure::now(estimate, Unit::Seconds, &here).value, 0.001_235);
    }
}
