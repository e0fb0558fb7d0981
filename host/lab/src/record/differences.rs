//! The conditions of a run, and the differences between those of two.

use super::entry::Begin;
use crate::bundle;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// A condition that two runs do not share.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The condition's name: `cpu`, `sandbox.memory-limit`, and so on.
    pub what: String,
    /// The first run's value; `None` if it states none.
    pub first: Option<String>,
    /// The second one's value; `None` if it states none.
    pub second: Option<String>,
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let shown =
            |value: &Option<String>| value.clone().unwrap_or_else(|| "not known".to_owned());
        write!(f, "{}: {} and {}", self.what, shown(&self.first), shown(&self.second))
    }
}

/// Returns the differences between the machines and settings of two runs. An agent's own bytes,
/// sandlab's commit, the load and the time are no conditions, since they are expected to differ.
pub fn differences(first: &Begin, second: &Begin) -> Vec<Difference> {
    let (mut first, mut second) = (of(first), of(second));
    // How an agent was built is compared where both runs have it.
    let agents = |run: &BTreeMap<String, String>| -> Vec<String> {
        let built = run.keys().filter(|key| key.starts_with("built."));
        built.cloned().collect()
    };
    for key in agents(&first).into_iter().chain(agents(&second)) {
        if !(first.contains_key(&key) && second.contains_key(&key)) {
            first.remove(&key);
            second.remove(&key);
        }
    }
    between(&first, &second)
}

fn between(first: &BTreeMap<String, String>, second: &BTreeMap<String, String>) -> Vec<Difference> {
    let mut names: Vec<_> = first.keys().chain(second.keys()).cloned().collect();
    names.sort_unstable();
    names.dedup();
    let differ = names.into_iter().filter(|name| first.get(name) != second.get(name));
    differ
        .map(|what| Difference {
            first: first.get(&what).cloned(),
            second: second.get(&what).cloned(),
            what,
        })
        .collect()
}

/// Returns the differences between the builds of the agents of two runs, which must be equal where
/// one run continues the other.
pub fn contents(first: &Begin, second: &Begin) -> Vec<Difference> {
    let of = |run: &Begin| -> BTreeMap<String, String> {
        let digests = run.agents.iter().flat_map(|agent| {
            let built = agent.built.as_ref();
            let builds = [
                ("component", Some(agent.component.clone())),
                ("twin", built.map(|built| built.twin.sha256.clone())),
                (
                    "portable twin",
                    built.and_then(|built| Some(built.portable.as_ref()?.sha256.clone())),
                ),
            ];
            builds.into_iter().filter_map(|(what, digest)| {
                Some((format!("the {what} of {}", agent.agent), digest?))
            })
        });
        digests.map(|(what, digest)| (what, digest.chars().take(12).collect())).collect()
    };
    between(&of(first), &of(second))
}

/// Returns a fingerprint of the machine and the settings, without the agents: runs that share it
/// were measured alike.
pub fn conditions(begin: &Begin) -> String {
    let mut all = of(begin);
    all.retain(|what, _| !what.starts_with("built."));
    let lines: String = all.into_iter().map(|(what, value)| format!("{what}={value}\n")).collect();
    bundle::sha256(lines.as_bytes())[..16].to_owned()
}

fn of(begin: &Begin) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    let environment = &begin.environment;
    let mut add = |what: &str, value: Option<String>| {
        value.into_iter().for_each(|value| drop(all.insert(what.to_owned(), value)));
    };
    add("cpu", environment.cpu.clone());
    add("cores", environment.cores.map(|cores| cores.to_string()));
    add("cpu-quota", environment.cpu_quota.map(|quota| quota.to_string()));
    let memory = environment.memory_limit.map(|limit| limit.to_string());
    add("memory-limit", memory);
    add("kernel", Some(environment.kernel.clone()));
    add("sandlab", Some(environment.sandlab.clone()));
    add("wasmtime", Some(environment.wasmtime.clone()));
    for agent in &begin.agents {
        if let Some(built) = &agent.built {
            let name = |what: &str| format!("built.{}.{what}", agent.agent);
            add(&name("rustc"), Some(built.rustc.clone()));
            add(&name("profile"), Some(built.profile.join(" ")));
            add(&name("component"), Some(built.component.rustflags.join(" ")));
            let twin = format!("{} {}", built.twin.target, built.twin.rustflags.join(" "));
            add(&name("twin"), Some(twin));
        }
    }
    let encoded = |value: serde_json::Result<Value>| value.unwrap_or_default();
    leaves("sandbox", &encoded(serde_json::to_value(&begin.sandbox)), &mut all);
    leaves("settings", &encoded(serde_json::to_value(begin.settings)), &mut all);
    all
}

fn leaves(name: &str, value: &Value, to: &mut BTreeMap<String, String>) {
    match value {
        Value::Object(fields) => {
            for (field, value) in fields {
                leaves(&format!("{name}.{field}"), value, to);
            }
        }
        Value::Null => {}
        Value::String(text) => drop(to.insert(name.to_owned(), text.clone())),
        other => drop(to.insert(name.to_owned(), other.to_string())),
    }
}
