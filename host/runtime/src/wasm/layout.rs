//! The layout of a component's core instances before any of them runs: memories, globals, and
//! the stack that was linked into linear memory.

use super::memories::Memories;
use std::sync::Arc;
use wasmparser::{
    ComponentAlias, ComponentExternalKind, ComponentInstance, ComponentOuterAliasKind,
    ComponentTypeRef, ConstExpr, DataKind, Encoding, ExternalKind, Global, GlobalType, Instance,
    KnownCustom, Name, Operator, Parser, Payload, TypeRef,
};

/// The layout of a component.
#[derive(Debug, Clone, Default)]
pub struct Layout {
    /// All its memories together.
    pub memories: Memories,
    /// The modules of its core instances, in the order in which they are instantiated. `None`
    /// if there are more than [`INSTANCES`].
    pub instances: Option<Vec<Arc<Module>>>,
}

/// A core module.
#[derive(Debug, Default)]
pub struct Module {
    /// The globals that it defines, without those that it imports.
    pub globals: u32,
    /// The stack that was linked into its memory, if it has one.
    pub stack: Option<LinkedStack>,
    /// The exported functions that the host calls, by the canonical ABI's names: their names
    /// and indices.
    pub exports: Vec<(String, u32)>,
}

/// A stack in linear memory (shadow stack), which grows downwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinkedStack {
    /// The stack pointer, as an index into the globals that its module defines.
    pub pointer: u32,
    /// The first address above it: the stack pointer's first value.
    pub top: u64,
    /// Its lowest address. 0 where the stack is linked first, below all data, so that an
    /// overflow traps, as rustc and recent clang do; else the end of the data below it.
    pub bottom: u64,
}

impl LinkedStack {
    /// Returns its size, bytes.
    pub fn size(self) -> u64 {
        self.top - self.bottom
    }
}

/// Instances that are listed at most. Components that instantiate each other double their
/// number with each level of nesting.
const INSTANCES: usize = 1_000;

/// A stack pointer is aligned to this many bytes (the ABI of tool-conventions).
const ALIGNMENT: u64 = 16;

/// Reads a component's layout. `None` if a part of the component is only imported, so that
/// its layout is not known.
///
/// # Errors
/// If the bytes are no component.
pub fn read(component: &[u8]) -> wasmparser::Result<Option<Layout>> {
    let mut open = Vec::<Scope>::new();
    for payload in Parser::new(0).parse_all(component) {
        let payload = payload?;
        if let Payload::Version { encoding, .. } = payload {
            open.push(Scope::new(encoding));
            continue;
        }
        if !matches!(payload, Payload::End(_)) {
            match open.last_mut() {
                Some(Scope::Module(module)) => module.take(payload)?,
                Some(Scope::Component(component)) => component.take(payload)?,
                None => {}
            }
            continue;
        }
        let Some(ended) = open.pop() else { break };
        match (ended, open.last_mut()) {
            (Scope::Module(module), Some(Scope::Component(around))) => {
                around.modules.push(Some(module.layout()));
            }
            (Scope::Component(component), Some(Scope::Component(around))) => {
                around.components.push(component.layout());
            }
            (Scope::Component(component), None) => return Ok(component.layout()),
            _ => break,
        }
    }
    Ok(None)
}

/// A module or component that is being read.
enum Scope {
    Module(Box<OpenModule>),
    Component(OpenComponent),
}

impl Scope {
    fn new(encoding: Encoding) -> Self {
        match encoding {
            Encoding::Module => Self::Module(Box::default()),
            Encoding::Component => Self::Component(OpenComponent {
                own: Layout { instances: Some(Vec::new()), ..Layout::default() },
                ..OpenComponent::default()
            }),
        }
    }
}

/// A component until its end. `None` stands for what is only imported.
#[derive(Default)]
struct OpenComponent {
    modules: Vec<Option<Layout>>,
    components: Vec<Option<Layout>>,
    own: Layout,
    is_unknown: bool,
}

impl OpenComponent {
    fn take(&mut self, payload: Payload) -> wasmparser::Result<()> {
        match payload {
            Payload::InstanceSection(instances) => {
                for instance in instances {
                    if let Instance::Instantiate { module_index, .. } = instance? {
                        let started = self.modules.get(module_index as usize).cloned();
                        self.start(started.flatten());
                    }
                }
            }
            Payload::ComponentInstanceSection(instances) => {
                for instance in instances {
                    if let ComponentInstance::Instantiate { component_index, .. } = instance? {
                        let started = self.components.get(component_index as usize).cloned();
                        self.start(started.flatten());
                    }
                }
            }
            Payload::ComponentImportSection(imports) => {
                for import in imports {
                    match import?.ty {
                        ComponentTypeRef::Module(_) => self.modules.push(None),
                        ComponentTypeRef::Component(_) => self.components.push(None),
                        _ => {}
                    }
                }
            }
            Payload::ComponentAliasSection(aliases) => {
                for alias in aliases {
                    match alias? {
                        ComponentAlias::InstanceExport {
                            kind: ComponentExternalKind::Module,
                            ..
                        }
                        | ComponentAlias::Outer {
                            kind: ComponentOuterAliasKind::CoreModule, ..
                        } => self.modules.push(None),
                        ComponentAlias::InstanceExport {
                            kind: ComponentExternalKind::Component,
                            ..
                        }
                        | ComponentAlias::Outer {
                            kind: ComponentOuterAliasKind::Component, ..
                        } => self.components.push(None),
                        _ => {}
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn start(&mut self, started: Option<Layout>) {
        let Some(started) = started else {
            self.is_unknown = true;
            return;
        };
        self.own.memories.add(started.memories);
        let own = self.own.instances.take().zip(started.instances);
        self.own.instances = own.and_then(|(mut own, started)| {
            own.extend(started);
            (own.len() <= INSTANCES).then_some(own)
        });
    }

    fn layout(self) -> Option<Layout> {
        (!self.is_unknown).then_some(self.own)
    }
}

/// A core module until its end.
#[derive(Default)]
struct OpenModule {
    memories: Memories,
    /// The type and the first value of each global that it defines.
    globals: Vec<(GlobalType, Option<u64>)>,
    /// The globals that it imports, whose indices come first.
    imported_globals: u32,
    /// The active data segments: where they begin and end.
    data: Vec<(u64, u64)>,
    /// A global that is exported as the stack pointer.
    exported_pointer: Option<u32>,
    /// A global that is exported as the end of all data.
    exported_data_end: Option<u32>,
    /// The names of globals, if the module has a section of names that has any.
    names: Option<Vec<(u32, String)>>,
    exports: Vec<(String, u32)>,
}

impl OpenModule {
    fn take(&mut self, payload: Payload) -> wasmparser::Result<()> {
        match payload {
            Payload::ImportSection(imports) => {
                for import in imports.into_imports() {
                    let is_global = matches!(import?.ty, TypeRef::Global(_));
                    self.imported_globals += u32::from(is_global);
                }
            }
            Payload::MemorySection(memories) => {
                for memory in memories {
                    let memory = memory?;
                    self.memories.count += 1;
                    self.memories.initial += memory.initial << memory.page_size_log2.unwrap_or(16);
                }
            }
            Payload::GlobalSection(globals) => {
                for global in globals {
                    let Global { ty, init_expr } = global?;
                    self.globals.push((ty, constant(&init_expr)));
                }
            }
            Payload::ExportSection(exports) => {
                for export in exports {
                    let export = export?;
                    match (export.kind, export.name) {
                        (ExternalKind::Global, STACK_POINTER) => {
                            self.exported_pointer = Some(export.index);
                        }
                        (ExternalKind::Global, "__data_end") => {
                            self.exported_data_end = Some(export.index);
                        }
                        (ExternalKind::Func, name) if is_called_by_host(name) => {
                            self.exports.push((name.to_owned(), export.index));
                        }
                        _ => {}
                    }
                }
            }
            Payload::DataSection(data) => {
                for data in data {
                    let data = data?;
                    if let DataKind::Active { offset_expr, .. } = data.kind {
                        let begin = constant(&offset_expr).unwrap_or(0);
                        self.data.push((begin, begin + data.data.len() as u64));
                    }
                }
            }
            Payload::CustomSection(section) => {
                if let KnownCustom::Name(names) = section.as_known() {
                    // Names are for people, so that a damaged section is as good as none.
                    for name in names.into_iter().map_while(Result::ok) {
                        if let Name::Global(names) = name {
                            let names = names.into_iter().map_while(Result::ok);
                            let names = names.map(|name| (name.index, name.name.to_owned()));
                            self.names = Some(names.collect());
                        }
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn layout(self) -> Layout {
        let stack = self.stack();
        let mut memories = self.memories;
        memories.stack = stack.filter(|stack| stack.bottom == 0).map(LinkedStack::size);
        let module = Module { globals: self.globals.len() as u32, stack, exports: self.exports };
        Layout { memories, instances: Some(vec![Arc::new(module)]) }
    }

    fn stack(&self) -> Option<LinkedStack> {
        let pointer = self.named_pointer().or_else(|| self.first_global())?;
        let (ty, top) = *self.globals.get(pointer as usize)?;
        let top = top.filter(|top| *top > 0 && *top <= self.memories.initial)?;
        if !ty.mutable {
            return None;
        }
        let bottom = self.bottom(top);
        (bottom < top).then_some(LinkedStack { pointer, top, bottom })
    }

    /// Finds the stack pointer by its name, which linkers fix.
    fn named_pointer(&self) -> Option<u32> {
        let names = self.names.iter().flatten();
        let is_pointer = |name: &str| name == STACK_POINTER || name == "sp";
        let mut named = names.filter(|(_, name)| is_pointer(name));
        let index = self.exported_pointer.or_else(|| named.next().map(|(index, _)| *index))?;
        index.checked_sub(self.imported_globals)
    }

    /// Finds the stack pointer of a module without names: linkers put it first. Only where the
    /// stack lies below all data can it be told from another address.
    fn first_global(&self) -> Option<u32> {
        let (_, value) = self.globals.first()?;
        let is_named = self.names.is_some() || self.imported_globals > 0;
        let is_aligned = value.is_some_and(|value| value % ALIGNMENT == 0);
        let is_first = self.data.iter().all(|(begin, _)| Some(*begin) >= *value);
        (!is_named && is_aligned && is_first).then_some(0)
    }

    /// Returns the end of the data below a stack. Data that are zero at first have no segments,
    /// so that their end is known only where the linker exports it.
    fn bottom(&self, top: u64) -> u64 {
        let exported = self.exported_data_end;
        let exported = exported.and_then(|index| index.checked_sub(self.imported_globals));
        let exported = exported.and_then(|index| self.globals.get(index as usize)?.1);
        let ends = self.data.iter().map(|(_, end)| *end).chain(exported);
        let end = ends.filter(|end| *end <= top).max().unwrap_or(0);
        end.next_multiple_of(ALIGNMENT).min(top)
    }
}

/// Returns whether an export is a function of an interface, or of the canonical ABI itself.
fn is_called_by_host(name: &str) -> bool {
    name.contains('#') || name.starts_with("cabi_")
}

/// The name that linkers give the stack pointer.
const STACK_POINTER: &str = "__stack_pointer";

/// Returns the value of an initial expression; `None` unless it is an `i32` constant.
fn constant(expression: &ConstExpr) -> Option<u64> {
    match expression.get_operators_reader().read().ok()? {
        Operator::I32Const { value } => Some(u64::from(value.cast_unsigned())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads the stack of a module that a component instantiates.
    fn stack(module: &str) -> Option<LinkedStack> {
        let component = format!("(component {module} (core instance (instantiate 0)))");
        let layout = read(&wat::parse_str(&component).unwrap()).unwrap().unwrap();
        layout.instances.unwrap()[0].stack
    }

    #[test]
    fn a_stack_below_all_data_begins_at_zero() {
        let named = r#"(core module (memory 2)
            (global $other (mut i32) (i32.const 16))
            (global $__stack_pointer (mut i32) (i32.const 65536))
            (data (i32.const 65536) "x"))"#;
        let expected = LinkedStack { pointer: 1, top: 65_536, bottom: 0 };
        assert_eq!(stack(named), Some(expected));
        let without_names = r#"(core module (memory 2)
            (global (mut i32) (i32.const 65536)) (data (i32.const 65536) "x"))"#;
        assert_eq!(stack(without_names).map(LinkedStack::size), Some(65_536));
    }

    #[test]
    fn a_stack_above_data_begins_at_their_end() {
        let found = stack(
            r#"(core module (memory 2)
                (global $__stack_pointer (mut i32) (i32.const 66592)) (data (i32.const 1024) "x"))"#,
        );
        let expected = LinkedStack { pointer: 0, top: 66_592, bottom: 1_040 };
        assert_eq!(found, Some(expected));
    }

    #[test]
    fn another_address_is_not_taken_for_a_stack_pointer() {
        for module in [
            // Named otherwise.
            "(core module (memory 1) (global $cursor (mut i32) (i32.const 4096)))",
            // Never changed.
            "(core module (memory 1) (global (;0;) i32 (i32.const 4096)))",
            // Not in the memory.
            "(core module (memory 1) (global $__stack_pointer (mut i32) (i32.const -256)))",
            "(core module (memory 1) (global $__stack_pointer (mut i32) (i32.const 0)))",
            // Not aligned, and above data.
            "(core module (memory 1) (global (mut i32) (i32.const 4097)))",
            r#"(core module (memory 1) (global (mut i32) (i32.const 4096)) (data (i32.const 8) "x"))"#,
        ] {
            assert_eq!(stack(module), None, "{module}");
        }
    }

    #[test]
    fn components_that_double_with_each_level_are_not_listed() {
        let mut text = "(component $c0 (core module $m (memory 1)) \
             (core instance (instantiate $m)))"
            .to_owned();
        for level in 1..20 {
            let inner = level - 1;
            text = format!(
                "(component $c{level} {text} (instance (instantiate $c{inner})) \
                 (instance (instantiate $c{inner})))"
            );
        }
        let layout = read(&wat::parse_str(&text).unwrap()).unwrap().unwrap();
        assert!(layout.instances.is_none());
        assert_eq!(layout.memories.count, 1 << 19);
    }
}
