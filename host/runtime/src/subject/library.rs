//! Core modules that are libraries without a world: they get one, of their functions whose parameters
//! and result are numbers. What passes texts or structures does so through memory, in a way that only
//! the library and its caller know, and is left out.

use super::core_module::{CoreModule, copied};
use std::collections::BTreeMap;
use std::fmt::Write;
use wasm_encoder::ExportSection;
use wasm_encoder::reencode::{Error, Reencode, utils};
use wasmparser::{ExternalKind, FuncType, ValType};
use wit_component::{StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// More parameters than these are passed through memory.
const MOST_PARAMETERS: usize = 16;

/// Gives a module a world of its functions of numbers; `None` if it has none.
pub fn with_world(module: &[u8], declared: &CoreModule<'_>) -> Option<Vec<u8>> {
    let mut library = Library::find(declared)?;
    let mut resolve = Resolve::default();
    let package = resolve.push_source("module.wit", &library.world).ok()?;
    let world = resolve.select_world(&[package], None).ok()?;
    let mut written = copied(module, &mut library)?;
    embed_component_metadata(&mut written, &resolve, world, StringEncoding::UTF8).ok()?;
    Some(written)
}

struct Library {
    /// The names in the world, by those of the module.
    names: BTreeMap<String, String>,
    /// The world, in WIT.
    world: String,
}

impl Library {
    fn find(declared: &CoreModule<'_>) -> Option<Self> {
        let mut functions: Vec<u32> = declared.imported_functions().map(|(_, ty)| ty).collect();
        functions.extend(&declared.functions);
        let (mut names, mut taken, mut lines) = (BTreeMap::new(), Vec::new(), String::new());
        for (name, index) in declared.exported_functions() {
            let ty = functions.get(index as usize)?;
            let ty = declared.types.get(*ty as usize)?.as_ref()?;
            let (Some(kebab), Some(signature)) = (kebab(name), signature(ty)) else { continue };
            if !is_own(name) || taken.contains(&kebab) {
                continue;
            }
            // A text takes whatever is written.
            let _ = writeln!(lines, "export %{kebab}: {signature};");
            taken.push(kebab.clone());
            names.insert(name.to_owned(), kebab);
        }
        let world = format!("package core:module;\nworld library {{\n{lines}}}\n");
        (!names.is_empty()).then_some(Self { names, world })
    }
}

/// Returns whether a function is the library's own, and not one that compilers add for whoever
/// loads it.
fn is_own(name: &str) -> bool {
    let added = ["__", "_initialize", "_start", "cabi_", "canonical_abi_", "asyncify_"];
    !added.iter().any(|prefix| name.starts_with(prefix))
}

/// Returns a function's type in WIT; `None` if it has more than numbers.
fn signature(ty: &FuncType) -> Option<String> {
    let number = |ty: &ValType| match ty {
        ValType::I32 => Some("s32"),
        ValType::I64 => Some("s64"),
        ValType::F32 => Some("f32"),
        ValType::F64 => Some("f64"),
        ValType::V128 | ValType::Ref(_) => None,
    };
    let params = ty.params().iter().zip(1..).map(|(ty, n)| Some(format!("p{n}: {}", number(ty)?)));
    let params: Vec<_> = params.collect::<Option<_>>()?;
    let result = match ty.results() {
        [] => String::new(),
        [one] => format!(" -> {}", number(one)?),
        _ => return None,
    };
    (params.len() <= MOST_PARAMETERS).then(|| format!("func({}){result}", params.join(", ")))
}

/// Returns a name as WIT writes it, `addTwo` and `add_two` as `add-two`; `None` if it has no letters
/// that WIT knows.
fn kebab(name: &str) -> Option<String> {
    let mut kebab = String::new();
    let mut before = None;
    for letter in name.chars() {
        let begins = match before {
            Some(before) => {
                letter.is_ascii_uppercase() && !char::is_ascii_uppercase(&before)
                    || letter.is_ascii_alphabetic() && !char::is_ascii_alphanumeric(&before)
            }
            None => false,
        };
        before = Some(letter);
        // A word cannot begin with a digit, which is then part of the word before.
        let is_part = letter.is_ascii_alphabetic() || letter.is_ascii_digit() && !kebab.is_empty();
        if !is_part {
            continue;
        }
        if begins && !kebab.is_empty() {
            kebab.push('-');
        }
        kebab.push(letter.to_ascii_lowercase());
    }
    (!kebab.is_empty()).then_some(kebab)
}

/// Copies the module, with the names that its world has.
impl Reencode for Library {
    type Error = std::convert::Infallible;

    fn parse_export_section(
        &mut self,
        exports: &mut ExportSection,
        section: wasmparser::ExportSectionReader<'_>,
    ) -> Result<(), Error<Self::Error>> {
        for export in section {
            let export = export?;
            if export.kind == ExternalKind::Func {
                let name = self.names.get(export.name).map(String::as_str);
                let as_it_is = ["_initialize", "cabi_realloc"];
                let name = name.or(as_it_is.into_iter().find(|name| *name == export.name));
                if let Some(name) = name {
                    // No function has moved.
                    exports.export(name, wasm_encoder::ExportKind::Func, export.index);
                }
            } else {
                utils::parse_export(self, exports, export)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_those_of_wit() {
        for (name, expected) in [
            ("add", Some("add")),
            ("add_two", Some("add-two")),
            ("addTwo", Some("add-two")),
            ("HTTPServer", Some("httpserver")),
            ("sha_256_sum", Some("sha256-sum")),
            ("_f.x", Some("f-x")),
            ("1", None),
        ] {
            assert_eq!(kebab(name).as_deref(), expected, "{name}");
        }
    }
}
