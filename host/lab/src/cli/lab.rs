//! `sandlab lab`

use super::progress;
use super::session::Session;
use crate::bundle::{self, Subject};
use crate::experiments::compare::{Case, Sides, Suite};
use crate::experiments::options::{Rounds, seed};
use crate::workload;
use crate::{Error, Result};

/// The agents of the smaller suite: one that does nothing but reply, and two that compute, one of
/// them with instructions that wasm does not have.
const AGENTS: [&str; 3] = ["echo", "json", "hash"];

/// The size of their messages, bytes.
const SIZE: usize = 1_024;

/// The rounds of the suite, the seed of its messages, and the options of every measurement.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    rounds: Rounds,
    /// The seed of the generated messages.
    #[arg(long, default_value_t = 1, value_parser = seed())]
    seed: u64,
    #[command(flatten)]
    session: Session,
}

pub fn execute(args: &Args) -> Result<()> {
    let given = args.session.given()?;
    progress::say(&format!(
        "a smaller suite, for a first answer: {}; `sandlab run quick` measures every agent and load",
        AGENTS.join(", ")
    ));
    let case = |name: &str| {
        let subject: Subject = bundle::find(name, &mut progress::say)?;
        let message = workload::of_size(name, SIZE, args.seed)
            .ok_or_else(|| Error::Usage(format!("no reference agent is called {name:?}")))?;
        let sides = Sides::Backends(args.rounds.backends());
        Ok(Case { subject, messages: vec![message], sides })
    };
    let suite = Suite {
        settings: args.rounds.settings(args.seed),
        sandbox: given.sandbox.clone(),
        cases: AGENTS.into_iter().map(case).collect::<Result<_>>()?,
    };
    args.session.run(&given, suite.plan("lab")?)
}
