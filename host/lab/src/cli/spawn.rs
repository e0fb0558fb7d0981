//! `sandlab spawn`

use super::messages::Messages;
use super::progress;
use super::session::{About, Session};
use crate::Result;
use crate::bundle;
use crate::experiments::record::Recorder;
use crate::experiments::spawn::Starting;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// A built agent, the folder of a bundle or crate, or a component file.
    #[arg(value_name = "AGENT|BUNDLE|FILE.wasm", default_value = "echo")]
    subject: String,
    /// Starts each way; a tenth as many of those that compile, or start a process.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    #[command(flatten)]
    messages: Messages,
    /// The seed of the generated messages.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    #[command(flatten)]
    session: Session,
}

pub fn execute(args: &Args) -> Result<()> {
    let subject = bundle::find(&args.subject, &mut progress::say)?;
    let sandbox = args.session.sandbox()?;
    let cases = args.messages.cases(&subject, args.seed)?;
    let starting = Starting::of(&subject, &sandbox, &cases)?;
    let about = About {
        name: "spawn",
        subjects: std::slice::from_ref(&subject),
        sandbox: &sandbox,
        settings: None,
        parts: 1,
        judges: true,
    };
    let step = |to: &mut dyn Recorder| starting.run(args.rounds, to);
    args.session.run(&about, [step])
}
