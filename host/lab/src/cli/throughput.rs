//! `sandlab throughput`

use super::{print, progress, strategy};
use crate::bundle;
use crate::experiment::compare;
use crate::experiment::throughput::{Clients, Load, Mode, Throughput, throughput};
use crate::report::Format;
use crate::report::throughput::{self as report, Row};
use crate::suite::Observer;
use crate::{Error, Result, results};
use sandlab_runtime::{BackendKind, Profile};
use std::path::PathBuf;
use std::time::Duration;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The agent that all are; it must answer with the content. [default: echo, or where
    /// zero-copy is among the strategies, relay, which is then told to answer]
    #[arg(value_name = "AGENT|BUNDLE")]
    subject: Option<String>,
    #[command(flatten)]
    strategy: strategy::Args,
    /// Where to run the agents.
    #[arg(long, value_delimiter = ',', default_value = "wasm,native,process")]
    backends: Vec<BackendKind>,
    /// How many agents, one number or more.
    #[arg(long, value_delimiter = ',', default_value = "10", value_parser = clap::value_parser!(u32).range(1..))]
    agents: Vec<u32>,
    /// The messages' sizes, bytes.
    #[arg(long, value_delimiter = ',', default_value = "1024", value_parser = clap::value_parser!(u32).range(8..))]
    size: Vec<u32>,
    /// Whether replies are awaited.
    #[arg(long, value_enum, value_delimiter = ',', default_value = "ask")]
    mode: Vec<Mode>,
    /// Messages in flight on each connection.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..))]
    depth: u32,
    /// Connections.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    connections: u32,
    /// Where the connections' work is done.
    #[arg(long, value_enum, default_value = "threads")]
    clients: Clients,
    /// How long to measure each row, after a tenth as long to warm up.
    #[arg(long, default_value = "2s", value_parser = duration)]
    duration: Duration,
    /// The sandbox profile, a TOML file.
    #[arg(long, value_name = "FILE")]
    profile: Option<PathBuf>,
    /// How to report.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// Write the report to this file, instead of to standard output.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

fn duration(text: &str) -> Result<Duration, String> {
    let duration = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    if duration < Duration::from_millis(10) {
        return Err("at least 10ms".to_owned());
    }
    Ok(duration)
}

pub fn execute(args: &Args) -> Result<()> {
    if let Some(file) = &args.output {
        results::require_writable(file)?;
    }
    let named = args.subject.as_deref();
    let subject = bundle::find(named.unwrap_or(args.strategy.agent()), &mut progress::say)?;
    let mut profile = match &args.profile {
        Some(file) => Profile::read(file)?,
        None => Profile::default(),
    };
    // Room for the largest number that was asked for.
    let most = args.agents.iter().copied().max().unwrap_or(1);
    profile.allocation.slots = profile.allocation.slots.max(most);
    let loads = loads(args, strategy::config(&subject.name()));
    let bar = progress::Bar::new(loads.len() * args.backends.len())?;
    let (mut rows, mut notes) = (Vec::new(), Vec::new());
    for kind in &args.backends {
        let backend = compare::backend(&subject, *kind, &profile)?;
        for load in &loads {
            if bar.stopped() {
                return finish(args, &rows, &notes).and(Err(Error::Stopped));
            }
            if let Some(note) = strategy::left_out(&subject.name(), &*backend, load.strategy) {
                if !notes.contains(&note) {
                    notes.push(note);
                }
                bar.done();
                continue;
            }
            bar.begins(&format!("{} agents on {kind}", load.agents));
            let measured: Throughput = throughput(&backend, load)?;
            rows.push(Row {
                agent: subject.name(),
                backend: *kind,
                load: *load,
                measured,
            });
            bar.done();
        }
    }
    drop(bar);
    if rows.is_empty() {
        return Err(Error::Usage(notes.join("; ")));
    }
    finish(args, &rows, &notes)
}

/// Every combination that was asked for.
fn loads(args: &Args, config: Option<&'static str>) -> Vec<Load> {
    let mut loads = Vec::new();
    for mode in &args.mode {
        for size in &args.size {
            for agents in &args.agents {
                for strategy in args.strategy.all() {
                    loads.push(Load {
                        agents: *agents as usize,
                        config,
                        strategy,
                        size: *size as usize,
                        depth: args.depth,
                        connections: args.connections as usize,
                        clients: args.clients,
                        mode: *mode,
                        duration: args.duration,
                    });
                }
            }
        }
    }
    loads
}

fn finish(args: &Args, rows: &[Row], notes: &[String]) -> Result<()> {
    match &args.output {
        Some(file) => {
            let report = report::render(rows, notes, args.format, false)?;
            results::write_whole(file, report.as_bytes())
        }
        None => print(&report::render(
            rows,
            notes,
            args.format,
            console::colors_enabled(),
        )?),
    }
}
