//! Rust bindings of the WIT package.
//!
//! A twin uses the same types and the same host interface, so there is one definition. Each
//! optional interface is a world of its own here, because the macros that two worlds generate for
//! a shared interface would collide; wit-component joins the worlds that one module exports.
#![allow(missing_docs, clippy::all, clippy::undocumented_unsafe_blocks)]

/// `world plain-agent`.
pub mod plain {
    wit_bindgen::generate!({
        path: "wit",
        world: "plain-agent",
        additional_derives: [PartialEq, Eq],
        pub_export_macro: true,
        generate_unused_types: true,
    });
}

/// The interface that `world batch-agent` adds.
pub mod batch {
    wit_bindgen::generate!({
        path: "wit",
        inline: "package sandlab:sdk; world batch { export sandlab:agent/batch@0.1.0; }",
        world: "sandlab:sdk/batch",
        pub_export_macro: true,
        export_macro_name: "export_batch",
        with: { "sandlab:agent/types@0.1.0": super::plain::sandlab::agent::types },
    });
}

/// The interface that `world durable-agent` adds.
pub mod durable {
    wit_bindgen::generate!({
        path: "wit",
        inline: "package sandlab:sdk; world durable { export sandlab:agent/state@0.1.0; }",
        world: "sandlab:sdk/durable",
        pub_export_macro: true,
        export_macro_name: "export_durable",
        with: { "sandlab:agent/types@0.1.0": super::plain::sandlab::agent::types },
    });
}

/// The interfaces that `world zero-copy-agent` adds.
#[cfg(target_family = "wasm")]
pub mod zero_copy {
    wit_bindgen::generate!({
        path: "wit",
        inline: "package sandlab:sdk; world zero-copy { export sandlab:agent/parcels@0.1.0; }",
        world: "sandlab:sdk/zero-copy",
        pub_export_macro: true,
        export_macro_name: "export_zero_copy",
        with: {
            "sandlab:agent/types@0.1.0": super::plain::sandlab::agent::types,
            "sandlab:agent/contents@0.1.0": generate,
        },
    });
}
