//! The WIT package as Rust types, generated, so that there is one definition. For a host
//! that links agents by itself: `with` in its own `bindgen!` can name these modules.

/// `world plain-agent`, as a host sees it. What the WIT leaves undocumented is the macro's own.
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

/// The same, for calls on a fiber.
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

/// What agents may export besides, and what for that they import. `state` is called so
/// seldom that it is looked up each time.
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

/// The same, for calls on a fiber.
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
use types::{Message, Performative};

impl Message {
    /// A request with this content, from nobody to nobody: enough for an agent that only computes.
    pub fn request(content: impl Into<Vec<u8>>) -> Self {
        Self {
            id: 1,
            conversation: 1,
            in_reply_to: None,
            sender: 0,
            recipient: 0,
            performative: Performative::Request,
            content: content.into(),
        }
    }
}
