//! A run while it is measured: into the store and onto the terminal.

use super::{progress, resume};
use crate::experiments::{Given, Plan};
use crate::metrics::format::or_dash;
use crate::paths::shown;
use crate::record::{
    Begin, End, Entry, Environment, Held, MeasuredAgent, Part, RoundSettings, Run, RunId, RunPart,
    Shared, Store, Watch, Window, Writer,
};
use crate::sampling::recorder::Recorder;
use crate::validate::supervise::Observer;
use crate::view::Form;
use crate::{Error, Result};
use jiff::Timestamp;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Returns the conditions of the planned run, as of now.
fn begin(given: &Given, plan: &Plan) -> Result<Begin> {
    let arguments: Vec<String> = std::env::args_os().skip(1).map(shown).collect();
    // A run is exported, and passed on.
    let is_secret = arguments.iter().any(|word| has_password(word));
    let agents = plan.subjects.iter().map(MeasuredAgent::of);
    Ok(Begin {
        command: plan.name.clone(),
        judges: plan.judges,
        arguments: if is_secret { Vec::new() } else { arguments },
        started: Timestamp::now().to_string(),
        environment: Environment::now(),
        settings: plan.settings,
        sandbox: given.sandbox.clone(),
        agents: agents.collect::<Result<_>>()?,
    })
}

/// Returns whether a word has an address with a user in it: `nats://user:password@host`.
fn has_password(word: &str) -> bool {
    let hosts = word.split("://").skip(1).filter_map(|rest| rest.split(['/', ',']).next());
    hosts.into_iter().any(|host| host.contains('@'))
}

/// A run that is being measured. Its results go straight to the store: kept in memory, they would
/// look like a leak of the subject.
pub struct Live {
    store: Store,
    writer: Writer,
    /// Keeps other processes from resuming the run; `None` if it cannot be resumed.
    held: Option<Held>,
    /// Stored parts of earlier processes that this process has not reached yet.
    earlier: VecDeque<RunPart>,
    /// Notes that earlier processes stored.
    notes: Vec<String>,
    bar: progress::Bar,
    watch: Watch,
    /// Runs from the start of the current part; `None` between parts.
    part: Option<Watch>,
    part_name: String,
    /// The start of the current part.
    began: Instant,
    /// Rounds of the current part that are done.
    rounds: u32,
    /// The number of rounds that are planned; `None` for a run without rounds.
    settings: Option<RoundSettings>,
    parts: usize,
    /// Whether anything was stored other than names of parts, and notes.
    has_results: bool,
}

impl Live {
    /// Begins a run in a store.
    ///
    /// # Errors
    /// If it cannot be written, or an agent not read.
    pub fn begin(store: Store, given: &Given, plan: &Plan) -> Result<Self> {
        let writer = store.begin(&begin(given, plan)?)?;
        Self::new(store, writer, plan, plan.expected)
    }

    /// Goes on with a run of a store.
    ///
    /// # Errors
    /// If another process measures it, or not all is as it was then.
    pub fn resume(store: Store, id: RunId, run: Run, given: &Given, plan: &Plan) -> Result<Self> {
        let held = store.hold(id)?;
        resume::require_same(id, &run.begin, &begin(given, plan)?)?;
        let measured = run.parts.iter().flat_map(|part| &part.phases);
        let measured = measured.filter(|phase| phase.phase.is_measured());
        let done = Duration::from_secs_f64(measured.map(Window::seconds).sum());
        progress::say(&format!("run {id}, which began at {}, goes on", run.begin.started));
        let writer = store.reopen(id)?;
        let left = plan.expected.map(|all| all.saturating_sub(done));
        let mut live = Self::new(store, writer, plan, left)?;
        live.held = Some(held);
        live.earlier = run.parts.into();
        live.notes = run.notes;
        live.has_results = true;
        Ok(live)
    }

    fn new(store: Store, writer: Writer, plan: &Plan, left: Option<Duration>) -> Result<Self> {
        Ok(Self {
            writer,
            store,
            held: None,
            earlier: VecDeque::new(),
            notes: Vec::new(),
            bar: progress::Bar::new(plan.parts, left)?,
            watch: Watch::start(),
            part: None,
            part_name: String::new(),
            began: Instant::now(),
            rounds: 0,
            settings: plan.settings,
            parts: 0,
            has_results: false,
        })
    }

    /// Returns the name of the current part; empty before the first.
    pub fn part_name(&self) -> &str {
        &self.part_name
    }

    /// Returns whether there is nothing to report yet.
    pub fn is_empty(&self) -> bool {
        !self.has_results
    }

    /// Ends the run. Adds to the errors if the end cannot be stored; earlier results are stored in
    /// any case.
    pub fn end(self, errors: &mut Vec<Error>) -> (Store, RunId) {
        let end = End {
            complete: errors.is_empty(),
            noise: self.watch.noise(),
            failures: errors.iter().map(Error::to_string).collect(),
            failed_as: errors.iter().map(Error::kind).max(),
        };
        let run = self.writer.run();
        let known = errors.iter().any(|error| matches!(error, Error::Store { .. }));
        if let Err(error) = self.store.end(self.writer, &end)
            && !known
        {
            errors.push(error);
        }
        (self.store, run)
    }

    /// Records the disturbance of the last part, if there was one.
    pub fn part_ends(&mut self) -> Result<()> {
        let Some(by) = self.part.take().and_then(|mut watch| watch.lap()) else {
            return Ok(());
        };
        // Which is no result.
        let has_results = self.has_results;
        let recorded = (self as &mut dyn Recorder).found(&Shared::Disturbed { by });
        self.has_results = has_results;
        recorded
    }

    fn begins(&mut self, part: &Part) -> Result<()> {
        self.part_ends()?;
        self.part_name = part.name();
        (self.began, self.rounds) = (Instant::now(), 0);
        if self.parts > 0 {
            self.bar.done();
        }
        self.parts += 1;
        self.bar.begins(&self.part_name);
        self.part = Some(Watch::start());
        Ok(())
    }
}

impl Recorder for Live {
    fn record(&mut self, entry: Entry) -> Result<()> {
        match &entry {
            Entry::Part(part) => self.begins(part)?,
            Entry::Note(note) if self.notes.contains(note) => return Ok(()),
            // What changes comes first, since a narrow terminal cuts the rest.
            Entry::Window(window) => self.bar.shows(&format!(
                "{} good, p99 {}, {} waiting; {}, {}",
                Form::Rate.brief(window.rate()),
                or_dash(window.latency.quantile(0.99), |ns| Form::Time.brief(ns)),
                window.backlog,
                window.phase.name(),
                self.part_name,
            )),
            Entry::Round(_) => {
                self.rounds += 1;
                let wanted = self.settings.map_or(1, |it| it.wanted(self.began.elapsed()));
                self.bar.reached(f64::from(self.rounds) / wanted.max(1) as f64);
            }
            _ => {}
        }
        self.has_results |= !matches!(entry, Entry::Part(_) | Entry::Note(_));
        self.store.write(&mut self.writer, &entry)
    }

    fn resumable(&mut self, part: Part) -> Result<Option<RunPart>> {
        if self.held.is_none() {
            self.held = Some(self.store.hold(self.writer.run())?);
        }
        let Some(earlier) = self.earlier.pop_front() else {
            return self.record(Entry::Part(Box::new(part))).map(|()| None);
        };
        resume::require_part(self.writer.run(), &earlier.part, &part)?;
        self.begins(&part)?;
        self.store.continue_part(&mut self.writer)?;
        Ok(Some(earlier))
    }

    fn stopped(&self) -> bool {
        self.bar.stopped()
    }

    fn shows(&self, what: &str) {
        self.bar.shows(&format!("{}: {what}", self.part_name));
    }

    fn reached(&self, share: f64) {
        self.bar.reached(share);
    }
}
