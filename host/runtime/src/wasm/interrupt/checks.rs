//! Adds the checks to one core module.
//!
//! A check is a store of one byte to the interrupt page, a memory that the module imports for it:
//!
//! ```text
//! i32.const 0
//! i32.const 0
//! i32.store8 (memory $page)
//! ```
//!
//! Checks stand where epochs are checked: at the entry of each function, at the head of each
//! loop, and before each instruction that can take long by itself. A call that the host may
//! answer is such an instruction too, so that between two checks a guest runs the code of one
//! function once, and one call of the host.

use std::convert::Infallible;
use wasm_encoder::reencode::{Error, Reencode, utils};
use wasm_encoder::{
    CodeSection, Function, ImportSection, Instruction, MemArg, MemoryType, Module, SectionId,
};
use wasmparser::{
    CustomSectionReader, FunctionBody, ImportSectionReader, KnownCustom, Operator, Parser, Payload,
    TypeRef,
};

/// The names by which a module imports the page.
pub const MODULE: &str = "sandlab-interrupt";
/// See [`MODULE`].
pub const PAGE: &str = "page";

/// The type of the interrupt page.
pub const PAGE_TYPE: MemoryType = MemoryType {
    minimum: 1,
    maximum: Some(1),
    memory64: false,
    shared: false,
    page_size_log2: None,
};

/// Returns a core module with checks. `None` if it has no code.
///
/// # Errors
/// If the module has a part that cannot be written again.
pub fn add(module: &[u8]) -> Result<Option<Vec<u8>>, Error<Infallible>> {
    let Some(mut checks) = Checks::read(module)? else { return Ok(None) };
    let mut rewritten = Module::new();
    checks.parse_core_module(&mut rewritten, Parser::new(0), module)?;
    Ok(Some(rewritten.finish()))
}

/// The module that is being rewritten.
struct Checks {
    /// The page's index: the last of the imported memories.
    page: u32,
    /// The functions that it imports, whose indices come first.
    imported_functions: u32,
    /// True once the page's import has been written.
    has_page: bool,
}

impl Checks {
    /// Reads what must be known beforehand. `None` if the module has no code.
    fn read(module: &[u8]) -> Result<Option<Self>, Error<Infallible>> {
        let mut checks = Self { page: 0, imported_functions: 0, has_page: false };
        let mut has_code = false;
        for payload in Parser::new(0).parse_all(module) {
            match payload? {
                Payload::ImportSection(imports) => {
                    for import in imports.into_imports() {
                        match import?.ty {
                            TypeRef::Memory(_) => checks.page += 1,
                            TypeRef::Func(_) | TypeRef::FuncExact(_) => {
                                checks.imported_functions += 1;
                            }
                            _ => {}
                        }
                    }
                }
                Payload::CodeSectionStart { count, .. } => has_code = count > 0,
                _ => {}
            }
        }
        Ok(has_code.then_some(checks))
    }

    fn import_page(&mut self, imports: &mut ImportSection) {
        imports.import(MODULE, PAGE, PAGE_TYPE);
        self.has_page = true;
    }

    fn check(&self, function: &mut Function) {
        let at = MemArg { offset: 0, align: 0, memory_index: self.page };
        function.instruction(&Instruction::I32Const(0));
        function.instruction(&Instruction::I32Const(0));
        function.instruction(&Instruction::I32Store8(at));
    }

    /// Returns whether an instruction can take long by itself.
    fn is_long(&self, operator: &Operator) -> bool {
        match operator {
            Operator::Call { function_index } | Operator::ReturnCall { function_index } => {
                *function_index < self.imported_functions
            }
            // Any of them can be the host's.
            Operator::CallIndirect { .. }
            | Operator::ReturnCallIndirect { .. }
            | Operator::CallRef { .. }
            | Operator::ReturnCallRef { .. }
            // In one go whatever their length.
            | Operator::MemoryCopy { .. }
            | Operator::MemoryFill { .. }
            | Operator::MemoryInit { .. }
            | Operator::MemoryGrow { .. }
            | Operator::TableCopy { .. }
            | Operator::TableFill { .. }
            | Operator::TableInit { .. }
            | Operator::TableGrow { .. }
            | Operator::ArrayCopy { .. }
            | Operator::ArrayFill { .. }
            | Operator::ArrayInitData { .. }
            | Operator::ArrayInitElem { .. }
            | Operator::ArrayNew { .. }
            | Operator::ArrayNewDefault { .. }
            | Operator::ArrayNewData { .. }
            | Operator::ArrayNewElem { .. } => true,
            _ => false,
        }
    }
}

impl Reencode for Checks {
    type Error = Infallible;

    /// The page comes after the imported memories and before the module's own. So no index of
    /// the module's can be the page's.
    fn memory_index(&mut self, memory: u32) -> Result<u32, Error<Infallible>> {
        Ok(if memory < self.page { memory } else { memory.saturating_add(1) })
    }

    fn parse_import_section(
        &mut self,
        imports: &mut ImportSection,
        section: ImportSectionReader<'_>,
    ) -> Result<(), Error<Infallible>> {
        utils::parse_import_section(self, imports, section)?;
        self.import_page(imports);
        Ok(())
    }

    /// Adds the import to a module that has no others: after its types, before all else.
    fn intersperse_section_hook(
        &mut self,
        module: &mut Module,
        _after: Option<SectionId>,
        before: Option<SectionId>,
    ) -> Result<(), Error<Infallible>> {
        let is_early = matches!(before, Some(SectionId::Type | SectionId::Import));
        if !self.has_page && !is_early {
            let mut imports = ImportSection::new();
            self.import_page(&mut imports);
            module.section(&imports);
        }
        Ok(())
    }

    fn parse_function_body(
        &mut self,
        code: &mut CodeSection,
        body: FunctionBody<'_>,
    ) -> Result<(), Error<Infallible>> {
        let mut function = self.new_function_with_parsed_locals(&body)?;
        self.check(&mut function);
        let mut operators = body.get_operators_reader()?;
        while !operators.eof() {
            let operator = operators.read()?;
            if self.is_long(&operator) {
                self.check(&mut function);
            }
            let is_loop = matches!(operator, Operator::Loop { .. });
            function.instruction(&self.instruction(operator)?);
            if is_loop {
                self.check(&mut function);
            }
        }
        code.function(&function);
        Ok(())
    }

    /// Leaves out what tells positions in the code, which are others now.
    fn parse_custom_section(
        &mut self,
        module: &mut Module,
        section: CustomSectionReader<'_>,
    ) -> Result<(), Error<Infallible>> {
        match section.as_known() {
            KnownCustom::Name(names) => {
                // Names are for people, so that a damaged section is as good as none.
                if let Ok(names) = self.custom_name_section(names) {
                    module.section(&names);
                }
            }
            KnownCustom::Producers(_) => {
                module.section(&utils::custom_section(self, section));
            }
            _ => {}
        }
        Ok(())
    }
}
