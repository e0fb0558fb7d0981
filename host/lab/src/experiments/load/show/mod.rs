//! Shows loads: how each was borne, and what it left behind.

mod burst;
mod sustained;

use super::found::Found;
use crate::experiments::Shown;
use crate::experiments::open_loops::{self, Keys};
use crate::metrics::quantity::quantities;
use crate::metrics::{Metric, Topic};
use crate::view::{Answer, View};

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
    open_loops::steady(parts, &KEYS, to);
    for (kind, what) in [("peak", "p99 of a peak"), ("sustained", "p99 of a long load")] {
        let metrics = to.metrics[before..].iter();
        let of_kind = metrics.filter(|metric| metric.labels.get("experiment") == Some(kind));
        let of_kind: Vec<Metric> = of_kind.cloned().collect();
        to.answer(open_loops::answer(what, &of_kind).map(Answer::aside));
    }
    for part in of("peak") {
        to.charts.extend(open_loops::timeline(part, Topic::Latency, &[], ""));
    }
    sustained::show(&of("sustained"), to);
    burst::show(&of("burst"), to);
    to.table(open_loops::phases(parts, "load-phases", Topic::Load));
    to.table(open_loops::workers(parts, "load-workers", Topic::Load));
}
