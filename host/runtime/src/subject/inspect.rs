//! Describes a file without compiling it.

use super::kind::Surface;
use super::{Adapter, Kind, KindError, adapt};
use crate::LoadError;
use crate::wasm::identify::require_component;
use crate::wasm::imports_of_names;
use serde::Serialize;

/// The kind, imports and exports of a component or core module, read without running it.
#[derive(Debug, Clone)]
pub struct Description {
    /// Of which kind; or why it cannot be run as it is, such as being of two.
    pub kind: Result<Kind, KindError>,
    /// The evidence that it needs component-model async (WASI 0.3), in words; `None` if it does
    /// not.
    pub needs_async: Option<String>,
    /// The adapter that a core module needs; `None` for a component.
    pub adapter: Option<Adapter>,
    /// The component's size, after it was adapted, bytes.
    pub size: u64,
    /// The imports, in the component's order.
    pub imports: Vec<Import>,
    /// The interfaces and functions that it exports, in its order.
    pub exports: Vec<String>,
}

/// An import, and what it lets the guest do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Import {
    /// Its name: `wasi:sockets/tcp@0.2.0`.
    pub name: String,
    /// The part of the host that it lets the guest reach.
    pub access: Access,
}

/// The parts of the host that imports let the guest reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Access {
    /// Nothing by itself: types, streams and waiting for what others gave.
    Nothing,
    /// Its arguments and variables, its standard streams, and its own end.
    Process,
    /// Clocks.
    Clocks,
    /// Random numbers.
    Random,
    /// The granted directories.
    Files,
    /// TCP, UDP and name lookup.
    Network,
    /// Requests to other hosts.
    Http,
    /// Other agents, and the log.
    Agents,
    /// Something that no sandbox here has.
    Unknown,
}

impl Access {
    /// Tells it from an import's name.
    pub fn of(import: &str) -> Self {
        let (interface, version) = import.split_once('@').unwrap_or((import, ""));
        let (package, _) = interface.split_once('/').unwrap_or((interface, ""));
        if package == "sandlab:agent" {
            return Self::Agents;
        }
        if !version.starts_with("0.2.") && !version.starts_with("0.3.") {
            return Self::Unknown;
        }
        match (package, interface) {
            ("wasi:io", _) | (_, "wasi:http/types") => Self::Nothing,
            ("wasi:cli", _) => Self::Process,
            ("wasi:clocks", _) => Self::Clocks,
            ("wasi:random", _) => Self::Random,
            ("wasi:filesystem", _) => Self::Files,
            ("wasi:sockets", _) => Self::Network,
            (_, "wasi:http/outgoing-handler" | "wasi:http/client") => Self::Http,
            _ => Self::Unknown,
        }
    }

    /// Returns what the access lets the guest do, in words.
    pub const fn allows(self) -> &'static str {
        match self {
            Self::Nothing => "nothing by itself",
            Self::Process => "its arguments, granted variables and standard streams",
            Self::Clocks => "the time, and to wait",
            Self::Random => "random numbers",
            Self::Files => "files in granted directories",
            Self::Network => "TCP, UDP and name lookup",
            Self::Http => "requests to other hosts",
            Self::Agents => "other agents, and the log",
            Self::Unknown => "unknown: no sandbox here has it",
        }
    }

    /// Returns the field under `[grants]` that it takes; `None` if it takes none, or none would do.
    pub const fn grant(self) -> Option<&'static str> {
        match self {
            Self::Clocks => Some("clocks"),
            Self::Random => Some("random"),
            Self::Files => Some("directories"),
            Self::Network => Some("network"),
            Self::Http => Some("http"),
            Self::Nothing | Self::Process | Self::Agents | Self::Unknown => None,
        }
    }
}

/// Tells what a component or core module is. Its functions are told by
/// [`Sandboxed::functions`](super::Sandboxed::functions) when it is loaded.
///
/// # Errors
/// If the bytes are neither, or a module that no adapter fits.
pub fn describe(bytes: &[u8]) -> Result<Description, LoadError> {
    let (component, adapter) = adapt(bytes)?;
    require_component(&component)?;
    let surface = Surface::read(&component).map_err(LoadError::Kind)?;
    let kind = surface.kind(None);
    let names = imports_of_names(&component);
    let imports = surface.imports.into_iter().map(|name| {
        let is_name = names.contains(&name);
        Import { access: if is_name { Access::Nothing } else { Access::of(&name) }, name }
    });
    Ok(Description {
        kind,
        needs_async: surface.needs_async,
        adapter,
        size: component.len() as u64,
        imports: imports.collect(),
        exports: surface.exports,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imports_tell_what_they_allow() {
        for (import, access, grant) in [
            ("wasi:sockets/tcp@0.2.3", Access::Network, Some("network")),
            ("wasi:http/outgoing-handler@0.2.0", Access::Http, Some("http")),
            ("wasi:http/types@0.2.0", Access::Nothing, None),
            ("wasi:http/types@0.3.0", Access::Nothing, None),
            ("wasi:http/client@0.3.0", Access::Http, Some("http")),
            ("wasi:http/types@0.4.0", Access::Unknown, None),
            ("sandlab:agent/host@0.1.0", Access::Agents, None),
            ("my:own/thing", Access::Unknown, None),
        ] {
            assert_eq!((Access::of(import), access.grant()), (access, grant), "{import}");
        }
    }
}
