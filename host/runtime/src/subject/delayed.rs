//! Modules of itk-wasm, programs whose `main` is called by a name of their own: they get the
//! `_start` that every other program has.

use wasm_encoder::reencode::{Error, Reencode, utils};
use wasm_encoder::{
    CodeSection, ExportKind, ExportSection, Function, FunctionSection, Module, TypeSection,
};
use wasmparser::{ExternalKind, Parser, Payload, TypeRef};

/// The export of such a module that stands for `_start`. Its type is `() -> i32`, and it returns
/// the exit code.
const DELAYED: &str = "itk_wasm_delayed_start";

/// Gives a module a `_start`; `None` if it exports nothing that this could call.
pub fn with_start(module: &[u8]) -> Option<Vec<u8>> {
    let mut start = Start::find(module)?;
    let mut written = Module::new();
    start.parse_core_module(&mut written, Parser::new(0), module).ok()?;
    Some(written.finish())
}

/// The counts and indices in a module that a function added to it needs.
#[derive(Default)]
struct Start {
    types: u32,
    functions: u32,
    delayed: u32,
    /// The import that ends the program with its exit code.
    exit: Option<u32>,
}

impl Start {
    fn find(module: &[u8]) -> Option<Self> {
        let mut start = Self::default();
        let mut delayed = None;
        for payload in Parser::new(0).parse_all(module) {
            match payload.ok()? {
                Payload::TypeSection(groups) => {
                    for group in groups {
                        start.types += u32::try_from(group.ok()?.types().len()).ok()?;
                    }
                }
                Payload::ImportSection(imports) => {
                    for import in imports.into_imports() {
                        let import = import.ok()?;
                        if matches!(import.ty, TypeRef::Func(_)) {
                            if import.name == "proc_exit" {
                                start.exit = Some(start.functions);
                            }
                            start.functions += 1;
                        }
                    }
                }
                Payload::FunctionSection(functions) => start.functions += functions.count(),
                Payload::ExportSection(exports) => {
                    for export in exports {
                        let export = export.ok()?;
                        if export.name == DELAYED && export.kind == ExternalKind::Func {
                            delayed = Some(export.index);
                        }
                    }
                }
                _ => {}
            }
        }
        start.delayed = delayed?;
        Some(start)
    }
}

/// Copies the module, with one more type, function and export.
impl Reencode for Start {
    type Error = std::convert::Infallible;

    fn parse_type_section(
        &mut self,
        types: &mut TypeSection,
        section: wasmparser::TypeSectionReader<'_>,
    ) -> Result<(), Error<Self::Error>> {
        utils::parse_type_section(self, types, section)?;
        types.ty().function([], []);
        Ok(())
    }

    fn parse_function_section(
        &mut self,
        functions: &mut FunctionSection,
        section: wasmparser::FunctionSectionReader<'_>,
    ) -> Result<(), Error<Self::Error>> {
        utils::parse_function_section(self, functions, section)?;
        functions.function(self.types);
        Ok(())
    }

    fn parse_export_section(
        &mut self,
        exports: &mut ExportSection,
        section: wasmparser::ExportSectionReader<'_>,
    ) -> Result<(), Error<Self::Error>> {
        utils::parse_export_section(self, exports, section)?;
        exports.export("_start", ExportKind::Func, self.functions);
        Ok(())
    }

    fn parse_code_section(
        &mut self,
        code: &mut CodeSection,
        section: wasmparser::CodeSectionReader<'_>,
    ) -> Result<(), Error<Self::Error>> {
        utils::parse_code_section(self, code, section)?;
        let mut start = Function::new([]);
        let mut body = start.instructions();
        body.call(self.delayed);
        match self.exit {
            Some(exit) => body.call(exit),
            None => body.drop(),
        };
        body.end();
        code.function(&start);
        Ok(())
    }
}
