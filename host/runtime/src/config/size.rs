//! Sizes as text, and in a JSON Schema.

use bytesize::ByteSize;
use schemars::JsonSchema;
use serde::{Serialize, Serializer};

/// A number of bytes as configs have it, for their JSON Schema.
#[derive(JsonSchema)]
#[schemars(untagged)]
pub enum Size {
    /// In bytes.
    Bytes(u64),
    /// With a unit: "64 MiB", "1 MB".
    Text(String),
}

/// Writes a size as people do where that is exact ("64.0 MiB"), and else in bytes ("10000000B"): a
/// config that is written, or sent to another process, gives the same limits.
///
/// # Errors
/// The serializer's.
pub(super) fn serialize<S: Serializer>(size: &ByteSize, to: S) -> Result<S::Ok, S::Error> {
    if !to.is_human_readable() {
        return size.serialize(to);
    }
    let text = size.to_string();
    match text.parse() {
        Ok(read) if *size == read => to.serialize_str(&text),
        _ => to.serialize_str(&format!("{}B", size.as_u64())),
    }
}

/// Does the same as [`serialize`] with a size that may be absent.
///
/// # Errors
/// The serializer's.
pub(super) fn serialize_some<S: Serializer>(
    size: &Option<ByteSize>,
    to: S,
) -> Result<S::Ok, S::Error> {
    struct Exact<'a>(&'a ByteSize);
    impl Serialize for Exact<'_> {
        fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
            serialize(self.0, to)
        }
    }
    size.as_ref().map(Exact).serialize(to)
}
