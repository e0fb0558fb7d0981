//! Checks a component's imports against the grants of the sandbox config.

use super::interrupt::IMPORT;
use super::offered::{NotLinked, linked};
use crate::LoadError;
use crate::config::Grants;
use crate::subject::is_third;
use std::collections::BTreeSet;
use wasmparser::component_types::{ComponentAnyTypeId, ComponentEntityType};
use wasmparser::types::Types;
use wasmparser::{Parser, Payload, ValidPayload, Validator, WasmFeatures};
use wasmtime::Engine;
use wasmtime::component::Component;
use wasmtime::component::types::ComponentItem;

/// Refuses imports that are not granted, before anything runs.
///
/// # Errors
/// [`LoadError::UndeclaredImport`] for the first import that is not granted.
pub fn require_granted(
    component: &Component,
    engine: &Engine,
    grants: &Grants,
) -> Result<(), LoadError> {
    for (name, import) in component.component_type().imports(engine) {
        // A component that was not rewritten and imports the page finds nothing to link.
        if name == IMPORT || names_types(&import.ty, engine) {
            continue;
        }
        if let Err(remedy) = granted(name, grants) {
            return Err(LoadError::UndeclaredImport { import: name.to_owned(), remedy });
        }
    }
    Ok(())
}

/// Does the same as [`require_granted`] for a component of any kind but the agent's. Sockets and
/// outgoing HTTP need no grant to be linked, because toolchains import both for programs that
/// never use them. Without a grant their calls are denied.
///
/// # Errors
/// As [`require_granted`].
pub fn require_wasi(
    component: &Component,
    engine: &Engine,
    grants: &Grants,
) -> Result<(), LoadError> {
    for (name, import) in component.component_type().imports(engine) {
        let interface = name.split('@').next().unwrap_or(name);
        let is_third = is_third(name);
        let is_wasi = is_third || name.contains("@0.2.");
        let granted = match interface {
            // As above.
            _ if name == IMPORT => Ok(()),
            _ if names_types(&import.ty, engine) => Ok(()),
            "wasi:http/types" | "wasi:http/outgoing-handler" | "wasi:http/client" if is_wasi => {
                Ok(())
            }
            _ if interface.starts_with("wasi:sockets/") && is_wasi => Ok(()),
            // The linker says what of it is missing.
            _ if interface.starts_with("wasi:") && is_third => permitted(interface, grants),
            _ if interface.starts_with("wasi:") && is_wasi => granted(name, grants),
            _ => Err("A subject can import WASI with http; compose it with what else it needs \
                      (`wac plug`)"
                .to_owned()),
        };
        granted
            .map_err(|remedy| LoadError::UndeclaredImport { import: name.to_owned(), remedy })?;
    }
    Ok(())
}

/// Returns whether an import only gives types their names, which the linker does not need: what a
/// component exports in terms of another interface's types imports that interface.
fn names_types(import: &ComponentItem, engine: &Engine) -> bool {
    match import {
        ComponentItem::Type(_) => true,
        ComponentItem::ComponentInstance(interface) => {
            interface.exports(engine).all(|(_, of)| matches!(of.ty, ComponentItem::Type(_)))
        }
        _ => false,
    }
}

/// Returns the imports of a component that only give types their names, without compiling it.
/// Empty if it is not valid.
pub fn of_names(component: &[u8]) -> BTreeSet<String> {
    let mut validator = Validator::new_with_features(WasmFeatures::all());
    let (mut depth, mut names, mut types) = (0_u32, Vec::new(), None);
    for payload in Parser::new(0).parse_all(component) {
        let Ok(payload) = payload else { return BTreeSet::new() };
        match &payload {
            Payload::Version { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(imports) if depth == 1 => {
                let imports = imports.clone().into_iter().flatten();
                names.extend(imports.map(|import| import.name.name));
            }
            _ => {}
        }
        match validator.payload(&payload) {
            Ok(ValidPayload::End(all)) => types = Some(all),
            Ok(_) => {}
            Err(_) => return BTreeSet::new(),
        }
    }
    let is_name = |import: &ComponentEntityType, types: &Types| match import {
        ComponentEntityType::Type { .. } => is_plain(import),
        ComponentEntityType::Instance(interface) => {
            types[*interface].exports.values().all(|of| is_plain(&of.ty))
        }
        _ => false,
    };
    let Some(types) = types else { return BTreeSet::new() };
    let only = names.into_iter().filter(|name| {
        types.component_item_for_import(name).is_some_and(|item| is_name(&item.ty, &types))
    });
    only.map(str::to_owned).collect()
}

/// Returns whether it is a type, and no resource, which somebody has to give.
fn is_plain(ty: &ComponentEntityType) -> bool {
    match ty {
        ComponentEntityType::Type { referenced, .. } => {
            !matches!(referenced, ComponentAnyTypeId::Resource(_))
        }
        _ => false,
    }
}

/// Returns the remedy if the grant that an import needs is missing. File functions need no
/// grant to be linked, because without a granted directory they can open nothing.
fn granted(import: &str, grants: &Grants) -> Result<(), String> {
    linked(import).map_err(|why| why.to_string())?;
    permitted(import.split('@').next().unwrap_or(import), grants)
}

/// Does the same as [`granted`] for an interface's name without its version, of whichever version
/// the linker offers.
fn permitted(interface: &str, grants: &Grants) -> Result<(), String> {
    let (allowed, field) = match interface {
        "sandlab:agent/host" | "sandlab:agent/types" | "sandlab:agent/contents" => return Ok(()),
        _ if interface.starts_with("wasi:clocks/") => (grants.clocks, "clocks"),
        _ if interface.starts_with("wasi:random/") => (grants.random, "random"),
        _ if interface.starts_with("wasi:sockets/") => (grants.network, "network"),
        _ if interface.starts_with("wasi:cli/") => return Ok(()),
        _ if interface.starts_with("wasi:io/") => return Ok(()),
        _ if interface.starts_with("wasi:filesystem/") => return Ok(()),
        _ => {
            return Err(NotLinked::Package.to_string());
        }
    };
    if allowed {
        return Ok(());
    }
    Err(format!("Set `{field} = true` under [grants] to grant it"))
}

/// Returns the first import through which the guest can block its thread. `None` if there is
/// none.
pub fn blocking(component: &Component, engine: &Engine) -> Option<String> {
    let ty = component.component_type();
    ty.imports(engine).find_map(|(interface, import)| {
        let ComponentItem::ComponentInstance(instance) = import.ty else {
            return None;
        };
        let blocks = |(function, _): &(&str, _)| can_block(interface, function);
        let (function, _) = instance.exports(engine).find(blocks)?;
        Some(format!("{interface}#{function}"))
    })
}

/// Does the same as [`blocking`] for a component that was validated, with the names of its imports.
pub fn blocking_in(imports: &[&str], types: &Types) -> Option<String> {
    imports.iter().find_map(|interface| {
        let item = types.component_item_for_import(interface)?;
        let ComponentEntityType::Instance(instance) = item.ty else { return None };
        let mut functions = types[instance].exports.keys();
        let function = functions.find(|function| can_block(interface, function))?;
        Some(format!("{interface}#{function}"))
    })
}

/// Returns true if the guest can block its thread in the function. `wasi:io/poll`, which every Rust
/// guest imports, waits only on what another import returned. The standard streams are kept in
/// memory, so that they are always ready.
fn can_block(interface: &str, function: &str) -> bool {
    let interface = interface.split('@').next().unwrap_or(interface);
    match interface {
        "wasi:clocks/monotonic-clock" => function.starts_with("subscribe"),
        "wasi:filesystem/types" => function.starts_with("[method]"),
        "wasi:http/outgoing-handler" => true,
        _ => interface.starts_with("wasi:sockets/") && function.starts_with("[method]"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_the_grant() {
        let grants = Grants { clocks: false, ..Grants::default() };
        assert!(
            granted("wasi:clocks/wall-clock@0.2.6", &grants)
                .unwrap_err()
                .contains("`clocks = true`")
        );
        assert!(
            granted("wasi:sockets/tcp@0.2.6", &grants).unwrap_err().contains("`network = true`")
        );
        assert!(granted("wasi:http/outgoing-handler@0.2.6", &grants).is_err());
        assert!(granted("wasi:cli/stderr@0.2.6", &grants).is_ok());
    }
}
