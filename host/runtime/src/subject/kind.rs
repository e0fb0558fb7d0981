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
    /// Exports `wasi:http/incoming-handler@0.2.*`: a message is a request.
    Service,
    /// Exports `wasi:cli/run@0.2.*`: a message is a command line.
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
        "the component exports both `wasi:cli/run` and `wasi:http/incoming-handler`; say which \
         it shall be with `--as command` or `--as service`"
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
    /// It needs what the engine is not built for.
    #[error(
        "the component needs component-model async (WASI 0.3): {0}. sandlab runs components of \
         WASI 0.2; build it for that (in Rust the target wasm32-wasip2)"
    )]
    NeedsAsync(String),
}

impl Kind {
    /// All, in the order in which they are looked for.
    pub const ALL: [Self; 4] = [Self::Agent, Self::Service, Self::Command, Self::Function];

    /// Finds the kind of a component from its exports.
    ///
    /// # Errors
    /// [`KindError`] if it is none, two at once, or needs component-model async.
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
            Self::Service => "`wasi:http/incoming-handler@0.2`",
            Self::Command => "`wasi:cli/run@0.2`",
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
    needs_async: Option<String>,
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
                        surface.require_second(name);
                        surface.imports.push(name.to_owned());
                    }
                }
                Payload::ComponentExportSection(exports) if depth == 0 => {
                    for export in exports {
                        let export = export.map_err(unreadable)?;
                        let callable =
                            [ComponentExternalKind::Func, ComponentExternalKind::Instance];
                        if callable.contains(&export.kind) {
                            surface.require_second(export.name.name);
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
    fn require_second(&mut self, name: &str) {
        let is_wasi = name.starts_with("wasi:");
        if is_wasi && name.split_once('@').is_some_and(|(_, v)| v.starts_with("0.3")) {
            // The interface says more than that something is async.
            self.needs_async = Some(format!("it has the interface `{name}`"));
        }
    }

    fn needs(&mut self, what: &str) {
        self.needs_async.get_or_insert_with(|| what.to_owned());
    }

    fn is(&self, kind: Kind) -> bool {
        let mut exports = self.exports.iter();
        match kind {
            Kind::Agent => exports.any(|name| name.starts_with("sandlab:agent/agent@")),
            Kind::Service => exports.any(|name| name.starts_with("wasi:http/incoming-handler@0.2")),
            Kind::Command => exports.any(|name| name.starts_with("wasi:cli/run@0.2")),
            Kind::Function => !self.exports.is_empty(),
        }
    }

    pub fn kind(&self, chosen: Option<Kind>) -> Result<Kind, KindError> {
        if let Some(what) = &self.needs_async {
            return Err(KindError::NeedsAsync(what.clone()));
        }
        if let Some(kind) = chosen {
            return if self.is(kind) { Ok(kind) } else { Err(self.not(kind)) };
        }
        if !self.is(Kind::Agent) && self.is(Kind::Command) && self.is(Kind::Service) {
            return Err(KindError::Ambiguous);
        }
        let found = Kind::ALL.into_iter().find(|kind| self.is(*kind));
        found.ok_or(KindError::Nothing)
    }

    fn not(&self, kind: Kind) -> KindError {
        let found = match self.exports.is_empty() {
            true => "nothing".to_owned(),
            false => self.exports.join(", "),
        };
        KindError::Not { kind, wanted: kind.export(), found }
    }
}

fn is_async(function: &CanonicalFunction) -> bool {
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
    fn a_component_of_wasi_0_3_is_refused_by_name() {
        let component = exporting(&["wasi:cli/run@0.3.0"]);
        let error = Kind::of(&component).unwrap_err().to_string();
        assert!(error.contains("wasi:cli/run@0.3.0"), "{error}");
        let component = r#"(component
            (core module $m (func (export "f") (result i32) i32.const 0)
                (func (export "cb") (param i32 i32 i32) (result i32) i32.const 0))
            (core instance $m (instantiate $m))
            (func $f async (canon lift (core func $m "f") async (callback (func $m "cb"))))
            (export "f" (func $f)))"#;
        let error = Kind::of(&wat::parse_str(component).unwrap()).unwrap_err();
        assert!(matches!(error, KindError::NeedsAsync(_)), "{error}");
    }
}
