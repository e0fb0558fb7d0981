//! `sandlab run`

use super::loading::programs;
use super::measuring::Measuring;
use super::progress;
use super::session::{About, Session};
use crate::Result;
use crate::bundle;
use crate::experiments::load::{Program, quick};
use crate::experiments::record::Recorder;
use crate::sampling::fleet::beside_generator;
use crate::suite::{Part, Suite};
use clap::ValueEnum;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Which suite.
    #[arg(value_enum)]
    suite: Name,
    #[command(flatten)]
    measuring: Measuring,
    #[command(flatten)]
    session: Session,
}

/// What to run.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Name {
    /// Every built agent, every size, on every backend, the ladder of `echo`, and short
    /// versions of the loads: under two minutes on two cores.
    Quick,
}

pub fn execute(args: &Args) -> Result<()> {
    let Name::Quick = args.suite;
    let (measuring, sandbox) = (&args.measuring, args.session.sandbox()?);
    let backends = measuring.backends();
    let suite = Suite::quick(&backends, measuring.settings(), sandbox.clone())?;
    suite.check()?;
    let load = |name: &str| {
        let subject = bundle::find(name, &mut progress::say)?;
        programs(&subject, &backends, quick::AGENTS, &sandbox)
    };
    let (echo, faulty) = (load("echo")?, load("faulty")?);
    let about = About {
        name: "quick",
        subjects: &suite.subjects(),
        sandbox: &sandbox,
        settings: Some(suite.settings),
        parts: suite.len() + echo.len() * quick::PARTS + faulty.len(),
        // The loads are too short to hold anything against them.
        judges: false,
    };
    let parts = suite.parts.iter().map(Step::Part);
    let echoes = echo.iter().map(Step::Echoes);
    let faults = faulty.iter().map(Step::Faults);
    let (suite, shards) = (&suite, beside_generator());
    let steps = parts.chain(echoes).chain(faults).map(|step| {
        move |to: &mut dyn Recorder| match step {
            Step::Part(part) => suite.measure(part, to),
            Step::Echoes(program) => quick::echoes(program, shards, to),
            Step::Faults(program) => quick::faults(program, shards, to),
        }
    });
    args.session.run(&about, steps)
}

/// What is done one after another.
enum Step<'a> {
    /// An agent, on all sides.
    Part(&'a Part),
    /// Loads on the message path, in short versions; `sandlab load`, `latency`, `scale` and
    /// `recovery` run the whole ones.
    Echoes(&'a Program),
    /// The load of agents that fault.
    Faults(&'a Program),
}
