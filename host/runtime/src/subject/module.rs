//! Core modules that import WASI's first preview, made components by wasmtime's adapter.

use super::delayed::with_start;
use crate::LoadError;
use crate::wasm::identify::Kind as Found;
use std::borrow::Cow;
use wasi_preview1_component_adapter_provider::{
    WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_COMMAND_ADAPTER,
    WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER,
};
use wasmparser::{ExternalKind, Parser, Payload};
use wit_component::ComponentEncoder;

/// The adapter that a core module was made a component with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Adapter {
    /// For a module that has `_start`, or the start of itk-wasm's: it becomes a command.
    Command,
    /// For one with a world embedded: it becomes what that world exports.
    Reactor,
}

/// Makes a component of a core module; what is none is left as it is.
///
/// # Errors
/// If it has neither `_start` nor a world, or imports what the adapter does not have.
pub fn adapt(bytes: &[u8]) -> Result<(Cow<'_, [u8]>, Option<Adapter>), LoadError> {
    let mut module = Cow::Borrowed(bytes);
    let adapter = match Found::of(bytes) {
        Found::Module if has_start(bytes) => Adapter::Command,
        Found::ModuleWithWorld => Adapter::Reactor,
        Found::Module => match with_start(bytes) {
            Some(started) => {
                module = Cow::Owned(started);
                Adapter::Command
            }
            None => return Err(without_start()),
        },
        _ => return Ok((module, None)),
    };
    let code = match adapter {
        Adapter::Command => WASI_SNAPSHOT_PREVIEW1_COMMAND_ADAPTER,
        Adapter::Reactor => WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER,
    };
    // Not validated here: the compiler does it, and an interpreter has 30 MB.
    let encoded = ComponentEncoder::default()
        .module(&module)
        .and_then(|encoder| encoder.adapter(WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, code))
        .and_then(|mut encoder| encoder.encode());
    let component = encoded.map_err(|error| {
        LoadError::Prepare(format!(
            "it is a core module, of which the adapter for WASI's first preview cannot make a \
             component: {error:#}"
        ))
    })?;
    Ok((Cow::Owned(component), Some(adapter)))
}

fn without_start() -> LoadError {
    LoadError::NotAComponent {
        found: "a core WebAssembly module without `_start` and without a world".to_owned(),
        remedy: "Build it as a program, or embed its world with `wasm-tools component embed`"
            .to_owned(),
    }
}

fn has_start(module: &[u8]) -> bool {
    let payloads = Parser::new(0).parse_all(module).map_while(Result::ok);
    let is_start = |payload: Payload| match payload {
        Payload::ExportSection(exports) => exports
            .into_iter()
            .flatten()
            .any(|export| export.name == "_start" && export.kind == ExternalKind::Func),
        _ => false,
    };
    payloads.into_iter().any(is_start)
}
