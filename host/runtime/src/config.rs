//! The sandbox config: the limits and grants of an agent. A TOML file in which every field is
//! optional.
//!
//! ```toml
//! memory-limit = "64 MiB"
//! deadline = "1s"
//!
//! [allocation]
//! strategy = "pooled"
//! layout = "fast"
//!
//! [[grants.directories]]
//! guest = "/data"
//! host = "./data"
//! access = "read"
//! ```

mod engine;
mod size;

pub use engine::{EngineSettings, Interrupt, OptLevel, RegisterAllocator};
pub use size::Size;

use bytesize::ByteSize;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;
use toml::{Table, Value};

/// The limits and grants of an agent, as in a sandbox config's file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct SandboxConfig {
    /// Linear memory, summed over all memories of the agent. Default 128 MiB: a Rust guest
    /// starts with 1.1 MiB, and the targets allow an agent up to 100 MB.
    #[schemars(with = "Size")]
    #[serde(serialize_with = "size::serialize")]
    pub memory_limit: ByteSize,
    /// Elements of all tables together. Default 20,000: a Rust guest has some hundreds.
    pub table_limit: u32,
    /// Core instances, memories and tables, each. Default 256: a wasm32-wasip2 component from
    /// Rust has 4 core instances, one from Python 108.
    pub instance_limit: u32,
    /// Wall time of one call. Leave room for a busy machine. Default 5 s. A blocked call is
    /// stopped too if calls are async.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub deadline: Duration,
    /// The way that a guest which computes is stopped at its deadline. Default epoch.
    pub interrupt: Interrupt,
    /// Fuel per call, about one unit per instruction. Default `None`: metering adds up to a
    /// quarter to agents that compute, and the deadline already stops those that loop.
    pub fuel: Option<u64>,
    /// The guest's stack. Default 512 KiB, which is wasmtime's.
    #[schemars(with = "Size")]
    #[serde(serialize_with = "size::serialize")]
    pub stack: ByteSize,
    /// Bytes that one call may pass to the host, as results or arguments. Default 2 MiB, a
    /// message of 1 MiB with room for another: the host allocates them for the guest.
    /// Wasmtime's own default is 128 MiB.
    #[schemars(with = "Size")]
    #[serde(serialize_with = "size::serialize")]
    pub result_limit: ByteSize,
    /// Uses of the host that one call may make.
    pub budgets: Budgets,
    /// Contents in the host's memory that the agent may keep after a call.
    pub contents: ContentBudget,
    /// Lines and bytes that one call may log.
    pub log: LogBudget,
    /// The way that the host calls the guest, which decides whether calls may block. Default auto.
    pub calls: Calls,
    /// The memory of instances: its source and its place in the address space.
    pub allocation: Allocation,
    /// Settings of the compiler, and of the address space around memories.
    pub engine: EngineSettings,
    /// The parts of the host that the agent may reach outside its sandbox.
    pub grants: Grants,
}

impl Default for SandboxConfig {
    fn default() -> Self {
        Self {
            memory_limit: ByteSize::mib(128),
            table_limit: 20_000,
            instance_limit: 256,
            deadline: Duration::from_secs(5),
            interrupt: Interrupt::default(),
            fuel: None,
            stack: ByteSize::kib(512),
            result_limit: ByteSize::mib(2),
            budgets: Budgets::default(),
            contents: ContentBudget::default(),
            log: LogBudget::default(),
            calls: Calls::default(),
            allocation: Allocation::default(),
            engine: EngineSettings::default(),
            grants: Grants::default(),
        }
    }
}

/// Uses of the host per call. A call that exceeds a budget ends its agent with a fault that names
/// the budget: an agent that ignored refusals would keep its thread busy until the deadline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Budgets {
    /// Calls of `host.log`, whether the line is kept or dropped. Default 10,000: a hundred times
    /// the lines that are kept.
    pub log_calls: u32,
    /// Calls of `send`, accepted or refused. Default 10,000: more than all mailboxes of an
    /// agent's neighbours hold.
    pub sends: u32,
    /// Replies to all messages of the call together. Default 10,000.
    pub replies: u32,
    /// Handles of WASI resources, such as open files and pollables, that an agent has at once.
    /// Default 1,000: the host keeps some hundred bytes for each.
    pub handles: u32,
    /// Bytes written to standard output and error, kept or dropped. Default 1 MiB: a panic with
    /// its backtrace is a few KiB.
    #[schemars(with = "Size")]
    #[serde(serialize_with = "size::serialize")]
    pub output: ByteSize,
}

impl Default for Budgets {
    fn default() -> Self {
        Self {
            log_calls: 10_000,
            sends: 10_000,
            replies: 10_000,
            handles: 1_000,
            output: ByteSize::mib(1),
        }
    }
}

/// Message contents in the host's memory that an agent of the world `zero-copy-agent` may keep
/// after a call. They do not count against `memory-limit`. During a call the agent has one
/// more: that of its message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct ContentBudget {
    /// Number of contents. Default 1,024: many times the capacity of a mailbox.
    pub count: u32,
    /// Bytes of all contents together. Default 16 MiB.
    #[schemars(with = "Size")]
    #[serde(serialize_with = "size::serialize")]
    pub size: ByteSize,
}

impl Default for ContentBudget {
    fn default() -> Self {
        Self { count: 1_024, size: ByteSize::mib(16) }
    }
}

/// Lines and bytes that one call may log, through `host.log` and standard error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct LogBudget {
    /// Lines per call. Default 100; more are dropped and counted.
    pub lines: u32,
    /// Bytes per call. Default 64 KiB; a line that does not fit is dropped and counted.
    #[schemars(with = "Size")]
    #[serde(serialize_with = "size::serialize")]
    pub size: ByteSize,
}

impl Default for LogBudget {
    fn default() -> Self {
        Self { lines: 100, size: ByteSize::kib(64) }
    }
}

/// The way that the host calls the guest.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Calls {
    /// Async if the component imports a function that can block, else sync.
    #[default]
    Auto,
    /// On the caller's stack: half the cost, but a guest that blocks also blocks its thread.
    Sync,
    /// On a fiber, which the deadline can also stop while the guest is blocked.
    Async,
}

/// The memory of instances: its source, its place in the address space, and how much there is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Allocation {
    /// Source of memory. Default pooled: an instance starts in a third of the time.
    pub strategy: Strategy,
    /// Layout of memory in the address space. Default fast.
    pub layout: Layout,
    /// Linear memories at once: the number of agents, if each has one memory. Default 1,000.
    /// Unless the layout is packed, each reserves 4 GiB of address space, and 30,000 fit in
    /// 47 bits. Interrupt pages have as many slots besides.
    pub slots: u32,
    /// Bytes of a slot that are zeroed by the host instead of returned to the kernel. Default
    /// 1 MiB, if the kernel has the page-map scan, without which this costs more than it saves.
    #[schemars(with = "Size")]
    #[serde(serialize_with = "size::serialize")]
    pub keep_resident: ByteSize,
}

impl Default for Allocation {
    fn default() -> Self {
        Self {
            strategy: Strategy::Pooled,
            layout: Layout::Fast,
            slots: 1_000,
            keep_resident: ByteSize::mib(1),
        }
    }
}

/// The source of an instance's memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Strategy {
    /// From slots that were mapped in advance.
    Pooled,
    /// From the kernel, at every start.
    OnDemand,
}

/// The place of linear memory in the address space.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Layout {
    /// 4 GiB and guard pages per memory, so that no access needs a bounds check; initial
    /// content is mapped copy-on-write. Four mappings per agent, of the 65,530 that the kernel
    /// allows by default.
    Fast,
    /// As fast, but initial content is copied: two mappings per agent.
    Dense,
    /// The memory limit only, without guard pages, and one mapping for all agents: every access
    /// checks the bounds, which makes computing agents 1.6 times as slow. The most agents per
    /// process.
    Packed,
}

/// Access of an agent to the host outside its sandbox. Nothing else is granted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Grants {
    /// Directories; paths are resolved beneath them, whatever `..` or a link says. Default none.
    pub directories: Vec<DirectoryGrant>,
    /// Threads that run an agent's operations on files, if its calls are async. Default background.
    pub file_io: FileIo,
    /// Environment variables that the agent sees. Default none.
    pub env: BTreeMap<String, String>,
    /// The wall clock and the monotonic clock, including sleep. Default true.
    pub clocks: bool,
    /// Random numbers. Default true: hash maps need them in most languages.
    pub random: bool,
    /// Destination of standard output and error. Default `log`.
    pub stdio: Stdio,
    /// TCP, UDP and name lookup. Default false.
    pub network: bool,
    /// Requests to other hosts through `wasi:http`. Default false: the guest is told that they
    /// are denied, and its log says where to.
    pub http: bool,
}

impl Default for Grants {
    fn default() -> Self {
        Self {
            directories: Vec::new(),
            file_io: FileIo::default(),
            env: BTreeMap::new(),
            clocks: true,
            random: true,
            stdio: Stdio::Log,
            network: false,
            http: false,
        }
    }
}

/// A directory that the agent may use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct DirectoryGrant {
    /// The path in the guest.
    pub guest: String,
    /// The path on the host; a relative one is relative to the sandbox config's file.
    pub host: PathBuf,
    /// Access of the agent to the directory. Default read.
    #[serde(default)]
    pub access: Access,
}

/// Threads that run operations on files, if calls are async. Those of sync calls always run on the
/// thread of the call, which waits for them in any case.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FileIo {
    /// On threads of their own, so that neither a slow disk nor a file that blocks holds up the
    /// agents of the same thread. Each operation waits for another thread, about 20 µs, and the
    /// deadline also stops those that take too long.
    #[default]
    Background,
    /// On the thread of the call: about 2 µs for pages in the kernel's cache. For agents that are
    /// trusted with directories on fast disks, without pipes or devices in them.
    Direct,
}

/// The access of an agent to a directory.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Access {
    /// List and read.
    #[default]
    Read,
    /// Also create, change and remove files.
    Write,
}

/// The destination of an agent's standard output and error. Standard input is always empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Stdio {
    /// Kept in memory, within the log budget, for the text of a panic.
    Log,
    /// To those of the host; the text of a panic is then only there.
    Inherit,
}

/// An error that keeps a sandbox config from being read.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file could not be read.
    #[error("cannot read the sandbox config {}: {source}", .path.display())]
    Unreadable {
        /// The config's file.
        path: PathBuf,
        /// The error of the operating system.
        source: std::io::Error,
    },
    /// The text is not TOML, or has an unknown field or a wrong type.
    #[error("the sandbox config {} is not valid: {reason}", .path.display())]
    Invalid {
        /// The config's file.
        path: PathBuf,
        /// The position and the error.
        reason: String,
    },
    /// No agent could run with one of the values.
    #[error("the sandbox config {} cannot be used: {reason}", .path.display())]
    Unusable {
        /// The config's file.
        path: PathBuf,
        /// The value, and why it is refused.
        reason: &'static str,
    },
}

impl SandboxConfig {
    /// Reads a sandbox config from a TOML file.
    ///
    /// # Errors
    /// If the file cannot be read, or has an unknown field or a wrong value.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = crate::text_file::read(path)
            .map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
        let mut config: Self = crate::toml_text::read(&text)
            .map_err(|reason| ConfigError::Invalid { path: path.to_owned(), reason })?;
        config
            .require_usable()
            .map_err(|reason| ConfigError::Unusable { path: path.to_owned(), reason })?;
        let base = path.parent().unwrap_or(Path::new(""));
        for directory in &mut config.grants.directories {
            directory.host = base.join(&directory.host);
        }
        Ok(config)
    }

    /// Returns the text of a file that gives this config: what differs from the defaults, and the
    /// size and number of its memories in any case.
    pub fn to_toml(&self) -> String {
        // Every field has a form in TOML, or none where it is `None`.
        let table = |config: &Self| Table::try_from(config).unwrap_or_default();
        let own = table(self);
        let mut written = differing(own.clone(), &table(&Self::default()));
        for field in ["memory-limit", "calls"] {
            written.extend(own.get(field).map(|value| (field.to_owned(), value.clone())));
        }
        if let Some(Value::Table(allocation)) = own.get("allocation") {
            let stated = ["strategy", "layout", "slots"].into_iter();
            let stated =
                stated.filter_map(|name| Some((name.to_owned(), allocation.get(name)?.clone())));
            let written = written.entry("allocation").or_insert_with(|| Table::new().into());
            if let Value::Table(written) = written {
                written.extend(stated);
            }
        }
        written.to_string()
    }

    /// Returns the config with its directories so that they hold wherever its file is kept.
    #[must_use]
    pub fn with_absolute_directories(mut self) -> Self {
        for directory in &mut self.grants.directories {
            // Only an empty path, and one of a folder that is gone, has no absolute form.
            directory.host = std::path::absolute(&directory.host).unwrap_or(directory.host.clone());
        }
        self
    }

    /// Makes sure that each value leaves some guest enough to run in.
    ///
    /// # Errors
    /// The first value that leaves nothing, and why no agent can run with it.
    pub fn require_usable(&self) -> Result<(), &'static str> {
        let nothing = ByteSize::b(0);
        let lacking = [
            (self.deadline.is_zero(), "`deadline` is zero, so that every call would be over it"),
            (self.memory_limit == nothing, "`memory-limit` is zero, and every agent needs memory"),
            (self.fuel == Some(0), "`fuel` is zero, and every call burns some"),
            (self.stack == nothing, "`stack` is zero, and every call needs some"),
            (self.instance_limit == 0, "`instance-limit` is zero, and every agent is an instance"),
            (
                self.allocation.slots == 0,
                "`allocation.slots` is zero, so that no agent has a place",
            ),
        ];
        lacking
            .into_iter()
            .find_map(|(is_zero, reason)| is_zero.then_some(reason))
            .map_or(Ok(()), Err)
    }

    /// Checks that a guest which never returns is stopped, for hosts of untrusted guests.
    ///
    /// # Errors
    /// If neither `interrupt` nor `fuel` stops it.
    pub fn require_interrupt(&self) -> Result<(), &'static str> {
        if self.interrupt == Interrupt::None && self.fuel.is_none() {
            return Err("`interrupt` is none and there is no `fuel`, so that a guest which loops \
                        would never be stopped; leave `interrupt` out, or give `fuel`");
        }
        Ok(())
    }
}

/// Returns the fields whose values are not those of another table.
fn differing(table: Table, other: &Table) -> Table {
    let fields = table.into_iter().filter_map(|(name, value)| match (value, other.get(&name)) {
        (Value::Table(own), Some(Value::Table(other))) => {
            let own = differing(own, other);
            (!own.is_empty()).then(|| (name, own.into()))
        }
        (value, Some(other)) if value == *other => None,
        (value, _) => Some((name, value)),
    });
    fields.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_file_is_the_default_config() {
        assert_eq!(toml::from_str::<SandboxConfig>("").unwrap(), SandboxConfig::default());
    }

    #[test]
    fn a_written_config_has_what_differs_and_gives_the_same() {
        let mut config = SandboxConfig { fuel: Some(5), ..SandboxConfig::default() };
        config.engine.async_components = true;
        config.allocation.slots = 7;
        // Not a round number of any unit.
        config.memory_limit = ByteSize::b(10_000_000);
        let text = config.to_toml();
        assert_eq!(toml::from_str::<SandboxConfig>(&text).unwrap(), config);
        assert!(text.contains("slots = 7") && text.contains("memory-limit"), "{text}");
        assert!(!text.contains("deadline") && !text.contains("[grants"), "{text}");
    }

    #[test]
    fn a_default_config_survives_being_written_and_read() {
        let text = toml::to_string(&SandboxConfig::default()).unwrap();
        assert_eq!(toml::from_str::<SandboxConfig>(&text).unwrap(), SandboxConfig::default());
    }

    #[test]
    fn a_misspelt_field_is_named() {
        let error = toml::from_str::<SandboxConfig>("memory-limt = 1").unwrap_err();
        assert!(error.to_string().contains("memory-limt"), "{error}");
    }

    #[test]
    fn a_deadline_of_zero_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sandbox.toml");
        std::fs::write(&path, "deadline = \"0s\"").unwrap();
        assert!(matches!(SandboxConfig::read(&path), Err(ConfigError::Unusable { .. })));
    }

    #[test]
    fn something_has_to_stop_a_guest_of_others() {
        let mut config = SandboxConfig::default();
        assert!(config.require_interrupt().is_ok());
        config.interrupt = Interrupt::None;
        assert!(config.require_interrupt().is_err());
        config.fuel = Some(1);
        assert!(config.require_interrupt().is_ok());
    }

    #[test]
    fn a_relative_directory_is_relative_to_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sandbox.toml");
        let text = "[[grants.directories]]\nguest = \"/data\"\nhost = \"files\"";
        std::fs::write(&path, text).unwrap();
        let config = SandboxConfig::read(&path).unwrap();
        let granted = &config.grants.directories[0];
        assert_eq!(granted.host, folder.path().join("files"));
        assert_eq!(granted.access, Access::Read);
    }
}
