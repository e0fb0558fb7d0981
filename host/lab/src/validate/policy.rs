//! The policy of validation: `default.toml`, and a user's changes to it.

use super::measure::Measure;
use super::stage::Stage;
use super::world::World;
use bytesize::ByteSize;
use glob::Pattern;
use sandlab_runtime::config::{Size, Stdio};
use sandlab_runtime::subject::Kind;
use sandlab_runtime::{SandboxConfig, toml_text};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;
use toml::{Table, Value};

/// The standard policy.
const DEFAULT: &str = include_str!("default.toml");

/// The policy for one guest. `default.toml` documents the fields.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(transform = changes)]
pub struct Policy {
    /// The world that the guest must have: `own` for the world of its kind, a world of agents, of
    /// `wasi:http` or `wasi:cli`, or the path of a WIT file or package, followed by `#world`.
    #[schemars(with = "String")]
    pub world: World,
    /// Kind of a guest that could be of two. Not set: found from its exports.
    #[serde(default)]
    pub kind: Option<Kind>,
    /// Stages that are not run.
    pub skip: BTreeSet<Stage>,
    /// Allowed imports.
    pub capabilities: Capabilities,
    /// Upper bounds, each in its measure's unit.
    #[serde(deserialize_with = "budgets")]
    #[schemars(schema_with = "schema_of_budgets")]
    pub budgets: BTreeMap<Measure, u64>,
    /// The sandbox config that the guest runs with.
    pub limits: SandboxConfig,
    /// Repetitions and time limits.
    pub timing: Timing,
    /// Messages and the replies that they require.
    pub conformance: Conformance,
    /// The repeated calls of the stage `soak`.
    pub soak: Soak,
    /// Allowed growth over an earlier build.
    pub baseline: Baseline,
}

/// Allowed imports.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(transform = changes)]
pub struct Capabilities {
    /// The set that `allow` extends.
    pub preset: Preset,
    /// Further packages, interfaces or capabilities.
    pub allow: Vec<String>,
}

/// A named set of allowed imports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Preset {
    /// Only the contract's own interfaces.
    None,
    /// Also the imports of language runtimes.
    RuntimeBasics,
}

/// Repetitions of timed checks, and limits on time and memory.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(transform = changes)]
pub struct Timing {
    /// Compilations; the median counts.
    pub compiles: u32,
    /// Instances that are started and timed.
    pub spawns: u32,
    /// Time after which starts and calls are repeated no more, with fewer samples.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub repeating: Duration,
    /// Factor by which a time may exceed its budget.
    pub margin: f64,
    /// Time limit for one compilation.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub compile_limit: Duration,
    /// Time limit for any other stage.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub stage_limit: Duration,
    /// Memory limit of the process that checks one guest.
    #[schemars(with = "Size")]
    pub memory_limit: ByteSize,
}

/// Messages of the stage `conformance`, and the replies that they require.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(transform = changes)]
pub struct Conformance {
    /// Workload files, besides the guest's own.
    pub cases: Vec<PathBuf>,
    /// Whether replies must equal the native twin's.
    pub twin: bool,
    /// Whether two fresh instances must give the same replies.
    pub repeatable: bool,
    /// Seed of the random contents.
    pub seed: u64,
}

/// The repeated calls of the stage `soak`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(transform = changes)]
pub struct Soak {
    /// Fewest calls of one instance; twice as many where they show no trend.
    pub calls: u32,
    /// Size of a message's content that is always sent, besides the largest of the guest's cases.
    #[schemars(with = "Size")]
    pub payload: ByteSize,
    /// Time after which it ends, with fewer calls or without a trend.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub time: Duration,
}

/// Allowed growth over an earlier build.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(transform = changes)]
pub struct Baseline {
    /// Share by which a value may grow: 0.05 is 5 %; `None` only warns of growth.
    #[serde(default)]
    pub growth: Option<f64>,
}

/// A policy with its changes for single guests.
#[derive(Debug, Clone)]
pub struct Policies {
    base: Table,
    guests: Vec<(Vec<Pattern>, Table)>,
    /// The command line's, which override all others.
    last: Overrides,
    /// The folder that the policy's paths are relative to.
    folder: PathBuf,
}

/// What the command line says beside a policy.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// Changes of the policy.
    pub changes: Table,
    /// A sandbox config that takes the place of the policy's limits.
    pub sandbox: Option<Table>,
    /// Workload files in addition to the policy's.
    pub cases: Vec<Value>,
}

impl Overrides {
    fn apply(&self, policy: &mut Table) {
        if let Some(sandbox) = &self.sandbox {
            let of = |table: &Value, key: &str| table.get(key).cloned();
            let allocation = policy.get("limits").and_then(|limits| of(limits, "allocation"));
            // How many agents there are at once is no property of the guest.
            let slots = allocation.and_then(|allocation| of(&allocation, "slots"));
            let allocation: Table =
                slots.map(|slots| ("slots".to_owned(), slots)).into_iter().collect();
            let mut limits = Table::from_iter([("allocation".to_owned(), allocation.into())]);
            merge(&mut limits, sandbox.clone());
            policy.insert("limits".to_owned(), limits.into());
        }
        merge(policy, self.changes.clone());
        let cases = policy.get_mut("conformance").and_then(|it| it.get_mut("cases"));
        if let Some(Value::Array(cases)) = cases {
            cases.extend(self.cases.iter().cloned());
        }
    }
}

impl Policies {
    /// Parses a user's changes to the standard policy, whose paths are relative to `folder`.
    /// `last` overrides the text.
    ///
    /// # Errors
    /// If a field or a value is wrong; the message names it.
    pub fn parse(text: &str, folder: &Path, last: Overrides) -> Result<Self, String> {
        let mut base: Table = toml_text::read(DEFAULT)?;
        let mut changes: Table = toml_text::read(text)?;
        let guests = match changes.remove("guest") {
            None => Vec::new(),
            Some(Value::Array(guests)) => {
                guests.into_iter().map(guest).collect::<Result<_, _>>()?
            }
            Some(_) => return Err("write [[guest]], with two brackets".to_owned()),
        };
        merge(&mut base, changes);
        let policies = Self { base, guests, last, folder: folder.to_owned() };
        // A wrong entry is refused now, not when its guest's turn comes.
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

    /// Returns the policy for a guest with these names, as a table that can be sent to another
    /// process. Of several entries that match, the last one overrides the others.
    pub fn of(&self, names: &[&str]) -> Table {
        let mut table = self.base.clone();
        for (patterns, changes) in &self.guests {
            let fits = |pattern: &Pattern| names.iter().any(|name| pattern.matches(name));
            if patterns.iter().any(fits) {
                merge(&mut table, changes.clone());
            }
        }
        self.last.apply(&mut table);
        table
    }

    /// Returns the folder that the policy's paths are relative to.
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

impl Policy {
    /// Reads a complete policy, whose paths are relative to `folder`.
    ///
    /// # Errors
    /// If a field is missing, unknown or wrong; the message names it.
    pub fn read(table: Table, folder: &Path) -> Result<Self, String> {
        let mut policy: Self =
            table.try_into().map_err(|error| toml_text::without_values(&error))?;
        policy.world = policy.world.in_folder(folder)?;
        policy.limits.require_usable().map_err(|reason| format!("limits: {reason}"))?;
        if policy.timing.spawns == 0 || policy.timing.compiles == 0 || policy.soak.calls == 0 {
            return Err("`spawns`, `compiles` and `calls` are at least 1".to_owned());
        }
        if !policy.timing.margin.is_finite() || policy.timing.margin < 1.0 {
            return Err("`margin` is at least 1.0".to_owned());
        }
        if policy.timing.stage_limit.is_zero() {
            return Err("`timing.stage-limit` is zero, in which nothing can be checked".to_owned());
        }
        match policy.baseline.growth {
            Some(growth) if growth >= 1.0 => {
                return Err(format!(
                    "`growth = {growth}` would allow {} %: for {growth} % write {}",
                    growth * 100.0,
                    growth / 100.0
                ));
            }
            Some(growth) if !(0.0..1.0).contains(&growth) => {
                return Err("`growth` is a share like 0.05, from 0 to 1".to_owned());
            }
            _ => {}
        }
        if policy.limits.deadline.is_zero() {
            return Err("`limits.deadline` is zero, which no call can keep".to_owned());
        }
        policy.limits.require_interrupt().map_err(|reason| format!("`limits`: {reason}"))?;
        // A guest's output would mix with the messages of the process that checks it.
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

/// Reads a `[[guest]]`: the patterns of its names, and its changes.
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

/// Applies changes to a table and the tables in it.
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

/// A policy's file: changes of the standard policy, for all guests and for single ones.
pub struct PolicyFile;

impl JsonSchema for PolicyFile {
    fn schema_name() -> Cow<'static, str> {
        "ValidatePolicy".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut file = Policy::json_schema(generator);
        let mut guest = file.clone();
        let names = "Patterns of its file's or bundle's name: `*-py`.";
        guest.insert("description".to_owned(), "Changes for single guests.".into());
        guest.insert("required".to_owned(), vec!["names"].into());
        let names =
            json_schema!({"description": names, "type": "array", "items": {"type": "string"}});
        let add = |to: &mut Schema, name: &str, what: Schema| {
            if let Some(properties) = to.get_mut("properties").and_then(|it| it.as_object_mut()) {
                properties.insert(name.to_owned(), what.to_value());
            }
        };
        add(&mut guest, "names", names);
        add(&mut file, "guest", json_schema!({"type": "array", "items": guest}));
        let told = "What `sandlab validate` holds guests against; what is left out is as in the standard \
                    policy.";
        file.insert("description".to_owned(), told.into());
        file
    }
}

/// A file needs none of the fields.
fn changes(schema: &mut Schema) {
    schema.remove("required");
}

fn schema_of_budgets(_: &mut SchemaGenerator) -> Schema {
    let budgets = Measure::ALL.map(|measure| {
        let types = match measure.is_timed() {
            true => vec!["string"],
            false => vec!["integer", "string"],
        };
        let told = measure.quantity().meaning.trim();
        (measure.name().to_owned(), json_schema!({"description": told, "type": types}).to_value())
    });
    json_schema!({
        "type": "object",
        "properties": serde_json::Map::from_iter(budgets),
        "additionalProperties": false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Policies, String> {
        Policies::parse(text, Path::new("/here"), Overrides::default())
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
    fn a_sandbox_config_replaces_limits_and_cases_of_the_command_line_are_further_ones() {
        let text = r#"
            limits = { memory-limit = "256 MiB", fuel = 5 }
            conformance = { cases = ["contract.jsonl"] }
        "#;
        let last = Overrides {
            sandbox: Some("deadline = \"1s\"".parse().unwrap()),
            cases: vec![Value::from("/there/more.jsonl")],
            ..Overrides::default()
        };
        let policies = Policies::parse(text, Path::new("/here"), last).unwrap();
        let policy = Policy::read(policies.of(&[]), policies.folder()).unwrap();
        let deadline = Duration::from_secs(1);
        let mut expected = SandboxConfig { deadline, ..SandboxConfig::default() };
        expected.allocation.slots = policy.limits.allocation.slots;
        assert_eq!(policy.limits, expected);
        assert!(policy.limits.allocation.slots < SandboxConfig::default().allocation.slots);
        let cases = ["/here/contract.jsonl", "/there/more.jsonl"].map(PathBuf::from);
        assert_eq!(policy.conformance.cases, cases);
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
