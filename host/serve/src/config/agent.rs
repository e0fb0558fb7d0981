//! One agent of a configuration.

use super::{ConfigError, check_longest, check_sandbox};
use bytesize::ByteSize;
use sandlab_runtime::SandboxConfig;
use sandlab_runtime::config::Size;
use sandlab_runtime::messaging::{
    AgentOptions, MailboxLimits, Placement, Restarts, Routing, Strategy, WhenFull,
};
use sandlab_runtime::subject::{Kind, Options};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::num::{NonZeroU32, NonZeroU64};
use std::path::Path;

/// One agent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Agent {
    /// A component's or core module's file, a bundle's folder, an agent crate's folder (which is
    /// then built), or the name of an agent that was built in the current folder's workspace.
    pub component: String,
    /// The kind of what the component is. Default what its exports say.
    #[serde(default, rename = "as")]
    pub kind: Option<Kind>,
    /// Messages that an instance of a service, or of functions, lives for. Default what the kind
    /// does: one request, and as many calls as come.
    #[serde(default)]
    pub reuse: Option<NonZeroU64>,
    /// Equal instances. Other agents that find the agent by name reach the first. Default 1.
    #[serde(default = "one")]
    pub instances: NonZeroU32,
    /// The rule by which a message's instance is chosen. Default round-robin.
    #[serde(default)]
    pub routing: Routing,
    /// The sandbox. Default that of the whole configuration.
    #[serde(default)]
    pub sandbox: Option<SandboxConfig>,
    /// Passed to the agent's `configure` at each start. Default none, and no call.
    #[serde(default)]
    pub configuration: Option<String>,
    /// Bounds of each instance's mailbox. What does not fit is refused, over HTTP with 429.
    #[serde(default)]
    pub mailbox: Mailbox,
    /// Restarts after faults.
    #[serde(default)]
    pub restarts: Restarts,
    /// Messages between two checkpoints of the agent's state, from which a restart resumes. Needs
    /// an agent that exports `state`. Default never.
    #[serde(default)]
    pub checkpoint_every: Option<NonZeroU32>,
    /// The form in which the agent is given its messages. Default by value.
    #[serde(default)]
    pub strategy: Strategy,
    /// The threads that the agent lives on. Default the shards.
    #[serde(default)]
    pub placement: Placement,
}

fn one() -> NonZeroU32 {
    NonZeroU32::MIN
}

/// The bounds of an instance's mailbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Mailbox {
    /// Messages. Default 64.
    pub messages: NonZeroU32,
    /// Bytes of content. Default 256 KiB; an empty mailbox takes a single larger message.
    #[schemars(with = "Size")]
    pub bytes: ByteSize,
}

impl Default for Mailbox {
    fn default() -> Self {
        let MailboxLimits { messages, bytes, .. } = MailboxLimits::default();
        Self { messages: NonZeroU32::new(messages).unwrap_or(NonZeroU32::MIN), bytes }
    }
}

impl Agent {
    /// Returns an agent with every other field at its default.
    pub fn of(component: impl Into<String>) -> Self {
        Self {
            component: component.into(),
            kind: None,
            reuse: None,
            instances: one(),
            routing: Routing::default(),
            sandbox: None,
            configuration: None,
            mailbox: Mailbox::default(),
            restarts: Restarts::default(),
            checkpoint_every: None,
            strategy: Strategy::default(),
            placement: Placement::default(),
        }
    }

    /// Returns the options of its instances.
    pub fn options(&self) -> AgentOptions {
        AgentOptions {
            config: self.configuration.clone().map(String::into_bytes),
            mailbox: MailboxLimits {
                messages: self.mailbox.messages.get(),
                bytes: self.mailbox.bytes,
                when_full: WhenFull::Refuse,
            },
            restarts: self.restarts,
            strategy: self.strategy,
            placement: self.placement,
            checkpoint_every: self.checkpoint_every,
        }
    }

    /// Returns how its component is loaded.
    pub fn load_options(&self) -> Options {
        Options { kind: self.kind, reuse: self.reuse.map(NonZeroU64::get) }
    }

    pub(super) fn check(&self, name: &str) -> Result<(), ConfigError> {
        let unusable = |field: &str, reason: &str| {
            Err(ConfigError::unusable(format!("agents.{}{field}", name.escape_debug()), reason))
        };
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        if !(1..=64).contains(&name.len()) || !name.bytes().all(is_plain) {
            return unusable("", "a name has 1 to 64 letters, digits, `-`, `_` and `.`");
        }
        if name.bytes().all(|byte| byte == b'.') {
            return unusable("", "dots alone mean something else in a path: give another name");
        }
        if self.component.is_empty() {
            return unusable(".component", "it is empty: give a file, a bundle or a name");
        }
        let Restarts { period, backoff, max_backoff, .. } = self.restarts;
        for (field, time) in
            [("period", period), ("backoff", backoff), ("max-backoff", max_backoff)]
        {
            check_longest(&format!("agents.{name}.restarts.{field}"), time)?;
        }
        let table = format!("agents.{name}.sandbox");
        self.sandbox.as_ref().map_or(Ok(()), |sandbox| check_sandbox(&table, sandbox))
    }

    pub(super) fn resolve(&mut self, base: &Path) {
        let file = base.join(&self.component);
        let written = Path::new(&self.component);
        let is_path = written.components().count() > 1
            || written.extension().is_some_and(|extension| extension == "wasm");
        // Anything else is a name, which whoever finds components knows.
        if is_path || !self.component.is_empty() && file.exists() {
            self.component = file.to_string_lossy().into_owned();
        }
    }
}
