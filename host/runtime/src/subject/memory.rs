//! Core modules that export no memory, which the adapter for WASI's first preview works in: they get
//! one.

use super::core_module::{CoreModule, copied};
use wasm_encoder::reencode::{Error, Reencode, utils};
use wasm_encoder::{ExportKind, ExportSection, MemorySection, MemoryType, Module, SectionId};
use wasmparser::TypeRef;

/// The name that the adapter imports it by.
const NAME: &str = "memory";

/// Exports the module's memory, or an empty one; `None` if it exports one already.
pub fn with_memory(module: &[u8]) -> Option<Vec<u8>> {
    let declared = CoreModule::of(module);
    if declared.exports.iter().any(|export| export.name == NAME) {
        return None;
    }
    let mut imports = declared.imports.iter();
    let is_imported = imports.any(|import| matches!(import.ty, TypeRef::Memory(_)));
    copied(module, &mut Memory { is_there: is_imported || declared.memories > 0 })
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
