//! The exit code of a core module. The adapter for WASI's first preview knows success and failure
//! only, whereas WASI has a function for the code since 0.2.12, which the module is linked to.

use wasm_encoder::reencode::{Reencode, RoundtripReencoder};
use wasm_encoder::{EntityType, ImportSection, Module, RawSection};
use wasmparser::{ImportSectionReader, Parser, Payload, TypeRef};
use wit_component::{StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

const PREVIEW: (&str, &str) = ("wasi_snapshot_preview1", "proc_exit");
const WITH_CODE: (&str, &str) = ("wasi:cli/exit@0.2.12", "exit-with-code");

/// The interface as WASI has it, which has to be the same as the adapter's.
const WORLD: &str = "package wasi:cli@0.2.12;
    @since(version = 0.2.0)
    interface exit {
        @since(version = 0.2.0)
        exit: func(status: result);
        @since(version = 0.2.12)
        exit-with-code: func(status-code: u8);
    }
    world program { import exit; }";

/// Links a module's `proc_exit` to the function that reports the code; `None` if it has none.
pub fn with_code(module: &[u8]) -> Option<Vec<u8>> {
    let (mut written, mut is_linked) = (Module::new(), false);
    for payload in Parser::new(0).parse_all(module) {
        let payload = payload.ok()?;
        if let Payload::ImportSection(imports) = payload {
            let imports = linked(imports, &mut is_linked)?;
            written.section(&imports);
        } else if let Some((id, range)) = payload.as_section() {
            written.section(&RawSection { id, data: module.get(range)? });
        }
    }
    if !is_linked {
        return None;
    }
    let mut resolve = Resolve::default();
    let package = resolve.push_source("exit.wit", WORLD).ok()?;
    let world = resolve.select_world(&[package], None).ok()?;
    let mut written = written.finish();
    embed_component_metadata(&mut written, &resolve, world, StringEncoding::UTF8).ok()?;
    Some(written)
}

fn linked(imports: ImportSectionReader<'_>, is_linked: &mut bool) -> Option<ImportSection> {
    let mut section = ImportSection::new();
    for import in imports.into_imports() {
        let import = import.ok()?;
        let is_exit = (import.module, import.name) == PREVIEW;
        match import.ty {
            // Both take a number of 32 bits, of which the code is the lowest eight.
            TypeRef::Func(ty) if is_exit => {
                *is_linked = true;
                section.import(WITH_CODE.0, WITH_CODE.1, EntityType::Function(ty));
            }
            _ => RoundtripReencoder.parse_import(&mut section, import).ok()?,
        }
    }
    Some(section)
}
