//! Progress on standard error, with a bar on terminals, and Ctrl-C.

use crate::validate::supervise::Observer;
use crate::{Error, Result};
use indicatif::{ProgressBar, ProgressStyle};
use std::sync::atomic::{AtomicBool, Ordering};

static STOPPED: AtomicBool = AtomicBool::new(false);

pub use super::streams::say;

/// A progress bar; while it exists, Ctrl-C ends the run early.
pub struct Bar(ProgressBar);

impl Bar {
    /// Draws a bar of so many cases. From then on, Ctrl-C and SIGTERM end the run after a round; a
    /// second one ends the program at once.
    pub fn new(cases: usize) -> Result<Self> {
        catch_interrupts()?;
        let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {msg} ({eta} left)")
            .map_err(|error| Error::Machine(format!("cannot draw the bar: {error}")))?;
        Ok(Self(ProgressBar::new(cases as u64).with_style(style)))
    }
}

impl Bar {
    /// Shows a step of the current case.
    pub fn shows(&self, what: &str) {
        self.0.set_message(what.to_owned());
    }
}

impl Observer for Bar {
    fn begins(&self, what: &str) {
        self.0.set_message(what.to_owned());
    }

    fn done(&self) {
        self.0.inc(1);
    }

    fn stopped(&self) -> bool {
        STOPPED.load(Ordering::Relaxed)
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

fn catch_interrupts() -> Result<()> {
    static CAUGHT: AtomicBool = AtomicBool::new(false);
    if CAUGHT.swap(true, Ordering::Relaxed) {
        return Ok(());
    }
    let handler = || {
        if STOPPED.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
        say("\nstopping after this round; press Ctrl-C again to end at once");
    };
    ctrlc::set_handler(handler)
        .map_err(|error| Error::Machine(format!("cannot catch Ctrl-C: {error}")))
}
