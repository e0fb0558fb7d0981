//! One thread per destination, which sends waiting alerts and retries failed ones.

use super::outbox::Outbox;
use super::{Alert, Channel, Destination, Say};
use serde::Serialize;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// The pause after the first failure, which doubles with each further one.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// The longest pause between two tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Sends alerts to all destinations. When dropped, it tries waiting alerts once more, and then
/// ends.
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
            sender.shared.lock().outbox.push(alert.clone());
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
}

impl Work {
    fn run(&mut self) {
        let mut pause = FIRST_PAUSE;
        while let Some(alerts) = self.next() {
            let sent = self.channel.send(&alerts.batch);
            let shared = self.shared.clone();
            let mut inner = shared.lock();
            match sent {
                Ok(()) => {
                    if alerts.are_new {
                        alerts.batch.iter().for_each(|alert| inner.outbox.arrived(alert));
                        inner.sent += alerts.batch.len() as u64;
                    }
                    pause = FIRST_PAUSE;
                }
                Err(why) => {
                    inner.failures += 1;
                    if inner.ends {
                        self.tell(&format!("{why}; {} alerts are lost", inner.outbox.waiting()));
                        return;
                    }
                    self.tell(&format!("{why}; tried again in {} s", pause.as_secs()));
                    let due = Instant::now() + pause;
                    while !inner.ends && Instant::now() < due {
                        inner = shared.wait(inner, due.saturating_duration_since(Instant::now()));
                    }
                    pause = (2 * pause).min(LONGEST_PAUSE);
                }
            }
        }
    }

    fn tell(&self, what: &str) {
        (self.say)(&format!("alerts to {}: {what}", self.destination));
    }

    /// Waits for the next alerts to send; `None` at the end.
    fn next(&self) -> Option<Batch> {
        let repeats = self.channel.repeats();
        let due = repeats.map(|time| Instant::now() + time);
        let mut inner = self.shared.lock();
        loop {
            if let Some(alert) = inner.outbox.next() {
                return Some(Batch { batch: vec![alert.clone()], are_new: true });
            }
            if inner.ends {
                return None;
            }
            let left = due.map(|due| due.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) && !inner.outbox.on().is_empty() {
                return Some(Batch { batch: inner.outbox.on().to_vec(), are_new: false });
            }
            let left = left.filter(|left| !left.is_zero());
            inner = self.shared.wait(inner, left.unwrap_or(LONGEST_PAUSE));
        }
    }
}

/// Alerts that are sent at once.
struct Batch {
    batch: Vec<Alert>,
    /// Whether none of the alerts was sent before.
    are_new: bool,
}
