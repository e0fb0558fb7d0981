//! `sandlab compare`

use super::measuring::Measuring;
use super::messages::Messages;
use super::{progress, publish};
use crate::bundle::{self, Subject};
use crate::report::Format;
use crate::suite::{Part, Sides, Suite};
use crate::{Result, results};
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Names of built agents, folders of bundles or crates, or component files; all that
    /// are built, if none is given.
    #[arg(value_name = "AGENT|BUNDLE|FILE.wasm")]
    subjects: Vec<String>,
    #[command(flatten)]
    measuring: Measuring,
    /// Show where the cost comes from: the ladder from the native call to the whole sandbox.
    #[arg(long, conflicts_with = "backends")]
    attribute: bool,
    /// How to report.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// Write the report to this file, instead of to standard output.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    messages: Messages,
}

pub fn execute(args: &Args) -> Result<()> {
    if let Some(file) = &args.output {
        results::require_writable(file)?;
    }
    let suite = suite(args)?;
    let outcome = suite.run(&progress::Bar::new(suite.len())?)?;
    publish(&outcome.run, args.format, args.output.as_deref())?;
    outcome.into_result()
}

fn suite(args: &Args) -> Result<Suite> {
    let settings = args.measuring.settings();
    let sides = if args.attribute {
        Sides::Ladder
    } else {
        Sides::Backends(args.measuring.backends())
    };
    let parts = subjects(&args.subjects)?.into_iter().map(|subject| {
        let cases = args.messages.cases(&subject, settings.seed)?;
        let sides = sides.clone();
        Ok(Part {
            subject,
            cases,
            sides,
        })
    });
    Ok(Suite {
        settings,
        profile: args.measuring.profile()?,
        parts: parts.collect::<Result<_>>()?,
    })
}

fn subjects(names: &[String]) -> Result<Vec<Subject>> {
    if names.is_empty() {
        let bundles = bundle::find_all()?;
        return Ok(bundles.into_iter().map(Subject::from).collect());
    }
    names
        .iter()
        .map(|name| bundle::find(name, &mut progress::say))
        .collect()
}
