//! Guests that are made for a test, in WebAssembly text or of nothing but their types.

use wit_component::{ComponentEncoder, StringEncoding, dummy_module, embed_component_metadata};
use wit_parser::{ManglingAndAbi, Resolve, WorldId};

/// A module in text, which implements the world `plain-agent`, as a component.
pub fn agent(module: &str) -> Vec<u8> {
    let mut wit = Resolve::default();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../wit");
    let (package, _) = wit.push_dir(folder).unwrap();
    let world = wit.select_world(&[package], Some("plain-agent")).unwrap();
    component(wat::parse_str(module).unwrap(), &wit, world)
}

/// An agent in text: what else its module has, and what `handle` does before it answers
/// with no reply. Its 20 pages have room for a message of 1 MiB.
pub fn handling(module: &str, handle: &str) -> Vec<u8> {
    agent(&format!(
        r#"(module
            (import "sandlab:agent/host@0.1.0" "log"
                (func $log (param i32 i32 i32)))
            (memory (export "memory") 20)
            (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) i32.const 4096)
            (func (export "sandlab:agent/agent@0.1.0#configure")
                (param i32 i32) (result i32) i32.const 0)
            (func $handle (export "sandlab:agent/agent@0.1.0#handle")
                (param i64 i64 i32 i64 i64 i64 i32 i32 i32) (result i32)
                {handle}
                i32.const 0)
            {module})"#
    ))
}

/// A component that has the types of the first world of a WIT package, and traps when called.
pub fn of_wit(wit: &str) -> (Vec<u8>, Resolve, WorldId) {
    let mut resolve = Resolve::default();
    let package = resolve.push_str("guest.wit", wit).unwrap();
    let world = resolve.select_world(&[package], None).unwrap();
    let module = dummy_module(&resolve, world, ManglingAndAbi::Standard32);
    (component(module, &resolve, world), resolve, world)
}

fn component(mut module: Vec<u8>, wit: &Resolve, world: WorldId) -> Vec<u8> {
    embed_component_metadata(&mut module, wit, world, StringEncoding::UTF8).unwrap();
    let encoder = ComponentEncoder::default().module(&module).unwrap();
    encoder.validate(true).encode().unwrap()
}
