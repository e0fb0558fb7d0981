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
use crate::experiments::record::{Experiment, Finding};
use crate::record::{Measurement, Results};

pub(super) use csv::csv;

/// For a person.
pub(super) fn blocks(results: &Results, style: Style) -> Vec<String> {
    let sections = sections(results, style).into_iter();
    sections.flat_map(|(_, blocks)| blocks).collect()
}

/// The same by what it tells of.
pub(super) fn sections(results: &Results, style: Style) -> [(&'static str, Vec<String>); 4] {
    let of = |wanted: &[Experiment]| -> Vec<&Measurement> {
        let parts = results.parts.iter();
        parts
            .filter(|m| wanted.contains(&m.part.experiment) && !is_unavailable(m))
            .collect()
    };
    let steady = of(&[Experiment::Latency, Experiment::Peak, Experiment::Sustained]);
    let mut throughput = throughput::blocks(&of(&[Experiment::Throughput]), style);
    throughput.extend(max_rate::blocks(&of(&[Experiment::MaxRate]), style));
    let mut loads = sustained::blocks(&of(&[Experiment::Sustained]), style);
    loads.extend(burst::blocks(&of(&[Experiment::Burst]), style));
    loads.extend(recovery::blocks(&of(&[Experiment::Recovery]), style));
    [
        ("Throughput", throughput),
        ("Latency", latency::blocks(&steady, style)),
        ("Scaling", scale::blocks(&of(&[Experiment::Scale]), style)),
        ("Load", loads),
    ]
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
