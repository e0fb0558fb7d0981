//! The thread that stops calls at their deadline, one for all engines of the process.
//!
//! A thread that calls guests has a record, which its calls take in turn. So there are as many
//! records as threads, whatever the number of agents. A call reads no clock: the monitor looks
//! at the records once per tick, and a call's time begins when it is first seen. So no call is cut
//! short, and it is stopped at most two ticks late. After a while without calls the monitor
//! sleeps, and the next call wakes it.

use super::record::{Page, Record, Seen};
use crate::{LoadError, why_not_started};
use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

/// The interval at which the monitor looks at the calls that are running.
pub const TICK: Duration = Duration::from_millis(1);

/// Ticks without any call after which the monitor sleeps.
const IDLE_TICKS: u32 = 100;

/// The longest that it sleeps.
const LONGEST_SLEEP: Duration = Duration::from_secs(1);

/// Set while the monitor sleeps, or is about to.
static IS_ASLEEP: AtomicBool = AtomicBool::new(false);

static MONITOR: OnceLock<Result<Thread, String>> = OnceLock::new();

/// A record, what was seen of it, and since when.
type Entry = (Arc<Record>, Option<(Seen, Instant)>);

/// The records of all threads.
static RECORDS: Mutex<Vec<Entry>> = Mutex::new(Vec::new());

thread_local! {
    /// This thread's record, unless a call has it.
    static OWN: Cell<Option<Arc<Record>>> = const { Cell::new(None) };
}

/// Starts the monitor, if it does not run.
///
/// # Errors
/// [`LoadError::Threads`] if the machine has no thread for it.
pub fn start() -> Result<(), LoadError> {
    let spawn = || {
        let spawned = thread::Builder::new().name("interrupt".to_owned()).spawn(watch);
        let spawned = spawned.map_err(|error| why_not_started(&error))?;
        Ok(spawned.thread().clone())
    };
    let started = MONITOR.get_or_init(spawn).as_ref();
    started.map(|_| ()).map_err(|error| LoadError::Threads(error.clone()))
}

/// The record of a call, which ends when it is dropped. Calls that epochs interrupt have none.
#[derive(Debug, Default)]
#[must_use]
pub struct Watched(Option<Arc<Record>>);

impl Watched {
    /// Takes this thread's record for a call that begins later, by [`Later::begin`].
    pub fn later() -> (Self, Later) {
        let record = OWN.take().unwrap_or_else(registered);
        (Self(Some(record.clone())), Later(record))
    }

    /// Begins a call.
    ///
    /// # Safety
    /// The page is mapped, and nothing but guests uses it, until this is dropped.
    #[inline]
    pub unsafe fn begin(page: Page, limit: Duration) -> Self {
        let record = OWN.take().unwrap_or_else(registered);
        // SAFETY: as the caller promises.
        unsafe { record.arm(page, limit) };
        wake();
        Self(Some(record))
    }

    /// Ends the call. Returns whether it was stopped.
    #[inline]
    pub fn end(mut self) -> bool {
        self.release()
    }

    #[inline]
    fn release(&mut self) -> bool {
        let Some(record) = self.0.take() else { return false };
        let was_stopped = record.release();
        // On whichever thread: a record that finds another in its place is given up.
        OWN.set(Some(record));
        was_stopped
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.release();
    }
}

/// The right to begin a call once the page is known, as long as its [`Watched`] is there.
#[derive(Debug)]
pub struct Later(Arc<Record>);

impl Later {
    /// Begins the call.
    ///
    /// # Safety
    /// As [`Watched::begin`], whose `Watched` is the one that this came with.
    pub unsafe fn begin(self, page: Page, limit: Duration) {
        // SAFETY: as the caller promises.
        unsafe { self.0.arm(page, limit) };
        wake();
    }
}

/// Wakes the monitor, if it sleeps.
///
/// The monitor looks once more a tick after it has said that it sleeps. A call that began before
/// it could read that is seen then.
#[inline]
fn wake() {
    if IS_ASLEEP.load(Ordering::Relaxed) {
        rouse();
    }
}

#[cold]
fn rouse() {
    IS_ASLEEP.store(false, Ordering::Relaxed);
    if let Some(Ok(monitor)) = MONITOR.get() {
        monitor.unpark();
    }
}

fn records() -> MutexGuard<'static, Vec<Entry>> {
    RECORDS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes a record that the monitor looks at: this thread's first one, or one for a call within a
/// call.
#[cold]
fn registered() -> Arc<Record> {
    let record = Arc::new(Record::new());
    records().push((record.clone(), None));
    record
}

fn watch() {
    let mut idle_ticks = 0;
    loop {
        let look = look();
        idle_ticks = if look.has_calls { 0 } else { idle_ticks + 1 };
        if idle_ticks < IDLE_TICKS {
            let due = look.due.map(|due| due.saturating_duration_since(Instant::now()));
            thread::sleep(due.map_or(TICK, |due| due.min(TICK)));
            continue;
        }
        IS_ASLEEP.store(true, Ordering::SeqCst);
        thread::sleep(TICK);
        if !self::look().has_calls {
            thread::park_timeout(LONGEST_SLEEP);
        }
        IS_ASLEEP.store(false, Ordering::Relaxed);
        idle_ticks = 0;
    }
}

/// The calls, as the monitor found them.
struct Look {
    /// True if a call is running, or was since the last look.
    has_calls: bool,
    /// The next deadline.
    due: Option<Instant>,
}

/// Looks at all calls, and stops those past their deadline.
fn look() -> Look {
    let now = Instant::now();
    let mut found = Look { has_calls: false, due: None };
    records().retain_mut(|(record, before)| {
        let call = record.look();
        let since = match before {
            Some((before, since)) if before.is(&call) => *since,
            _ => {
                found.has_calls = true;
                // Not `now`, which can be from before the call.
                Instant::now()
            }
        };
        *before = Some((call, since));
        if !call.is_running() {
            // If only this list has it, its thread has ended.
            return Arc::strong_count(record) > 1;
        }
        found.has_calls = true;
        let due = since.checked_add(call.limit);
        if due.is_some_and(|due| due <= now) {
            record.stop(&call);
        } else {
            found.due = [found.due, due].into_iter().flatten().min();
        }
        true
    });
    found
}
