//! Quantities that more than one experiment measures.

use super::quantity::quantities;

quantities! {
    /// Time from a request to its reply, one message at a time, on the caller's thread.
    TIME_PER_MESSAGE = "time-per-message", "time/msg", Nanoseconds, Lower, Overhead;
    /// Messages per second that came to a checked reply, with a stated number in flight.
    THROUGHPUT = "throughput", "messages/s", PerSecond, Higher, Throughput;
    /// Mean time from when a message left until its reply was seen, with a stated number in
    /// flight.
    MEAN_TIME = "mean-time", "mean time", Nanoseconds, Lower, Throughput;
    /// Median time from when a message was due until its reply was seen.
    LATENCY_P50 = "latency-p50", "latency p50", Nanoseconds, Lower, Latency;
    /// 99th percentile of the time from when a message was due until its reply was seen.
    LATENCY_P99 = "latency-p99", "latency p99", Nanoseconds, Lower, Latency;
    /// Messages that were due and came to a good reply within the deadline, as a share.
    SUCCESS = "success", "success", Share, Higher, Load;
    /// CPU time of runtime and agents per message, without the generator's.
    CPU_PER_MESSAGE = "cpu-per-message", "CPU/msg", Nanoseconds, Lower, Resources;
    /// CPU that one agent takes at a stated rate, as a share of one core.
    CPU_PER_AGENT = "cpu-per-agent", "CPU/agent", Share, Lower, Resources;
    /// Resident memory that one agent adds.
    MEMORY_PER_AGENT = "memory-per-agent", "RSS/agent", Bytes, Lower, Resources;
    /// Time to compile and link a component, on all cores, without a cache.
    COMPILE_TIME = "compile-time", "compile time", Nanoseconds, Lower, Validation;
    /// Size of the component's file.
    FILE_SIZE = "file-size", "file size", Bytes, Lower, Validation;
    /// Time to start one agent of many.
    SPAWN_PER_AGENT = "spawn-per-agent", "spawn/agent", Nanoseconds, Lower, Spawn;
    /// Time from a fault, or from the end of a burst, until all is as it was before.
    RECOVERY_TIME = "recovery-time", "recovery time", Nanoseconds, Lower, Load;
}
