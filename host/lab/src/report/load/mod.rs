//! Loads on the message path, for whoever reads them. One kind of table a file.

mod burst;
mod csv;
mod latency;
mod max_rate;
mod recovery;
mod scale;
mod sustained;
mod throughput;

use super::table::Style;
use crate::experiment::record::{Experiment, Finding};
use crate::results::{Measurement, Results};

pub(super) use csv::csv;

/// For a person.
pub(super) fn blocks(results: &Results, style: Style) -> Vec<String> {
    let of = |wanted: &[Experiment]| -> Vec<&Measurement> {
        let parts = results.parts.iter();
        parts
            .filter(|m| wanted.contains(&m.part.experiment) && !is_unavailable(m))
            .collect()
    };
    let steady = of(&[Experiment::Latency, Experiment::Peak, Experiment::Sustained]);
    let mut blocks = Vec::new();
    blocks.extend(throughput::blocks(&of(&[Experiment::Throughput]), style));
    blocks.extend(latency::blocks(&steady, style));
    blocks.extend(max_rate::blocks(&of(&[Experiment::MaxRate]), style));
    blocks.extend(scale::blocks(&of(&[Experiment::Scale]), style));
    blocks.extend(sustained::blocks(&of(&[Experiment::Sustained]), style));
    blocks.extend(burst::blocks(&of(&[Experiment::Burst]), style));
    blocks.extend(recovery::blocks(&of(&[Experiment::Recovery]), style));
    blocks
}

fn is_unavailable(measurement: &Measurement) -> bool {
    let findings = measurement.findings.iter();
    findings
        .into_iter()
        .any(|finding| matches!(finding, Finding::Unavailable { .. }))
}

/// What a reader must know of a part, so as not to believe too much.
pub(super) fn remarks(measurement: &Measurement) -> Vec<String> {
    let name = measurement.name();
    let off = throughput::remark(measurement);
    let mut lines: Vec<_> = off.map(|off| format!("note: {off}")).into_iter().collect();
    for phase in &measurement.phases {
        if phase.phase.is_measured() && phase.is_generator_limited() {
            lines.push(format!(
                "note: {name}, {}: generator-limited: it left late (lag p99 is over a tenth \
                 of latency p99), or did not send 99 % of what was due; the latency is \
                 in part the generator's",
                phase.phase.name()
            ));
        }
    }
    lines
}
