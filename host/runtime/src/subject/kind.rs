//! The kind of subject that a component is, found from its exports.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use wasmparser::{
    CanonicalFunction, CanonicalOption, ComponentExternalKind, ComponentType, Parser, Payload,
};

/// The kinds of subjects: who is sent what.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Exports `sandlab:agent/agent`: a message's content is the agent's own.
    Agent,
    /// Exports `wasi:http/incoming-handler@0.2.*` or `wasi:http/handler@0.3.*`: a message is a
    /// request.
    Service,
    /// Exports `wasi:cli/run@0.2.*` or `@0.3.*`: a message is a command line.
    Command,
    /// Exports any other function: a message is a call in WAVE.
    Function,
}

/// The reason that a component is of no kind, or not of the one that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KindError {
    /// The binary cannot be read.
    #[error("the component cannot be read: {0}")]
    Unreadable(String),
    /// It is both a command and a service.
    #[error(
        "the component exports both `wasi:cli/run` and a handler of `wasi:http`; say which it \
         shall be with `--as command` or `--as service`"
    )]
    Ambiguous,
    /// It is not what was asked for.
    #[error("the component is no {kind}: it does not export {wanted}; it exports {found}")]
    Not {
        /// The kind that the caller chose.
        kind: Kind,
        /// The export that this kind requires.
        wanted: &'static str,
        /// The component's exports, as a list in words.
        found: String,
    },
    /// It exports nothing that could be called.
    #[error(
        "the component exports no function; a subject exports `sandlab:agent/agent`, \
         `wasi:http/incoming-handler`, `wasi:cli/run` or functions of its own"
    )]
    Nothing,
    /// It needs component-model async, which the sandbox config does not grant.
    #[error(
        "the component needs component-model async: {0}. sandlab runs it with \
         `--async-components`, or `async-components = true` under [engine] of a sandbox config"
    )]
    NeedsAsync(String),
    /// An agent cannot be async.
    #[error(
        "the agent needs component-model async: {0}. The contract's functions are not async: \
         build it with bindings of `sandlab wit` as it is, for WASI 0.2"
    )]
    AsyncAgent(String),
}

impl Kind {
    /// All, in the order in which they are looked for.
    pub const ALL: [Self; 4] = [Self::Agent, Self::Service, Self::Command, Self::Function];

    /// Finds the kind of a component from its exports.
    ///
    /// # Errors
    /// [`KindError`] if it is none, or two at once.
    pub fn of(component: &[u8]) -> Result<Self, KindError> {
        Surface::read(component)?.kind(None)
    }

    /// Returns the kind as [`of`](Self::of) does, unless a person has chosen one.
    ///
    /// # Errors
    /// As [`of`](Self::of), or if it is not of the chosen kind.
    pub fn choose(component: &[u8], chosen: Option<Self>) -> Result<Self, KindError> {
        Surface::read(component)?.kind(chosen)
    }

    /// Returns the name that a person types, in lower case.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Service => "service",
            Self::Command => "command",
            Self::Function => "function",
        }
    }

    /// Returns the export that makes a component one of this kind, quoted for a text.
    pub const fn export(self) -> &'static str {
        match self {
            Self::Agent => "`sandlab:agent/agent`",
            Self::Service => "`wasi:http/incoming-handler@0.2` or `wasi:http/handler@0.3`",
            Self::Command => "`wasi:cli/run@0.2` or `wasi:cli/run@0.3`",
            Self::Function => "a function",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|kind| kind.name() == name);
        found.ok_or_else(|| {
            format!("no kind is called {name:?}; there are agent, service, command, function")
        })
    }
}

/// The names of a component's imports and exports.
#[derive(Debug, Default)]
pub(super) struct Surface {
    /// Interfaces, functions and whatever else it imports.
    pub imports: Vec<String>,
    /// Interfaces and functions that it exports.
    pub exports: Vec<String>,
    /// The evidence that it needs component-model async, in words; `None` if it does not.
    pub needs_async: Option<String>,
}

impl Surface {
    pub fn read(component: &[u8]) -> Result<Self, KindError> {
        let mut surface = Self::default();
        let mut depth = 0_u32;
        for payload in Parser::new(0).parse_all(component) {
            let payload = payload.map_err(unreadable)?;
            match payload {
                Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
                Payload::End(_) => depth = depth.saturating_sub(1),
                Payload::ComponentImportSection(imports) if depth == 0 => {
                    for import in imports {
                        let name = import.map_err(unreadable)?.name.name;
                        surface.note_third(name);
                        surface.imports.push(name.to_owned());
                    }
                }
                Payload::ComponentExportSection(exports) if depth == 0 => {
                    for export in exports {
                        let export = export.map_err(unreadable)?;
                        let callable =
                            [ComponentExternalKind::Func, ComponentExternalKind::Instance];
                        if callable.contains(&export.kind) {
                            surface.note_third(export.name.name);
                            surface.exports.push(export.name.name.to_owned());
                        }
                    }
                }
                Payload::ComponentTypeSection(types) => {
                    for ty in types {
                        if let ComponentType::Func(function) = ty.map_err(unreadable)?
                            && function.async_
                        {
                            surface.needs("it has a function that is async");
                        }
                    }
                }
                Payload::ComponentCanonicalSection(functions) => {
                    for function in functions {
                        if is_async(&function.map_err(unreadable)?) {
                            surface.needs("it lifts, lowers or waits for calls that are async");
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(surface)
    }

    /// Notes an interface of WASI 0.3.
    fn note_third(&mut self, name: &str) {
        if name.starts_with("wasi:") && is_third(name) {
            // The interface says more than that something is async.
            self.needs_async = Some(format!("it has the interface `{name}`"));
        }
    }

    fn needs(&mut self, what: &str) {
        self.needs_async.get_or_insert_with(|| what.to_owned());
    }

    fn is(&self, kind: Kind) -> bool {
        let starts: &[&str] = match kind {
            Kind::Agent => &["sandlab:agent/agent@"],
            Kind::Service => &["wasi:http/incoming-handler@0.2", "wasi:http/handler@0.3"],
            Kind::Command => &["wasi:cli/run@0.2", "wasi:cli/run@0.3"],
            Kind::Function => return !self.exports.is_empty(),
        };
        self.exports.iter().any(|name| starts.iter().any(|start| name.starts_with(start)))
    }

    pub fn kind(&self, chosen: Option<Kind>) -> Result<Kind, KindError> {
        if let Some(kind) = chosen {
            return if self.is(kind) { Ok(kind) } else { Err(self.not(kind)) };
        }
        if !self.is(Kind::Agent) && self.is(Kind::Command) && self.is(Kind::Service) {
            return Err(KindError::Ambiguous);
        }
        let found = Kind::ALL.into_iter().find(|kind| self.is(*kind));
        found.ok_or(KindError::Nothing)
    }

    /// Makes sure that it may run as a subject of this kind where component-model async is
    /// granted, or is not.
    ///
    /// # Errors
    /// If it needs component-model async and does not have it.
    pub fn require_async(&self, kind: Kind, is_granted: bool) -> Result<(), KindError> {
        match &self.needs_async {
            Some(what) if kind == Kind::Agent => Err(KindError::AsyncAgent(what.clone())),
            Some(what) if !is_granted => Err(KindError::NeedsAsync(what.clone())),
            _ => Ok(()),
        }
    }

    fn not(&self, kind: Kind) -> KindError {
        let found = match self.exports.is_empty() {
            true => "nothing".to_owned(),
            false => self.exports.join(", "),
        };
        KindError::Not { kind, wanted: kind.export(), found }
    }
}

/// Returns true if the version of an interface's name is one of WASI 0.3, as in
/// `wasi:http/types@0.3.0`.
pub fn is_third(name: &str) -> bool {
    name.split_once('@').is_some_and(|(_, version)| version.starts_with("0.3."))
}

/// Returns true if a canonical function needs component-model async.
pub(crate) fn is_async(function: &CanonicalFunction) -> bool {
    match function {
        CanonicalFunction::Lift { options, .. } | CanonicalFunction::Lower { options, .. } => {
            options.contains(&CanonicalOption::Async)
        }
        CanonicalFunction::ResourceNew { .. }
        | CanonicalFunction::ResourceDrop { .. }
        | CanonicalFunction::ResourceRep { .. } => false,
        _ => true,
    }
}

fn unreadable(error: wasmparser::BinaryReaderError) -> KindError {
    KindError::Unreadable(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exporting(names: &[&str]) -> Vec<u8> {
        let exports = names.iter().enumerate();
        let exports: String = exports
            .map(|(i, name)| {
                format!(
                    "(instance $i{i} (export \"f\" (func $f))) (export \"{name}\" (instance $i{i}))"
                )
            })
            .collect();
        wat::parse_str(format!(
            r#"(component
                (core module $m (func (export "f")))
                (core instance $m (instantiate $m))
                (func $f (canon lift (core func $m "f")))
                {exports})"#
        ))
        .unwrap()
    }

    #[test]
    fn the_exports_tell_the_kind() {
        for (exports, kind) in [
            (&["sandlab:agent/agent@0.1.0"][..], Kind::Agent),
            (&["wasi:http/incoming-handler@0.2.3"], Kind::Service),
            (&["wasi:cli/run@0.2.0", "a:b/c"], Kind::Command),
            (&["a:b/c@1.0.0"], Kind::Function),
        ] {
            assert_eq!(Kind::of(&exporting(exports)), Ok(kind));
        }
        assert_eq!(Kind::of(&exporting(&[])), Err(KindError::Nothing));
    }

    #[test]
    fn what_is_both_a_command_and_a_service_asks_which() {
        let both = exporting(&["wasi:cli/run@0.2.0", "wasi:http/incoming-handler@0.2.0"]);
        assert_eq!(Kind::of(&both), Err(KindError::Ambiguous));
        assert_eq!(Kind::choose(&both, Some(Kind::Service)), Ok(Kind::Service));
        let error = Kind::choose(&both, Some(Kind::Agent)).unwrap_err();
        assert!(error.to_string().contains("it exports wasi:cli/run@0.2.0"));
    }

    #[test]
    fn a_component_of_wasi_0_3_runs_only_where_async_is_granted() {
        let async_function = wat::parse_str(
            r#"(component
            (core module $m (func (export "f") (result i32) i32.const 0)
                (func (export "cb") (param i32 i32 i32) (result i32) i32.const 0))
            (core instance $m (instantiate $m))
            (func $f async (canon lift (core func $m "f") async (callback (func $m "cb"))))
            (export "f" (func $f)))"#,
        );
        for (component, kind, says) in [
            (exporting(&["wasi:cli/run@0.3.0"]), Kind::Command, "wasi:cli/run@0.3.0"),
            (exporting(&["wasi:http/handler@0.3.1"]), Kind::Service, "wasi:http/handler@0.3.1"),
            (async_function.unwrap(), Kind::Function, "a function that is async"),
        ] {
            let surface = Surface::read(&component).unwrap();
            assert_eq!(surface.kind(None), Ok(kind));
            assert_eq!(surface.require_async(kind, true), Ok(()));
            let error = surface.require_async(kind, false).unwrap_err().to_string();
            assert!(error.contains(says) && error.contains("--async-components"), "{error}");
            let error = surface.require_async(Kind::Agent, true).unwrap_err();
            assert!(matches!(error, KindError::AsyncAgent(_)), "{error}");
        }
        let surface = Surface::read(&exporting(&["wasi:cli/run@0.2.6"])).unwrap();
        assert_eq!(surface.require_async(Kind::Command, false), Ok(()));
    }
}
