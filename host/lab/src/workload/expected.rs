//! Expected reactions to messages.

use super::excerpt;
use super::matcher::{Matcher, Number, same};
use super::wave;
use sandlab_runtime::subject::{CommandResponse, HttpResponse};
use sandlab_runtime::{AgentId, Handled};
use std::sync::OnceLock;

/// The expected reaction to a message.
#[derive(Debug)]
pub enum Expected {
    /// One reply with these bytes.
    Reply(Vec<u8>),
    /// One reply per entry, as its matcher expects.
    Replies(Vec<Matcher>),
    /// One reply with a DEFLATE stream of these bytes.
    Deflated(Vec<u8>),
    /// No reply, and one message with these bytes to this agent.
    Sends(AgentId, Vec<u8>),
    /// The same replies as the first time, on any backend: all that can be required of an unknown
    /// agent.
    Repeats(OnceLock<Vec<Vec<u8>>>),
    /// A service's response.
    Response(Response),
    /// A command's exit code and output.
    Output(Output),
    /// A function's result in WAVE, in any of the ways in which it may be written.
    Result(String),
}

/// The expected response of a service; a field that is `None` is not checked.
#[derive(Debug)]
pub struct Response {
    /// The status code.
    pub status: Number<u16>,
    /// Headers by name, each of which must be there.
    pub headers: Vec<(String, Matcher)>,
    /// The body.
    pub body: Option<Matcher>,
}

/// The expected result of a command; a field that is `None` is not checked.
#[derive(Debug)]
pub struct Output {
    /// The exit code.
    pub exit: Number<i32>,
    /// Standard output.
    pub stdout: Option<Matcher>,
    /// Standard error.
    pub stderr: Option<Matcher>,
}

impl Expected {
    /// Returns true if the first reply decides what later ones must be.
    pub fn is_open(&self) -> bool {
        matches!(self, Self::Repeats(_))
    }

    /// Returns how many replies there must be; `None` if it is not known before the first.
    pub fn replies(&self) -> Option<usize> {
        match self {
            Self::Replies(expected) => Some(expected.len()),
            Self::Sends(..) => Some(0),
            Self::Repeats(first) => first.get().map(Vec::len),
            _ => Some(1),
        }
    }

    /// Checks the subject's reaction.
    ///
    /// # Errors
    /// If it differs: the text names the expected and the actual reaction.
    pub fn check(&self, handled: &Handled) -> Result<(), String> {
        let replies: Vec<&[u8]> = handled.replies.iter().map(|r| &*r.content).collect();
        match self {
            Self::Sends(recipient, expected) => {
                count(0, replies.len())?;
                return match handled.sent.as_slice() {
                    [sent] if sent.recipient == *recipient => same(expected, &sent.content),
                    sent => Err(format!(
                        "expected one message to agent {recipient}, got {} to others",
                        sent.len()
                    )),
                };
            }
            Self::Repeats(first) => {
                let first = first.get_or_init(|| replies.iter().map(|r| r.to_vec()).collect());
                return all_same(first, &replies).map_err(repeated);
            }
            Self::Replies(expected) => {
                count(expected.len(), replies.len())?;
                let mut pairs = expected.iter().zip(&replies);
                pairs.try_for_each(|(expected, got)| expected.check(got))?;
            }
            _ => {
                count(1, replies.len())?;
                self.check_reply(replies[0])?;
            }
        }
        match handled.sent.len() {
            0 => Ok(()),
            sent => Err(format!("expected no sent messages, got {sent}")),
        }
    }

    /// Checks the only reply.
    ///
    /// # Errors
    /// As [`check`](Self::check); also if there must be none, or more.
    pub fn check_reply(&self, reply: &[u8]) -> Result<(), String> {
        match self {
            Self::Reply(expected) => same(expected, reply),
            Self::Replies(expected) => match expected.as_slice() {
                [expected] => expected.check(reply),
                other => count(other.len(), 1),
            },
            Self::Deflated(expected) => {
                let inflated = miniz_oxide::inflate::decompress_to_vec(reply)
                    .map_err(|error| format!("the reply is not a DEFLATE stream: {error}"))?;
                same(expected, &inflated)
            }
            Self::Sends(..) => count(0, 1),
            Self::Repeats(first) => {
                let first = first.get_or_init(|| vec![reply.to_vec()]);
                all_same(first, &[reply]).map_err(repeated)
            }
            Self::Response(expected) => expected.check(reply),
            Self::Output(expected) => expected.check(reply),
            Self::Result(expected) => {
                let got = String::from_utf8_lossy(reply);
                let is_same = *expected == got || wave::is_same(expected, &got);
                if is_same { Ok(()) } else { same(expected.as_bytes(), reply) }
            }
        }
    }
}

impl Response {
    fn check(&self, reply: &[u8]) -> Result<(), String> {
        let response: HttpResponse = serde_json::from_slice(reply)
            .map_err(|error| format!("it is no response, {}: {error}", excerpt(reply)))?;
        let expected = self.status.expected(response.status);
        if expected != response.status {
            let body = excerpt(&response.body.0);
            return Err(format!(
                "expected the status {expected}, got {} with the body {body}",
                response.status
            ));
        }
        for (name, expected) in &self.headers {
            let headers = response.headers.iter();
            let mut values = headers.filter(|(got, _)| got.eq_ignore_ascii_case(name));
            let first = values.clone().next();
            let (_, value) = first.ok_or_else(|| format!("expected a header {name}, got none"))?;
            if !values.any(|(_, value)| expected.check(value.as_bytes()).is_ok()) {
                let differs = expected.check(value.as_bytes());
                differs.map_err(|error| format!("the header {name}: {error}"))?;
            }
        }
        let body = self.body.as_ref().map_or(Ok(()), |body| body.check(&response.body.0));
        body.map_err(|error| format!("the body: {error}"))
    }
}

impl Output {
    fn check(&self, reply: &[u8]) -> Result<(), String> {
        let output: CommandResponse = serde_json::from_slice(reply)
            .map_err(|error| format!("it is no output, {}: {error}", excerpt(reply)))?;
        let expected = self.exit.expected(output.exit);
        if expected != output.exit {
            let stderr = excerpt(last(&output.stderr.0));
            // A component that only knows failure reports it so.
            let hint = match (expected, output.exit) {
                (2.., 1) => {
                    "; a component of WASI before 0.2.12 has no other code than 1 for failure"
                }
                _ => "",
            };
            return Err(format!(
                "expected the exit code {expected}, got {} with {stderr} on standard error{hint}",
                output.exit
            ));
        }
        for (name, expected, got) in [
            ("standard output", &self.stdout, &output.stdout),
            ("standard error", &self.stderr, &output.stderr),
        ] {
            let checked = expected.as_ref().map_or(Ok(()), |expected| expected.check(&got.0));
            checked.map_err(|error| format!("{name}: {error}"))?;
        }
        Ok(())
    }
}

/// Returns the last line of an output, which usually has the error.
fn last(written: &[u8]) -> &[u8] {
    let written = written.trim_ascii_end();
    written.rsplit(|byte| *byte == b'\n').next().unwrap_or(written)
}

fn count(expected: usize, got: usize) -> Result<(), String> {
    if expected == got { Ok(()) } else { Err(format!("expected {expected} replies, got {got}")) }
}

/// Says what was expected where nothing was stated.
fn repeated(differs: String) -> String {
    format!(
        "it does not answer as it did the first time: {differs}; send messages whose replies are \
         always the same, or state them in a workload"
    )
}

fn all_same(expected: &[Vec<u8>], got: &[&[u8]]) -> Result<(), String> {
    count(expected.len(), got.len())?;
    expected.iter().zip(got).try_for_each(|(expected, got)| same(expected, got))
}

#[cfg(test)]
mod tests {
    use super::*;
    use sandlab_runtime::Message;

    #[test]
    fn a_wrong_reply_is_told_apart_and_described() {
        let handled = Handled { replies: vec![Message::request(b"four")], sent: Vec::new() };
        assert!(Expected::Reply(b"four".to_vec()).check(&handled).is_ok());
        let error = Expected::Reply(b"five".to_vec()).check(&handled);
        assert!(error.unwrap_err().contains("from byte 1 on"));
        let error = Expected::Replies(Vec::new()).check(&handled);
        assert_eq!(error.unwrap_err(), "expected 0 replies, got 1");
    }

    #[test]
    fn only_what_is_stated_of_a_response_is_checked() {
        let reply = br#"{"status": 404, "headers": [["Date", "now"], ["x", "1"], ["X", "2"]],
            "body": "no"}"#;
        let expected = |status, headers: Vec<(String, Matcher)>, body: Option<&str>| {
            let body = body.map(|body| Matcher::Equal(body.into()));
            Expected::Response(Response { status: Number::from(status), headers, body })
                .check_reply(reply)
        };
        let header = |value: &str| vec![("x".to_owned(), Matcher::Equal(value.into()))];
        assert_eq!(expected(Some(404), header("2"), None), Ok(()));
        let error = expected(Some(200), Vec::new(), None).unwrap_err();
        assert!(error.contains("200, got 404 with the body \"no\""), "{error}");
        assert!(expected(None, header("3"), None).unwrap_err().contains("header x"));
        assert!(expected(None, Vec::new(), Some("yes")).unwrap_err().contains("the body"));
    }

    #[test]
    fn of_a_command_that_fails_the_last_words_are_told() {
        let reply = br#"{"exit": 1, "stdout": "a\n", "stderr": "usage\nno such file\n"}"#;
        let output = |exit, stdout: Option<&str>| {
            let stdout = stdout.map(|text| Matcher::Equal(text.into()));
            Expected::Output(Output { exit: Number::from(exit), stdout, stderr: None })
                .check_reply(reply)
        };
        assert_eq!(output(Some(1), Some("a\n")), Ok(()));
        assert!(output(Some(0), None).unwrap_err().contains("\"no such file\""));
        assert!(output(None, Some("b\n")).unwrap_err().starts_with("standard output: "));
    }

    #[test]
    fn spaces_between_the_parts_of_a_result_do_not_matter() {
        let expected = Expected::Result(r#"{ name: "a b", c: ' ' }"#.to_owned());
        assert_eq!(expected.check_reply(br#"{name:"a b",c:' '}"#), Ok(()));
        assert!(expected.check_reply(br#"{name:"ab",c:' '}"#).is_err());
        let quoted = Expected::Result(r#"["\" x", 1]"#.to_owned());
        assert_eq!(quoted.check_reply(br#"["\" x",1]"#), Ok(()));
        assert!(quoted.check_reply(br#"["\"x", 1]"#).is_err());
    }
}
