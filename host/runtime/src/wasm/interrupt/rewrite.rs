//! Rewrites a component so that a page can interrupt it.
//!
//! The items that report the page to the host come before all of the component's own:
//!
//! ```text
//! (import "sandlab-interrupt-page" (func $told (param "page" (list u8))))
//! (core module $page (memory (export "page") 1 1))
//! (core instance $page (instantiate $page))
//! (core func $told (canon lower (func $told) (memory $page "page")))
//! (core module $teller (start …) (; calls $told with the first byte of the page ;))
//! (core instance (instantiate $teller (with "" (instance (export "told" (func $told))))))
//! ```
//!
//! Instances start in the order in which they are written, so that the host knows the page before
//! any code of the guest runs, `start` functions included. All modules of the component import the
//! one page. The component's own indices move up by the inserted items, and none of them refers to
//! one of these.

use super::checks;
use crate::subject::is_async;
use crate::wasm::imports;
use std::fmt::{self, Display, Formatter};
use wasm_encoder::reencode::{Error, Reencode, ReencodeComponent, component_utils};
use wasm_encoder::{
    Alias, CanonicalFunctionSection, CanonicalOption, CodeSection, Component,
    ComponentAliasSection, ComponentImportSection, ComponentSectionId, ComponentTypeRef,
    ComponentTypeSection, ComponentValType, EntityType, ExportKind, ExportSection, Function,
    FunctionSection, ImportSection, InstanceSection, Instruction, MemorySection, Module, ModuleArg,
    ModuleSection, PrimitiveValType, RawSection, StartSection, TypeSection, ValType,
};
use wasmparser::{
    ComponentAlias, ComponentExternalKind, ComponentOuterAliasKind, CustomSectionReader, Instance,
    Parser, Payload, ValidPayload, Validator, WasmFeatures,
};

/// The version of the rewriting, for the cache of compiled components.
pub const VERSION: u32 = 1;

/// The name by which a rewritten component imports the function that reports the page.
pub const IMPORT: &str = "sandlab-interrupt-page";

/// Core instances that are put before a component's own, which have modules of their own.
pub const INSTANCES: u32 = 2;

/// The reason why a component stays as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// It can block in this import, so that its calls are on fibers.
    Blocks(String),
    /// A component in it has core instances, to which wasmtime adds code of its own that copies
    /// between them.
    Nested,
    /// It needs component-model async, whose calls are on fibers.
    Async,
    /// It instantiates a core module whose code is not in it.
    Foreign,
    /// It is not valid, or has a part that cannot be written again.
    Unreadable(String),
}

impl Display for Refusal {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Blocks(import) => write!(out, "it can block in {import}"),
            Self::Nested => out.write_str("it is composed of components"),
            Self::Async => out.write_str("it needs component-model async"),
            Self::Foreign => out.write_str("it has a core module whose code is elsewhere"),
            Self::Unreadable(why) => write!(out, "it cannot be rewritten: {why}"),
        }
    }
}

impl From<wasmparser::Error> for Refusal {
    fn from(error: wasmparser::Error) -> Self {
        Self::Unreadable(error.to_string())
    }
}

/// Returns a component with checks, and with the page that they store to. `may_block` is whether
/// its calls may be on the caller's stack although it can block.
///
/// # Errors
/// If only epochs can interrupt the component.
pub fn rewrite(component: &[u8], may_block: bool) -> Result<Vec<u8>, Refusal> {
    validate(component, may_block)?;
    let mut rewritten = Component::new();
    put_page_before(&mut rewritten);
    let mut rewriter = Rewriter { depth: 0, modules: Vec::new() };
    let parsed = rewriter.parse_component(&mut rewritten, Parser::new(0), component);
    parsed.map_err(|error| match error {
        Error::UserError(refusal) => refusal,
        other => Refusal::Unreadable(other.to_string()),
    })?;
    Ok(rewritten.finish())
}

/// Validates a component as it is, so that rewriting makes no invalid one valid. Its code last,
/// which takes longest.
fn validate(component: &[u8], may_block: bool) -> Result<(), Refusal> {
    let mut validator = Validator::new_with_features(WasmFeatures::default());
    let mut functions = Vec::new();
    let mut depth = 0;
    let mut names = Vec::new();
    let mut types = None;
    for payload in Parser::new(0).parse_all(component) {
        let payload = payload?;
        match &payload {
            Payload::Version { .. } => depth += 1,
            Payload::End(_) => depth -= 1,
            Payload::ComponentImportSection(section) if depth == 1 => {
                for import in section.clone() {
                    names.push(import?.name.name);
                }
            }
            Payload::ComponentCanonicalSection(section) => {
                for function in section.clone() {
                    if is_async(&function?) {
                        return Err(Refusal::Async);
                    }
                }
            }
            _ => {}
        }
        match validator.payload(&payload)? {
            ValidPayload::Func(function, body) => functions.push((function, body)),
            // The last is the component's own: its parts end before it.
            ValidPayload::End(ended) => types = Some(ended),
            _ => {}
        }
    }
    let blocking = types.and_then(|types| imports::blocking_in(&names, &types));
    if let Some(import) = blocking.filter(|_| !may_block) {
        return Err(Refusal::Blocks(import));
    }
    let mut allocations = wasmparser::FuncValidatorAllocations::default();
    for (function, body) in functions {
        let mut function = function.into_validator(allocations);
        function.validate(&body)?;
        allocations = function.into_allocations();
    }
    Ok(())
}

fn put_page_before(component: &mut Component) {
    let mut types = ComponentTypeSection::new();
    types.defined_type().list(PrimitiveValType::U8);
    types.function().params([("page", ComponentValType::Type(0))]).result(None);
    component.section(&types);
    let mut imports = ComponentImportSection::new();
    imports.import(IMPORT, ComponentTypeRef::Func(1));
    component.section(&imports);
    component.section(&ModuleSection(&page()));
    let mut instances = InstanceSection::new();
    instances.instantiate::<_, &str>(0, []);
    component.section(&instances);
    let mut aliases = ComponentAliasSection::new();
    aliases.alias(Alias::CoreInstanceExport {
        instance: 0,
        kind: ExportKind::Memory,
        name: checks::PAGE,
    });
    component.section(&aliases);
    let mut told = CanonicalFunctionSection::new();
    told.lower(0, [CanonicalOption::Memory(0)]);
    component.section(&told);
    component.section(&ModuleSection(&teller()));
    let mut instances = InstanceSection::new();
    instances.export_items([("told", ExportKind::Func, 0)]);
    instances.instantiate(1, [("", ModuleArg::Instance(1))]);
    component.section(&instances);
}

/// Numbers of items that are inserted before a component's own, by index space.
const TYPES: u32 = 2;
const FUNCTIONS: u32 = 1;
const MODULES: u32 = 2;
const CORE_INSTANCES: u32 = 3;
const CORE_FUNCTIONS: u32 = 1;
const CORE_MEMORIES: u32 = 1;

/// The core instance that exports the page.
const PAGE_INSTANCE: u32 = 0;

/// Returns the module whose memory is the page.
fn page() -> Module {
    let mut memories = MemorySection::new();
    memories.memory(checks::PAGE_TYPE);
    let mut exports = ExportSection::new();
    exports.export(checks::PAGE, ExportKind::Memory, 0);
    let mut module = Module::new();
    module.section(&memories).section(&exports);
    module
}

/// Returns the module that reports the page to the host, before any code of others runs.
fn teller() -> Module {
    let mut types = TypeSection::new();
    types.ty().function([ValType::I32, ValType::I32], []);
    types.ty().function([], []);
    let mut imports = ImportSection::new();
    imports.import("", "told", EntityType::Function(0));
    let mut functions = FunctionSection::new();
    functions.function(1);
    let mut tell = Function::new([]);
    tell.instruction(&Instruction::I32Const(0));
    tell.instruction(&Instruction::I32Const(1));
    tell.instruction(&Instruction::Call(0));
    tell.instruction(&Instruction::End);
    let mut code = CodeSection::new();
    code.function(&tell);
    let mut module = Module::new();
    module.section(&types).section(&imports).section(&functions);
    module.section(&StartSection { function_index: 1 }).section(&code);
    module
}

/// The component that is being rewritten.
struct Rewriter {
    /// Nesting depth of components and types at the current position; 0 in the component itself.
    depth: u32,
    /// The core modules of the component so far, and whether each imports the page.
    modules: Vec<bool>,
}

type Rewritten<T> = Result<T, Error<Refusal>>;

impl Rewriter {
    /// Returns an index in the index space of the component itself, moved up by the inserted items.
    /// In components and types within it, indices stay.
    fn moved(&self, index: u32, by: u32) -> u32 {
        self.outer(0, index, by)
    }

    /// Returns an index into the index space that is `count` components and types further out,
    /// moved likewise.
    fn outer(&self, count: u32, index: u32, by: u32) -> u32 {
        let by = if self.depth == count { by } else { 0 };
        index.saturating_add(by)
    }
}

impl Reencode for Rewriter {
    type Error = Refusal;

    fn function_index(&mut self, function: u32) -> Rewritten<u32> {
        Ok(self.moved(function, CORE_FUNCTIONS))
    }

    fn memory_index(&mut self, memory: u32) -> Rewritten<u32> {
        Ok(self.moved(memory, CORE_MEMORIES))
    }
}

impl ReencodeComponent for Rewriter {
    fn component_type_index(&mut self, ty: u32) -> u32 {
        self.moved(ty, TYPES)
    }

    fn component_func_index(&mut self, function: u32) -> u32 {
        self.moved(function, FUNCTIONS)
    }

    fn module_index(&mut self, module: u32) -> u32 {
        self.moved(module, MODULES)
    }

    fn instance_index(&mut self, instance: u32) -> u32 {
        self.moved(instance, CORE_INSTANCES)
    }

    /// Core types, of which none are put before.
    fn outer_type_index(&mut self, _count: u32, ty: u32) -> Rewritten<u32> {
        Ok(ty)
    }

    fn outer_component_type_index(&mut self, count: u32, ty: u32) -> u32 {
        self.outer(count, ty, TYPES)
    }

    fn outer_component_index(&mut self, _count: u32, component: u32) -> u32 {
        component
    }

    fn outer_module_index(&mut self, count: u32, module: u32) -> u32 {
        self.outer(count, module, MODULES)
    }

    fn push_depth(&mut self) {
        self.depth += 1;
    }

    fn pop_depth(&mut self) {
        self.depth -= 1;
    }

    fn parse_component_submodule(
        &mut self,
        component: &mut Component,
        _parser: Parser,
        module: &[u8],
    ) -> Rewritten<()> {
        let id = ComponentSectionId::CoreModule as u8;
        if self.depth > 0 {
            component.section(&RawSection { id, data: module });
            return Ok(());
        }
        let unreadable = |error: Error<_>| Refusal::Unreadable(error.to_string());
        let checked = checks::add(module).map_err(|error| Error::UserError(unreadable(error)))?;
        self.modules.push(checked.is_some());
        component.section(&RawSection { id, data: checked.as_deref().unwrap_or(module) });
        Ok(())
    }

    fn parse_instance(
        &mut self,
        instances: &mut InstanceSection,
        instance: Instance<'_>,
    ) -> Rewritten<()> {
        let Instance::Instantiate { module_index, args } = &instance else {
            return component_utils::parse_instance(self, instances, instance);
        };
        if self.depth > 0 {
            return Err(Error::UserError(Refusal::Nested));
        }
        let has_checks = self.modules.get(*module_index as usize);
        let has_checks = *has_checks.ok_or(Error::UserError(Refusal::Foreign))?;
        let args = args.iter().map(|arg| (arg.name, self.moved(arg.index, CORE_INSTANCES)));
        let page = has_checks.then_some((checks::MODULE, PAGE_INSTANCE));
        let args = args.chain(page).map(|(name, index)| (name, ModuleArg::Instance(index)));
        let args: Vec<_> = args.collect();
        instances.instantiate(self.moved(*module_index, MODULES), args);
        Ok(())
    }

    fn component_alias<'a>(&mut self, alias: ComponentAlias<'a>) -> Rewritten<Alias<'a>> {
        let is_module = matches!(
            alias,
            ComponentAlias::InstanceExport { kind: ComponentExternalKind::Module, .. }
                | ComponentAlias::Outer { kind: ComponentOuterAliasKind::CoreModule, .. }
        );
        if is_module && self.depth == 0 {
            return Err(Error::UserError(Refusal::Foreign));
        }
        component_utils::component_alias(self, alias)
    }

    fn parse_component_import_section(
        &mut self,
        imports: &mut ComponentImportSection,
        section: wasmparser::ComponentImportSectionReader<'_>,
    ) -> Rewritten<()> {
        for import in section.clone() {
            let is_module = matches!(import?.ty, wasmparser::ComponentTypeRef::Module(_));
            if is_module && self.depth == 0 {
                return Err(Error::UserError(Refusal::Foreign));
            }
        }
        component_utils::parse_component_import_section(self, imports, section)
    }

    /// Leaves out the names of the component's parts and other sections for tools, which are not
    /// used at run time.
    fn parse_component_custom_section(
        &mut self,
        _component: &mut Component,
        _section: CustomSectionReader<'_>,
    ) -> Rewritten<()> {
        Ok(())
    }
}
