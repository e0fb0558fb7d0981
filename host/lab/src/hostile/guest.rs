//! Guests in WebAssembly text, encoded as components for the contract's world.

use sandlab_runtime::wasm::contract::WIT;
use std::fmt::Write;
use wasm_encoder::{
    ComponentSection, InstanceSection, MemorySection, MemoryType, Module, ModuleArg, ModuleSection,
};
use wasmparser::{Parser, Payload};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::{Resolve, SourceMap};

/// The WASI interfaces that the guests import, reduced to the functions that they use: a
/// component needs to name no others.
const WASI: &str = r#"
package sandlab:guest;

package wasi:io@0.2.6 {
    interface poll {
        resource pollable { block: func(); }
    }
    interface error { resource error; }
    interface streams {
        use error.{error};
        variant stream-error { last-operation-failed(error), closed }
        resource output-stream {
            blocking-write-and-flush: func(contents: list<u8>) -> result<_, stream-error>;
        }
    }
}
package wasi:clocks@0.2.6 {
    interface monotonic-clock {
        use wasi:io/poll@0.2.6.{pollable};
        subscribe-duration: func(when: u64) -> pollable;
    }
}
package wasi:random@0.2.6 {
    interface random { get-random-bytes: func(len: u64) -> list<u8>; }
}
package wasi:cli@0.2.6 {
    interface environment { get-environment: func() -> list<tuple<string, string>>; }
    interface stdout {
        use wasi:io/streams@0.2.6.{output-stream};
        get-stdout: func() -> output-stream;
    }
    interface stderr {
        use wasi:io/streams@0.2.6.{output-stream};
        get-stderr: func() -> output-stream;
    }
    interface exit { exit: func(status: result); }
}
package wasi:sockets@0.2.6 {
    interface instance-network {
        use network.{network};
        instance-network: func() -> network;
    }
    interface network { resource network; }
}
package wasi:filesystem@0.2.6 {
    interface types { resource descriptor; }
    interface preopens {
        use types.{descriptor};
        get-directories: func() -> list<tuple<descriptor, string>>;
    }
}
package nobody:knows@1.0.0 {
    interface secrets { read: func() -> u64; }
}

world guest {
    include sandlab:agent/plain-agent@0.1.0;
    import wasi:clocks/monotonic-clock@0.2.6;
    import wasi:random/random@0.2.6;
    import wasi:cli/environment@0.2.6;
    import wasi:cli/stdout@0.2.6;
    import wasi:cli/stderr@0.2.6;
    import wasi:cli/exit@0.2.6;
    import wasi:sockets/instance-network@0.2.6;
    import wasi:filesystem/preopens@0.2.6;
    import nobody:knows/secrets@1.0.0;
}
"#;

/// A core module that echoes, with text inserted at the places below.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Guest<'a> {
    /// Imports, functions, tables and memories of the module.
    pub items: &'a str,
    /// Instructions of `configure`, before it accepts.
    pub configure: &'a str,
    /// Instructions of `handle`, before it writes the reply.
    pub handle: &'a str,
    /// Instructions of `handle` after it wrote the reply: the result is at address 1024, its only
    /// message at 1088.
    pub answer: &'a str,
    /// The instructions of `cabi_realloc`; if empty, it always returns 8192.
    pub realloc: &'a str,
    /// Initial pages of memory; 4 if zero.
    pub pages: u32,
}

impl Guest<'_> {
    /// Returns the module as text.
    fn text(&self) -> String {
        let Self { items, configure, handle, answer, .. } = self;
        let pages = if self.pages == 0 { 4 } else { self.pages };
        let realloc = if self.realloc.is_empty() { "i32.const 8192" } else { self.realloc };
        format!(
            r#"(module
    {items}
    (memory (export "memory") {pages})
    (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) {realloc})
    (func (export "sandlab:agent/agent@0.1.0#configure") (param i32 i32) (result i32)
        {configure}
        i32.const 0)
    (func $handle (export "sandlab:agent/agent@0.1.0#handle")
        (param $id i64) (param $conversation i64) (param $is-reply i32) (param i64)
        (param $sender i64) (param $self i64) (param i32)
        (param $content i32) (param $length i32) (result i32)
        (local $n i32) (local $m i64)
        {handle}
        (i64.store (i32.const 1088) (local.get $id))
        (i64.store (i32.const 1096) (local.get $conversation))
        (i32.store8 (i32.const 1104) (i32.const 1))
        (i64.store (i32.const 1112) (local.get $id))
        (i64.store (i32.const 1120) (local.get $self))
        (i64.store (i32.const 1128) (local.get $sender))
        (i32.store8 (i32.const 1136) (i32.const 1))
        (i32.store (i32.const 1140) (local.get $content))
        (i32.store (i32.const 1144) (local.get $length))
        (i32.store8 (i32.const 1024) (i32.const 0))
        (i32.store (i32.const 1028) (i32.const 1088))
        (i32.store (i32.const 1032) (i32.const 1))
        {answer}
        i32.const 1024)
)"#
        )
    }

    /// Encodes the component.
    ///
    /// # Panics
    /// If the text is not valid WebAssembly.
    pub fn component(&self) -> Vec<u8> {
        let mut wit = Resolve::default();
        let mut contract = SourceMap::default();
        for (name, text) in WIT {
            contract.push_str(name, text);
        }
        let contract = contract.parse().expect("the contract is WIT");
        wit.push_group(contract).expect("the contract resolves");
        encode(wit, WASI, &self.text())
    }
}

/// Encodes a core module as a component for the world `guest` of these interfaces.
///
/// # Panics
/// If the text is not valid WebAssembly, or does not fit the world.
pub(super) fn encode(mut wit: Resolve, interfaces: &str, text: &str) -> Vec<u8> {
    let package = wit.push_str("guest.wit", interfaces).expect("the interfaces resolve");
    let world = wit.select_world(&[package], Some("guest"));
    let world = world.expect("there is a world");
    let mut module = wat::parse_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    embed_component_metadata(&mut module, &wit, world, StringEncoding::UTF8)
        .expect("the types can be embedded");
    let encoder = ComponentEncoder::default().module(&module);
    let encoder = encoder.unwrap_or_else(|error| panic!("{error:#}\n{text}"));
    encoder.validate(true).encode().expect("it is a component")
}

/// Adds core instances to a component, each of a module with one page of memory.
pub fn with_core_instances(component: &[u8], instances: u32) -> Vec<u8> {
    let modules = Parser::new(0).parse_all(component);
    let is_outermost_module =
        |payload: &Result<Payload, _>| matches!(payload, Ok(Payload::ModuleSection { .. }));
    let module = modules.filter(is_outermost_module).count() as u32;
    let mut memories = MemorySection::new();
    memories.memory(MemoryType {
        minimum: 1,
        maximum: None,
        memory64: false,
        shared: false,
        page_size_log2: None,
    });
    let mut empty = Module::new();
    empty.section(&memories);
    let mut with_core_instances = component.to_vec();
    ModuleSection(&empty).append_to_component(&mut with_core_instances);
    let mut started = InstanceSection::new();
    for _ in 0..instances {
        started.instantiate(module, Vec::<(&str, ModuleArg)>::new());
    }
    started.append_to_component(&mut with_core_instances);
    with_core_instances
}

/// Returns a component with one function of this many steps: compile time grows faster than
/// linearly with them.
pub fn slow_to_compile(steps: usize) -> Vec<u8> {
    let mut items = String::from("(func (export \"long\") (param i64) (result i64) (local i64)\n");
    for step in 0..steps {
        let _ = write!(
            items,
            "(if (i64.eq (local.get 0) (i64.const {step})) (then (local.set 1 (i64.add \
             (local.get 1) (i64.mul (local.get 0) (i64.const {step}))))))"
        );
    }
    items.push_str("(local.get 1))");
    Guest { items: &items, ..Guest::default() }.component()
}
