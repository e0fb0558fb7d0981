//! Components beside each other, such as one agent in several languages: what each is, and costs before
//! its first message and for one.

use super::{COMPONENTS, Found, Part};
use crate::bundle::Subject;
use crate::metrics::Topic;
use crate::record;
use crate::sampling::compiling::compile;
use crate::sampling::recorder::Recorder;
use crate::sampling::response;
use crate::stats::{Estimate, median_interval};
use crate::view::{Form, Table, View};
use crate::workload::{Case, with_directory};
use crate::{Error, Result};
use sandlab_runtime::subject;
use sandlab_runtime::wasm::Memories;
use sandlab_runtime::{BackendKind, CallError, LoadError, SandboxConfig};
use std::time::Instant;

/// Starts of each component, enough for an interval.
const STARTS: usize = 20;

/// The size of a page of linear memory, bytes.
const PAGE: u64 = 64 << 10;

/// Measures a component: up to its first message, and the messages of a case, each alone.
pub(super) fn measure(
    subject: &Subject,
    config: &SandboxConfig,
    case: &Case,
    to: &mut dyn Recorder,
) -> Result<()> {
    let agent = subject.name();
    let backend = BackendKind::Wasm;
    to.part(record::Part { backend: Some(backend), ..record::Part::new(COMPONENTS, &agent) })?;
    let failed = |source: LoadError| Error::Load { agent: agent.clone(), backend, source };
    let (config, _directory) = with_directory(config, std::slice::from_ref(case))?;
    let file = subject.component();
    let bytes = std::fs::read(&file).map_err(Error::file("read", &file))?;
    let (component, _) = subject::adapt(&bytes).map_err(failed)?;
    let memories = Memories::of(&component).map_err(failed)?;
    let (loaded, compiled) = compile(subject, &config)?;
    let failed = |step: &str, source: CallError| Error::Call {
        agent: agent.clone(),
        side: backend.name().to_owned(),
        step: step.to_owned(),
        source,
    };
    let mut start_ns = Vec::new();
    for _ in 0..STARTS {
        let clock = Instant::now();
        let instance = loaded.backend.spawn(case.identity());
        start_ns.push(clock.elapsed().as_nanos() as f64);
        instance.map_err(|fault| failed("spawn", fault.into()))?;
    }
    let instance = loaded.backend.spawn(case.identity());
    let mut instance = instance.map_err(|fault| failed("spawn", fault.into()))?;
    if !case.config.is_empty() {
        instance.configure(&case.config).map_err(|error| failed("configure", error))?;
    }
    let mut exchanges = case.exchanges.iter().cycle();
    let calls = response::times(|id| {
        let Some(exchange) = exchanges.next() else {
            return Ok(None);
        };
        let clock = Instant::now();
        let handled = instance.handle(&exchange.request);
        let took = clock.elapsed();
        let step = format!("message {}", id + 1);
        let handled = handled.map_err(|error| failed(&step, error))?;
        exchange.check_all(&handled).map_err(|reason| Error::WrongReply {
            agent: agent.clone(),
            side: backend.name().to_owned(),
            step,
            reason,
        })?;
        Ok(Some(took))
    })?;
    to.found(&Found::Component {
        bytes: bytes.len() as u64,
        pages: memories.map(|memories| memories.initial / PAGE),
        compiled_ns: compiled.as_nanos() as u64,
        start_ns,
        calls,
    })
}

/// One component.
struct Row<'a> {
    agent: &'a str,
    bytes: u64,
    pages: Option<u64>,
    compiled_ns: u64,
    start: Option<Estimate>,
    /// The mean size of the first messages that it is compared with, bytes.
    message: Option<u64>,
    /// The time of one of these, by the rounds.
    time: Option<Estimate>,
    /// The time that 99 in 100 of these are within, each alone, nanoseconds.
    p99: Option<f64>,
}

pub(super) fn show(parts: &[&Part], comparisons: &[&Part], to: &mut View) {
    let rows: Vec<Row> = parts.iter().flat_map(|part| rows_of(part, comparisons)).collect();
    if !rows.is_empty() {
        to.table(table(&rows));
    }
}

fn rows_of<'a>(part: &'a Part<'a>, comparisons: &[&Part]) -> Vec<Row<'a>> {
    let agent = part.part.agent.as_str();
    let compared = comparisons.iter().find(|other| other.part.agent == agent);
    let time = compared.and_then(|compared| {
        let mut sides = compared.rounds.sides.iter();
        let wasm = sides.find(|side| side.side == BackendKind::Wasm.name());
        median_interval(&wasm?.ns)
    });
    let row = |found: &Found| {
        let Found::Component { bytes, pages, compiled_ns, start_ns, calls } = found;
        Row {
            agent,
            bytes: *bytes,
            pages: *pages,
            compiled_ns: *compiled_ns,
            start: median_interval(start_ns),
            message: compared.and_then(|compared| compared.part.bytes()),
            time,
            p99: calls.as_ref().and_then(|calls| calls.supported_quantile(0.99)),
        }
    };
    part.found.iter().map(row).collect()
}

fn table(rows: &[Row]) -> Table {
    Table::of("components", "Components", Topic::Overhead, rows)
        .text("agent", "agent", |row| row.agent.to_owned())
        .number("size", "size", Form::Size, |row| Some(row.bytes as f64))
        .number("pages", "pages", Form::Integer, |row| Some(row.pages? as f64))
        .number("compile", "compile", Form::Time, |row| Some(row.compiled_ns as f64))
        .number("start", "start", Form::Time, |row| Some(row.start?.value))
        .number("message", "message", Form::Size, |row| Some(row.message? as f64))
        .number("time", "time/msg", Form::Time, |row| Some(row.time?.value))
        .number("p99", "p99", Form::Time, |row| row.p99)
        .done()
}
