//! How many agents this machine holds, and with which settings.

use super::page::list;
use super::table::{Align, Cell, Style, Table};
use crate::experiments::plan::{Advice, Bound, Capacity, Verified, layout};
use crate::experiments::record::{Experiment, Finding};
use crate::metrics::format::{grouped, size, time, times};
use crate::record::{Measurement, Results};
use sandlab_runtime::config::Layout;

/// What was found out of one layout.
struct Planned<'a> {
    capacity: &'a Capacity,
    advice: &'a Advice,
    verified: Option<&'a Verified>,
}

pub(super) fn blocks(results: &Results, style: Style) -> Vec<String> {
    let parts = results.parts.iter();
    let planned: Vec<_> = parts.filter_map(Planned::of).collect();
    if planned.is_empty() {
        return Vec::new();
    }
    let mut blocks = vec![capacities(&planned).draw(style)];
    if planned.iter().any(|planned| planned.verified.is_some()) {
        blocks.push(verified(&planned).draw(style));
        blocks.push(list(
            planned.iter().filter_map(Planned::beyond).collect(),
            style,
        ));
    }
    blocks.push(list(advice(&planned), style));
    blocks.extend(chosen(&planned).map(|planned| sandbox(planned, style)));
    blocks
}

impl<'a> Planned<'a> {
    fn of(measurement: &'a Measurement) -> Option<Self> {
        let of_plan = measurement.part.experiment == Experiment::Plan;
        let findings = || measurement.findings.iter().filter(|_| of_plan);
        Some(Self {
            capacity: findings().find_map(|finding| match finding {
                Finding::Capacity(capacity) => Some(&**capacity),
                _ => None,
            })?,
            advice: findings().find_map(|finding| match finding {
                Finding::Advice(advice) => Some(&**advice),
                _ => None,
            })?,
            verified: findings().find_map(|finding| match finding {
                Finding::Verified(verified) => Some(&**verified),
                _ => None,
            }),
        })
    }

    fn name(&self) -> &'static str {
        layout(self.capacity.layout)
    }

    /// What became of more than were predicted.
    fn beyond(&self) -> Option<String> {
        let beyond = self.verified?.beyond.as_ref()?;
        let (name, agents) = (self.name(), grouped(beyond.agents as f64));
        Some(match &beyond.refused {
            Some(why) => format!("{name}, {agents} agents: refused, as predicted: {why}"),
            None => format!("{name}, {agents} agents: came up as well, against the prediction"),
        })
    }
}

fn capacities(planned: &[Planned]) -> Table {
    let mut table = Table::new([
        ("layout", Align::Left),
        ("most agents", Align::Right),
        ("bound by", Align::Left),
        ("all at their limit", Align::Right),
        ("resident one", Align::Right),
        ("page tables one", Align::Right),
        ("mappings one", Align::Right),
        ("start one", Align::Right),
    ]);
    for Planned { capacity, .. } in planned {
        table.add([
            Cell::plain(layout(capacity.layout)),
            Cell::strong(grouped(capacity.agents() as f64)),
            Cell::plain(bound(capacity.bound())),
            Cell::plain(grouped(capacity.at_limit as f64)),
            Cell::plain(size(capacity.cost.resident as u64)),
            Cell::plain(size(capacity.cost.page_tables as u64)),
            Cell::plain(capacity.mappings),
            Cell::plain(time(capacity.cost.start * 1e9)),
        ]);
    }
    table
}

fn verified(planned: &[Planned]) -> Table {
    let mut table = Table::new([
        ("verified", Align::Left),
        ("answered", Align::Right),
        ("memory predicted", Align::Right),
        ("measured", Align::Right),
        ("ratio", Align::Right),
        ("start predicted", Align::Right),
        ("measured", Align::Right),
        ("mappings", Align::Right),
        ("agents ratio", Align::Right),
    ]);
    for planned in planned {
        let (Some(verified), capacity) = (planned.verified, planned.capacity) else {
            continue;
        };
        let agents = verified.after.agents;
        table.add([
            Cell::plain(planned.name()),
            Cell::strong(grouped(agents as f64)),
            Cell::plain(size(capacity.cost.memory(agents) as u64)),
            Cell::plain(size(verified.memory() as u64)),
            Cell::strong(times(verified.memory_ratio(capacity))),
            Cell::plain(time(capacity.cost.start * agents as f64 * 1e9)),
            Cell::plain(time(verified.after.started_in * 1e9)),
            Cell::plain(grouped(verified.after.mappings as f64)),
            Cell::strong(times(verified.agents_ratio(capacity))),
        ]);
    }
    table
}

fn bound(bound: Bound) -> &'static str {
    match bound {
        Bound::Mappings => "vm.max_map_count",
        Bound::AddressSpace => "address space",
        Bound::OpenFiles => "open files",
        Bound::Memory => "memory",
    }
}

/// The fastest layout that holds what was asked for.
fn chosen<'a, 'b>(planned: &'b [Planned<'a>]) -> Option<&'b Planned<'a>> {
    let speed = |planned: &&Planned| match planned.capacity.layout {
        Layout::Fast => 0,
        Layout::Dense => 1,
        Layout::Packed => 2,
    };
    let fitting = planned.iter().filter(|planned| planned.advice.fits);
    fitting.min_by_key(speed)
}

fn advice(planned: &[Planned]) -> Vec<String> {
    let mut lines = Vec::new();
    for Planned {
        advice, capacity, ..
    } in planned
    {
        let raised = [
            ("sysctl -w vm.max_map_count=", advice.max_map_count),
            ("ulimit -n ", advice.open_files),
        ];
        let commands = raised.map(|(set, limit)| limit.map(|limit| format!("`{set}{limit}`")));
        let commands: Vec<_> = commands.into_iter().flatten().collect();
        if !commands.is_empty() {
            lines.push(format!(
                "{}: {} agents fit after {}",
                layout(capacity.layout),
                grouped(advice.agents as f64),
                commands.join(" and ")
            ));
        }
    }
    lines.push(match chosen(planned) {
        Some(chosen) => format!(
            "{} agents, in the fastest layout that holds them: paste this into a sandbox config",
            grouped(chosen.advice.agents as f64)
        ),
        None => "no layout holds them on this machine as it is".to_owned(),
    });
    lines
}

fn sandbox(planned: &Planned, style: Style) -> String {
    let (open, close) = match style {
        Style::Markdown => ("```toml\n", "```"),
        Style::Html => ("<pre>", "</pre>"),
        Style::Colour | Style::Plain => ("", ""),
    };
    let mut text = open.to_owned() + &planned.advice.sandbox;
    for (number, pool) in planned.advice.pools.iter().enumerate() {
        let of = planned.advice.pools.len();
        text += &format!("\n# What wasmtime is told, pool {} of {of}:\n", number + 1);
        text += &comment(pool);
    }
    text + close
}

/// A long line as a comment of several, broken after commas.
fn comment(line: &str) -> String {
    const WIDTH: usize = 96;
    let (mut text, mut width) = (String::new(), WIDTH);
    for word in line.split_inclusive(", ") {
        if width + word.len() > WIDTH {
            text = text.trim_end().to_owned() + if text.is_empty() { "# " } else { "\n# " };
            width = 2;
        }
        text += word;
        width += word.len();
    }
    text + "\n"
}

/// For a spreadsheet; memory in bytes, times in seconds.
pub(super) fn csv(results: &Results) -> Option<String> {
    let parts = results.parts.iter();
    let planned: Vec<_> = parts.filter_map(Planned::of).collect();
    let mut text = "layout,agents,bound,at_limit,resident,page_tables,once,mappings,start,\
                    verified,memory_verified,start_verified\n"
        .to_owned();
    for planned in &planned {
        let (capacity, verified) = (planned.capacity, planned.verified);
        let number = |value: Option<f64>| crate::metrics::format::plain(value);
        text += &format!(
            "{},{},{},{},{},{},{},{},{},{},{},{}\n",
            planned.name(),
            capacity.agents(),
            bound(capacity.bound()),
            capacity.at_limit,
            number(Some(capacity.cost.resident)),
            number(Some(capacity.cost.page_tables)),
            number(Some(capacity.cost.once)),
            capacity.mappings,
            number(Some(capacity.cost.start)),
            number(verified.map(|verified| verified.after.agents as f64)),
            number(verified.map(Verified::memory)),
            number(verified.map(|verified| verified.after.started_in)),
        );
    }
    (!planned.is_empty()).then_some(text)
}
