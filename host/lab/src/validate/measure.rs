//! The measures of a validation, by the names that budgets use.

use crate::metrics::quantity::quantities;
use crate::metrics::{Quantity, Unit, format, shared};
use bytesize::ByteSize;
use serde::{Deserialize, Serialize};
use std::fmt;

quantities! {
    /// Code sections of all modules together.
    CODE_SIZE = "code-size", "code size", Bytes, Lower, Validation;
    /// Data sections of all modules together.
    DATA_SIZE = "data-size", "data size", Bytes, Lower, Validation;
    /// Custom sections: names, debug info, producers.
    CUSTOM_SIZE = "custom-size", "custom size", Bytes, Lower, Validation;
    /// Initial size of all memories together.
    INITIAL_MEMORY = "initial-memory", "initial memory", Bytes, Lower, Validation;
    /// Maximum size of all memories together; one without a maximum counts as 4 GiB.
    MEMORY_MAXIMUM = "memory-maximum", "memory maximum", Bytes, Lower, Validation;
    /// Initial elements of all tables together.
    TABLE_ELEMENTS = "table-elements", "table elements", Count, Lower, Validation;
    /// Core instances in the component.
    CORE_INSTANCES = "core-instances", "core instances", Count, Lower, Validation;
    /// Size of the machine code and its data.
    COMPILED_SIZE = "compiled-size", "compiled size", Bytes, Lower, Validation;
    /// Time to start an instance, median.
    SPAWN_P50 = "spawn-p50", "spawn p50", Nanoseconds, Lower, Validation;
    /// Time to start an instance, 95th percentile.
    SPAWN_P95 = "spawn-p95", "spawn p95", Nanoseconds, Lower, Validation;
    /// Time to handle the first message, median over fresh instances.
    CALL_TIME = "call-time", "call time", Nanoseconds, Lower, Validation;
    /// Largest linear memory during a call.
    MEMORY_PEAK = "memory-peak", "memory peak", Bytes, Lower, Validation;
    /// Size of the content of all replies.
    REPLY_SIZE = "reply-size", "reply size", Bytes, Lower, Validation;
    /// Replies of a call.
    REPLIES = "replies", "replies", Count, Lower, Validation;
    /// Lines that a call logged.
    LOG_LINES = "log-lines", "log lines", Count, Lower, Validation;
    /// Messages that a call sent besides its replies.
    SENDS = "sends", "sends", Count, Lower, Validation;
}

/// A measure that a policy can set a budget for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Measure {
    /// The quantity `file-size`.
    FileSize,
    /// The quantity `code-size`.
    CodeSize,
    /// The quantity `data-size`.
    DataSize,
    /// The quantity `custom-size`.
    CustomSize,
    /// The quantity `initial-memory`.
    InitialMemory,
    /// The quantity `memory-maximum`.
    MemoryMaximum,
    /// The quantity `table-elements`.
    TableElements,
    /// The quantity `core-instances`.
    CoreInstances,
    /// The quantity `compile-time`.
    CompileTime,
    /// The quantity `compiled-size`.
    CompiledSize,
    /// The quantity `spawn-p50`.
    SpawnP50,
    /// The quantity `spawn-p95`.
    SpawnP95,
    /// The quantity `call-time`.
    CallTime,
    /// The quantity `memory-peak`.
    MemoryPeak,
    /// The quantity `reply-size`.
    ReplySize,
    /// The quantity `replies`.
    Replies,
    /// The quantity `log-lines`.
    LogLines,
    /// The quantity `sends`.
    Sends,
}

impl Measure {
    /// All measures, in the order of their quantities.
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

    /// Returns the quantity that is measured.
    pub fn quantity(self) -> &'static Quantity {
        match self {
            Self::FileSize => &shared::FILE_SIZE,
            Self::CodeSize => &CODE_SIZE,
            Self::DataSize => &DATA_SIZE,
            Self::CustomSize => &CUSTOM_SIZE,
            Self::InitialMemory => &INITIAL_MEMORY,
            Self::MemoryMaximum => &MEMORY_MAXIMUM,
            Self::TableElements => &TABLE_ELEMENTS,
            Self::CoreInstances => &CORE_INSTANCES,
            Self::CompileTime => &shared::COMPILE_TIME,
            Self::CompiledSize => &COMPILED_SIZE,
            Self::SpawnP50 => &SPAWN_P50,
            Self::SpawnP95 => &SPAWN_P95,
            Self::CallTime => &CALL_TIME,
            Self::MemoryPeak => &MEMORY_PEAK,
            Self::ReplySize => &REPLY_SIZE,
            Self::Replies => &REPLIES,
            Self::LogLines => &LOG_LINES,
            Self::Sends => &SENDS,
        }
    }

    /// Returns the name in policies and reports.
    pub fn name(self) -> &'static str {
        self.quantity().key
    }

    /// Returns the unit of its values.
    pub fn unit(self) -> Unit {
        self.quantity().unit
    }

    /// Returns whether its value is a time, which differs from run to run.
    pub fn is_timed(self) -> bool {
        self.unit() == Unit::Nanoseconds
    }

    /// Formats a value in its unit.
    pub fn show(self, value: u64) -> String {
        match self.unit() {
            Unit::Bytes => ByteSize::b(value).to_string(),
            Unit::Nanoseconds => format::time(value as f64),
            _ => value.to_string(),
        }
    }

    /// Parses a value as policies have it: `"2 MiB"`, `"100ms"`, `32`.
    ///
    /// # Errors
    /// If the value is not in this measure's unit.
    pub fn parse(self, value: &toml::Value) -> Result<u64, String> {
        let wrong = |example: &str| format!("`{self}` is {value}, and should be like {example}");
        if let (Unit::Bytes | Unit::Count, Some(number)) = (self.unit(), value.as_integer()) {
            return u64::try_from(number).map_err(|_| wrong("1000"));
        }
        let text = value.as_str().unwrap_or_default();
        match self.unit() {
            Unit::Bytes => {
                let size: Result<ByteSize, _> = text.parse();
                size.map(|size| size.as_u64()).map_err(|_| wrong("\"2 MiB\""))
            }
            Unit::Nanoseconds => {
                let time = humantime::parse_duration(text).map_err(|_| wrong("\"100ms\""))?;
                u64::try_from(time.as_nanos()).map_err(|_| wrong("\"100ms\""))
            }
            _ => Err(wrong("32")),
        }
    }
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_written_as_elsewhere() {
        assert_eq!(Measure::SpawnP50.show(7_490), "7.49 µs");
    }

    #[test]
    fn a_measure_is_its_quantity_by_name() {
        for measure in Measure::ALL {
            let name = serde_json::to_value(measure).unwrap();
            assert_eq!(name, measure.name());
        }
    }
}
