//! `sandlab plan`

use super::messages::Messages;
use super::progress;
use super::session::{About, Session};
use crate::bundle;
use crate::experiments::plan::{Crowd, Machine, Wish, layout, plan};
use crate::experiments::record::Recorder;
use crate::{Error, Result};
use bytesize::ByteSize;
use sandlab_runtime::config::Layout;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// A built agent, the folder of a bundle or crate, or a component file.
    #[arg(value_name = "AGENT|BUNDLE|FILE.wasm")]
    subject: String,
    /// What each agent may use of memory; without it, as the sandbox config says.
    #[arg(long, value_name = "SIZE")]
    limit: Option<ByteSize>,
    /// How many agents there have to be; without it, as many as there can be.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=4_000_000))]
    agents: Option<u64>,
    /// Which layouts to plan: fast, dense, packed.
    #[arg(long = "layout", value_delimiter = ',', value_name = "LAYOUT", default_value = "fast,dense,packed", value_parser = parse)]
    layouts: Vec<Layout>,
    /// Start them, in a process of their own, exchange a message with each, and compare.
    #[arg(long)]
    verify: bool,
    #[command(flatten)]
    messages: Messages,
    /// The seed of the generated messages.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    #[command(flatten)]
    session: Session,
}

pub fn execute(args: &Args) -> Result<()> {
    let machine = Machine::now().ok_or_else(|| {
        Error::Machine("the kernel does not tell what there is: /proc is needed".to_owned())
    })?;
    let subject = bundle::find(&args.subject, &mut progress::say)?;
    let mut sandbox = args.session.sandbox()?;
    if let Some(limit) = args.limit {
        sandbox.memory_limit = limit;
    }
    let cases = args.messages.cases(&subject, args.seed)?;
    let crowd = Crowd::of(&subject, &sandbox, &cases)?;
    let wish = Wish {
        agents: args.agents,
        verify: args.verify,
    };
    let about = About {
        name: "plan",
        subjects: std::slice::from_ref(&subject),
        sandbox: &sandbox,
        settings: None,
        parts: args.layouts.len(),
        judges: true,
    };
    let (crowd, machine, wish) = (&crowd, &machine, &wish);
    let steps = args
        .layouts
        .iter()
        .map(|layout| move |to: &mut dyn Recorder| plan(crowd, *layout, machine, wish, to));
    args.session.run(&about, steps)
}

fn parse(text: &str) -> Result<Layout, String> {
    let all = [Layout::Fast, Layout::Dense, Layout::Packed];
    let found = all.into_iter().find(|known| layout(*known) == text);
    found.ok_or_else(|| "a layout is fast, dense or packed".to_owned())
}
