//! What a guest is held against: `default.toml`, and what a user's file changes of it.

use super::measure::Measure;
use super::stage::Stage;
use bytesize::ByteSize;
use glob::Pattern;
use sandlab_runtime::wasm::contract;
use sandlab_runtime::{SandboxConfig, config::Stdio};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;
use toml::{Table, Value};

/// The policy where no file says otherwise.
const DEFAULT: &str = include_str!("default.toml");

/// What one guest is held against. `default.toml` documents the fields.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Policy {
    /// What it must export.
    pub world: String,
    /// Stages that are not run.
    pub skip: BTreeSet<Stage>,
    /// What it may import.
    pub capabilities: Capabilities,
    /// The most that something may be, in the measure's unit.
    #[serde(deserialize_with = "budgets")]
    pub budgets: BTreeMap<Measure, u64>,
    /// The sandbox that it runs in.
    pub limits: SandboxConfig,
    /// How often and how long.
    pub timing: Timing,
    /// What it must answer.
    pub conformance: Conformance,
    /// How long it must hold out.
    pub soak: Soak,
    /// How it may differ from an earlier build.
    pub baseline: Baseline,
}

/// What a guest may import.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Capabilities {
    /// What is allowed to begin with.
    pub preset: Preset,
    /// Packages, interfaces or capabilities that are allowed besides.
    pub allow: Vec<String>,
}

/// What is allowed to begin with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Preset {
    /// Nothing but the contract's own interfaces.
    None,
    /// What language runtimes pull in.
    RuntimeBasics,
}

/// How often things are timed, and when they are given up.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Timing {
    /// How often to compile.
    pub compiles: u32,
    /// Fresh instances that are timed.
    pub spawns: u32,
    /// By how much a time may be over its budget.
    pub margin: f64,
    /// When compiling is given up.
    #[serde(with = "humantime_serde")]
    pub compile_limit: Duration,
    /// When any other stage is given up.
    #[serde(with = "humantime_serde")]
    pub stage_limit: Duration,
    /// What the process that checks one guest may take.
    pub memory_limit: ByteSize,
}

/// What a guest must answer.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Conformance {
    /// Workload files.
    pub cases: Vec<PathBuf>,
    /// Whether answers are held against the native twin's.
    pub twin: bool,
    /// Whether two fresh instances must answer the same.
    pub repeatable: bool,
    /// What the contents are made from.
    pub seed: u64,
}

/// How long a guest must hold out.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Soak {
    /// Calls of one instance.
    pub calls: u32,
    /// The content of each.
    pub payload: ByteSize,
    /// When it ends, however many calls were made.
    #[serde(with = "humantime_serde")]
    pub time: Duration,
}

/// How a guest may differ from an earlier build.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Baseline {
    /// By which share of itself a figure may grow.
    #[serde(default)]
    pub growth: Option<f64>,
}

/// A policy, and what it says of single guests.
#[derive(Debug, Clone)]
pub struct Policies {
    base: Table,
    guests: Vec<(Vec<Pattern>, Table)>,
    /// What counts more than any of them: the command line.
    last: Table,
    /// What paths in it are relative to.
    folder: PathBuf,
}

impl Policies {
    /// Reads what a user's text changes of the standard policy; its paths are relative to
    /// `folder`. What is in `last` counts more than the text.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub fn parse(text: &str, folder: &Path, last: Table) -> Result<Self, String> {
        let mut base: Table = DEFAULT.parse().map_err(message)?;
        let mut changes: Table = text.parse().map_err(message)?;
        let guests = match changes.remove("guest") {
            None => Vec::new(),
            Some(Value::Array(guests)) => {
                guests.into_iter().map(guest).collect::<Result<_, _>>()?
            }
            Some(_) => return Err("write [[guest]], with two brackets".to_owned()),
        };
        merge(&mut base, changes);
        let policies = Self {
            base,
            guests,
            last,
            folder: folder.to_owned(),
        };
        // What is wrong with any of them is said now, and not when its guest's turn comes.
        Policy::read(policies.of(&[]), folder)?;
        for (patterns, changes) in &policies.guests {
            let mut table = policies.of(&[]);
            merge(&mut table, changes.clone());
            Policy::read(table, folder).map_err(|error| {
                let names: Vec<_> = patterns.iter().map(Pattern::as_str).collect();
                format!("[[guest]] {}: {error}", names.join(", "))
            })?;
        }
        Ok(policies)
    }

    /// What a guest of these names is held against, as it can be sent to another process:
    /// of all that fit, the last one counts most.
    pub fn of(&self, names: &[&str]) -> Table {
        let mut table = self.base.clone();
        for (patterns, changes) in &self.guests {
            let fits = |pattern: &Pattern| names.iter().any(|name| pattern.matches(name));
            if patterns.iter().any(fits) {
                merge(&mut table, changes.clone());
            }
        }
        merge(&mut table, self.last.clone());
        table
    }

    /// What paths in it are relative to.
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

impl Policy {
    /// Reads a whole policy; its paths are relative to `folder`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(table: Table, folder: &Path) -> Result<Self, String> {
        let mut policy: Self = table.try_into().map_err(message)?;
        if !contract::WORLDS.contains(&policy.world.as_str()) {
            return Err(contract::Undecodable::World(policy.world).to_string());
        }
        if policy.timing.spawns == 0 || policy.timing.compiles == 0 || policy.soak.calls == 0 {
            return Err("`spawns`, `compiles` and `calls` are at least 1".to_owned());
        }
        if !policy.timing.margin.is_finite() || policy.timing.margin < 1.0 {
            return Err("`margin` is at least 1.0".to_owned());
        }
        if policy.limits.deadline.is_zero() {
            return Err(
                "`limits.deadline` is zero, so that every call would be over it".to_owned(),
            );
        }
        // What a guest writes would mix with what the process that checks it has to say.
        policy.limits.grants.stdio = Stdio::Log;
        for file in &mut policy.conformance.cases {
            *file = folder.join(&file);
        }
        for directory in &mut policy.limits.grants.directories {
            directory.host = folder.join(&directory.host);
        }
        Ok(policy)
    }
}

/// One `[[guest]]`: whom it means, and what it changes.
fn guest(value: Value) -> Result<(Vec<Pattern>, Table), String> {
    let Value::Table(mut table) = value else {
        return Err("[[guest]] is a table".to_owned());
    };
    let names = table.remove("names");
    let names = names.as_ref().and_then(Value::as_array);
    let names = names.ok_or("[[guest]] needs `names`, a list of patterns like \"*-py\"")?;
    let patterns = names.iter().map(|name| {
        let text = name.as_str().ok_or("`names` is a list of texts")?;
        Pattern::new(text).map_err(|error| format!("the pattern {text:?}: {error}"))
    });
    Ok((patterns.collect::<Result<_, String>>()?, table))
}

/// Puts changes over what is there, table by table.
fn merge(base: &mut Table, changes: Table) {
    for (key, value) in changes {
        match (base.get_mut(&key), value) {
            (Some(Value::Table(base)), Value::Table(changes)) => merge(base, changes),
            (_, value) => {
                base.insert(key, value);
            }
        }
    }
}

fn budgets<'de, D>(deserializer: D) -> Result<BTreeMap<Measure, u64>, D::Error>
where
    D: serde::Deserializer<'de>,
{
    let written: BTreeMap<Measure, Value> = BTreeMap::deserialize(deserializer)?;
    let read = written.into_iter().map(|(measure, value)| {
        let value = measure.parse(&value).map_err(serde::de::Error::custom)?;
        Ok((measure, value))
    });
    read.collect()
}

fn message(error: toml::de::Error) -> String {
    error.to_string().trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Policies, String> {
        Policies::parse(text, Path::new("/here"), Table::new())
    }

    #[test]
    fn a_policy_changes_what_it_names_and_a_guest_what_it_names() {
        let policies = parse(
            r#"
            budgets = { file-size = "2 MiB", spawn-p50 = "1ms", core-instances = 8 }
            limits = { memory-limit = "32 MiB" }
            conformance = { cases = ["cases.jsonl"] }
            [[guest]]
            names = ["*-py"]
            budgets = { file-size = "20 MiB" }
            "#,
        )
        .unwrap();
        let of = |name| Policy::read(policies.of(&[name]), policies.folder()).unwrap();
        let small = of("echo");
        assert_eq!(small.budgets[&Measure::FileSize], 2 << 20);
        assert_eq!(small.budgets[&Measure::SpawnP50], 1_000_000);
        assert_eq!(small.limits.memory_limit, ByteSize::mib(32));
        assert_eq!(small.limits.instance_limit, 256);
        assert_eq!(small.conformance.cases, [Path::new("/here/cases.jsonl")]);
        let large = of("echo-py");
        assert_eq!(large.budgets[&Measure::FileSize], 20 << 20);
        assert_eq!(large.budgets[&Measure::CoreInstances], 8);
    }

    #[test]
    fn what_is_wrong_is_said_when_it_is_read() {
        for (text, part) in [
            ("wrld = 1", "wrld"),
            ("world = \"agent\"", "plain-agent"),
            ("[budgets]\nfile-sise = 1", "file-sise"),
            ("[budgets]\nspawn-p50 = 3", "100ms"),
            ("[budgets]\nfile-size = \"much\"", "2 MiB"),
            ("[timing]\nmargin = 0.5", "margin"),
            ("[[guest]]\nbudgets = {}", "names"),
            ("[[guest]]\nnames = [\"x\"]\nsoak = { cals = 1 }", "cals"),
            ("[guest]\nnames = []", "two brackets"),
            ("skip = [\"lode\"]", "lode"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
