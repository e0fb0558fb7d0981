//! Lines that stand below a report's tables.

use super::table::{Style, escaped};
use crate::record::{Environment, Measured};
use std::collections::BTreeSet;

pub(super) fn list(lines: Vec<String>, style: Style) -> String {
    let line = |line: &String| match style {
        Style::Markdown => format!("- {line}\n"),
        Style::Html => format!("<li>{}</li>\n", escaped(line)),
        Style::Colour | Style::Plain => format!("{line}\n"),
    };
    let text: String = lines.iter().map(line).collect();
    match style {
        Style::Html if !text.is_empty() => format!("<ul>\n{text}</ul>\n"),
        _ => text,
    }
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
