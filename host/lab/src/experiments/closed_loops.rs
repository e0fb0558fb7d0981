//! Metrics and tables of closed loops, for every experiment that runs them.

use crate::metrics::{Labels, Metric, shared};
use crate::record::{ClosedWindow, RunPart};
use crate::view::{Form, View};

/// The largest share by which the messages in flight may differ from rate × time. A larger
/// difference means that something was not counted.
const LITTLE: f64 = 0.05;

/// Returns the rate and the mean time, with the windows as samples.
pub(crate) fn metrics(part: &RunPart, labels: &Labels) -> Vec<Metric> {
    let Some(all) = part.closed() else {
        return Vec::new();
    };
    let windows = part.closed_windows();
    let rates = windows.iter().map(ClosedWindow::rate).collect();
    let times = windows.iter().filter_map(ClosedWindow::mean_ns).collect();
    let rate = Metric::whole(&shared::THROUGHPUT, labels.clone(), all.rate(), rates);
    let time = all.mean_ns().map(|ns| Metric::whole(&shared::MEAN_TIME, labels.clone(), ns, times));
    let withheld = part.closed_tally().withheld("windows");
    let metrics = [rate].into_iter().chain(time);
    metrics.map(|metric| metric.withheld(withheld.clone())).collect()
}

/// Notes a part whose bookkeeping does not fit, by Little's law.
pub(crate) fn note(part: &RunPart, to: &mut View) {
    let off = part.closed().and_then(|counted| counted.little());
    if let Some(off) = off.filter(|off| *off > LITTLE) {
        to.note(format!(
            "{}: what was in flight is {} off rate × mean time",
            part.name(),
            Form::Share.show(off)
        ));
    }
}
