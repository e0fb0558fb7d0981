//! What a file is that is not a component, so that the error can say what to do with it.

use crate::LoadError;
use wasmparser::Parser;

/// # Errors
/// [`LoadError::NotAComponent`] with what the bytes are instead.
pub fn require_component(bytes: &[u8]) -> Result<(), LoadError> {
    if Parser::is_component(bytes) {
        return Ok(());
    }
    let (found, remedy) = identify(bytes);
    Err(LoadError::NotAComponent {
        found: found.to_owned(),
        remedy: remedy.to_owned(),
    })
}

fn identify(bytes: &[u8]) -> (&'static str, &'static str) {
    const BUILD: &str = "Build it for wasm32-wasip2, as `sandlab build` does";
    if bytes.is_empty() {
        return ("an empty file", BUILD);
    }
    if Parser::is_core_wasm(bytes) {
        return (
            "a core WebAssembly module",
            "Build it for wasm32-wasip2, or wrap it with `wasm-tools component new`",
        );
    }
    for (magic, found, remedy) in BINARIES {
        if bytes.starts_with(magic) {
            return (found, remedy);
        }
    }
    match str::from_utf8(bytes).map(str::trim_start) {
        Ok(text) if text.starts_with("(component") || text.starts_with("(module") => (
            "WebAssembly in text form",
            "Turn it into a binary with `wasm-tools parse FILE -o FILE.wasm`",
        ),
        Ok(text) if text.starts_with('<') => ("an HTML or XML page", "Was the download refused?"),
        Ok(_) => ("text", BUILD),
        Err(_) => ("a binary file of no known kind", BUILD),
    }
}

const BINARIES: [(&[u8], &str, &str); 5] = [
    (
        b"\x7fELF",
        "a native library or program (ELF)",
        "It may be the agent's twin: name the component, `agent.wasm`, beside it",
    ),
    (
        b"\0asm",
        "WebAssembly of an unknown version",
        "Build it anew with current tools",
    ),
    (b"\x1f\x8b", "a gzip archive", "Unpack it with `gunzip`"),
    (b"PK\x03\x04", "a zip archive", "Unpack it with `unzip`"),
    (
        b"\x28\xb5\x2f\xfd",
        "a zstd archive",
        "Unpack it with `unzstd`",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_the_file_is() {
        for (bytes, found) in [
            (&b""[..], "an empty file"),
            (b"\0asm\x01\0\0\0", "a core WebAssembly module"),
            (b"\x7fELF\x02\x01", "a native library or program (ELF)"),
            (b"  (component)", "WebAssembly in text form"),
            (b"hello", "text"),
            (b"\xff\xfe\0", "a binary file of no known kind"),
            (b"\x1f\x8b\x08", "a gzip archive"),
        ] {
            let error = require_component(bytes).unwrap_err().to_string();
            assert!(error.contains(found), "{error}");
        }
        assert!(require_component(b"\0asm\x0d\0\x01\0").is_ok());
    }
}
