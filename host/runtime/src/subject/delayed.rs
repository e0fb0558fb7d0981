//! Modules of itk-wasm, programs whose `main` is called by a name of their own: they get the
//! `_start` that every other program has.

use super::core_module::{CoreModule, copied};
use wasm_encoder::reencode::{Error, Reencode, utils};
use wasm_encoder::{
    CodeSection, ExportKind, ExportSection, Function, FunctionSection, TypeSection,
};

/// The export of such a module that stands for `_start`. Its type is `() -> i32`, and it returns
/// the exit code.
const DELAYED: &str = "itk_wasm_delayed_start";

/// Gives a module a `_start`; `None` if it exports nothing that this could call.
pub fn with_start(module: &[u8], declared: &CoreModule<'_>) -> Option<Vec<u8>> {
    let delayed = declared.exported_function(DELAYED)?;
    let exit = declared.imported_functions().position(|(import, _)| import.name == "proc_exit");
    let imported = declared.imported_functions().count();
    let mut start = Start {
        types: declared.types.len() as u32,
        functions: (imported + declared.functions.len()) as u32,
        delayed,
        exit: exit.map(|index| index as u32),
    };
    copied(module, &mut start)
}

/// The counts and indices in a module that a function added to it needs.
struct Start {
    types: u32,
    functions: u32,
    delayed: u32,
    /// The import that ends the program with its exit code.
    exit: Option<u32>,
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
