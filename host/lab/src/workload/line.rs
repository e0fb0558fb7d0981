//! One line of a workload file, as JSON.

use super::{Exchange, Expected, FailureKind, Fields, Matcher, Output, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sandlab_runtime::subject::{CommandRequest, Data, HttpRequest, Kind};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::OnceLock;

/// A line of a workload: a message and its expected result, or, first, the setup of the subject.
/// A property of a reply that is not stated is not checked; a message without any expectation must
/// get the same reply each time.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// On the first line, for agents: passed to `configure`.
    pub configure: Option<Bytes>,
    /// On the first line, for agents: names that the agent can find.
    pub peers: Option<Vec<String>>,
    /// For agents: the message's content.
    request: Option<Bytes>,
    /// For agents: the only reply.
    reply: Option<Stated>,
    /// For agents: all replies, in order.
    replies: Option<Vec<Stated>>,
    /// For agents: fields of all replies besides their content, which `sandlab validate` checks.
    #[serde(rename = "reply-fields")]
    reply_fields: Option<Fields>,
    /// For agents: the failure that is the answer, by its name in WIT, such as `refused`. Only
    /// `sandlab validate` sends such a message.
    pub failure: Option<FailureKind>,
    /// The agent faults at this message, which only `sandlab recovery` sends.
    #[serde(default)]
    pub faults: bool,
    /// For services: the request.
    http: Option<Http>,
    /// For services: the status code.
    status: Option<u16>,
    /// For services: headers that the response must have, by name.
    headers: Option<BTreeMap<String, Stated>>,
    /// For services: the response's body.
    body: Option<Stated>,
    /// For commands: the arguments, after the program's name.
    args: Option<Vec<String>>,
    /// For commands: content of standard input.
    stdin: Option<Bytes>,
    /// For commands: variables.
    env: Option<BTreeMap<String, String>>,
    /// For commands: the exit code.
    exit: Option<i32>,
    /// For commands: standard output.
    stdout: Option<Stated>,
    /// For commands: standard error.
    stderr: Option<Stated>,
    /// For functions: a call in WAVE, such as `ns:pkg/iface.func("x", {a: 1})`.
    call: Option<String>,
    /// For functions: the result in WAVE.
    result: Option<String>,
}

/// A request to a service.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Http {
    /// Default `GET`.
    method: Option<String>,
    /// The path with the query. Default `/`.
    path: Option<String>,
    /// By name, or names and values in order.
    headers: Option<Headers>,
    /// Default none.
    body: Option<Bytes>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "expected an object of names and values, or a list of pairs")]
enum Headers {
    ByName(BTreeMap<String, String>),
    InOrder(Vec<(String, String)>),
}

/// Bytes: a text, or an object that spells them.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "expected a text, {\"hex\": \"00ff\"} or {\"base64\": \"AP8=\"}")]
pub enum Bytes {
    /// The text's UTF-8.
    Text(String),
    /// Two digits per byte.
    Hex(Hex),
    /// RFC 4648, with padding.
    Base64(Base64),
}

/// Two digits per byte.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Hex {
    hex: String,
}

/// RFC 4648, with padding.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Base64 {
    base64: String,
}

/// The expected bytes: equal, of a pattern, or JSON with at least these members.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(
    untagged,
    expecting = "expected a text, {\"hex\": …}, {\"base64\": …}, {\"regex\": …} or {\"json\": …}"
)]
enum Stated {
    Equal(Bytes),
    Regex(Pattern),
    Json(Subset),
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Pattern {
    /// A pattern of the crate regex; anchor it with `^` and `$` to match all.
    regex: String,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Subset {
    /// Members that the JSON must have, with their values; it may have more.
    json: Value,
}

/// The keys of each kind: the first is the message.
const KEYS: [(Kind, &[&str]); 4] = [
    (Kind::Agent, &["request", "reply", "replies", "reply-fields", "failure"]),
    (Kind::Service, &["http", "status", "headers", "body"]),
    (Kind::Command, &["args", "stdin", "env", "exit", "stdout", "stderr"]),
    (Kind::Function, &["call", "result"]),
];

impl Line {
    /// Returns whether it sets the subject up, and is no message.
    pub fn is_setup(&self) -> bool {
        let setup = self.configure.is_some() || self.peers.is_some();
        setup && self.present().next().is_none() && !self.faults
    }

    /// Returns the kind of subject that the message is for, and the message.
    ///
    /// # Errors
    /// If it has no message, or is of two kinds.
    pub fn exchange(self) -> Result<(Kind, Exchange), String> {
        let kinds = KEYS.iter().filter(|(_, keys)| self.present().any(|key| keys.contains(&key)));
        let kinds: Vec<_> = kinds.map(|(kind, _)| *kind).collect();
        let kind = match kinds.as_slice() {
            [kind] => *kind,
            [] => {
                return Err(
                    "expected a message: `request`, `http`, `args` or `stdin`, or `call`; \
                            `configure` and `peers` stand alone on the first line"
                        .to_owned(),
                );
            }
            [one, other, ..] => {
                return Err(format!(
                    "it has what a message to {one} has and what one to {other} has"
                ));
            }
        };
        if self.configure.is_some() || self.peers.is_some() {
            return Err("`configure` and `peers` stand alone on the first line".to_owned());
        }
        let exchange = match kind {
            Kind::Agent => self.into_agent(),
            Kind::Service => self.into_service(),
            Kind::Command => self.into_command(),
            Kind::Function => self.into_function(),
        };
        Ok((kind, exchange?))
    }

    /// Returns the keys of messages that it has.
    fn present(&self) -> impl Iterator<Item = &'static str> {
        let present = [
            ("request", self.request.is_some()),
            ("reply", self.reply.is_some()),
            ("replies", self.replies.is_some()),
            ("reply-fields", self.reply_fields.is_some()),
            ("failure", self.failure.is_some()),
            ("http", self.http.is_some()),
            ("status", self.status.is_some()),
            ("headers", self.headers.is_some()),
            ("body", self.body.is_some()),
            ("args", self.args.is_some()),
            ("stdin", self.stdin.is_some()),
            ("env", self.env.is_some()),
            ("exit", self.exit.is_some()),
            ("stdout", self.stdout.is_some()),
            ("stderr", self.stderr.is_some()),
            ("call", self.call.is_some()),
            ("result", self.result.is_some()),
        ];
        present.into_iter().filter_map(|(key, is_present)| is_present.then_some(key))
    }

    fn into_agent(self) -> Result<Exchange, String> {
        let request = self.request.ok_or("a reply without its `request`")?.bytes()?;
        let states_reply =
            self.reply.is_some() || self.replies.is_some() || self.reply_fields.is_some();
        if self.failure.is_some() && (states_reply || self.faults) {
            return Err("a `failure` takes the place of a reply or a fault: give one".to_owned());
        }
        let fields = self.reply_fields.map(Fields::known).transpose()?.unwrap_or_default();
        let expected = match (self.reply, self.replies) {
            (None, None) => Expected::Repeats(OnceLock::new()),
            (Some(reply), None) => match reply.matcher()? {
                Matcher::Equal(reply) => Expected::Reply(reply),
                matcher => Expected::Replies(vec![matcher]),
            },
            (None, Some(replies)) => {
                let replies = replies.into_iter().map(Stated::matcher);
                Expected::Replies(replies.collect::<Result<_, _>>()?)
            }
            (Some(_), Some(_)) => {
                return Err("give `reply` or `replies`, not both".to_owned());
            }
        };
        Ok(Exchange { fields, ..Exchange::new(request, expected) })
    }

    fn into_service(self) -> Result<Exchange, String> {
        let http = self.http.ok_or("a response without its request, `http`")?;
        let is_open = self.status.is_none() && self.headers.is_none() && self.body.is_none();
        let headers = self.headers.unwrap_or_default().into_iter();
        let headers = headers.map(|(name, value)| Ok((name, value.matcher()?)));
        let response = Response {
            status: self.status.into(),
            headers: headers.collect::<Result<_, String>>()?,
            body: matcher(self.body, is_open)?,
        };
        let sent = match http.headers {
            None => Vec::new(),
            Some(Headers::ByName(headers)) => headers.into_iter().collect(),
            Some(Headers::InOrder(headers)) => headers,
        };
        let sent = sent.into_iter().map(|(name, value)| (name.into(), value.into()));
        let request = HttpRequest {
            method: http.method.map_or(Cow::Borrowed("GET"), Cow::Owned),
            path: http.path.map_or(Cow::Borrowed("/"), Cow::Owned),
            headers: sent.collect(),
            body: data(http.body)?,
        };
        Ok(Exchange::new(request.encode(), Expected::Response(response)))
    }

    fn into_command(self) -> Result<Exchange, String> {
        let is_open = self.exit.is_none() && self.stdout.is_none() && self.stderr.is_none();
        let output = Output {
            exit: self.exit.into(),
            stdout: matcher(self.stdout, is_open)?,
            stderr: matcher(self.stderr, false)?,
        };
        let env = self.env.unwrap_or_default().into_iter();
        let request = CommandRequest {
            args: self.args.unwrap_or_default().into_iter().map(Cow::Owned).collect(),
            stdin: data(self.stdin)?,
            env: env.map(|(name, value)| (name.into(), value.into())).collect(),
        };
        Ok(Exchange::new(request.encode(), Expected::Output(output)))
    }

    fn into_function(self) -> Result<Exchange, String> {
        let call = self.call.ok_or("a `result` without its `call`")?;
        let result = self.result;
        let expected = result.map_or_else(|| Expected::Repeats(OnceLock::new()), Expected::Result);
        Ok(Exchange::new(call, expected))
    }
}

fn matcher(stated: Option<Stated>, repeats: bool) -> Result<Option<Matcher>, String> {
    match stated {
        Some(stated) => stated.matcher().map(Some),
        None => Ok(repeats.then(|| Matcher::Repeats(OnceLock::new()))),
    }
}

fn data(bytes: Option<Bytes>) -> Result<Data<'static>, String> {
    Ok(bytes.map(Bytes::bytes).transpose()?.unwrap_or_default().into())
}

impl Stated {
    fn matcher(self) -> Result<Matcher, String> {
        Ok(match self {
            Self::Equal(bytes) => Matcher::Equal(bytes.bytes()?),
            Self::Json(Subset { json }) => Matcher::Json(json),
            Self::Regex(Pattern { regex }) => {
                let pattern = regex::bytes::Regex::new(&regex);
                Matcher::Regex(pattern.map_err(|error| format!("the pattern {regex:?}: {error}"))?)
            }
        })
    }
}

impl Bytes {
    /// Returns the decoded bytes.
    ///
    /// # Errors
    /// If it is not valid in its encoding.
    pub fn bytes(self) -> Result<Vec<u8>, String> {
        match self {
            Self::Text(text) => Ok(text.into_bytes()),
            Self::Base64(Base64 { base64 }) => {
                let bytes = STANDARD.decode(&base64);
                bytes.map_err(|error| format!("{base64:?} is no base64: {error}"))
            }
            Self::Hex(Hex { hex }) => {
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
    }
}
