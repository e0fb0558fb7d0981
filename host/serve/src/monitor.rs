//! Watches a host: takes a snapshot every few seconds, evaluates the objectives, sends alerts, and
//! keeps the snapshots.

use crate::Snapshot;
use crate::alerts::{Alert, Alerts, Delivery, Destination, Say};
use crate::slo::{Evaluator, Objective, Standing};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Settings of the monitor of a host.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct MonitorConfig {
    /// The time from one snapshot to the next. Default 10 s, so that the fast window of 5 minutes
    /// has 30 of them.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub interval: Duration,
}

impl Default for MonitorConfig {
    fn default() -> Self {
        Self { interval: Duration::from_secs(10) }
    }
}

/// The shortest interval.
const SHORTEST: Duration = Duration::from_millis(10);

/// The longest interval.
const LONGEST: Duration = Duration::from_secs(24 * 3_600);

/// The reason that a host cannot be watched in this way.
#[derive(Debug, thiserror::Error)]
pub enum MonitorError {
    /// The interval is too short, or too long.
    #[error("a snapshot every {}: `monitor.interval` is 10 ms to a day", humantime::format_duration(*.0))]
    Interval(Duration),
    /// An objective's fast window has hardly a snapshot.
    #[error(
        "the objective {name:?} has a window of {}, and so a shortest one of {}, in which snapshots \
         every {} say nothing: lengthen the window, or shorten `monitor.interval`",
        humantime::format_duration(*.window), humantime::format_duration(*.shortest),
        humantime::format_duration(*.interval)
    )]
    Window {
        /// The objective's name.
        name: String,
        /// Its window.
        window: Duration,
        /// The shortest of its alerts' windows.
        shortest: Duration,
        /// The time from one snapshot to the next.
        interval: Duration,
    },
    /// The machine gives no thread.
    #[error("cannot start the monitor: {0}")]
    Thread(#[from] io::Error),
}

impl MonitorConfig {
    /// Checks that snapshots come often enough for these objectives.
    ///
    /// # Errors
    /// [`MonitorError`] with the reason and the remedy.
    pub fn check(&self, objectives: &[Objective]) -> Result<(), MonitorError> {
        if !(SHORTEST..=LONGEST).contains(&self.interval) {
            return Err(MonitorError::Interval(self.interval));
        }
        let hides = |objective: &&Objective| objective.shortest() < 2 * self.interval;
        match objectives.iter().find(hides) {
            None => Ok(()),
            Some(objective) => Err(MonitorError::Window {
                name: objective.name.clone(),
                window: objective.window,
                shortest: objective.shortest(),
                interval: self.interval,
            }),
        }
    }
}

/// A receiver of snapshots, such as the lab's store.
pub trait Sink: Send {
    /// Stores a snapshot, with the standings of the objectives.
    ///
    /// # Errors
    /// The reason why it is not stored. The host goes on.
    fn keep(
        &mut self,
        at: Timestamp,
        snapshot: &Snapshot,
        standings: &[Standing],
    ) -> Result<(), String>;
}

/// Watches a host until it is dropped.
pub struct ProductionMonitor {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    alerts: Alerts,
    standings: Mutex<Vec<Standing>>,
    ends: Mutex<bool>,
    ended: Condvar,
}

/// The inputs and outputs of a monitor.
pub struct Watched {
    /// The objectives.
    pub objectives: Vec<Objective>,
    /// The destinations of alerts.
    pub destinations: Vec<Destination>,
    /// Takes a snapshot of the host.
    pub take: Box<dyn FnMut() -> Snapshot + Send>,
    /// Receivers of snapshots.
    pub sinks: Vec<Box<dyn Sink>>,
    /// Receives messages to the operator on the monitor itself.
    pub say: Say,
}

impl ProductionMonitor {
    /// Starts to watch.
    ///
    /// # Errors
    /// As [`MonitorConfig::check`], and if the machine gives no thread.
    pub fn start(config: &MonitorConfig, watched: Watched) -> Result<Self, MonitorError> {
        config.check(&watched.objectives)?;
        let evaluator = Evaluator::new(watched.objectives);
        let shared = Arc::new(Shared {
            alerts: Alerts::start(&watched.destinations, &watched.say)?,
            standings: Mutex::new(evaluator.standings()),
            ends: Mutex::new(false),
            ended: Condvar::new(),
        });
        let watch = Watch {
            evaluator,
            take: watched.take,
            sinks: watched.sinks,
            say: watched.say,
            shared: shared.clone(),
            born: Instant::now(),
        };
        let interval = config.interval;
        let thread = thread::Builder::new().name("monitor".to_owned());
        let thread = thread.spawn(move || watch.run(interval))?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Returns how the objectives stood with the last snapshot, in their order.
    pub fn standings(&self) -> Vec<Standing> {
        lock(&self.shared.standings).clone()
    }

    /// Returns how it went with each destination of alerts so far.
    pub fn deliveries(&self) -> Vec<Delivery> {
        self.shared.alerts.deliveries()
    }
}

impl Drop for ProductionMonitor {
    fn drop(&mut self) {
        *lock(&self.shared.ends) = true;
        self.shared.ended.notify_all();
        if let Some(thread) = self.thread.take() {
            // One that panicked watches no more; the host has its own end.
            let _ = thread.join();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The state of the monitor's thread.
struct Watch {
    evaluator: Evaluator,
    take: Box<dyn FnMut() -> Snapshot + Send>,
    sinks: Vec<Box<dyn Sink>>,
    say: Say,
    shared: Arc<Shared>,
    born: Instant,
}

impl Watch {
    fn run(mut self, interval: Duration) {
        let mut due = self.born;
        loop {
            self.look();
            // A look that took longer than the interval leaves those out that it covers.
            while due <= Instant::now() {
                due += interval;
            }
            if self.ends_before(due) {
                // What came since the last one is kept too.
                self.look();
                return;
            }
        }
    }

    fn look(&mut self) {
        let (at, now) = (self.born.elapsed(), Timestamp::now());
        let snapshot = (self.take)();
        let changes = self.evaluator.take(at, &snapshot);
        for change in &changes {
            let named = |objective: &&Objective| objective.name == change.standing.objective;
            if let Some(objective) = self.evaluator.objectives().find(named) {
                let on = at.saturating_sub(change.since);
                self.shared.alerts.send(&Alert::of(objective, change, now, on));
            }
        }
        let standings = self.evaluator.standings();
        for sink in &mut self.sinks {
            if let Err(why) = sink.keep(now, &snapshot, &standings) {
                (self.say)(&format!("a snapshot is not kept: {why}"));
            }
        }
        *lock(&self.shared.standings) = standings;
    }

    /// Waits until it is time; returns true if the end comes first.
    fn ends_before(&self, due: Instant) -> bool {
        let mut ends = lock(&self.shared.ends);
        loop {
            let left = due.saturating_duration_since(Instant::now());
            if *ends || left.is_zero() {
                return *ends;
            }
            let waited = self.shared.ended.wait_timeout(ends, left);
            ends = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}
