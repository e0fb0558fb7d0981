//! `sandlab compare`

use super::measuring::Measuring;
use super::messages::Messages;
use super::progress;
use super::session::{About, Session};
use crate::Result;
use crate::bundle::{self, Subject};
use crate::experiments::record::Recorder;
use crate::suite::{Part, Sides, Suite};

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
    #[command(flatten)]
    messages: Messages,
    #[command(flatten)]
    session: Session,
}

pub fn execute(args: &Args) -> Result<()> {
    let suite = suite(args)?;
    suite.check()?;
    let about = About {
        name: "compare",
        subjects: &suite.subjects(),
        sandbox: &suite.sandbox,
        settings: Some(suite.settings),
        parts: suite.len(),
        judges: true,
    };
    let suite = &suite;
    let steps = suite
        .parts
        .iter()
        .map(|part| move |to: &mut dyn Recorder| suite.measure(part, to));
    args.session.run(&about, steps)
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
        sandbox: args.session.sandbox()?,
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
