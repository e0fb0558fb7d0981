//! Lines that stand below a report's tables.

use super::table::Style;
use crate::results::{Environment, Measured};
use std::collections::BTreeSet;

pub(super) fn list(lines: Vec<String>, style: Style) -> String {
    let bullet = if style == Style::Markdown { "- " } else { "" };
    lines
        .iter()
        .map(|line| format!("{bullet}{line}\n"))
        .collect()
}

pub(super) fn machine(environment: &Environment) -> String {
    let unknown = || "not known".to_owned();
    format!(
        "{}, {} cores, Linux {}, load {}; sandlab {}, wasmtime {}, commit {}",
        environment.cpu.as_deref().unwrap_or("processor not known"),
        environment.cores.map_or_else(unknown, |n| n.to_string()),
        environment.kernel,
        environment.load.map_or_else(unknown, |n| n.to_string()),
        environment.sandlab,
        environment.wasmtime,
        environment.commit.clone().unwrap_or_else(unknown),
    )
}

/// How agents were built, once each way.
pub(super) fn builds(agents: &[Measured]) -> BTreeSet<String> {
    let manifests = agents.iter().filter_map(|agent| agent.built.as_ref());
    let lines = manifests.map(|built| {
        format!(
            "built with {}; component: {} {}; twin: {} {}",
            built.rustc,
            built.component.target,
            built.component.rustflags.join(" "),
            built.twin.target,
            built.twin.rustflags.join(" "),
        )
    });
    lines.collect()
}
