//! Core modules that export no memory, which the adapter for WASI's first preview works in: they get
//! one.

use wasm_encoder::reencode::{Error, Reencode, utils};
use wasm_encoder::{ExportKind, ExportSection, MemorySection, MemoryType, Module, SectionId};
use wasmparser::{Parser, Payload, TypeRef};

/// The name that the adapter imports it by.
const NAME: &str = "memory";

/// Exports the module's memory, or an empty one; `None` if it exports one already.
pub fn with_memory(module: &[u8]) -> Option<Vec<u8>> {
    let mut memory = Memory { is_there: false };
    for payload in Parser::new(0).parse_all(module) {
        match payload.ok()? {
            Payload::ImportSection(imports) => {
                let mut imports = imports.into_imports().flatten();
                memory.is_there |= imports.any(|import| matches!(import.ty, TypeRef::Memory(_)));
            }
            Payload::MemorySection(memories) => memory.is_there |= memories.count() > 0,
            Payload::ExportSection(exports)
                if exports.clone().into_iter().flatten().any(|export| export.name == NAME) =>
            {
                return None;
            }
            _ => {}
        }
    }
    let mut written = Module::new();
    memory.parse_core_module(&mut written, Parser::new(0), module).ok()?;
    Some(written.finish())
}

struct Memory {
    /// Whether the module has one, by now.
    is_there: bool,
}

/// Copies the module, with a memory that is exported.
impl Reencode for Memory {
    type Error = std::convert::Infallible;

    fn intersperse_section_hook(
        &mut self,
        module: &mut Module,
        _after: Option<SectionId>,
        before: Option<SectionId>,
    ) -> Result<(), Error<Self::Error>> {
        use SectionId::{Custom, Function, Import, Table, Type};
        let is_later =
            before.is_none_or(|id| ![Custom, Type, Import, Function, Table].contains(&id));
        if is_later && !self.is_there {
            self.is_there = true;
            let mut memories = MemorySection::new();
            memories.memory(MemoryType {
                minimum: 0,
                maximum: None,
                memory64: false,
                shared: false,
                page_size_log2: None,
            });
            module.section(&memories);
        }
        Ok(())
    }

    fn parse_export_section(
        &mut self,
        exports: &mut ExportSection,
        section: wasmparser::ExportSectionReader<'_>,
    ) -> Result<(), Error<Self::Error>> {
        utils::parse_export_section(self, exports, section)?;
        exports.export(NAME, ExportKind::Memory, 0);
        Ok(())
    }
}
