//! TOML, of which what is wrong is told by its place: the line itself may hold a password.

use serde::de::DeserializeOwned;

/// Returns what a text says.
///
/// # Errors
/// The line, the column and the error there, without anything that the text has as a value.
pub fn read<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    toml::from_str(text).map_err(|error: toml::de::Error| {
        let what = without_values(&error);
        match error.span() {
            Some(span) => {
                let (line, column) = place(text, span.start);
                format!("line {line}, column {column}: {what}")
            }
            None => what,
        }
    })
}

/// Returns what is wrong and in which field, without anything that the text has as a value.
pub fn without_values(error: &toml::de::Error) -> String {
    without_text(error.message()) + &field(error.clone())
}

/// Returns which field an error is about, as its end: " in `agents.echo.instances`". Nothing if it is
/// about the text as a whole.
fn field(mut error: toml::de::Error) -> String {
    // Without the text, it is written with the names of the fields that lead to it.
    error.set_input(None);
    let written = error.to_string();
    let rest = written.strip_prefix(error.message()).unwrap_or_default().trim();
    if rest.is_empty() { String::new() } else { format!(" {rest}") }
}

/// Returns the line and column of a byte, from 1.
fn place(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line = before.rsplit('\n').next().unwrap_or_default();
    (before.matches('\n').count() + 1, line.chars().count() + 1)
}

/// Returns an error of serde without the text that stands where something else should: `invalid
/// type: string "secret", expected a map`.
fn without_text(message: &str) -> String {
    const FOUND: &str = "invalid type: string ";
    let parts = message.strip_prefix(FOUND).and_then(|rest| rest.rsplit_once("\", expected "));
    match parts {
        Some((_, expected)) => format!("invalid type: a string, expected {expected}"),
        None => message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use crate::SandboxConfig;

    #[test]
    fn an_error_has_its_place_and_no_value() {
        let wrong = [
            ("deadline = '5s'\ngrants = 'secret'", "line 2, column 10: ", "in `grants`"),
            ("[grants]\nenv = 'KEY=secret\", expected x'", "line 2, column 7: ", "a map"),
            ("[grants.env]\nKEY = secret", "line 2, column ", "quoted"),
            ("[grants]\nenv = { KEY = 'secret' ", "line 2, column ", ""),
            ("[grants]\nenvs = { KEY = 'secret' }", "line 2, column 1: ", "envs"),
        ];
        for (text, place, what) in wrong {
            let error = super::read::<SandboxConfig>(text).unwrap_err();
            assert!(error.starts_with(place) && error.contains(what), "{text}: {error}");
            assert!(!error.contains("secret"), "{text}: {error}");
        }
    }

    #[test]
    fn columns_are_of_letters() {
        assert_eq!(super::place("a\näöü = 1", 9), (2, 5));
        assert_eq!(super::place("", 0), (1, 1));
    }
}
