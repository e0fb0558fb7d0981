//! The policy of a gate: a TOML file whose values replace those of `default.toml`.

use crate::{Error, Result};
use glob::Pattern;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use std::path::Path;

const DEFAULT: &str = include_str!("default.toml");

/// The changes that `sandlab gate` allows; a value that is left out is as in the standard policy.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Policy {
    /// The effect of an inconclusive metric whose rules do not set it.
    inconclusive: Option<Inconclusive>,
    /// The probability of one false finding among all timed metrics, before it is confirmed: from
    /// 0.000001 to 0.2.
    alpha: Option<f64>,
    /// Rules for metrics, each a table `[[metric]]`. Of several that fit, the last one that sets a
    /// value counts.
    #[serde(default, rename = "metric")]
    rules: Vec<PolicyRule>,
}

/// A rule for some metrics.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct PolicyRule {
    /// Patterns of their names: `time/*`.
    #[serde(deserialize_with = "patterns")]
    #[schemars(with = "Vec<String>")]
    names: Vec<Pattern>,
    /// The change that is allowed, a share of the old value.
    #[serde(default, deserialize_with = "share")]
    #[schemars(with = "Option<Written>")]
    threshold: Option<f64>,
    /// Whether a worse metric fails the gate; `false` only reports it.
    gates: Option<bool>,
    /// The effect of an inconclusive metric.
    inconclusive: Option<Inconclusive>,
}

/// The effect of an inconclusive metric on the gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Inconclusive {
    /// The gate holds, and the metric is not mentioned.
    Pass,
    /// The gate holds, and the metric is reported.
    Warn,
    /// The gate fails.
    Fail,
}

/// The rule that one metric is judged by.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Rule {
    /// The relative change that is allowed, a share of the old value.
    pub threshold: f64,
    /// Whether a worse metric fails the gate; `false` only reports it.
    pub gates: bool,
    /// The effect if the metric is inconclusive.
    pub inconclusive: Inconclusive,
}

impl Policy {
    /// The one that holds where no other is given.
    pub fn standard() -> Self {
        toml::from_str(DEFAULT).unwrap_or(Self {
            inconclusive: None,
            alpha: None,
            rules: Vec::new(),
        })
    }

    /// Returns the standard policy with the changes of a file.
    ///
    /// # Errors
    /// If the file cannot be read, or has an invalid value.
    pub fn read(file: &Path) -> Result<Self> {
        let wrong =
            |reason: String| Error::Usage(format!("the policy {}: {reason}", file.display()));
        let text =
            sandlab_runtime::text_file::read(file).map_err(|error| wrong(error.to_string()))?;
        Self::standard().changed(&text).map_err(wrong)
    }

    fn changed(mut self, text: &str) -> Result<Self, String> {
        let changes: Self = sandlab_runtime::toml_text::read(text)?;
        if changes.alpha.is_some_and(|alpha| !(1e-6..=0.2).contains(&alpha)) {
            return Err("`alpha` is between 0.000001 and 0.2".to_owned());
        }
        self.inconclusive = changes.inconclusive.or(self.inconclusive);
        self.alpha = changes.alpha.or(self.alpha);
        self.rules.extend(changes.rules);
        Ok(self)
    }

    /// With another threshold, where no file names the metric.
    #[must_use]
    pub fn with_default_threshold(mut self, threshold: f64) -> Self {
        if let Some(first) = self.rules.first_mut() {
            first.threshold = Some(threshold);
        }
        self
    }

    /// The probability of a false finding among all timed metrics, before it is confirmed.
    pub fn alpha(&self) -> f64 {
        self.alpha.unwrap_or(0.01)
    }

    /// Returns the rule of a metric.
    pub fn rule(&self, metric: &str) -> Rule {
        let fits = |rule: &&PolicyRule| rule.names.iter().any(|name| means(name, metric));
        let rules = || self.rules.iter().rev().filter(fits);
        let inconclusive = rules().find_map(|rule| rule.inconclusive);
        Rule {
            threshold: rules().find_map(|rule| rule.threshold).unwrap_or(0.03),
            gates: rules().find_map(|rule| rule.gates).unwrap_or(true),
            inconclusive: inconclusive.or(self.inconclusive).unwrap_or(Inconclusive::Warn),
        }
    }

    /// Returns a note for each name that matches none of these metrics, probably misspelt.
    pub fn unused(&self, metrics: &[&str]) -> Vec<String> {
        let standard = Self::standard().rules.len();
        let names = self.rules.iter().skip(standard).flat_map(|rule| &rule.names);
        let unused = names.filter(|name| !metrics.iter().any(|metric| means(name, metric)));
        let note = |name: &Pattern| {
            format!("the policy's {:?} is the name of no metric here", name.as_str())
        };
        unused.map(note).collect()
    }
}

/// Returns true if a name of a policy matches a metric: by its whole name, or, for a metric with
/// labels, by the part before them.
fn means(name: &Pattern, metric: &str) -> bool {
    let quantity = metric.split_once('{').map_or(metric, |(quantity, _)| quantity);
    name.matches(metric) || name.matches(quantity)
}

fn patterns<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Pattern>, D::Error> {
    let names: Vec<String> = Vec::deserialize(from)?;
    if names.is_empty() {
        return Err(serde::de::Error::custom(
            "`names` is empty, so that the rule is for no metric",
        ));
    }
    let pattern = |name: &String| {
        Pattern::new(name).map_err(|error| {
            serde::de::Error::custom(format!("the name {name:?} is no pattern: {error}"))
        })
    };
    names.iter().map(pattern).collect()
}

/// A share, as `"3 %"` or as 0.03.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged, expecting = "a share like \"3 %\" or 0.03")]
#[schemars(rename = "Share")]
enum Written {
    Number(f64),
    Text(String),
}

fn share<'de, D: Deserializer<'de>>(from: D) -> Result<Option<f64>, D::Error> {
    let share = match Written::deserialize(from)? {
        Written::Number(number) if (1.0..=1_000.0).contains(&number) => {
            return Err(serde::de::Error::custom(format!(
                "`threshold = {number}` would allow {} %: write \"{number} %\" or {}",
                number * 100.0,
                number / 100.0
            )));
        }
        Written::Number(number) => Some(number),
        Written::Text(text) => percent(&text),
    };
    match share.filter(|share| (0.0..=10.0).contains(share)) {
        Some(share) => Ok(Some(share)),
        None => Err(serde::de::Error::custom(
            "`threshold` is a share like \"3 %\" or 0.03, from 0 to 1000 %",
        )),
    }
}

fn percent(text: &str) -> Option<f64> {
    let number: f64 = text.strip_suffix('%')?.trim().parse().ok()?;
    Some(number / 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(text: &str) -> Result<Policy, String> {
        Policy::standard().changed(text)
    }

    #[test]
    fn the_last_rule_that_says_something_counts() {
        let standard = Policy::standard();
        assert_eq!(standard.rule("time/16").threshold, 0.03);
        assert_eq!(standard.rule("fuel/16").threshold, 0.01);
        assert_eq!(standard.rule("memory-pages").threshold, 0.0);
        // Of a stored run, and of a program that calls something the same.
        assert_eq!(standard.rule("latency-p50{agent=echo}").threshold, 0.3);
        assert_eq!(standard.rule("latency-p50").threshold, 0.03);
        let policy = changed(
            r#"
            inconclusive = "fail"
            [[metric]]
            names = ["time/*"]
            threshold = 0.05
            [[metric]]
            names = ["time/16", "nothing"]
            gates = false
            inconclusive = "pass"
            "#,
        )
        .unwrap();
        let rule = policy.rule("time/16");
        assert_eq!((rule.threshold, rule.gates), (0.05, false));
        assert_eq!(rule.inconclusive, Inconclusive::Pass);
        assert_eq!(policy.rule("spawn").inconclusive, Inconclusive::Fail);
        let unused = policy.unused(&["time/16"]);
        assert_eq!(unused, ["the policy's \"nothing\" is the name of no metric here"]);
    }

    #[test]
    fn a_metric_with_labels_is_meant_by_its_quantity_and_by_its_whole_key() {
        let echo = "latency-p99{agent=echo,backend=wasm}";
        for name in ["latency-p99", "latency-*", "*agent=echo*", echo] {
            let text = format!("[[metric]]\nnames = [{name:?}]\nthreshold = 0.2");
            let policy = changed(&text).unwrap();
            assert_eq!(policy.rule(echo).threshold, 0.2, "{name}");
            assert!(policy.unused(&[echo]).is_empty(), "{name}");
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, part) in [
            ("inconclusiv = \"warn\"", "inconclusiv"),
            ("inconclusive = \"ignore\"", "`pass`, `warn`, `fail`"),
            ("alpha = 0.9", "between"),
            ("[[metric]]\nthreshold = 0.1", "names"),
            ("[[metric]]\nnames = [\"a\"]\nthreshhold = 0.1", "threshhold"),
            ("[[metric]]\nnames = [\"a\"]\nthreshold = \"much\"", "3 %"),
            ("[[metric]]\nnames = [\"a\"]\nthreshold = -0.1", "3 %"),
            ("[[metric]]\nnames = [\"[\"]", "pattern"),
            ("[[metric]]\nnames = [\"a\"]\nthreshold = 5", "write \"5 %\" or 0.05"),
        ] {
            let error = changed(text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
