//! `sandlab serve`

use super::{print, streams};
use crate::bundle::find;
use crate::experiments::production::Keeper;
use crate::record::Store;
use crate::{Error, Result};
use sandlab_serve::run::{Options, RunError, Source};
use sandlab_serve::{Config, Sink};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The agents that are served, and where.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A configuration in TOML (docs/serve.schema.json), or agents: names, bundles, crates or
    /// components.
    #[arg(required = true, value_name = "CONFIG.toml|AGENT")]
    what: Vec<String>,
    /// Instead of serving, check the configuration, the files that it names, and that every agent
    /// starts.
    #[arg(long)]
    check: bool,
    /// Listen here instead of where the configuration says; port 0 takes any that is free.
    #[arg(long, value_name = "ADDRESS:PORT")]
    http: Option<SocketAddr>,
    /// Push metrics, and a span of each message, to this OpenTelemetry collector by OTLP over HTTP,
    /// as http://127.0.0.1:4318.
    #[arg(long, value_name = "URL")]
    otlp: Option<String>,
    /// Keep what agents do in this store, as a run that `sandlab report` shows, also while it
    /// goes on.
    #[arg(long, value_name = "FILE")]
    store: Option<PathBuf>,
}

pub fn execute(args: &Args) -> Result<()> {
    let options = Options {
        source: source(&args.what)?,
        http: args.http,
        otlp: args.otlp.clone(),
        resolve: Arc::new(component),
        say: Arc::new(streams::say),
    };
    if args.check {
        let agents = options.check().map_err(|error| Error::Usage(error.to_string()))?;
        if agents.is_empty() {
            return Err(Error::Usage(format!(
                "{} names no agents: a table `[agents.NAME]` with a `component` adds one",
                args.what.join(" "),
            )));
        }
        return print(&format!("{} can be served: {}\n", args.what.join(" "), agents.join(", ")));
    }
    let mut sinks: Vec<Box<dyn Sink>> = Vec::new();
    if let Some(path) = &args.store {
        let keeper = Keeper::begin(Store::open(path)?, &args.what.join(" "))?;
        if let Some(run) = keeper.run() {
            streams::say(&format!("run {run} in {} has what agents do", path.display()));
        }
        sinks.push(Box::new(keeper));
    }
    let left = options.run(sinks).map_err(failed)?;
    if left.agents.is_empty() {
        streams::say("drained: nothing was left");
        return Ok(());
    }
    let left = left.agents.iter().map(|(name, count)| format!("{name} {count}"));
    let left: Vec<_> = left.collect();
    Err(Error::LeftBehind(left.join(", ")))
}

fn source(what: &[String]) -> Result<Source> {
    if let [file] = what
        && file.ends_with(".toml")
    {
        return Ok(Source::File(PathBuf::from(file)));
    }
    let mut agents = BTreeMap::new();
    for what in what {
        if what.ends_with(".toml") {
            return Err(Error::Usage(format!(
                "{what} is a configuration, which is served alone: give its agents a table each"
            )));
        }
        let subject = find(what, &mut streams::say)?;
        let component = subject.component().to_string_lossy().into_owned();
        let name = name(&subject.name());
        if agents.insert(name.clone(), component).is_some() {
            return Err(Error::Usage(format!(
                "two agents would be called {name}: a configuration can give each its own name, or \
                 one of them several instances (docs/serve.md)"
            )));
        }
    }
    Ok(Source::Given(Box::new(Config::of_components(agents))))
}

/// Returns the name of what is served without a configuration: that of the bundle, or of the file.
fn name(subject: &str) -> String {
    let file = Path::new(subject).file_stem().unwrap_or_default().to_string_lossy();
    let plain = |letter: char| match letter {
        'a'..='z' | 'A'..='Z' | '0'..='9' | '-' | '_' | '.' => letter,
        _ => '-',
    };
    file.chars().map(plain).take(64).collect()
}

/// Finds a component by what stands in a configuration.
fn component(what: &str) -> Result<PathBuf, String> {
    let found = find(what, &mut streams::say);
    found.map(|subject| subject.component()).map_err(|error| error.to_string())
}

fn failed(error: RunError) -> Error {
    match error {
        RunError::Config(_)
        | RunError::Component(_)
        | RunError::Access(_)
        | RunError::Monitor(_) => Error::Usage(error.to_string()),
        RunError::Agent(_)
        | RunError::Nats(_)
        | RunError::Otlp(_)
        | RunError::Listen { .. }
        | RunError::System { .. } => Error::Machine(error.to_string()),
    }
}
