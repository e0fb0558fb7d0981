//! Core modules that import WASI's first preview, made components by wasmtime's adapter.

use super::core_module::CoreModule;
use super::{delayed, exit, library, memory, ruby};
use crate::LoadError;
use crate::wasm::identify::Kind as Found;
use std::borrow::Cow;
use wasi_preview1_component_adapter_provider::{
    WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_COMMAND_ADAPTER,
    WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER,
};
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
    let found = Found::of(bytes);
    let declared = match found {
        Found::Module | Found::ModuleWithWorld => CoreModule::of(bytes),
        _ => return Ok((module, None)),
    };
    let adapter = match found {
        Found::Module if declared.exported_function("_start").is_some() => Adapter::Command,
        Found::ModuleWithWorld => Adapter::Reactor,
        _ => {
            let started = delayed::with_start(bytes, &declared);
            let started = started.or_else(|| ruby::with_start(bytes, &declared));
            let made = started.map(|started| (started, Adapter::Command));
            let made =
                made.or_else(|| Some((library::with_world(bytes, &declared)?, Adapter::Reactor)));
            let (made, adapter) = made.ok_or_else(without_start)?;
            module = Cow::Owned(made);
            adapter
        }
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
        if found == Found::Module
            && let Some(import) = foreign_import(&declared)
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
fn foreign_import(declared: &CoreModule<'_>) -> Option<String> {
    let mut imports = declared.imports.iter();
    let import = imports.find(|import| import.module != WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME)?;
    Some(format!("{}.{}", import.module, import.name))
}
