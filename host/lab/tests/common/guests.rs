//! Guests that are made for a test, in WebAssembly text or of nothing but their types.

use wit_component::{ComponentEncoder, StringEncoding, dummy_module, embed_component_metadata};
use wit_parser::{ManglingAndAbi, Resolve, WorldId};

/// A module in text, which implements the world `plain-agent`, as a component.
pub fn agent(module: &str) -> Vec<u8> {
    of_world("plain-agent", module)
}

/// A module in text, which implements a world of the contract, as a component.
pub fn of_world(world: &str, module: &str) -> Vec<u8> {
    let mut wit = Resolve::default();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../wit");
    let (package, _) = wit.push_dir(folder).unwrap();
    let world = wit.select_world(&[package], Some(world)).unwrap();
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

/// A module in text, which implements the world `plain-agent` and imports an interface of WASI with
/// one function, as a component.
fn agent_importing(package: &str, interface: &str, function: &str, module: &str) -> Vec<u8> {
    let mut wit = Resolve::default();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../wit");
    wit.push_dir(folder).unwrap();
    let world = format!(
        "package test:importing;
        package wasi:{package}@0.2.6 {{ interface {interface} {{ {function}; }} }}
        world guest {{
            include sandlab:agent/plain-agent@0.1.0;
            import wasi:{package}/{interface}@0.2.6;
        }}"
    );
    let package = wit.push_str("importing.wit", &world).unwrap();
    let world = wit.select_world(&[package], Some("guest")).unwrap();
    component(wat::parse_str(module).unwrap(), &wit, world)
}

/// An agent whose start takes so many milliseconds on any machine, and which answers with no reply.
pub fn starting_within(milliseconds: u64) -> Vec<u8> {
    let module = format!(
        r#"(module
            (import "wasi:clocks/monotonic-clock@0.2.6" "now" (func $now (result i64)))
            (memory (export "memory") 20)
            (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) i32.const 4096)
            (func (export "sandlab:agent/agent@0.1.0#configure")
                (param i32 i32) (result i32) i32.const 0)
            (func (export "sandlab:agent/agent@0.1.0#handle")
                (param i64 i64 i32 i64 i64 i64 i32 i32 i32) (result i32) i32.const 0)
            (func $wait (local $until i64)
                (local.set $until (i64.add (call $now) (i64.const {milliseconds}000000)))
                (loop $l (br_if $l (i64.lt_u (call $now) (local.get $until)))))
            (start $wait))"#
    );
    agent_importing("clocks", "monotonic-clock", "now: func() -> u64", &module)
}

/// An agent that answers every message with eight random bytes.
pub fn random() -> Vec<u8> {
    let module = r#"(module
        (import "wasi:random/random@0.2.6" "get-random-u64" (func $random (result i64)))
        (memory (export "memory") 20)
        (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) i32.const 4096)
        (func (export "sandlab:agent/agent@0.1.0#configure")
            (param i32 i32) (result i32) i32.const 0)
        (func (export "sandlab:agent/agent@0.1.0#handle")
            (param $id i64) (param $conversation i64) (param i32 i64)
            (param $from i64) (param $to i64) (param i32 i32 i32) (result i32)
            (i64.store (i32.const 512) (call $random))
            (i64.store (i32.const 256) (local.get $id))
            (i64.store (i32.const 264) (local.get $conversation))
            (i32.store8 (i32.const 272) (i32.const 1))
            (i64.store (i32.const 280) (local.get $id))
            (i64.store (i32.const 288) (local.get $to))
            (i64.store (i32.const 296) (local.get $from))
            (i32.store8 (i32.const 304) (i32.const 1))
            (i32.store (i32.const 308) (i32.const 512))
            (i32.store (i32.const 312) (i32.const 8))
            (i32.store (i32.const 132) (i32.const 256))
            (i32.store (i32.const 136) (i32.const 1))
            i32.const 128))"#;
    agent_importing("random", "random", "get-random-u64: func() -> u64", module)
}
