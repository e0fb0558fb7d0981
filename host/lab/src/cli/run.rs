//! `sandlab run`

use super::progress;
use super::session::Session;
use crate::Result;
use crate::bundle;
use crate::experiments::compare::Suite;
use crate::experiments::options::{Rounds, seed};
use crate::experiments::quick;
use crate::sampling::fleet::beside_generator;
use crate::sampling::program::programs;
use crate::sampling::traffic::Traffic;
use clap::ValueEnum;

/// The suite, and how its rounds are measured.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The suite to run.
    #[arg(value_enum)]
    suite: Name,
    #[command(flatten)]
    rounds: Rounds,
    /// The seed of the generated messages.
    #[arg(long, default_value_t = 1, value_parser = seed())]
    seed: u64,
    #[command(flatten)]
    session: Session,
}

/// The suites.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Name {
    /// Every built agent, every size, on every backend, the ladder of `echo`, and short
    /// versions of the loads, starts, memory limits and the plan: under two minutes on two cores.
    Quick,
}

pub fn execute(args: &Args) -> Result<()> {
    let Name::Quick = args.suite;
    let given = args.session.given()?;
    let sizing = quick::Sizing::short()?;
    let backends = args.rounds.backends();
    let settings = args.rounds.settings(args.seed);
    let load = |name: &str| {
        let subject = bundle::find(name, &mut progress::say)?;
        let traffic = Traffic::Echo { size: 1_024 };
        programs(&subject, &backends, quick::AGENTS, &given.sandbox, &traffic, &[])
    };
    let (echo, faulty) = (load("echo")?, load("faulty")?);
    let suite = Suite::quick(&backends, settings, given.sandbox.clone())?;
    let mut plan = suite.plan("quick")?;
    let shards = beside_generator();
    let compared = plan.steps.len();
    plan.steps.extend(echo.iter().flat_map(|program| quick::echoes(program, shards)));
    plan.steps.extend(faulty.iter().map(|program| quick::faults(program, shards)));
    plan.parts += plan.steps.len() - compared;
    for part in sizing.plans(&given)? {
        plan.parts += part.parts;
        plan.steps.extend(part.steps);
    }
    // The loads are too short to hold anything against them.
    plan.judges = false;
    args.session.run(&given, plan)
}
