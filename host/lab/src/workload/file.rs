//! Workload files: one JSON object per line.
//!
//! ```text
//! {"configure": "fast"}
//! {"request": "one two", "reply": "two one"}
//! {"request": {"hex": "00ff"}, "replies": ["a", "b"]}
//! {"request": "anything"}
//! ```
//!
//! The first line may configure the agent. A request without a reply must get the same reply
//! each time, on every backend.

use super::{Case, Exchange, Expected};
use crate::{Error, Result};
use serde::Deserialize;
use std::path::Path;
use std::sync::OnceLock;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    configure: Option<Content>,
    request: Option<Content>,
    reply: Option<Content>,
    replies: Option<Vec<Content>>,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "a text, or an object {\"hex\": \"00ff\"}")]
enum Content {
    Text(String),
    Hex { hex: String },
}

/// Reads a workload file into one case with all messages in order.
///
/// # Errors
/// [`Error::File`] if it cannot be read, [`Error::Workload`] with the first wrong line.
pub fn read(path: &Path) -> Result<Vec<Case>> {
    let text = sandlab_runtime::text_file::read(path).map_err(Error::file("read", path))?;
    read_text(path, &text)
}

/// Reads the text of a workload file.
///
/// # Errors
/// [`Error::Workload`] with the first wrong line.
pub fn read_text(path: &Path, text: &str) -> Result<Vec<Case>> {
    parse(text).map_err(|reason| Error::Workload { path: path.to_owned(), reason })
}

fn parse(text: &str) -> Result<Vec<Case>, String> {
    let (mut config, mut exchanges) = (Vec::new(), Vec::new());
    let lines = text.lines().enumerate();
    for (index, line) in lines.filter(|(_, line)| !line.trim().is_empty()) {
        let at = |reason: String| format!("line {}: {reason}", index + 1);
        let line: Line = serde_json::from_str(line).map_err(|error| at(error.to_string()))?;
        match line {
            Line { configure: Some(content), request: None, reply: None, replies: None }
                if config.is_empty() && exchanges.is_empty() =>
            {
                config = content.bytes().map_err(at)?;
            }
            Line { configure: None, request: Some(request), reply, replies } => {
                let request = request.bytes().map_err(at)?;
                let expected = expected(reply, replies).map_err(at)?;
                exchanges.push(Exchange::new(request, expected));
            }
            _ => {
                let help = "expected a `request`, or, on the first line only, `configure` alone";
                return Err(at(help.to_owned()));
            }
        }
    }
    if exchanges.is_empty() {
        return Err("it has no request".to_owned());
    }
    Ok(vec![Case { size: None, config, peers: Vec::new(), directory: false, exchanges }])
}

fn expected(reply: Option<Content>, replies: Option<Vec<Content>>) -> Result<Expected, String> {
    match (reply, replies) {
        (None, None) => Ok(Expected::Repeats(OnceLock::new())),
        (Some(reply), None) => Ok(Expected::Reply(reply.bytes()?)),
        (None, Some(replies)) => {
            let replies = replies.into_iter().map(Content::bytes);
            Ok(Expected::Replies(replies.collect::<Result<_, _>>()?))
        }
        (Some(_), Some(_)) => Err("give `reply` or `replies`, not both".to_owned()),
    }
}

impl Content {
    fn bytes(self) -> Result<Vec<u8>, String> {
        let hex = match self {
            Self::Text(text) => return Ok(text.into_bytes()),
            Self::Hex { hex } => hex,
        };
        let (pairs, rest) = hex.as_bytes().as_chunks::<2>();
        let byte = |pair: &[u8; 2]| {
            let digits = str::from_utf8(pair).ok()?;
            u8::from_str_radix(digits, 16).ok()
        };
        let bytes: Option<Vec<u8>> = pairs.iter().map(byte).collect();
        let bytes = bytes.filter(|_| rest.is_empty());
        bytes.ok_or_else(|| format!("{hex:?} is not hexadecimal"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_of_a_workload_become_its_exchanges() {
        let text = r#"{"configure": "fast"}

            {"request": "a", "reply": {"hex": "00ff"}}
            {"request": "b", "replies": []}
            {"request": "c"}"#;
        let case = parse(text).unwrap().pop().unwrap();
        assert_eq!(case.config, b"fast");
        let [a, b, c] = &case.exchanges[..] else {
            panic!("{case:?}");
        };
        assert!(matches!(&a.expected, Expected::Reply(bytes) if *bytes == [0, 255]));
        assert!(matches!(&b.expected, Expected::Replies(none) if none.is_empty()));
        assert!(matches!(&c.expected, Expected::Repeats(_)));
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        for (text, part) in [
            ("", "no request"),
            ("{\"request\": \"a\"}\n{\"configure\": \"x\"}", "line 2"),
            ("{\"request\": {\"hex\": \"0g\"}}", "not hexadecimal"),
            ("{\"request\": \"a\", \"anser\": \"b\"}", "anser"),
            ("not json", "line 1"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(part), "{text:?}: {error}");
        }
    }
}
