//! Sizes in a JSON Schema.

use schemars::JsonSchema;

/// A number of bytes as configs have it, for their JSON Schema.
#[derive(JsonSchema)]
#[schemars(untagged)]
pub enum Size {
    /// In bytes.
    Bytes(u64),
    /// With a unit: "64 MiB", "1 MB".
    Text(String),
}
