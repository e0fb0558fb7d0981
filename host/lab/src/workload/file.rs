//! Workload files: one JSON object per line, all of one kind.
//!
//! ```text
//! {"configure": "fast", "peers": ["next"]}
//! {"request": "one two", "reply": "two one"}
//! {"request": {"hex": "00ff"}, "replies": ["a", {"regex": "^b+$"}]}
//! {"request": "panic", "faults": true}
//! {"request": "secret", "failure": "refused"}
//! {"request": "a", "reply": "b", "reply-fields": {"performative": "inform", "recipient": 0}}
//! {"request": "anything"}
//!
//! {"http": {"method": "POST", "path": "/x", "body": "…"}, "status": 200, "body": {"json": {"n": 1}}}
//! {"args": ["-e", "puts 1"], "stdin": "…", "stdout": "1\n", "exit": 0}
//! {"call": "ns:pkg/iface.func(\"x\", {a: 1})", "result": "{b: 2}"}
//! ```
//!
//! The first line may set an agent up. A message of which nothing is expected must get the same
//! reply each time, on every backend.

use super::line::Line;
use super::{Case, Refusal};
use crate::{Error, Result};
use sandlab_runtime::subject::Kind;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::path::Path;

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
    let mut case =
        parse(text).map_err(|reason| Error::Workload { path: path.to_owned(), reason })?;
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
    let digest = Sha256::digest(text);
    let digest: String = digest[..4].iter().map(|byte| format!("{byte:02x}")).collect();
    case.source = Some(format!("{}@{digest}", crate::printable::printable(&name)));
    Ok(vec![case])
}

fn parse(text: &str) -> Result<Case, String> {
    let mut case: Option<Case> = None;
    let (mut config, mut peers): (Vec<u8>, Vec<String>) = Default::default();
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    for (place, (index, line)) in lines.enumerate() {
        let at = |reason: String| format!("line {}: {reason}", index + 1);
        let text = line;
        // A list would be taken for the values of a line's fields.
        if text.trim_start().starts_with('[') {
            return Err(at(NO_OBJECT.to_owned()));
        }
        let line: Line = serde_json::from_str(text).map_err(|error| at(wrong(text, &error)))?;
        if place == 0 && line.is_setup() {
            let configure = line.configure.map(|bytes| bytes.bytes()).transpose();
            config = configure.map_err(at)?.unwrap_or_default();
            peers = line.peers.unwrap_or_default();
            continue;
        }
        let (faults, failure) = (line.faults, line.failure);
        let (kind, mut exchange) = line.exchange().map_err(at)?;
        (exchange.line, exchange.text) = (Some(index + 1), Some(text.to_owned()));
        let case = case.get_or_insert_with(|| Case::new(kind, Vec::new()));
        if case.kind != kind {
            let first = case.kind;
            return Err(at(format!("a message to {kind}, where the first one is to {first}")));
        }
        match (failure, faults) {
            (Some(failure), _) => case.refusals.push(Refusal {
                after: case.exchanges.len(),
                request: exchange.request,
                failure,
                line: index + 1,
            }),
            (None, true) => case.faults.push(exchange.request),
            (None, false) => case.exchanges.push(exchange),
        }
    }
    let mut case = case.ok_or("it has no message")?;
    if case.exchanges.is_empty() {
        return Err("none of its messages is answered: beside lines with `failure` or `faults`, \
                    give one that the agent answers"
            .to_owned());
    }
    if case.kind != Kind::Agent && !(config.is_empty() && peers.is_empty()) {
        return Err(format!("line 1: {} is neither configured nor has it peers", case.kind));
    }
    (case.config, case.peers) = (config, peers);
    Ok(case)
}

/// Says what is wrong in a line, and in which field.
fn wrong(line: &str, error: &serde_json::Error) -> String {
    match serde_json::from_str(line) {
        Ok(Value::Object(fields)) => {
            let mut wrong = fields.into_iter().filter_map(|(name, value)| {
                let alone = serde_json::from_value::<Line>(json!({ &*name: value }));
                // What is unknown is named already.
                let told = alone.err()?.to_string();
                Some(if told.starts_with(UNKNOWN) { told } else { format!("`{name}`: {told}") })
            });
            wrong.next().unwrap_or_else(|| in_line(error))
        }
        Ok(_) => NO_OBJECT.to_owned(),
        Err(_) => in_line(error),
    }
}

const NO_OBJECT: &str = "a message is a JSON object, as in {\"request\": \"a\"}";

/// The beginning of what serde says of a field that is not known.
const UNKNOWN: &str = "unknown field";

/// Returns the error of a text of one line, with the column alone.
fn in_line(error: &serde_json::Error) -> String {
    error.to_string().replacen(" at line 1 column ", ", at column ", 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::Expected;

    #[test]
    fn the_lines_of_a_workload_become_its_exchanges() {
        let text = r#"{"configure": "fast", "peers": ["next"]}

            {"request": "a", "reply": {"hex": "00ff"}}
            {"request": "die", "faults": true}
            {"request": "b", "replies": []}
            {"request": "c"}"#;
        let case = parse(text).unwrap();
        assert_eq!((case.config.as_slice(), case.peers[0].as_str()), (&b"fast"[..], "next"));
        assert_eq!(case.faults[0].content, b"die");
        let [a, b, c] = &case.exchanges[..] else {
            panic!("{case:?}");
        };
        assert!(matches!(&a.expected, Expected::Reply(bytes) if *bytes == [0, 255]));
        assert!(matches!(&b.expected, Expected::Replies(none) if none.is_empty()));
        assert!(matches!(&c.expected, Expected::Repeats(_)));
        assert_eq!(c.line, Some(6));
    }

    #[test]
    fn each_kind_has_its_own_messages() {
        for (text, kind, content) in [
            (r#"{"http": {}}"#, Kind::Service, r#"{"method":"GET","path":"/"}"#),
            (
                r#"{"http": {"path": "/x", "headers": {"a": "b"}, "body": {"base64": "/w=="}}}"#,
                Kind::Service,
                r#"{"method":"GET","path":"/x","headers":[["a","b"]],"body":{"base64":"/w=="}}"#,
            ),
            (r#"{"args": ["-v"], "exit": 0}"#, Kind::Command, r#"{"args":["-v"]}"#),
            (r#"{"call": "f(1)", "result": "2"}"#, Kind::Function, "f(1)"),
        ] {
            let case = parse(text).unwrap();
            let sent = String::from_utf8_lossy(&case.exchanges[0].request.content);
            assert_eq!((case.kind, &*sent), (kind, content));
        }
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        for (text, part) in [
            ("", "no message"),
            ("{\"request\": \"a\"}\n{\"configure\": \"x\"}", "line 2"),
            ("{\"request\": {\"hex\": \"0g\"}}", "not hexadecimal"),
            ("{\"request\": \"a\", \"anser\": \"b\"}", "anser"),
            (r#"{"request": "a", "reply": "b", "failure": "refused"}"#, "takes the place of"),
            (r#"{"request": "a", "failure": "refuse"}"#, "refuse"),
            (r#"{"request": "a", "reply-fields": {"performative": "x"}}"#, "no performative"),
            ("not json", "line 1: expected ident, at column 2"),
            ("null", "line 1: a message is a JSON object"),
            (r#"{"http": {}, "status": "200"}"#, "`status`: invalid type: string \"200\""),
            (r#"{"http": {"path": 1}}"#, "`http`: invalid type: integer `1`"),
            (r#"{"http": {}, "body": {"base46": "A"}}"#, "`body`: expected a text"),
            (r#"{"http": {}, "exit": 0}"#, "to service has and what one to command"),
            ("{\"http\": {}}\n{\"args\": []}", "line 2: a message to command, where the first"),
            (r#"{"http": {}, "body": {"regex": "("}}"#, "the pattern \"(\""),
            (r#"{"status": 200}"#, "without its request, `http`"),
            ("{\"configure\": \"x\"}\n{\"call\": \"f()\"}", "neither configured"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(part), "{text:?}: {error}");
        }
    }
}
