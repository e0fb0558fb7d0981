//! Tells the kind of a file that is not a component, so that an error can say what to do
//! with it.

use crate::LoadError;
use wasmparser::{Parser, Payload};

/// The kind of a file, by its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A component of the current binary format. It may still be damaged.
    Component,
    /// A component of a draft of the binary format.
    OldComponent,
    /// A core module.
    Module,
    /// A core module in which `wit-bindgen` has embedded a world, so that it can be made a
    /// component.
    ModuleWithWorld,
    /// WebAssembly of another version.
    OtherWasm,
    /// The first bytes of WebAssembly, too few to tell of which kind.
    CutOff,
    /// WebAssembly's text format.
    Wat,
    /// A file without bytes.
    Empty,
    /// A native program or library.
    Elf,
    /// A gzip archive.
    Gzip,
    /// A zip archive.
    Zip,
    /// A zstd archive.
    Zstd,
    /// An HTML or XML page.
    Page,
    /// WIT in text form.
    Wit,
    /// Other text.
    Text,
    /// Any other binary file.
    Unknown,
}

impl Kind {
    /// Returns the kind of a file's bytes.
    pub fn of(bytes: &[u8]) -> Self {
        if bytes.is_empty() {
            return Self::Empty;
        }
        if Parser::is_component(bytes) {
            return Self::Component;
        }
        if Parser::is_core_wasm(bytes) {
            return module(bytes);
        }
        // The magic number and the version have eight bytes. One zero byte is no beginning.
        if bytes.len() < HEADER && bytes.len() > 1 && is_beginning(bytes) {
            return Self::CutOff;
        }
        if let Some((_, kind)) = MAGIC.iter().find(|(magic, _)| bytes.starts_with(magic)) {
            return *kind;
        }
        // The layer is the third byte after the magic number: 1 for components.
        if bytes.starts_with(b"\0asm") {
            let is_component = bytes.get(6) == Some(&1);
            return if is_component { Self::OldComponent } else { Self::OtherWasm };
        }
        str::from_utf8(bytes).map_or(Self::Unknown, text)
    }

    /// Returns the kind in words, with its article.
    pub const fn found(self) -> &'static str {
        match self {
            Self::Component => "a component",
            Self::OldComponent => "a component of an older binary format",
            Self::Module => "a core WebAssembly module",
            Self::ModuleWithWorld => "a core WebAssembly module with a world embedded",
            Self::OtherWasm => "WebAssembly of an unknown version",
            Self::CutOff => "the first bytes of WebAssembly, cut off within its header",
            Self::Wat => "WebAssembly in text form",
            Self::Empty => "an empty file",
            Self::Elf => "a native library or program (ELF)",
            Self::Gzip => "a gzip archive",
            Self::Zip => "a zip archive",
            Self::Zstd => "a zstd archive",
            Self::Page => "an HTML or XML page",
            Self::Wit => "WIT in text form",
            Self::Text => "text",
            Self::Unknown => "a binary file of no known kind",
        }
    }

    /// Returns what to do with such a file.
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::Component => "Nothing",
            Self::OldComponent | Self::OtherWasm => "Rebuild it with current tools",
            Self::CutOff => "Build or copy the file again",
            Self::Module => {
                "Build it for wasm32-wasip2, or wrap it with `wasm-tools component new`"
            }
            Self::ModuleWithWorld => "Wrap it with `wasm-tools component new FILE -o FILE.wasm`",
            Self::Wat => "Convert it to a binary with `wasm-tools parse FILE -o FILE.wasm`",
            Self::Elf => "It may be the agent's twin: give the component beside it, `agent.wasm`",
            Self::Gzip => "Unpack it with `gunzip`",
            Self::Zip => "Unpack it with `unzip`",
            Self::Zstd => "Unpack it with `unzstd`",
            Self::Page => "Was the download refused?",
            Self::Wit => "It describes an agent and is none: build an agent for its world",
            Self::Empty | Self::Text | Self::Unknown => {
                "Build it for wasm32-wasip2, as `sandlab build` does"
            }
        }
    }
}

/// Bytes of the magic number and the version.
const HEADER: usize = 8;

/// Returns whether these bytes are the first ones of WebAssembly's header.
fn is_beginning(bytes: &[u8]) -> bool {
    const MAGIC: &[u8] = b"\0asm";
    MAGIC.starts_with(bytes) || bytes.starts_with(MAGIC)
}

const MAGIC: [(&[u8], Kind); 4] = [
    (b"\x7fELF", Kind::Elf),
    (b"\x1f\x8b", Kind::Gzip),
    (b"PK\x03\x04", Kind::Zip),
    (b"\x28\xb5\x2f\xfd", Kind::Zstd),
];

/// The prefix of a custom section's name if the section holds a world.
const EMBEDDED_WORLD: &str = "component-type";

fn module(bytes: &[u8]) -> Kind {
    let payloads = Parser::new(0).parse_all(bytes).map_while(Result::ok);
    let embeds = |payload: Payload| match payload {
        Payload::CustomSection(section) => section.name().starts_with(EMBEDDED_WORLD),
        _ => false,
    };
    if payloads.into_iter().any(embeds) {
        return Kind::ModuleWithWorld;
    }
    Kind::Module
}

fn text(text: &str) -> Kind {
    let text = text.trim_start();
    match text {
        _ if text.starts_with("(component") || text.starts_with("(module") => Kind::Wat,
        // A WAT file can begin with a comment.
        _ if text.starts_with(";;") || text.starts_with("(;") => Kind::Wat,
        _ if text.starts_with('<') => Kind::Page,
        _ if text.starts_with("package ") || text.starts_with("interface ") => Kind::Wit,
        _ => Kind::Text,
    }
}

/// Checks that the bytes are a component.
///
/// # Errors
/// [`LoadError::NotAComponent`] with what the bytes are instead.
pub(crate) fn require_component(bytes: &[u8]) -> Result<(), LoadError> {
    match Kind::of(bytes) {
        Kind::Component => Ok(()),
        kind => Err(LoadError::NotAComponent {
            found: kind.found().to_owned(),
            remedy: kind.remedy().to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_the_file_is() {
        for (bytes, kind) in [
            (&b""[..], Kind::Empty),
            (b"\0asm\x01\0\0\0", Kind::Module),
            (b"\0asm\x01\0\0\0\0\x0f\x0ecomponent-type", Kind::ModuleWithWorld),
            (b"\0asm\x0c\0\x01\0", Kind::OldComponent),
            (b"\0asm\x02\0\0\0", Kind::OtherWasm),
            (b"\x7fELF\x02\x01", Kind::Elf),
            (b"  (component)", Kind::Wat),
            (b"package sandlab:agent;", Kind::Wit),
            (b"<html>", Kind::Page),
            (b"hello", Kind::Text),
            (b"\xff\xfe\0", Kind::Unknown),
            (b"\x1f\x8b\x08", Kind::Gzip),
            (b"PK\x03\x04", Kind::Zip),
            (b"\0asm\x0d\0\x01\0", Kind::Component),
            (b"\0asm\x0d\0", Kind::CutOff),
            (b"\0as", Kind::CutOff),
            (b"\0", Kind::Text),
        ] {
            assert_eq!(Kind::of(bytes), kind);
        }
        let error = require_component(b"hello").unwrap_err().to_string();
        assert!(error.contains("it is text"), "{error}");
    }
}
