//! Progress on standard error: a bar on a terminal, and elsewhere a line every so often; and
//! Ctrl-C.

use crate::report::Look;
use crate::validate::supervise::Observer;
use crate::{Error, Result};
use console::truncate_str;
use indicatif::{ProgressBar, ProgressState, ProgressStyle};
use std::fmt::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

static STOPPED: AtomicBool = AtomicBool::new(false);

pub use super::streams::say;

/// The interval between two lines of progress in a log.
const EVERY: Duration = Duration::from_secs(10);

/// Steps of the bar per case, so that it moves within a case.
const STEPS: u64 = 100;

/// A progress bar; while it exists, Ctrl-C ends the run early.
pub struct Bar {
    bar: ProgressBar,
    /// Ends the thread that writes lines, by being dropped.
    _lines: Option<Sender<()>>,
}

impl Bar {
    /// Draws a bar of this number of cases, with the time of all of them if it is known. From then
    /// on, Ctrl-C and SIGTERM end the run after a round; a second one ends the program at once.
    pub fn new(cases: usize, expected: Option<Duration>) -> Result<Self> {
        catch_interrupts()?;
        let template = "{bar:10} {cases} {elapsed}, {left}  {wide_msg}";
        let style = ProgressStyle::with_template(template)
            .map_err(|error| Error::Machine(format!("cannot draw the bar: {error}")))?;
        let left = move |state: &ProgressState, to: &mut dyn Write| {
            let done = (state.pos(), state.len().unwrap_or(0));
            let _ = to.write_str(&left(state.elapsed(), done, expected));
        };
        let cases_done = move |state: &ProgressState, to: &mut dyn Write| {
            let _ = write!(to, "{}/{cases}", state.pos() / STEPS);
        };
        let style = style.with_key("left", left).with_key("cases", cases_done);
        let bar = ProgressBar::new(cases as u64 * STEPS).with_style(style);
        let lines = match bar.is_hidden() {
            true => Some(lines(&bar, expected)?),
            false => {
                bar.enable_steady_tick(Duration::from_secs(1));
                None
            }
        };
        Ok(Self { bar, _lines: lines })
    }

    /// Shows a step of the current case.
    pub fn shows(&self, what: &str) {
        self.bar.set_message(what.to_owned());
    }

    /// Shows which share of the current case is done.
    pub fn reached(&self, share: f64) {
        let steps = (share.clamp(0.0, 1.0) * STEPS as f64) as u64;
        let done = self.bar.position() / STEPS * STEPS;
        if self.bar.length().is_none_or(|all| done < all) {
            self.bar.set_position(done + steps.min(STEPS - 1));
        }
    }
}

/// Writes a line at each interval, until the returned sender is dropped.
fn lines(bar: &ProgressBar, expected: Option<Duration>) -> Result<Sender<()>> {
    let (lives, ended) = mpsc::channel::<()>();
    let bar = bar.clone();
    let write = move || {
        while ended.recv_timeout(EVERY) == Err(RecvTimeoutError::Timeout) {
            let (elapsed, all) = (bar.elapsed(), bar.length().unwrap_or(0));
            let line = format!(
                "{} of {} done, {} elapsed, {}: {}",
                bar.position() / STEPS,
                all / STEPS,
                clock(elapsed),
                left(elapsed, (bar.position(), all), expected),
                bar.message()
            );
            say(&truncate_str(&line, Look::default().width, "…"));
        }
    };
    let started = thread::Builder::new().name("progress".to_owned()).spawn(write);
    started.map_err(Error::thread)?;
    Ok(lives)
}

/// Returns the remaining time as text: by the expected time, or by the cases that are done where
/// that is unknown or exceeded.
fn left(elapsed: Duration, (done, all): (u64, u64), expected: Option<Duration>) -> String {
    let planned = expected.and_then(|expected| expected.checked_sub(elapsed));
    let by_cases = || {
        let share = all.saturating_sub(done) as f64 / done as f64;
        (0 < done && done < all).then(|| elapsed.mul_f64(share))
    };
    planned.or_else(by_cases).map_or_else(
        || "nobody knows how long".to_owned(),
        |left| format!("about {} left", clock(left)),
    )
}

/// `1 h 05 min`, `2 min 10 s`, `35 s`
fn clock(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} min", seconds / 3_600, seconds / 60 % 60),
    }
}

impl Observer for Bar {
    fn begins(&self, what: &str) {
        self.shows(what);
    }

    fn done(&self) {
        // What is only found to be needed on the way, such as samples of what regressed, was not
        // among the cases.
        let done = (self.bar.position() / STEPS + 1) * STEPS;
        self.bar.set_position(done.min(self.bar.length().unwrap_or(done)));
    }

    fn stopped(&self) -> bool {
        STOPPED.load(Ordering::Relaxed)
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

fn catch_interrupts() -> Result<()> {
    static CAUGHT: AtomicBool = AtomicBool::new(false);
    if CAUGHT.swap(true, Ordering::Relaxed) {
        return Ok(());
    }
    super::signals::on_stop(|| {
        if STOPPED.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
        say("\nstopping after this round; press Ctrl-C again to end at once");
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_what_was_planned_and_then_what_the_cases_say() {
        let seconds = Duration::from_secs;
        let left = |elapsed, done, expected: Option<u64>| {
            left(seconds(elapsed), done, expected.map(seconds))
        };
        assert_eq!(left(35, (1, 3), Some(7_335)), "about 2 h 01 min left");
        assert_eq!(left(35, (1, 3), None), "about 1 min 10 s left");
        assert_eq!(left(35, (1, 3), Some(30)), "about 1 min 10 s left");
        assert_eq!(left(35, (0, 3), Some(30)), "nobody knows how long");
        assert_eq!(left(0, (0, 0), None), "nobody knows how long");
    }
}
