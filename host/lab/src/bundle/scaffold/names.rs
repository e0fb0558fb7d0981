//! The names that agents can have: those that cargo takes, whatever the language.

use crate::{Error, Result};

/// Names that cargo refuses: Rust's keywords, and crates that every agent's crate depends on.
const RESERVED: &[&str] = &[
    "abstract",
    "alloc",
    "as",
    "async",
    "await",
    "become",
    "box",
    "break",
    "const",
    "continue",
    "core",
    "crate",
    "do",
    "dyn",
    "else",
    "enum",
    "extern",
    "false",
    "final",
    "fn",
    "for",
    "gen",
    "if",
    "impl",
    "in",
    "let",
    "loop",
    "macro",
    "match",
    "mod",
    "move",
    "mut",
    "override",
    "priv",
    "proc-macro",
    "proc_macro",
    "pub",
    "ref",
    "return",
    "sandlab-agent",
    "sandlab-native-abi",
    "self",
    "static",
    "std",
    "struct",
    "super",
    "test",
    "trait",
    "true",
    "try",
    "type",
    "typeof",
    "unsafe",
    "unsized",
    "use",
    "virtual",
    "where",
    "while",
    "yield",
];

/// The longest name: crates.io's, with which every file that is named after it has a name, too.
const LONGEST: usize = 64;

/// Checks that an agent, its project and its crate can have this name.
///
/// # Errors
/// [`Error::Usage`] with the rule that the name breaks.
pub fn check_name(name: &str) -> Result<()> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let starts_well = name.starts_with(|c: char| c.is_ascii_alphabetic());
    if !starts_well || !name.chars().all(plain) {
        return Err(Error::Usage(format!(
            "{name:?} cannot be an agent's name: it takes letters, digits, `-` and `_`, and \
             starts with a letter"
        )));
    }
    if name.len() > LONGEST {
        return Err(Error::Usage(format!(
            "{name:?} cannot be an agent's name: it has {} characters, and takes at most {LONGEST}",
            name.len()
        )));
    }
    if RESERVED.contains(&name) {
        return Err(Error::Usage(format!(
            "{name:?} cannot be an agent's name, since cargo refuses it: \"{name}-agent\" can"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_cargo_would_refuse_are_refused_first() {
        for name in ["", "1st", "a b", "../up", "fn", "naïve", "sandlab-agent", &"a".repeat(65)] {
            assert!(check_name(name).is_err(), "{name:?}");
        }
        assert!(check_name("my-agent_2").is_ok());
    }
}
