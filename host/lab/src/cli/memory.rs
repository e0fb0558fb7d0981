//! `sandlab memory`

use super::messages::Messages;
use super::progress;
use super::session::{About, Session};
use crate::Result;
use crate::bundle::{self, Subject};
use crate::experiments::memory::{MOST, Search, Tested, sweep, tune};
use crate::experiments::record::Recorder;
use crate::workload::Case;
use bytesize::ByteSize;
use sandlab_runtime::BackendKind;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Names of built agents, folders of bundles or crates, or component files.
    #[arg(value_name = "AGENT|BUNDLE|FILE.wasm", required = true)]
    subjects: Vec<String>,
    /// The limits, one after another, with their units: 10MB has 10,000,000 bytes, 10MiB
    /// 10,485,760.
    #[arg(long, value_delimiter = ',', value_name = "SIZE", default_value = "1MB,10MB,100MB,1000MB", value_parser = limit)]
    limits: Vec<u64>,
    /// Where to run the agents; on all, if there are twins.
    #[arg(
        long,
        value_delimiter = ',',
        value_name = "BACKEND",
        conflicts_with = "tune"
    )]
    backends: Vec<BackendKind>,
    /// Search for the smallest limit that the workload needs in the sandbox, and recommend one.
    #[arg(long, conflicts_with = "limits")]
    tune: bool,
    /// With --tune: what to add to the smallest limit, percent.
    #[arg(long, default_value_t = 25, value_name = "PERCENT", value_parser = clap::value_parser!(u32).range(..=1000))]
    headroom: u32,
    /// With --tune: how often to try each limit.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    repeats: u32,
    /// With --tune: how often to send the workload to each instance.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..))]
    passes: u64,
    #[command(flatten)]
    messages: Messages,
    /// The seed of the generated messages.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    #[command(flatten)]
    session: Session,
}

pub fn execute(args: &Args) -> Result<()> {
    let sandbox = args.session.sandbox()?;
    let found = args.subjects.iter().map(|name| {
        let subject = bundle::find(name, &mut progress::say)?;
        let cases = args.messages.cases(&subject, args.seed)?;
        Ok((subject, cases))
    });
    let found: Vec<(Subject, Vec<Case>)> = found.collect::<Result<_>>()?;
    let mut tested = Vec::new();
    for (subject, cases) in &found {
        for backend in args.backends(subject) {
            tested.push(Tested::new(subject, backend, &sandbox, cases)?);
        }
    }
    let mut limits = args.limits.clone();
    limits.sort_unstable();
    limits.dedup();
    let subjects: Vec<Subject> = found.iter().map(|(subject, _)| subject.clone()).collect();
    let about = About {
        name: if args.tune { "tuning" } else { "memory" },
        subjects: &subjects,
        sandbox: &sandbox,
        settings: None,
        parts: tested.len() * if args.tune { 1 } else { limits.len() },
        judges: args.tune,
    };
    let search = Search {
        repeats: args.repeats,
        passes: args.passes,
        headroom: args.headroom,
    };
    let (limits, search) = (&limits, &search);
    let steps = tested.iter().map(|tested| {
        move |to: &mut dyn Recorder| match args.tune {
            true => tune(tested, search, to),
            false => sweep(tested, limits, to),
        }
    });
    args.session.run(&about, steps)
}

impl Args {
    /// Those that were asked for, each once; else those that the subject can run on.
    fn backends(&self, subject: &Subject) -> Vec<BackendKind> {
        let mut backends = match self.backends.as_slice() {
            _ if self.tune => vec![BackendKind::Wasm],
            [] if subject.twin().is_none() => vec![BackendKind::Wasm],
            [] => BackendKind::ALL.to_vec(),
            asked => asked.to_vec(),
        };
        backends.sort_unstable();
        backends.dedup();
        backends
    }
}

/// A limit on the command line. Its unit is needed: the 10 of a person is no 10 bytes.
fn limit(text: &str) -> Result<u64, String> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(format!("give its unit: {text}MB, {text}MiB, or {text}B"));
    }
    let bytes = text.parse::<ByteSize>()?.as_u64();
    if (1..=MOST).contains(&bytes) {
        return Ok(bytes);
    }
    Err("a limit is between 1B and 4GiB, which is what a 32-bit memory can have".to_owned())
}
