//! Shows loads: how each was borne, and what it left behind.

mod burst;
mod sustained;

use super::found::Found;
use crate::experiments::Shown;
use crate::experiments::open_loops::{self, Keys};
use crate::metrics::quantity::quantities;
use crate::metrics::{Metric, Topic};
use crate::view::View;

quantities! {
    /// 99th percentile of the time from when a message of a burst was due until its reply was
    /// seen.
    BURST_P99 = "burst-p99", "p99 in a burst", Nanoseconds, Lower, Load;
    /// Bytes of the host's heap or of linear memory that each message of a long load left
    /// behind, by the counts at the first and the last of seven rests.
    BYTES_LEFT = "bytes-left-per-message", "left/msg", Bytes, Lower, Load;
    /// A figure of a long load in the last third of its time ÷ the same in the first third.
    DEGRADATION = "degradation", "last third ÷ first", Ratio, Lower, Load;
}

const KEYS: Keys = Keys { latency: "load-latency", origin: "load-origin" };

type Part<'a> = Shown<'a, Found>;

pub(super) fn show(parts: &[Part], to: &mut View) {
    let of = |kind: &str| -> Vec<&Part> {
        let parts = parts.iter();
        parts.filter(|part| part.part.experiment == kind).collect()
    };
    let before = to.metrics.len();
    // One number stands for the latency of a whole run.
    let is_latency = |metric: &&Metric| metric.quantity.topic == Topic::Latency;
    let has_headline = to.metrics.iter().any(|metric| is_latency(&metric));
    open_loops::steady(parts, &KEYS, to);
    let first = to.metrics[before..].iter().find(is_latency).cloned();
    if let Some(first) = first.filter(|_| !has_headline) {
        to.headline_of(&first);
    }
    for part in of("peak") {
        to.charts.extend(open_loops::timeline(part, Topic::Latency, &[], ""));
    }
    sustained::show(&of("sustained"), to);
    burst::show(&of("burst"), to);
    to.table(open_loops::phases(parts, "load-phases", Topic::Load));
}
