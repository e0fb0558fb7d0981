//! What validation counts and times, by the names that a policy gives budgets to.

use bytesize::ByteSize;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

/// In what a measure is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Bytes.
    Bytes,
    /// Nanoseconds.
    Time,
    /// So many.
    Count,
}

/// One measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Measure {
    /// The file.
    FileSize,
    /// The code sections of all modules.
    CodeSize,
    /// The data sections of all modules.
    DataSize,
    /// Custom sections: names, debug info, producers.
    CustomSize,
    /// What all memories start with.
    InitialMemory,
    /// What all memories may grow to; those without a maximum count as 4 GiB.
    MemoryMaximum,
    /// Elements that all tables start with.
    TableElements,
    /// Core instances.
    CoreInstances,
    /// Compiling and linking.
    CompileTime,
    /// Machine code, with the data that goes with it.
    CompiledSize,
    /// Starting an instance, median.
    SpawnP50,
    /// Starting an instance, 95th percentile.
    SpawnP95,
    /// The first message, median over fresh instances.
    CallTime,
    /// The most linear memory of a call.
    MemoryPeak,
    /// The content of all replies.
    ReplySize,
    /// How many replies.
    Replies,
    /// Lines that the call logged.
    LogLines,
    /// Messages that the call sent.
    Sends,
}

impl Measure {
    /// All that there are.
    pub const ALL: [Self; 18] = [
        Self::FileSize,
        Self::CodeSize,
        Self::DataSize,
        Self::CustomSize,
        Self::InitialMemory,
        Self::MemoryMaximum,
        Self::TableElements,
        Self::CoreInstances,
        Self::CompileTime,
        Self::CompiledSize,
        Self::SpawnP50,
        Self::SpawnP95,
        Self::CallTime,
        Self::MemoryPeak,
        Self::ReplySize,
        Self::Replies,
        Self::LogLines,
        Self::Sends,
    ];

    /// Its name in a policy and in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::FileSize => "file-size",
            Self::CodeSize => "code-size",
            Self::DataSize => "data-size",
            Self::CustomSize => "custom-size",
            Self::InitialMemory => "initial-memory",
            Self::MemoryMaximum => "memory-maximum",
            Self::TableElements => "table-elements",
            Self::CoreInstances => "core-instances",
            Self::CompileTime => "compile-time",
            Self::CompiledSize => "compiled-size",
            Self::SpawnP50 => "spawn-p50",
            Self::SpawnP95 => "spawn-p95",
            Self::CallTime => "call-time",
            Self::MemoryPeak => "memory-peak",
            Self::ReplySize => "reply-size",
            Self::Replies => "replies",
            Self::LogLines => "log-lines",
            Self::Sends => "sends",
        }
    }

    /// In what it is.
    pub const fn unit(self) -> Unit {
        match self {
            Self::FileSize
            | Self::CodeSize
            | Self::DataSize
            | Self::CustomSize
            | Self::InitialMemory
            | Self::MemoryMaximum
            | Self::CompiledSize
            | Self::MemoryPeak
            | Self::ReplySize => Unit::Bytes,
            Self::CompileTime | Self::SpawnP50 | Self::SpawnP95 | Self::CallTime => Unit::Time,
            Self::TableElements
            | Self::CoreInstances
            | Self::Replies
            | Self::LogLines
            | Self::Sends => Unit::Count,
        }
    }

    /// Whether it differs from run to run.
    pub fn is_timed(self) -> bool {
        self.unit() == Unit::Time
    }

    /// A value in its unit, for a person.
    pub fn show(self, value: u64) -> String {
        match self.unit() {
            Unit::Bytes => ByteSize::b(value).to_string(),
            Unit::Time => format!("{:.2?}", Duration::from_nanos(value)),
            Unit::Count => value.to_string(),
        }
    }

    /// A value as a person writes it in a policy: `"2 MiB"`, `"100ms"`, `32`.
    ///
    /// # Errors
    /// If it is none of this measure's unit.
    pub fn parse(self, value: &toml::Value) -> Result<u64, String> {
        let wrong = |example: &str| format!("`{self}` is {value}, and should be like {example}");
        if let (Unit::Bytes | Unit::Count, Some(number)) = (self.unit(), value.as_integer()) {
            return u64::try_from(number).map_err(|_| wrong("1000"));
        }
        let text = value.as_str().unwrap_or_default();
        match self.unit() {
            Unit::Bytes => {
                let size: Result<ByteSize, _> = text.parse();
                size.map(|size| size.as_u64())
                    .map_err(|_| wrong("\"2 MiB\""))
            }
            Unit::Time => {
                let time = humantime::parse_duration(text).map_err(|_| wrong("\"100ms\""))?;
                u64::try_from(time.as_nanos()).map_err(|_| wrong("\"100ms\""))
            }
            Unit::Count => Err(wrong("32")),
        }
    }
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
