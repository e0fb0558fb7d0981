//! The cost per message on each backend, and its sources, as a ladder from the native call to the
//! whole sandbox.

mod answers;
mod attribution;
mod charts;
mod comparison;
mod components;
pub mod ladder;
mod parameters;
mod suite;

pub use parameters::Parameters;
pub use suite::{Case, Sides, Suite};

use super::{Experiment, Given, Plan, Shown};
use crate::Result;
use crate::metrics::quantity::quantities;
use crate::metrics::{Labels, Metric, Quantity, shared};
use crate::stats::{Distribution, median_interval};
use crate::view::View;
use sandlab_runtime::BackendKind;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Interleaved rounds of the same messages on several sides.
pub struct Compare;

/// Findings of a comparison besides its rounds.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "finding", rename_all = "kebab-case")]
pub enum Found {
    /// The size of a component, and its cost before its first message.
    Component {
        /// The file's size.
        bytes: u64,
        /// The pages of all its memories together at the start; null if they are imported.
        pages: Option<u64>,
        /// The time to compile and link it, on all cores, without a cache.
        compiled_ns: u64,
        /// The time to start an instance, each a sample.
        start_ns: Vec<f64>,
        /// The time of single calls with the first messages that it is sent.
        #[serde(default)]
        calls: Option<Distribution>,
    },
}

type Part<'a> = Shown<'a, Found>;

/// The kind of a part whose sides are backends.
const BACKENDS: &str = "compare";
/// The kind of a part whose sides are the rungs of the ladder.
const LADDER: &str = "ladder";
/// The kind of a part about a component by itself.
const COMPONENTS: &str = "components";

quantities! {
    /// Time per message ÷ that of the native twin in the same round.
    OVERHEAD = "overhead", "vs native", Ratio, Lower, Overhead;
}

impl Experiment for Compare {
    type Parameters = Parameters;
    type Found = Found;

    const KINDS: &'static [&'static str] = &[BACKENDS, LADDER, COMPONENTS];
    const QUANTITIES: &'static [&'static Quantity] = QUANTITIES;

    fn plan<'a>(parameters: &'a Parameters, given: &'a Given) -> Result<Plan<'a>> {
        parameters.plan(given)
    }

    fn show(parts: &[Part], to: &mut View) {
        let of = |kind| parts.iter().filter(move |part| part.part.experiment == kind);
        let comparisons: Vec<&Part> = of(BACKENDS).collect();
        let ladders: Vec<&Part> = of(LADDER).collect();
        components::show(&of(COMPONENTS).collect::<Vec<_>>(), &comparisons, to);
        comparison::show(&comparisons, to);
        attribution::show(&ladders, to);
        answers::answers(&comparisons, to);
        charts::ratios(&comparisons, to);
        for part in comparisons.into_iter().chain(ladders) {
            metrics(part, to);
        }
    }
}

/// Every side, and its ratio to native.
fn metrics(part: &Part, to: &mut View) {
    let native = BackendKind::Native.name();
    let side_label = match part.part.experiment.as_str() {
        LADDER => "rung",
        _ => "backend",
    };
    let withheld = part.rounds_tally().withheld("rounds");
    for side in &part.rounds.sides {
        let labels = || {
            Labels::new()
                .with("experiment", &part.part.experiment)
                .with("agent", &part.part.agent)
                .with_some("size", part.part.bytes().filter(|_| part.part.mix.is_none()))
                .with_some("workload", part.part.mix.as_ref().map(|mix| &mix.source))
                .with(side_label, &side.side)
        };
        let judged = |metric: Option<Metric>| Some(metric?.withheld(withheld.clone()));
        let time = Metric::median(&shared::TIME_PER_MESSAGE, labels(), side.ns.clone());
        to.metric(judged(time.map(|time| time.beside(&part.rounds.reference_ns))));
        if side.side != native {
            let ratios = part.rounds.ratios(&side.side, native);
            to.metric(judged(Metric::median(&OVERHEAD, labels(), ratios)));
        }
    }
}

/// Returns the ends of an estimate's interval, for a chart.
fn ends(samples: &[f64]) -> Option<(f64, f64)> {
    median_interval(samples).and_then(|estimate| estimate.ends())
}
