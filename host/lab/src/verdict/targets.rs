//! Metrics, graded by targets that a user can replace.

use crate::metrics::{Labels, Metric, Quantity, Unit};
use crate::view::{Form, Note};
use crate::{Error, Result};
use bytesize::ByteSize;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::Path;

/// The targets of quantities that several experiments measure, TOML.
pub const TARGETS: &str = include_str!("targets.toml");

/// The targets that grade metrics; a metric without a target is not graded.
#[derive(Debug, Clone, PartialEq)]
pub struct Targets {
    all: Vec<Target>,
    /// Whether they are of a file that the user gave, so that one that holds for nothing is a
    /// mistake: the standard ones are for every experiment.
    are_given: bool,
}

/// The names that targets can have.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// The quantities, by whose keys metrics are named.
    pub quantities: &'a [&'static Quantity],
    /// The backends, and what else a metric's backend can be.
    pub backends: &'a [&'static str],
    /// The kinds of experiments.
    pub experiments: &'a [&'static str],
}

/// The bounds of a quantity, and the metrics that they hold for.
#[derive(Debug, Clone, PartialEq)]
struct Target {
    quantity: &'static Quantity,
    bounds: Bounds,
    scope: Scope,
}

/// From good to bad, in the quantity's unit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Bounds {
    /// Up to here all is well.
    pub target: f64,
    /// Up to here it can stay.
    pub acceptable: f64,
    /// Up to here it has to be looked into.
    pub critical: f64,
}

/// The labels that a metric must have.
#[derive(Debug, Clone, PartialEq)]
struct Scope {
    names: Vec<(&'static str, Names)>,
    at_most: Vec<(&'static str, f64)>,
}

/// The grade of a metric; a later grade is worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Grade {
    /// All is well.
    Target,
    /// It can stay.
    Acceptable,
    /// It has to be looked into.
    Critical,
    /// It is worse than critical.
    Missed,
}

/// A metric with its grade.
#[derive(Debug, Clone, Serialize)]
pub struct Graded {
    /// The metric.
    pub metric: Metric,
    /// The bounds that it was graded by.
    pub bounds: Bounds,
    /// The best grade that the value reaches.
    pub grade: Grade,
}

/// A metric that would have a grade or a verdict, and has none.
#[derive(Debug, Clone, Serialize)]
pub struct NotJudged {
    /// The metric.
    pub metric: Metric,
    /// The reason why it is not judged.
    pub because: String,
}

impl Targets {
    /// Reads the targets of a file.
    ///
    /// # Errors
    /// If it cannot be read, or has an invalid target.
    pub fn read(path: &Path, known: Known) -> Result<Self> {
        let text = sandlab_runtime::text_file::read(path).map_err(Error::file("read", path))?;
        let targets = Self::parse(&text, known)
            .map_err(|reason| Error::Usage(format!("the targets {}: {reason}", path.display())))?;
        Ok(Self { are_given: true, ..targets })
    }

    /// Reads targets.
    ///
    /// # Errors
    /// If the text is not TOML, or names a quantity, label, level, backend or experiment that does
    /// not exist.
    pub fn parse(text: &str, known: Known) -> Result<Self, String> {
        let file: TargetsFile = sandlab_runtime::toml_text::read(text)?;
        let targets = file.target.into_iter().map(|written| written.read(known));
        Ok(Self { all: targets.collect::<Result<_, _>>()?, are_given: false })
    }

    fn bounds(&self, metric: &Metric) -> Option<Bounds> {
        self.all.iter().find(|target| target.holds(metric)).map(|target| target.bounds)
    }

    /// Returns a note on the targets that hold for none of these metrics, probably misspelt; `None`
    /// for standard targets, and where nothing was measured.
    pub fn unused(&self, metrics: &[Metric]) -> Option<Note> {
        let unused = self.all.iter().filter(|target| !metrics.iter().any(|it| target.holds(it)));
        let unused: Vec<String> = unused.map(ToString::to_string).collect();
        if !self.are_given || metrics.is_empty() {
            return None;
        }
        match unused.as_slice() {
            [] => None,
            [one] => Some(Note::new(format!("the target of {one} holds for no result here"))),
            [first, others @ ..] => Some(Note {
                text: format!(
                    "{} of {} targets hold for no result here: that of {first}, and {} more",
                    unused.len(),
                    self.all.len(),
                    others.len()
                ),
                details: unused,
            }),
        }
    }

    /// Returns the critical bound of a quantity, the largest of all its targets; `None` without a
    /// target.
    pub fn critical(&self, quantity: &Quantity) -> Option<f64> {
        let targets = self.all.iter().filter(|target| target.quantity.key == quantity.key);
        targets.map(|target| target.bounds.critical).max_by(f64::total_cmp)
    }

    /// Grades the metrics that a target holds for, but those that are not judged.
    pub fn grade(&self, metrics: &[Metric]) -> Vec<Graded> {
        let judged = metrics.iter().filter(|metric| metric.withheld.is_none());
        let graded = judged.filter_map(|metric| {
            let bounds = self.bounds(metric)?;
            Some(Graded {
                metric: metric.clone(),
                bounds,
                grade: bounds.grade(metric.quantity, metric.value.value),
            })
        });
        graded.collect()
    }

    /// Returns the metrics that a target holds for, and that are not judged.
    pub fn not_judged(&self, metrics: &[Metric]) -> Vec<NotJudged> {
        let targeted = metrics.iter().filter(|metric| self.bounds(metric).is_some());
        targeted.filter_map(NotJudged::of).collect()
    }
}

impl Target {
    fn holds(&self, metric: &Metric) -> bool {
        self.quantity.key == metric.quantity.key && self.scope.holds(&metric.labels)
    }
}

/// `latency-p99 (backend wasm, agent echo)`
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.scope.names.iter().map(|(label, names)| format!("{label} {names}"));
        let bounds = self.scope.at_most.iter().map(|(label, most)| format!("{label} ≤ {most}"));
        let scope: Vec<_> = names.chain(bounds).collect();
        write!(f, "{} ({})", self.quantity.key, scope.join(", "))
    }
}

impl NotJudged {
    /// Returns why a metric is not judged; `None` if it is.
    pub fn of(metric: &Metric) -> Option<Self> {
        Some(Self { because: metric.withheld.clone()?, metric: metric.clone() })
    }
}

/// `latency p99, echo, wasm: not judged, because 7 of 10 windows did not count: steal 12 %`
impl fmt::Display for NotJudged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: not judged, because {}", self.metric.name(), self.because)
    }
}

impl Bounds {
    fn grade(&self, quantity: &Quantity, value: f64) -> Grade {
        let reaches = |bound| quantity.better.reaches(value, bound);
        match () {
            () if reaches(self.target) => Grade::Target,
            () if reaches(self.acceptable) => Grade::Acceptable,
            () if reaches(self.critical) => Grade::Critical,
            () => Grade::Missed,
        }
    }
}

impl Grade {
    /// Returns the name for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Target => "target",
            Self::Acceptable => "acceptable",
            Self::Critical => "critical",
            Self::Missed => "MISSED",
        }
    }
}

impl Graded {
    /// Returns a sentence on a metric that is worse than critical; `None` if it is not.
    pub fn objection(&self) -> Option<String> {
        let form = Form::from(self.metric.quantity.unit);
        (self.grade == Grade::Missed).then(|| {
            format!(
                "{} is {}; critical is {}",
                self.metric.name(),
                form.show(self.metric.value.value),
                form.show(self.bounds.critical)
            )
        })
    }
}

impl Scope {
    fn holds(&self, labels: &Labels) -> bool {
        let mut names = self.names.iter();
        let mut bounds = self.at_most.iter();
        // A metric that does not say on which backend it was measured is of all of them.
        let has_name = names.all(|(name, wanted)| match labels.get(name) {
            Some(value) => wanted.contains(value),
            None => *name == "backend",
        });
        let is_within = bounds.all(|(name, bound)| {
            let value = labels.get(name).and_then(|value| value.parse::<f64>().ok());
            value.is_none_or(|value| value <= *bound)
        });
        has_name && is_within
    }
}

/// Targets that grade results; a metric without a target is not graded.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TargetsFile {
    /// The targets, each a table `[[target]]`; of several that hold for a metric, the first counts.
    #[serde(default)]
    target: Vec<Written>,
}

/// The bounds of a metric, from good to bad, and the results that they hold for.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(rename = "Target")]
struct Written {
    /// The metric, by the name that `sandlab metrics` lists.
    metric: String,
    /// Up to here all is well.
    target: Amount,
    /// Up to here it can stay.
    acceptable: Amount,
    /// Up to here it has to be looked into; beyond it the command fails.
    critical: Amount,
    /// The backends. Default wasm.
    #[serde(default = "Names::wasm")]
    backend: Names,
    /// The experiments. Default all.
    experiment: Option<Names>,
    /// The agents. Default all.
    agent: Option<Names>,
    /// The methods of a start. Default all.
    method: Option<Names>,
    /// The largest size of the messages, such as "4 KiB".
    size_at_most: Option<Amount>,
    /// The most agents at once.
    agents_at_most: Option<f64>,
    /// The highest rate, messages per second.
    rate_at_most: Option<f64>,
}

/// One name, or several.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
enum Names {
    One(String),
    Several(Vec<String>),
}

impl Names {
    fn wasm() -> Self {
        Self::One("wasm".to_owned())
    }

    fn all(&self) -> &[String] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Several(several) => several,
        }
    }

    fn contains(&self, name: &str) -> bool {
        self.all().iter().any(|one| one == name)
    }

    /// Refuses names that are none of these.
    fn require(&self, field: &str, known: &[&str]) -> Result<(), String> {
        match self.all().iter().find(|name| !known.contains(&name.as_str())) {
            None => Ok(()),
            Some(name) => {
                let known = known.join(", ");
                Err(format!("`{field} = {name:?}`: there is none of this name; there are {known}"))
            }
        }
    }
}

impl fmt::Display for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.all().join(" or "))
    }
}

/// A number in the quantity's unit, or a text with its unit.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
enum Amount {
    Number(f64),
    Text(String),
}

impl Written {
    fn read(self, known: Known) -> Result<Target, String> {
        let mut quantities = known.quantities.iter();
        let quantity =
            *quantities.find(|quantity| quantity.key == self.metric).ok_or_else(|| {
                format!("{:?} is no metric; docs/metrics.md lists them all", self.metric)
            })?;
        self.backend.require("backend", known.backends)?;
        if let Some(experiment) = &self.experiment {
            experiment.require("experiment", known.experiments)?;
        }
        let amount = |amount: &Amount| {
            amount.read(quantity.unit).map_err(|reason| format!("{}: {reason}", quantity.key))
        };
        let bounds = Bounds {
            target: amount(&self.target)?,
            acceptable: amount(&self.acceptable)?,
            critical: amount(&self.critical)?,
        };
        let steps = [bounds.target, bounds.acceptable, bounds.critical];
        if !steps.is_sorted_by(|better, worse| quantity.better.reaches(*better, *worse)) {
            return Err(format!(
                "{}: `target`, `acceptable` and `critical` must go from good to bad",
                quantity.key
            ));
        }
        let names = [
            ("backend", Some(self.backend)),
            ("experiment", self.experiment),
            ("agent", self.agent),
            ("method", self.method),
        ];
        let size = self.size_at_most.map(|size| size.read(Unit::Bytes));
        let at_most = [
            ("size", size.transpose()?),
            ("agents", self.agents_at_most),
            ("rate", self.rate_at_most),
        ];
        Ok(Target {
            quantity,
            bounds,
            scope: Scope {
                names: names.into_iter().filter_map(|(name, value)| Some((name, value?))).collect(),
                at_most: at_most.into_iter().filter_map(|(name, at)| Some((name, at?))).collect(),
            },
        })
    }
}

impl Amount {
    fn read(&self, unit: Unit) -> Result<f64, String> {
        let text = match self {
            Self::Number(number) => match unit {
                Unit::Nanoseconds | Unit::Bytes | Unit::Share => {
                    return Err(format!("{number} has no unit: write {}", example(unit)));
                }
                Unit::PerSecond | Unit::Ratio | Unit::Count => return Ok(*number),
            },
            Self::Text(text) => text,
        };
        let read = match unit {
            Unit::Nanoseconds => {
                humantime::parse_duration(text).ok().map(|time| time.as_nanos() as f64)
            }
            Unit::Bytes => text.parse::<ByteSize>().ok().map(|size| size.as_u64() as f64),
            Unit::Share => {
                let percent = text.strip_suffix('%').map(str::trim);
                percent.and_then(|percent| percent.parse::<f64>().ok()).map(|n| n / 100.0)
            }
            Unit::PerSecond | Unit::Ratio | Unit::Count => text.parse().ok(),
        };
        let read = read.filter(|amount| amount.is_finite() && *amount >= 0.0);
        read.ok_or_else(|| format!("{text:?} cannot be read: write {}", example(unit)))
    }
}

fn example(unit: Unit) -> &'static str {
    match unit {
        Unit::Nanoseconds => "a time like \"10 ms\"",
        Unit::Bytes => "a size like \"10 MB\"",
        Unit::Share => "a share like \"99 %\"",
        Unit::PerSecond | Unit::Ratio | Unit::Count => "a number like 1000",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::shared::{LATENCY_P99, QUANTITIES, SUCCESS};

    const KNOWN: Known = Known {
        quantities: QUANTITIES,
        backends: &["wasm", "native", "process"],
        experiments: &["latency", "peak"],
    };

    fn targets(text: &str) -> Result<Targets, String> {
        Targets::parse(text, KNOWN)
    }

    fn p99(ms: f64, backend: &str, size: u64) -> Metric {
        let labels = Labels::new().with("size", size).with("backend", backend);
        Metric::single(&LATENCY_P99, labels, ms * 1e6)
    }

    const P99: &str = "[[target]]\nmetric = \"latency-p99\"\ntarget = \"10 ms\"\n\
                       acceptable = \"50 ms\"\ncritical = \"100 ms\"\n";

    #[test]
    fn a_metric_is_graded_from_target_to_missed() {
        let targets = targets(P99).unwrap();
        let grade = |ms| targets.grade(&[p99(ms, "wasm", 16)])[0].grade;
        assert_eq!(grade(10.0), Grade::Target);
        assert_eq!(grade(50.0), Grade::Acceptable);
        assert_eq!(grade(100.0), Grade::Critical);
        assert_eq!(grade(100.1), Grade::Missed);
    }

    #[test]
    fn what_was_not_measured_undisturbed_has_no_grade_but_a_reason() {
        let targets = targets(P99).unwrap();
        let why = "7 of 10 windows did not count: steal 12 %".to_owned();
        let metrics = [p99(900.0, "wasm", 16).withheld(Some(why)), p99(1.0, "wasm", 32)];
        assert_eq!(targets.grade(&metrics).len(), 1);
        let not_judged = targets.not_judged(&metrics);
        assert_eq!(
            not_judged[0].to_string(),
            "latency p99, 16 B, wasm: not judged, because 7 of 10 windows did not count: steal 12 %"
        );
        assert_eq!(not_judged.len(), 1);
        let untargeted = p99(1.0, "process", 16).withheld(Some(String::new()));
        assert!(targets.not_judged(&[untargeted]).is_empty());
    }

    #[test]
    fn a_target_holds_for_its_backend_and_size_alone() {
        let graded = |text: &str, metric| targets(text).unwrap().grade(&[metric]).len();
        assert_eq!(graded(P99, p99(1.0, "process", 16)), 0);
        let all = P99.to_owned() + "backend = [\"wasm\", \"process\"]\nsize-at-most = \"4 KiB\"";
        assert_eq!(graded(&all, p99(1.0, "process", 4_096)), 1);
        assert_eq!(graded(&all, p99(1.0, "process", 4_097)), 0);
        let success = Metric::single(&SUCCESS, Labels::new(), 0.5);
        let text = P99.replace("latency-p99", "success").replace(" ms", " %");
        assert!(targets(&text).unwrap_err().contains("from good to bad"));
        let text = text.replace("100 %", "1 %").replace("50 %", "5 %");
        assert_eq!(graded(&text, success), 1);
    }

    #[test]
    fn a_given_target_that_holds_for_nothing_is_told() {
        let text = P99.to_owned() + "agent = \"nobody\"\nsize-at-most = \"4 KiB\"\n";
        let standard = targets(&text).unwrap();
        let given = Targets { are_given: true, ..standard.clone() };
        let metrics = [p99(1.0, "wasm", 16)];
        let note = given.unused(&metrics).unwrap().text;
        assert_eq!(
            note,
            "the target of latency-p99 (backend wasm, agent nobody, size ≤ 4096) holds for no \
             result here"
        );
        assert!(standard.unused(&metrics).is_none() && given.unused(&[]).is_none());
        let both = Targets { are_given: true, ..targets(&(text + P99)).unwrap() };
        assert!(both.unused(&metrics).unwrap().details.is_empty());
        let note = both.unused(&[p99(1.0, "native", 16)]).unwrap();
        assert!(note.text.starts_with("2 of 2 targets"), "{}", note.text);
        assert_eq!(note.details.len(), 2);
    }

    #[test]
    fn what_is_wrong_with_a_file_is_said() {
        let backend = "\"100 ms\"\nbackend = \"wsam\"";
        let experiment = "\"100 ms\"\nexperiment = [\"peak\", \"latencyy\"]";
        for (from, to, part) in [
            ("\"100 ms\"", backend, "`backend = \"wsam\"`: there is none of this name"),
            ("\"100 ms\"", experiment, "there are latency, peak"),
            ("latency-p99", "latency-p98", "docs/metrics.md"),
            ("\"10 ms\"", "10", "10 has no unit"),
            ("10 ms", "10 furlongs", "10 ms"),
            ("acceptable", "tolerable", "tolerable"),
        ] {
            let error = targets(&P99.replacen(from, to, 1)).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
    }
}
