//! The linear memories that a component starts with, as its bytes tell before it runs.

use crate::LoadError;
use wasmparser::{ComponentAlias, ConstExpr, Global};
use wasmparser::{
    ComponentExternalKind, ComponentInstance, ComponentOuterAliasKind, ComponentTypeRef, DataKind,
    Encoding, Instance, Operator, Parser, Payload,
};

/// What a component's memories start with, all of its core instances together.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Memories {
    /// How many there are.
    pub count: u32,
    /// What they have before any code runs, bytes.
    pub initial: u64,
    /// How much of that is the stack of what has an address, bytes; none where it cannot be
    /// told. rustc and recent clang have it linked first, below all data, so that the stack
    /// pointer's first value is its size.
    pub stack: Option<u64>,
}

impl Memories {
    /// Reads them; none if a part of the component is only imported, so that nobody knows.
    ///
    /// # Errors
    /// If the bytes are no component.
    pub fn of(component: &[u8]) -> Result<Option<Self>, LoadError> {
        super::identify::require_component(component)?;
        read(component).map_err(|error| LoadError::Prepare(error.to_string()))
    }

    fn add(&mut self, other: Self) {
        self.count += other.count;
        self.initial += other.initial;
        self.stack = match (self.stack, other.stack) {
            (Some(a), Some(b)) => Some(a + b),
            (a, b) => a.or(b),
        };
    }
}

/// What is read of a module or component until its end. Unknown is what is only imported.
#[derive(Default)]
struct Scope {
    encoding: Option<Encoding>,
    /// What each module that it names starts with.
    modules: Vec<Option<Memories>>,
    /// The same, of components.
    components: Vec<Option<Memories>>,
    own: Memories,
    is_unknown: bool,
    /// Of a module: the first value of its stack pointer, if it has what looks like one.
    stack_pointer: Option<u64>,
    /// Of a module: where its data begin.
    data: Option<u64>,
}

fn read(component: &[u8]) -> wasmparser::Result<Option<Memories>> {
    let mut open = Vec::<Scope>::new();
    for payload in Parser::new(0).parse_all(component) {
        let payload = payload?;
        if let Payload::Version { encoding, .. } = payload {
            open.push(Scope {
                encoding: Some(encoding),
                ..Scope::default()
            });
            continue;
        }
        if !matches!(payload, Payload::End(_)) {
            if let Some(scope) = open.last_mut() {
                scope.take(payload)?;
            }
            continue;
        }
        let Some(ended) = open.pop() else { break };
        let (encoding, memories) = (ended.encoding, ended.memories());
        match open.last_mut() {
            None => return Ok(memories),
            Some(around) if encoding == Some(Encoding::Module) => around.modules.push(memories),
            Some(around) => around.components.push(memories),
        }
    }
    Ok(None)
}

impl Scope {
    fn take(&mut self, payload: Payload) -> wasmparser::Result<()> {
        match payload {
            Payload::MemorySection(memories) => {
                for memory in memories {
                    let memory = memory?;
                    self.own.count += 1;
                    self.own.initial += memory.initial << memory.page_size_log2.unwrap_or(16);
                }
            }
            Payload::GlobalSection(globals) => {
                if let Some(first) = globals.into_iter().next() {
                    self.stack_pointer = stack_pointer(&first?);
                }
            }
            Payload::DataSection(data) => {
                for data in data {
                    if let DataKind::Active { offset_expr, .. } = data?.kind {
                        let offset = constant(&offset_expr).unwrap_or(0);
                        self.data = Some(self.data.map_or(offset, |least| least.min(offset)));
                    }
                }
            }
            Payload::InstanceSection(instances) => {
                for instance in instances {
                    if let Instance::Instantiate { module_index, .. } = instance? {
                        let started = self.modules.get(module_index as usize).copied();
                        self.start(started.flatten());
                    }
                }
            }
            Payload::ComponentInstanceSection(instances) => {
                for instance in instances {
                    if let ComponentInstance::Instantiate {
                        component_index, ..
                    } = instance?
                    {
                        let started = self.components.get(component_index as usize).copied();
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
                            kind: ComponentOuterAliasKind::CoreModule,
                            ..
                        } => self.modules.push(None),
                        ComponentAlias::InstanceExport {
                            kind: ComponentExternalKind::Component,
                            ..
                        }
                        | ComponentAlias::Outer {
                            kind: ComponentOuterAliasKind::Component,
                            ..
                        } => self.components.push(None),
                        _ => {}
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn start(&mut self, started: Option<Memories>) {
        match started {
            Some(memories) => self.own.add(memories),
            None => self.is_unknown = true,
        }
    }

    /// What it starts with, now that all of it was read.
    fn memories(self) -> Option<Memories> {
        let mut memories = self.own;
        if self.encoding == Some(Encoding::Module) && memories.count > 0 {
            // Only where all data lie above it is the pointer's first value the stack's size.
            let end = self.data.unwrap_or(memories.initial);
            memories.stack = self
                .stack_pointer
                .filter(|size| *size > 0 && *size <= end && *size <= memories.initial);
        }
        (!self.is_unknown).then_some(memories)
    }
}

/// Linkers put the stack pointer first: a global that changes, with an address in it.
fn stack_pointer(global: &Global) -> Option<u64> {
    global
        .ty
        .mutable
        .then(|| constant(&global.init_expr))
        .flatten()
}

/// The number that an initial expression is, if it is one.
fn constant(expression: &ConstExpr) -> Option<u64> {
    match expression.get_operators_reader().read().ok()? {
        Operator::I32Const { value } => Some(u64::from(value.cast_unsigned())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memories(component: &str) -> Option<Memories> {
        Memories::of(&wat::parse_str(component).unwrap()).unwrap()
    }

    #[test]
    fn memories_are_summed_over_instances() {
        let found = memories(
            r#"(component
                (core module $a (memory 3))
                (core module $b (memory 2) (global (mut i32) (i32.const 65536))
                    (data (i32.const 65536) "x"))
                (core module $none)
                (core instance (instantiate $a))
                (core instance (instantiate $a))
                (core instance (instantiate $none))
                (component $inner (core module $c (memory 1)) (core instance (instantiate $c)))
                (instance (instantiate $inner))
                (core instance (instantiate $b)))"#,
        );
        let expected = Memories {
            count: 4,
            initial: 9 * 65_536,
            stack: Some(65_536),
        };
        assert_eq!(found, Some(expected));
    }

    #[test]
    fn a_component_without_memory_has_none_and_an_import_is_not_known() {
        assert_eq!(memories("(component)"), Some(Memories::default()));
        let imported = r#"(component
            (import "m" (core module $m))
            (core instance (instantiate $m)))"#;
        assert_eq!(memories(imported), None);
    }

    #[test]
    fn a_stack_above_the_data_is_not_taken_for_its_address() {
        let found = memories(
            r#"(component
                (core module $m (memory 2) (global (mut i32) (i32.const 70000))
                    (data (i32.const 1024) "x"))
                (core instance (instantiate $m)))"#,
        );
        assert_eq!(found.unwrap().stack, None);
    }
}
