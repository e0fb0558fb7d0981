//! What agents take of memory and CPU.

use super::table::{Align, Cell, Style, Table};
use crate::experiments::footprint::{Memory, Profiled};
use crate::experiments::record::Finding;
use crate::metrics::format::{or_dash, plain, quoted, size, time};
use crate::record::Phase;
use crate::record::{Measurement, Results};

pub(super) fn blocks(results: &Results, style: Style) -> Vec<String> {
    let parts: Vec<_> = results.parts.iter().filter_map(profiled).collect();
    if parts.is_empty() {
        return Vec::new();
    }
    vec![memory(&parts).draw(style), cpu(&parts).draw(style)]
}

type Part<'a> = (&'a Measurement, &'a Profiled);

fn profiled(measurement: &Measurement) -> Option<Part<'_>> {
    let mut findings = measurement.findings.iter();
    findings.find_map(|finding| match finding {
        Finding::Profiled(profiled) => Some((measurement, &**profiled)),
        _ => None,
    })
}

fn stages(profiled: &Profiled) -> [(&'static str, Option<Memory>); 3] {
    [
        ("created", Some(profiled.created)),
        ("after 1,000 messages", Some(profiled.processed)),
        ("after a checkpoint", profiled.saved),
    ]
}

fn memory(parts: &[Part]) -> Table {
    let mut table = Table::new([
        ("memory of one", Align::Left),
        ("backend", Align::Left),
        ("agents", Align::Right),
        ("when", Align::Left),
        ("resident", Align::Right),
        ("linear memory", Align::Right),
        ("host's heap", Align::Right),
    ]);
    let bytes = |bytes: f64| match bytes < 0.0 {
        true => format!("-{}", size(-bytes as u64)),
        false => size(bytes as u64),
    };
    for (measurement, profiled) in parts {
        for (stage, memory) in stages(profiled) {
            let part = &measurement.part;
            let linear = memory
                .map(|memory| memory.linear)
                .filter(|linear| *linear > 0.0);
            table.add([
                Cell::plain(&part.agent),
                Cell::plain(part.backend),
                Cell::plain(part.agents),
                Cell::plain(stage),
                match memory {
                    Some(memory) => Cell::strong(bytes(memory.resident)),
                    None => Cell::dim("it has no `state`"),
                },
                Cell::plain(or_dash(linear, bytes)),
                Cell::plain(or_dash(memory.and_then(|memory| memory.heap), bytes)),
            ]);
        }
    }
    table
}

/// CPU an agent at the rate, as a share of a core, without the generator's.
fn at_rate(measurement: &Measurement) -> Option<f64> {
    let steady = measurement.phase(Phase::Steady)?;
    let used = steady.process_cpu_ns.checked_sub(steady.generator_cpu_ns)?;
    Some(used as f64 / 1e9 / steady.seconds() / measurement.part.agents as f64)
}

fn cpu(parts: &[Part]) -> Table {
    let mut table = Table::new([
        ("CPU", Align::Left),
        ("backend", Align::Left),
        ("idle", Align::Right),
        ("idle with agents", Align::Right),
        ("a start", Align::Right),
        ("a message", Align::Right),
        ("messages/s", Align::Right),
        ("an agent at that rate", Align::Right),
    ]);
    let share = |share: f64| format!("{:.3} %", share * 100.0);
    for (measurement, profiled) in parts {
        let part = &measurement.part;
        table.add([
            Cell::plain(&part.agent),
            Cell::plain(part.backend),
            Cell::plain(share(profiled.idle)),
            Cell::plain(share(profiled.idle_with_agents)),
            Cell::plain(time(profiled.start_ns)),
            Cell::plain(time(profiled.message_ns)),
            Cell::plain(or_dash(part.rate, crate::metrics::format::grouped)),
            Cell::strong(or_dash(at_rate(measurement), share)),
        ]);
    }
    table
}

/// For a spreadsheet; bytes, and nanoseconds of CPU.
pub(super) fn csv(results: &Results) -> Option<String> {
    let mut text = "agent,backend,agents,when,resident,linear,heap,start_cpu_ns,message_cpu_ns,\
                    idle_share,idle_with_agents_share,at_rate_share\n"
        .to_owned();
    let parts: Vec<_> = results.parts.iter().filter_map(profiled).collect();
    for (measurement, profiled) in &parts {
        for (stage, memory) in stages(profiled) {
            let numbers = [
                memory.map(|memory| memory.resident),
                memory.map(|memory| memory.linear),
                memory.and_then(|memory| memory.heap),
                Some(profiled.start_ns),
                Some(profiled.message_ns),
                Some(profiled.idle),
                Some(profiled.idle_with_agents),
                at_rate(measurement),
            ];
            text += &format!(
                "{},{},{},{},{}\n",
                quoted(&measurement.part.agent),
                measurement.part.backend,
                measurement.part.agents,
                quoted(stage),
                numbers.map(plain).join(",")
            );
        }
    }
    (!parts.is_empty()).then_some(text)
}
