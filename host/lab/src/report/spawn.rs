//! What it takes to start an agent, each way that there is.

use super::page::list;
use super::table::{Align, Cell, Style, Table};
use crate::experiments::record::Finding;
use crate::experiments::spawn::{MANY, Phase, Started, Way};
use crate::metrics::format::{or_dash, plain, quoted, time, times};
use crate::record::{Measurement, Results};

/// In the order that they follow each other.
const PHASES: [(Phase, &str); 9] = [
    (Phase::Compile, "compile"),
    (Phase::Deserialise, "deserialise"),
    (Phase::Link, "link"),
    (Phase::Store, "store"),
    (Phase::Instantiate, "instantiate"),
    (Phase::Start, "start"),
    (Phase::Configure, "configure"),
    (Phase::FirstReply, "first reply"),
    (Phase::Drop, "drop"),
];

pub(super) fn blocks(results: &Results, style: Style) -> Vec<String> {
    let mut blocks = Vec::new();
    for measurement in &results.parts {
        let started = started(measurement);
        if started.is_empty() {
            continue;
        }
        blocks.push(ways(&measurement.part.agent, &started).draw(style));
        blocks.push(phases(&started).draw(style));
        blocks.push(list(sentences(&started), style));
    }
    blocks
}

fn started(measurement: &Measurement) -> Vec<&Started> {
    let findings = measurement.findings.iter();
    let started = findings.filter_map(|finding| match finding {
        Finding::Started(started) => Some(&**started),
        _ => None,
    });
    started.collect()
}

fn median(started: &[&Started], way: Way, phase: Phase) -> Option<f64> {
    let found = started.iter().find(|started| started.way == way)?;
    found.phase(phase)?.quantile(0.5)
}

fn ways(agent: &str, started: &[&Started]) -> Table {
    let pooled = median(started, Way::Pooled, Phase::ToFirstReply);
    let mut table = Table::new([
        (agent, Align::Left),
        ("starts", Align::Right),
        ("to first reply, p50", Align::Right),
        ("p90", Align::Right),
        ("p99", Align::Right),
        ("max", Align::Right),
        ("of pooled", Align::Right),
    ]);
    for started in started {
        let Some(whole) = started.phase(Phase::ToFirstReply) else {
            continue;
        };
        let ratio = whole
            .quantile(0.5)
            .zip(pooled)
            .map(|(own, pooled)| own / pooled);
        table.add([
            Cell::plain(name(started.way)),
            Cell::plain(whole.count()),
            Cell::strong(or_dash(whole.quantile(0.5), time)),
            Cell::plain(or_dash(whole.quantile(0.9), time)),
            Cell::plain(or_dash(whole.quantile(0.99), time)),
            Cell::plain(or_dash(whole.max(), time)),
            Cell::strong(or_dash(ratio, times)),
        ]);
    }
    table
}

fn phases(started: &[&Started]) -> Table {
    let mut columns = [("median of", Align::Left); PHASES.len() + 1];
    for (column, (_, name)) in columns[1..].iter_mut().zip(PHASES) {
        *column = (name, Align::Right);
    }
    let mut table = Table::new(columns);
    for started in started {
        let mut cells = [const { None }; PHASES.len() + 1];
        cells[0] = Some(Cell::plain(name(started.way)));
        for (cell, (phase, _)) in cells[1..].iter_mut().zip(PHASES) {
            let median = started.phase(phase).and_then(|phase| phase.quantile(0.5));
            *cell = Some(Cell::plain(or_dash(median, time)));
        }
        table.add(cells.map(|cell| cell.unwrap_or_else(|| Cell::plain("-"))));
    }
    table
}

fn sentences(started: &[&Started]) -> Vec<String> {
    let mut lines = Vec::new();
    let ratio = |a: Option<f64>, b: Option<f64>| a.zip(b).map(|(a, b)| a / b);
    let managed = median(started, Way::ManagedMany, Phase::Start);
    let by_hand = median(started, Way::PooledMany, Phase::Start);
    lines.extend(ratio(managed, by_hand).map(|ratio| {
        format!(
            "a managed start takes {} times one with wasmtime by hand, {MANY} at once on one \
             core that all stay",
            times(ratio)
        )
    }));
    let process = median(started, Way::Process, Phase::Start);
    lines.extend(ratio(process, managed).map(|ratio| {
        format!(
            "a child process takes {} times as long to start",
            times(ratio)
        )
    }));
    lines
}

fn name(way: Way) -> String {
    match way {
        Way::Cold => "cold: compiled".to_owned(),
        Way::Cached => "cached: deserialised".to_owned(),
        Way::OnDemand => "hot, on demand".to_owned(),
        Way::Pooled => "hot, pooled".to_owned(),
        Way::PooledConcurrent => "hot, pooled, all cores at once".to_owned(),
        Way::PooledMany => format!("hot, pooled, {MANY} that stay"),
        Way::Managed => "managed, awaited from a thread".to_owned(),
        Way::ManagedMany => format!("managed, {MANY} at once"),
        Way::Native => "native twin".to_owned(),
        Way::Thread => "plain thread".to_owned(),
        Way::Process => "child process".to_owned(),
    }
}

/// For a spreadsheet; nanoseconds.
pub(super) fn csv(results: &Results) -> Option<String> {
    let mut text = "agent,way,phase,starts,p50_ns,p90_ns,p99_ns,max_ns\n".to_owned();
    let mut any = false;
    for measurement in &results.parts {
        for started in started(measurement) {
            any = true;
            for (phase, times) in &started.phases {
                let phase = PHASES.iter().find(|(known, _)| known == phase);
                text += &format!(
                    "{},{},{},{},{},{},{},{}\n",
                    quoted(&measurement.part.agent),
                    quoted(&name(started.way)),
                    phase.map_or("to first reply", |(_, name)| name),
                    times.count(),
                    plain(times.quantile(0.5)),
                    plain(times.quantile(0.9)),
                    plain(times.quantile(0.99)),
                    plain(times.max()),
                );
            }
        }
    }
    any.then_some(text)
}
