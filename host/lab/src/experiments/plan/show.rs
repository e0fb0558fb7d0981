//! Shows how many agents a machine holds, and with which settings.

use super::machine::MemoryBound;
use super::{Advice, Bound, Capacity, Found, TOLERANCE, Verified, layout};
use crate::experiments::Shown;
use crate::metrics::format::grouped;
use crate::metrics::quantity::quantities;
use crate::metrics::{Labels, Metric, Topic, shared};
use crate::view::{Answer, Form, Table, View};
use sandlab_runtime::config::Layout;

quantities! {
    /// The most agents of one program that fit into this machine, predicted from a few.
    MOST_AGENTS = "most-agents", "most agents", Count, Higher, Density;
}

/// One layout of a plan.
struct Planned<'a> {
    agent: &'a str,
    capacity: &'a Capacity,
    advice: &'a Advice,
    verified: Option<&'a Verified>,
    /// The disturbance for which times are withheld; `None` if they are judged.
    disturbed: Option<String>,
}

pub(super) fn show(parts: &[Shown<Found>], to: &mut View) {
    let planned: Vec<Planned> = parts.iter().filter_map(Planned::of).collect();
    to.table(capacities(&planned));
    let verified: Vec<(&Planned, &Verified)> =
        planned.iter().filter_map(|planned| Some((planned, planned.verified?))).collect();
    to.table(verified_table(&verified));
    for planned in &planned {
        if let Some(sentence) = planned.overfill() {
            to.finding(Topic::Density, sentence);
        }
    }
    advise(&planned, to);
    for planned in &planned {
        metrics(planned, to);
    }
    answer(&planned, to);
    object(&planned, to);
}

/// Answers what an agent takes in the fastest layout, and how many of them fit.
fn answer(planned: &[Planned], to: &mut View) {
    let Some(chosen) = chosen(planned).or_else(|| planned.first()) else {
        return;
    };
    let fits = |planned: &Planned| {
        format!(
            "{} fit, bound by {}",
            grouped(planned.capacity.agents() as f64),
            bound(planned.capacity)
        )
    };
    let metric =
        Metric::single(&shared::MEMORY_PER_AGENT, labels(chosen), chosen.capacity.cost.each());
    to.answer(Answer::of("memory per agent", &metric).remark(fits(chosen)).remark(chosen.agent));
    for planned in planned {
        let metric =
            Metric::single(&MOST_AGENTS, labels(planned), planned.capacity.agents() as f64);
        let question = format!("agents, {}", planned.layout());
        let each = format!("{} each", Form::Size.brief(planned.capacity.cost.each()));
        let answer = Answer::of(question, &metric);
        to.answer(
            answer.remark(format!("bound by {}", bound(planned.capacity))).remark(each).aside(),
        );
    }
}

fn labels(planned: &Planned) -> Labels {
    Labels::new()
        .with("experiment", "plan")
        .with("agent", planned.agent)
        .with("layout", planned.layout())
        .with("limit", planned.capacity.limit)
}

impl<'a> Planned<'a> {
    fn of(part: &'a Shown<Found>) -> Option<Self> {
        let mut found = (None, None, None);
        for finding in &part.found {
            match finding {
                Found::Capacity(capacity) => found.0 = Some(capacity),
                Found::Advice(advice) => found.1 = Some(advice),
                Found::Verified(verified) => found.2 = Some(verified),
            }
        }
        Some(Self {
            agent: &part.part.agent,
            capacity: found.0?,
            advice: found.1?,
            verified: found.2,
            disturbed: part.disturbed(),
        })
    }

    fn layout(&self) -> &'static str {
        layout(self.capacity.layout)
    }

    /// Says what became of more agents than were predicted.
    fn overfill(&self) -> Option<String> {
        let beyond = self.verified?.beyond.as_ref()?;
        let (layout, agents) = (self.layout(), grouped(beyond.agents as f64));
        Some(match &beyond.refused {
            Some(why) => format!("{layout}, {agents} agents: refused, as predicted: {why}"),
            None => format!("{layout}, {agents} agents: came up as well, against the prediction"),
        })
    }
}

fn capacities(planned: &[Planned]) -> Table {
    let cost = |read: fn(&Capacity) -> f64| move |planned: &Planned| Some(read(planned.capacity));
    Table::of("plan", "How many agents fit", Topic::Density, planned)
        .text("agent", "agent", |planned| planned.agent.to_owned())
        .text("layout", "layout", Planned::layout)
        .number("agents", "most agents", Form::Count, cost(|capacity| capacity.agents() as f64))
        .strong()
        .text("bound", "bound by", |planned| bound(planned.capacity))
        .number(
            "at_limit",
            "all at their limit",
            Form::Count,
            cost(|capacity| capacity.at_limit as f64),
        )
        .number("resident", "RSS/agent", Form::Size, cost(|capacity| capacity.cost.resident))
        .number(
            "page_tables",
            "page tables/agent",
            Form::Size,
            cost(|capacity| capacity.cost.page_tables),
        )
        .number("once", "once for all", Form::Size, cost(|capacity| capacity.cost.once))
        .number(
            "mappings",
            "mappings/agent",
            Form::Integer,
            cost(|capacity| capacity.mappings as f64),
        )
        .number("start", "start/agent", Form::Time, cost(|capacity| capacity.cost.start * 1e9))
        .done()
}

fn verified_table(rows: &[(&Planned, &Verified)]) -> Table {
    let agents = |verified: &Verified| verified.after.agents;
    Table::of("plan-verified", "Verified", Topic::Density, rows)
        .text("agent", "agent", |(planned, _)| planned.agent.to_owned())
        .text("layout", "verified", |(planned, _)| planned.layout())
        .number("answered", "answered", Form::Count, |(_, verified)| Some(agents(verified) as f64))
        .strong()
        .number("memory_predicted", "memory predicted", Form::Size, |(planned, verified)| {
            Some(planned.capacity.cost.memory(agents(verified)))
        })
        .number("memory", "measured", Form::Size, |(_, verified)| Some(verified.memory()))
        .number("memory_ratio", "÷ predicted", Form::Ratio, |(planned, verified)| {
            Some(verified.memory_ratio(planned.capacity))
        })
        .strong()
        .number("start_predicted", "start predicted", Form::Time, |(planned, verified)| {
            Some(planned.capacity.cost.start * agents(verified) as f64 * 1e9)
        })
        .number("start", "measured", Form::Time, |(_, verified)| {
            Some(verified.after.started_in * 1e9)
        })
        .number("mappings", "mappings", Form::Count, |(_, verified)| {
            Some(verified.after.mappings as f64)
        })
        .number("agents_ratio", "agents ÷ predicted", Form::Ratio, |(planned, verified)| {
            Some(verified.agents_ratio(planned.capacity))
        })
        .strong()
        .done()
}

fn bound(capacity: &Capacity) -> &'static str {
    match (capacity.bound(), capacity.memory_by) {
        (Bound::Mappings, _) => "vm.max_map_count",
        (Bound::AddressSpace, _) => "address space",
        (Bound::OpenFiles, _) => "open files",
        (Bound::Memory, MemoryBound::Machine) => "the machine's memory",
        (Bound::Memory, MemoryBound::ControlGroup) => "the control group's memory",
        (Bound::Memory, MemoryBound::Addresses) => "memory: `ulimit -v`",
        (Bound::Memory, MemoryBound::Data) => "memory: `ulimit -d`",
    }
}

/// Returns the fastest layout that holds what was asked for.
fn chosen<'a, 'b>(planned: &'b [Planned<'a>]) -> Option<&'b Planned<'a>> {
    let speed = |planned: &&Planned| match planned.capacity.layout {
        Layout::Fast => 0,
        Layout::Dense => 1,
        Layout::Packed => 2,
    };
    let fitting = planned.iter().filter(|planned| planned.advice.fits);
    fitting.min_by_key(speed)
}

fn advise(planned: &[Planned], to: &mut View) {
    for Planned { advice, capacity, .. } in planned {
        let raised = [
            ("sysctl -w vm.max_map_count=", advice.max_map_count),
            ("ulimit -n ", advice.open_files),
        ];
        let commands = raised.map(|(set, limit)| limit.map(|limit| format!("`{set}{limit}`")));
        let commands: Vec<_> = commands.into_iter().flatten().collect();
        if !commands.is_empty() {
            let (layout, agents) = (layout(capacity.layout), grouped(advice.agents as f64));
            let commands = commands.join(" and ");
            let sentence = format!("{layout}: {agents} agents fit after {commands}");
            to.finding(Topic::Density, sentence);
        }
    }
    let Some(chosen) = chosen(planned) else {
        to.finding(Topic::Density, "no layout holds them on this machine as it is");
        return;
    };
    let (agents, is_one) = (grouped(chosen.advice.agents as f64), chosen.advice.agents == 1);
    to.finding(
        Topic::Density,
        format!(
            "{agents} {}, in the fastest layout that holds {}: paste this into a sandbox config",
            if is_one { "agent" } else { "agents" },
            if is_one { "it" } else { "them" },
        ),
    );
    to.snippet(Topic::Density, sandbox(chosen.advice));
}

fn sandbox(advice: &Advice) -> String {
    let mut text = advice.sandbox.clone();
    for (number, pool) in advice.pools.iter().enumerate() {
        let of = advice.pools.len();
        text += &format!("\n# wasmtime's settings, pool {} of {of}:\n", number + 1);
        text += &comment(pool);
    }
    text
}

/// Returns a long line as a comment of several, broken after commas.
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

fn metrics(planned: &Planned, to: &mut View) {
    let cost = &planned.capacity.cost;
    for (quantity, value) in [
        (&MOST_AGENTS, planned.capacity.agents() as f64),
        (&shared::MEMORY_PER_AGENT, cost.each()),
        (&shared::SPAWN_PER_AGENT, cost.start * 1e9),
    ] {
        // Neither memory nor the kernel's limits depend on who has the cores.
        let is_time = *quantity == shared::SPAWN_PER_AGENT;
        let withheld = planned.disturbed.clone().filter(|_| is_time);
        to.metric(Metric::single(quantity, labels(planned), value).withheld(withheld));
    }
}

/// Adds an objection if nothing fits, or what was verified is not as predicted.
fn object(planned: &[Planned], to: &mut View) {
    for Planned { capacity, verified, .. } in planned {
        let Some(verified) = verified else {
            continue;
        };
        let layout = layout(capacity.layout);
        let is_met = |ratio: f64| (1.0 - TOLERANCE..=1.0 + TOLERANCE).contains(&ratio);
        let mut ratios = vec![
            ("memory", verified.memory_ratio(capacity)),
            ("agents", verified.agents_ratio(capacity)),
        ];
        if !is_met(ratios[0].1) && verified.hides_each(capacity) {
            ratios.remove(0);
            let (found, predicted) = verified.memory_found(capacity);
            to.finding(
                Topic::Density,
                format!(
                    "{layout}: memory is not held against the prediction: {} and {} differ by less \
                     than the {} that all agents take together; verify more agents",
                    Form::Size.show(found),
                    Form::Size.show(predicted),
                    Form::Size.show(capacity.cost.once),
                ),
            );
        }
        for (what, ratio) in ratios.into_iter().filter(|(_, ratio)| !is_met(*ratio)) {
            to.object(format!("plan, {layout}: {what} measured ÷ predicted is {ratio:.2}"));
        }
    }
    if let Some(first) = planned.first()
        && planned.iter().all(|planned| !planned.advice.fits)
    {
        to.object(format!(
            "{} agents do not fit on this machine; the table says how many do, and what is in the \
             way",
            first.advice.agents
        ));
    }
}
