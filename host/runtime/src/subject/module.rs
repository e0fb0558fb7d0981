//! Core modules that import WASI's first preview, made components by wasmtime's adapter.

use super::{delayed, exit, library, memory, ruby};
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
    /// For a module that has `_start`, or gets one, as those of itk-wasm and Ruby do: it becomes a
    /// command.
    Command,
    /// For one with a world embedded: it becomes what that world exports. One without a world gets
    /// a world of its functions whose parameters and results are numbers.
    Reactor,
}

/// Makes a component of a core module; what is none is left as it is.
///
/// # Errors
/// If it has neither `_start` nor a world nor functions of numbers, or imports what the adapter does not have.
pub fn adapt(bytes: &[u8]) -> Result<(Cow<'_, [u8]>, Option<Adapter>), LoadError> {
    let mut module = Cow::Borrowed(bytes);
    let adapter = match Found::of(bytes) {
        Found::Module if has_start(bytes) => Adapter::Command,
        Found::ModuleWithWorld => Adapter::Reactor,
        Found::Module => {
            let started = delayed::with_start(bytes).or_else(|| ruby::with_start(bytes));
            let made = started.map(|started| (started, Adapter::Command));
            let made = made.or_else(|| Some((library::with_world(bytes)?, Adapter::Reactor)));
            let (made, adapter) = made.ok_or_else(without_start)?;
            module = Cow::Owned(made);
            adapter
        }
        _ => return Ok((module, None)),
    };
    if adapter == Adapter::Command {
        for fitted in [memory::with_memory, exit::with_code] {
            if let Some(fitted) = fitted(&module) {
                module = Cow::Owned(fitted);
            }
        }
    }
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
        if Found::of(bytes) == Found::Module
            && let Some(import) = foreign_import(bytes)
        {
            let remedy = "A core module can import WASI's first preview; this is of a host that was \
                          made for it, such as its JavaScript";
            return LoadError::UndeclaredImport { import, remedy: remedy.to_owned() };
        }
        LoadError::Prepare(format!(
            "it is a core module, of which the adapter for WASI's first preview cannot make a \
             component: {error:#}"
        ))
    })?;
    Ok((Cow::Owned(component), Some(adapter)))
}

fn without_start() -> LoadError {
    let found = "a core WebAssembly module without `_start`, without a world, and without a function \
                 of numbers";
    LoadError::NotAComponent {
        found: found.to_owned(),
        remedy: "Build it as a program, or embed its world with `wasm-tools component embed`"
            .to_owned(),
    }
}

/// Returns the first import of a module without a world that WASI does not have.
fn foreign_import(module: &[u8]) -> Option<String> {
    let payloads = Parser::new(0).parse_all(module).map_while(Result::ok);
    let imports = payloads.filter_map(|payload| match payload {
        Payload::ImportSection(imports) => Some(imports.into_imports()),
        _ => None,
    });
    let foreign =
        |import: &wasmparser::Import| import.module != WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME;
    let import = imports.flatten().flatten().find(foreign)?;
    Some(format!("{}.{}", import.module, import.name))
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
