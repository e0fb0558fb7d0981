//! Shows what agents take of memory and CPU.

use super::found::{Footprint, Found, Memory};
use crate::experiments::{Shown, answers, labels};
use crate::metrics::quantity::quantities;
use crate::metrics::{Metric, Topic, shared};
use crate::record::Phase;
use crate::view::{Cell, Form, Table, Value, View};

quantities! {
    /// CPU of the whole process while agents are there and nothing is sent to them, as a share
    /// of one core.
    IDLE_CPU = "idle-cpu", "CPU while idle", Share, Lower, Resources;
}

type Part<'a> = Shown<'a, Found>;

pub(super) fn show(parts: &[Part], to: &mut View) {
    let rows: Vec<(&Part, &Footprint)> = parts
        .iter()
        .flat_map(|part| part.found.iter().map(move |Found::Footprint(found)| (part, found)))
        .collect();
    to.table(memory(&rows));
    to.table(cpu(&rows));
    let before = to.metrics.len();
    for (part, found) in rows {
        let labels = || labels(&part.part);
        let memory = found.processed.resident;
        to.metric(Metric::single(&shared::MEMORY_PER_AGENT, labels(), memory));
        for (quantity, value) in
            [(&shared::CPU_PER_MESSAGE, found.message_ns), (&IDLE_CPU, found.idle_with_agents)]
        {
            to.metric(Metric::single(quantity, labels(), value).withheld(part.disturbed()));
        }
        let at_rate = at_rate(part);
        let withheld = part.withheld(Phase::Steady);
        to.metric(at_rate.map(|share| {
            Metric::single(&shared::CPU_PER_AGENT, labels(), share).withheld(withheld)
        }));
    }
    for (question, quantity) in [
        ("memory per agent", &shared::MEMORY_PER_AGENT),
        ("CPU per message", &shared::CPU_PER_MESSAGE),
        ("CPU while idle", &IDLE_CPU),
        ("CPU per agent", &shared::CPU_PER_AGENT),
    ] {
        to.answer(answers::beside(question, quantity, &to.metrics[before..]));
    }
}

/// Returns the CPU per agent at the rate, as a share of a core, without the generator's.
fn at_rate(part: &Part) -> Option<f64> {
    let steady = part.phase(Phase::Steady)?;
    Some(steady.cpu_share() / part.part.agents as f64)
}

/// A row of the table of memory.
struct Stage<'a> {
    part: &'a Part<'a>,
    name: &'static str,
    memory: Option<Memory>,
}

fn memory(rows: &[(&Part, &Footprint)]) -> Table {
    let stages = rows.iter().flat_map(|(part, found)| {
        let stages = [
            ("created", Some(found.created)),
            ("after 1,000 messages", Some(found.processed)),
            ("after a checkpoint", found.saved),
        ];
        stages.map(|(name, memory)| Stage { part, name, memory })
    });
    let stages: Vec<Stage> = stages.collect();
    let of = |read: fn(Memory) -> Option<f64>| move |stage: &Stage| read(stage.memory?);
    Table::of("memory-per-agent", "Memory per agent", Topic::Resources, &stages)
        .text("agent", "agent", |stage| stage.part.part.agent.clone())
        .text("backend", "backend", |stage| stage.part.part.backend_name())
        .number("agents", "agents", Form::Integer, |stage| Some(stage.part.part.agents as f64))
        .text("when", "when", |stage| stage.name)
        .cells("rss", "RSS/agent", Some(Form::Size), |stage| match stage.memory {
            Some(memory) => Cell::from(Value::Number(memory.resident, Form::Size)),
            None => Value::Missing("it has no `state`".to_owned()).into(),
        })
        .strong()
        .number(
            "linear",
            "linear memory",
            Form::Size,
            of(|memory| Some(memory.linear).filter(|linear| *linear > 0.0)),
        )
        .number("heap", "host's heap", Form::Size, of(|memory| memory.heap))
        .done()
}

fn cpu(rows: &[(&Part, &Footprint)]) -> Table {
    Table::of("cpu-per-agent", "CPU", Topic::Resources, rows)
        .text("agent", "agent", |(part, _)| part.part.agent.clone())
        .text("backend", "backend", |(part, _)| part.part.backend_name())
        .number("idle", "idle", Form::SmallShare, |(_, found)| Some(found.idle))
        .number("idle_with_agents", "idle with agents", Form::SmallShare, |(_, found)| {
            Some(found.idle_with_agents)
        })
        .number("start", "CPU/start", Form::Time, |(_, found)| Some(found.start_ns))
        .number("message", "CPU/msg", Form::Time, |(_, found)| Some(found.message_ns))
        .number("rate", "messages/s", Form::Rate, |(part, _)| part.part.rate)
        .number("at_rate", "CPU/agent at that rate", Form::SmallShare, |(part, _)| at_rate(part))
        .strong()
        .done()
}
