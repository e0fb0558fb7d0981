//! One thread per destination, which sends waiting alerts and retries failed ones.

use super::outbox::{LONGEST_PAUSE, Outbox, next_pause};
use super::{Alert, Channel, Destination, Say};
use crate::slo::Severity;
use jiff::Timestamp;
use serde::Serialize;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Sends alerts to all destinations. When dropped, it tries waiting alerts once more, tells the
/// destinations to which it does not repeat alerts that those which are on have ended, since nobody
/// would tell them later, and ends.
pub struct Alerts {
    senders: Vec<Sender>,
}

struct Sender {
    destination: String,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// The counts of deliveries to one destination so far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Delivery {
    /// The destination, in words.
    pub destination: String,
    /// Alerts that have arrived, beginnings and ends apart.
    pub sent: u64,
    /// Tries that failed.
    pub failures: u64,
    /// Alerts that wait.
    pub waiting: usize,
}

struct Shared {
    state: Mutex<Inner>,
    changed: Condvar,
}

#[derive(Default)]
struct Inner {
    outbox: Outbox,
    sent: u64,
    failures: u64,
    ends: bool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a change, or for this time.
    fn wait<'a>(&self, inner: MutexGuard<'a, Inner>, time: Duration) -> MutexGuard<'a, Inner> {
        let waited = self.changed.wait_timeout(inner, time);
        waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

impl Alerts {
    /// Starts the threads that send alerts to these destinations, and reports failed deliveries to
    /// `say`.
    ///
    /// # Errors
    /// If a thread cannot be started.
    pub fn start(destinations: &[Destination], say: &Say) -> io::Result<Self> {
        let start = |destination: &Destination| {
            let shared = Shared { state: Mutex::default(), changed: Condvar::new() };
            let shared = Arc::new(shared);
            let name = destination.to_string();
            let mut work = Work {
                destination: name.clone(),
                channel: destination.open(),
                shared: shared.clone(),
                say: say.clone(),
                repeat: None,
            };
            let thread = thread::Builder::new().name("alerts".to_owned());
            let thread = thread.spawn(move || work.run())?;
            Ok(Sender { destination: name, shared, thread: Some(thread) })
        };
        let senders = destinations.iter().map(start).collect::<io::Result<_>>()?;
        Ok(Self { senders })
    }

    /// Sends an alert to every destination, and returns at once.
    pub fn send(&self, alert: &Alert) {
        for sender in &self.senders {
            sender.shared.lock().outbox.push(alert.clone(), Instant::now());
            sender.shared.changed.notify_all();
        }
    }

    /// Returns how it went with each destination so far.
    pub fn deliveries(&self) -> Vec<Delivery> {
        let of = |sender: &Sender| {
            let inner = sender.shared.lock();
            Delivery {
                destination: sender.destination.clone(),
                sent: inner.sent,
                failures: inner.failures,
                waiting: inner.outbox.waiting(),
            }
        };
        self.senders.iter().map(of).collect()
    }
}

impl Drop for Alerts {
    fn drop(&mut self) {
        for sender in &self.senders {
            sender.shared.lock().ends = true;
            sender.shared.changed.notify_all();
        }
        for thread in self.senders.iter_mut().filter_map(|sender| sender.thread.take()) {
            // One that panicked has nothing left to send.
            let _ = thread.join();
        }
    }
}

/// The state of the thread that serves one destination.
struct Work {
    destination: String,
    channel: Box<dyn Channel>,
    shared: Arc<Shared>,
    say: Say,
    /// The next time at which the alerts that are on are repeated; `None` if they are not.
    repeat: Option<Repeat>,
}

#[derive(Clone, Copy)]
struct Repeat {
    every: Duration,
    due: Instant,
    /// The pause since it has failed; else zero.
    pause: Duration,
}

/// What is to be sent at once.
enum Next {
    New(Box<Alert>),
    Again(Vec<Alert>),
}

impl Work {
    fn run(&mut self) {
        self.repeat = self.channel.repeats().map(|every| Repeat {
            every,
            due: Instant::now() + every,
            pause: Duration::ZERO,
        });
        while let Some(next) = self.next() {
            let failed = match next {
                Next::New(alert) => self.send(&alert),
                Next::Again(alerts) => self.repeat(&alerts),
            };
            if let Some((why, pause)) = failed {
                self.tell(&format!("{why}; tried again in {} s", pause.as_secs()));
            }
        }
        self.end();
    }

    /// Sends an alert. Returns why it has not arrived, and the pause until it is tried again.
    fn send(&mut self, alert: &Alert) -> Option<(String, Duration)> {
        let sent = self.channel.send(std::slice::from_ref(alert));
        let mut inner = self.shared.lock();
        match sent {
            Ok(()) => {
                inner.outbox.arrived(alert);
                inner.sent += 1;
                None
            }
            Err(why) => {
                inner.failures += 1;
                Some((why, inner.outbox.failed(alert, Instant::now())))
            }
        }
    }

    /// Sends alerts again that are on. Returns the same as [`send`](Self::send).
    fn repeat(&mut self, alerts: &[Alert]) -> Option<(String, Duration)> {
        let sent = self.channel.send(alerts);
        let repeat = self.repeat.as_mut()?;
        repeat.pause = if sent.is_ok() { Duration::ZERO } else { next_pause(repeat.pause) };
        let wait = if sent.is_ok() { repeat.every } else { repeat.pause };
        repeat.due = Instant::now() + wait;
        let why = sent.err()?;
        self.shared.lock().failures += 1;
        Some((why, wait))
    }

    /// Tries all alerts once more, and tells that those which are on are over.
    fn end(&mut self) {
        let waiting = self.shared.lock().outbox.all();
        let mut lost: Vec<_> = waiting.iter().filter_map(|alert| self.send(alert)).collect();
        if self.repeat.is_none() {
            let (on, now) = (self.shared.lock().outbox.on().to_vec(), Timestamp::now());
            let over = on.iter().map(|alert| alert.unwatched(now));
            lost.extend(over.filter_map(|alert| self.send(&alert)));
        }
        if let Some((why, _)) = lost.first() {
            self.tell(&format!("{why}; {} alerts are lost", lost.len()));
        }
    }

    fn tell(&self, what: &str) {
        (self.say)(&format!("alerts to {}: {what}", self.destination));
    }

    /// Waits for what is to be sent next; `None` at the end.
    fn next(&self) -> Option<Next> {
        let mut inner = self.shared.lock();
        loop {
            if inner.ends {
                return None;
            }
            let now = Instant::now();
            let repeat = self.repeat.filter(|_| !inner.outbox.on().is_empty());
            let next = inner.outbox.next(now);
            // What is on there goes first, but for what is new and urgent: it would be forgotten.
            let is_urgent = next.is_some_and(|alert| alert.severity == Severity::Page);
            if repeat.is_some_and(|repeat| repeat.due <= now) && !is_urgent {
                return Some(Next::Again(inner.outbox.on().to_vec()));
            }
            if let Some(alert) = next {
                return Some(Next::New(Box::new(alert.clone())));
            }
            let due = inner.outbox.due().into_iter().chain(repeat.map(|repeat| repeat.due)).min();
            let left = due.map_or(LONGEST_PAUSE, |due| due.saturating_duration_since(now));
            inner = self.shared.wait(inner, left);
        }
    }
}
