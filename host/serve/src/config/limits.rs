//! The bounds of what clients may do.

use super::{ConfigError, check_longest};
use bytesize::ByteSize;
use sandlab_runtime::config::Size;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The bounds of what clients may do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Limits {
    /// Connections at once; more wait to be accepted. Default 1,024.
    pub connections: usize,
    /// Requests at once, each with its body; more are answered with 503. Default 4,096.
    pub requests: usize,
    /// Requests at once on one connection of HTTP/2. Default 128.
    pub streams: u32,
    /// Bytes of a request's body. Default 1 MiB, a message that every agent's default sandbox
    /// takes.
    #[schemars(with = "Size")]
    pub body: ByteSize,
    /// Bytes of a request's headers. Default 16 KiB; at least 8 KiB, the least that hyper takes.
    #[schemars(with = "Size")]
    pub headers: ByteSize,
    /// The time for a request's headers to arrive, from a connection's start or its last
    /// response: so also the longest that a connection may be unused. Default 60 s.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub header_time: Duration,
    /// The time for a request's body to arrive. Default 30 s.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub body_time: Duration,
    /// The time for a reply, where the client asks for none of its own: at most `longest-timeout`.
    /// Default 10 s.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub timeout: Duration,
    /// The longest time for a reply that a client may ask for. Default 60 s.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub longest_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 1_024,
            requests: 4_096,
            streams: 128,
            body: ByteSize::mib(1),
            headers: ByteSize::kib(16),
            header_time: Duration::from_secs(60),
            body_time: Duration::from_secs(30),
            timeout: Duration::from_secs(10),
            longest_timeout: Duration::from_secs(60),
        }
    }
}

/// The least buffer for headers that hyper takes, bytes.
const LEAST_HEADERS: u64 = 8 << 10;

/// The most bytes that a limit of memory may be: all of it is allocated at once.
const MOST: u64 = 1 << 30;

impl Limits {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let unusable = |field: &str, reason: &str| {
            Err(ConfigError::unusable(format!("limits.{field}"), reason))
        };
        if self.connections == 0 || self.requests == 0 || self.streams == 0 {
            return unusable("connections, requests, streams", "with none, nobody is answered");
        }
        if !(1..=MOST).contains(&self.body.as_u64()) {
            return unusable("body", "it is 1 B to 1 GiB");
        }
        if !(LEAST_HEADERS..=MOST).contains(&self.headers.as_u64()) {
            return unusable("headers", "it is 8 KiB to 1 GiB");
        }
        let times = [
            ("header-time", self.header_time),
            ("body-time", self.body_time),
            ("timeout", self.timeout),
            ("longest-timeout", self.longest_timeout),
        ];
        for (field, time) in times {
            if time.is_zero() {
                return unusable(field, "it is zero, so that nothing would be in time");
            }
            check_longest(&format!("limits.{field}"), time)?;
        }
        match self.timeout > self.longest_timeout {
            true => unusable("timeout", "it is longer than `limits.longest-timeout`: shorten it"),
            false => Ok(()),
        }
    }
}
