//! Loads for a spreadsheet: a line a part and phase, a closed loop, or a step. Times are nanoseconds.

use super::{max_rate, throughput};
use crate::experiments::record::{Experiment, Part};
use crate::metrics::format::{plain, quoted};
use crate::record::{Measurement, Results};
use std::fmt::Write;

/// One kind of lines, since they have different columns.
pub fn csv(results: &Results) -> String {
    let of = |wanted: &dyn Fn(&Part) -> bool| -> Vec<&Measurement> {
        results.parts.iter().filter(|m| wanted(&m.part)).collect()
    };
    let searched = of(&|part| part.experiment == Experiment::MaxRate);
    if !searched.is_empty() {
        return max_rate::csv(&searched);
    }
    let closed = of(&|part| part.closed.is_some());
    if !closed.is_empty() {
        return throughput::csv(&closed);
    }
    let mut text = "experiment,agent,backend,agents,bytes,offered,phase,seconds,due,sent,good,\
                    failed,refused,peak_backlog,p50_ns,p90_ns,p95_ns,p99_ns,p999_ns,max_ns,\
                    lag_p99_ns,service_p99_ns,cpu_ns\n"
        .to_owned();
    for measurement in &results.parts {
        let part = &measurement.part;
        for phase in &measurement.phases {
            let shares = [0.5, 0.9, 0.95, 0.99, 0.999];
            let latency = shares.map(|share| plain(phase.latency.quantile(share)));
            let _ = writeln!(
                text,
                "{},{},{},{},{},{},{},{:.3},{},{},{},{},{},{},{},{},{},{},{}",
                part.experiment.name(),
                quoted(&part.agent),
                part.backend,
                part.agents,
                part.size,
                plain(part.rate),
                phase.phase.name(),
                phase.seconds(),
                phase.due,
                phase.sent,
                phase.good,
                phase.failed,
                phase.refused,
                phase.peak_backlog,
                latency.join(","),
                plain(phase.latency.max()),
                plain(phase.lag.quantile(0.99)),
                plain(phase.service.quantile(0.99)),
                plain(phase.cpu_per_message()),
            );
        }
    }
    text
}
