//! The WIT package as generated Rust types, so that there is one definition. A host that
//! links agents itself can name these modules in the `with` of its own `bindgen!`.

/// `world plain-agent` for a host. The undocumented items are the macro's own.
#[allow(missing_docs)]
pub(crate) mod plain {
    wasmtime::component::bindgen!({
        path: "../../wit",
        world: "plain-agent",
        imports: {
            "sandlab:agent/host@0.1.0.log": trappable,
            "sandlab:agent/host@0.1.0.send": trappable,
        },
        additional_derives: [PartialEq, Eq, serde::Serialize, serde::Deserialize],
    });
}

/// As above, for calls on a fiber.
#[allow(missing_docs)]
pub(crate) mod plain_async {
    wasmtime::component::bindgen!({
        path: "../../wit",
        world: "plain-agent",
        exports: { default: async },
        with: {
            "sandlab:agent/types": super::plain::sandlab::agent::types,
            "sandlab:agent/host": super::plain::sandlab::agent::host,
        },
    });
}

/// The optional interfaces, and what they import. `state` is not here: it is called so seldom
/// that it is looked up each time.
#[allow(missing_docs)]
pub(crate) mod optional {
    wasmtime::component::bindgen!({
        path: "../../wit",
        inline: "package sandlab:runtime; world optional {
            export sandlab:agent/batch@0.1.0;
            export sandlab:agent/parcels@0.1.0;
        }",
        world: "sandlab:runtime/optional",
        imports: { default: trappable },
        with: {
            "sandlab:agent/types@0.1.0": super::plain::sandlab::agent::types,
            "sandlab:agent/contents@0.1.0.content": crate::wasm::Content,
        },
    });
}

/// As above, for calls on a fiber.
#[allow(missing_docs)]
pub(crate) mod optional_async {
    wasmtime::component::bindgen!({
        path: "../../wit",
        inline: "package sandlab:runtime; world optional {
            export sandlab:agent/batch@0.1.0;
            export sandlab:agent/parcels@0.1.0;
        }",
        world: "sandlab:runtime/optional",
        exports: { default: async },
        with: {
            "sandlab:agent/types@0.1.0": super::plain::sandlab::agent::types,
            "sandlab:agent/contents@0.1.0": super::optional::sandlab::agent::contents,
        },
    });
}

pub use optional::sandlab::agent::contents;
pub use plain::sandlab::agent::{host, types};
