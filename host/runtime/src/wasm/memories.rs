//! The initial linear memories of a component, read from its bytes.

use super::layout;
use crate::LoadError;

/// The initial memories of all of a component's core instances together.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Memories {
    /// Linear memories of all core instances.
    pub count: u32,
    /// Their size before any code runs, bytes.
    pub initial: u64,
    /// The part of the size that is the stack for variables that have an address, bytes. `None`
    /// where it is not known: only a stack that is linked first, below all data, as rustc and
    /// recent clang do, has its size in the component.
    pub stack: Option<u64>,
}

impl Memories {
    /// Reads them. `None` if a part of the component is only imported, so that its memories
    /// are not known.
    ///
    /// # Errors
    /// If the bytes are no component.
    pub fn of(component: &[u8]) -> Result<Option<Self>, LoadError> {
        super::identify::require_component(component)?;
        let layout = layout::read(component);
        let layout = layout.map_err(|error| LoadError::Prepare(error.to_string()))?;
        Ok(layout.map(|layout| layout.memories))
    }

    pub(super) fn add(&mut self, other: Self) {
        self.count = self.count.saturating_add(other.count);
        self.initial = self.initial.saturating_add(other.initial);
        self.stack = match (self.stack, other.stack) {
            (Some(a), Some(b)) => Some(a.saturating_add(b)),
            (a, b) => a.or(b),
        };
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
        let expected = Memories { count: 4, initial: 9 * 65_536, stack: Some(65_536) };
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
