//! What a person sees while they wait: on standard error, and a bar only on a terminal.

use crate::{Error, Result};
use indicatif::{ProgressBar, ProgressStyle};
use std::sync::atomic::{AtomicBool, Ordering};

static STOPPED: AtomicBool = AtomicBool::new(false);

/// One step of the work.
pub fn say(step: &str) {
    eprintln!("{step}");
}

/// A bar of so many steps; nothing at all where no terminal is.
pub fn bar(steps: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {msg}");
    let bar = ProgressBar::new(steps);
    match style {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

/// From now on, Ctrl-C and a request to terminate are kept for [`stopped`] to tell; a
/// second one ends the program at once.
pub fn catch_interrupts() -> Result<()> {
    let handler = || {
        if STOPPED.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
        eprintln!("\nstopping after this round; once more to end at once");
    };
    ctrlc::set_handler(handler)
        .map_err(|error| Error::Machine(format!("cannot catch Ctrl-C: {error}")))
}

/// Whether the person has had enough.
pub fn stopped() -> bool {
    STOPPED.load(Ordering::Relaxed)
}
