//! What experiments find out, and who takes it: each says what it is about to measure, and
//! then whatever it finds, as it finds it.

use crate::Result;
use crate::experiments::footprint::Profiled;
use crate::experiments::load::{Cycle, Footprint, MaxRate, Recoveries, Step};
use crate::experiments::memory::{AtLimit, Tuned};
use crate::experiments::plan::{Advice, Capacity, Verified};
use crate::experiments::spawn::Started;
use crate::record::Entry;
use crate::record::Window;
use crate::sampling::closed_loop::{Load, Throughput};
use crate::sampling::fleet::Fleet;
use crate::sampling::open_loop::Go;
use crate::stats::Distribution;
use sandlab_runtime::BackendKind;
use sandlab_runtime::messaging::Accounts;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a part of a run measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Experiment {
    /// As many messages as go through.
    Throughput,
    /// How long messages take at a rate.
    Latency,
    /// The highest rate that the path bears.
    MaxRate,
    /// What more agents cost.
    Scale,
    /// Many agents at a high rate, for minutes.
    Peak,
    /// A moderate rate for a day, in cycles.
    Sustained,
    /// A sudden high rate, and what comes after.
    Burst,
    /// Agents that fault under load.
    Recovery,
    /// What a memory limit does to an agent.
    Memory,
    /// The smallest memory limit that a workload does with.
    Tuning,
    /// How many agents there can be.
    Plan,
    /// What it takes to start an agent.
    Spawn,
    /// What agents take of memory and CPU.
    Footprint,
}

impl Experiment {
    /// What a person reads.
    pub fn name(self) -> &'static str {
        match self {
            Self::Throughput => "throughput",
            Self::Latency => "latency",
            Self::MaxRate => "max-rate",
            Self::Scale => "scale",
            Self::Peak => "peak",
            Self::Sustained => "sustained",
            Self::Burst => "burst",
            Self::Recovery => "recovery",
            Self::Memory => "memory",
            Self::Tuning => "tuning",
            Self::Plan => "plan",
            Self::Spawn => "spawn",
            Self::Footprint => "profile",
        }
    }
}

/// One part of a run: an agent on a backend, under a load.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Part {
    /// What is measured.
    pub experiment: Experiment,
    /// Which agent all are.
    pub agent: String,
    /// Where they run.
    #[schemars(with = "String")]
    pub backend: BackendKind,
    /// How many there are.
    pub agents: usize,
    /// The content of each message, bytes.
    pub size: usize,
    /// Messages a second that are due in the measured phase; none of a closed loop.
    pub rate: Option<f64>,
    /// Threads that the agents live on.
    pub shards: usize,
    /// How a closed loop loads them; none of an open loop.
    pub closed: Option<Load>,
}

/// What a part found out, besides its intervals.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "finding", rename_all = "kebab-case")]
pub enum Finding {
    /// The agent's own time for a message, with no path around it.
    Response {
        /// Of one call after another, timed each.
        time: Distribution,
    },
    /// What became of all messages, at rest.
    Accounts(#[schemars(with = "BTreeMap<String, serde_json::Value>")] Accounts),
    /// A step of the search for the highest rate.
    Step(Step),
    /// The highest rate.
    MaxRate(MaxRate),
    /// What so many agents cost.
    Footprint(Footprint),
    /// What a closed loop counted in an interval.
    Closed(Throughput),
    /// What was left at rest, after one of many equal cycles.
    Cycle(Cycle),
    /// How agents came back.
    Recovery(Recoveries),
    /// What a memory limit does.
    AtLimit(Box<AtLimit>),
    /// The smallest memory limit, and the recommended one.
    Tuned(Box<Tuned>),
    /// How many agents there can be in a layout.
    Capacity(Box<Capacity>),
    /// How to run so many.
    Advice(Box<Advice>),
    /// What came of starting them.
    Verified(Box<Verified>),
    /// What one way to start took.
    Started(Box<Started>),
    /// What one agent takes on average.
    Profiled(Box<Profiled>),
    /// It cannot be measured here.
    Unavailable {
        /// Why not.
        why: String,
    },
}

/// Whoever takes what is found.
pub trait Recorder {
    /// Takes an entry.
    ///
    /// # Errors
    /// If it cannot be kept.
    fn record(&mut self, entry: Entry) -> Result<()>;

    /// Whether to end early.
    fn stopped(&self) -> bool;
}

impl dyn Recorder + '_ {
    /// Takes an interval, and says whether the load goes on.
    pub(super) fn interval(&mut self, interval: Window) -> Result<Go> {
        self.record(Entry::Window(Box::new(interval)))?;
        Ok(if self.stopped() { Go::Stop } else { Go::On })
    }

    /// Takes a finding.
    pub(super) fn finding(&mut self, finding: Finding) -> Result<()> {
        self.record(Entry::Finding(Box::new(finding)))
    }

    /// Takes the accounts of a fleet, once nothing moves in it.
    pub(super) fn accounts(&mut self, fleet: &Fleet) -> Result<()> {
        fleet.drain()?;
        self.finding(Finding::Accounts(fleet.runtime.accounts()))
    }
}
