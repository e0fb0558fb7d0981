//! The parts of a run, as much of them as a report needs.

use super::entry::{Begin, End};
use super::{ClosedLoop, ClosedWindow, Disturbance, Finding, Phase, Rounds, Shared, Tally, Window};
use crate::printable::printable;
use crate::workload::Case;
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
    /// The backend that runs them; null if the part compares sides.
    #[schemars(with = "Option<String>")]
    pub backend: Option<BackendKind>,
    /// Number of agents; 0 of a plan for as many as fit.
    pub agents: usize,
    /// The stated size of each message's content, bytes; null for a workload from a file.
    pub size: Option<usize>,
    /// The mean size of the messages, bytes; null where all have the stated size.
    #[serde(default)]
    pub mean_bytes: Option<u64>,
    /// The messages of a workload from a file; null where all are generated alike.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mix: Option<Mix>,
    /// Messages per second that are due in the measured phase; null for a closed loop.
    pub rate: Option<f64>,
    /// Threads that the agents live on.
    pub shards: usize,
    /// The closed loop that loads them; null for an open loop.
    pub closed: Option<ClosedLoop>,
    /// The sides that interleaved rounds compare; empty if there are none.
    #[serde(default)]
    pub sides: Vec<String>,
}

/// The messages that the figures of a part hold for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Mix {
    /// The workload's file name, and the beginning of its SHA-256: `workload.jsonl@0a1b2c3d`.
    pub source: String,
    /// Number of different messages.
    pub messages: usize,
    /// The mean size of their content, bytes.
    pub mean_bytes: u64,
}

impl From<&Case> for Mix {
    fn from(case: &Case) -> Self {
        Self {
            source: case.source.clone().unwrap_or_else(|| format!("default of a {}", case.kind)),
            messages: case.exchanges.len(),
            mean_bytes: case.mean_bytes(),
        }
    }
}

/// The records of a run, as far as it has come.
#[derive(Debug)]
pub struct Run {
    /// The first record: machine, settings and agents.
    pub begin: Begin,
    /// Its parts, in order.
    pub parts: Vec<RunPart>,
    /// Sentences that a reader of the whole run must know.
    pub notes: Vec<String>,
    /// The last record; `None` if the run was killed, or has not ended.
    pub end: Option<End>,
}

/// The measurements of one part. Their size does not grow with the part's messages.
#[derive(Debug)]
pub struct RunPart {
    /// The part's experiment, agent, backend and load.
    pub part: Part,
    /// The windows of each phase that count, merged; all of them where too few count for the
    /// phase to be judged.
    pub phases: Vec<Window>,
    /// Each window's figures, in order, also of those that do not count.
    pub series: Vec<Point>,
    /// The interleaved rounds that count; all of them where too few do.
    pub rounds: Rounds,
    /// The experiment's other findings, in order.
    pub findings: Vec<Finding>,
    /// The windows of each phase that count, until it is settled whether they are enough.
    valid: Vec<Window>,
    /// The number of windows of each phase, and why some do not count.
    tallies: Vec<(Phase, Tally)>,
    /// The number of rounds, and why some do not count.
    counted: Tally,
}

/// A window's figures.
#[derive(Debug, Clone, Copy)]
pub struct Point {
    /// The phase of the load that it belongs to.
    pub phase: Phase,
    /// Its end, from the part's start on, seconds.
    pub at: f64,
    /// The window's length, seconds.
    pub seconds: f64,
    /// Messages that were due.
    pub due: u64,
    /// Messages that came to a good reply.
    pub good: u64,
    /// Messages that failed, were refused, or timed out.
    pub failed: u64,
    /// Messages that were due and not answered yet at its end.
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
    /// The disturbance for which it does not count; `None` if it counts.
    pub invalid: Option<Disturbance>,
}

impl Part {
    /// Returns a part of this kind for one agent, with all else unset.
    pub fn new(experiment: &str, agent: &str) -> Self {
        Self {
            experiment: experiment.to_owned(),
            agent: agent.to_owned(),
            backend: None,
            agents: 1,
            size: None,
            mean_bytes: None,
            mix: None,
            rate: None,
            shards: 1,
            closed: None,
            sides: Vec::new(),
        }
    }

    /// Returns the part with its names as reports print them: those of an imported run are
    /// whatever its file says.
    #[must_use]
    pub(crate) fn with_printable_names(mut self) -> Self {
        self.agent = printable(&self.agent);
        self.sides.iter_mut().for_each(|side| *side = printable(side));
        if let Some(mix) = &mut self.mix {
            mix.source = printable(&mix.source);
        }
        self
    }

    /// Returns the messages' mean size, bytes; `None` if it is not known.
    pub fn bytes(&self) -> Option<u64> {
        self.mean_bytes.or(self.size.map(|size| size as u64))
    }

    /// Returns the backend's name, or the names of the sides.
    pub fn backend_name(&self) -> String {
        match self.backend {
            Some(backend) => backend.to_string(),
            None => self.sides.join(" and "),
        }
    }

    /// Returns the part's name where it stands alone, such as `latency on wasm, 10 agents`.
    pub fn name(&self) -> String {
        let Self { experiment, agents, .. } = self;
        match self.backend {
            Some(backend) if *agents == 0 => format!("{experiment} on {backend}"),
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
            invalid: window.invalid,
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
    /// Returns a part without results.
    pub(crate) fn new(part: Part) -> Self {
        Self {
            rounds: Rounds::of(part.sides.iter().map(String::as_str)),
            part,
            phases: Vec::new(),
            series: Vec::new(),
            findings: Vec::new(),
            valid: Vec::new(),
            tallies: Vec::new(),
            counted: Tally::default(),
        }
    }

    /// Adds the next window.
    pub(crate) fn add(&mut self, window: &Window) {
        let before = self.series.last().copied();
        if let Some(last) = before.filter(|_| window.phase == Phase::Interrupted) {
            self.forget_the_way(&last);
        }
        let takes_time = window.end_ns > window.start_ns;
        let before = before.filter(|before| before.phase == window.phase && takes_time);
        absorb(&mut self.phases, window);
        if takes_time {
            self.series.push(Point::of(window));
            if window.due > 0 {
                self.tally_of(window.phase).add(window.invalid);
            }
        }
        if window.invalid.is_none() {
            absorb(&mut self.valid, window);
        }
        // A message counts where its end counts: what was on its way when windows began not to
        // count is not missing, and what was when they count again is not too much.
        let valid = self.valid.iter_mut().find(|valid| valid.phase == window.phase);
        if let Some((before, valid)) = before.zip(valid) {
            match (before.invalid, window.invalid) {
                (None, Some(_)) => valid.due = valid.due.saturating_sub(before.backlog),
                (Some(_), None) => valid.due += before.backlog,
                _ => {}
            }
        }
    }

    /// Takes back messages that were in flight in the last window of a process that ended: they are
    /// neither good nor missing.
    fn forget_the_way(&mut self, last: &Point) {
        let of_phase = |window: &&mut Window| window.phase == last.phase;
        if let Some(all) = self.phases.iter_mut().find(of_phase) {
            all.due = all.due.saturating_sub(last.backlog);
        }
        if let Some(valid) = self.valid.iter_mut().find(of_phase)
            && last.invalid.is_none()
        {
            valid.due = valid.due.saturating_sub(last.backlog);
        }
    }

    /// Returns the windows' figures of each process that measured the part, in order: those between
    /// interruptions.
    pub fn segments(&self) -> impl Iterator<Item = &[Point]> {
        self.series.split(|point| point.phase == Phase::Interrupted)
    }

    /// Leaves out disturbed windows and rounds, wherever enough remain without them.
    pub(crate) fn settle(&mut self) {
        for phase in &mut self.phases {
            let tally = self.tallies.iter().find(|(of, _)| *of == phase.phase);
            let is_enough = tally.is_none_or(|(_, tally)| tally.is_enough());
            let valid = self.valid.iter().find(|valid| valid.phase == phase.phase);
            if let Some(valid) = valid.filter(|_| is_enough) {
                phase.clone_from(valid);
            }
        }
        self.valid.clear();
        self.counted = self.rounds.tally();
        if self.counted.is_enough() {
            self.rounds.keep_valid();
        }
    }

    fn tally_of(&mut self, phase: Phase) -> &mut Tally {
        let known = self.tallies.iter().position(|(of, _)| *of == phase);
        let at = known.unwrap_or_else(|| {
            self.tallies.push((phase, Tally::default()));
            self.tallies.len() - 1
        });
        &mut self.tallies[at].1
    }

    /// Returns how many windows of a phase count.
    pub fn tally(&self, phase: Phase) -> Tally {
        let found = self.tallies.iter().find(|(of, _)| *of == phase);
        found.map(|(_, tally)| tally.clone()).unwrap_or_default()
    }

    /// Returns the reason why a phase is not judged; `None` if it is.
    pub fn withheld(&self, phase: Phase) -> Option<String> {
        self.tally(phase).withheld("windows")
    }

    /// Returns how many windows of a closed loop count.
    pub fn closed_tally(&self) -> Tally {
        let mut tally = Tally::default();
        self.all_closed().for_each(|window| tally.add(window.invalid));
        tally
    }

    /// Returns how many interleaved rounds count.
    pub fn rounds_tally(&self) -> &Tally {
        &self.counted
    }

    /// Returns a sentence on each kind of result that did not count; empty if all did.
    pub fn left_out(&self) -> Vec<String> {
        let measured = self.tallies.iter().filter(|(phase, _)| phase.is_measured());
        let phases = measured.filter_map(|(phase, tally)| {
            Some(format!("{}: {}", phase.name(), tally.told("windows")?))
        });
        let closed = self.closed_tally().told("windows");
        phases.chain(closed).chain(self.counted.told("rounds")).collect()
    }

    /// Returns the windows of a phase that count, merged, or all of them where too few do;
    /// `None` if there were none.
    pub fn phase(&self, phase: Phase) -> Option<&Window> {
        self.phases.iter().find(|window| window.phase == phase)
    }

    /// Returns the figures of the windows of a phase that count, in order, or of all of them
    /// where too few do: the samples behind [`RunPart::phase`].
    pub fn samples(&self, phase: Phase) -> impl Iterator<Item = &Point> {
        self.samples_of(&self.series, phase)
    }

    /// Returns those of [`RunPart::samples`] that are among these figures.
    pub fn samples_of<'a>(
        &self,
        points: &'a [Point],
        phase: Phase,
    ) -> impl Iterator<Item = &'a Point> + use<'a> {
        let takes_all = !self.tally(phase).is_enough();
        let points = points.iter().filter(move |point| point.phase == phase);
        points.filter(move |point| takes_all || point.invalid.is_none())
    }

    /// Returns the figures of all windows of a phase, in order.
    pub fn points(&self, phase: Phase) -> impl Iterator<Item = &Point> {
        self.series.iter().filter(move |point| point.phase == phase)
    }

    /// Returns the findings that any part can have.
    pub fn shared(&self) -> impl Iterator<Item = Shared> {
        self.findings.iter().filter_map(Finding::read)
    }

    fn all_closed(&self) -> impl Iterator<Item = ClosedWindow> {
        self.shared().filter_map(|finding| match finding {
            Shared::Closed(window) => Some(window),
            _ => None,
        })
    }

    /// Returns the windows of a closed loop that count, in order, or all of them where too few
    /// do.
    pub fn closed_windows(&self) -> Vec<ClosedWindow> {
        let takes_all = !self.closed_tally().is_enough();
        let windows = self.all_closed();
        windows.filter(|window| takes_all || window.invalid.is_none()).collect()
    }

    /// Returns all that a closed loop counted; `None` if it was none.
    pub fn closed(&self) -> Option<ClosedWindow> {
        let windows = self.closed_windows().into_iter();
        windows.reduce(|mut all, next| {
            all.absorb(&next);
            all
        })
    }

    /// Returns the reason why values over the whole part, which have no windows to leave out, are
    /// not judged; `None` if the machine was not disturbed.
    pub fn disturbed(&self) -> Option<String> {
        self.shared().find_map(|finding| match finding {
            Shared::Disturbed { by } => Some(format!("the machine was busy meanwhile: {by}")),
            _ => None,
        })
    }

    /// Returns the reason why it could not be measured; `None` if it could.
    pub fn unavailable(&self) -> Option<String> {
        self.shared().find_map(|finding| match finding {
            Shared::Unavailable { why } => Some(why),
            _ => None,
        })
    }

    /// Returns the part's name where it stands alone, such as `latency on wasm, 10 agents`.
    pub fn name(&self) -> String {
        self.part.name()
    }
}

/// Merges a window into that of its phase.
fn absorb(phases: &mut Vec<Window>, window: &Window) {
    match phases.iter_mut().find(|phase| phase.phase == window.phase) {
        Some(phase) => phase.absorb(window),
        None => phases.push(window.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEAL: Option<Disturbance> = Some(Disturbance::Steal { share: 0.12 });

    /// Returns a window of one second in which 100 messages were due, with this number of good
    /// replies, and this backlog at its end.
    fn window(number: u64, good: u64, backlog: u64, invalid: Option<Disturbance>) -> Window {
        let mut window = Window::new(Phase::Steady, number * 1_000_000_000);
        window.end_ns += 1_000_000_000;
        (window.due, window.sent, window.good) = (100, 100, good);
        (window.backlog, window.invalid) = (backlog, invalid);
        let took = if invalid.is_some() { 900_000_000 } else { 1_000_000 };
        (0..good).for_each(|_| window.latency.record(took));
        window
    }

    fn settled(windows: impl IntoIterator<Item = Window>) -> RunPart {
        let mut part = RunPart::new(Part::new("latency", "echo"));
        windows.into_iter().for_each(|window| part.add(&window));
        part.settle();
        part
    }

    #[test]
    fn figures_are_of_the_windows_that_count() {
        // The third stalls: 60 messages are on their way when it begins, and 10 when it ends.
        let part = settled((0..12).map(|number| match number {
            2 => window(number, 40, 60, None),
            3 => window(number, 150, 10, STEAL),
            4 => window(number, 110, 0, None),
            _ => window(number, 100, 0, None),
        }));
        let steady = part.phase(Phase::Steady).unwrap();
        assert!(steady.latency.max().unwrap() < 2e6);
        assert_eq!((steady.success(), steady.due), (Some(1.0), 1_050));
        assert_eq!((part.samples(Phase::Steady).count(), part.series.len()), (11, 12));
        assert!(part.withheld(Phase::Steady).is_none());
        assert_eq!(part.left_out(), ["steady: 1 of 12 windows did not count: steal 12 %"]);
    }

    #[test]
    fn where_too_few_count_all_are_shown_and_none_is_judged() {
        let disturbed = |number| if number < 3 { None } else { STEAL };
        let part = settled((0..10).map(|number| window(number, 100, 0, disturbed(number))));
        assert_eq!(part.phase(Phase::Steady).unwrap().due, 1_000);
        assert_eq!(part.samples(Phase::Steady).count(), 10);
        let why = part.withheld(Phase::Steady).unwrap();
        assert!(why.starts_with("7 of 10 windows did not count"), "{why}");
    }

    #[test]
    fn rounds_that_do_not_count_are_left_out_on_every_side() {
        let mut part = RunPart::new(Part {
            sides: vec!["wasm".to_owned(), "native".to_owned()],
            ..Part::new("compare", "echo")
        });
        for round in 0..8_u8 {
            let bytes = [f64::from(round), 1.0].map(f64::to_le_bytes).concat();
            part.rounds.add_bytes(&bytes, &[], STEAL.filter(|_| round == 2));
        }
        assert_eq!(part.rounds.stretches(4_096).len(), 3);
        part.settle();
        assert_eq!(part.rounds.ratios("wasm", "native"), [0.0, 1.0, 3.0, 4.0, 5.0, 6.0, 7.0]);
        assert_eq!(part.left_out(), ["1 of 8 rounds did not count: steal 12 %"]);
    }
}
