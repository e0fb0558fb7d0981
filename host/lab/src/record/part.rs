//! The parts of a run, as much of them as a report needs.

use super::entry::{Begin, End};
use super::{ClosedLoop, ClosedWindow, Finding, Phase, Rounds, Shared, Window};
use sandlab_runtime::BackendKind;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One part of a run: an agent, where it runs, and how it is loaded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Part {
    /// The kind of experiment: `latency`, `spawn`, and so on.
    pub experiment: String,
    /// The agent that all are.
    pub agent: String,
    /// Where they run; null if the part compares sides.
    #[schemars(with = "Option<String>")]
    pub backend: Option<BackendKind>,
    /// How many agents there are.
    pub agents: usize,
    /// The stated size of each message's content, bytes; null for a workload from a file.
    pub size: Option<usize>,
    /// The mean size of the messages, bytes; null where all have the stated size.
    #[serde(default)]
    pub mean_bytes: Option<u64>,
    /// Messages per second that are due in the measured phase; null of a closed loop.
    pub rate: Option<f64>,
    /// Threads that the agents live on.
    pub shards: usize,
    /// How a closed loop loads them; null of an open loop.
    pub closed: Option<ClosedLoop>,
    /// The sides that interleaved rounds compare; empty if there are none.
    #[serde(default)]
    pub sides: Vec<String>,
}

/// What has been measured of a run until now.
#[derive(Debug)]
pub struct Run {
    /// How it began.
    pub begin: Begin,
    /// Its parts, in order.
    pub parts: Vec<RunPart>,
    /// What a reader of the whole run must know.
    pub notes: Vec<String>,
    /// How it ended; `None` if it was killed, or has not ended.
    pub end: Option<End>,
}

/// What has been measured of one part. Its size does not grow with the part's messages.
#[derive(Debug)]
pub struct RunPart {
    /// What was to be measured.
    pub part: Part,
    /// The windows of each phase, merged.
    pub phases: Vec<Window>,
    /// Each window's figures, in order.
    pub series: Vec<Point>,
    /// The interleaved rounds.
    pub rounds: Rounds,
    /// What else was found out, in order.
    pub findings: Vec<Finding>,
}

/// A window's figures.
#[derive(Debug, Clone, Copy)]
pub struct Point {
    /// The phase of the load that it belongs to.
    pub phase: Phase,
    /// Its end, from the part's start on, seconds.
    pub at: f64,
    /// How long it was, seconds.
    pub seconds: f64,
    /// Messages that were due.
    pub due: u64,
    /// Messages that came to a good reply.
    pub good: u64,
    /// Messages that came to anything else.
    pub failed: u64,
    /// Messages that were due and had come to nothing yet, at its end.
    pub backlog: u64,
    /// The most that there were within it.
    pub peak_backlog: u64,
    /// Median latency, nanoseconds; `None` without replies.
    pub p50: Option<f64>,
    /// 99th percentile of latency, nanoseconds; `None` without replies.
    pub p99: Option<f64>,
    /// CPU time per message without the generator's, nanoseconds.
    pub cpu: Option<f64>,
    /// Resident memory at its end, bytes.
    pub resident: Option<u64>,
}

impl Part {
    /// Returns a part of this kind of one agent, with nothing else stated.
    pub fn new(experiment: &str, agent: &str) -> Self {
        Self {
            experiment: experiment.to_owned(),
            agent: agent.to_owned(),
            backend: None,
            agents: 1,
            size: None,
            mean_bytes: None,
            rate: None,
            shards: 1,
            closed: None,
            sides: Vec::new(),
        }
    }

    /// Returns the messages' mean size, bytes; `None` if it is not known.
    pub fn bytes(&self) -> Option<u64> {
        self.mean_bytes.or(self.size.map(|size| size as u64))
    }

    /// Returns the backend's name, or what stands for several.
    pub fn backend_name(&self) -> String {
        match self.backend {
            Some(backend) => backend.to_string(),
            None => self.sides.join(" and "),
        }
    }

    /// Returns what the part is called where it does not stand in a table of its own.
    pub fn name(&self) -> String {
        let Self {
            experiment, agents, ..
        } = self;
        match self.backend {
            Some(backend) => format!("{experiment} on {backend}, {agents} agents"),
            None => format!("{experiment} of {}", self.agent),
        }
    }
}

impl Point {
    fn of(window: &Window) -> Self {
        Self {
            phase: window.phase,
            at: window.end_ns as f64 / 1e9,
            seconds: window.seconds(),
            due: window.due,
            good: window.good,
            failed: window.failed,
            backlog: window.backlog,
            peak_backlog: window.peak_backlog,
            p50: window.latency.quantile(0.5),
            p99: window.latency.quantile(0.99),
            cpu: window.cpu_per_message(),
            resident: window.resident,
        }
    }
}

impl Run {
    /// Returns whether it measured all that it was to.
    pub fn is_complete(&self) -> bool {
        self.end.as_ref().is_some_and(|end| end.complete)
    }
}

impl RunPart {
    /// Returns a part of which nothing has been measured yet.
    pub(crate) fn new(part: Part) -> Self {
        Self {
            rounds: Rounds::of(part.sides.iter().map(String::as_str)),
            part,
            phases: Vec::new(),
            series: Vec::new(),
            findings: Vec::new(),
        }
    }

    /// Adds the next window.
    pub(crate) fn add(&mut self, window: &Window) {
        if window.end_ns > window.start_ns {
            self.series.push(Point::of(window));
        }
        match self.phases.iter_mut().find(|p| p.phase == window.phase) {
            Some(phase) => phase.absorb(window),
            None => self.phases.push(window.clone()),
        }
    }

    /// Returns all windows of a phase, merged; `None` if there were none.
    pub fn phase(&self, phase: Phase) -> Option<&Window> {
        self.phases.iter().find(|window| window.phase == phase)
    }

    /// Returns the figures of the windows of a phase, in order.
    pub fn points(&self, phase: Phase) -> impl Iterator<Item = &Point> {
        self.series.iter().filter(move |point| point.phase == phase)
    }

    /// Returns the findings that any part can have.
    pub fn shared(&self) -> impl Iterator<Item = Shared> {
        self.findings.iter().filter_map(Finding::read)
    }

    /// Returns the windows of a closed loop, in order.
    pub fn closed_windows(&self) -> Vec<ClosedWindow> {
        let windows = self.shared().filter_map(|finding| match finding {
            Shared::Closed(window) => Some(window),
            _ => None,
        });
        windows.collect()
    }

    /// Returns all that a closed loop counted; `None` if it was none.
    pub fn closed(&self) -> Option<ClosedWindow> {
        let windows = self.closed_windows().into_iter();
        windows.reduce(|mut all, next| {
            all.absorb(&next);
            all
        })
    }

    /// Returns the reason why it could not be measured; `None` if it could.
    pub fn unavailable(&self) -> Option<String> {
        self.shared().find_map(|finding| match finding {
            Shared::Unavailable { why } => Some(why),
            _ => None,
        })
    }

    /// Returns what the part is called where it does not stand in a table of its own.
    pub fn name(&self) -> String {
        self.part.name()
    }
}
