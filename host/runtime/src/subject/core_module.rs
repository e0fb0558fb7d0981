//! What a core module declares, for those that write another one of it.

use std::convert::Infallible;
use wasm_encoder::Module;
use wasm_encoder::reencode::Reencode;
use wasmparser::{
    BinaryReaderError, CompositeInnerType, Export, ExternalKind, FuncType, Import, Parser, Payload,
    TypeRef,
};

/// What a core module declares outside of its code.
#[derive(Debug, Default)]
pub struct CoreModule<'a> {
    /// Its types; `None` for one that is no function's.
    pub types: Vec<Option<FuncType>>,
    /// All that it imports.
    pub imports: Vec<Import<'a>>,
    /// The types of the functions that it defines.
    pub functions: Vec<u32>,
    /// The number of memories that it defines.
    pub memories: u32,
    /// All that it exports.
    pub exports: Vec<Export<'a>>,
}

impl<'a> CoreModule<'a> {
    /// Reads a module, a malformed one up to its first error.
    pub fn of(module: &'a [u8]) -> Self {
        let mut declared = Self::default();
        for payload in Parser::new(0).parse_all(module) {
            if payload.and_then(|payload| declared.read(payload)).is_err() {
                break;
            }
        }
        declared
    }

    fn read(&mut self, payload: Payload<'a>) -> Result<(), BinaryReaderError> {
        match payload {
            Payload::TypeSection(groups) => {
                for group in groups {
                    self.types.extend(group?.types().map(|ty| match &ty.composite_type.inner {
                        CompositeInnerType::Func(function) => Some(function.clone()),
                        _ => None,
                    }));
                }
            }
            Payload::ImportSection(imports) => {
                for import in imports.into_imports() {
                    self.imports.push(import?);
                }
            }
            Payload::FunctionSection(types) => {
                for ty in types {
                    self.functions.push(ty?);
                }
            }
            Payload::MemorySection(memories) => self.memories = memories.count(),
            Payload::ExportSection(exports) => {
                for export in exports {
                    self.exports.push(export?);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Returns the functions that it imports, by their indices, with their types.
    pub fn imported_functions(&self) -> impl Iterator<Item = (&Import<'a>, u32)> {
        self.imports.iter().filter_map(|import| match import.ty {
            TypeRef::Func(ty) | TypeRef::FuncExact(ty) => Some((import, ty)),
            _ => None,
        })
    }

    /// Returns the functions that it exports, by name, with their indices.
    pub fn exported_functions(&self) -> impl Iterator<Item = (&'a str, u32)> {
        let functions = self.exports.iter().filter(|export| export.kind == ExternalKind::Func);
        functions.map(|export| (export.name, export.index))
    }

    /// Returns the index of the function that it exports by this name.
    pub fn exported_function(&self, name: &str) -> Option<u32> {
        self.exported_functions().find_map(|(exported, index)| (exported == name).then_some(index))
    }
}

/// Returns a module as a copier writes it; `None` if it is malformed.
pub fn copied(module: &[u8], copier: &mut impl Reencode<Error = Infallible>) -> Option<Vec<u8>> {
    let mut written = Module::new();
    copier.parse_core_module(&mut written, Parser::new(0), module).ok()?;
    Some(written.finish())
}
